"""A metric over many sessions at one speed: how much it changed since the start, how sure, and when.

Change: mean of the last sessions less mean of the first, with an interval from the error between days. When: the
monotone curve that fits the sessions best (isotonic regression); it moves where the values moved, be it in a step or
over weeks. Nothing is said of when for a change that is not certain. Source: sci:A8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy.optimize import isotonic_regression

from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.insight.between_days import DayError
from tallrun.insight.blocks import METRICS, FloatArray, OwnSessions, SessionBlocks
from tallrun.insight.change import LEVEL, ChangeWord

#: Sessions at each end that make start and now, and the least number of sessions in all.
END_SESSIONS, LEAST_SESSIONS = 3, 6
#: A change is under way while the fitted curve is between these shares of it.
UNDER_WAY = (0.2, 0.8)


@dataclass(frozen=True)
class OverTime:
    """One metric of all sessions at a speed, in its unit, oldest first.

    change : last less first sessions. interval : of that change, at the level of all metrics together; None where the
    error between days is not known. began, half, done : when it was under way, None unless the change is real.
    """

    metric: str
    at: tuple[datetime, ...]
    values: tuple[float, ...]
    start: float
    now: float
    interval: tuple[float, float] | None
    word: ChangeWord
    error: DayError | None
    began: datetime | None = None
    half: datetime | None = None
    done: datetime | None = None

    @property
    def change(self) -> float:
        """Now less the start."""
        return self.now - self.start


def over_time(
    sessions: Sequence[SessionBlocks],
    speed_mps: float,
    metrics: Sequence[str],
    error_of: Callable[[str, FloatArray], DayError | None],
    *,
    level: float = LEVEL,
) -> tuple[OverTime, ...]:
    """Return every metric that at least ``LEAST_SESSIONS`` sessions know at this speed, in the order asked.

    error_of : metric and its session values -> the error between days. level : how often any of the metrics of a runner
    in whom nothing changed is called changed.
    """
    own = OwnSessions.of(sorted(sessions, key=lambda item: item.started_at))
    medians = own.medians_at(speed_mps, SPEED_TOLERANCE)
    seen = []
    for metric in metrics:
        values = medians[:, METRICS.index(metric)]
        known = np.flatnonzero(np.isfinite(values))
        if len(known) >= LEAST_SESSIONS:
            at = tuple(own[place].started_at for place in known)
            seen.append((metric, at, values[known], error_of(metric, values[known])))
    n_tests = max(1, sum(error is not None for *_, error in seen))
    return tuple(_one(*item, level / n_tests) for item in seen)


def _one(
    metric: str, at: tuple[datetime, ...], values: FloatArray, error: DayError | None, level: float
) -> OverTime:
    start, now = float(values[:END_SESSIONS].mean()), float(values[-END_SESSIONS:].mean())
    shown = tuple(values.tolist())
    if error is None:
        return OverTime(metric, at, shown, start, now, None, "cannot tell", None)
    half = error.half_width(float(np.sqrt(2.0 / END_SESSIONS)), level)
    interval = (now - start - half, now - start + half)
    if abs(now - start) <= half:
        return OverTime(metric, at, shown, start, now, interval, "no real change", error)
    fit = isotonic_regression(values, increasing=now > start).x
    share = (fit - start) / (now - start)
    began, middle, done = (
        at[min(int(np.searchsorted(share, item)), len(at) - 1)] for item in (UNDER_WAY[0], 0.5, UNDER_WAY[1])
    )
    return OverTime(metric, at, shown, start, now, interval, "real change", error, began, middle, done)
