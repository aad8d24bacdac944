"""Three emulated sensors on a bad day: recorded, broken off, read again, and decoded again bit by bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from support.records import runner_in
from support.virtual_radio import CONFIGS, RATE_HZ, numbered_recording, sample_numbers
from tallrun.ble import SensorSession
from tallrun.ble.faults import FaultScript
from tallrun.cli.app import build_app
from tallrun.errors import UsageError
from tallrun.journal import advice, offers, today
from tallrun.journal.desk import Records
from tallrun.live.cut_off import finish_interrupted, note_begun
from tallrun.live.demo import invent_runner
from tallrun.live.devices import Emulation, open_air, run_radio
from tallrun.live.rebuild import bindings_of, consume, rebuild, start_info
from tallrun.live.run import endings
from tallrun.numerics.recording import HeartRate, Recording, RunnerProfile, SampleBlock, Treadmill
from tallrun.pipeline.taps import Tap, tap_marker
from tallrun.recovery import wording
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sessions import read_session, write_session
from tallrun.sessions.recorder import FlightRecorder, read_packets
from tallrun.store import Store

pytestmark = pytest.mark.radio
SECONDS = 90.0
BAD_DAY = """
seed = 11
[all]
loss = 0.02
burst_every_s = 3.0
burst_hold_s = [0.06, 0.2]
[foot_left]
skew_ppm = -60.0
[foot_right]
skew_ppm = 60.0
[pelvis]
skew_ppm = 15.0
"""
RUNNER = RunnerProfile(1.75, 0.93, 70.0)


def a_session(seconds: float) -> Recording:
    return Recording(
        numbered_recording(seconds).sensors,
        Treadmill(np.array([0.0, 20.0]), np.array([2.5, 3.0]), np.array([0.0, 1.0])),
        HeartRate(np.array([0.0, 10.0]), np.array([110.0, 140.0])),
        runner=RUNNER,
        info={"context": {"surface": "treadmill"}},
    )


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One recorded run: what the consumer saw live, the folder, and when the recording began."""
    folder = tmp_path_factory.mktemp("flown")
    emulation = Emulation(a_session(SECONDS), FaultScript.from_toml(BAD_DAY), {}, None)
    seen: list[Any] = []
    found: dict[str, Any] = {"folder": folder / "run", "live": seen}

    async def main() -> None:
        import asyncio

        async with open_air(folder, emulation) as air, SensorSession(air.worn, air.radio) as session:
            start_s = asyncio.get_running_loop().time() - session.now_s
            found["start"] = start_info(air.worn, {}, {}, session.now_s, RUNNER)
            recorder = FlightRecorder(found["folder"], found["start"], auto_flush=False)
            ingest = Ingest([Binding(worn.sensor, worn.config) for worn in air.worn])
            tasks = [asyncio.create_task(item) for item in endings(session, air, None)]
            await consume(
                session, recorder, ingest, lambda now_s, events: seen.extend(events), flush_in_thread=False
            )
            await asyncio.gather(*tasks)
            found["begin_s"] = await air.virtual.begin_s() - start_s
            found["ledger"], found["status"] = air.virtual.ledger, ingest.status()
            recorder.close()

    run_radio(main(), emulation)
    return found


def test_packets_decoded_again_give_bit_identical_events(flown: dict[str, Any]) -> None:
    used = bindings_of(flown["start"], CONFIGS)
    ingest = Ingest([Binding(place, config) for place, config in used.items()])
    again = [
        event for packet in read_packets(flown["folder"]) for event in ingest.feed(*packet)
    ] + ingest.finish()
    assert len(again) == len(flown["live"]) > 1000
    for live, later in zip(flown["live"], again, strict=True):
        assert type(live) is type(later)
        if isinstance(live, SampleBlock):
            assert live.placement == later.placement
            for name in ("t_s", "acc_mps2", "gyr_radps"):
                assert getattr(live, name).tobytes() == getattr(later, name).tobytes()
        else:
            assert live == later


