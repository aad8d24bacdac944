"""The local web application: static pages, the live socket, and whatever routers a command adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from tallrun._version import __version__
from tallrun.live.hub import LiveHub
from tallrun.web.live_page import STATIC, live_router
from tallrun.web.once import OnceMiddleware
from tallrun.web.security import Gate, GateMiddleware


def create_app(
    gate: Gate | None = None,
    hub: LiveHub | Callable[[], LiveHub] | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build the application.

    hub : the live run to show, or what gives the run of now; None for an app without any
    routers : further routes, for example the REST API over the store
    """
    app = FastAPI(title="tallrun", version=__version__, docs_url=None, redoc_url=None)
    app.state.gate = gate = gate or Gate()
    app.add_middleware(OnceMiddleware)
    app.add_middleware(GateMiddleware, gate=gate)  # the outermost
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in routers:
        app.include_router(router)
    if hub is not None:
        hub_now = (lambda: hub) if isinstance(hub, LiveHub) else hub
        app.include_router(live_router(hub_now, is_home=not routers))
    return app
