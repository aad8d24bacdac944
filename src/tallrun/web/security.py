"""Who may talk to the server, and how much: another user of this machine is a stranger, too.

This computer's browser brings the key of the printed address and gets a cookie for it; a phone on the LAN brings the
one-time pairing code. Without either nothing is read and nothing is written, WebSocket included. Host, Origin and
Sec-Fetch-Site are checked as well, so a page from elsewhere that a browser was lured to can neither read nor tap (DNS
rebinding, cross-site requests). Bodies and messages have a size.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import html
import ipaddress
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallrun.errors import SessionError
from tallrun.sessions import write_text

THIS_COMPUTER, PAIRED_PHONE = "this computer", "a paired phone"
#: Of the printed address: ``http://127.0.0.1:8377/today?token=...``.
KEY_PARAMETER = "token"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
#: A report is one self-made file with its scripts inside; it may reach nothing else.
REPORT_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "base-uri 'none'; form-action 'none'"
)
#: The largest thing a page sends is a long note; more is not from our pages.
BODY_LIMIT_BYTES = 2**20
#: A watch's file or an archive of them is larger than anything else a page sends.
FILE_PATH, FILE_LIMIT_BYTES = "/api/sessions/watch", 64 * 2**20
#: A tap is a few dozen bytes.
MESSAGE_LIMIT_CHARS = 16 * 1024
#: Phones stay paired until they are unpaired; a browser forgets a cookie after this at the latest.
PHONES_FILE, COOKIE_DAYS = "phones.json", 400
WRONG_CODES_ALLOWED, WRONG_CODES_WINDOW_S = 5, 60.0
_ADDRESSES_REMEMBERED = 1024
_PAIR_BODY_BYTES = 4096
_READING = ("GET", "HEAD", "OPTIONS")


@dataclass
class Gate:
    """State of the door.

    lan_host : address served on the LAN, None for loopback only
    key : opens the door for this computer, as long as the server runs
    pairing_code : valid once; a new one is made after use
    listeners : told of each new pairing code (the terminal, a page that is paired already)
    """

    lan_host: str | None = None
    is_tls: bool = False
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    pairing_code: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    clock_s: Callable[[], float] = time.monotonic
    _own_cookie: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    lan_url: str | None = None
    _phones: dict[str, str] = field(default_factory=dict, repr=False)
    _phones_file: Path | None = field(default=None, repr=False)
    _wrong: dict[str, list[float]] = field(default_factory=dict)

    def open(self, key: str) -> str | None:
        """Exchange the key of the printed address for this computer's cookie; None when it is wrong."""
        return self._own_cookie if _same(key, self.key) else None

    def seconds_to_wait(self, address: str) -> float:
        """Return how long an address that brought wrong codes has to wait [s]; 0 when it may try."""
        now_s = self.clock_s()
        recent = [at_s for at_s in self._wrong.get(address, ()) if now_s - at_s < WRONG_CODES_WINDOW_S]
        if len(recent) < WRONG_CODES_ALLOWED:
            return 0.0
        return WRONG_CODES_WINDOW_S - (now_s - recent[-WRONG_CODES_ALLOWED])

    def pair(self, code: str, address: str = "") -> str | None:
        """Exchange the one-time code for a session cookie; None when it is wrong or the address must wait.

        Wrong codes of one address hold up that address only, and never use the code up.
        """
        if self.seconds_to_wait(address) > 0:
            return None
        if not _same(code, self.pairing_code):
            kept = self._wrong.pop(address, [])[-WRONG_CODES_ALLOWED:]
            self._wrong[address] = [*kept, self.clock_s()]
            while len(self._wrong) > _ADDRESSES_REMEMBERED:
                del self._wrong[next(iter(self._wrong))]
            return None
        self.pairing_code = secrets.token_urlsafe(9)
        cookie = secrets.token_urlsafe(24)
        self._phones[_digest(cookie)] = datetime.now(UTC).isoformat(timespec="seconds")
        self._write_phones()
        for tell in self.listeners:
            tell(self.pairing_code)
        return cookie

    def who(self, cookie: str | None) -> str | None:
        """Return who a cookie belongs to; None for a stranger."""
        if cookie is None:
            return None
        if _same(cookie, self._own_cookie):
            return THIS_COMPUTER
        told = _digest(cookie)
        return PAIRED_PHONE if any([_same(told, known) for known in self._phones]) else None

    def keep_phones_in(self, folder: Path) -> None:
        """Know the phones paired before, and keep those to come: a hash of each cookie and when it was paired."""
        self._phones_file = folder / PHONES_FILE
        try:
            kept = json.loads(self._phones_file.read_text(encoding="utf-8"))["phones"]
            self._phones |= {str(key): str(at) for key, at in kept.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # none yet, or unreadable: those phones pair again

    @property
    def phones(self) -> dict[str, str]:
        """When each phone was paired, by a short name that opens nothing."""
        return {key[:12]: at for key, at in self._phones.items()}

    def unpair(self, name: str) -> bool:
        """Shut a phone out; False when there is none of that name."""
        keys = [key for key in self._phones if key[:12] == name]
        for key in keys:
            del self._phones[key]
        self._write_phones()
        return bool(keys)

    def _write_phones(self) -> None:
        if self._phones_file is None:
            return
        text = json.dumps({"version": 1, "phones": self._phones}, indent=1)
        with contextlib.suppress(SessionError):  # a full disk: the phone stays paired until the server ends
            write_text(self._phones_file, text)

    def allows_host(self, host: str) -> bool:
        """Return whether the Host header names this server."""
        return host in LOOPBACK_HOSTS or (self.lan_host is not None and host == self.lan_host)


class GateMiddleware:
    """Checks Host, Origin, cookie and size on HTTP and WebSocket, and sets security headers on every answer."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        send = _with_headers(send)
        headers = Headers(scope=scope)
        if not self.gate.allows_host(_host_of(headers.get("host", ""))):
            await _refuse(scope, receive, send, 421, "This server answers only to its own address.")
            return
        if self._is_from_elsewhere(scope, headers):
            await _refuse(scope, receive, send, 403, "Requests from other sites are refused.")
            return
        if scope["type"] == "http" and _length_of(headers) > _limit_of(scope):
            await _refuse(scope, receive, send, 413, "This is larger than anything a page sends.")
            return
        if scope["type"] == "http" and scope["path"] == "/pair" and self.gate.lan_host is not None:
            await self._pair(scope, receive, send)
            return
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["type"] == "http" and scope["method"] in _READING and KEY_PARAMETER in query:
            await self._let_in(scope, receive, send, query)
            return
        who = self.gate.who(_cookie(scope, headers)) or self._of_bearer(headers)
        if who is None:
            await _refuse(scope, receive, send, 401, _not_known(scope))
            return
        scope.setdefault("state", {})["who"] = who
        if scope["type"] == "websocket":
            await self.app(scope, *_bounded_socket(receive, send))
            return
        try:
            await self.app(scope, _bounded_body(receive, _limit_of(scope)), send)
        except _TooLargeError:
            await _refuse(scope, receive, send, 413, "This is larger than anything a page sends.")

    def _is_from_elsewhere(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether a request that may change something comes from a page that is not ours."""
        if scope["type"] == "http" and scope["method"] in _READING:
            return False
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, headers.get("host", "")):
            return True
        return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")

    def _is_own(self, origin: str, host_header: str) -> bool:
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            return False
        return parts.netloc == host_header and self.gate.allows_host(host)

    def _of_bearer(self, headers: Headers) -> str | None:
        """Return who a program is that sends the key itself (``Authorization: Bearer KEY``)."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        return THIS_COMPUTER if kind.lower() == "bearer" and self.gate.open(key.strip()) else None

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, query: Mapping[str, list[str]]
    ) -> None:
        """Give this computer its cookie and send it on to the same page without the key in its address."""
        cookie = self.gate.open(query[KEY_PARAMETER][0])
        if cookie is None:
            await _refuse(scope, receive, send, 401, _not_known(scope))
            return
        rest = urlencode(
            {name: values for name, values in query.items() if name != KEY_PARAMETER}, doseq=True
        )
        path = "/" + scope["path"].lstrip("/\\")
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        self._set_cookie(answer, scope, cookie)
        await answer(scope, receive, send)

    def _set_cookie(self, answer: Response, scope: Scope, cookie: str) -> None:
        answer.set_cookie(
            cookie_name(scope),
            cookie,
            httponly=True,
            samesite="lax",
            secure=self.gate.is_tls,
            path="/",
            max_age=COOKIE_DAYS * 86400,
        )

    async def _pair(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show a page with one button; only pressing it (a POST from our own page) uses the code up."""
        if scope["method"] in _READING:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            await _pair_page(query.get("code", [""])[0])(scope, receive, send)
            return
        address = str((scope.get("client") or ("",))[0])
        wait_s = self.gate.seconds_to_wait(address)
        if wait_s > 0:
            answer: Response = PlainTextResponse(
                f"Too many wrong codes from here. Try again in {wait_s:.0f} s.",
                429,
                {"retry-after": f"{wait_s:.0f}"},
            )
            await answer(scope, receive, send)
            return
        form = parse_qs((await _read(receive, _PAIR_BODY_BYTES)).decode("latin-1"))
        cookie = self.gate.pair(form.get("code", [""])[0], address) if scope["method"] == "POST" else None
        if cookie is None:
            await _refuse(
                scope, receive, send, 403, "This pairing code is used up or wrong. Take the new one shown."
            )
            return
        answer = RedirectResponse("/", status_code=303)
        self._set_cookie(answer, scope, cookie)
        await answer(scope, receive, send)


