"""The local web application: static pages, the live socket, and whatever routers a command adds."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from tallrun._version import __version__
from tallrun.live.hub import LiveHub
from tallrun.web.security import Gate, GateMiddleware

STATIC = Path(__file__).parent / "static"
#: A tap is a few dozen bytes; more is not from our page.
TAP_LIMIT_BYTES = 2048


def create_app(
    gate: Gate | None = None, hub: LiveHub | None = None, routers: Sequence[APIRouter] = ()
) -> FastAPI:
    """Build the application.

    hub : the live run to show; None for an app without one (``tallrun serve``)
    routers : further routes, for example the REST API over the store
    """
    app = FastAPI(title="tallrun", version=__version__, docs_url=None, redoc_url=None)
    app.state.gate = gate = gate or Gate()
    app.add_middleware(GateMiddleware, gate=gate)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in routers:
        app.include_router(router)
    if hub is not None:
        app.include_router(live_router(hub, is_home=not routers))
    return app


def live_router(hub: LiveHub, is_home: bool) -> APIRouter:
    """Routes of the live page."""
    router = APIRouter()

    @router.get("/live", include_in_schema=False)
    async def live_page() -> FileResponse:
        return FileResponse(STATIC / "live" / "index.html")

    if is_home:

        @router.get("/", include_in_schema=False)
        async def home() -> RedirectResponse:
            return RedirectResponse("/live")

    @router.websocket("/ws/live")
    async def live_socket(socket: WebSocket) -> None:
        await socket.accept()
        subscriber = hub.subscribe()
        reader = asyncio.create_task(_read_taps(socket, hub))
        reader.add_done_callback(lambda _: hub.end(subscriber))
        try:
            while (message := await subscriber.queue.get()) is not None:
                await socket.send_text(json.dumps(message, allow_nan=False))
            await socket.close(code=1013)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page went away; the run goes on
        finally:
            hub.unsubscribe(subscriber)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    return router


async def _read_taps(socket: WebSocket, hub: LiveHub) -> None:
    """Hand taps on until the page leaves; anything that is not one of our taps is ignored."""
    try:
        while True:
            text = await socket.receive_text()
            if len(text) > TAP_LIMIT_BYTES:
                continue
            try:
                message = json.loads(text)
            except ValueError:
                continue
            if isinstance(message, dict):
                hub.tap(message)
    except (WebSocketDisconnect, RuntimeError):
        return
