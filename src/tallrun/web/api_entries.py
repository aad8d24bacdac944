"""Routes: pain scores, exercises, runs without sensors, the screen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from tallrun.journal import entries
from tallrun.journal.desk import Records
from tallrun.recovery.model import RunSession
from tallrun.recovery.screening import unanswered
from tallrun.web.desk import Mine
from tallrun.web.models import (
    ExerciseIn,
    ExerciseOut,
    ExercisePainIn,
    LimpingIn,
    PainFix,
    PainIn,
    PainOut,
    Question,
    RunIn,
    RunOut,
    ScreenIn,
    ScreenOut,
    VisaIn,
    VisaOut,
)
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["entries"], responses=PROBLEMS)
Days = Annotated[int, Query(ge=1, le=3650, description="How far back.")]
EntryId = Annotated[str, Path(min_length=1, max_length=64)]


@router.get("/pain", response_model=list[PainOut])
def list_pain(mine: Mine, days: Days = 14, every: bool = False) -> Any:
    """List pain scores, oldest first; ``every``: replaced and withdrawn ones too."""
    found = entries.pain_scores(mine, days, every=every)
    reasons = entries.not_counted(mine, [score for score, _ in found])
    return [
        entries.pain_payload(score) | {"in_force": in_force, "not_counted": why}
        for (score, in_force), why in zip(found, reasons, strict=True)
    ]


@router.post("/pain", response_model=PainOut, status_code=201)
def add_pain(mine: Mine, given: PainIn) -> Any:
    """Add one pain score."""
    score, warnings = entries.add_pain(
        mine, given.model_dump(), by=given.entered_by, new_place=given.new_place
    )
    return entries.pain_payload(score) | {"warnings": warnings}


@router.post("/pain/{pain_id}/fix", response_model=PainOut)
def fix_pain(mine: Mine, pain_id: EntryId, given: PainFix) -> Any:
    """Correct a score or take it back; the old row stays in the records."""
    score, warnings = entries.fix_pain(
        mine, pain_id, given.model_dump(), by=given.entered_by, withdraw=given.withdraw,
        new_place=given.new_place,
    )  # fmt: skip
    return entries.pain_payload(score) | {"warnings": warnings, "in_force": not given.withdraw}


@router.get("/exercises", response_model=list[ExerciseOut])
def list_exercises(mine: Mine, days: Days = 28) -> Any:
    """List logged exercises, oldest first."""
    return [asdict(item) for item in entries.exercises(mine, days)]


@router.post("/exercises", response_model=ExerciseOut, status_code=201)
def add_exercise(mine: Mine, given: ExerciseIn) -> Any:
    """Log one exercise."""
    return asdict(entries.add_exercise(mine, given.model_dump(), by=given.entered_by))


@router.post("/exercises/{exercise_id}/take-back", status_code=204)
def take_back(mine: Mine, exercise_id: EntryId) -> None:
    """Take a logged exercise back; the row stays in the records."""
    entries.take_back_exercise(mine, exercise_id, by="runner")


@router.post("/exercises/{exercise_id}/pain", status_code=204)
def answer_exercise(mine: Mine, exercise_id: EntryId, given: ExercisePainIn) -> None:
    """Say how a strength session felt; it holds for the exercises of its day that have no score yet."""
    entries.answer_exercise(
        mine, exercise_id, pain_during=given.pain_during, pain_after=given.pain_after, by=given.entered_by
    )


@router.get("/runs", response_model=list[RunOut])
def list_runs(mine: Mine) -> Any:
    """List runs, with and without sensors, oldest first."""
    return [_run(run) for run in mine.store.runs(mine.runner_id)]


@router.post("/runs", response_model=RunOut, status_code=201)
def log_run(mine: Mine, given: RunIn) -> Any:
    """Log a run or walk without sensors. It counts for load, breaks and the spike limit."""
    told = given.model_dump(exclude={"entered_by", "pain_before", "pain_during", "pain_after"})
    pain = (given.pain_before, given.pain_during, given.pain_after)
    run, scores = entries.log_run(mine, entries.RunAnswers(**told, pain=pain), by=given.entered_by)
    return _run(run) | {"pain_scores": len(scores)}


@router.post("/runs/{session_id}/limping", status_code=204)
def answer_limping(mine: Mine, session_id: EntryId, given: LimpingIn) -> None:
    """Answer "did you limp" for a run."""
    entries.answer_limping(mine, session_id, given.limping, by=given.entered_by)


@router.get("/screen", response_model=ScreenOut)
def get_screen(mine: Mine) -> Any:
    """Return the screening questions and the last answers."""
    return _screen(mine)


@router.post("/screen", response_model=ScreenOut, status_code=201)
def keep_screen(mine: Mine, given: ScreenIn) -> Any:
    """Keep one pass through the screening questions."""
    entries.keep_screen(
        mine, given.answers, by=given.entered_by, qualities=given.qualities, at=given.at,
        operation_on=given.operation_on, injection_on=given.injection_on,
    )  # fmt: skip
    return _screen(mine)


@router.get("/visa-h", response_model=list[VisaOut])
def list_visa_h(mine: Mine) -> Any:
    """List the VISA-H totals, oldest first."""
    return [asdict(item) for item in entries.visa_h(mine)]


@router.post("/visa-h", response_model=VisaOut, status_code=201)
def add_visa_h(mine: Mine, given: VisaIn) -> Any:
    """Note the total of a VISA-H form."""
    return asdict(entries.add_visa_h(mine, given.total, by=given.entered_by, at=given.at))


def _run(run: RunSession) -> dict[str, Any]:
    return asdict(run) | {"minutes": run.minutes}


def _screen(mine: Records) -> ScreenOut:
    protocol = mine.protocol
    last = entries.last_screen(mine)
    return ScreenOut(
        questions=[
            Question(id=item.id, text=item.text, rule=item.rule) for item in protocol.screening.questions
        ],
        at=None if last is None else last.at,
        answers={} if last is None else dict(last.answers),
        qualities=[] if last is None else sorted(last.qualities),
        unanswered=[] if last is None else list(unanswered(protocol, last)),
    )
