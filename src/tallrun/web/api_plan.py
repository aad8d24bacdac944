"""Routes: planned sessions and the clinician's entries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from tallrun.journal import advice, clinician, experiment
from tallrun.journal.focus import focus
from tallrun.web.desk import Mine, OpenDesk
from tallrun.web.models import (
    ClinicianIn,
    ClinicianOut,
    DiagnosisIn,
    DiagnosisOut,
    Ended,
    EndIn,
    ExperimentEndIn,
    ExperimentIn,
    ExperimentOut,
    ExperimentRunIn,
    FocusOut,
    PlanAnswerOut,
    PlanIn,
    PlanOut,
)
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["plan"], responses=PROBLEMS)


@router.get("/plans", response_model=list[PlanOut])
def list_plans(mine: Mine) -> Any:
    """List the sessions planned from yesterday on."""
    return advice.plans(mine)


@router.post("/plans", response_model=PlanOut, status_code=201)
def keep_plan(mine: Mine, given: PlanIn) -> Any:
    """Write down a planned session."""
    plan_id, plan = advice.keep_plan(mine, _wish(given), given.entered_by)
    return advice.plan_fields(plan) | {"plan_id": plan_id}


@router.post("/plans/check", response_model=PlanAnswerOut)
def check_plan(mine: Mine, given: PlanIn) -> Any:
    """Check a session against today's verdict: the one given, else the one planned for today."""
    plan, found, answer = advice.check_plan(mine, _wish(given))
    return {
        "plan": advice.plan_fields(plan), "state": found.state, "rung": found.rung,
        "accepted": answer.accepted, "rules": list(answer.rules), "cap_m": answer.cap_m,
        "cap_minutes": answer.cap_minutes, "sentences": list(answer.sentences),
    }  # fmt: skip


@router.get("/focus", response_model=FocusOut)
def get_focus(mine: Mine) -> Any:
    """Return the one change of gait that is open, starts or waits, with its target."""
    return focus(mine)


@router.get("/experiment", response_model=ExperimentOut)
def get_experiment(mine: Mine) -> Any:
    """Return where the newest trial of two ways of running stands."""
    return experiment.status(mine)


@router.post("/experiment", response_model=ExperimentOut, status_code=201)
def open_experiment(mine: Mine, given: ExperimentIn) -> Any:
    """Fix and seal a trial at today's level; its length follows from this runner's own mornings."""
    return experiment.open_one(mine, by=given.entered_by, **given.model_dump(exclude={"entered_by"}))


@router.post("/experiment/run", response_model=ExperimentOut)
def answer_experiment(mine: Mine, given: ExperimentRunIn) -> Any:
    """Say whether a run was run as the trial asked."""
    return experiment.answer(mine, as_told=given.as_told, by=given.entered_by, session_id=given.session_id)


@router.post("/experiment/close", response_model=ExperimentOut)
def close_experiment(mine: Mine, given: ExperimentEndIn) -> Any:
    """End the trial and tell what it says; closed before its last run it tells nothing."""
    return experiment.close(mine, by=given.entered_by, why=given.why)


@router.get("/clinician", response_model=list[ClinicianOut])
def list_entries(mine: Mine) -> Any:
    """List the clinician's entries, with whether they hold now."""
    return [item | {"words": clinician.in_words(item)} for item in clinician.entries(mine)]


@router.post("/clinician", response_model=ClinicianOut, status_code=201)
def add_entry(mine: Mine, desk: OpenDesk, given: ClinicianIn) -> Any:
    """Add a dated clinician's entry."""
    limits = given.model_dump(exclude={"entered_by", "at", "expires_on"})
    for name in ("cap", "permits_rung"):
        limits[name] = limits[name] and limits[name].upper()
    kept = clinician.enter(
        mine, by=desk.signature(given.entered_by), at=given.at, expires_on=given.expires_on, **limits
    )
    return kept | {"words": clinician.in_words(kept)}


@router.post("/clinician/{clinician_id}/end")
def end_entry(
    mine: Mine, desk: OpenDesk, clinician_id: Annotated[str, Path(min_length=1, max_length=64)], given: EndIn
) -> Ended:
    """End an entry now; it stays in the records as one that held until now."""
    return Ended(ended=clinician.end(mine, clinician_id, by=desk.signature(given.entered_by)), at=mine.now)


@router.get("/diagnosis", response_model=DiagnosisOut | None)
def get_diagnosis(mine: Mine) -> Any:
    """Return the diagnosis on record, null when there is none."""
    found = clinician.diagnosis(mine)
    return (
        None if found is None else DiagnosisOut(at=found.at, by_clinician=found.by_clinician, text=found.text)
    )


@router.post("/diagnosis", response_model=DiagnosisOut, status_code=201)
def diagnose(mine: Mine, desk: OpenDesk, given: DiagnosisIn) -> Any:
    """Record that a clinician has made the diagnosis."""
    found = clinician.diagnose(mine, given.text, by=desk.signature(given.entered_by), at=given.at)
    return DiagnosisOut(at=found.at, by_clinician=found.by_clinician, text=found.text)


def _wish(given: PlanIn) -> advice.PlanWish:
    values = given.model_dump(exclude={"entered_by"})
    return advice.PlanWish(**(values | {"kinds": tuple(given.kinds)}))