def test_clocks_of_the_sensors_agree_within_five_milliseconds(flown: dict[str, Any]) -> None:
    errors: dict[str, np.ndarray] = {}
    seconds = np.arange(15.0, SECONDS - 1.0)
    for place in ("foot_left", "foot_right", "pelvis"):
        blocks = [
            event for event in flown["live"] if isinstance(event, SampleBlock) and event.placement == place
        ]
        t_s, number = sample_numbers(blocks)
        second = np.floor(number / RATE_HZ)
        late_s = t_s - number / RATE_HZ - flown["begin_s"]
        errors[place] = np.array([np.median(late_s[second == item]) for item in seconds])
        assert flown["ledger"][place].lost > 5
    for place in ("foot_right", "pelvis"):
        apart_s = np.abs(errors[place] - errors["foot_left"])
        assert np.percentile(apart_s, 95) <= 0.005


def test_nothing_but_the_lost_packets_is_missing(flown: dict[str, Any]) -> None:
    for place in ("foot_left", "foot_right", "pelvis"):
        status, ledger = flown["status"][place], flown["ledger"][place]
        assert status.samples == 19 * ledger.delivered
        assert status.unknown_packets == 0
        assert status.missing_samples <= 19 * ledger.lost


def test_pain_tapped_in_a_run_that_a_power_cut_ended_reaches_the_records(flown, tmp_path):
    started = datetime.fromisoformat(flown["start"]["started_at"])
    recorder = FlightRecorder(tmp_path / "sessions" / "cut", flown["start"], auto_flush=False)
    for packet in read_packets(flown["folder"]):
        recorder.append(*packet)
    recorder.append_marker(60.0, tap_marker(40.0, Tap("pain", 6)))
    recorder.append_marker(60.0, tap_marker(59.0, Tap("held", item="limping")))
    recorder.close()
    with Store.open(tmp_path) as store:
        mine = Records(store, runner_in(store, now=started - timedelta(days=9)), started + timedelta(hours=1))
        said: list[str] = []
        finish_interrupted(tmp_path / "sessions", tmp_path, said.append)
        (waiting,) = offers.waiting(mine, mine.now)
        assert waiting.told.scores == ((40.0, 6),)
        assert {"LV1"} <= set(waiting.run.live_rules)
        told = advice.advise(mine)
    assert told.state not in ("RUN", "WALK")
    assert len(said) == 1
    assert "cut off" in said[0]


def test_a_cut_off_run_goes_to_the_records_it_was_begun_for_wherever_it_lies(flown, tmp_path):
    started = datetime.fromisoformat(flown["start"]["started_at"])
    waits = {}
    for name in ("mine", "others"):
        with Store.open(tmp_path / name) as store:
            runner_in(store, now=started - timedelta(days=9))
    recorder = FlightRecorder(tmp_path / "elsewhere" / "cut", flown["start"], auto_flush=False)
    note_begun(tmp_path / "mine", tmp_path / "elsewhere" / "cut")
    for packet in read_packets(flown["folder"]):
        recorder.append(*packet)
    recorder.append_marker(60.0, tap_marker(40.0, Tap("pain", 6)))
    recorder.close()
    said: list[str] = []
    for name, root in (("mine", tmp_path / "mine" / "sessions"), ("others", tmp_path / "elsewhere")):
        finish_interrupted(root, tmp_path / name, said.append)
        with Store.open(tmp_path / name) as store:
            mine = Records(store, store.find_runner(None), started + timedelta(hours=1))
            waits[name] = [item.told.scores for item in offers.waiting(mine, mine.now)]
    assert waits == {"mine": [((40.0, 6),)], "others": []}
    assert len(said) == 1
    assert json.loads((tmp_path / "mine" / "begun.json").read_text()) == {}


