"""A session replayed from its packets gives the tables of the live run bit for bit, and says what it read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.report_sources import PROTOCOL, RECORDINGS
from tallrun import simulate
from tallrun.ble import SensorSession
from tallrun.coaching import plan_session
from tallrun.errors import SessionError
from tallrun.live.devices import Emulation, load_configs, open_air, run_radio
from tallrun.live.from_packets import recording_from_packets
from tallrun.live.rebuild import consume, rebuild, start_info
from tallrun.live.run import endings
from tallrun.live.setup import specs_of
from tallrun.numerics.recording import SampleBlock
from tallrun.pipeline import PipelineSetup
from tallrun.pipeline.live_run import LiveRun, LiveSetup
from tallrun.pipeline.setup_record import KEY, setup_record
from tallrun.report.replay_data import replay
from tallrun.sensors.events import TreadmillReading
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sessions import read_session
from tallrun.sessions.recorder import OWN_SENSOR, FlightRecorder, read_packets

pytestmark = pytest.mark.radio


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """An emulated live run with its folder on disk: (folder of configs, session folder, the live run)."""
    folder = tmp_path_factory.mktemp("flown")
    programme = simulate.Programme((simulate.Bout("stand", 6.0), simulate.Bout("run", 45.0, 2.9)))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=4)
    emulation = Emulation(recording, None, {}, None)
    found = {}

    async def main():
        async with open_air(folder, emulation) as air, SensorSession(air.worn, air.radio) as session:
            setup = LiveSetup(
                PipelineSetup(specs=specs_of(air.worn)),
                plan_session(60.0, learning_s=20.0, probe_s=10.0),
                PROTOCOL,
            )
            run = LiveRun(setup)
            start = start_info(air.worn, {}, {}, session.now_s) | {KEY: setup_record(setup)}
            recorder = FlightRecorder(folder / "run", start, auto_flush=False)
            ingest = Ingest([Binding(worn.sensor, worn.config) for worn in air.worn])
            tasks = [asyncio.create_task(item) for item in endings(session, air, None)]

            def take(now_s, events):
                for event in events:
                    if isinstance(event, SampleBlock):
                        run.feed(event)
                    elif isinstance(event, TreadmillReading):
                        run.feed_treadmill(event)

            await consume(session, recorder, ingest, take, flush_in_thread=False)
            await asyncio.gather(*tasks)
            run.finish()
            found.update(run=run, start=start, recorder=recorder)

    run_radio(main(), emulation)
    packets = (item for item in read_packets(folder / "run") if item.sensor != OWN_SENSOR)
    recording = rebuild(found["start"], packets, load_configs(folder))
    found["recorder"].finalise(replace(recording, markers=tuple(found["run"].markers)))
    return folder, folder / "run", found["run"]


def test_from_packets_gives_the_tables_of_the_live_run_bit_for_bit(flown):
    folder, session, live = flown
    recording, notes = recording_from_packets(session, read_session(session), folder)
    assert notes[0] == "Samples were decoded anew from packets.arrow, not read from the frozen signals."
    done = replay(recording, PROTOCOL)
    was, now = live.gait.tables(), done.tables
    assert len(was.strides) > 100
    for name in was.strides.columns:
        assert was.strides[name].equals(now.strides[name]), name
    assert was.segments.equals(now.segments)
    assert was.timeline.equals(now.timeline)
    assert was.flags == now.flags
    assert live.coach_events == done.run.coach_events
    assert done.same_cues is True


def test_a_session_without_packets_says_so():
    session = RECORDINGS / "one_foot"
    with pytest.raises(SessionError, match=r"has no packets.arrow \(imported or simulated\)"):
        recording_from_packets(session, read_session(session), RECORDINGS)
