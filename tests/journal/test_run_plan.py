"""What the records say about a run that begins: focus, fade, probes, and days that are no days for a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.web_records import NOW, ZONE
from tallrun.coaching import ProbeResult
from tallrun.errors import UsageError
from tallrun.journal import advice
from tallrun.journal.advice import offers_walk
from tallrun.journal.desk import Records, load_protocol
from tallrun.journal.focus import GAIT_KEY
from tallrun.journal.run_plan import gait_note, note_step, plan_run, probe_of
from tallrun.live.setup import RunWishes, plan_lines, plan_of, planned, walk_wishes
from tallrun.recovery import wording
from tallrun.recovery.gait_plan import Probe
from tallrun.recovery.model import (
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    PainScore,
    PhaseEntry,
    RunSession,
    Screen,
)
from tallrun.recovery.way_out import Condition
from tallrun.store import Store
from tallrun.store.models import RunnerRow

EVENING = NOW.replace(hour=18)
RUNS = 14


@pytest.fixture
def mine(tmp_path):
    """Six weeks of green runs every third day at V1, where a clinician holds the ladder; today's score is given."""
    with Store.open(tmp_path) as store:
        runner_id = store.add_runner("me", EVENING)
        start = EVENING - timedelta(days=50)
        store.add_row(
            RunnerRow, runner_id, at=start, by="runner", now=start, time_zone=ZONE.key, side="right", site="sit_bone",
            born_on=date(1985, 6, 30), easy_speed_mps=2.9, fast_speed_mps=4.0, height_m=1.78, leg_length_m=0.93,
            mass_kg=71.0,
        )  # fmt: skip
        clear = {item.id: False for item in load_protocol().screening.questions}
        records = [
            Diagnosis(start, by_clinician=True, text="right"), PhaseEntry(start, phase=2),
            *(Screen(EVENING - timedelta(days=day), clear, frozenset({"ache"})) for day in (48, 24, 3)),
            ClinicianEntry(start, cap="V1", entered_by="K. Jansen"),
        ]  # fmt: skip
        for day in range(46, -1, -1):
            records.append(
                score(EVENING - timedelta(days=day, hours=11), "morning", load_test="single_leg_bridge")
            )
            if day % 2:
                records.append(
                    ExerciseSession("", EVENING - timedelta(days=day), 2, "bridge", 3, 8, 10.0, 1, 2, 1)
                )
        for k in range(RUNS):
            begin = EVENING - timedelta(days=3 * (RUNS - k))
            end = begin + timedelta(minutes=24)
            records += [
                RunSession(f"run-{k}", begin, end, rung="V1", run_minutes=8.0, surface="treadmill", speed_mps=2.7,
                           limping=False, advised=Advice("RUN", "V1", 8.0)),
                score(begin - timedelta(minutes=15), "before"), score(end - timedelta(minutes=1), "during"),
                score(end + timedelta(hours=2), "after"), score(end + timedelta(hours=24), "h24"),
                score(end + timedelta(hours=47), "h48"),
            ]  # fmt: skip
        store.add_all(runner_id, records, by="test", now=EVENING)
        yield Records(store, runner_id, EVENING)


def score(when, kind, value=1, **more):
    return PainScore("", when, kind, value, "right", "sit_bone", **more)


def record(mine, newest: int, flags=("low_cadence",), gait=None):
    """Let the newest runs have been recorded with sensors."""
    for run in mine.store.runs(mine.runner_id)[-newest:]:
        mine.store.index_session(
            mine.runner_id, session_id=run.session_id, started_at=run.started_at, folder=Path("/nowhere"),
            duration_s=1800.0, context={} if gait is None else {GAIT_KEY: gait},
            summary={"flags": [{"flag": name} for name in flags]},
        )  # fmt: skip


def test_a_run_day_without_recorded_sessions_waits_with_cues(mine):
    plan = plan_run(mine)
    assert plan.verdict.state == "RUN"
    assert (plan.decision.action, plan.focus) == ("wait", None)
    assert planned(RunWishes(30.0), plan, False, False).focus is None


def test_a_flag_in_green_sessions_opens_cadence_and_the_run_begins_it(mine):
    record(mine, 4)
    plan = plan_run(mine)
    assert (plan.decision.action, plan.focus, plan.decision.session_of_fade) == ("start", "cadence", 1)
    wishes = planned(RunWishes(30.0), plan, False, False)
    assert (wishes.focus, wishes.step_session, wishes.is_uncued) == ("cadence", 1, False)
    note_step(mine, "cadence", plan.decision, EVENING)
    note_step(mine, "cadence", plan.decision, EVENING + timedelta(minutes=1))
    changes = mine.store.history(mine.runner_id).gait_changes
    assert [(item.step, item.event) for item in changes] == [("cadence", "begun")], (
        "begun once, not twice (BL3)"
    )


def test_the_fade_goes_on_from_the_sessions_on_record(mine):
    record(mine, 6, gait=gait_note("cadence", 1, None))
    plan = plan_run(mine)
    assert (plan.decision.action, plan.decision.session_of_fade) == ("stay", 7)
    assert planned(RunWishes(30.0), plan, False, False).step_session == 7
    assert planned(RunWishes(30.0, step_session=3), plan, False, True).step_session == 3


def test_two_probes_kept_after_the_fade_close_the_step(mine):
    kept = gait_note("cadence", 9, Probe(80.0, 0.9, 0.01))
    record(mine, 11, flags=(), gait=kept)
    closed = plan_run(mine)
    assert closed.decision.step != "cadence"
    short = gait_note("cadence", 9, Probe(30.0, 0.9, 0.01))
    record(mine, 11, flags=(), gait=short)
    assert plan_run(mine).decision.step == "cadence", "a probe of 30 s shows nothing (GT3)"