def test_a_cut_off_run_goes_to_the_runner_it_was_of_also_when_its_session_was_made_already(flown, tmp_path):
    """As when the power goes a second time, between the session and the index."""
    started = datetime.fromisoformat(flown["start"]["started_at"])
    recorder = FlightRecorder(tmp_path / "elsewhere" / "cut", flown["start"], auto_flush=False)
    for packet in read_packets(flown["folder"]):
        recorder.append(*packet)
    recorder.close()
    finish_interrupted(tmp_path / "elsewhere", tmp_path / "nobody", lambda line: None)
    with Store.open(tmp_path / "records") as store:
        for code in ("ann", "ben"):
            runner_in(store, code, started - timedelta(days=9))
    note_begun(tmp_path / "records", tmp_path / "elsewhere" / "cut", "ben")
    finish_interrupted(tmp_path / "records" / "sessions", tmp_path / "records", lambda line: None)
    with Store.open(tmp_path / "records") as store:
        found = {code: len(store.sessions(runner_id)) for code, runner_id in store.runner_codes().items()}
    assert found == {"ann": 0, "ben": 1}


def test_advice_is_never_freer_for_a_run_that_was_cut_off(flown, tmp_path):
    """Named as begun it holds the advice; brought back by the command it is offered; each without a server."""
    evening = datetime.fromisoformat("2026-03-05T18:00:00+01:00")
    invent_runner(tmp_path, evening)
    place = tmp_path / "sessions" / "cut"
    began = (evening - timedelta(minutes=20)).isoformat()
    recorder = FlightRecorder(place, flown["start"] | {"started_at": began}, auto_flush=False)
    with Store.open(tmp_path) as store:
        mine = Records(store, store.find_runner(None), evening)

        def told() -> tuple[str, set[str], str]:
            found = advice.advise(mine)
            asks = " ".join(item.action or "" for item in found.way_out)
            assert advice.ladder(mine)["state"] == found.state
            return found.state, {row["question"] for row in today.due(mine)} & {"run", "count"}, asks

        assert told()[:2] == ("RUN", {"run"})
        note_begun(tmp_path, place, "demo")
        for packet in read_packets(flown["folder"]):
            recorder.append(*packet)
        recorder.flush(SECONDS)
        state, asked, asks = told()
        assert (state, asked) == ("REST_DAY", set())
        assert "End the run that is being recorded (cut)" in asks
        recorder.close()
        state, asked, asks = told()
        assert (state, asked) == ("REST_DAY", set())
        assert "cut off (cut)" in asks
        listed = run("due", "--as-of", evening.isoformat(), data_dir=tmp_path).output
        assert listed.startswith("now    recover ")
        assert "Log today's run" not in listed
        log = place / "packets.arrow"
        whole = log.read_bytes()
        log.write_bytes(b"torn")
        assert told()[0] == "REST_DAY"
        log.write_bytes(whole)
        assert run("recover", str(place), data_dir=tmp_path).exit_code == 0
        assert told()[:2] == ("REST_DAY", {"count"})
        # by its own clock the run is not over: emulated and played fast, or a clock that was set back
        mine = Records(store, mine.runner_id, evening - timedelta(minutes=19.5))
        assert told()[:2] == ("REST_DAY", set())
        assert json.loads((tmp_path / "begun.json").read_text()) == {}


@pytest.mark.parametrize("text", [b"{torn", b"\xff\xfe", b"3"])
def test_a_list_of_begun_runs_that_cannot_be_read_holds_the_advice_and_says_what_to_do(tmp_path, text):
    evening = datetime.fromisoformat("2026-03-05T18:00:00+01:00")
    invent_runner(tmp_path, evening)
    listed, aside = tmp_path / "begun.json", tmp_path / "begun-unreadable.json"
    listed.write_bytes(text)
    with Store.open(tmp_path) as store:
        mine = Records(store, store.find_runner(None), evening)

        def told() -> tuple[str, str]:
            found = advice.advise(mine)
            return found.state, " ".join([*found.notices, *(item.action or "" for item in found.way_out)])

        state, words = told()
        assert state == "REST_DAY"
        assert "Which runs were begun is not known" in words
        assert "(begun.json, beside your records) cannot be read" in words
        assert not wording.lint(words)
        note_begun(tmp_path, tmp_path / "sessions" / "new", "demo")
        assert json.loads(listed.read_text()), "the new run is noted"
        listed.write_text("{}")
        assert told()[0] == "REST_DAY", "what the old list named is still not known"
        aside.unlink()
        assert told()[0] == "RUN"


