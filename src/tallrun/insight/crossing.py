"""Pain against gait and load, session by session: a pattern, not a cause.

Three lags: pain of the same day (worst during and after), of the next morning, and at 48 h. Below twelve sessions
only the pairs are shown; from twelve on a ridge estimate with permutation p values, corrected for looking at
several columns at once. In any recovery pain falls and load rises with the calendar, so the common trend in time is
taken out of both first: what is left says whether a session with more of it than its time had hurt more than its
time did (residuals permuted after Freedman and Lane 1983, doi:10.2307/1391660). Pain rules always outrank anything
found here. Source: sci:D7, sci:B6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.flags import FLAGS, is_judged
from tallrun.insight.exposure import Exposure
from tallrun.words import counted

FloatArray = NDArray[np.float64]

LAGS = ("same_day", "next_morning", "h48")
LEAST_SESSIONS = 12
#: A column known in fewer sessions than this share is left out of the estimate.
LEAST_KNOWN = 0.75
#: Ridge penalty per session, on standardised columns: shrinks a lone strong column by about a third.
PENALTY_PER_SESSION = 0.5
PERMUTATIONS = 5000
CAVEAT = "A pattern, not a cause. Your pain rules come first."
#: Degree of the trend in time that is taken out: one for every six sessions, at most a cubic.
SESSIONS_PER_DEGREE, MOST_DEGREE = 6, 3
#: A column whose spread is nearly all trend in time (less than this share of its variance left) says nothing.
LEAST_LEFT = 0.02
#: Columns built from an ``Exposure``.
LOAD_COLUMNS = ("run_minutes", "distance_m", "fast_minutes", "uphill_minutes", "load")
#: What more of a column is, in the runner's words.
MORE_WORDS = {
    "run_minutes": "more minutes of running",
    "distance_m": "more distance",
    "fast_minutes": "more fast minutes",
    "uphill_minutes": "more uphill minutes",
    "load": "a harder session (minutes times effort)",
    "cadence_spm": "more steps a minute",
    "speed_mps": "more speed",
    "stride_length_m": "longer strides",
    "stance_time_s": "longer ground contact",
    "flight_time_s": "more time in the air",
    "duty_factor": "a larger share of the stride on the ground",
    "foot_strike_angle_deg": "toes higher at landing",
    "peak_impact_g": "a harder landing of the shoe",
    "overstride_index": "a higher overstride index",
    "foot_ahead_m": "the foot landing further ahead",
    "pelvic_tilt_deg": "the pelvis tipped further forward",
    "leg_stiffness_npm": "stiffer legs",
    "pelvic_obliquity_deg": "the pelvis dropping further to one side",
    "pelvic_rotation_deg": "the pelvis turning further",
    "stride_time_cv_pct": "less even stride times",
    "stance_time_cv_pct": "less even ground contact",
    "vertical_oscillation_m": "more up and down",
    "braking_dv_mps": "more braking at each step",
    "asymmetry_contact_pct": "longer contact on the right than on the left",
    "flagged_low_cadence": "more time flagged for few steps a minute",
    "flagged_overstriding": "more time flagged for landing far ahead",
    "flagged_anterior_pelvic_tilt": "more time flagged for the pelvis tipped forward",
    "flagged_asymmetry": "more time flagged for one foot longer on the ground",
}


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
                f"it takes {counted(missing, 'more session')} with a score"
                if missing > 0
                else "the columns do not vary enough"
            )
            return f"Too little to look for a pattern: {need}. {CAVEAT}"
        seen = [item for item in self.estimates if item.p < 0.05]
        if not seen:
            return f"No pattern stands out over {self.n_sessions} sessions beyond the trend in time. {CAVEAT}"
        told = ", ".join(
            f"{'higher' if item.points_per_sd > 0 else 'lower'} pain with {words_of(item.column)}"
            for item in seen
        )
        return f"Over {self.n_sessions} sessions, beyond the trend in time: {told}. {CAVEAT}"


def words_of(column: str) -> str:
    """Return what more of a column is, in the runner's words."""
    return MORE_WORDS.get(column, f"more {column.replace('_', ' ')}")


