"""Routes of a live run: its page, its socket, a second way in for taps, and the report once there is one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from tallrun.live.hub import TAP_LIMIT_BYTES, LiveHub, Page

STATIC = Path(__file__).parent / "static"
#: A page that hears nothing for a second says so; this keeps a silent run apart from a dead link.
BEAT_EVERY_S = 0.4


def live_router(hub_now: Callable[[], LiveHub], is_home: bool) -> APIRouter:
    """Return the routes; ``hub_now`` gives the run of now, ``is_home`` when there is no other page to start from."""
    router = APIRouter()

    @router.get("/live", include_in_schema=False)
    async def live_page() -> FileResponse:
        return FileResponse(STATIC / "live" / "index.html")

    if is_home:

        @router.get("/", include_in_schema=False)
        async def home() -> RedirectResponse:
            return RedirectResponse("/live")

    @router.get("/live/report", include_in_schema=False)
    async def report() -> FileResponse:
        hub = hub_now()
        if hub.report is None or not hub.report.is_file():
            raise HTTPException(404, "There is no report of this run yet.")
        return FileResponse(hub.report, media_type="text/html")

    @router.post("/live/tap", include_in_schema=False)
    async def tap(request: Request) -> JSONResponse:
        """Take a tap beside the socket, for a socket that is open and dead."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > TAP_LIMIT_BYTES:
                return JSONResponse(hub_now().take(b""), status_code=413)
        return JSONResponse(hub_now().take(body.decode("utf-8", errors="replace")))

    @router.websocket("/ws/live")
    async def live_socket(socket: WebSocket) -> None:
        await socket.accept()
        hub = hub_now()
        page = hub.join()
        reader = asyncio.create_task(_read_taps(socket, hub, page))
        reader.add_done_callback(lambda _: hub.leave(page))
        try:
            while True:
                try:
                    async with asyncio.timeout(BEAT_EVERY_S):
                        message = await page.next()
                except TimeoutError:
                    message = {"type": "beat"}
                if message is None:
                    break
                with contextlib.suppress(
                    ValueError, TypeError
                ):  # one that no page can read costs itself only
                    text = json.dumps(message, allow_nan=False)
                    await socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page went away; the run goes on
        finally:
            hub.leave(page)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    return router


async def _read_taps(socket: WebSocket, hub: LiveHub, page: Page) -> None:
    """Let taps act until the page leaves; whatever else it sends is answered and forgotten."""
    while True:
        try:
            message = await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        answer = hub.take(b"" if text is None else text, page)
        if answer["tap_id"] is not None:  # nobody waits for the answer to what bears no id
            page.put(answer)
        await asyncio.sleep(0)  # a flood of one page never holds up the others
