"""A tap that comes again, because the link broke under its answer, acts once and is answered alike."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TAP_HEADER = "x-tallrun-tap"
#: Answers remembered; a page sends a tap again for a minute at most.
MOST_KEPT = 256
_TAP_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


class OnceMiddleware:
    """Answers a request that bears the id of an earlier one to the same address with what that one was answered.

    One that comes while the first is still going on waits for it. What failed is forgotten. Belongs inside the gate.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answers: OrderedDict[tuple[str, bytes, str], asyncio.Future[list[Message]]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it from memory."""
        tap_id = Headers(scope=scope).get(TAP_HEADER, "") if scope["type"] == "http" else ""
        if not _TAP_ID.fullmatch(tap_id):
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"], tap_id)
        known = self._answers.get(key)
        if known is not None and (answer := await asyncio.shield(known)):
            for message in answer:
                await send(message)
            return
        future = self._answers[key] = asyncio.get_running_loop().create_future()
        said: list[Message] = []

        async def keeping(message: Message) -> None:
            said.append(message)
            await send(message)

        try:
            await self._app(scope, receive, keeping)
        except BaseException:
            said.clear()
            raise
        finally:
            future.set_result(said)
            if not said or said[0].get("status", 500) >= 500:
                self._answers.pop(key, None)
            while len(self._answers) > MOST_KEPT:
                self._answers.popitem(last=False)
