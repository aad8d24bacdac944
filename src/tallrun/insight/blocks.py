"""Blocks of steady running, or walking: the unit in which own baselines and measurement error are reckoned.

A block is a stretch of consecutive clean strides of one gait at one speed; each metric of a block is the median of
its strides. Blocks of one runner at one speed, repeated, show how far a metric moves when nothing has changed.
Source: sci:D7 (30-stride blocks), sci:A5 (contact asymmetry).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tallrun.errors import SignalError
from tallrun.gait.asymmetry import asymmetry_pct
from tallrun.gait.eligible import DOUBTFUL_CODES, paces_mps, sure_strides, sure_values

if TYPE_CHECKING:
    from tallrun.gait.summary import Gait

FloatArray = NDArray[np.float64]

FOOT_METRICS = (
    "cadence_spm", "stride_length_m", "stance_time_s", "flight_time_s", "duty_factor", "foot_strike_angle_deg",
    "peak_impact_g", "overstride_index", "foot_ahead_m", "leg_stiffness_npm",
)  # fmt: skip
PELVIS_METRICS = (
    "pelvic_tilt_deg", "pelvic_obliquity_deg", "pelvic_rotation_deg", "vertical_oscillation_m", "braking_dv_mps",
)  # fmt: skip
ASYMMETRY = "asymmetry_contact_pct"
#: How far strides of one foot scatter within a block, in % of their mean: metric -> column.
VARIABILITY = {"stride_time_cv_pct": "stride_time_s", "stance_time_cv_pct": "stance_time_s"}
METRICS = (*FOOT_METRICS, *PELVIS_METRICS, ASYMMETRY, *VARIABILITY)

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


#: Columns of a block as a row of numbers; NaN is unknown.
BLOCK_COLUMNS = ("start_s", "end_s", "speed_mps", "n_strides", *METRICS)


def block_table(blocks: Sequence[Block]) -> FloatArray:
    """Return blocks as rows of numbers, float64 (n, ``BLOCK_COLUMNS``); NaN is unknown."""
    if isinstance(blocks, BlockRows):
        return blocks.table
    table = np.full((len(blocks), len(BLOCK_COLUMNS)), np.nan)
    for row, block in zip(table, blocks, strict=True):
        row[:4] = (
            block.start_s, block.end_s, np.nan if block.speed_mps is None else block.speed_mps, block.n_strides,
        )  # fmt: skip
        row[4:] = [block.values.get(name, np.nan) for name in METRICS]
    return table


class BlockRows(Sequence[Block]):
    """Blocks kept as a table, made into objects one by one: a year of runs has a hundred thousand."""

    def __init__(self, table: FloatArray) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, place: int) -> Block: ...

    @overload
    def __getitem__(self, place: slice) -> BlockRows: ...

    def __getitem__(self, place: int | slice) -> Block | BlockRows:
        if isinstance(place, slice):
            return BlockRows(self.table[place])
        start_s, end_s, speed_mps, n_strides, *values = self.table[place].tolist()
        known = {name: value for name, value in zip(METRICS, values, strict=True) if value == value}
        return Block(start_s, end_s, speed_mps if speed_mps == speed_mps else None, int(n_strides), known)


@dataclass(frozen=True)
class SessionBlocks:
    """The blocks of one session with what decides whether they are comparable.

    grade : GREEN, AMBER, LATE, RED, UNKNOWN, or None when it was not graded. shoe, strap : None is unknown.
    """

    session_id: str
    started_at: datetime
    grade: str | None
    blocks: Sequence[Block]
    shoe: str | None = None
    strap: str | None = None


def steady_blocks(strides: Mapping[str, Any] | Any, *, gait: Gait = "run") -> tuple[Block, ...]:
    """Cut a stride table into blocks of steady, clean, level running or walking; see ``steady_table``."""
    return tuple(BlockRows(steady_table(strides, gait=gait)))


def steady_table(strides: Mapping[str, Any] | Any, *, gait: Gait = "run") -> FloatArray:
    """Cut a stride table into blocks of steady, clean, level strides of a gait: rows of ``BLOCK_COLUMNS``, NaN unknown.

    strides : the ``strides`` table of the session contract (a DataFrame or a mapping of columns, sorted by
    contact); metric columns that are missing or all NaN are left out of the blocks.
    A block holds ``BLOCK_STRIDES`` strides of both feet together; a shorter rest is dropped.
    Input without the gait gives no blocks. Raises SignalError when a needed column is missing or the
    columns differ in length.
    """
    # Loads numba with the kernels it stands beside, and few come here.
    from tallrun.gait.summary import BLOCK_STRIDES

    table = _columns(strides)
    strides = sure_values(pd.DataFrame(strides))
    clean = (table["mode"] == gait) & sure_strides(strides, "timing") & ~_doubtful(table["reasons"])
    speed = paces_mps(strides)
    rows = _block_rows(np.flatnonzero(clean), table["initial_contact_s"], speed, BLOCK_STRIDES)
    found = np.full((len(rows), len(BLOCK_COLUMNS)), np.nan)
    if not len(rows):
        return found
    n = len(table["mode"])
    metrics = np.column_stack([_optional(strides, name, n) for name in (*FOOT_METRICS, *PELVIS_METRICS)])
    medians, n_known = _medians(metrics[rows])
    sides = [table["foot"][rows] == side for side in ("left", "right")]
    at_s = table["initial_contact_s"][rows]
    found[:, 0], found[:, 1], found[:, 3] = at_s[:, 0], at_s[:, -1], BLOCK_STRIDES
    found[:, _SPEED] = _mean_of_most(speed[rows])
    found[:, 4 : 4 + metrics.shape[1]] = np.where(n_known >= BLOCK_STRIDES / 2, medians, np.nan)
    found[:, BLOCK_COLUMNS.index(ASYMMETRY)] = _asymmetry(sides, table["stance_time_s"][rows])
    for name, column in VARIABILITY.items():
        found[:, BLOCK_COLUMNS.index(name)] = _scatter_pct(sides, _optional(strides, column, n)[rows])
    return found


def _block_rows(
    clean: NDArray[np.int64], at_s: FloatArray, speed: FloatArray, block_strides: int
) -> NDArray[np.int64]:
    """Return the rows of each block, int64 (n, ``block_strides``): clean ones without a gap, at one speed."""
    blocks: list[list[int]] = []
    run: list[int] = []
    times = at_s.tolist()
    for i in clean.tolist():
        if run and times[i] - times[run[-1]] > LONGEST_GAP_S:
            run = []
        run.append(i)
        if len(run) < block_strides:
            continue
        known = speed[run]
        known = known[np.isfinite(known)]
        if len(known) >= len(run) / 2 and known.std() > STEADY_CV * known.mean():
            run = run[block_strides // 3 :]
            continue
        blocks.append(run)
        run = []
    return np.array(blocks, dtype=np.int64).reshape(len(blocks), block_strides)


_WORDS = ("foot", "mode", "reasons")


def _columns(strides: Any) -> dict[str, NDArray[Any]]:
    table: dict[str, NDArray[Any]] = {}
    for name in ("initial_contact_s", "foot", "mode", "quality", "reasons", "stance_time_s"):
        try:
            column = strides[name]
        except KeyError as error:
            raise SignalError(f"the stride table needs the column {name!r}; it is missing") from error
        table[name] = np.asarray(column, dtype=object if name in _WORDS else np.float64)
        if name in _WORDS:  # a step that only the pelvis saw has no foot: NA, which is neither left nor right
            table[name][pd.isna(table[name])] = ""
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise SignalError(f"the columns of the stride table differ in length: {sorted(lengths)}")
    return table


def _doubtful(reasons: NDArray[Any]) -> NDArray[np.bool_]:
    doubtful = {
        text: any(code in DOUBTFUL_CODES for code in str(text or "").split(";"))
        for text in set(reasons.tolist())
    }
    return np.array([doubtful[text] for text in reasons.tolist()], dtype=bool)


def _optional(strides: Any, name: str, n: int) -> FloatArray:
    return np.asarray(strides[name], dtype=np.float64) if name in strides else np.full(n, np.nan)


def _mean_of_most(values: FloatArray) -> FloatArray:
    """Return the mean of what is known of each row; NaN where that is less than half of it."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(n, 1)
    return np.where(n >= values.shape[1] / 2, mean, np.nan)


