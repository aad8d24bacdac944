"""What a session asked of the tendon, and load over time, as plain description.

Load is described, never scored: no ratio of short to long, no colour, no word of risk (sci:B5). The one limit
with evidence behind it is the single-session spike, and that is the plan guard's (PG3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tallrun.recovery.model import RunSession
from tallrun.recovery.rungs import run_minutes

FAST_SHARE = 0.80  # of best pace (sci:B5)
UPHILL_PCT = 1.0
EWMA_DAYS = (7, 28)
#: Share of an average's weight that must be of known load.
LEAST_KNOWN = 0.75


@dataclass(frozen=True)
class Exposure:
    """One session in numbers; None is unknown, with the reason in ``reasons`` (field -> code).

    fast_minutes : running above 80 % of the runner's best pace. uphill_minutes : running above +1 % incline.
    load : minutes × effort (session RPE), 0 for a walk: it is load of running. distance_m : of the whole session,
    walked or run.
    """

    session_id: str
    started_at: datetime
    run_minutes: float | None
    distance_m: float | None
    fast_minutes: float | None
    uphill_minutes: float | None
    load: float | None
    reasons: Mapping[str, str] = field(default_factory=dict)


def exposure_of_run(run: RunSession, best_speed_mps: float | None = None) -> Exposure:
    """Return the exposure of a run without sensors, as far as it can be known.

    Minutes uphill are known only when the incline is; a run whose fastest minute stayed below the fast limit
    has 0 fast minutes, any other has an unknown number. A walk has no minutes of running.
    """
    reasons: dict[str, str] = {}
    minutes = run_minutes(run)
    is_walk = minutes == 0.0
    uphill: float | None = None
    if is_walk or (run.incline_max_pct is not None and run.incline_max_pct <= UPHILL_PCT):
        uphill = 0.0
    elif run.incline_min_pct is not None and run.incline_min_pct > UPHILL_PCT:
        uphill = minutes
    else:
        reasons["uphill_minutes"] = "no_incline"
    fast: float | None = None
    if is_walk:
        fast = 0.0
    elif best_speed_mps is None or run.speed_mps is None:
        reasons["fast_minutes"] = "no_speed"
    elif run.speed_mps <= FAST_SHARE * best_speed_mps:
        fast = 0.0
    else:
        reasons["fast_minutes"] = "no_speed"
    load = 0.0 if is_walk else None if run.session_rpe is None else run.minutes * run.session_rpe
    if load is None:
        reasons["load"] = "no_effort"
    if run.distance_m is None:
        reasons["distance_m"] = "no_distance"
    return Exposure(run.session_id, run.started_at, minutes, run.distance_m, fast, uphill, load, reasons)


@dataclass(frozen=True)
class LoadDay:
    """Load of one local date and its running averages.

    load : None when a session of that date has an unknown load; ``unknown`` counts those. ewma_7d, ewma_28d : None
    while too much of what they look back on is unknown.
    """

    day: date
    load: float | None
    unknown: int
    ewma_7d: float | None
    ewma_28d: float | None


def load_by_day(days: Iterable[tuple[date, float | None]], until: date) -> tuple[LoadDay, ...]:
    """Return load and its exponentially weighted averages for every date from the first one to ``until``.

    days : (local date, load) of each session, None when its load is not known. Average: λ = 2/(N+1), N = 7 and 28
    days, starting at 0, over the dates whose load is known: an unknown one is left out, never taken as 0, and where
    less than ``LEAST_KNOWN`` of the weight is known there is no average. Empty input gives an empty tuple. Source:
    sci:B5 (descriptive only).
    """
    listed: dict[int, list[float | None]] = {}
    for day, load in days:
        listed.setdefault(day.toordinal(), []).append(load)
    if not listed:
        return ()
    found: list[LoadDay] = []
    # of each average: the weighted sum of what is known, and the weight of that; what was before the first day is 0
    summed, known = dict.fromkeys(EWMA_DAYS, 0.0), dict.fromkeys(EWMA_DAYS, 1.0)
    for ordinal in range(min(listed), until.toordinal() + 1):
        today = listed.get(ordinal, [])
        unknown = sum(load is None for load in today)
        total = None if unknown else float(sum(load for load in today if load is not None))
        averages: dict[int, float | None] = {}
        for n in EWMA_DAYS:
            weight = 2.0 / (n + 1)
            summed[n] = (1.0 - weight) * summed[n] + (0.0 if total is None else weight * total)
            known[n] = (1.0 - weight) * known[n] + (0.0 if total is None else weight)
            averages[n] = summed[n] / known[n] if known[n] >= LEAST_KNOWN else None
        found.append(LoadDay(date.fromordinal(ordinal), total, unknown, averages[7], averages[28]))
    return tuple(found)
