"""Rows of the report's tables: metrics with spread and uncertainty, definitions, sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tallrun.gait.flag_terms import OVERSTRIDE_INDEX_LIMIT
from tallrun.gait.flags import (
    ASYMMETRY_LIMIT_PCT,
    ASYMMETRY_POPULATION_LIMIT_PCT,
    OWN_TILT_MARGIN_DEG,
    POPULATION_TILT_DEG,
)
from tallrun.gait.summary import Gait, numbers_of, sure_gait
from tallrun.numerics.percentiles import percentiles
from tallrun.numerics.recording import Recording
from tallrun.reasons import REASONS
from tallrun.report.measured import MeasuredError, measured_error, pace_mps
from tallrun.report.stiffness import with_stiffness
from tallrun.words import counted

if TYPE_CHECKING:
    import pandas as pd

LEAST_STRIDES = 5
#: Sensors and belt further apart than this are told of: what a stride length calibrated to a belt should keep to.
BELT_AGREES_SHARE = 0.01


@dataclass(frozen=True)
class Metric:
    """How one quantity is shown: factor from SI, unit, digits, and what it is in one sentence.

    scale : for an index or an angle with a limit, what its ends mean and where the limit is, with its source.
    """

    key: str
    label: str
    factor: float
    unit: str
    digits: int
    meaning: str
    scale: str = ""

    def show(self, value: float, digits: int | None = None) -> str:
        """Return a value already in the shown unit, without a minus before zero."""
        text = f"{value:.{self.digits if digits is None else digits}f}"
        return text.lstrip("-") if not float(text) else text.replace("-", "−")

    def error_digits(self, error: float) -> int:
        """Return how many digits an error in the shown unit needs to keep its size: 0.3 steps/min, not 0."""
        more = (self.digits, self.digits + 1, self.digits + 2)
        return next((item for item in more if round(abs(error), item) >= 2.0 * 10.0**-item), more[-1])

    def show_error(self, error: float) -> str:
        """Return an error, or a limit made of errors, already in the shown unit."""
        return self.show(error, self.error_digits(error))


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
        "above 8° rearfoot, below −1.6° forefoot (sci:A3)",
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
        f"0 as expected at this speed, limit {OVERSTRIDE_INDEX_LIMIT:g} with two parts raised (design, sci:A3)",
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
        f"limit: own usual + {OWN_TILT_MARGIN_DEG:g}°, else {POPULATION_TILT_DEG:g}° from standing (design, sci:A4)",
    ),
    Metric(
        "pelvic_obliquity_deg",
        "Pelvic obliquity, range",
        1.0,
        "°",
        1,
        "How far the pelvis tips sideways over a stride.",
    ),
    Metric(
        "pelvic_rotation_deg",
        "Pelvic rotation, range",
        1.0,
        "°",
        1,
        "How far the pelvis turns about the upright over a stride.",
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
    Metric(
        "leg_stiffness_npm",
        "Leg stiffness",
        0.001,
        "kN/m",
        1,
        "Spring-mass model from contact, flight and speed on level ground (Morin 2005); 1–7 % below a force plate.",
    ),
)

#: Not columns of the stride table: how far the strides of one foot scatter within 30 strides.
VARIABILITY_ROWS = (
    Metric(
        "stride_time_cv_pct", "Stride time, scatter", 1.0, "%", 1,
        "Standard deviation of stride time from stride to stride, in % of its mean.",
    ),
    Metric(
        "stance_time_cv_pct", "Ground contact, scatter", 1.0, "%", 1,
        "Standard deviation of contact time from stride to stride, in % of its mean.",
    ),
)  # fmt: skip

#: Not a column of the stride table: made of both feet's contact times.
ASYMMETRY = Metric(
    "asymmetry_contact_pct",
    "Contact, right against left",
    1.0,
    "%",
    1,
    "200 (R − L)/(R + L) of contact time; above 0 the right foot stays longer.",
    f"0 both alike, limit: {ASYMMETRY_LIMIT_PCT:g} % from the own usual and beyond its scatter, else "
    f"± {ASYMMETRY_POPULATION_LIMIT_PCT:g} % (design, sci:A5)",
)


#: In walking one foot lands before the other leaves; what is about landing out of the air is not asked of a walk.
DOUBLE_SUPPORT = Metric(
    "flight_time_s",
    "Double support",
    -1000.0,
    "ms",
    0,
    "Time both feet are on the ground, from one foot's landing to the other's leaving.",
)
_OF_RUNNING = ("overstride_index", "foot_ahead_m", "braking_dv_mps", "leg_stiffness_npm")
METRICS_OF: dict[Gait, tuple[Metric, ...]] = {
    "run": METRICS,
    "walk": tuple(
        DOUBLE_SUPPORT if item.key == "flight_time_s" else replace(item, scale="")  # limits are of running
        for item in METRICS
        if item.key not in _OF_RUNNING
    ),
}
METRIC_BY_KEY_OF: dict[Gait, dict[str, Metric]] = {
    gait: {
        item.key: item
        for item in (*found, ASYMMETRY if gait == "run" else replace(ASYMMETRY, scale=""), *VARIABILITY_ROWS)
    }
    for gait, found in METRICS_OF.items()
}
METRIC_BY_KEY = METRIC_BY_KEY_OF["run"]


def metric_rows(
    summary: dict[str, Any], strides: pd.DataFrame, recording: Recording, gait: Gait = "run"
) -> list[dict[str, str]]:
    """One row per metric: median, measured error, 5-95 % range, feet, scatter of the median; or why it is withheld."""
    numbers = numbers_of(summary, gait)
    rows = sure_gait(with_stiffness(strides, recording.runner), gait)
    pace = pace_mps(strides) if gait == "run" else None  # no error was measured of walking
    is_calibrated = bool(summary["quality"]["calibration"]["is_calibrated"])
    out = []
    for metric in METRICS_OF[gait]:
        values = metric.factor * rows[metric.key].to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        row = {
            "key": metric.key,
            "label": metric.label,
            "scale": metric.scale,
            "unit": metric.unit,
            "why": "",
            "n": str(known.size),
        }
        notes = []
        if known.size < LEAST_STRIDES:
            row |= dict.fromkeys(("median", "range", "left", "right", "interval"), "–")
            needs_mass = metric.key == "leg_stiffness_npm" and recording.runner.mass_kg is None
            row["why"] = REASONS["no_body_mass" if needs_mass else unknown_reason(numbers, metric.key)]
        else:
            low, middle, high = percentiles(known, (5.0, 50.0, 95.0))
            row |= {
                "median": metric.show(middle),
                "range": f"{metric.show(low)} to {metric.show(high)}",
                "interval": _interval(metric, known),
            } | error_words(
                metric,
                middle / metric.factor,
                measured_error(metric.key, recording, pace, is_calibrated),
            )
            for foot in ("left", "right"):
                side = values[(rows["foot"] == foot).to_numpy(dtype=bool, na_value=False)]
                side = side[np.isfinite(side)]
                row[foot] = metric.show(np.median(side)) if side.size >= LEAST_STRIDES else "–"
                if row[foot] == "–":
                    notes.append(f"{foot}: too few clean strides of this foot")
            belt = 3.6 * rows["belt_speed_mps"].to_numpy(dtype=np.float64)
            if metric.key == "speed_mps" and np.isfinite(belt).any():
                notes.append(f"the belt's own: {np.nanmedian(belt):.1f} km/h")
            if row["interval"] == "–":
                notes.append("interval: fewer than four blocks of 30 strides")
        row["note"] = "; ".join(notes)
        out.append(row)
    return out


def walked_beside(
    summary: dict[str, Any], strides: pd.DataFrame, recording: Recording, gait: Gait
) -> list[dict[str, str]]:
    """Return the rows of what is known of the walking in a run with walks; empty where nothing is."""
    if gait == "walk" or "median" not in summary.get("walking", {}).get("cadence_spm", {}):
        return []
    return [row for row in metric_rows(summary, strides, recording, "walk") if not row["why"]]


def error_words(metric: Metric, middle: float, found: MeasuredError | None) -> dict[str, str]:
    """Return the measured error for the table and for a number that stands alone; middle in the unit of its name."""
    if found is None:
        return {"error": "not known", "error_words": "measurement error not known"}
    size = metric.show_error(metric.factor * found.of(middle))
    how = f" ({found.kind})"
    return {"error": f"± {size}{how}", "error_words": f"± {size} {metric.unit} measurement error{how}"}


def unknown_reason(numbers: Mapping[str, Any], key: str) -> str:
    """Return the reason code for a metric that is not known. numbers : the part of the summary for a gait."""
    found = numbers.get(key)
    if isinstance(found, dict) and found.get("reason"):
        return str(found["reason"])
    return _like(numbers, key)


def _like(numbers: Mapping[str, Any], key: str) -> str:
    """Metrics the summary does not hold share the reason of the one they are made from."""
    source = {
        "duty_factor": "stance_time_s", "overstride_index": "foot_strike_angle_deg", "foot_ahead_m": "pelvic_tilt_deg",
        "braking_dv_mps": "vertical_oscillation_m", "pelvic_obliquity_deg": "pelvic_tilt_deg",
        "pelvic_rotation_deg": "pelvic_tilt_deg", "leg_stiffness_npm": "flight_time_s",
    }.get(key)  # fmt: skip
    found = numbers.get(source) if source else None
    reason = found.get("reason") if isinstance(found, dict) else None
    return str(reason) if reason else "too_few_strides"


def _interval(metric: Metric, known: np.ndarray) -> str:
    """95 % interval of the median from medians of 30-stride blocks; strides next to each other are alike (sci:D7)."""
    from scipy.special import stdtrit  # scipy.stats has it too, and takes a second to import

    n = known.size // 30
    if n < 4:
        return "–"
    medians = np.array([np.median(part) for part in np.array_split(known, n)])
    half = float(stdtrit(n - 1, 0.975)) * float(medians.std(ddof=1)) / np.sqrt(n)
    return f"± {metric.show(half, metric.digits + 1)}"


def calibration_words(calibration: dict[str, Any], noun: str = "run") -> str:
    """Say how stride length was scaled, and what the belt says about it. noun : for the session."""
    if calibration["is_calibrated"]:
        told = f"Stride length is calibrated to the belt (× {calibration['gain_applied']:.3f})."
    else:
        told = "Stride length is not calibrated to a belt."
    found = calibration["gain_found"]
    if found is None:
        return f"{told} This {noun} gave no new calibration: {REASONS[calibration['reason']]}"
    told += f" By this {noun}'s belt it would be × {found:.3f}, from {counted(calibration['n_strides'], 'stride')}."
    return f"{told} {belt_words(calibration)}".rstrip()


def belt_words(calibration: dict[str, Any] | None) -> str:
    """Say how far speed and stride length lie from the belt's; empty where they agree within 1 % or no belt tells."""
    if calibration is None or calibration["gain_found"] is None:
        return ""
    off = calibration["gain_applied"] / calibration["gain_found"] - 1.0
    if abs(off) < BELT_AGREES_SHARE:
        return ""
    size = f"{'at least ' if calibration.get('is_at_bound') else ''}{100.0 * abs(off):.1f} %"
    return f"Measured speed and stride length are {size} {'below' if off < 0.0 else 'above'} the belt's."


