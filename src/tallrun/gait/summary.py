"""The stride table boiled down: five-second windows, distributions over running, the quality ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.asymmetry import contact_asymmetry_pct
from tallrun.gait.eligible import QUANTITY_OF, sure_strides, sure_values
from tallrun.gait.rows import MODE_OTHER, MODES
from tallrun.gait.segments import Segment
from tallrun.gait.table import GaitTable, TableLike, text_array
from tallrun.numerics.percentiles import percentiles
from tallrun.numerics.recording import FloatArray

#: The gait a number is about.
Gait = Literal["run", "walk"]
WINDOW_S = 5.0
LEAST_STRIDES = 5
#: As many clean strides are a stretch of running that says something of its own (sci:D7).
BLOCK_STRIDES = 30

#: Distribution -> reason to give when nothing is known, by what was worn.
DISTRIBUTIONS = (
    "cadence_spm",
    "stride_length_m",
    "speed_mps",
    "stance_time_s",
    "flight_time_s",
    "foot_strike_angle_deg",
    "peak_impact_g",
    "pelvic_tilt_deg",
    "vertical_oscillation_m",
)
_PELVIS_ONLY = ("pelvic_tilt_deg", "vertical_oscillation_m")
#: Why a stride's tilt can be unknown, as its reasons say.
_TILT_REASONS = ("mounting_changed", "settling", "no_standing", "axis_missing")
_NEEDS_GYROSCOPE = ("stride_length_m", "speed_mps", "foot_strike_angle_deg")
#: What can spoil a quantity, as the strides' reasons say; the first of equals is told.
_DOUBTS = {
    "timing": ("gap", "event_doubtful"),
    "stance": ("gap", "event_doubtful"),
    "length": ("clipped", "gap", "gyro_clipped", "velocity_drift", "implausible"),
    "angle": ("mounting_changed", "gap", "gyro_clipped", "event_doubtful"),
}
_NEEDS_FEET = (*_NEEDS_GYROSCOPE, "peak_impact_g")
#: A pelvis tells these by the flight between contacts, which a walk has none of.
_NEEDS_FEET_OR_FLIGHT = ("stance_time_s", "flight_time_s")


def timeline_table(strides: GaitTable, segments: Sequence[Segment], end_s: float) -> GaitTable:
    """Return medians per five-second window from 0: ``t_s`` is the window's start.

    A window without strides has NaN values and the mode that covers most of it.
    """
    n_windows = int(np.ceil(end_s / WINDOW_S)) if end_s > 0 else 0
    names = ("cadence_spm", "speed_mps", "pelvic_tilt_deg", "vertical_oscillation_m", "quality")
    window = np.floor(strides["initial_contact_s"] / WINDOW_S).astype(np.int64)
    sure = sure_values(strides)
    return GaitTable(
        {
            "t_s": WINDOW_S * np.arange(n_windows),
            "mode": text_array([MODES[mode] for mode in _window_modes(segments, n_windows)]),
            **{name: _medians(sure[name], window, n_windows) for name in names},
        }
    )


def _medians(values: FloatArray, group: NDArray[np.int64], n_groups: int) -> FloatArray:
    """Return the median of the known values of each group (n_groups,), NaN without any."""
    known = ~np.isnan(values)
    values, group = values[known], group[known]
    order = np.lexsort((values, group))
    values, group = values[order], group[order]
    first, end = (np.searchsorted(group, np.arange(n_groups), side) for side in ("left", "right"))
    out = np.full(n_groups, np.nan)
    is_met = end > first
    low, high = ((first + end - 1) // 2)[is_met], ((first + end) // 2)[is_met]
    out[is_met] = (values[low] + values[high]) / 2.0
    return out


def _window_modes(segments: Sequence[Segment], n_windows: int) -> list[int]:
    seconds = np.zeros((n_windows, len(MODES)))
    for item in segments:
        first = int(item.start_s // WINDOW_S)
        for index in range(first, n_windows):
            low, high = index * WINDOW_S, (index + 1) * WINDOW_S
            if low >= item.end_s:
                break
            seconds[index, item.mode] += max(0.0, min(high, item.end_s) - max(low, item.start_s))
    modes = seconds.argmax(axis=1)
    modes[seconds.sum(axis=1) == 0.0] = MODE_OTHER
    return [int(mode) for mode in modes]


def distribution(values: np.ndarray, reason: str) -> dict[str, Any]:
    """``{median, p05, p95, n}`` of the finite values, or ``{"value": None, "reason": code}`` without enough."""
    known = values[np.isfinite(values)]
    if known.size < LEAST_STRIDES:
        return {"value": None, "reason": reason}
    low, middle, high = percentiles(known, (5.0, 50.0, 95.0))
    return {"median": middle, "p05": low, "p95": high, "n": int(known.size)}


def sure_gait(strides: TableLike, gait: Gait) -> TableLike:
    """Return the strides of a gait with sure times, each value that is not sure by itself unknown (NaN)."""
    rows = strides[strides["mode"] == gait]
    return sure_values(rows[sure_strides(rows, "timing")])


def told_gait(summary: Mapping[str, Any]) -> Gait:
    """Return what a session's numbers are about: a walk where more was walked and less than a block was run.

    A dash over the street does not make a run of a walk; a flag, which is about running, does.
    """
    walking = summary.get("walking")
    is_walk = (
        walking is not None
        and "median" in walking["cadence_spm"]
        and summary["cadence_spm"].get("n", 0) < BLOCK_STRIDES
        and summary["walk_time_s"] > summary["run_time_s"]
        and not summary["flags"]
    )
    return "walk" if is_walk else "run"


def numbers_of(summary: Mapping[str, Any], gait: Gait) -> Mapping[str, Any]:
    """Return the part of ``summary.json`` that holds a gait's distributions and asymmetry."""
    return summary if gait == "run" else summary["walking"]