def test_a_score_tapped_in_a_run_that_was_cut_off_is_held_before_it_is_brought_back(flown, tmp_path):
    evening = datetime.fromisoformat("2026-03-05T18:00:00+01:00")
    invent_runner(tmp_path, evening)
    place = tmp_path / "elsewhere" / "cut"
    began = (evening - timedelta(minutes=20)).isoformat()
    recorder = FlightRecorder(place, flown["start"] | {"started_at": began}, auto_flush=False)
    recorder.append_marker(60.0, tap_marker(40.0, Tap("pain", 6)))
    recorder.close()
    note_begun(tmp_path, place, "demo")
    with Store.open(tmp_path) as store:
        mine = Records(store, store.find_runner(None), evening)
        assert advice.advise(mine).state == "REST48"


def test_a_session_that_was_made_but_not_indexed_is_held_and_recover_indexes_it(flown, tmp_path):
    """As when the program is killed while the run is analysed."""
    evening = datetime.fromisoformat("2026-03-05T18:00:00+01:00")
    invent_runner(tmp_path, evening)
    place = tmp_path / "elsewhere" / "cut"
    began = (evening - timedelta(minutes=20)).isoformat()
    recorder = FlightRecorder(place, flown["start"] | {"started_at": began}, auto_flush=False)
    for packet in read_packets(flown["folder"]):
        recorder.append(*packet)
    recorder.close()
    assert run("recover", str(place), data_dir=tmp_path / "nobody").exit_code == 0
    note_begun(tmp_path, place, "demo")
    with Store.open(tmp_path) as store:
        mine = Records(store, store.find_runner(None), evening)
        assert advice.advise(mine).state == "REST_DAY"
        result = run("recover", str(place), data_dir=tmp_path)
        assert "a session already" in result.output
        assert [row.folder for row in store.sessions(mine.runner_id)] == [place]
        assert advice.advise(mine).state == "REST_DAY"


