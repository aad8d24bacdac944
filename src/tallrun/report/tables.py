"""Rows of the report's tables: metrics with spread and uncertainty, definitions, sensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tallrun.reasons import REASONS
from tallrun.report.cycles import clean_running


@dataclass(frozen=True)
class Metric:
    """How one quantity is shown: factor from SI, unit, digits, and what it is in one sentence."""

    key: str
    label: str
    factor: float
    unit: str
    digits: int
    meaning: str


METRICS = (
    Metric("cadence_spm", "Cadence", 1.0, "steps/min", 0, "Steps of both feet in a minute."),
    Metric(
        "speed_mps", "Speed", 3.6, "km/h", 1, "Stride length over stride time; on a belt, against the belt."
    ),
    Metric(
        "stride_length_m", "Stride length", 1.0, "m", 2, "From one foot-flat to the next of the same foot."
    ),
    Metric("stance_time_s", "Ground contact", 1000.0, "ms", 0, "From initial to final contact of one foot."),
    Metric(
        "flight_time_s",
        "Flight",
        1000.0,
        "ms",
        0,
        "From final contact of one foot to the next contact of the other; negative in walking.",
    ),
    Metric("duty_factor", "Duty factor", 100.0, "%", 1, "Share of the stride a foot is on the ground."),
    Metric(
        "foot_strike_angle_deg",
        "Foot-strike angle",
        1.0,
        "°",
        1,
        "Foot against the ground at initial contact, from its own flat position; toes up positive.",
    ),
    Metric(
        "peak_impact_g",
        "Peak impact",
        1.0,
        "g",
        1,
        "Largest acceleration at the shoe around landing; a trend only.",
    ),
    Metric(
        "overstride_index",
        "Overstride index",
        1.0,
        "",
        2,
        "Landing angle, foot ahead, braking and step rate together.",
    ),
    Metric(
        "foot_ahead_m",
        "Foot ahead of pelvis",
        100.0,
        "cm",
        1,
        "At initial contact, from speed and braking time.",
    ),
    Metric(
        "pelvic_tilt_deg",
        "Pelvic tilt from standing",
        1.0,
        "°",
        1,
        "Change from your own quiet standing, forward positive; believe changes of 2–3° and more.",
    ),
    Metric(
        "vertical_oscillation_m",
        "Pelvis bounce",
        100.0,
        "cm",
        1,
        "Up-and-down travel of the pelvis in a step.",
    ),
    Metric(
        "braking_dv_mps", "Braking per step", 1.0, "m/s", 2, "Forward speed the pelvis loses at each landing."
    ),
)

#: Not a column of the stride table: made of both feet's contact times.
ASYMMETRY = Metric(
    "asymmetry_contact_pct",
    "Contact, right against left",
    1.0,
    "%",
    1,
    "200 (R − L)/(R + L) of contact time; above 0 the right foot stays longer.",
)
METRIC_BY_KEY = {item.key: item for item in (*METRICS, ASYMMETRY)}


def metric_rows(summary: dict[str, Any], strides: pd.DataFrame) -> list[dict[str, str]]:
    """One row per metric: median, 5-95 % range, each foot, number of strides; or why it is unknown."""
    rows = clean_running(strides)
    out = []
    for metric in METRICS:
        values = metric.factor * rows[metric.key].to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        row = {"label": metric.label, "unit": metric.unit, "why": "", "n": str(known.size)}
        if known.size < 5:
            item = summary.get(metric.key)
            code = item.get("reason") if isinstance(item, dict) else None
            row |= {"median": "–", "range": "–", "left": "–", "right": "–"}
            row["why"] = REASONS[code] if code else REASONS["too_few_strides"]
        else:
            low, middle, high = np.percentile(known, [5, 50, 95])
            row |= {
                "median": f"{middle:.{metric.digits}f}",
                "range": f"{low:.{metric.digits}f} to {high:.{metric.digits}f}",
            }
            for foot in ("left", "right"):
                side = values[(rows["foot"] == foot).to_numpy(dtype=bool, na_value=False)]
                side = side[np.isfinite(side)]
                row[foot] = f"{np.median(side):.{metric.digits}f}" if side.size >= 5 else "–"
        out.append(row)
    return out


def definition_rows() -> list[tuple[str, str]]:
    """(label, meaning) of every metric."""
    return [(metric.label, metric.meaning) for metric in METRICS]


def sensor_rows(quality: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(placement, [(fact, value)]) of every sensor, only what is known."""
    out = []
    for name, facts in quality["sensors"].items():
        shown = [
            (key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
            for key, value in facts.items()
            if isinstance(value, (int, float, str, bool)) and value is not None
        ]
        out.append((name.replace("_", " "), shown))
    return out
