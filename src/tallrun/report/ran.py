"""What a runner looks for first: how far, how fast, heart rate, climb. Each is None where it is not known, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tallrun.gait.summary import Gait, told_gait
from tallrun.numerics.recording import Recording
from tallrun.pipeline.belt import climb_m
from tallrun.pipeline.tables import GaitTables
from tallrun.pipeline.way import way_m
from tallrun.report.lengths import METRES, LengthUnit, distance_words, pace_words
from tallrun.report.measured import MeasuredError, measured_error, pace_mps

KEY = "ran"


@dataclass(frozen=True)
class Ran:
    """distance_m, speed_mps : of the running, or of a walk. heart_rate_bpm : middle of the whole session.

    climb_m : of the belt. distance_error_m : the largest found in tests like this run, and of what kind they were;
    None where nothing like it was tested.
    """

    distance_m: float | None = None
    speed_mps: float | None = None
    heart_rate_bpm: float | None = None
    climb_m: float | None = None
    distance_error_m: float | None = None
    distance_error_kind: str | None = None


def ran(recording: Recording, tables: GaitTables | None) -> Ran:
    """Return what is known of a recorded run."""
    gait = "run" if tables is None else told_gait(tables.summary)
    distance_m = None if tables is None else way_m(tables.strides, (gait,))
    moving_s = None if tables is None else tables.summary.get(f"{gait}_time_s")
    beats = (
        []
        if recording.heart_rate is None
        else [item for item in recording.heart_rate.bpm.tolist() if item > 0]
    )
    error = None if tables is None else way_error(recording, tables, gait)
    return Ran(
        distance_m,
        distance_m / moving_s if distance_m and moving_s else None,
        float(np.median(beats)) if beats else None,
        None if recording.treadmill is None else climb_m(recording.treadmill),
        None if distance_m is None or error is None else error.of(distance_m),
        None if distance_m is None or error is None else error.kind,
    )


def way_error(recording: Recording, tables: GaitTables, gait: Gait) -> MeasuredError | None:
    """Return the measured error of the way of a run, a share of it; None where nothing like it was measured.

    It is that of the stride length: an error of a session, the same in all of its strides, so it does not average out
    as the scatter of single strides does (that of 1000 strides is below 0.2 %, and left out). Nothing is known of a
    belt's own error, nor of the length of walking strides.
    """
    rows = tables.strides[tables.strides["mode"] == gait]
    if gait != "run" or rows["belt_speed_mps"].notna().any():
        return None
    is_calibrated = bool(tables.summary["quality"]["calibration"]["is_calibrated"])
    return measured_error("stride_length_m", recording, pace_mps(tables.strides), is_calibrated)


def ran_of(summary: Mapping[str, Any]) -> Ran:
    """Return what the index keeps of a session: of its sensors, else of its watch; all None before an analysis."""
    if (kept := summary.get(KEY)) is not None:
        return Ran(**{name: kept.get(name) for name in asdict(Ran())})
    watch = summary.get("watch") or {}
    return Ran(*(watch.get(name) for name in ("distance_m", "speed_mps", "heart_rate_bpm", "climb_m")))


def ran_rows(known: Ran, unit: LengthUnit, noun: str = "run") -> list[tuple[str, str]]:
    """Return name and words of each, for a page. noun : run, walk, or session where no step was seen."""
    return [
        (
            {"run": "Distance run", "walk": "Distance walked"}.get(noun, "Distance"),
            f"not known: {'no steps were seen' if noun == 'session' else 'too few steps of known length'}"
            if known.distance_m is None
            else f"{distance_words(known.distance_m, unit)}{_error_words(known, unit)}",
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


def _error_words(known: Ran, unit: LengthUnit) -> str:
    if known.distance_error_m is None:
        return ", error not known"
    size = known.distance_error_m / METRES[unit]
    words = f"{size:.2f} {unit}" if size >= 0.01 else f"{max(1.0, known.distance_error_m):.0f} m"
    return f" ± {words} measurement error ({known.distance_error_kind})"
