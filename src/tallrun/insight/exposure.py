"""What a session asked of the tendon, and load over time, as plain description.

Load is described, never scored: no ratio of short to long, no colour, no word of risk (sci:B5). The one limit
with evidence behind it is the single-session spike, and that is the plan guard's (PG3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.recovery.model import RunSession

FloatArray = NDArray[np.float64]

FAST_SHARE = 0.80  # of best pace (sci:B5)
UPHILL_PCT = 1.0
EWMA_DAYS = (7, 28)
SPIKE_WINDOW_DAYS = 30


@dataclass(frozen=True)
class Exposure:
    """One session in numbers; None is unknown, with the reason in ``reasons`` (field -> code).

    fast_minutes : running above 80 % of the runner's best pace. uphill_minutes : running above +1 % incline.
    flagged_strides : flag -> strides inside its spans. load : minutes × effort (session RPE).
    """

    session_id: str
    started_at: datetime
    run_minutes: float | None
    distance_m: float | None
    fast_minutes: float | None
    uphill_minutes: float | None
    flagged_strides: Mapping[str, int] | None
    load: float | None
    reasons: Mapping[str, str] = field(default_factory=dict)


def exposure_of_run(run: RunSession, best_speed_mps: float | None = None) -> Exposure:
    """Return the exposure of a run without sensors, as far as it can be known.

    Minutes uphill are known only when the incline is; a run whose fastest minute stayed below the fast limit
    has 0 fast minutes, any other has an unknown number.
    """
    reasons: dict[str, str] = {"flagged_strides": "no_feet"}
    minutes = run.minutes if run.run_minutes is None else run.run_minutes
    uphill: float | None = None
    if run.incline_max_pct is not None and run.incline_max_pct <= UPHILL_PCT:
        uphill = 0.0
    elif run.incline_min_pct is not None and run.incline_min_pct > UPHILL_PCT:
        uphill = minutes
    else:
        reasons["uphill_minutes"] = "no_incline"
    fast: float | None = None
    if best_speed_mps is None or run.speed_mps is None:
        reasons["fast_minutes"] = "no_speed"
    elif run.speed_mps <= FAST_SHARE * best_speed_mps:
        fast = 0.0
    else:
        reasons["fast_minutes"] = "no_speed"
    load = None if run.session_rpe is None else run.minutes * run.session_rpe
    if load is None:
        reasons["load"] = "no_effort"
    if run.distance_m is None:
        reasons["distance_m"] = "no_distance"
    return Exposure(
        run.session_id, run.started_at, minutes, run.distance_m, fast, uphill, None, load, reasons
    )


def exposure_of_session(
    run: RunSession,
    strides: Mapping[str, Any] | Any,
    flags: Sequence[Mapping[str, Any]],
    best_speed_mps: float | None = None,
) -> Exposure:
    """Return the exposure of a recorded session.

    strides : table of the session contract; each running stride stands for its stride time, halved when both
    feet were worn. flags : ``[{flag, start_s, end_s}]``; an open end lasts to the end.
    """
    contact = np.asarray(strides["initial_contact_s"], dtype=np.float64)
    running = np.asarray(strides["mode"], dtype=object) == "run"
    feet = {foot for foot in np.asarray(strides["foot"], dtype=object) if isinstance(foot, str)}
    seconds = np.nan_to_num(np.asarray(strides["stride_time_s"], dtype=np.float64)) / max(len(feet), 1)
    speed = _column(strides, "belt_speed_mps", len(contact))
    speed = np.where(np.isfinite(speed), speed, _column(strides, "speed_mps", len(contact)))
    incline = _column(strides, "incline_pct", len(contact))
    length = _column(strides, "stride_length_m", len(contact)) / max(len(feet), 1)
    reasons: dict[str, str] = {}
    run_minutes = float(np.sum(seconds[running]) / 60)
    fast: float | None = None
    if best_speed_mps is None or not np.any(np.isfinite(speed[running])):
        reasons["fast_minutes"] = "no_speed"
    else:
        fast = float(np.sum(seconds[running & (speed > FAST_SHARE * best_speed_mps)]) / 60)
    uphill: float | None = None
    if np.any(np.isfinite(incline[running])):
        uphill = float(np.sum(seconds[running & (incline > UPHILL_PCT)]) / 60)
    else:
        reasons["uphill_minutes"] = "no_incline"
    known = running & np.isfinite(length)
    distance = run.distance_m
    if distance is None and np.sum(known) >= 0.9 * max(np.sum(running), 1):
        distance = float(np.nansum(length[running]))
    if distance is None:
        reasons["distance_m"] = "no_distance"
    counts: dict[str, int] = {}
    for item in flags:
        end = np.inf if item.get("end_s") is None else float(item["end_s"])
        inside = int(np.sum(running & (contact >= float(item["start_s"])) & (contact < end)))
        counts[str(item["flag"])] = counts.get(str(item["flag"]), 0) + inside
    load = None if run.session_rpe is None else run.minutes * run.session_rpe
    if load is None:
        reasons["load"] = "no_effort"
    return Exposure(
        run.session_id, run.started_at, run_minutes, distance, fast, uphill, counts, load, reasons
    )


def _column(strides: Any, name: str, n: int) -> FloatArray:
    return np.asarray(strides[name], dtype=np.float64) if name in strides else np.full(n, np.nan)


@dataclass(frozen=True)
class LoadDay:
    """Load of one local date and its running averages; ``unknown`` counts sessions whose load is not known."""

    day: date
    load: float
    unknown: int
    ewma_7d: float
    ewma_28d: float


def load_by_day(days: Iterable[tuple[date, float | None]], until: date) -> tuple[LoadDay, ...]:
    """Return load and its exponentially weighted averages for every date from the first one to ``until``.

    days : (local date, load) of each session, None when its load is not known (counted, taken as 0 in the
    averages, and to be shown as a gap). Average: λ = 2/(N+1), N = 7 and 28 days, starting at 0. Empty input
    gives an empty tuple. Source: sci:B5 (descriptive only).
    """
    listed = sorted(days, key=lambda item: item[0])
    if not listed:
        return ()
    found: list[LoadDay] = []
    averages = dict.fromkeys(EWMA_DAYS, 0.0)
    for ordinal in range(listed[0][0].toordinal(), until.toordinal() + 1):
        today = [load for day, load in listed if day.toordinal() == ordinal]
        total = sum(load for load in today if load is not None)
        for n in EWMA_DAYS:
            weight = 2.0 / (n + 1)
            averages[n] = weight * total + (1.0 - weight) * averages[n]
        found.append(
            LoadDay(
                date.fromordinal(ordinal),
                total,
                sum(load is None for load in today),
                averages[7],
                averages[28],
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Spike:
    """A session beside the longest of the 30 days before. ratio None: nothing to compare with."""

    distance_m: float
    longest_before_m: float | None
    ratio: float | None


def spike(distance_m: float, at: datetime, earlier: Iterable[RunSession]) -> Spike:
    """Compare a distance with the longest single run of the 30 days before it (sci:B5, 5205 runners).

    Runs of unknown distance are left out. What follows from it is the plan guard's business (PG3).
    """
    longest: float | None = None
    for run in earlier:
        age_s = at.timestamp() - run.started_at.timestamp()
        if run.distance_m and 0 < age_s <= SPIKE_WINDOW_DAYS * 86400:
            longest = max(longest or 0.0, run.distance_m)
    return Spike(distance_m, longest, None if longest is None else distance_m / longest)