def _scatter_pct(sides: Sequence[NDArray[np.bool_]], values: FloatArray) -> FloatArray:
    """Return the coefficient of variation [%], mean of the feet: left against right is no scatter. NaN with few."""
    found = []
    for is_side in sides:
        own = is_side & np.isfinite(values)
        n = own.sum(axis=1)
        mean = np.where(own, values, 0.0).sum(axis=1) / np.maximum(n, 1)
        squares = np.where(own, values - mean[:, None], 0.0) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            cv = 100.0 * np.sqrt(squares.sum(axis=1) / np.maximum(n - 1, 1)) / mean
        found.append(np.where(n >= 10, cv, np.nan))
    n_feet = np.sum(np.isfinite(found), axis=0)
    return np.where(n_feet > 0, np.nansum(found, axis=0) / np.maximum(n_feet, 1), np.nan)


def _asymmetry(sides: Sequence[NDArray[np.bool_]], stance_s: FloatArray) -> FloatArray:
    """Return the contact asymmetry of each row [%]; NaN with fewer than three strides of a foot."""
    (left, n_left), (right, n_right) = (
        _medians(np.where(side, stance_s, np.nan)[:, :, None]) for side in sides
    )
    known = (n_left[:, 0] >= 3) & (n_right[:, 0] >= 3)
    return np.where(known, asymmetry_pct(right[:, 0], left[:, 0]), np.nan)


