"""At most three things worth saying about a run, each with how sure it is and where to look.

Own baseline first, population second; a difference that may be noise is not a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from tallrun.report.cycles import clean_running

MOST_FINDINGS = 3
#: Drift from the first to the last third must exceed this share, and twice its own uncertainty, to be told.
DRIFT_SHARE = 0.03


@dataclass(frozen=True)
class Finding:
    """One sentence, the figures behind it, how sure, and the figure that shows it."""

    sentence: str
    detail: str
    how_sure: str
    figure_id: str


def find(strides: pd.DataFrame, flags: Sequence[dict[str, Any]], run_time_s: float) -> list[Finding]:
    """Return at most three findings, safety signals first; an empty list is a result too."""
    out = [_flag_finding(name, spans, run_time_s) for name, spans in _by_flag(flags)]
    out += _drifts(strides)
    return out[:MOST_FINDINGS]


def _by_flag(flags: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    order = ("asymmetry", "overstriding", "low_cadence", "anterior_pelvic_tilt")
    grouped = [(name, [item for item in flags if item["flag"] == name]) for name in order]
    return [(name, spans) for name, spans in grouped if spans]


def _flag_finding(name: str, spans: list[dict[str, Any]], run_time_s: float) -> Finding:
    seconds = sum(item["end_s"] - item["start_s"] for item in spans)
    value = median(item["evidence"]["value"] for item in spans)
    reference = median(item["evidence"]["reference"] for item in spans)
    own = spans[0]["evidence"]["reference_kind"] == "own_baseline"
    uncertainty = spans[0]["evidence"]["uncertainty"]
    against = "your own usual" if own else "people of your size at this speed"
    when = f"{_minutes(seconds)} of {_minutes(run_time_s)} running"
    sure = (
        f"held against your own baseline, ± {uncertainty:.0f}"
        if own and uncertainty
        else "held against a population figure, so treat it as a hint"
    )
    if name == "low_cadence":
        return Finding(
            f"You took {value:.0f} steps a minute. {_capital(against)}: about {reference:.0f}.",
            when,
            sure,
            "cadence",
        )
    if name == "overstriding":
        words = {
            "foot_strike_angle": "heel first with toes high",
            "foot_ahead": "foot far ahead of the pelvis",
            "braking": "strong braking",
            "cadence_deficit": "few steps for the speed",
        }
        seen = [words[item] for item in spans[0]["evidence"]["terms"] if item in words]
        ahead = "than usual for you" if own else "than is common at this speed"
        return Finding(
            f"Your landings were further ahead of you {ahead}.",
            f"{when}; seen as: {', '.join(seen) or 'several signs together'}",
            sure,
            "strike",
        )
    if name == "anterior_pelvic_tilt":
        return Finding(
            f"Your pelvis was tipped {value:.0f}° forward of your standing position.",
            f"{when}; the line is {reference:.0f}°",
            sure,
            "tilt",
        )
    side = "right" if value > 0 else "left"
    return Finding(
        f"Your {side} foot stayed on the ground longer, by {abs(value):.0f} %.",
        f"{when}; a sound runner shows about 2 %",
        sure,
        "contact",
    )


def _drifts(strides: pd.DataFrame) -> list[Finding]:
    """Change from the first to the last third at like speed, only where it is more than noise."""
    rows = clean_running(strides)
    if len(rows) < 120:
        return []
    time = rows["initial_contact_s"].to_numpy()
    low, high = np.quantile(time, [1 / 3, 2 / 3])
    out = []
    speed_change = _change(rows["speed_mps"].to_numpy(), time <= low, time >= high)
    if speed_change is not None and abs(speed_change[0]) > 0.02:
        return []  # another speed explains a change by itself
    for column, figure_id, up, down in (
        ("stance_time_s", "contact", "Your ground contact got longer", "Your ground contact got shorter"),
        ("cadence_spm", "cadence", "Your steps got quicker", "Your steps got slower"),
    ):
        change = _change(rows[column].to_numpy(dtype=np.float64), time <= low, time >= high)
        if change is None:
            continue
        share, spread = change
        if abs(share) > DRIFT_SHARE and abs(share) > 2.0 * spread:
            out.append(
                Finding(
                    f"{up if share > 0 else down} by {abs(100 * share):.0f} % from the first to the last third.",
                    "at the same speed",
                    f"± {100 * spread:.1f} %",
                    figure_id,
                )
            )
    return out


def _change(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[float, float] | None:
    """Relative change of the median and its standard error from 30-stride blocks; None when too few."""
    before, after = values[first & np.isfinite(values)], values[last & np.isfinite(values)]
    if before.size < 60 or after.size < 60:
        return None
    blocks = [
        [float(np.median(part)) for part in np.array_split(item, max(2, item.size // 30))]
        for item in (before, after)
    ]
    middle = float(np.median(before))
    error = float(np.hypot(*(np.std(item, ddof=1) / np.sqrt(len(item)) for item in blocks)))
    return (float(np.median(after)) - middle) / middle, error / middle


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02d} s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
