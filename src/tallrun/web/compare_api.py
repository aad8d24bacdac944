"""Comparison in the browser: the page, its numbers as JSON, and the patient's hand-out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tallrun.errors import UsageError
from tallrun.gait.summary import Gait
from tallrun.insight import SessionBlocks
from tallrun.report.compare import Comparison, Side, compare
from tallrun.report.compare_page import build_compare_page, build_handout
from tallrun.report.paper import Sheet
from tallrun.report.stop_signs import StopSigns
from tallrun.web.kept import KeptSessions
from tallrun.web.problems import PROBLEMS

SCRIPT = "/static/compare/compare.js"

_OTHER = {"a": "b", "b": "a", "a_from": "b_from", "a_to": "b_to", "b_from": "a_from", "b_to": "a_to"}

Speed = Annotated[float | None, Query(gt=0.0, lt=40.0, description="Compare at this speed [km/h].")]
From = Annotated[float | None, Query(ge=0.0, allow_inf_nan=False, description="Part from here [s].")]
To = Annotated[float | None, Query(gt=0.0, allow_inf_nan=False, description="Part up to here [s].")]


def compare_router(
    folder_of: Callable[[str], Path],
    history_of: Callable[[str, Gait], Sequence[SessionBlocks]] = lambda session_id, gait: (),
    name_of: Callable[[str], str] | None = None,
    stop_signs: Callable[[], Sequence[StopSigns]] = lambda: (),
    kept: KeptSessions | None = None,
    sheet_of: Callable[[str], Sheet] = lambda session_id: Sheet(),
) -> APIRouter:
    """Return the routes of the comparison.

    Errors are left to the application's problem handlers.

    folder_of : session id -> folder; raises a TallrunError for an id it does not know. history_of : the sessions of a
    gait of the runner whose session this is. name_of : what the session is called, default the folder's name.
    stop_signs : what the hand-out prints of the screening. kept : analysed sessions shared with other pages. sheet_of :
    whose a page is.
    """
    router = APIRouter(tags=["compare"], responses=PROBLEMS)
    sessions = kept or KeptSessions(folder_of)

    def side(session_id: str, start_s: float | None, end_s: float | None) -> Side:
        whole = sessions.get(session_id).side
        named = replace(whole, name=name_of(session_id)) if name_of else whole
        if start_s is None and end_s is None:
            return named
        begin_s, until_s = start_s or 0.0, float("inf") if end_s is None else end_s
        ends = whole.tables.segments["end_s"]
        length_s = float(ends.max()) if len(ends) else 0.0
        if not begin_s < min(until_s, length_s):
            raise UsageError(
                f"a part runs from an earlier to a later time within the session's {length_s:.0f} s, "
                f"got {begin_s:.6g} to {until_s:.6g} s"
            )
        return replace(named, part_s=(begin_s, until_s)).cut()

    def found(
        a: str,
        b: str,
        speed_kmh: float | None,
        parts: tuple[float | None, float | None, float | None, float | None],
    ) -> Comparison:
        first, second = side(a, *parts[:2]), side(b, *parts[2:])
        return compare(
            first, second, history_of(a, first.gait), None if speed_kmh is None else speed_kmh / 3.6
        )

    @router.get("/api/compare", summary="Two sessions at matched speed")
    def compared(
        a: str, b: str, speed_kmh: Speed = None, a_from: From = None, a_to: To = None, b_from: From = None,
        b_to: To = None,
    ) -> dict[str, Any]:  # fmt: skip
        return found(a, b, speed_kmh, (a_from, a_to, b_from, b_to)).as_json()

    def is_turned(a: str, b: str) -> bool:
        first, second = (sessions.get(item).side.started_at for item in (a, b))
        return first is not None and second is not None and second < first

    @router.get("/compare", include_in_schema=False, response_class=HTMLResponse)
    def compare_page(
        request: Request,
        a: str, b: str, speed_kmh: Speed = None, a_from: From = None, a_to: To = None, b_from: From = None,
        b_to: To = None,
    ) -> Response:  # fmt: skip
        if is_turned(a, b):  # the address then names them as the page does: its parts belong to A and B
            turned = [(_OTHER.get(name, name), value) for name, value in request.query_params.multi_items()]
            return RedirectResponse(f"/compare?{urlencode(turned)}")
        return HTMLResponse(
            build_compare_page(found(a, b, speed_kmh, (a_from, a_to, b_from, b_to)), SCRIPT, sheet_of(a))
        )

    @router.get("/compare/handout", include_in_schema=False, response_class=HTMLResponse)
    def handout(
        a: str,
        b: str,
        speed_kmh: Speed = None,
        a_from: From = None,
        a_to: To = None,
        b_from: From = None,
        b_to: To = None,
        note: Annotated[str, Query(max_length=2000)] = "",
        for_whom: Annotated[str, Query(max_length=80)] = "",
    ) -> str:
        compared = found(a, b, speed_kmh, (a_from, a_to, b_from, b_to))
        return build_handout(compared, note, for_whom, stop_signs(), sheet=sheet_of(a))

    return router
