"""Run/walk intervals: gap-free, true to the level, and the same again for the same taps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.coaching import Schedule, lay_out
from tallrun.errors import UsageError
from tallrun.recovery import Protocol
from tallrun.recovery.rungs import RUNGS, shape
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


def planned_run_s(schedule: Schedule) -> float:
    return sum(part.length_s for part in schedule.parts if part.kind == "run")


def parts_of(rung, run_min=None):
    times, run, walk = shape(PROTOCOL, rung, run_min)
    return lay_out(times, 60.0 * run, 60.0 * walk)


def check(parts):
    assert all(item.length_s >= 0.0 for item in parts)
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))


@pytest.mark.parametrize("rung", RUNGS)
def test_run_minutes_of_every_level_are_those_of_its_parts(rung):
    parts = parts_of(rung)
    check(parts)
    assert parts[0].start_s == 0.0
    assert planned_run_s(Schedule(parts)) == pytest.approx(60.0 * PROTOCOL.run_min[rung])
    runs = [item for item in parts if item.kind == "run"]
    assert [item.index for item in runs] == list(range(1, len(runs) + 1))
    if rung == "V0":
        assert [item.kind for item in parts] == ["walk"]
        assert parts[0].length_s == 1800.0
    else:
        assert (parts[0].kind, parts[-1].kind) == ("warm_up", "cool_down")


def test_a_grown_dose_is_one_run():
    assert [item.length_s for item in parts_of("V9", 33.0)] == [300.0, 33.0 * 60.0, 300.0]


@pytest.mark.parametrize("wrong", [(-1, 60.0, 0.0), (2, 0.0, 60.0), (0, 0.0, 0.0), (1, float("nan"), 0.0)])
def test_what_is_no_session_is_refused(wrong):
    with pytest.raises(UsageError):
        lay_out(*wrong)


DEEDS = st.lists(
    st.tuples(
        st.floats(0.0, 900.0),
        st.sampled_from(["skip", "repeat", "end_early", "hold", "go_on"]),
        st.integers(-1, 2),
    ),
    max_size=12,
)


@given(rung=st.sampled_from(RUNGS[:10]), deeds=DEEDS)
def test_whatever_is_tapped_parts_stay_gap_free_and_the_past_stays(rung, deeds):
    schedule, now_s = Schedule(parts_of(rung)), 0.0
    for after_s, deed, ahead in deeds:
        now_s += after_s
        before_run_s, place = schedule.run_s(now_s), schedule.place_at(now_s)
        passed = [item for item in schedule.parts if item.end_s <= now_s]
        if deed in ("hold", "go_on"):
            schedule = getattr(schedule, deed)(now_s)
        else:
            schedule = getattr(schedule, deed)(now_s, (place or 0) + ahead)
        check(schedule.parts)
        if schedule.held_s is None:
            assert schedule.run_s(now_s) == pytest.approx(before_run_s)
        if deed != "go_on":  # what had passed on the wall while the clock was held never was
            assert list(schedule.parts[: len(passed)]) == passed
    end_s = schedule.parts[-1].end_s
    if schedule.held_s is None:
        assert schedule.run_s(end_s) == pytest.approx(planned_run_s(schedule))
        assert schedule.part_at(end_s) is None


def test_skip_repeat_and_end_early():
    plan = Schedule(parts_of("V1"))
    skipped = plan.skip(10.0, 0)
    assert skipped.part_at(10.0).kind == "run"
    assert planned_run_s(skipped) == planned_run_s(plan)
    again = skipped.repeat(40.0, 1)
    assert again.part_at(40.0).index == 1
    assert again.left_s(40.0) == 60.0
    assert planned_run_s(again) == planned_run_s(plan) + 30.0
    ended = skipped.end_early(40.0, 1)
    assert ended.part_at(40.0).kind == "cool_down"
    assert planned_run_s(ended) == 30.0
    assert ended.end_early(50.0, 2).part_at(50.0) is None


def test_a_tap_for_another_part_meets_nothing():
    plan = Schedule(parts_of("V1"))
    for deed in ("skip", "repeat", "end_early"):
        assert getattr(plan, deed)(400.0, 1) is plan  # the first run is over at 360 s
        assert getattr(plan, deed)(400.0, 7) is plan
        assert getattr(plan.hold(400.0), deed)(410.0, 2) == plan.hold(400.0)
    # the page is a moment ahead of what is known of the steps
    assert plan.skip(359.5, 2).part_at(360.0).kind == "run"


def test_a_walk_for_pain_lengthens_the_session_and_takes_no_run_away():
    held = Schedule(parts_of("V1")).hold(330.0)
    assert held.left_s(390.0) == 30.0
    assert not held.is_running(340.0)
    plan = held.go_on(450.0)
    check(plan.parts)
    assert plan.part_at(400.0).kind == "walk"
    assert (plan.part_at(450.0).kind, plan.left_s(450.0)) == ("run", 30.0)
    assert planned_run_s(plan) == 480.0


def test_blocks_count_on_the_time_of_running():
    plan = Schedule(parts_of("V1"))
    assert plan.plan_s(200.0) == 0.0
    assert plan.plan_s(330.0) == 30.0
    assert plan.plan_s(400.0) == 60.0
    assert plan.when_s(90.0) == 300.0 + 180.0 + 30.0
    assert plan.plan_s(plan.parts[-3].end_s) == float("inf")
