"""The runner's own sessions as blocks, read from their stored tables: the ground for baselines and real change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tallrun.errors import EntryError
from tallrun.insight import SessionBlocks, steady_blocks
from tallrun.recovery import Protocol
from tallrun.recovery.verdicts import grade_session
from tallrun.store import Store


def own_history(
    store: Store,
    runner_id: str,
    protocol: Protocol,
    now: datetime,
    *,
    leave_out: tuple[str, ...] = (),
) -> tuple[SessionBlocks, ...]:
    """Return the blocks of every analysed session in the index, oldest first.

    leave_out : session ids not to count (the one being reported). A session that was never analysed, whose
    folder is gone or whose table cannot be read is skipped; one that was not entered as a run has no grade.
    """
    found = []
    history = store.history(runner_id)
    for row in store.sessions(runner_id):
        if row.session_id in leave_out or row.started_at > now:
            continue
        path = Path(row.folder) / "derived" / "strides.parquet"
        try:
            strides = pd.read_parquet(path)
        except (OSError, ValueError):
            continue
        blocks = steady_blocks(strides)
        if not blocks:
            continue
        try:
            grade = grade_session(protocol, history, row.session_id, now).grade
        except EntryError:
            grade = None
        context = dict(row.context)
        found.append(
            SessionBlocks(
                row.session_id, row.started_at, grade, blocks, _named(context.get("shoes")),
                _named(context.get("strap")),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda item: item.started_at))


def _named(value: Any) -> str | None:
    return str(value) if value else None
