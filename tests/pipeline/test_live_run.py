"""Live equals replay, bit for bit, however samples were cut and interleaved; safety speaks at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tallrun import simulate
from tallrun.coaching import CueEnd, CueStart, lay_out, plan_session
from tallrun.numerics.recording import Recording, SampleBlock
from tallrun.pipeline import PipelineSetup, analyse, belt_readings
from tallrun.pipeline.live_run import LiveRun, LiveSetup, Safety, _Splits
from tallrun.pipeline.replay import replay_run
from tallrun.pipeline.setup_record import KEY, known_setup, setup_record
from tallrun.pipeline.taps import Tap
from tallrun.pipeline.way import way_m
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


def run_live(recording, rng, taps=(), jitter_s=0.2, setup=None):
    """Feed blocks of 60-150 ms, each sensor with its own delay, as a radio would."""
    run = LiveRun(setup or setup_for(recording))
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


def interval_setup(recording, parts=None):
    parts = parts or lay_out(3, 40.0, 12.0, 10.0, 10.0)
    run_s = sum(item.length_s for item in parts if item.kind == "run")
    plan = plan_session(run_s, learning_s=30.0, probe_s=10.0)
    return replace(setup_for(recording), plan=plan, intervals=parts, rung="V1")


INTERVAL_TAPS = [
    [(4.0, Tap("skip", item="0")), (30.0, Tap("repeat", item="1")), (100.0, Tap("skip", item="4"))],
    [(20.0, Tap("pain", 4)), (85.0, Tap("pain", 1)), (120.0, Tap("end_early", item="5"))],
    [(30.0, Tap("skip", item="1")), (31.0, Tap("limping"))],
]


@pytest.mark.parametrize("taps", INTERVAL_TAPS, ids=str)
def test_intervals_live_equal_their_replay(slow_feet, rng, taps):
    run, _ = run_live(slow_feet, rng, taps, setup=interval_setup(slow_feet))
    recorded = replace(slow_feet, markers=tuple(run.markers), info={KEY: setup_record(run.setup)})
    known = known_setup(recorded, PROTOCOL)
    assert (known.setup.intervals, known.setup.rung) == (run.setup.intervals, "V1")
    assert known.is_recorded
    replayed = replay_run(recorded, interval_setup(slow_feet), piece_s=60.0)
    assert replayed.part_changes == run.part_changes
    assert replayed.schedule == run.schedule
    assert replayed.coach_events == run.coach_events
    assert replayed.safety_events == run.safety_events
    assert run.part_changes[0].part.kind == "warm_up"


def test_cues_come_in_run_parts_only(slow_feet, rng):
    run, _ = run_live(slow_feet, rng, setup=interval_setup(slow_feet, lay_out(2, 70.0, 12.0, 10.0, 0.0)))
    assert cues(run), "this run must be cued, or the test says nothing"
    for cue in cues(run):
        part = run.schedule.part_at(cue.at_s)
        assert part.kind == "run"
        assert cue.at_s - part.start_s >= 10.0
        end = next(
            item for item in run.coach_events if isinstance(item, CueEnd) and item.cue_id == cue.cue_id
        )
        assert end.at_s <= part.end_s


def test_a_walk_for_pain_holds_the_intervals_and_stop_ends_them(slow_feet, rng):
    run = LiveRun(interval_setup(slow_feet))
    run.tick(26.0)
    run.tap(Tap("pain", 4))
    held = run.view(30.0).interval
    assert held.is_held
    assert not run.is_open(Tap("skip", item="1"))
    left_s = held.left_s
    run.tick(60.0)
    assert run.view(60.0).interval.left_s == left_s
    walk_s = PROTOCOL.live.ask_walk_s
    run.tick(27.0 + walk_s)
    run.tap(Tap("pain", 1))
    on = run.view(26.0 + walk_s).interval
    assert not on.is_held
    assert on.part.kind == "run"
    assert on.left_s == pytest.approx(left_s)
    run.tap(Tap("limping"))
    assert run.view(30.0 + walk_s).interval is None
    run.tick(500.0)
    run.finish()
    assert run.schedule.run_s(500.0) == pytest.approx(15.0)


def test_splits_are_told_where_the_speed_is_known(slow_feet, rng):
    parts = lay_out(1, 150.0, 0.0, 10.0, 10.0)
    run, _ = run_live(slow_feet, rng, setup=interval_setup(slow_feet, parts))
    assert run.splits_s == ()  # no kilometre yet
    splits = _Splits()
    for second in range(801):
        splits.add(float(second), 2.5)
    assert splits.km_s == pytest.approx((400.0, 400.0))
    splits.add(810.0, 2.5)
    assert splits.km_s is None


def test_the_way_of_the_live_page_is_that_of_the_report(slow_feet):
    run = run_live(slow_feet, np.random.default_rng(5))[0]
    told = way_m(analyse(slow_feet).tables.strides, ("run",))
    assert run.view(run.gait.end_s).run_m == pytest.approx(told, rel=0.02)
