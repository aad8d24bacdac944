"""A limit on every wait for the operating system's Bluetooth, which can hang past its own time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from tallrun.ble.troubles import LinkError

T = TypeVar("T")
#: Longest wait [s] for a call to give in when its caller is broken off.
GIVE_IN_S = 2.0


async def guarded(awaitable: Awaitable[T], timeout_s: float, sensor: str, doing: str) -> T:
    """Return the result of ``awaitable``; raise LinkError when it takes longer than ``timeout_s``.

    ``asyncio.timeout`` would wait for the cancelled call to give in, and some never do (Windows, after a power
    cycle of the sensor). So the call runs as a task of its own, which is cancelled and then left to itself; when
    the caller itself is cancelled, after ``GIVE_IN_S`` at the latest.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
    except asyncio.CancelledError:
        _abandon(task)
        # The program may end with us: a connection that is just coming up is closed by bleak only if it has the time.
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=GIVE_IN_S)
        raise
    if not done:
        _abandon(task)
        raise LinkError(sensor, f"{sensor}: {doing} took longer than {timeout_s:g} s and was given up")
    if task.cancelled():  # by the system's side, not by us: our own cancelling would have been raised above
        raise LinkError(sensor, f"{sensor}: {doing} was broken off by the system")
    return task.result()


def _abandon(task: asyncio.Future[T]) -> None:
    task.cancel()
    task.add_done_callback(_swallow)


def _swallow(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()
