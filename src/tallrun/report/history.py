"""The runner's own sessions as blocks, read from their stored tables: the ground for baselines and real change."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun.errors import SignalError, TallrunError
from tallrun.gait.summary import Gait, told_gait
from tallrun.insight import SessionBlocks, pain_after
from tallrun.insight.blocks import BLOCK_COLUMNS, BlockRows, OwnSessions, steady_table
from tallrun.numerics.recording import RunnerProfile
from tallrun.recovery import Protocol
from tallrun.report.stiffness import with_stiffness
from tallrun.sessions.folder import read_runner
from tallrun.store import Store

#: Blocks beside the stride table they were cut from; the number changes when blocks are cut in another way.
BLOCKS_FILE, WALKED_FILE = "blocks-2.npy", "walked-1.npy"


def own_history(
    store: Store,
    runner_id: str,
    protocol: Protocol,
    now: datetime,
    *,
    leave_out: tuple[str, ...] = (),
    gait: Gait = "run",
) -> OwnSessions:
    """Return the blocks of every analysed session in the index, oldest first; for walking, of those that are walks.

    leave_out : session ids not to count (the one being reported). A session that was never analysed, whose
    folder is gone or whose table cannot be read is skipped; one that was not entered as a run has no grade.
    """
    grades = {item.session_id: item.grade for item in pain_after(protocol, store.history(runner_id), now)}
    found = []
    for row in store.sessions(runner_id):
        if row.session_id in leave_out or row.started_at > now:
            continue
        if gait == "walk" and told_gait(row.summary) != "walk":
            continue
        blocks = stored_blocks(Path(row.folder) / "derived", gait)
        if blocks is None or not len(blocks):
            continue
        context = dict(row.context)
        # A run that a watch was counted for bears the grade of that run.
        run_id = row.session_id if row.session_id in grades else str(context.get("same_run_as"))
        found.append(
            SessionBlocks(
                row.session_id, row.started_at, grades.get(run_id), blocks, _named(context.get("shoes")),
                _named(context.get("strap")),
            )
        )  # fmt: skip
    return OwnSessions(sorted(found, key=lambda item: item.started_at))


def uncut(store: Store, runner_id: str) -> list[Path]:
    """Return the ``derived`` folders of analysed sessions whose blocks are not kept yet: the first read cuts them."""
    places = [Path(row.folder) / "derived" for row in store.sessions(runner_id)]
    return [place for place in places if not _is_cut(place)]


def _is_cut(derived: Path) -> bool:
    try:
        made_ns = (derived / "strides.parquet").stat().st_mtime_ns
    except OSError:
        return True
    with suppress(OSError):
        return (derived / BLOCKS_FILE).stat().st_mtime_ns == made_ns
    return False


def stored_blocks(derived: Path, gait: Gait = "run") -> BlockRows | None:
    """Return the blocks of an analysed session, None when its stride table is not there or cannot be read.

    They are cut once and kept beside the table; the kept ones hold while both files bear the same time. That file is
    a convenience: a folder that cannot be written to is read each time anew.
    """
    path, kept = derived / "strides.parquet", derived / (BLOCKS_FILE if gait == "run" else WALKED_FILE)
    try:
        stamp_ns = path.stat().st_mtime_ns
        with suppress(OSError, ValueError, EOFError):
            if kept.stat().st_mtime_ns == stamp_ns:
                table = np.load(kept, allow_pickle=False)
                if table.ndim == 2 and table.shape[1] == len(BLOCK_COLUMNS) and table.dtype == np.float64:
                    return BlockRows(table)
        table = steady_table(with_stiffness(pd.read_parquet(path), _runner(derived.parent)), gait=gait)
    except (OSError, ValueError, SignalError):
        return None
    with suppress(OSError):
        partial = kept.with_name(f".{kept.name}.partial-{os.getpid()}")
        try:
            with partial.open("xb") as file:
                np.save(file, table, allow_pickle=False)
            os.utime(partial, ns=(stamp_ns, stamp_ns))
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
    return BlockRows(table)


def _runner(folder: Path) -> RunnerProfile:
    """Return the body measures a session was recorded with; nothing known where its head cannot be read."""
    with suppress(TallrunError, OSError):
        return read_runner(folder)
    return RunnerProfile()


def _named(value: Any) -> str | None:
    return str(value) if value else None