class OwnSessions(tuple[SessionBlocks, ...]):
    """A runner's sessions with the medians at a speed reckoned once, however many metrics and lanes ask.

    Everything here is linear in the number of blocks (times its logarithm).
    """

    @classmethod
    def of(cls, sessions: Iterable[SessionBlocks]) -> OwnSessions:
        """Return the sessions as they are when they are of this kind already."""
        return sessions if isinstance(sessions, cls) else cls(sessions)

    @cached_property
    def _rows(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Session number and row of every block of known speed, by speed."""
        tables = [block_table(session.blocks) for session in self]
        table = np.concatenate([np.empty((0, len(BLOCK_COLUMNS))), *tables])
        owner = np.repeat(np.arange(len(tables)), [len(item) for item in tables])
        known = np.flatnonzero(np.isfinite(table[:, _SPEED]))
        order = known[np.argsort(table[known, _SPEED], kind="stable")]
        return owner[order], table[order]

    def medians_at(self, speed_mps: float, tolerance: float) -> FloatArray:
        """Return each session's median of each metric at a speed, float64 (n_sessions, METRICS); NaN unknown."""
        key = (speed_mps, tolerance)
        if key not in self._medians:
            owner, table = self._rows
            first = int(np.searchsorted(table[:, _SPEED], (1.0 - tolerance) * speed_mps, side="left"))
            last = int(np.searchsorted(table[:, _SPEED], (1.0 + tolerance) * speed_mps, side="right"))
            self._medians[key] = _group_medians(owner[first:last], table[first:last, 4:], len(self))
        return self._medians[key]

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """Whatever is reckoned from these sessions and asked for again; keyed by whoever reckons it."""
        return {}

    @cached_property
    def _medians(self) -> dict[tuple[float, float], FloatArray]:
        return {}

    def speeds(self, tolerance: float, step: float, least_sessions: int) -> tuple[float, ...]:
        """Return the most-run speeds [m/s], ``step`` (a share) apart, that ``least_sessions`` share; slowest first."""
        owner, table = self._rows
        speed = table[:, _SPEED]
        first = np.searchsorted(speed, (1.0 - tolerance) * speed, side="left")
        last = np.searchsorted(speed, (1.0 + tolerance) * speed, side="right")
        count = np.where(_distinct(owner, first, last) >= least_sessions, last - first, 0)
        chosen: list[float] = []
        while count.size and (most := int(count.max())) > 0:
            found = float(speed[np.flatnonzero(count == most)[-1]])
            chosen.append(found)
            count = np.where(np.abs(speed - found) >= step * found, count, 0)
        return tuple(sorted(chosen))


def _distinct(
    owner: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many sessions each window of blocks holds; windows move only forwards."""
    seen: dict[int, int] = {}
    out = np.zeros(len(owner), dtype=np.int64)
    left = right = 0
    owners = owner.tolist()
    for place, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        while right < stop:
            seen[owners[right]] = seen.get(owners[right], 0) + 1
            right += 1
        while left < start:
            seen[owners[left]] -= 1
            if not seen[owners[left]]:
                del seen[owners[left]]
            left += 1
        out[place] = len(seen)
    return out


def _group_medians(owner: NDArray[np.int64], values: FloatArray, n_groups: int) -> FloatArray:
    """Return the median of each column in each group, NaN left out; NaN where a group knows nothing."""
    out = np.full((n_groups, values.shape[1]), np.nan)
    if not len(owner):
        return out
    order = np.argsort(owner, kind="stable")
    owner, values = owner[order], values[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    ends = np.append(starts[1:], len(owner))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        out[owner[start]] = _medians(values[start:end])[0]
    return out


def _medians(values: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return medians along the last axis but one, NaN left out, and how many values each has; NaN for none."""
    part = np.sort(values, axis=-2)  # NaN last
    n = np.sum(np.isfinite(part), axis=-2, keepdims=True)
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, part.shape[-2] - 1)
    middle = 0.5 * (np.take_along_axis(part, low, -2) + np.take_along_axis(part, high, -2))
    return np.where(n > 0, middle, np.nan)[..., 0, :], n[..., 0, :]


_SPEED = BLOCK_COLUMNS.index("speed_mps")


def metric_values(blocks: Sequence[Block], metric: str) -> FloatArray:
    """Return the known values of one metric over blocks, float64 (n,)."""
    return np.array([block.values[metric] for block in blocks if metric in block.values], dtype=np.float64)