def test_the_session_after_a_red_one_is_uncued(mine):
    record(mine, 4, gait=gait_note("cadence", 1, None))
    last = mine.store.runs(mine.runner_id)[-1]
    amber = PainScore("", last.ended_at + timedelta(hours=1), "after", 4, "right", "sit_bone")
    mine.store.add(mine.runner_id, amber, by="test", now=EVENING)
    plan = plan_run(mine)
    assert plan.decision.rule == "GT5"
    wishes = planned(RunWishes(30.0), plan, False, False)
    assert (wishes.focus, wishes.is_uncued) == ("cadence", True)


def test_a_red_flag_refuses_the_run_and_never_coaches(mine, tmp_path):
    record(mine, 4)
    answers = dict(mine.store.history(mine.runner_id).screens[-1].answers)
    pop = next(item.id for item in load_protocol().screening.questions if item.rule == "SC3")
    told = Screen(EVENING - timedelta(minutes=1), answers | {pop: True}, frozenset({"ache"}))
    mine.store.add(mine.runner_id, told, by="test", now=EVENING)
    plan = plan_run(mine)
    assert plan.verdict.state == "REFER"
    with pytest.raises(UsageError, match="SC3"):
        planned(RunWishes(30.0), plan, False, False)
    insisted = planned(RunWishes(30.0), plan, True, False)
    assert insisted.focus is None


def test_a_rest_day_is_recorded_without_cues_and_says_so(mine):
    plan = plan_run(replace(mine, now=EVENING - timedelta(days=2)))
    assert plan.verdict.state != "RUN"
    assert planned(RunWishes(30.0), plan, False, False).focus is None
    assert "No cues today." in plan_lines(plan, None)


def test_a_walk_is_offered_where_the_plan_calls_one_fine_and_nowhere_else(mine):
    base = plan_run(mine)

    def on(state, walking=None, ask=None):
        now = base.verdict.as_of
        way = (
            (Condition("walk", False, "", earliest=now + timedelta(hours=ask), ask="walk"),)
            if ask is not None
            else ()
        )
        found = replace(
            base.verdict, state=state, way_out=way, inputs=base.verdict.inputs | {"walking_today": walking},
            walking_allowed=state not in ("REFER", "CLINICIAN") and (walking is None or walking <= 3),
        )  # fmt: skip
        return replace(base, verdict=found)

    offered = [on("LOG_FIRST"), on("WALK", 3), on("REST48", 2), on("REST_DAY", ask=0)]
    kept = [
        on("RUN"), on("REFER"), on("CLINICIAN"), on("LOG_FIRST", 4), on("WALK", 4), on("REST48"), on("REST48", 4),
        on("REST_DAY"), on("REST_DAY", ask=5),
    ]  # fmt: skip
    assert [offers_walk(item.verdict, item.protocol) for item in offered] == [True] * len(offered)
    assert [offers_walk(item.verdict, item.protocol) for item in kept] == [False] * len(kept)
    for plan in offered:
        wishes = walk_wishes(RunWishes(30.0), plan, None)
        assert (wishes.rung, wishes.minutes, wishes.focus) == ("V0", 30.0, None)
        assert [(part.kind, part.length_s) for part in wishes.intervals] == [("walk", 1800.0)]
        told = plan_lines(plan, None, is_walk=True)
        assert not any("against" in line or wording.lint(line) for line in told)
    for plan in (item for item in kept if item.verdict.state not in ("RUN", "REST_DAY")):
        with pytest.raises(UsageError, match=r"does not fit|Leave the walk out"):
            walk_wishes(RunWishes(30.0), plan, None)


def test_every_line_before_a_run_passes_the_lint(mine):
    for recorded in (0, 4):
        record(mine, recorded) if recorded else None
        plan = plan_run(mine)
        for chosen in (None, "none", "cadence", "tall"):
            for line in plan_lines(plan, chosen):
                assert not wording.lint(line), line


def test_nobody_set_up_means_no_plan(tmp_path):
    assert plan_of(tmp_path / "new") is None


def strides(speed_mps: float) -> pd.DataFrame:
    n = 60
    return pd.DataFrame(
        {
            "initial_contact_s": np.arange(n) * 2.0, "mode": "run", "quality": 1.0, "reasons": "", "foot": "left",
            "speed_mps": speed_mps, "belt_speed_mps": np.nan, "stride_time_s": 0.7,
        }
    )  # fmt: skip


def test_a_probe_is_held_against_the_speed_of_the_running_before_it():
    seen = ProbeResult(180.0, 100.0, 180.0, 78.0, 100, 0.85, 3.0)
    found = probe_of([seen], strides(2.5))
    assert found == Probe(78.0, 0.85, pytest.approx(0.2))
    assert probe_of([replace(seen, in_band_share=None)], strides(2.5)) is None
    assert probe_of([replace(seen, start_s=0.0)], strides(2.5)) is None, (
        "no running before it to hold it against"
    )
    assert probe_of([], strides(2.5)) is None


def test_a_trend_that_is_not_known_is_no_news(mine):
    before = replace(plan_run(mine).verdict, notices=("told",))
    told = [f"Your mornings over 7 days are {words}." for words in load_protocol().texts.trends.values()]
    unknown = "Your mornings over 7 days are not known: too few mornings."
    assert unknown in told
    found = replace(before, notices=("told", *told))
    assert set(advice.news(found, before, load_protocol())) == set(told) - {unknown}
