"""Replay in the browser: page, replayed session, stride shapes, raw signals, what-if runs, notes and corrections."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from tallrun.numerics.recording import Recording
from tallrun.recovery import Protocol
from tallrun.report.corrections import check_correction, corrected
from tallrun.report.overlays import (
    Overlay,
    add_overlay,
    as_rows,
    check_within,
    overlays_in_force,
    read_overlays,
)
from tallrun.report.replay_data import WhatIf, corrections_for_page, replay, replay_summary
from tallrun.sessions import read_session
from tallrun.web.kept import KeptSession, KeptSessions
from tallrun.web.problems import PROBLEMS

STATIC = Path(__file__).parent / "static"
#: Mark of the page inside the app, where there are other pages to go to.
IN_APP = '<html lang="en" data-in-app>'


class NoteIn(BaseModel):
    """One note or correction to add; ``about`` is the id of an entry to take back."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(max_length=80)
    kind: str = Field(max_length=40)
    t_s: float = Field(ge=0.0, allow_inf_nan=False)
    text: str = Field(default="", max_length=2000)
    foot: str | None = Field(default=None, max_length=10)
    moved_to_s: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    about: str | None = Field(default=None, max_length=60)


def replay_router(
    folder_of: Callable[[str], Path],
    protocol: Callable[[], Protocol],
    *,
    load: Callable[[Path], Recording] = read_session,
    kept: KeptSessions | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    name_of: Callable[[str], str] | None = None,
    whose: Callable[[str], str] = lambda session_id: "",
    is_in_app: bool = False,
    signed_by: Callable[[], str] = lambda: "",
) -> APIRouter:
    """Return the routes of the replay page.

    Errors are left to the application's problem handlers.

    folder_of : session id -> folder; raises a TallrunError for an id it does not know. protocol : gives the rules
    in force. load : reads a session (or decodes it from its packets). kept : analysed sessions shared with other
    pages. clock : for notes. name_of : what a session is called, default its folder's name. whose : code of its runner,
    empty where there is one only. is_in_app : whether the app's other pages are there too. signed_by : the name a note
    is signed with unless another is typed.
    """
    router = APIRouter(tags=["replay"], responses=PROBLEMS)
    sessions = kept or KeptSessions(folder_of, protocol, load)

    def prepared(session_id: str) -> KeptSession:
        return sessions.get(session_id)

    def overlays(session_id: str) -> dict[str, Any]:
        known, entries = prepared(session_id), read_overlays(folder_of(session_id))
        fixed = corrected(known.strides, entries, known.end_s)
        return {
            "notes": as_rows(overlays_in_force(entries)),
            "corrections": corrections_for_page(fixed),
        }

    @router.get("/replay/{session_id}", include_in_schema=False)
    def replay_page(session_id: str) -> HTMLResponse:
        page = (STATIC / "replay" / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(page.replace('<html lang="en">', IN_APP, 1) if is_in_app else page)

    @router.get(
        "/api/replay/{session_id}",
        summary="A session run through the pipeline again",
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}},
    )
    def replayed(session_id: str) -> Response:
        return Response(prepared(session_id).page(session_id), media_type="application/json")

    @router.get("/api/replay/{session_id}/name", summary="What the session is called")
    def name(session_id: str) -> dict[str, str]:
        called = name_of(session_id) if name_of else folder_of(session_id).resolve().name
        return {"name": called, "by": signed_by(), "whose": whose(session_id)}

    @router.get(
        "/api/replay/{session_id}/waves",
        summary="Stride shapes as little-endian int16, left rows then right rows",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    def waves(session_id: str) -> Response:
        return Response(prepared(session_id).waves[0], media_type="application/octet-stream")

    @router.get(
        "/api/replay/{session_id}/signals",
        summary="Force and turning rate of every sensor in a window of at most a minute",
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}},
    )
    def signals(
        session_id: str,
        start_s: Annotated[float, Query(ge=0.0, allow_inf_nan=False)],
        end_s: Annotated[float, Query(gt=0.0, allow_inf_nan=False)],
    ) -> Response:
        found = prepared(session_id).signals.window(start_s, end_s)
        return Response(json.dumps(found, allow_nan=False), media_type="application/json")

    @router.get(
        "/api/replay/{session_id}/what-if",
        summary="The same run with other settings",
    )
    def what_if(
        session_id: str,
        target_spm: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        focus: Annotated[str | None, Query(max_length=20)] = None,
        band_pct: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        hold_s: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        green_limit: Annotated[int | None, Query()] = None,
    ) -> dict[str, Any]:
        wish = WhatIf(target_spm, focus, band_pct, hold_s, green_limit)
        found = replay_summary(replay(load(folder_of(session_id)), protocol(), wish))
        return {key: found[key] for key in ("what_if", "cues", "safety")}

    @router.get(
        "/api/replay/{session_id}/notes",
        summary="Notes and corrections in force, and the strides they change",
    )
    def notes(session_id: str) -> dict[str, Any]:
        return overlays(session_id)

    @router.post(
        "/api/replay/{session_id}/notes",
        summary="Add a note or correction",
        status_code=201,
    )
    def add(session_id: str, note: NoteIn) -> dict[str, Any]:
        known = prepared(session_id)

        def check(before: list[Overlay], entry: Overlay) -> None:
            check_within(entry, known.end_s)
            check_correction(known.strides, before, entry, known.end_s)

        made = add_overlay(folder_of(session_id), at=clock(), check=check, **note.model_dump())
        return {"note": as_rows([made])[0]} | overlays(session_id)

    return router