def summarise(
    strides: GaitTable,
    segments: Sequence[Segment],
    flags: list[dict[str, Any]],
    quality: dict[str, Any],
    worn: dict[str, bool],
) -> dict[str, Any]:
    """Build ``summary.json``.

    ``worn`` maps each placement to whether that sensor had a gyroscope; it decides which reason an unknown
    distribution carries. Distributions are over running; ``walking`` holds the same over walking.
    """
    feet: list[str] = [name for name in ("foot_left", "foot_right") if name in worn]
    n_contacts = sum(
        foot is not None for foot in strides["foot"]
    )  # what only the pelvis saw is a step, not a contact
    out: dict[str, Any] = {
        "n_contacts": n_contacts,
        "n_steps": n_contacts * (2 if len(feet) == 1 else 1) + len(strides) - n_contacts,
        "n_steps_reason": "one_foot" if len(feet) == 1 else "no_feet" if not feet else None,
        "run_time_s": _seconds(segments, "run"),
        "walk_time_s": _seconds(segments, "walk"),
    }
    out |= _numbers(strides, "run", feet, worn)
    out["walking"] = _numbers(strides, "walk", feet, worn)
    out["flags"] = flags
    out["quality"] = quality
    return out


def _numbers(strides: GaitTable, gait: Gait, feet: list[str], worn: dict[str, bool]) -> dict[str, Any]:
    """Return the distributions over one gait, and contact time right against left."""
    rows = strides[strides["mode"] == gait]
    good = sure_gait(rows, gait)
    out: dict[str, Any] = {
        name: distribution(good[name], _unknown_reason(name, rows, gait, feet, worn))
        for name in DISTRIBUTIONS
    }
    sides = zip(good["foot"].tolist(), good["stance_time_s"].tolist(), strict=True)
    index = contact_asymmetry_pct(list(sides))
    reason = "no_feet" if not feet else "one_foot" if len(feet) == 1 else "too_few_strides"
    out["asymmetry_contact_pct"] = float(index) if np.isfinite(index) else {"value": None, "reason": reason}
    return out


def _seconds(segments: Sequence[Segment], mode: str) -> float:
    return float(sum(item.end_s - item.start_s for item in segments if MODES[item.mode] == mode))


def _unknown_reason(name: str, rows: GaitTable, gait: Gait, feet: list[str], worn: dict[str, bool]) -> str:
    """Return why a quantity of a gait is unknown where it is. rows : the strides of the gait."""
    if not worn:
        return "no_samples"
    if name in _PELVIS_ONLY and "pelvis" not in worn:
        return "no_pelvis"
    if name in _NEEDS_FEET and not feet:
        return "no_feet"
    if name in _NEEDS_GYROSCOPE and not any(worn[foot] for foot in feet):
        return "no_gyroscope"
    if name == "flight_time_s" and len(feet) == 1:
        return "one_foot"
    if not len(rows):
        return "not_running" if gait == "run" else "not_walking"
    if name in _NEEDS_FEET_OR_FLIGHT and not feet and gait == "walk":
        return "no_feet"
    sure = sure_strides(rows, QUANTITY_OF.get(name, "timing"))
    if sure.sum() < LEAST_STRIDES:
        return _doubt(name, rows[~sure])
    if name == "pelvic_tilt_deg":
        return _tilt_reason(rows, worn["pelvis"])
    return "too_few_strides"


def _doubt(name: str, unsure: GaitTable) -> str:
    """Return what most of the strides say that spoiled this number; low quality where they say nothing."""
    told = [text.split(";") for text in unsure["reasons"]]
    counts = {
        code: sum(code in codes for codes in told)
        for code in _DOUBTS.get(QUANTITY_OF.get(name, "timing"), ())
    }
    most = max(counts, key=lambda code: counts[code], default="")
    return most if most and 2 * counts[most] >= len(unsure) else "low_quality"


def _tilt_reason(rows: GaitTable, has_gyroscope: bool) -> str:
    """Return why the tilt of most strides without one is unknown."""
    if not has_gyroscope:
        return "no_gyroscope"
    told = [text.split(";") for text in rows["reasons"][np.isnan(rows["pelvic_tilt_deg"])]]
    counts = {code: sum(code in codes for codes in told) for code in _TILT_REASONS}
    most = max(counts, key=lambda code: counts[code])
    return most if counts[most] else "no_standing"
