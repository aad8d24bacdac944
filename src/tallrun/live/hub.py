"""Joins one live run to any number of pages: the newest state goes out, each tap comes in once and is answered.

A tap acts inside ``LiveHub.take``, in the very call that reads it: there is no queue it could wait in, be refused by
or be lost from. The answer names its ``tap_id``; a page keeps and resends a tap until it is answered.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn
from uuid import uuid4

from tallrun.pipeline.taps import Tap, TapKind

#: A tap is a few dozen bytes; more is not from our page.
TAP_LIMIT_BYTES = 2048
#: Answers to taps remembered, so that a tap sent again over a shaky link acts once and is answered alike.
TAP_MEMORY = 4096
#: A page may tap so often at once, and so often a second; STOP is never counted.
TAP_BURST, TAPS_PER_S = 12.0, 4.0
#: Steps and answers kept for a page that does not read; of states only the newest is.
BACKLOG = 256

Outcome = Literal["done", "held", "refused", "later"]
_TAP_ID = re.compile(r"[0-9A-Za-z_-]{6,64}", re.ASCII)
_KINDS: tuple[TapKind, ...] = ("stop", "limping", "red_flag", "pain", "skip", "repeat", "end_early")
_OF_PARTS = ("skip", "repeat", "end_early")
TOO_LATE = "That part is over, or the plan has you walk first."
_KEPT = ("state", "trouble", "after")


class TapRefusedError(Exception):
    """What came is not exactly a tap; the text says why."""


@dataclass(eq=False)
class Source:
    """Where taps come from; how many more it may send just now."""

    tokens: float = TAP_BURST
    at_s: float = field(default_factory=time.monotonic)

    def may_tap(self, now_s: float) -> bool:
        """Take one tap off what is allowed."""
        self.tokens = min(TAP_BURST, self.tokens + (now_s - self.at_s) * TAPS_PER_S)
        self.at_s = now_s
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(eq=False)
class Page(Source):
    """One page. ``put`` never waits and never grows without bound, whether the page reads or not."""

    _newest: dict[str, dict[str, Any]] = field(default_factory=dict)
    _others: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=BACKLOG))
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _is_closed: bool = False

    def put(self, message: dict[str, Any]) -> None:
        """Queue a message; a newer state takes the place of one not yet sent."""
        if message["type"] in _KEPT:
            self._newest[message["type"]] = message
        else:
            self._others.append(message)
        self._ready.set()

    def close(self) -> None:
        """Wake the page's sender for the last time."""
        self._is_closed = True
        self._ready.set()

    async def next(self) -> dict[str, Any] | None:
        """Wait for the next message, answers to taps first; None once the page has left."""
        while not self._is_closed and not self._others and not self._newest:
            self._ready.clear()
            await self._ready.wait()
        if self._is_closed:
            return None
        if self._others:
            return self._others.popleft()
        return self._newest.pop(next(iter(self._newest)))