class _TooLargeError(HTTPException):
    def __init__(self) -> None:
        super().__init__(413, "This is larger than anything a page sends.")


def cookie_name(scope: Scope) -> str:
    """Return the cookie's name; browsers send cookies to every port of a host, so it holds the port."""
    return f"tallrun_{(scope.get('server') or ('', 0))[1]}"


def is_loopback(scope: Scope) -> bool:
    """Return whether the peer is this machine itself (whoever sits at it)."""
    client = scope.get("client")
    if client is None:
        return False
    try:
        return ipaddress.ip_address(client[0].split("%")[0]).is_loopback
    except ValueError:
        return False


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _length_of(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _cookie(scope: Scope, headers: Headers) -> str | None:
    return cookie_parser(headers.get("cookie", "")).get(cookie_name(scope))


def _not_known(scope: Scope) -> str:
    if is_loopback(scope):
        return "Open the whole address that tallrun printed when it started: it holds the key."
    return "Scan the code the computer shows to pair this phone."


def _pair_page(code: str) -> HTMLResponse:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pair this phone</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<body style="font: 1.2rem system-ui; margin: 2rem"><h1>tallrun</h1>'
        "<p>Let this phone see and tap the pages?</p>"
        f'<form method="post" action="/pair"><input type="hidden" name="code" value="{html.escape(code, quote=True)}">'
        '<button style="font: inherit; padding: 1rem 2rem">Pair this phone</button></form></body></html>'
    )
    # With "no-referrer" a browser would send "Origin: null" with the form, which is refused.
    return HTMLResponse(page, headers={"referrer-policy": "same-origin"})


