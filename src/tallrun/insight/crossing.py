"""Pain against gait and load, session by session: a pattern, not a cause.

Three lags: pain of the same day (worst during and after), of the next morning, and at 48 h. Below twelve sessions
only the pairs are shown; from twelve on a ridge estimate with permutation p values, corrected for looking at
several columns at once. Pain rules always outrank anything found here. Source: sci:D7, sci:B6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from tallrun.insight.exposure import Exposure

FloatArray = NDArray[np.float64]

LAGS = ("same_day", "next_morning", "h48")
LEAST_SESSIONS = 12
#: A column known in fewer sessions than this share is left out of the estimate.
LEAST_KNOWN = 0.75
#: Ridge penalty per session, on standardised columns: shrinks a lone strong column by about a third.
PENALTY_PER_SESSION = 0.5
PERMUTATIONS = 5000
CAVEAT = "A pattern, not a cause. Your pain rules come first."
#: Columns built from an ``Exposure``.
LOAD_COLUMNS = ("run_minutes", "distance_m", "fast_minutes", "uphill_minutes", "load")


@dataclass(frozen=True)
class CrossRow:
    """One session: what it held (column -> value, None unknown) and the pain that followed (lag -> score)."""

    session_id: str
    started_at: datetime
    columns: Mapping[str, float | None]
    pain: Mapping[str, int | None]


@dataclass(frozen=True)
class Pair:
    """One point of a scatter: a column's value and the pain score at one lag."""

    session_id: str
    value: float
    pain: int


@dataclass(frozen=True)
class Estimate:
    """Ridge estimate of one column at one lag.

    points_per_sd : score points that go with one standard deviation more of the column, shrunk. p : share of
    re-orderings of the pain scores in which any column looked as strong (so it is corrected for the number
    of columns).
    """

    column: str
    points_per_sd: float
    p: float


@dataclass(frozen=True)
class LagResult:
    """One lag. estimates is empty below twelve usable sessions. left_out : column -> reason code."""

    lag: str
    n_sessions: int
    pairs: Mapping[str, tuple[Pair, ...]]
    estimates: tuple[Estimate, ...]
    left_out: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """What can be said, always with the caveat."""
        if not self.estimates:
            missing = LEAST_SESSIONS - self.n_sessions
            need = (
                f"{missing} more sessions with a score are needed"
                if missing > 0
                else "the columns do not vary enough"
            )
            return f"Too little to look for a pattern: {need}. {CAVEAT}"
        seen = [item for item in self.estimates if item.p < 0.05]
        if not seen:
            return f"No pattern stands out over {self.n_sessions} sessions. {CAVEAT}"
        told = ", ".join(
            f"{'higher' if item.points_per_sd > 0 else 'lower'} pain with more {item.column}" for item in seen
        )
        return f"Seen together over {self.n_sessions} sessions: {told}. {CAVEAT}"


def row_of(exposure: Exposure, gait: Mapping[str, float | None], pain: Mapping[str, int | None]) -> CrossRow:
    """Join one session's exposure and gait medians with the pain that followed.

    pain : keys of ``LAGS``; flagged strides become columns ``flagged_<flag>``.
    """
    columns: dict[str, float | None] = {name: getattr(exposure, name) for name in LOAD_COLUMNS}
    for flag, count in (exposure.flagged_strides or {}).items():
        columns[f"flagged_{flag}"] = float(count)
    return CrossRow(
        exposure.session_id, exposure.started_at, columns | dict(gait), {lag: pain.get(lag) for lag in LAGS}
    )


def cross(
    rows: Sequence[CrossRow], *, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[LagResult, ...]:
    """Return pairs, and from twelve sessions on estimates, for each lag.

    Sessions without a score at a lag are left out there, never counted as 0. A column known in fewer than
    three quarters of the rest, or without variation, is left out (``too_few_values``, ``no_variation``);
    remaining gaps are filled with the column's mean, which pulls its estimate towards 0. Deterministic for
    one ``seed``. Sessions are treated as exchangeable: slow drift over months can pass for a pattern, which
    is one more reason for the caveat.
    """
    return tuple(_lag(lag, rows, seed, permutations) for lag in LAGS)


def _lag(lag: str, rows: Sequence[CrossRow], seed: int, permutations: int) -> LagResult:
    scored = [(row, score) for row in rows if (score := row.pain.get(lag)) is not None]
    names = sorted({name for row, _ in scored for name in row.columns})
    pairs = {
        name: tuple(
            Pair(row.session_id, float(value), score)
            for row, score in scored
            if (value := row.columns.get(name)) is not None and np.isfinite(value)
        )
        for name in names
    }
    pairs = {name: points for name, points in pairs.items() if points}
    if len(scored) < LEAST_SESSIONS:
        return LagResult(lag, len(scored), pairs, (), {})
    kept, table, left_out = _standardised(scored, names)
    pain = np.array([score for _, score in scored], dtype=np.float64)
    if not kept or np.ptp(pain) == 0:
        return LagResult(lag, len(scored), pairs, (), left_out)
    return LagResult(lag, len(scored), pairs, _ridge(kept, table, pain, seed, permutations), left_out)


def _standardised(
    scored: Sequence[tuple[CrossRow, int]], names: Sequence[str]
) -> tuple[list[str], FloatArray, dict[str, str]]:
    kept, columns, left_out = [], [], {}
    for name in names:
        values = np.array(
            [np.nan if (value := row.columns.get(name)) is None else value for row, _ in scored],
            dtype=np.float64,
        )
        known = np.isfinite(values)
        if np.mean(known) < LEAST_KNOWN:
            left_out[name] = "too_few_values"
            continue
        spread = float(np.std(values[known]))
        if spread < 1e-9 * max(1.0, float(np.max(np.abs(values[known])))):
            left_out[name] = "no_variation"
            continue
        values[~known] = np.mean(values[known])
        kept.append(name)
        columns.append((values - np.mean(values)) / spread)
    return kept, np.column_stack(columns) if columns else np.empty((len(scored), 0)), left_out


def _ridge(
    names: Sequence[str], table: FloatArray, pain: FloatArray, seed: int, permutations: int
) -> tuple[Estimate, ...]:
    n = len(pain)
    penalty = PENALTY_PER_SESSION * n * np.eye(table.shape[1])
    solve = np.linalg.solve(table.T @ table + penalty, table.T)
    centred = pain - np.mean(pain)
    found = solve @ centred
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(centred, (permutations, 1)), axis=1)
    strongest = np.max(np.abs(shuffled @ solve.T), axis=1)
    # The largest of all columns is what each is held against: looking at many is paid for.
    p = (np.sum(strongest[:, None] >= np.abs(found)[None, :] - 1e-12, axis=0) + 1) / (permutations + 1)
    estimates = [
        Estimate(name, float(value), float(share)) for name, value, share in zip(names, found, p, strict=True)
    ]
    return tuple(sorted(estimates, key=lambda item: (item.p, -abs(item.points_per_sd))))
