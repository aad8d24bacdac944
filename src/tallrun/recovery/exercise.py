"""What to exercise now (decision-table section 7, EX1-EX6): phase, doses, maintenance after return.

Stretching is never part of any list (EX6, art:E3, art:D7).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tallrun.recovery.model import History
from tallrun.recovery.protocol import Dose, Protocol
from tallrun.recovery.rungs import F1
from tallrun.recovery.verdicts import assessor


@dataclass(frozen=True, slots=True)
class ExercisePlan:
    """phase : 1, 2 or 3. exercises : doses open now. rules : EX ids that decided. last_grade : None when none.

    greens_in_a_row : towards the next phase. maintenance : running is back, 2 a week go on for good (EX5).
    """

    phase: int
    title: str
    goal: str
    exercises: tuple[Dose, ...]
    rules: tuple[str, ...]
    greens_in_a_row: int
    sessions_in_7_days: int
    last_grade: str | None
    maintenance: bool
    sentences: tuple[str, ...]
    sources: tuple[str, ...]


def exercise_phase(protocol: Protocol, history: History, now: datetime) -> ExercisePlan:
    """Work out the phase from the graded exercise sessions up to ``now`` and list its doses."""
    at, now_s = assessor(protocol, history, None, now)
    protocol, course, t = at.protocol, at.course, at.timeline
    state = course.phase(now_s)
    part = protocol.exercise.phases[state.phase - 1]
    opened = tuple(dose for dose in part.exercises if state.phase_greens >= dose.after_green_sessions)
    count = len(t.exercises)
    last = course.exercise_grade(count - 1, now_s).grade if count else None
    before = course.phase(t.exercise_s[count - 1]).phase if count else state.phase
    texts = protocol.texts.exercise
    day = t.clock.day(now_s)
    week = at.ladder.exercise_sessions(now_s, day, protocol.ladder.exercise_week_days)
    steps = at.ladder.steps(course.sessions_before(now_s), now_s)
    maintenance = bool(steps) and steps[-1].base >= F1
    if state.held_from is not None:
        rule, key = "EX3", "red"
    elif state.phase > before:
        rule, key = "EX1", "up"
    elif state.phase < before:
        rule, key = "EX2", "down"
    else:
        rule, key = ("EX2" if last in ("AMBER", "LATE") else "EX1"), "same"
    rules = (rule, *(("EX5",) if maintenance else ()), "EX6")
    sentences = [texts["phase"].format(phase=state.phase, title=part.title.lower()), texts[key]]
    if maintenance:
        sentences.append(texts["maintain"])
    return ExercisePlan(
        state.phase, part.title, part.goal, opened, rules, state.greens, week, last, maintenance,
        tuple(sentences), protocol.sources_of(rules),
    )  # fmt: skip
