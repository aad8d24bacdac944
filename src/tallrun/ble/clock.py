"""An event loop whose clock can run faster than the wall clock, and exactly.

Everything in ``ble`` reads time from its event loop (``loop.time()``), which on an ordinary loop is the host's
monotonic clock. On a ``RadioLoop`` it is the virtual radio's clock: it moves only when nothing is ready to run,
straight to the next timer, however long that takes in wall time. So every time stamp, watchdog and fault of
an emulated run comes out the same at speed 1, at speed 50 and as fast as the processor allows.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from tallrun.errors import UsageError

T = TypeVar("T")

START_S = 1000.0  # a virtual clock starts here: a host's monotonic clock does not start at zero either


class _PacedSelector(selectors.DefaultSelector):
    """Waits for file descriptors like any selector, but owns the loop's time while it waits."""

    def __init__(self, speed: float | None) -> None:
        super().__init__()
        self.now_s = START_S
        self._speed = speed
        self._wall_start_s = time.monotonic()

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)  # no timer pending: only another thread or a socket can wake us
        if timeout <= 0:
            return super().select(0)
        target_s = self.now_s + timeout
        if self._speed is None:
            events = super().select(0)
            if not events:
                self.now_s = target_s
            return events
        wall_target_s = self._wall_start_s + (target_s - START_S) / self._speed
        events = super().select(max(0.0, wall_target_s - time.monotonic()))
        if not events:
            self.now_s = target_s
        else:
            wall_s = START_S + (time.monotonic() - self._wall_start_s) * self._speed
            self.now_s = min(target_s, max(self.now_s, wall_s))
        return events

    def pace(self, speed: float) -> None:
        """Go on from the present virtual time at another speed."""
        self._speed = speed
        self._wall_start_s = time.monotonic() - (self.now_s - START_S) / speed


class RadioLoop(asyncio.SelectorEventLoop):
    """Event loop of an emulated run.

    ``speed`` is virtual seconds per wall second; None runs as fast as the processor allows. When the processor
    cannot keep up, virtual time falls behind the wall clock and nothing else changes. With ``speed=None``
    do not wait for threads or sockets while timers are pending: their answers would come late in virtual time.
    """

    def __init__(self, speed: float | None = None) -> None:
        if speed is not None and not speed > 0:
            raise UsageError(
                f"the speed of an emulated run must be above 0, or none for no pacing; got {speed}"
            )
        self._paced = _PacedSelector(speed)
        super().__init__(self._paced)

    def pace(self, speed: float) -> None:
        """Go on at ``speed`` from now; on the loop's own thread."""
        self._paced.pace(speed)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._paced.now_s


def run_virtual(main: Coroutine[Any, Any, T], speed: float | None = None) -> T:
    """Run ``main`` to its end on a fresh ``RadioLoop`` and return its result."""
    with asyncio.Runner(loop_factory=lambda: RadioLoop(speed)) as runner:
        return runner.run(main)