class LiveHub:
    """Fan-out of messages to pages and the one door for taps.

    run_id : random; a tap kept by a page from another run is not taken for this one.
    report : the file of the run's report, None until there is one.
    """

    def __init__(self) -> None:
        self.run_id = uuid4().hex[:12]
        self._pages: set[Page] = set()
        self._newest: dict[str, dict[str, Any]] = {}
        self._answers: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._act: Callable[[Tap, str, bool], Outcome] | None = None
        self._undo: Callable[[str], bool] | None = None
        self._call_off: Callable[[], None] | None = None
        self._red_flags: frozenset[str] = frozenset()
        self._has_ended = False
        self.report: Path | None = None
        self._posted = Source()

    @property
    def n_pages(self) -> int:
        """Number of pages connected."""
        return len(self._pages)

    def publish(self, message: dict[str, Any]) -> None:
        """Send to every page. The newest of each kind but steps and answers is kept for pages that join later."""
        if message["type"] in _KEPT:
            self._newest[message["type"]] = message
        for page in list(self._pages):
            page.put(message)

    def join(self) -> Page:
        """Let a page in: what holds now comes first."""
        page = Page()
        for message in self._newest.values():
            page.put(message)
        self._pages.add(page)
        return page

    def leave(self, page: Page) -> None:
        """Let a page go; its sender ends."""
        self._pages.discard(page)
        page.close()

    def expect(self, call_off: Callable[[], None] | None) -> None:
        """While the sensors are being connected, let STOP call the run off; None ends that."""
        self._call_off = call_off

    def begin(
        self,
        act: Callable[[Tap, str, bool], Outcome],
        undo: Callable[[str], bool],
        red_flags: Iterable[str],
    ) -> None:
        """Connect the run: ``act`` is called with each tap, its id, and whether it may not be held."""
        self._act, self._undo, self._red_flags = act, undo, frozenset(red_flags)

    def end(self) -> None:
        """Disconnect the run; taps are answered with that from now on."""
        self._act = self._undo = None
        self._has_ended = True

    def take(self, text: str | bytes, source: Source | None = None) -> dict[str, Any]:
        """Let a tap act and return its answer. Whatever else came costs nothing but its own answer."""
        tap_id: str | None = None
        try:
            message = _parsed(text)
            tap_id = _id_of(message)
            return self._taken(message, tap_id, source or self._posted)
        except TapRefusedError as refusal:
            return _answer(tap_id, "refused", str(refusal))

    def _taken(self, message: dict[str, Any], tap_id: str | None, source: Source) -> dict[str, Any]:
        kind = message.get("type")
        if kind == "stop":
            tap_id = tap_id or uuid4().hex  # a stop is a stop, however badly it is written
        elif tap_id is None:
            raise TapRefusedError("A tap needs its id.")
        key = (kind if isinstance(kind, str) else "", tap_id)
        if key in self._answers:
            return self._answers[key]
        if message.get("run", self.run_id) not in (self.run_id, None):
            raise TapRefusedError("That tap belongs to another run.")
        if self._has_ended:
            raise TapRefusedError("The run had ended. Add it on Today.")
        if kind != "stop" and not source.may_tap(time.monotonic()):
            return _answer(tap_id, "later", "Too many taps at once.")
        if kind == "stop" and self._call_off is not None:
            self._call_off()
            return _answer(tap_id, "done", "")
        if self._act is None or self._undo is None:
            return _answer(tap_id, "later", "The run has not begun yet.")
        if kind == "undo":
            of = message.get("of")
            if not isinstance(of, str) or not self._undo(of):
                raise TapRefusedError("It is too late to undo that.")
            answer = _answer(tap_id, "done", "")
        else:
            tap = read_tap(message, self._red_flags)
            outcome = self._act(tap, tap_id, message.get("now") is True)
            answer = _answer(tap_id, outcome, TOO_LATE if outcome == "refused" else "")
        self._answers[key] = answer
        while len(self._answers) > TAP_MEMORY:
            self._answers.popitem(last=False)
        return answer


def read_tap(message: dict[str, Any], red_flags: frozenset[str]) -> Tap:
    """Return the tap a page sent; raises TapRefusedError for anything that is not exactly one."""
    kind, score, item = message.get("type"), message.get("score"), message.get("item")
    if kind not in _KINDS:
        raise TapRefusedError("That is no tap.")
    if kind == "pain":
        if not isinstance(score, int) or isinstance(score, bool) or not 0 <= score <= 10:
            raise TapRefusedError("A pain score is a whole number from 0 to 10.")
        return Tap("pain", score=score)
    if kind == "red_flag":
        if not isinstance(item, str) or item not in red_flags:
            raise TapRefusedError("That warning sign is not one of the list.")
        return Tap("red_flag", item=item)
    if kind in _OF_PARTS:
        place = message.get("place")
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < 10_000:
            raise TapRefusedError("The part of the run is missing.")
        return Tap(kind, item=str(place))
    return Tap(kind)


def _parsed(text: str | bytes) -> dict[str, Any]:
    if isinstance(text, bytes) or len(text) > TAP_LIMIT_BYTES:
        raise TapRefusedError("That is no tap.")
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise TapRefusedError("That is no tap.") from None
    if not isinstance(message, dict):
        raise TapRefusedError("That is no tap.")
    return message


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _id_of(message: dict[str, Any]) -> str | None:
    tap_id = message.get("tap_id")
    return tap_id if isinstance(tap_id, str) and _TAP_ID.fullmatch(tap_id) else None


def _answer(tap_id: str | None, outcome: Outcome, text: str) -> dict[str, Any]:
    return {"type": "answer", "tap_id": tap_id, "outcome": outcome, "text": text}
