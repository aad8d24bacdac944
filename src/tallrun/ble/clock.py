"""Event loops of a run: one whose clock goes on while the computer is suspended, one of the virtual radio.

Everything in ``ble`` reads time from its event loop (``loop.time()``). On a ``HostLoop`` that is the host's monotonic
clock with the time of a suspension counted, so that after it the session clock, the intervals and what can be undone
are where the wall clock is, and the time asleep is a gap of the record.

On a ``RadioLoop`` it is the virtual radio's clock: it moves only when nothing is ready to run, straight to the next
timer, however long that takes in wall time. So every time stamp, watchdog and fault of an emulated run comes out the
same at speed 1, at speed 50 and as fast as the processor allows. A suspension moves it at once: the emulated runner
ran on, and nobody listened.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tallrun.errors import UsageError

T = TypeVar("T")

START_S = 1000.0  # a virtual clock starts here: a host's monotonic clock does not start at zero either
#: The two clocks below are read one after the other; a suspension is longer than what lies between.
_SUSPENDED_S = 0.5


def awake_s() -> float:
    """Return a monotonic clock [s] that stands still while the computer is suspended (but on Windows)."""
    return time.monotonic()


def counted_s() -> float:
    """Return a monotonic clock [s] that goes on while the computer is suspended."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    return time.monotonic()  # Windows counts a suspension by itself


def _usual_loop() -> type[asyncio.BaseEventLoop]:
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop
    return asyncio.SelectorEventLoop


class HostLoop(_usual_loop()):  # type: ignore[misc]
    """The system's usual event loop, with the time of a suspension counted."""

    def time(self) -> float:
        """Return seconds of ``counted_s``."""
        return counted_s()


class _PacedSelector(selectors.DefaultSelector):
    """Waits for file descriptors like any selector, but owns the loop's time while it waits."""

    def __init__(self, speed: float | None) -> None:
        super().__init__()
        self.now_s = START_S
        self._speed = speed
        self._wall_start_s = awake_s()
        self._asleep_s = counted_s() - awake_s()
        self.on_waking: list[Callable[[], None]] = []

    def select(self, timeout: float | None = None) -> Any:
        events = self._wait(timeout)
        slept_s = counted_s() - awake_s() - self._asleep_s
        if self._speed is not None and slept_s > _SUSPENDED_S:
            self._asleep_s += slept_s
            self.now_s += slept_s * self._speed
            self._wall_start_s -= slept_s
            for act in list(self.on_waking):  # before any timer that is due now
                act()
        return events

    def _wait(self, timeout: float | None) -> Any:
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
        events = super().select(max(0.0, wall_target_s - awake_s()))
        if not events:
            self.now_s = target_s
        else:
            wall_s = START_S + (awake_s() - self._wall_start_s) * self._speed
            self.now_s = min(target_s, max(self.now_s, wall_s))
        return events

    def pace(self, speed: float) -> None:
        """Go on from the present virtual time at another speed."""
        self._speed = speed
        self._wall_start_s = awake_s() - (self.now_s - START_S) / speed


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

    @property
    def on_waking(self) -> list[Callable[[], None]]:
        """What is called when the computer was suspended, before any timer that is due then."""
        return self._paced.on_waking

    def time(self) -> float:
        """Return virtual seconds."""
        return self._paced.now_s


def run_virtual(main: Coroutine[Any, Any, T], speed: float | None = None) -> T:
    """Run ``main`` to its end on a fresh ``RadioLoop`` and return its result."""
    with asyncio.Runner(loop_factory=lambda: RadioLoop(speed)) as runner:
        return runner.run(main)
