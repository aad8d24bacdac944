"""Random raw histories and the safety properties every verdict must keep, for tests and the long benchmark."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tallrun.recovery.model import (
    RUNGS,
    STATES,
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    GaitChange,
    History,
    PainScore,
    PhaseEntry,
    PlannedSession,
    Questionnaire,
    Runner,
    RunSession,
    Screen,
)  # fmt: skip
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.verdicts import Verdict, assessor, verdict

ZONES = (
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
)
#: Last days of the histories; most lie within days of a change of the clocks in one of the zones.
ENDS = (date(2026, 3, 30), date(2026, 10, 26), date(2026, 11, 2), date(2026, 4, 6), date(2026, 7, 15))
#: How often a day looks like this; calm days keep many histories running, rough ones reach the other rules.
CALM, MIXED, ROUGH = (0, 0, 1, 1, 1, 2), (0, 1, 1, 2, 2, 3, 4), (0, 1, 2, 3, 4, 5, 6, 7)


def random_history(seed: int, protocol: Protocol) -> tuple[History, datetime, PlannedSession | None]:
    """A history of 5 to 24 days, the instant to judge it at, and perhaps a plan."""
    rnd = Random(seed)
    zone = rnd.choice(ZONES)
    tz = ZoneInfo(zone)
    last = rnd.choice(ENDS) + timedelta(days=rnd.randrange(3))
    days = rnd.choice((5, 6, 8, 10, 18))
    levels = rnd.choice((CALM, CALM, CALM, MIXED, ROUGH))
    tidy = rnd.random() < 0.6

    def at(ago: int, hour: float) -> datetime:
        day = last - timedelta(days=ago)
        whole, minute = int(hour), int(hour % 1 * 60)
        return datetime(day.year, day.month, day.day, whole % 24, minute, tzinfo=tz)

    scores: list[PainScore] = []

    def log(when: datetime, kind: str, keep: float = 0.93, **extra: Any) -> None:
        if rnd.random() > (1.0 if tidy else keep):
            return
        if not tidy and rnd.random() < 0.04:
            extra["painkiller"] = rnd.choice(("oral", "topical"))
        if not tidy and rnd.random() < 0.03:
            extra["quality"] = rnd.choice(("ache", "sharp", "burning"))
        scores.append(PainScore(f"p{len(scores)}", when, kind, rnd.choice(levels), **extra))  # type: ignore[arg-type]

    test = rnd.choice((protocol.exercise.early_test, protocol.exercise.late_test))
    phase = 1 if test == protocol.exercise.early_test else rnd.choice((2, 3))
    sessions: list[RunSession] = []
    exercises: list[ExerciseSession] = []
    rung = rnd.choice((0, 0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 14))
    for ago in range(days, -1, -1):
        log(at(ago, 7), "morning", load_test=test)
        if rnd.random() < 0.25:
            log(
                at(ago, 14.5),
                "rest",
                provoked_by=rnd.choice(("sitting", "sitting", "level_walking", "biking")),
            )
        if rnd.random() < (0.3 if rung else 0.5) and ago:
            start = at(ago, rnd.choice((8, 12.25, 18)))
            done = min(max(0, rung + rnd.choice((0,) * 7 + (1, -1))), len(RUNGS) - 1)
            name = RUNGS[done]
            minutes = protocol.run_min[name]
            end = start + timedelta(minutes=30 + minutes / 2)
            log(start - timedelta(minutes=20), "before")
            log(start + timedelta(minutes=10), "during")
            log(end + timedelta(minutes=90), "after")
            if rnd.random() < 0.8:
                log(end + timedelta(hours=rnd.choice((21, 24, 27))), "h24")
            if rnd.random() < 0.6:
                log(end + timedelta(hours=rnd.choice((41, 48, 55))), "h48")
            sessions.append(RunSession(
                f"s{ago}", start, end, rung=name, run_minutes=minutes * rnd.choice((1, 1, 1, 1, 0.6, 1.2)),
                surface="treadmill" if tidy or rnd.random() < 0.9 else "road",
                limping=rnd.choice((False,) * 12 + (None, True)),
                stop_reason=rnd.choice(("none",) * 12 + ("pain", "other")),
                # The oldest run says at which rung this history begins; the rest is worked out by the rules.
                advised=Advice("RUN", RUNGS[rung], protocol.run_min[RUNGS[rung]]) if rung and not sessions else None,
            ))  # fmt: skip
            if rnd.random() < 0.15:
                rung = min(rung + 1, len(RUNGS) - 1)
        if rnd.random() < 0.45:
            pain = rnd.choice(levels) if rnd.random() < 0.7 else None
            exercises.append(ExerciseSession(f"e{ago}", at(ago, 16), phase, pain_before=pain, pain_during=pain,
                                             pain_after=pain))  # fmt: skip
    clear: dict[str, bool | None] = {question.id: False for question in protocol.screening.questions}
    screens = [Screen(at(days, 6), clear, frozenset({"ache"}))]
    while rnd.random() < 0.6:
        screens.append(Screen(at(rnd.randrange(days), 6.5), clear, frozenset({"ache"})))
    if rnd.random() < 0.03:
        wrong = dict(clear)
        wrong[rnd.choice(protocol.screening.questions).id] = rnd.choice((True, None))
        screens.append(Screen(at(rnd.randrange(days), 6.75), wrong))
    entries = []
    if rnd.random() < 0.15:
        entries.append(ClinicianEntry(
            at(rnd.randrange(days), 10), at(rnd.randrange(-3, 3), 10) if rnd.random() < 0.5 else None,
            clears=rnd.random() < 0.6, hold=rnd.random() < 0.1, cap=rnd.choice((None, None, "V2", "F1")),
            green_limit=rnd.choice((None, None, 2, 4, 5)), permits_rung=rnd.choice((None, "H3")),
        ))  # fmt: skip
    history = History(
        Runner(zone, born_on=None if rnd.random() < 0.01 else date(rnd.choice((1970, 1990, 2012)), 5, 5)
               if rnd.random() < 0.05 else date(1988, 5, 5)),
        tuple(scores), tuple(sessions), tuple(exercises), tuple(screens), tuple(entries),
        diagnoses=(Diagnosis(at(days, 5), rnd.random() < 0.95),),
        phases=(PhaseEntry(at(days, 5), phase),),
        gait_changes=(GaitChange(at(rnd.randrange(days), 12), "cadence"),) if rnd.random() < 0.05 else (),
        questionnaires=tuple(Questionnaire(at(rnd.randrange(days), 11), rnd.randrange(40, 90)) for _ in range(2))
        if rnd.random() < 0.05 else (),
    )  # fmt: skip
    plan = (
        PlannedSession(at(0, 18), surface=rnd.choice(("treadmill", "road"))) if rnd.random() < 0.2 else None
    )
    return history, at(0, rnd.choice((1, 7.5, 17, 20, 23))), plan


def is_freer(one: Verdict, other: Verdict) -> bool:
    """Whether ``one`` allows more than ``other``: a later state, or a higher rung where both name one.

    At V0 the states WALK and REST_DAY allow the same, a walk and no run (PG1), and count as equal: by the
    table TD5 gives WALK there and TD3 or TD4 gives REST_DAY.
    """
    same_at_v0 = one.rung == other.rung == "V0" and {one.state, other.state} == {"WALK", "REST_DAY"}
    if STATES.index(one.state) > STATES.index(other.state) and not same_at_v0:
        return True
    if one.rung is None or other.rung is None:
        return one.rung is not None
    return RUNGS.index(one.rung) > RUNGS.index(other.rung)


def yardsticks(protocol: Protocol, history: History, now: datetime) -> tuple[object, ...]:
    """Every baseline, trend and load test the verdict leans on: what "worse" is measured against."""
    at, now_s = assessor(protocol, history, None, now)
    course, t = at.course, at.timeline
    found: list[object] = []
    for instant in (*t.start_s, now_s):
        day = t.clock.day(instant)
        found += [course.baseline_on(day, instant), course.trend_on(day, instant), course.due_test(instant)]
    found += [course.exercise_grade(k, now_s).baseline for k in range(len(t.exercises))]
    return tuple(found)


def with_score(history: History, index: int, row: PainScore | None) -> History:
    """The history with one score replaced, or left out for None."""
    rows = list(history.scores)
    rows[index : index + 1] = [] if row is None else [row]
    return replace(history, scores=tuple(rows))


def check_properties(seed: int, protocol: Protocol) -> tuple[list[str], int]:
    """Check one random history; returns the violations and how many comparisons had a moved yardstick.

    B and the trend are by definition drawn from the mornings. A comparison counts only while they stay the
    same: raising an old morning raises B itself, and that is the table's own rule, not a freer verdict.
    """
    rnd = Random(seed ^ 0x5EED)
    history, now, plan = random_history(seed, protocol)
    said = verdict(protocol, history, None, now, plan)
    wrong, moved = [], 0
    if not history.scores:
        return wrong, moved

    def compare(name: str, worse: History, better: History, base: Verdict | None = None) -> None:
        nonlocal moved
        one = verdict(protocol, worse, None, now, plan)
        two = base or verdict(protocol, better, None, now, plan)
        if is_freer(one, two):
            if yardsticks(protocol, worse, now) == yardsticks(protocol, better, now):
                wrong.append(f"seed {seed}: {name}: {two.state} {two.rung} became {one.state} {one.rung}")
            else:
                moved += 1

    index = rnd.randrange(len(history.scores))
    row = history.scores[index]
    turn = seed % 4
    if turn == 0 and row.score < 10:
        higher = replace(row, score=rnd.randrange(row.score + 1, 11) if rnd.random() < 0.5 else row.score + 1)
        compare(f"score {row.score} to {higher.score}", with_score(history, index, higher), history, said)
    elif turn == 1:
        best = with_score(history, index, replace(row, score=0, painkiller="none", quality=None))
        compare("score left out", with_score(history, index, None), best)
    elif turn == 2 and row.painkiller == "none":
        compare("score masked", with_score(history, index, replace(row, painkiller="oral")), history, said)
    elif turn == 3:
        question = rnd.choice(
            [q for q in protocol.screening.questions if q.role == "any" and q.rule != "SC8"]
        )
        flagged = Screen(now, {**{q.id: False for q in protocol.screening.questions}, question.id: True})
        red = verdict(protocol, replace(history, screens=(*history.screens, flagged)), None, now, plan)
        if red.state != "REFER" or red.rung is not None:
            wrong.append(f"seed {seed}: red flag {question.id} gave {red.state} {red.rung}")
        rows = list(history.scores)
        rnd.shuffle(rows)
        if (
            seed % 16 == 3
            and verdict(protocol, replace(history, scores=tuple(rows)), None, now, plan) != said
        ):
            wrong.append(f"seed {seed}: the order of the rows changed the verdict")
    return wrong, moved
