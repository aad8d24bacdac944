"""Routes: who runs, today's verdict, what is due, the ladder."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tallrun._version import __version__
from tallrun.journal import advice, profile, today
from tallrun.journal.calendar import calendar_weeks
from tallrun.journal.reminders import calendar
from tallrun.journal.shown import ShownAs, read_shown, write_shown
from tallrun.live.demo import is_invented
from tallrun.web.desk import Mine, OpenDesk
from tallrun.web.models_today import (
    CardOut,
    DueOut,
    LadderOut,
    ProfileOut,
    SetupIn,
    ShownIn,
    ShownOut,
    StatusOut,
    TodayOut,
    VerdictOut,
    WeekOut,
)
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["today"], responses=PROBLEMS)


@router.get("/status")
def status(request: Request, desk: OpenDesk) -> StatusOut:
    """Say which runners there are, and whether anyone is set up."""
    codes = list(desk.store.runner_codes())
    folder = desk.sessions_folder
    stage = request.app.state.stage
    trial: Literal["offered", "on"] | None = None
    if stage is not None and stage.can_invent:
        trial = "on" if is_invented(desk.store) else None if codes else "offered"
    return StatusOut(
        version=__version__,
        runners=codes,
        is_set_up=bool(codes),
        sessions_folder=None if folder is None else str(folder),
        shown=ShownOut(**asdict(read_shown(desk.store))),
        trial=trial,
    )


@router.post("/shown", response_model=ShownOut)
def set_shown(desk: OpenDesk, given: ShownIn) -> Any:
    """Set how numbers are shown."""
    return asdict(write_shown(desk.store, ShownAs(given.length, given.week_starts)))


@router.get("/profile", response_model=ProfileOut)
def get_profile(mine: Mine) -> Any:
    """Return who runs."""
    return profile.known_profile(mine.store, mine.runner_id)


@router.post("/setup", response_model=ProfileOut)
def set_up(desk: OpenDesk, given: SetupIn) -> Any:
    """Set a runner up, or change what is known."""
    return profile.set_up(
        desk.store, given.code, given.model_dump(), by=given.entered_by, now=desk.clock(),
        diagnosed_by=given.diagnosed_by, diagnosis_text=given.diagnosis_text, phase=given.phase,
        morning_scores=given.morning_scores, load_test=given.load_test,
    )  # fmt: skip


@router.get("/today", response_model=TodayOut)
def get_today(mine: Mine) -> Any:
    """Return everything the Today page shows."""
    return today.today(mine)


@router.get("/verdict", response_model=VerdictOut)
def get_verdict(mine: Mine) -> Any:
    """Return today's verdict, as ``tallrun advise --json``."""
    return advice.contract(advice.advise(mine))


@router.post("/told", response_model=VerdictOut)
def tell_verdict(mine: Mine) -> Any:
    """Return today's verdict and keep in the ladder history that it was told: a page that shows it says so here."""
    return advice.contract(advice.tell(mine))


@router.get("/card", response_model=CardOut)
def get_card(mine: Mine) -> Any:
    """Return today's verdict with its dose in blocks and its reasons in words."""
    return today.card(mine)


@router.get("/due", response_model=list[DueOut])
def get_due(mine: Mine) -> Any:
    """Return the questions that are open or coming."""
    return today.due(mine)


@router.get("/due.ics", include_in_schema=False)
def get_reminders(mine: Mine) -> Response:
    """Return the coming questions as a calendar file, as ``tallrun due --ics``."""
    text = calendar(today.all_due(mine, mine.local_now), mine.now)
    kind = "text/calendar; charset=utf-8"
    return Response(
        text, media_type=kind, headers={"content-disposition": 'attachment; filename="tallrun.ics"'}
    )


@router.get("/weeks", response_model=list[WeekOut])
def get_weeks(mine: Mine, count: Annotated[int, Query(ge=1, le=52)] = 2) -> Any:
    """Return the last weeks, up to the end of this one: planned, done, pain."""
    return calendar_weeks(mine, count)


@router.get("/ladder", response_model=LadderOut)
def get_ladder(mine: Mine, days: Annotated[int, Query(ge=1, le=3650)] = 90) -> Any:
    """Return the ladder with the level advised now, and the advice given in the last days."""
    return advice.ladder(mine, days=days)
