"""Blocks of steady running: the unit in which own baselines and measurement error are reckoned.

A block is a stretch of consecutive clean running strides at one speed; each metric of a block is the median of
its strides. Blocks of one runner at one speed, repeated, show how far a metric moves when nothing has changed.
Source: sci:D7 (30-stride blocks), sci:A5 (contact asymmetry).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tallrun.errors import SignalError
from tallrun.gait.eligible import DOUBTFUL_CODES, sure_strides, sure_values

FloatArray = NDArray[np.float64]

FOOT_METRICS = (
    "cadence_spm", "stride_length_m", "stance_time_s", "flight_time_s", "duty_factor", "foot_strike_angle_deg",
    "peak_impact_g", "overstride_index", "foot_ahead_m",
)  # fmt: skip
PELVIS_METRICS = ("pelvic_tilt_deg", "pelvic_obliquity_deg", "vertical_oscillation_m", "braking_dv_mps")
ASYMMETRY = "asymmetry_contact_pct"
METRICS = (*FOOT_METRICS, *PELVIS_METRICS, ASYMMETRY)

BLOCK_STRIDES = 30
LONGEST_GAP_S = 5.0
STEADY_CV = 0.05


@dataclass(frozen=True)
class Block:
    """Steady running from ``start_s`` to ``end_s`` [s since session start] at ``speed_mps``.

    values : metric -> median over the block's strides; metrics with fewer than half the strides known are
    absent. speed_mps is None when no speed was known.
    """

    start_s: float
    end_s: float
    speed_mps: float | None
    n_strides: int
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionBlocks:
    """The blocks of one session with what decides whether they are comparable.

    grade : GREEN, AMBER, LATE, RED, UNKNOWN, or None when it was not graded. shoe, strap : None is unknown.
    """

    session_id: str
    started_at: datetime
    grade: str | None
    blocks: tuple[Block, ...]
    shoe: str | None = None
    strap: str | None = None

    def at_speed(self, speed_mps: float, tolerance: float) -> tuple[Block, ...]:
        """Return the blocks within ``tolerance`` (a share) of a speed."""
        return tuple(
            block
            for block in self.blocks
            if block.speed_mps is not None and abs(block.speed_mps - speed_mps) <= tolerance * speed_mps
        )


def steady_blocks(
    strides: Mapping[str, Any] | Any,
    *,
    block_strides: int = BLOCK_STRIDES,
) -> tuple[Block, ...]:
    """Cut a stride table into blocks of steady, clean, level running.

    strides : the ``strides`` table of the session contract (a DataFrame or a mapping of columns, sorted by
    contact); metric columns that are missing or all NaN are left out of the blocks.
    block_strides : strides (of both feet together) per block; a shorter rest is dropped.
    Empty or all-walking input gives no blocks. Raises SignalError when a needed column is missing or the
    columns differ in length.
    """
    table = _columns(strides)
    strides = sure_values(pd.DataFrame(strides))
    clean = (table["mode"] == "run") & sure_strides(strides, "timing") & ~_doubtful(table["reasons"])
    speed = _pace(strides, table)
    blocks: list[Block] = []
    run: list[int] = []
    for i in np.flatnonzero(clean):
        if run and table["initial_contact_s"][i] - table["initial_contact_s"][run[-1]] > LONGEST_GAP_S:
            run = []
        run.append(int(i))
        if len(run) == block_strides:
            block = _block(strides, table, speed, np.array(run))
            if block is not None:
                blocks.append(block)
                run = []
            else:
                run = run[block_strides // 3 :]
    return tuple(blocks)


def _columns(strides: Any) -> dict[str, NDArray[Any]]:
    table: dict[str, NDArray[Any]] = {}
    for name in ("initial_contact_s", "foot", "mode", "quality", "reasons", "stance_time_s"):
        try:
            column = strides[name]
        except KeyError as error:
            raise SignalError(f"the stride table needs the column {name!r}; it is missing") from error
        table[name] = np.asarray(column, dtype=object if name in ("foot", "mode", "reasons") else np.float64)
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise SignalError(f"the columns of the stride table differ in length: {sorted(lengths)}")
    return table


def _doubtful(reasons: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array(
        [any(code in DOUBTFUL_CODES for code in str(text or "").split(";")) for text in reasons], dtype=bool
    )


def _pace(strides: Any, table: Mapping[str, NDArray[Any]]) -> FloatArray:
    """Belt speed where there is one, else the stride's own; NaN unknown."""
    n = len(table["mode"])
    own = _optional(strides, "speed_mps", n)
    belt = _optional(strides, "belt_speed_mps", n)
    return np.where(np.isfinite(belt), belt, own)


def _optional(strides: Any, name: str, n: int) -> FloatArray:
    return np.asarray(strides[name], dtype=np.float64) if name in strides else np.full(n, np.nan)


def _block(
    strides: Any, table: Mapping[str, NDArray[Any]], speed: FloatArray, rows: NDArray[np.int64]
) -> Block | None:
    """One block, or None when its speed was not steady."""
    known = speed[rows][np.isfinite(speed[rows])]
    mean = float(np.mean(known)) if len(known) >= len(rows) / 2 else None
    if mean is not None and np.std(known) > STEADY_CV * mean:
        return None
    values: dict[str, float] = {}
    for name in (*FOOT_METRICS, *PELVIS_METRICS):
        column = _optional(strides, name, len(table["mode"]))[rows]
        finite = column[np.isfinite(column)]
        if len(finite) >= len(rows) / 2:
            values[name] = float(np.median(finite))
    asymmetry = _asymmetry(table["foot"][rows], table["stance_time_s"][rows])
    if asymmetry is not None:
        values[ASYMMETRY] = asymmetry
    start, end = table["initial_contact_s"][rows[0]], table["initial_contact_s"][rows[-1]]
    return Block(float(start), float(end), mean, len(rows), values)


def _asymmetry(foot: NDArray[Any], stance_s: FloatArray) -> float | None:
    left = stance_s[(foot == "left") & np.isfinite(stance_s)]
    right = stance_s[(foot == "right") & np.isfinite(stance_s)]
    if len(left) < 3 or len(right) < 3:
        return None
    a, b = float(np.median(left)), float(np.median(right))
    return 200.0 * (b - a) / (b + a)


def metric_values(blocks: Sequence[Block], metric: str) -> FloatArray:
    """Return the known values of one metric over blocks, float64 (n,)."""
    return np.array([block.values[metric] for block in blocks if metric in block.values], dtype=np.float64)
