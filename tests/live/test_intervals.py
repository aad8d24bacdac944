"""Intervals as wished for from the plan, and as graded after the run: as advised exactly when they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tallrun.coaching import Schedule
from tallrun.journal.desk import load_protocol
from tallrun.live.end import done_of
from tallrun.live.hub import LiveHub
from tallrun.live.setup import RunWishes, with_intervals
from tallrun.pipeline.taps import Tap, marker_tap, tap_marker
from tallrun.recovery.model import Advice, Runner, RunSession
from tallrun.recovery.rungs import is_against_advice, is_complete

PROTOCOL = load_protocol()
START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def wished(state, rung, run_minutes=None):
    plan = SimpleNamespace(
        protocol=PROTOCOL, verdict=SimpleNamespace(state=state, rung=rung, run_minutes=run_minutes)
    )
    return with_intervals(RunWishes(minutes=30.0), plan)


def graded(rung, run_min, passed_s=1e6):
    """Return whether a session is complete and whether it is against the advice of its own level."""
    wishes = wished("WALK" if rung == "V0" else "RUN", rung)
    setup = SimpleNamespace(intervals=wishes.intervals, rung=wishes.rung, protocol=PROTOCOL)
    gait = SimpleNamespace(end_s=passed_s)
    run = SimpleNamespace(schedule=Schedule(wishes.intervals), gait=gait, markers=[])
    done, planned_min, minutes = done_of(SimpleNamespace(setup=setup, run=run), run_min)
    session = RunSession(
        "s",
        START,
        START + timedelta(minutes=40),
        rung=done,
        run_minutes=minutes,
        planned_run_minutes=planned_min,
    )
    advice = Advice("WALK" if rung == "V0" else "RUN", rung, PROTOCOL.run_min[rung])
    runner = Runner(time_zone="UTC")
    return is_complete(PROTOCOL, session, advice), is_against_advice(PROTOCOL, session, advice, runner)


@pytest.mark.parametrize("rung", [f"V{n}" for n in range(1, 9)])
def test_done_short_and_over_are_graded_as_the_rules_say(rung):
    dose = PROTOCOL.run_min[rung]
    assert graded(rung, dose) == (True, False)
    assert graded(rung, 0.8 * dose) == (True, False)
    assert graded(rung, 0.79 * dose)[0] is False
    assert graded(rung, 0.79 * dose)[1] is False
    assert graded(rung, 1.1 * dose) == (True, False)
    assert graded(rung, 1.12 * dose)[1] is True
    # the steps could not be judged: the parts that passed stand for them, the walks do not
    assert graded(rung, None) == (True, False)
    assert graded(rung, None, passed_s=310.0)[0] is False


def test_a_walk_is_a_walk_unless_it_was_run():
    assert graded("V0", 0.2) == (True, False)
    assert graded("V0", None) == (True, False)
    assert graded("V0", 6.0)[1] is True


def test_the_plan_gives_the_parts_and_other_days_none():
    wishes = wished("RUN", "V4", 20.0)
    assert wishes.rung == "V4"
    assert wishes.minutes == 35.0
    on_the_way = wished("WALK", "V4")
    assert (on_the_way.rung, on_the_way.minutes) == ("V0", 30.0), "a day for a walk has no run in it"
    for state, rung in (("REST48", None), ("CLINICIAN", None), ("REST_DAY", "V4"), ("LOG_FIRST", None)):
        assert wished(state, rung).intervals == ()


def test_a_tap_on_a_part_names_it_and_one_that_meets_nothing_is_refused():
    hub, met = LiveHub(), []

    def act(tap, tap_id, at_once):
        met.append(tap)
        return "done" if tap.item == "2" else "refused"

    hub.begin(act, lambda of: False, ())
    asked = ((2, "done"), (1, "refused"), (None, "refused"), (True, "refused"), ("2", "refused"))
    for number, (place, outcome) in enumerate(asked):
        message = json.dumps({"type": "skip", "tap_id": f"tap-id-{number}", "place": place})
        answer = hub.take(message)
        assert answer["outcome"] == outcome
        assert bool(answer["text"]) == (outcome == "refused")
        assert hub.take(message)["outcome"] == outcome
    assert met[0] == Tap("skip", item="2")
    assert [item.item for item in met] == ["2", "1"], "each tap acts once, and what is no tap never does"


def test_taps_on_parts_survive_the_record():
    for kind in ("skip", "repeat", "end_early"):
        assert marker_tap(tap_marker(3.0, Tap(kind, item="4"))) == Tap(kind, item="4")