def flag_minutes(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """Return minutes under each flag in a session's summary: 0 where it was looked for and not up.

    None where it could not be looked for, or the session was never analysed (an empty summary).
    """
    if "flags" not in summary:
        return dict.fromkeys(FLAGS)
    return {
        name: sum(item["end_s"] - item["start_s"] for item in summary["flags"] if item["flag"] == name) / 60.0
        if is_judged(summary, name)
        else None
        for name in FLAGS
    }


def row_of(
    exposure: Exposure,
    gait: Mapping[str, float | None],
    pain: Mapping[str, int | None],
    flagged: Mapping[str, float | None] | None = None,
) -> CrossRow:
    """Join one session's exposure and gait medians with the pain that followed.

    pain : keys of ``LAGS``. flagged : as ``flag_minutes`` returns it; becomes columns ``flagged_<flag>``, None (not
    known) for each flag it does not name.
    """
    columns: dict[str, float | None] = {name: getattr(exposure, name) for name in LOAD_COLUMNS}
    columns |= {f"flagged_{name}": (flagged or {}).get(name) for name in FLAGS}
    return CrossRow(
        exposure.session_id, exposure.started_at, columns | dict(gait), {lag: pain.get(lag) for lag in LAGS}
    )


def cross(
    rows: Sequence[CrossRow], *, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[LagResult, ...]:
    """Return pairs, and from twelve sessions on estimates, for each lag.

    Sessions without a score at a lag are left out there, never counted as 0. A column known in fewer than
    three quarters of the rest, or without variation, is left out (``too_few_values``, ``no_variation``);
    remaining gaps are filled with the column's trend in time, which pulls its estimate towards 0. A column that is
    hardly more than a trend is left out as without variation. Deterministic for one ``seed``.
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
    trend = trend_basis(np.array([row.started_at.timestamp() for row, _ in scored]))
    kept, table, left_out = _standardised(scored, names, trend)
    pain = np.array([score for _, score in scored], dtype=np.float64)
    left = _without(trend, pain)
    if not kept or np.std(left) < 1e-9 or np.var(left) < LEAST_LEFT * np.var(pain):
        return LagResult(lag, len(scored), pairs, (), left_out)
    return LagResult(lag, len(scored), pairs, _ridge(kept, table, left, trend, seed, permutations), left_out)


def trend_basis(at_s: FloatArray) -> FloatArray:
    """Return an orthonormal basis of slow trends over instants [s], float64 (n, degree + 1)."""
    n = len(at_s)
    scaled = (at_s - np.mean(at_s)) / max(float(np.ptp(at_s)), 1.0)
    degree = min(MOST_DEGREE, n // SESSIONS_PER_DEGREE)
    return np.linalg.qr(np.vander(scaled, degree + 1, increasing=True))[0]


def _without(trend: FloatArray, values: FloatArray) -> FloatArray:
    """Return values with the trend taken out; NaN stays out of the fit and becomes 0, which is on the trend."""
    known = np.isfinite(values)
    if known.all():
        return values - trend @ (trend.T @ values)
    weights = np.linalg.lstsq(trend[known], values[known], rcond=None)[0]
    left = np.where(known, values - trend @ weights, 0.0)
    return left - trend @ (trend.T @ left)


def _standardised(
    scored: Sequence[tuple[CrossRow, int]], names: Sequence[str], trend: FloatArray
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
        left = _without(trend, values)
        if np.var(left) < LEAST_LEFT * spread**2:
            left_out[name] = "no_variation"
            continue
        kept.append(name)
        columns.append(left / float(np.std(left)))
    return kept, np.column_stack(columns) if columns else np.empty((len(scored), 0)), left_out


def _ridge(
    names: Sequence[str], table: FloatArray, left: FloatArray, trend: FloatArray, seed: int, permutations: int
) -> tuple[Estimate, ...]:
    n, taken = len(left), trend.shape[1]
    penalty = PENALTY_PER_SESSION * n * np.eye(table.shape[1])
    solve = np.linalg.solve(table.T @ table + penalty, table.T)
    found = solve @ left
    rng = np.random.default_rng(seed)
    # the fit has taken freedom from the residuals; without this they would look too quiet when shuffled
    spread_again = np.sqrt(n / (n - taken))
    shuffled = spread_again * rng.permuted(np.tile(left, (permutations, 1)), axis=1)
    strongest = np.max(np.abs(shuffled @ solve.T), axis=1)
    # The largest of all columns is what each is held against: looking at many is paid for.
    p = (np.sum(strongest[:, None] >= np.abs(found)[None, :] - 1e-12, axis=0) + 1) / (permutations + 1)
    estimates = [
        Estimate(name, float(value), float(share)) for name, value, share in zip(names, found, p, strict=True)
    ]
    return tuple(sorted(estimates, key=lambda item: (item.p, -abs(item.points_per_sd))))