async def _read(receive: Receive, most_bytes: int) -> bytes:
    """Return a body of at most so many bytes, empty if it is longer."""
    content = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        content += message.get("body", b"")
        if len(content) > most_bytes:
            return b""
        if not message.get("more_body", False):
            return content


def _limit_of(scope: Scope) -> int:
    return FILE_LIMIT_BYTES if scope["path"] == FILE_PATH else BODY_LIMIT_BYTES


def _bounded_body(receive: Receive, most_bytes: int) -> Receive:
    """Stop reading a body that turns out to be too long, whatever length it told."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b"") or b"")
        if taken > most_bytes:
            raise _TooLargeError
        return message

    return bounded


def _bounded_socket(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """End a socket that sends anything but short text; the application sees it leave."""
    is_closed = False

    async def bounded() -> Message:
        nonlocal is_closed
        message = await receive()
        if message["type"] != "websocket.receive":
            return message
        text = message.get("text")
        if text is not None and len(text) <= MESSAGE_LIMIT_CHARS:
            return message
        code = 1003 if text is None else 1009
        await send({"type": "websocket.close", "code": code})
        is_closed = True
        return {"type": "websocket.disconnect", "code": code}

    async def sending(message: Message) -> None:
        if not is_closed:
            await send(message)

    return bounded, sending


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            have = {name.lower() for name, _ in message.get("headers", ())}
            extra = {
                b"content-security-policy": CONTENT_POLICY.encode(),
                b"x-content-type-options": b"nosniff",
                b"referrer-policy": b"no-referrer",
                b"cache-control": b"no-store",
                b"cross-origin-opener-policy": b"same-origin",
                b"cross-origin-resource-policy": b"same-origin",
            }
            message["headers"] = [
                *message.get("headers", ()), *((k, v) for k, v in extra.items() if k not in have)
            ]  # fmt: skip
        await send(message)

    return wrapped


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4000 + status % 1000, "reason": text[:100]})
        return
    await PlainTextResponse(text, status_code=status)(scope, receive, send)
