"""Replay in the browser: the page, the replayed session, its stride shapes, what-if runs, notes and corrections."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from tallrun.numerics.recording import Recording
from tallrun.recovery import Protocol
from tallrun.report.overlays import add_overlay, as_rows, overlays_in_force, read_overlays
from tallrun.report.replay_data import WhatIf, page_data, replay, replay_summary, wave_bytes
from tallrun.sessions import read_session
from tallrun.web.problems import PROBLEMS

STATIC = Path(__file__).parent / "static"
#: Replayed sessions kept in memory; one hour of three sensors is about 10 MB.
MOST_KEPT = 4


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


@dataclass(frozen=True)
class _Kept:
    page: dict[str, Any]
    waves: bytes


def replay_router(
    folder_of: Callable[[str], Path],
    protocol: Callable[[], Protocol],
    *,
    load: Callable[[Path], Recording] = read_session,
    as_live: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Return the routes of the replay page.

    Errors are left to the application's problem handlers.

    folder_of : session id -> folder; raises a TallrunError for an id it does not know. protocol : gives the rules
    in force. load : reads a session (or decodes it from its packets, with ``as_live``). clock : for notes.
    """
    router = APIRouter(tags=["replay"], responses=PROBLEMS)
    kept: OrderedDict[tuple[Path, float], _Kept] = OrderedDict()
    lock = threading.Lock()

    def prepared(session_id: str) -> _Kept:
        folder = folder_of(session_id)
        key = (folder, (folder / "session.json").stat().st_mtime)
        with lock:
            if key not in kept:
                done = replay(load(folder), protocol(), record_waves=True, as_live=as_live)
                page = page_data(done, folder.resolve().name)
                content, rows = wave_bytes(done.run.gait.waves())
                kept[key] = _Kept(page | {"session_id": session_id, "wave_rows": rows}, content)
                while len(kept) > MOST_KEPT:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return kept[key]

    @router.get("/replay/{session_id}", include_in_schema=False)
    def replay_page(session_id: str) -> FileResponse:
        return FileResponse(STATIC / "replay" / "index.html")

    @router.get(
        "/api/replay/{session_id}",
        summary="A session run through the pipeline again",
    )
    def replayed(session_id: str) -> dict[str, Any]:
        return prepared(session_id).page

    @router.get(
        "/api/replay/{session_id}/waves",
        summary="Stride shapes as little-endian int16, left rows then right rows",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    def waves(session_id: str) -> Response:
        return Response(prepared(session_id).waves, media_type="application/octet-stream")

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
        found = replay_summary(replay(load(folder_of(session_id)), protocol(), wish, as_live=as_live))
        return {key: found[key] for key in ("what_if", "cues", "safety")}

    @router.get(
        "/api/replay/{session_id}/notes",
        summary="Notes and corrections in force",
    )
    def notes(session_id: str) -> dict[str, Any]:
        return {"notes": as_rows(overlays_in_force(read_overlays(folder_of(session_id))))}

    @router.post(
        "/api/replay/{session_id}/notes",
        summary="Add a note or correction",
        status_code=201,
    )
    def add(session_id: str, note: NoteIn) -> dict[str, Any]:
        return {"note": as_rows([add_overlay(folder_of(session_id), at=clock(), **note.model_dump())])[0]}

    return router
