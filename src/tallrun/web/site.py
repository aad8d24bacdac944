"""The web app: REST API and pages over one desk. Pages are one shell; its script shows the page of the address."""

from __future__ import annotations

from pathlib import Path

import plotly
from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, RedirectResponse

from tallrun.journal.clinic import read_clinic
from tallrun.live.stage import Stage
from tallrun.report.stop_signs import stop_signs
from tallrun.web import (
    api_clinic,
    api_entries,
    api_plan,
    api_records,
    api_run,
    api_sessions,
    api_tables,
    api_today,
)  # fmt: skip
from tallrun.web.app import create_app
from tallrun.web.compare_api import compare_router
from tallrun.web.desk import Desk
from tallrun.web.jobs import Jobs
from tallrun.web.kept import KeptSessions
from tallrun.web.live_page import STATIC
from tallrun.web.problems import add_problem_handlers
from tallrun.web.replay_api import replay_router
from tallrun.web.security import Gate

#: Address -> what it is called. ``/report/ID`` is reached from Sessions.
PAGES = {
    "/patients": "Patients",
    "/today": "Today",
    "/run": "Run",
    "/sessions": "Sessions",
    "/recovery": "Recovery",
    "/plan": "Plan",
    "/settings": "Settings",
}
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def create_site(desk: Desk, gate: Gate | None = None, stage: Stage | None = None) -> FastAPI:
    """Build the whole web app over one desk. stage : runs from the phone; None for pages over records alone."""
    kept = KeptSessions(desk.session_folder, desk.rules)
    routers = [
        *(
            module.router
            for module in (
                api_today,
                api_entries,
                api_plan,
                api_sessions,
                api_records,
                api_clinic,
                api_run,
                api_tables,
            )
        ),
        page_router(desk),
        replay_router(
            desk.session_folder,
            desk.rules,
            kept=kept,
            name_of=desk.session_name,
            whose=desk.whose,
            is_in_app=True,
            signed_by=lambda: read_clinic(desk.store).clinician,
        ),
        compare_router(
            desk.session_folder,
            desk.history_around,
            desk.session_name,
            lambda: stop_signs(desk.rules()),
            kept,
            desk.sheet,
        ),
    ]
    app = create_app(gate, None if stage is None else lambda: stage.hub, routers=routers)
    app.state.stage = stage
    app.state.desk = desk
    app.state.jobs = Jobs()
    add_problem_handlers(app)
    return app


def page_router(desk: Desk) -> APIRouter:
    """Routes of the pages and of plotly's own script; with several runners the first page is their list."""
    router = APIRouter(include_in_schema=False)
    shell = STATIC / "app" / "index.html"

    @router.get("/")
    def home() -> RedirectResponse:
        return RedirectResponse("/patients" if len(desk.store.runner_codes()) > 1 else "/today")

    for address in (*PAGES, "/report/{session_id}"):

        @router.get(address, name=address)
        def page() -> FileResponse:
            return FileResponse(shell)

    @router.get("/sw.js")
    def service_worker() -> FileResponse:
        # at the root, for a worker looks after what lies below its own address
        return FileResponse(STATIC / "app" / "sw.js", media_type="text/javascript")

    @router.get("/manifest.webmanifest")
    def manifest() -> FileResponse:
        return FileResponse(STATIC / "manifest.webmanifest", media_type="application/manifest+json")

    @router.get("/vendor/plotly.min.js")
    def plotly_script() -> FileResponse:
        return FileResponse(
            PLOTLY, media_type="text/javascript", headers={"cache-control": "private, max-age=86400"}
        )

    return router