def version_rows(recording: Recording, summary: dict[str, Any], version: str) -> list[tuple[str, str]]:
    """Return what made these numbers: versions, sensor configs, where the session came from."""
    rows = [("tallrun", version), ("algorithm", str(summary["algorithm"]))]
    bindings = recording.info.get("bindings")
    if isinstance(bindings, dict):
        for place, item in bindings.items():
            if isinstance(item, dict):
                rows.append(
                    (f"sensor config, {place}", f"{item.get('config')} ({str(item.get('sha256'))[:12]})")
                )
    for key in ("session_id", "source", "licence"):
        if recording.info.get(key):
            rows.append((key.replace("_", " "), str(recording.info[key])))
    return rows


def definition_rows(gait: Gait) -> list[tuple[str, str]]:
    """(label, meaning) of every metric of a gait."""
    return [
        (metric.label, f"{metric.meaning} Scale: {metric.scale}." if metric.scale else metric.meaning)
        for metric in (*METRICS_OF[gait], *((ASYMMETRY, *VARIABILITY_ROWS) if gait == "run" else ()))
    ]


def sensor_rows(quality: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(placement, [(fact, value)]) of every sensor, only what is known."""
    out = []
    for name, facts in quality["sensors"].items():
        shown = [
            (_fact_name(key), _fact(value))
            for key, value in facts.items()
            if isinstance(value, (int, float, str, bool))
        ]
        out.append((name.replace("_", " "), shown))
    return out


#: Endings of the ledger's names that are units, and how a unit is written.
_UNITS = {
    "hz": "Hz",
    "g": "g",
    "dps": "°/s",
    "pct": "%",
    "deg": "°",
    "m": "m",
    "radps": "rad/s",
    "ms": "ms",
    "s": "s",
}


def _fact_name(key: str) -> str:
    words = key.split("_")
    unit = _UNITS.get(words[-1]) if len(words) > 1 else None
    words = words[:-1] if unit else words
    if words[0] == "n":
        words = ["number", "of", *words[1:]]
    name = " ".join(words)
    return f"{name} [{unit}]" if unit else name


def _fact(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
