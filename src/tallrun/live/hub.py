"""Joins one live run to any number of pages: newest state wins, events keep their order, taps count once."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

#: A page that does not read for this many messages is behind for good; it is dropped and reconnects.
QUEUE_LIMIT = 256
#: Tap ids remembered, so that a tap sent again over a shaky link counts once.
TAP_MEMORY = 512


@dataclass(eq=False)
class Subscriber:
    """One page's queue; None tells its sender to end."""

    queue: asyncio.Queue[dict[str, Any] | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=QUEUE_LIMIT)
    )


class LiveHub:
    """Fan-out of messages to pages and fan-in of taps.

    ``publish`` never waits: the run goes on whatever a page does. Taps arrive in ``taps`` as plain dicts.
    """

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._seen_taps: deque[str] = deque(maxlen=TAP_MEMORY)
        self._last: dict[str, dict[str, Any]] = {}
        self.taps: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=QUEUE_LIMIT)

    @property
    def n_pages(self) -> int:
        """Number of pages connected."""
        return len(self._subscribers)

    def publish(self, message: dict[str, Any]) -> None:
        """Send to every page. ``state`` and ``after`` are kept for pages that join later."""
        if message["type"] in ("state", "after"):
            self._last[message["type"]] = message
        for subscriber in list(self._subscribers):
            try:
                subscriber.queue.put_nowait(message)
            except asyncio.QueueFull:
                self._drop(subscriber)

    def subscribe(self) -> Subscriber:
        """Join: the last state (and the end of the run, if it has ended) comes first."""
        subscriber = Subscriber()
        for kind in ("state", "after"):
            if kind in self._last:
                subscriber.queue.put_nowait(self._last[kind])
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Leave."""
        self._subscribers.discard(subscriber)

    def end(self, subscriber: Subscriber) -> None:
        """Wake a page's sender for the last time."""
        self._drop(subscriber)

    def tap(self, message: dict[str, Any]) -> bool:
        """Take a tap from a page; return False when it was seen before or the queue is full."""
        tap_id = message.get("tap_id")
        if not isinstance(tap_id, str) or tap_id in self._seen_taps:
            return False
        try:
            self.taps.put_nowait(message)
        except asyncio.QueueFull:
            return False
        self._seen_taps.append(tap_id)
        return True

    def _drop(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        while not subscriber.queue.empty():
            subscriber.queue.get_nowait()
        subscriber.queue.put_nowait(None)
