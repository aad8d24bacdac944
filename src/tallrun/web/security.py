"""Who may talk to the server: this machine, or on the LAN whoever brought the one-time pairing code.

Loopback needs no code. Host and Origin are checked on every request, so a page from elsewhere that a browser
was lured to can neither read nor tap (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "tallrun_session"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
#: A report is one self-made file with its scripts inside; it may reach nothing else.
REPORT_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "base-uri 'none'; form-action 'none'"
)
_WRONG_CODES_ALLOWED = 5


@dataclass
class Gate:
    """State of the door.

    lan_host : address served on the LAN, None for loopback only
    pairing_code : valid once; a new one is made after use
    """

    lan_host: str | None = None
    is_tls: bool = False
    pairing_code: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    _tokens: set[str] = field(default_factory=set)
    _wrong: int = 0

    def pair(self, code: str) -> str | None:
        """Exchange the one-time code for a session token; None when it is wrong or too many were wrong."""
        if self._wrong >= _WRONG_CODES_ALLOWED:
            return None
        if not hmac.compare_digest(code.encode(), self.pairing_code.encode()):
            self._wrong += 1
            return None
        self.pairing_code = secrets.token_urlsafe(9)
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return token

    def knows(self, token: str | None) -> bool:
        """Return whether a cookie belongs to a paired page."""
        return token is not None and any(hmac.compare_digest(token, known) for known in self._tokens)

    def allows_host(self, host: str) -> bool:
        """Return whether the Host header names this server."""
        return host in LOOPBACK_HOSTS or (self.lan_host is not None and host == self.lan_host)


class GateMiddleware:
    """Checks Host, Origin and pairing on HTTP and WebSocket, and sets security headers."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = _host_of(headers.get("host", ""))
        if not self.gate.allows_host(host):
            await _refuse(scope, receive, send, 421, "This server answers only to its own address.")
            return
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if unsafe and origin is not None and not self._is_own(origin, headers.get("host", "")):
            await _refuse(scope, receive, send, 403, "Requests from other sites are refused.")
            return
        if scope["type"] == "http" and scope["path"] == "/pair":
            await self._pair(scope, receive, send)
            return
        if not is_loopback(scope) and not self.gate.knows(_cookie(headers)):
            await _refuse(scope, receive, send, 401, "Scan the code the computer shows to pair this phone.")
            return
        await self.app(scope, receive, _with_headers(send))

    def _is_own(self, origin: str, host_header: str) -> bool:
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            return False
        return parts.netloc == host_header and self.gate.allows_host(host)

    async def _pair(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(
            item.partition("=")[::2] for item in scope["query_string"].decode("latin-1").split("&") if item
        )
        token = self.gate.pair(query.get("code", ""))
        if token is None:
            await _refuse(
                scope, receive, send, 403, "This pairing code is used up or wrong. Take the new one shown."
            )
            return
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=self.gate.is_tls, path="/")
        await answer(scope, receive, send)


def is_loopback(scope: Scope) -> bool:
    """Return whether the peer is this machine itself."""
    client = scope.get("client")
    if client is None:
        return False
    try:
        return ipaddress.ip_address(client[0].split("%")[0]).is_loopback
    except ValueError:
        return client[0] == "testclient"


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _cookie(headers: Headers) -> str | None:
    jar = SimpleCookie(headers.get("cookie", ""))
    return jar[COOKIE].value if COOKIE in jar else None


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            have = {name.lower() for name, _ in message["headers"]}
            extra = {
                b"content-security-policy": CONTENT_POLICY.encode(),
                b"x-content-type-options": b"nosniff",
                b"referrer-policy": b"no-referrer",
                b"cache-control": b"no-store",
            }
            message["headers"] = [*message["headers"], *((k, v) for k, v in extra.items() if k not in have)]
        await send(message)

    return wrapped


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4000 + status % 1000, "reason": text[:100]})
        return
    await PlainTextResponse(text, status_code=status)(scope, receive, send)
