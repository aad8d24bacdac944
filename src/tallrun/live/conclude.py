"""From the last packet of a run to what its pages say: analysed, noted, reported, told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tallrun.live.end import RawRun, RunResult, finish_run
from tallrun.live.hub import LiveHub
from tallrun.live.state import after_state

ENDED = "The session has ended. Its numbers are being worked out."
SAVED = "The session is saved on this computer."


async def conclude(
    folder: Path,
    out: Path,
    raw: RawRun,
    hub: LiveHub,
    on_progress: Callable[[float], None] = lambda share: None,
    next_url: str | None = None,
) -> RunResult:
    """Finish the run beside the loop and tell its pages. next_url : where they may go on, None for nowhere."""
    hub.publish(after_state(ENDED, (), (), "", None))
    result = await asyncio.to_thread(finish_run, folder, out, raw, on_progress)
    hub.report = result.report
    url = None if result.report is None else "/live/report"
    told = after_state(SAVED, result.rows, result.lines[:-1], result.lines[-1], url)
    hub.publish(told | {"next_url": next_url})
    return result
