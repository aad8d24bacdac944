"""Routes of a run from the phone: where it stands, and the next step; and which phones may take part."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from tallrun.errors import EntryError
from tallrun.journal.desk import NotThereError
from tallrun.live.demo import invent_runner, invented_day, is_invented, next_morning
from tallrun.live.stage import REAL_DAYS, Stage, Step
from tallrun.recovery.model import Surface
from tallrun.web.desk import OpenDesk
from tallrun.web.models import Taken, Word
from tallrun.web.problems import PROBLEMS, NotSetUpError

ON_A_SERVER = (
    "These records are in a database, and a run with sensors is recorded for those of a folder on this computer only. "
    "Log it here when it is done."
)

router = APIRouter(prefix="/api", tags=["run"], responses=PROBLEMS)


class StartIn(Taken):
    """What a run may be told at its start; the plan of the day gives the rest."""

    minutes: float | None = Field(
        None, ge=1, le=600, description="A free run of this length; null: today's level."
    )
    surface: Surface | None = None
    speed_kmh: float | None = Field(None, ge=1, le=25, description="Belt speed, when no treadmill tells it.")
    against_advice: bool = Field(False, description="Record on a day that is no day for a run; without cues.")
    walk: bool = Field(False, description="One walk without cues, of these minutes or 30; no level is run.")
    runner: Word | None = None


class StepIn(Taken):
    """The next thing to do."""

    do: Literal["sensors", "listen", "pair", "unpair", "go_on", "check_feet", "stand", "run", "leave"]
    placement: Word | None = None
    address: Word | None = None
    leaves: Step | None = Field(
        None, description="With go_on: the step that is left; where it is another one by now nothing is done."
    )


class TrialIn(Taken):
    """What an invented runner does next."""

    do: Literal["begin", "night"]


class PhoneOut(BaseModel):
    """A phone that is paired; its name opens nothing."""

    name: str
    paired_at: str


class DoorOut(BaseModel):
    """Who may open the pages, and the code for one more phone; null on this computer alone."""

    is_tls: bool
    lan_url: str | None
    pair_url: str | None
    qr: str | None = Field(description="The code as an image, a data: address.")
    phones: list[PhoneOut]


class UnpairIn(Taken):
    """Which phone is shut out."""

    name: Word


def stage_of(request: Request) -> Stage:
    """Return the server's stage; raises NotThereError where pages are served over records alone."""
    found: Stage | None = request.app.state.stage
    if found is None:
        raise NotThereError("Runs are started from the pages of tallrun serve.")
    return found


OpenStage = Annotated[Stage, Depends(stage_of)]


@router.get("/run")
async def get_run(stage: OpenStage) -> dict[str, Any]:
    """Return the step of the run and what belongs to it."""
    return stage.state()


@router.post("/run/start")
async def start(stage: OpenStage, desk: OpenDesk, given: StartIn) -> dict[str, Any]:
    """Begin a run, with today's plan; refused as ``tallrun run`` refuses it."""
    if not desk.store.runner_codes():
        raise NotSetUpError
    if (
        desk.store.folder is None
    ):  # plan and record would be those of this computer's own folder, of somebody else
        raise EntryError(ON_A_SERVER)
    await stage.start(
        given.runner, given.minutes, given.surface, None if given.speed_kmh is None else given.speed_kmh / 3.6,
        given.against_advice, given.walk,
    )  # fmt: skip
    return stage.state()


@router.post("/run/step")
async def step(stage: OpenStage, given: StepIn) -> dict[str, Any]:
    """Do the next thing; what takes time goes on beside, and the state tells how far it is."""
    if (given.do in ("pair", "unpair") and not given.placement) or (given.do == "pair" and not given.address):
        raise EntryError("Say which sensor, and where it is worn.")
    if given.do == "pair":
        await stage.pair(str(given.placement), str(given.address))
    elif given.do == "unpair":
        stage.unpair(str(given.placement))
    elif given.do == "go_on":
        stage.go_on(given.leaves)
    elif given.do == "leave":
        await stage.leave()
    else:
        getattr(stage, given.do)()
    return stage.state()


@router.post("/trial", status_code=204)
async def try_it(stage: OpenStage, desk: OpenDesk, given: TrialIn) -> None:
    """Set up an invented runner in empty records, or let the night pass for one; with emulated sensors only."""
    store = desk.store
    if given.do == "begin":
        if store.runner_codes() or store.folder is None:
            raise EntryError(
                "An invented runner is set up in an empty folder only: choose one with --data-dir."
            )
        stage.live_at(invented_day(desk.clock()))
        invent_runner(store.folder, desk.clock())
        return
    if not is_invented(store):
        raise EntryError(REAL_DAYS)
    stage.live_at(next_morning(desk.clock()))


@router.get("/door")
def get_door(request: Request) -> DoorOut:
    """Return the phones that are paired and the one-time code for another."""
    return _door(request)


@router.post("/door/unpair")
def unpair(request: Request, given: UnpairIn) -> DoorOut:
    """Shut a phone out."""
    if not request.app.state.gate.unpair(given.name):
        raise NotThereError("There is no such phone any more.")
    return _door(request)


def _door(request: Request) -> DoorOut:
    gate = request.app.state.gate
    url = None if gate.lan_url is None else f"{gate.lan_url}/pair?code={gate.pairing_code}"
    picture = None
    if url is not None:
        picture = segno.make(url, error="m").svg_data_uri(scale=5, border=3, light="#fff")
    return DoorOut(
        is_tls=gate.is_tls,
        lan_url=gate.lan_url,
        pair_url=url,
        qr=picture,
        phones=[PhoneOut(name=name, paired_at=at) for name, at in gate.phones.items()],
    )
