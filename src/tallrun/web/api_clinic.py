"""Routes: all runners of the data folder as a list, and who keeps it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from tallrun.errors import EntryError
from tallrun.journal.clinic import Clinic, read_clinic, write_clinic
from tallrun.journal.desk import Records
from tallrun.journal.patients import patients
from tallrun.web.desk import OpenDesk
from tallrun.web.models import Taken
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["clinic"], responses=PROBLEMS)


class MorningOut(BaseModel):
    """The worst morning score of a local date; null where none was given."""

    date: date
    score: int | None


class AlertOut(BaseModel):
    """One reason to look at a runner first."""

    kind: Literal[
        "unreadable", "red_flag", "over_limit", "red_run", "no_reply", "missed_mornings", "gait_flag"
    ]
    text: str


class PatientOut(BaseModel):
    """A runner on the list. state, name, rung : today's advice; null where it could not be made."""

    code: str
    side: str | None
    site: str | None
    state: str | None
    name: str | None
    rung: str | None
    phase: int | None
    last_run_at: datetime | None
    last_run_minutes: float | None
    last_grade: str | None
    mornings: list[MorningOut]
    alerts: list[AlertOut]


class ClinicOut(BaseModel):
    """Who signs exports, notes and limits, and what stands on top of printed pages; empty where nothing was set."""

    clinician: str
    letterhead: str


class ClinicIn(Taken):
    """What to set."""

    clinician: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] = ""
    letterhead: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)] = ""


@router.get("/patients", response_model=list[PatientOut])
def get_patients(request: Request, desk: OpenDesk) -> Any:
    """Return every runner, the one in greatest need first; the look is noted in each one's access log."""
    store, now = desk.store, desk.clock()
    for runner_id in store.runner_codes().values():
        with suppress(EntryError):  # a runner who is not set up has no records to look at
            desk.note_look(Records(store, runner_id, now), request.state.who)
    return patients(store, now)


@router.get("/clinic", response_model=ClinicOut)
def get_clinic(desk: OpenDesk) -> Any:
    """Return who keeps these records."""
    return asdict(read_clinic(desk.store))


@router.post("/clinic", response_model=ClinicOut)
def set_clinic(desk: OpenDesk, given: ClinicIn) -> Any:
    """Set the clinician's name and the letterhead."""
    return asdict(write_clinic(desk.store, Clinic(given.clinician, given.letterhead)))
