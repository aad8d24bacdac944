"""Pain scores, exercises, runs without sensors and the screen: add, list, correct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import uuid4

from tallrun.errors import EntryError
from tallrun.journal.desk import NotThereError, Records, read_instant
from tallrun.recovery.course import Course
from tallrun.recovery.model import (
    QUALITIES,
    ExerciseSession,
    PainScore,
    Questionnaire,
    RunSession,
    Screen,
    check_score,
)
from tallrun.recovery.rungs import running_of
from tallrun.recovery.screening import unanswered
from tallrun.recovery.timeline import Clock, Timeline
from tallrun.store.checks import check_not_future, check_pain, check_run, known_by
from tallrun.store.models import ExerciseRow, PainRow, QuestionnaireRow, RunRow, ScreenRow
from tallrun.store.records import from_rows, to_columns

#: What of a pain score a person gives; the rest is filled in.
PAIN_ANSWERS = (
    "score", "kind", "side", "site", "quality", "session_id", "provoked_by", "load_test", "painkiller", "limping",
)  # fmt: skip
_MINUTE = timedelta(minutes=1)


def pain_entry(mine: Records, answers: Mapping[str, Any]) -> PainScore:
    """Build a score from answers by name: ``PAIN_ANSWERS``, and ``at`` and ``painkiller_at`` as text."""
    runner = mine.runner
    if answers.get("score") is None:
        raise EntryError("A pain score must be a whole number from 0 to 10, got nothing.")
    given = {name: answers[name] for name in PAIN_ANSWERS if answers.get(name) is not None}
    taken_at = answers.get("painkiller_at")
    return PainScore(
        pain_id="",
        at=_felt_at(mine, answers.get("at")),
        painkiller_at=None if taken_at is None else _felt_at(mine, taken_at),
        **{"side": runner.side, "site": runner.site, "painkiller": "none", **given},
    )


def _felt_at(mine: Records, text: str | None) -> datetime:
    """Read an instant into the time zone in force: it says on which local date something was felt."""
    return known_by(read_instant(text, mine.zone, mine.now), mine.now).astimezone(mine.zone)


def add_pain(
    mine: Records, answers: Mapping[str, Any], *, by: str, new_place: bool = False
) -> tuple[PainScore, list[str]]:
    """Keep one score; returns it with its id, and warnings, each one sentence. Raises EntryError."""
    entry = pain_entry(mine, answers)
    warnings = check_pain(entry, mine.runner, mine.now, new_place=new_place)
    check_session(mine, entry.session_id)
    warnings += twins_told(
        entry, from_rows(PainScore, mine.store.entries(PainRow, mine.runner_id, since=entry.at - _MINUTE))
    )
    pain_id = mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
    if (why := not_counted(mine, [entry])[0]) is not None:
        warnings.append(why)
    return replace(entry, pain_id=pain_id, entered_by=by), warnings


def twins_told(entry: PainScore, scores: Sequence[PainScore]) -> list[str]:
    """Say which of ``scores`` is of the same minute about the same thing: two answers to one question."""
    about = attrgetter("kind", "session_id", "side", "site", "provoked_by", "load_test")
    known = [
        str(one.score) for one in scores if abs(one.at - entry.at) < _MINUTE and about(one) == about(entry)
    ]
    if not known:
        return []
    return [
        f"There is another score of this kind and minute in the record already: {', '.join(known)}. Each stays; "
        "take back one that is wrong."
    ]


def fix_pain(
    mine: Records, pain_id: str, changes: Mapping[str, Any], *, by: str, withdraw: bool = False,
    new_place: bool = False,
) -> tuple[PainScore, list[str]]:  # fmt: skip
    """Put a corrected score in the place of an earlier one, or take it back; the old row stays.

    pain_id : the id or its first letters. changes : answers that differ; None leaves as it was.
    """
    full_id = mine.store.find_entry(PainRow, mine.runner_id, pain_id)
    row = next(row for row in mine.store.entries(PainRow, mine.runner_id) if row.pain_id == full_id)
    old: PainScore = from_rows(PainScore, [row])[0]
    typed = {name: changes[name] for name in PAIN_ANSWERS if changes.get(name) is not None}
    for name in ("at", "painkiller_at"):
        if changes.get(name) is not None:
            typed[name] = _felt_at(mine, changes[name])
    if not typed and not withdraw:
        raise EntryError("Nothing to change was given; name what was wrong, or take the score back.")
    if typed.get("painkiller") == "none":
        typed["painkiller_at"] = None
    new = replace(old, **typed)
    moved = not {"side", "site"} & typed.keys()
    warnings = check_pain(new, mine.runner, mine.now, new_place=new_place or moved)
    check_session(mine, new.session_id)
    new_id = mine.store.supersede(
        PainRow, mine.runner_id, full_id, by=by, now=mine.now, withdrawn=withdraw, **to_columns(new)
    )
    return replace(new, pain_id=new_id, entered_by=by, supersedes=full_id), warnings


def pain_scores(mine: Records, days: int, *, every: bool = False) -> list[tuple[PainScore, bool]]:
    """Return (score, in force) of the last days, oldest first; ``every``: replaced and withdrawn ones too."""
    rows = mine.store.entries(PainRow, mine.runner_id, since=mine.now - timedelta(days=days), every=every)
    replaced = {row.supersedes for row in rows} if every else set()
    return [
        (score, not row.withdrawn and score.pain_id not in replaced)
        for score, row in zip(from_rows(PainScore, rows), rows, strict=True)
    ]


def not_counted(mine: Records, scores: Sequence[PainScore]) -> list[str | None]:
    """Say of each score why it does not count as the morning test, one sentence; None where it does or is none."""
    course = Course(Timeline(mine.protocol, mine.store.history(mine.runner_id, mine.now), mine.now))
    late = mine.protocol.exercise.late_test
    told: list[str | None] = []
    for score in scores:
        at_s = score.at.timestamp()
        due, test = course.due_test(at_s), score.load_test
        # While the test changes, both are collected.
        is_due = test in (None, due) or (test == late and course.is_changing_test(at_s))
        told.append(
            None
            if score.kind != "morning" or is_due
            else f"Kept, but not counted: the morning test of your strength phase is the {due.replace('_', ' ')}, "
            f"not the {str(test).replace('_', ' ')}."
        )
    return told


def pain_payload(score: PainScore) -> dict[str, Any]:
    """Return a score as plain values; limping in words, as in the pain row."""
    return asdict(score) | {"limping": {None: None, True: "yes", False: "no"}[score.limping]}


def check_session(mine: Records, session_id: str | None) -> None:
    """Raise EntryError when a score names a run or strength session that is not there."""
    if session_id is None:
        return
    known = {row.session_id for row in mine.store.entries(RunRow, mine.runner_id)}
    known |= {row.session_id for row in mine.store.sessions(mine.runner_id)}
    known |= {row.exercise_id for row in mine.store.entries(ExerciseRow, mine.runner_id)}
    if session_id not in known:
        raise EntryError(
            f"There is no run with the id {session_id!r}, nor a strength session",
            command="; leave --session out.",
        )


def add_exercise(mine: Records, answers: Mapping[str, Any], *, by: str) -> ExerciseSession:
    """Keep one exercise (fields of ``ExerciseSession``; ``at`` as text); returns it with its id."""
    names = {item.name for item in fields(ExerciseSession)} - {"exercise_id", "at"}
    given = {name: answers[name] for name in names if answers.get(name) is not None}
    entry = ExerciseSession("", _felt_at(mine, answers.get("at")), **given)
    check_not_future(entry.at, mine.now, "An exercise")
    exercise_id = mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
    return replace(entry, exercise_id=exercise_id)


def answer_exercise(
    mine: Records, exercise_id: str, *, pain_during: int | None, pain_after: int | None, by: str
) -> list[str]:
    """Keep how a strength session felt: for the exercises of its day that have no such score. Returns their new ids.

    Raises EntryError when no score was given, NotThereError for an unknown id.
    """
    if pain_during is None and pain_after is None:
        raise EntryError("No score was given; say the worst pain during the exercises, after them, or both.")
    rows = mine.store.entries(ExerciseRow, mine.runner_id)
    asked = next((row for row in rows if row.exercise_id == exercise_id), None)
    if asked is None:
        raise NotThereError(f"There is no strength session with the id {exercise_id!r}.")
    clock = Clock(mine.zone.key, mine.protocol.windows.day_starts_hour)
    day = clock.day(asked.at.timestamp())
    found = []
    for row in rows:
        scores = {"pain_during": pain_during, "pain_after": pain_after}
        given = {
            name: score
            for name, score in scores.items()
            if score is not None and (row._mapping[name] is None or row.exercise_id == exercise_id)
        }
        if given and clock.day(row.at.timestamp()) == day:
            for name, score in given.items():
                check_score(name, score)
            found.append(
                mine.store.supersede(
                    ExerciseRow, mine.runner_id, row.exercise_id, by=by, now=mine.now, **given
                )
            )
    return found


def take_back_exercise(mine: Records, exercise_id: str, *, by: str) -> str:
    """Take a logged exercise back; the row stays, replaced by a withdrawn one. Returns the new id."""
    full_id = mine.store.find_entry(ExerciseRow, mine.runner_id, exercise_id)
    return mine.store.supersede(ExerciseRow, mine.runner_id, full_id, by=by, now=mine.now, withdrawn=True)


def exercises(mine: Records, days: int) -> tuple[ExerciseSession, ...]:
    """Return logged exercises of the last days, oldest first."""
    rows = mine.store.entries(ExerciseRow, mine.runner_id, since=mine.now - timedelta(days=days))
    return from_rows(ExerciseSession, rows)


@dataclass(frozen=True)
class RunAnswers:
    """A run as a person tells it; None is not told. at : its start, as ``read_instant`` takes it.

    minutes : needed unless a session says it. pain : (before, during, after), 0-10 or None.
    """

    minutes: float | None = None
    at: str | None = None
    rung: str | None = None
    run_minutes: float | None = None
    distance_m: float | None = None
    surface: str | None = None
    cambered: bool = False
    fastest_mps: float | None = None
    incline_min_pct: float | None = None
    incline_max_pct: float | None = None
    session_rpe: float | None = None
    limping: bool | None = None
    stop_reason: str | None = None
    sharp_change: bool = False
    pain: tuple[int | None, int | None, int | None] = (None, None, None)
    shoe: str | None = None


def log_run(mine: Records, told: RunAnswers, *, by: str) -> tuple[RunSession, list[PainScore]]:
    """Keep a run or walk without sensors and the scores around it, all or none."""
    if told.minutes is None:
        raise EntryError("Say how many minutes it took.")
    length = timedelta(minutes=told.minutes)
    start = mine.local_now - length if told.at is None else read_instant(told.at, mine.zone, mine.now)
    # An end that another clock puts a little ahead is now: its scores are dated by it and count at once.
    start -= (start + length) - known_by(start + length, mine.now)
    rung = None if told.rung is None else told.rung.upper()
    running = told.run_minutes
    if running is None and (rung is None or rung in mine.protocol.run_min):
        running = running_of(mine.protocol, rung, told.minutes)
    run = RunSession(
        session_id=str(uuid4()),
        started_at=start,
        ended_at=start + length,
        rung=rung,
        run_minutes=running,
        distance_m=told.distance_m,
        surface=told.surface,  # type: ignore[arg-type]  # checked by RunSession
        cambered=told.cambered,
        speed_mps=told.fastest_mps,
        incline_min_pct=told.incline_min_pct,
        incline_max_pct=told.incline_max_pct,
        session_rpe=told.session_rpe,
        limping=told.limping,
        stop_reason=told.stop_reason or "none",  # type: ignore[arg-type]
        sharp_change=told.sharp_change,
        advised=mine.store.advice_before(mine.runner_id, start, mine.zone),
    )
    return run, keep_run(mine, run, told.pain, by=by, source="typed", shoe=told.shoe)


def keep_run(
    mine: Records, run: RunSession, pain: tuple[int | None, int | None, int | None], *, by: str, source: str,
    shoe: str | None, tapped: Sequence[PainScore] = (),
) -> list[PainScore]:  # fmt: skip
    """Keep a run and the scores around it, all or none, and return the scores. Raises EntryError when it cannot be.

    tapped : scores that were given while it went on.
    """
    check_run(run, mine.store.runs(mine.runner_id), mine.now)
    scores = [*tapped, *_scores_around(mine, run, pain)]
    mine.store.add_run(mine.runner_id, run, scores, by=by, now=mine.now, source=source, shoe=shoe)
    return scores


def _scores_around(
    mine: Records, run: RunSession, pain: tuple[int | None, int | None, int | None]
) -> list[PainScore]:
    runner = mine.runner
    asked: tuple[tuple[Any, datetime], ...] = (
        ("before", run.started_at), ("during", run.ended_at), ("after", run.ended_at),
    )  # fmt: skip
    return [
        PainScore(
            pain_id="", at=at, kind=kind, score=score, side=runner.side, site=runner.site,
            session_id=run.session_id, limping=run.limping if kind == "during" else None,
        )
        for (kind, at), score in zip(asked, pain, strict=True)
        if score is not None
    ]  # fmt: skip


def answer_limping(mine: Records, session_id: str, limping: bool, *, by: str) -> None:
    """Answer "did you limp" for a run. Raises EntryError for an unknown run."""
    rows = [row for row in mine.store.entries(RunRow, mine.runner_id) if row.session_id == session_id]
    if not rows:
        raise NotThereError(f"There is no run with the id {session_id!r}.")
    mine.store.supersede(RunRow, mine.runner_id, rows[-1].run_id, by=by, now=mine.now, limping=limping)


def keep_screen(
    mine: Records, answers: Mapping[str, bool | None], *, by: str, qualities: Sequence[str] = (),
    at: str | None = None, operation_on: date | None = None, injection_on: date | None = None,
) -> tuple[Screen, str, tuple[str, ...]]:  # fmt: skip
    """Keep one pass through the screening questions; returns it, its id and the ids still unanswered.

    Raises EntryError for a question or quality that is not there, or when nothing at all was answered.
    """
    asked = {question.id for question in mine.protocol.screening.questions}
    if strange := sorted(set(answers) - asked):
        raise EntryError(
            f"There are no screening questions {strange}",
            command="; list them with: tallrun screen --questions",
        )
    if any(value not in (True, False, None) for value in answers.values()):
        raise EntryError("Screening answers are true, false or null (not answered).")
    if all(value is None for value in answers.values()):
        raise EntryError("No screening question was answered; answer at least one.")
    for word in qualities:
        if word not in QUALITIES:
            raise EntryError(f"The pain feels one of {', '.join(QUALITIES)}, got {word!r}.")
    screen = Screen(
        at=_felt_at(mine, at),
        answers=dict(answers),
        qualities=frozenset(qualities),
        operation_on=operation_on,
        injection_on=injection_on,
    )
    check_not_future(screen.at, mine.now, "A screening")
    screen_id = mine.store.add(mine.runner_id, screen, by=by, now=mine.now)
    return screen, screen_id, unanswered(mine.protocol, screen)


def last_screen(mine: Records) -> Screen | None:
    """Return the newest screen, None before the first."""
    row = mine.store.latest(ScreenRow, mine.runner_id)
    return None if row is None else from_rows(Screen, [row])[0]


def add_visa_h(mine: Records, total: int, *, by: str, at: str | None = None) -> Questionnaire:
    """Keep the total of a VISA-H form, 0-100 (100 is well)."""
    entry = Questionnaire(at=_felt_at(mine, at), total=total)
    check_not_future(entry.at, mine.now, "A form")
    mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
    return entry


def visa_h(mine: Records) -> tuple[Questionnaire, ...]:
    """Return the VISA-H totals on record, oldest first."""
    return from_rows(Questionnaire, mine.store.entries(QuestionnaireRow, mine.runner_id))
