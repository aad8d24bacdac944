"""What a runner looks for first: how far, how fast, heart rate, climb. Each is None where it is not known, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tallrun.gait.eligible import paces_mps, sure_values
from tallrun.gait.summary import Gait, told_gait
from tallrun.numerics.recording import Recording, Treadmill
from tallrun.pipeline.tables import GaitTables
from tallrun.report.lengths import LengthUnit, distance_words, pace_words

KEY = "ran"
#: A distance or a climb is told when more than this share of it is known.
KNOWN_SHARE = 0.9


@dataclass(frozen=True)
class Ran:
    """distance_m, speed_mps : of the running, or of a walk. heart_rate_bpm : middle of the whole session.

    climb_m : of the belt.
    """

    distance_m: float | None = None
    speed_mps: float | None = None
    heart_rate_bpm: float | None = None
    climb_m: float | None = None


def ran(recording: Recording, tables: GaitTables | None) -> Ran:
    """Return what is known of a recorded run."""
    gait = "run" if tables is None else told_gait(tables.summary)
    distance_m = None if tables is None else distance_of(tables, gait)
    moving_s = None if tables is None else tables.summary.get(f"{gait}_time_s")
    beats = (
        []
        if recording.heart_rate is None
        else [item for item in recording.heart_rate.bpm.tolist() if item > 0]
    )
    return Ran(
        distance_m,
        distance_m / moving_s if distance_m and moving_s else None,
        float(np.median(beats)) if beats else None,
        None if recording.treadmill is None else belt_climb_m(recording.treadmill),
    )


def ran_of(summary: Mapping[str, Any]) -> Ran:
    """Return what the index keeps of a session: of its sensors, else of its watch; all None before an analysis."""
    if (kept := summary.get(KEY)) is not None:
        return Ran(**{name: kept.get(name) for name in asdict(Ran())})
    watch = summary.get("watch") or {}
    return Ran(*(watch.get(name) for name in ("distance_m", "speed_mps", "heart_rate_bpm", "climb_m")))


def ran_rows(known: Ran, unit: LengthUnit, gait: Gait = "run") -> list[tuple[str, str]]:
    """Return name and words of each, for a page."""
    return [
        (
            "Distance run" if gait == "run" else "Distance walked",
            "not known: too few steps of known length"
            if known.distance_m is None
            else distance_words(known.distance_m, unit),
        ),
        ("Pace", pace_words(known.speed_mps, unit)),
        (
            "Heart rate",
            "not known: no strap was heard"
            if known.heart_rate_bpm is None
            else f"{known.heart_rate_bpm:.0f} a minute",
        ),
        ("Climb", "not known" if known.climb_m is None else f"{known.climb_m:.0f} m"),
    ]


def distance_of(tables: GaitTables, gait: Gait) -> float | None:
    """Return the distance [m] of a gait's strides, by the belt where known, else by sure speeds.

    None when a tenth or more is unknown.
    """
    rows = tables.strides[tables.strides["mode"] == gait]
    part_m = paces_mps(sure_values(rows)) * rows["stride_time_s"]
    if part_m.empty or part_m.notna().mean() <= KNOWN_SHARE:
        return None
    return float(part_m.sum() / part_m.notna().mean() / max(1, rows["foot"].nunique()))


def belt_climb_m(belt: Treadmill) -> float | None:
    """Return the metres climbed on a belt; None when its incline is not told for a tenth of the way or more."""
    way_m = belt.speed_mps * np.diff(belt.t_s, append=belt.t_s[-1:])
    is_known = np.isfinite(belt.incline_pct) & np.isfinite(way_m)
    whole_m = float(np.nansum(way_m))
    if whole_m <= 0.0 or float(way_m[is_known].sum()) <= KNOWN_SHARE * whole_m:
        return None
    rise = np.maximum(np.sin(np.arctan(belt.incline_pct[is_known] / 100.0)), 0.0)
    return float((way_m[is_known] * rise).sum())