def test_a_run_that_was_broken_off_is_rebuilt_from_its_packets(flown: dict[str, Any], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(flown["folder"], broken)
    log = broken / "packets.arrow"
    log.write_bytes(log.read_bytes()[: -(log.stat().st_size // 3)])
    old = log.stat().st_mtime - 100
    for path in broken.iterdir():
        os.utime(path, (old, old))
    emulated = tmp_path / "emulated"
    write_session(emulated, a_session(5.0))
    result = run(
        "record", "--out", str(tmp_path / "next"), "--emulate", str(emulated), data_dir=tmp_path / "data"
    )
    assert result.exit_code == 0, result.output
    assert "An earlier run was cut off" in result.output
    back = read_session(broken)
    assert 40.0 < back.sensors["foot_left"].t_s[-1] < 70.0
    assert back.info["recovered"] is True
    whole = rebuild(flown["start"], read_packets(flown["folder"]), CONFIGS)
    n = back.sensors["foot_left"].t_s.size
    assert n > 5000
    # a packet or two may wait for a missing one when the log ends
    np.testing.assert_array_equal(
        back.sensors["foot_left"].t_s[: n - 200], whole.sensors["foot_left"].t_s[: n - 200]
    )


def run(*arguments: str, data_dir: Path) -> Any:
    return CliRunner().invoke(build_app(), [*arguments, "--data-dir", str(data_dir)])


@pytest.fixture
def emulated(tmp_path: Path) -> Path:
    folder = tmp_path / "emulated"
    write_session(folder, a_session(8.0))
    return folder


def test_record_writes_a_session_that_opens(emulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(
        "record", "--emulate", str(emulated), "--out", str(out), "--model", "pelvis=movella-dot", "--json",
        data_dir=tmp_path / "data",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert set(summary["sensors"]) == {"foot_left", "foot_right", "pelvis", "treadmill", "heart_rate"}
    assert all(summary["sensors"][place]["loss_pct"] == 0 for place in ("foot_left", "foot_right", "pelvis"))
    recording = read_session(out)
    assert recording.runner == RUNNER
    assert recording.context == {"surface": "treadmill"}
    assert recording.sensors["pelvis"].spec.model == "movella-dot"
    assert recording.sensors["pelvis"].spec.rate_hz == pytest.approx(60, rel=1e-3)
    assert recording.sensors["foot_left"].t_s.size > 1600
    assert recording.treadmill.speed_mps[0] == pytest.approx(2.5)
    assert recording.heart_rate.bpm[0] == 110
    assert "emulated" in recording.info["source"]
    assert set(recording.info["bindings"]) == set(summary["sensors"])
    assert out.stat().st_mode & 0o077 == 0


def test_record_stops_after_the_minutes_asked_for(emulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(
        "record",
        "--emulate",
        str(emulated),
        "--out",
        str(out),
        "--minutes",
        "0.1",
        data_dir=tmp_path / "data",
    )
    assert result.exit_code == 0, result.output
    assert 4.5 < read_session(out).sensors["foot_left"].t_s[-1] <= 6.8


def test_what_cannot_work_is_refused_with_one_sentence(emulated: Path, tmp_path: Path) -> None:
    def error(*arguments: str) -> str:
        result = run(*arguments, data_dir=tmp_path / "data")
        assert result.exit_code == 1
        return " ".join(str(result.exception).split())

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    new = str(tmp_path / "new")
    assert "exists already" in error("record", "--emulate", str(emulated), "--out", str(tmp_path / "full"))
    assert "belong to --emulate" in error("record", "--out", new, "--speed", "2")
    assert "PLACE=CONFIG" in error("record", "--out", new, "--emulate", str(emulated), "--model", "pelvis")
    assert "no firmware config 'nonsense'" in error(
        "record", "--out", new, "--emulate", str(emulated), "--model", "pelvis=nonsense"
    )
    assert "cannot be read" in error("record", "--out", new, "--emulate", str(emulated), "--faults", new)
    assert "no sensor is paired" in error("record", "--out", new)
    assert not Path(new).exists()


def test_a_sensor_without_a_gyroscope_cannot_be_played_as_one_with_it(emulated: Path, tmp_path: Path) -> None:
    session = read_session(emulated)
    bare = {place: replace(item, gyr_radps=None) for place, item in session.sensors.items()}
    emulation = Emulation(replace(session, sensors=bare), None, {}, None)

    async def main() -> None:
        async with open_air(tmp_path, emulation):
            pass

    with pytest.raises(UsageError, match="choose another model"):
        run_radio(main(), emulation)


def test_ctrl_c_ends_a_run_in_good_order(tmp_path: Path) -> None:
    """A real process, because signals reach nothing less; it plays in real time and is interrupted once it writes."""
    emulated, out = tmp_path / "emulated", tmp_path / "out"
    write_session(emulated, a_session(60.0))
    arguments = [
        "record",
        "--emulate",
        emulated,
        "--out",
        out,
        "--speed",
        "1",
        "--data-dir",
        tmp_path / "data",
    ]
    code = f"from tallrun.cli import main; main({[str(item) for item in arguments]!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    log = out / "packets.arrow"
    deadline_s = time.monotonic() + 60.0
    while not (log.exists() and log.stat().st_size > 20_000):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "Stopping." in told
    assert "Saved:" in output
    assert read_session(out).sensors["foot_left"].t_s.size > 100
