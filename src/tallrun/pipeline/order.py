"""Puts what several sensors and a person say into one order that depends on data times alone."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from typing import Any

#: A sensor that lags by more than this no longer holds the others back (session contract, 5.1).
LAG_LIMIT_S = 0.25
#: A session clock without any samples may run this close to the present.
CLOCK_LAG_S = 1.0


class EventOrder:
    """A queue that hands items out in time order, once no sensor can bring an earlier one.

    Ties go by rank, then by arrival within the rank, so any chunking and any interleaving of sensors inside
    the lag limit gives the same order.
    """

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._latest_s = dict.fromkeys(sources, -math.inf)
        self.clock_s = -math.inf
        #: (time, rank, number of arrival, item): the number settles every tie before the item is looked at.
        self._heap: list[tuple[float, int, int, Any]] = []
        self._numbers = itertools.count()
        self.now_s = -math.inf
        self.watermark_s = -math.inf

    def saw(self, source: str, last_s: float) -> None:
        """Note that a sensor has delivered up to ``last_s``."""
        self._latest_s[source] = max(self._latest_s[source], last_s)
        self._move_watermark()

    def tick(self, clock_s: float) -> None:
        """Note the session clock, which goes on when every sensor is silent."""
        self.clock_s = max(self.clock_s, clock_s)
        self._move_watermark()

    def put(self, time_s: float, rank: int, item: Any) -> None:
        """Queue an item."""
        heapq.heappush(self._heap, (time_s, rank, next(self._numbers), item))

    def ready(self, upto_s: float | None = None) -> Iterator[tuple[float, int, Any]]:
        """Yield the items whose time has come, those put meanwhile too: time of taking effect, rank, item.

        ``upto_s`` replaces the watermark (infinity at the end of a session).
        """
        heap, limit_s = self._heap, self.watermark_s if upto_s is None else upto_s
        while heap and heap[0][0] <= limit_s:
            time_s, rank, _, item = heapq.heappop(heap)
            if time_s > self.now_s:
                self.now_s = time_s
            yield self.now_s, rank, item

    def _move_watermark(self) -> None:
        """Find the time up to which everything is known."""
        times = self._latest_s.values()
        known = max(min(times), max(times) - LAG_LIMIT_S) if times else -math.inf
        self.watermark_s = max(known, self.clock_s - CLOCK_LAG_S)
