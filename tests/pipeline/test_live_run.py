"""Live equals replay, bit for bit, however samples were cut and interleaved; safety speaks at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tallrun import simulate
from tallrun.coaching import CueStart, plan_session
from tallrun.numerics.recording import Recording, SampleBlock
from tallrun.pipeline import PipelineSetup, belt_readings
from tallrun.pipeline.live_run import LiveRun, LiveSetup, Safety
from tallrun.pipeline.replay import replay_run
from tallrun.pipeline.taps import Tap
from tallrun.recovery import Protocol
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


def make(*bouts, seed=3):
    programme = simulate.Programme((simulate.Bout("stand", 8.0), *bouts))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0), seed=seed)
    feet = {name: item for name, item in recording.sensors.items() if name != "pelvis"}
    return replace(recording, sensors=feet)


@pytest.fixture(scope="module")
def slow_feet() -> Recording:
    return make(simulate.Bout("run", 60.0, 2.8), simulate.Bout("run", 100.0, 2.8, cadence_shift_spm=-14.0))


@pytest.fixture(scope="module")
def limp() -> Recording:
    return make(simulate.Bout("run", 50.0, 2.8), simulate.Bout("run", 60.0, 2.8, contact_asymmetry_pct=15.0))


def setup_for(recording):
    return LiveSetup(
        pipeline=PipelineSetup.of(recording),
        plan=plan_session(170.0, learning_s=60.0, probe_s=20.0),
        protocol=PROTOCOL,
    )


def run_live(recording, rng, taps=(), jitter_s=0.2):
    """Feed blocks of 60-150 ms, each sensor with its own delay, as a radio would."""
    run = LiveRun(setup_for(recording))
    events = []
    arrivals = []
    for name, item in recording.sensors.items():
        at = 0
        while at < item.t_s.size:
            stop = min(item.t_s.size, at + int(rng.integers(12, 30)))
            gyr = None if item.gyr_radps is None else item.gyr_radps[at:stop]
            block = SampleBlock(name, item.t_s[at:stop], item.acc_mps2[at:stop], gyr)
            arrivals.append((item.t_s[stop - 1] + 0.02, name, block))
            at = stop
    # a burst holds one sensor back, never out of its own order
    held = {name: -np.inf for name in recording.sensors}
    late = []
    for time_s, name, block in arrivals:
        held[name] = max(held[name], time_s + rng.uniform(0.0, jitter_s) * (rng.random() < 0.2))
        late.append((held[name], block))
    late.sort(key=lambda pair: pair[0])
    readings = belt_readings(recording)
    for reading in readings:
        events += run.feed_treadmill(reading)
    waiting = sorted(taps, key=lambda pair: pair[0])
    for time_s, block in late:
        while waiting and waiting[0][0] <= time_s:
            events += run.tap(waiting.pop(0)[1])
        events += run.feed(block)
    return run, events + run.finish()


def cues(run):
    return [item for item in run.coach_events if isinstance(item, CueStart)]


def test_live_equals_replay_cues_included(slow_feet, rng):
    runs = [run_live(slow_feet, rng)[0] for _ in range(2)]
    replayed = replay_run(slow_feet, setup_for(slow_feet))
    assert cues(replayed), "this run must be cued, or the test says nothing"
    for run in runs:
        assert run.coach_events == replayed.coach_events
        assert run.markers == replayed.markers
        assert run.gait.tables().strides.equals(replayed.gait.tables().strides)


def test_replay_gives_taps_their_recorded_effect(limp, rng):
    taps = [(60.0, Tap("pain", 4)), (75.0, Tap("limping"))]
    run, _ = run_live(limp, rng, taps)
    recorded = replace(limp, markers=tuple(item for item in run.markers))
    replayed = replay_run(recorded, setup_for(limp), piece_s=7.0)
    assert [item.action for item in replayed.safety_events] == [item.action for item in run.safety_events]
    assert replayed.safety_events == run.safety_events
    assert [item for item in replayed.markers if item.kind == "stop"] == [
        item for item in run.markers if item.kind == "stop"
    ]


def test_a_limp_with_pain_stops_the_run_within_twenty_seconds(limp, rng):
    run, _ = run_live(limp, rng, [(52.0, Tap("pain", 4)), (52.2, Tap("pain", 4))])
    stops = [item for item in run.safety_events if item.action.action == "STOP"]
    assert stops
    assert stops[0].at_s - 58.0 <= 20.0


def test_limp_alone_asks_and_stops_without_an_answer(limp, rng):
    run, _ = run_live(limp, rng)
    kinds = [item.action.action for item in run.safety_events]
    assert kinds[0] == "ASK"
    assert 58.0 <= run.safety_events[0].at_s <= 78.0


def test_pain_silences_the_coach_at_once(slow_feet, rng):
    run, events = run_live(slow_feet, rng, [(100.0, Tap("pain", 6))])
    stop = next(item for item in events if isinstance(item, Safety))
    assert (stop.action.action, stop.action.rule) == ("STOP", "LV1")
    assert not [cue for cue in cues(run) if cue.at_s > stop.at_s]
    assert run.view(110.0).stop is not None


def test_questions_go_on_when_every_sensor_is_silent(slow_feet):
    run = LiveRun(setup_for(slow_feet))
    run.tick(1.0)
    run.tap(Tap("pain", 5))
    events = []
    for second in range(2, 260):
        events += run.tick(float(second))
    actions = [item.action.action for item in events if isinstance(item, Safety)]
    assert actions == ["ASK", "STOP"]


def test_unknown_cadence_is_unknown(slow_feet):
    view = LiveRun(setup_for(slow_feet)).view(0.0)
    assert view.cadence_spm is None
    assert view.band is None
    assert view.is_learning
