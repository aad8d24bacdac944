"""At most three things worth saying about a run, each with how sure it is and where to look.

Safety signals first, then what differs from the own baseline by more than measurement error, then flags held
against a population, then drift inside the run. A difference that may be noise is not a finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tallrun.report.drift import Drift
from tallrun.report.measured import ERROR_KINDS
from tallrun.report.own import Against
from tallrun.report.pages import minutes_words
from tallrun.report.sentences import FLAG_WORDS
from tallrun.report.svg import band_strip

MOST_FINDINGS = 3
#: Drift below this share of the value is not worth a sentence, however sure.
DRIFT_SHARE = 0.03
#: A change of contact-time asymmetry inside a run is worth a sentence from here on: the line of LV and J (points).
DRIFT_ASYMMETRY_PCT = 4.0
#: Flag -> (metric that says the same against the own baseline, figure).
_FLAG_METRIC = {
    "low_cadence": "cadence_spm",
    "overstriding": "foot_ahead_m",
    "anterior_pelvic_tilt": "pelvic_tilt_deg",
    "asymmetry": "asymmetry_contact_pct",
}
_FIGURE = {
    "cadence_spm": "cadence", "stance_time_s": "contact", "flight_time_s": "flight",
    "foot_strike_angle_deg": "strike-time", "pelvic_tilt_deg": "tilt", "vertical_oscillation_m": "bounce",
    "asymmetry_contact_pct": "asymmetry", "foot_ahead_m": "strike-time", "stride_length_m": "speed",
    "peak_impact_g": "force-wave",
}  # fmt: skip
#: Metric -> sentence starts when it is above and below the own baseline.
_OWN_WORDS = {
    "cadence_spm": ("You took more steps a minute than usual", "You took fewer steps a minute than usual"),
    "stance_time_s": ("Your feet stayed on the ground longer than usual",
                      "Your feet stayed on the ground for less time than usual"),
    "flight_time_s": ("You spent more time in the air than usual", "You spent less time in the air than usual"),
    "foot_strike_angle_deg": ("You landed with your toes higher than usual",
                              "You landed with your toes lower than usual"),
    "foot_ahead_m": ("Your landings were further ahead of you than usual",
                     "Your landings were closer to you than usual"),
    "stride_length_m": ("Your strides were longer than usual", "Your strides were shorter than usual"),
    "pelvic_tilt_deg": ("Your pelvis was tipped forward more than usual",
                        "Your pelvis was tipped forward less than usual"),
    "vertical_oscillation_m": ("You went up and down more than usual", "You went up and down less than usual"),
    "peak_impact_g": ("Your shoes met the ground harder than usual", "Your shoes met the ground softer than usual"),
    "asymmetry_contact_pct": ("Your right foot stayed on the ground longer than usual, against the left",
                              "Your left foot stayed on the ground longer than usual, against the right"),
}  # fmt: skip
_DRIFT_WORDS = {
    "cadence_spm": ("Your steps got quicker", "Your steps got slower"),
    "stance_time_s": ("Your ground contact got longer", "Your ground contact got shorter"),
    "vertical_oscillation_m": ("You went up and down more", "You went up and down less"),
    "stride_length_m": ("Your strides got longer", "Your strides got shorter"),
}


@dataclass(frozen=True)
class Finding:
    """One sentence, the figures behind it, how sure, the figure that shows it, and a small one (SVG or empty)."""

    sentence: str
    detail: str
    how_sure: str
    figure_id: str
    strip: str = ""


def find(
    flags: Sequence[dict[str, Any]],
    run_time_s: float,
    against: Sequence[Against] = (),
    drift: Sequence[Drift] = (),
) -> list[Finding]:
    """Return at most three findings, safety signals first; an empty list is a result too."""
    grouped = _by_flag(flags)
    told: set[str] = set()
    out: list[Finding] = []
    for name, spans in grouped:
        if name == "asymmetry":
            out.append(_flag_finding(name, spans, run_time_s))
            told.add(_FLAG_METRIC[name])
    for item in against:
        if item.word == "real change" and item.metric.key in _OWN_WORDS and item.metric.key not in told:
            out.append(_own_finding(item))
            told.add(item.metric.key)
    out += [
        _flag_finding(name, spans, run_time_s) for name, spans in grouped if _FLAG_METRIC[name] not in told
    ]
    worth = [item for item in drift if _is_worth_telling(item)]
    # a one-sided change may be a limp: before matters of style, unless it was told already
    one_sided = [item for item in worth if item.metric.key == "asymmetry_contact_pct"]
    if "asymmetry_contact_pct" not in told:
        out[:0] = [_drift_finding(item) for item in one_sided]
    out += [_drift_finding(item) for item in worth if item not in one_sided]
    return out[:MOST_FINDINGS]


def unchanged_words(against: Sequence[Against]) -> str:
    """Name what was as usual; empty without a baseline."""
    same = [item.metric.label.lower() for item in against if item.word == "no real change"]
    return f"No real change against your usual: {', '.join(dict.fromkeys(same))}." if same else ""


def _by_flag(flags: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    order = ("asymmetry", "overstriding", "low_cadence", "anterior_pelvic_tilt")
    grouped = [(name, [item for item in flags if item["flag"] == name]) for name in order]
    return [(name, spans) for name, spans in grouped if spans]


def _own_finding(item: Against) -> Finding:
    metric = item.metric
    up, down = _OWN_WORDS[metric.key]
    value, usual = (metric.show(metric.factor * number) for number in (item.value, item.usual))
    limit = (
        "its own error"
        if item.detectable is None
        else f"{metric.show_error(metric.factor * item.detectable)} {metric.unit}"
    )
    low, high = item.band
    return Finding(
        f"{up if item.value > item.usual else down} at this speed.",
        f"{value} {metric.unit}, your usual {usual}, at {3.6 * item.speed_mps:.1f} km/h",
        f"real change: more than {limit}"
        + ("" if item.error_kind is None else f"; {ERROR_KINDS[item.error_kind][1]}"),
        _FIGURE[metric.key],
        band_strip(item.value, low, high, f"{value} {metric.unit} against your usual band"),
    )


def _flag_finding(name: str, spans: list[dict[str, Any]], run_time_s: float) -> Finding:
    seconds = sum(item["end_s"] - item["start_s"] for item in spans)
    value, reference = (
        _middle(item["evidence"].get(key) for item in spans) for key in ("value", "reference")
    )
    if value is None or reference is None:
        return Finding(
            f"A flag was up about {FLAG_WORDS[name]}; how far is not known.",
            f"{minutes_words(seconds)} of {minutes_words(run_time_s)} running",
            "not known",
            _FIGURE[_FLAG_METRIC[name]],
        )
    own = spans[0]["evidence"]["reference_kind"] == "own_baseline"
    uncertainty = spans[0]["evidence"]["uncertainty"]
    against = "your own usual" if own else "people of your size at this speed"
    when = f"{minutes_words(seconds)} of {minutes_words(run_time_s)} running"
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
        seen = [words[item] for item in words if any(item in span["evidence"]["terms"] for span in spans)]
        ahead = "than usual for you" if own else "than the limit set for people in general"
        is_ahead_known = any("foot_ahead" in span["evidence"]["terms"] for span in spans)
        error = f" ± {uncertainty:.2f}" if uncertainty else ""
        return Finding(
            f"Your landings were further ahead of you {ahead}."
            if is_ahead_known
            else "There were signs of feet that land far ahead.",
            f"{when}; seen as: {', '.join(seen) or 'several signs together'}"
            f"{'' if is_ahead_known else ' (how far ahead the foot lands is not among them)'}; "
            f"index {value:.2f}{error}, its limit {reference:.2f}",
            "held against your own baseline"
            if own
            else "held against a population figure, so treat it as a hint",
            "strike-time",
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
        "asymmetry",
    )


def _middle(values: Iterable[Any]) -> float | None:
    """Median of what is known; None when nothing is."""
    known = [
        float(item)
        for item in values
        if isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)
    ]
    return median(known) if known else None


def _is_worth_telling(item: Drift) -> bool:
    change = item.change
    if change.word != "real change" or change.before is None or change.difference is None:
        return False
    if item.metric.key == "asymmetry_contact_pct":
        return abs(change.difference) > DRIFT_ASYMMETRY_PCT
    return item.metric.key in _DRIFT_WORDS and abs(change.difference) > DRIFT_SHARE * abs(change.before)


def _drift_finding(item: Drift) -> Finding:
    change, metric = item.change, item.metric
    moved = change.difference or 0.0
    first, last = (
        metric.show(metric.factor * value) for value in (change.before or 0.0, change.after or 0.0)
    )
    if metric.key == "asymmetry_contact_pct":
        side = "right" if moved > 0 else "left"
        sentence = f"Towards the end your {side} foot stayed on the ground longer than at the start."
    else:
        up, down = _DRIFT_WORDS[metric.key]
        share = 100.0 * abs(moved) / abs(change.before or 1.0)
        sentence = f"{up if moved > 0 else down} by {share:.0f} % from the first to the last third."
    limit = (
        ""
        if change.detectable is None
        else f" ({metric.show_error(metric.factor * change.detectable)} {metric.unit})"
    )
    return Finding(
        sentence,
        f"{metric.label.lower()}: {first} in the first third, {last} {metric.unit} in the last, at the same speed",
        f"more than the scatter inside this run{limit}",
        _FIGURE[metric.key],
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
