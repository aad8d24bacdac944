"""The comparison as one printable page, and the patient's hand-out; no scripts in either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from tallrun._version import __version__
from tallrun.gait.summary import Gait
from tallrun.insight import Change
from tallrun.insight.between_days import DayError
from tallrun.insight.change import LEVEL
from tallrun.insight.over_time import OverTime
from tallrun.reasons import REASONS
from tallrun.report.compare import Comparison, ErrorFrom, Side, paths_of, waveforms_of
from tallrun.report.cycles import clean_strides, near_speed
from tallrun.report.measured import ERROR_KINDS
from tallrun.report.pages import day_words, environment, minutes_words, when_words
from tallrun.report.palette import NEUTRAL_COLOUR, PELVIS_COLOUR, SIDE_COLOUR, SIDE_LETTER
from tallrun.report.paper import Sheet, sheet_css
from tallrun.report.stop_signs import StopSigns
from tallrun.report.svg import Line, Upright, line_chart
from tallrun.report.tables import METRIC_BY_KEY_OF, Metric, belt_words
from tallrun.words import counted, share_words

A_DASH, B_DASH = "", "7 4"
#: Drawn over all sessions whatever they did, and how many lines there are at most.
ALWAYS_OVER_TIME = ("cadence_spm", "pelvic_tilt_deg", "asymmetry_contact_pct")
MOST_TRENDS = 6
#: Plain words for the hand-out: what it is, what to say when it went up and down, the unit as people say it.
_PLAIN: dict[str, tuple[str, str, str, str]] = {
    "cadence_spm": ("steps a minute", "You take more steps a minute", "You take fewer steps a minute",
                    "steps a minute"),
    "stance_time_s": ("time on the ground", "Your feet stay on the ground longer",
                      "Your feet stay on the ground for less time", "ms"),
    "flight_time_s": ("time in the air", "You spend more time in the air", "You spend less time in the air", "ms"),
    "foot_strike_angle_deg": ("how high your toes are when you land", "You land with your toes higher",
                              "You land with your toes lower", "°"),
    "stride_length_m": ("length of a stride", "Your strides are longer", "Your strides are shorter", "m"),
    "pelvic_tilt_deg": ("tilt of your pelvis", "Your pelvis tips forward more", "Your pelvis tips forward less", "°"),
    "vertical_oscillation_m": ("how much you go up and down", "You go up and down more", "You go up and down less",
                               "cm"),
    "foot_ahead_m": ("how far ahead your foot lands", "Your foot lands further ahead of you",
                     "Your foot lands closer below you", "cm"),
    "peak_impact_g": ("how hard the shoe meets the ground", "The shoe meets the ground harder",
                      "The shoe meets the ground softer", "g"),
    "asymmetry_contact_pct": (
        "left against right",
        "Your right foot stays on the ground longer against the left than before",
        "Your left foot stays on the ground longer against the right than before", "%",
    ),
}  # fmt: skip

_PLAIN_OF: dict[Gait, dict[str, tuple[str, str, str, str]]] = {
    "run": _PLAIN,
    "walk": _PLAIN | {
        "flight_time_s": ("time on both feet", "Both your feet are on the ground together for longer",
                          "Both your feet are on the ground together for less time", "ms"),
    },
}  # fmt: skip
#: Noun and present participle of a gait.
GAIT_WORDS: dict[Gait, tuple[str, str]] = {"run": ("run", "running"), "walk": ("walk", "walking")}

DIFFERENCE = (
    "A and B are middles of blocks of 30 strides at this speed: a little different from the middle of the whole in "
    "its report. B − A is the middle of the differences between paired blocks, with its 95 % interval; it may differ a "
    "little from B minus A."
)
_ERROR_WORDS: dict[ErrorFrom, str] = {
    "between days": "Detectable: what two days may differ by when nothing has changed. Each row names its source.",
    "one session": "Detectable change: from the scatter between blocks of this one session, worn throughout.",
    "scatter inside these two": "Detectable change: from the scatter inside these two sessions. Day and mounting are "
    "not in it, so a larger difference is called “cannot tell”.",
}


@dataclass(frozen=True)
class ShownRow:
    """A row in words and shown units; dashes never come without ``why``."""

    label: str
    meaning: str
    unit: str
    before: str
    after: str
    difference: str
    interval: str
    detectable: str
    word: str
    why: str
    error_kind: str = ""
    scale: str = ""


def shown_row(change: Change, error: DayError | None = None, gait: Gait = "run") -> ShownRow:
    """Return one change as it is printed; ``error`` says where its detectable change is from."""
    metric = METRIC_BY_KEY_OF[gait][change.metric]
    # what is true of many rows at once is said once, above the table
    why = REASONS[change.reason] if change.reason and change.reason != "no_own_error" else ""
    if change.difference is not None and change.interval is None and change.reason is None:
        why = f"Only {counted(change.n_pairs, 'pair')} of blocks, too few for an interval."
    return ShownRow(
        metric.label, metric.meaning, metric.unit,
        _plain(metric, change.before), _plain(metric, change.after),
        "" if change.difference is None else _signed(metric, metric.factor * change.difference),
        _interval_words(metric, change.interval),
        "" if change.detectable is None else metric.show_error(abs(metric.factor) * change.detectable),
        change.word, why, "" if error is None else ERROR_KINDS[error.kind][0], metric.scale,
    )  # fmt: skip


def _interval_words(metric: Metric, interval: tuple[float, float] | None) -> str:
    """Return the ends of an interval in shown units, with the digits its width carries; empty without one."""
    if interval is None:
        return ""
    low, high = sorted(metric.factor * end for end in interval)  # double support turns the sign of flight
    digits = metric.error_digits(0.5 * (high - low))
    if low * high > 0.0 and not all(round(end, digits) for end in (low, high)):
        digits += 1  # an interval beside 0 must not look as if it held it
    return f"{_signed(metric, low, digits)} to {_signed(metric, high, digits)}"


def window_words(found: Comparison) -> str:
    """Say what was compared: "7 min 20 s and 6 min 50 s at 9.4–9.8 km/h"."""
    if found.a.gait != found.b.gait:
        return f"A {GAIT_WORDS[found.a.gait][0]} and a {GAIT_WORDS[found.b.gait][0]}"
    first, second = (minutes_words(item) for item in found.seconds)
    if found.speed_range_mps is None:
        return f"{first} of steady {GAIT_WORDS[found.gait][1]} in A and {second} in B, at different or unknown speeds"
    low, high = (3.6 * item for item in found.speed_range_mps)
    speeds = f"{low:.1f} km/h" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f}–{high:.1f} km/h"
    return f"{first} in A and {second} in B, both at {speeds}"


def summary_words(found: Comparison) -> str:
    """Say in one or two sentences what the table holds."""
    words = [row.word for row in found.rows]
    real, open_ = words.count("real change"), words.count("cannot tell")
    total = len(words)
    if not total:
        return "Nothing could be compared."
    if not real and not open_:
        return f"No real change in {counted(total, 'row')} known in both. That is a result, too."
    limit = (
        f" The limits of {found.n_tests} rows are set so that chance alone moves one in {100 * LEVEL:g} % of such "
        "comparisons."
        if found.n_tests > 1
        else ""
    )
    first = (f"{real} of {total} changed by more than the error between two days." if real
             else "Nothing changed for certain.") + limit  # fmt: skip
    beyond = sum(row.reason == "no_own_error" for row in found.rows)
    if beyond:
        first += (
            f" {counted(beyond, 'row')} without a named limit moved by more than the scatter inside these sessions. "
            "That can be called real once three GREEN sessions at this speed, on other days, show how much "
            "you differ from day to day."
        )
    return f"{first} {open_ - beyond} of {total} cannot be told." if open_ > beyond else first


def build_compare_page(found: Comparison, script_url: str | None = None, sheet: Sheet | None = None) -> str:
    """Return the comparison as one HTML text that loads nothing, unless ``script_url`` names the app's own script.

    sheet : whose it is, for the head of each sheet of paper; None without records.
    """
    sheet = sheet or Sheet()
    return environment().get_template("compare.html.j2").render(
        found=found,
        window=window_words(found),
        summary=summary_words(found),
        why_unmatched=unmatched_words(found),
        rows=[shown_row(row, found.errors.get(row.metric), found.gait) for row in found.rows],
        unmatched=[shown_row(row, gait=found.gait) for row in found.unmatched],
        noun=GAIT_WORDS[found.gait][0],
        doing=GAIT_WORDS[found.gait][1],
        sides=[side_facts("A", found.a), side_facts("B", found.b)],
        cycle_charts=[Markup(chart) for chart in cycle_charts(found) if chart],
        run_charts=[Markup(chart) for chart in run_charts(found) if chart],
        difference_words=DIFFERENCE,
        error_words=" ".join([_ERROR_WORDS[found.error_from], *error_sentences(found)]),
        trends=[trend_row(item, found.gait) for item in _by_weight(found.over_time)],
        trend_charts=[Markup(chart) for chart in trend_charts(found)],
        n_sessions=max((len(item.at) for item in found.over_time), default=0),
        n_trends=sum(item.word == "real change" for item in found.over_time),
        paper=sheet_css(sheet, "comparison", _days(found)),
        letterhead=sheet.letterhead,
        code=sheet.code,
        script_url=script_url,
        version=__version__,
    )  # fmt: skip


def build_handout(
    found: Comparison, note: str = "", for_whom: str = "", stop_signs: Sequence[StopSigns] = (), *,
    sheet: Sheet | None = None,
) -> str:  # fmt: skip
    """Return the pages for the patient in plain words. ``note`` and ``for_whom`` are the clinician's, escaped.

    stop_signs : the protocol's signs by urgency; a yes to one of them is a reason to stop and call. sheet : whose it
    is, with this week's plan, limits and exercises; None without records.
    """
    sheet = sheet or Sheet()
    plain = _PLAIN_OF[found.gait]
    real = [row for row in found.rows if row.word == "real change"]
    told = [row for row in real if plain_sentence(row, found.gait)][:3]
    same = [row for row in found.rows if row.word == "no real change" and row.metric in plain]
    open_ = [row for row in found.rows if row.word == "cannot tell" and row.metric in plain]
    return environment().get_template("handout.html.j2").render(
        found=found,
        window=window_words(found),
        sides=[side_facts("A", found.a), side_facts("B", found.b)],
        changed=[(plain_sentence(row, found.gait), Markup(small_picture(found, row))) for row in told],
        n_real=len(real),
        unworded=[
            METRIC_BY_KEY_OF[found.gait][row.metric].label.lower()
            for row in real
            if not plain_sentence(row, found.gait)
        ],
        same=[(plain[row.metric][0], _now(row, found.gait)) for row in same],
        unclear=[plain[row.metric][0] for row in open_],
        noun=GAIT_WORDS[found.gait][0],
        is_mixed=found.a.gait != found.b.gait,
        plan=sheet.plan(),
        note=note,
        for_whom=for_whom,
        stop_signs=stop_signs,
        paper=sheet_css(sheet, "hand-out", _days(found)),
        letterhead=sheet.letterhead,
        version=__version__,
    )  # fmt: skip


def _now(row: Change, gait: Gait) -> str:
    value = _plain(METRIC_BY_KEY_OF[gait][row.metric], row.after)
    name, *_, unit = _PLAIN_OF[gait][row.metric]
    return value if unit == name else f"{value} {unit}" if value else ""


def small_picture(found: Comparison, row: Change) -> str:
    """Return a small picture of one change: all sessions where there are many, else the two runs."""
    metric = METRIC_BY_KEY_OF[found.gait][row.metric]
    name, _, _, unit = _PLAIN_OF[found.gait][row.metric]
    trend = next((item for item in found.over_time if item.metric == row.metric), None)
    if trend is not None:
        at = np.array([(day - trend.at[0]).total_seconds() / 604800.0 for day in trend.at])
        values, label = metric.factor * np.array(trend.values), f"weeks since {day_words(trend.at[0])}"
        names: tuple[str, ...] = ()
    else:
        at, label, names = np.array([0.0, 1.0]), "", ("before", "now")
        values = metric.factor * np.array([row.before, row.after], dtype=np.float64)
    lines = [Line(f"{name}, {unit}", at, values, NEUTRAL_COLOUR, points=True)]
    return line_chart(name.capitalize(), label, unit, lines, x_names=names)


def error_sentences(found: Comparison) -> list[str]:
    """Return a sentence for every kind of error between days that is in the table."""
    kinds = {
        error.kind
        for error in (*found.errors.values(), *(item.error for item in found.over_time if item.error))
    }
    told = [f"{text}." for kind, (_, text) in ERROR_KINDS.items() if kind in kinds]
    unnamed = any(row.detectable is not None and row.metric not in found.errors for row in found.rows)
    if kinds and unnamed:
        told.append("nothing named: the scatter inside these two sessions, no day in it.")
    return told


@dataclass(frozen=True)
class TrendRow:
    """One metric over all sessions as it is printed."""

    label: str
    unit: str
    word: str
    start: str
    now: str
    change: str
    interval: str
    when: str
    error_kind: str


def trend_row(item: OverTime, gait: Gait = "run") -> TrendRow:
    """Return one line over time in words and shown units."""
    metric = METRIC_BY_KEY_OF[gait][item.metric]
    return TrendRow(
        metric.label, metric.unit, item.word, _plain(metric, item.start), _plain(metric, item.now),
        _signed(metric, metric.factor * item.change), _interval_words(metric, item.interval), _when_it_changed(item),
        "" if item.error is None else ERROR_KINDS[item.error.kind][0],
    )  # fmt: skip


def _when_it_changed(item: OverTime) -> str:
    if item.began is None or item.done is None:
        return ""
    if item.began == item.done:
        return f"in one step, at {day_words(item.began)}"
    return f"{day_words(item.began)} to {day_words(item.done)}"


def _by_weight(items: Sequence[OverTime]) -> list[OverTime]:
    order = {"real change": 0, "cannot tell": 1, "no real change": 2}

    def size(item: OverTime) -> float:
        half = 0.0 if item.interval is None else 0.5 * (item.interval[1] - item.interval[0])
        return abs(item.change) / half if half else 0.0

    return sorted(items, key=lambda item: (order[item.word], -size(item)))


def trend_charts(found: Comparison) -> list[str]:
    """Return lines over all sessions: cadence, tilt and left against right always, then the largest real changes."""
    ordered = _by_weight(found.over_time)
    always = [item for key in ALWAYS_OVER_TIME for item in ordered if item.metric == key]
    more = [item for item in ordered if item.word == "real change" and item not in always]
    out = []
    for item in (*always, *more)[:MOST_TRENDS]:
        metric = METRIC_BY_KEY_OF[found.gait][item.metric]
        weeks = np.array([(at - item.at[0]).total_seconds() / 604800.0 for at in item.at])
        values = metric.factor * np.array(item.values)
        colour = PELVIS_COLOUR if item.metric.startswith("pelvic") else "#14181f"
        lines = [Line("each session", weeks, values, colour, points=True)]
        if item.interval is not None:
            half = abs(metric.factor) * 0.5 * (item.interval[1] - item.interval[0])
            start = np.full(2, metric.factor * item.start)
            ends = np.array([0.0, weeks[-1]])
            lines.append(Line("start, and what its mean may differ by", ends, start, NEUTRAL_COLOUR, "2 4",
                              (start - half, start + half)))  # fmt: skip
        marks = []
        if item.half is not None:
            at_week = (item.half - item.at[0]).total_seconds() / 604800.0
            marks = [Upright(f"half of it by {day_words(item.half)}", at_week, 0.0, NEUTRAL_COLOUR, "2 4")]
        out.append(
            line_chart(f"{metric.label} over {len(item.at)} sessions", f"weeks since {day_words(item.at[0], True)}",
                       metric.unit, lines, marks)
        )  # fmt: skip
    return out


def _days(found: Comparison) -> str:
    return " and ".join(
        day_words(at, with_year=True) for side in (found.a, found.b) if (at := side.started_at) is not None
    )


def plain_sentence(row: Change, gait: Gait = "run") -> str:
    """Say one change in plain words, empty for a metric that has none."""
    words = _PLAIN_OF[gait].get(row.metric)
    if words is None or row.difference is None:
        return ""
    metric = METRIC_BY_KEY_OF[gait][row.metric]
    _, up, down, unit = words
    which = up if metric.factor * row.difference > 0 else down
    return f"{which}: {_plain(metric, row.before)} before, {_plain(metric, row.after)} now ({unit})."


def side_facts(letter: str, side: Side) -> dict[str, Any]:
    """Return title, day, context, quality and part of one side, as printed."""
    quality = side.tables.summary["quality"]
    valid = quality["valid_strides_pct"]
    context = side.context
    shown = [str(context[key]) for key in ("session_kind", "surface", "shoes") if context.get(key)]
    return {
        "letter": letter,
        "name": side.name,
        "day": when_words(side.started_at, side.time_zone),
        "context": " · ".join(shown),
        "part": ""
        if side.part_s is None
        else f"{minutes_words(side.part_s[0])} to {minutes_words(side.part_s[1])}",
        "clean": "no strides to judge" if valid is None else f"{share_words(valid)} % of strides clean",
        "calibrated": (
            "length calibrated to the belt"
            if quality["calibration"]["is_calibrated"]
            else "length not calibrated to a belt"
        ),
        "belt": belt_words(quality["calibration"]),
        "algorithm": side.tables.summary["algorithm"],
    }


def _sides(found: Comparison) -> tuple[tuple[str, Side, str], ...]:
    return (("A", found.a, A_DASH), ("B", found.b, B_DASH))


def cycle_charts(found: Comparison) -> list[str]:
    """Return foot and pelvis over the gait cycle, A solid, B dashed; a chart for each foot, empty text if unknown."""
    cycles = [
        (letter, dash, item)
        for letter, side, dash in _sides(found)
        for item in waveforms_of(side, found.speed_mps)
    ]
    drawn_signals = (
        ("foot pitch", "Angle of the {} foot over the gait cycle", "foot angle, ° (toes up +)"),
        ("pelvic tilt", "Pelvic tilt over the {} foot's cycle", "tilt, ° (forward +)"),
        ("pelvic obliquity", "Pelvic obliquity over the {} foot's cycle", "obliquity, ° (left side up +)"),
        ("pelvic rotation", "Pelvic rotation over the {} foot's cycle", "rotation, ° (to the left +)"),
    )
    out = []
    for signal, what, axis in drawn_signals:
        for foot in ("left", "right"):
            name = f"{SIDE_LETTER[foot]} {foot}"
            drawn = [part for part in cycles if part[2].signal == signal and part[2].foot == foot]
            out.append(
                line_chart(
                    f"{what.format(foot)}, mean ± 1 SD",
                    f"% of gait cycle, from initial contact – {name} foot", axis,
                    [Line(f"{letter}, {name}, {item.n_strides} strides", np.arange(101.0), item.mean,
                          SIDE_COLOUR[foot], dash, (item.mean - item.sd, item.mean + item.sd))
                     for letter, dash, item in drawn],
                    [Upright(f"{letter} toe-off {item.toe_off_pct[0]:.1f} ± {item.toe_off_pct[1]:.1f} %",
                             *item.toe_off_pct, SIDE_COLOUR[foot], dash)
                     for letter, dash, item in drawn if item.toe_off_pct is not None],
                )
            )  # fmt: skip
    return out


def run_charts(found: Comparison) -> list[str]:
    """Return the foot paths, and cadence and pelvis over the run, A solid, B dashed; empty text if unknown."""
    paths = [(letter, dash, paths_of(side, found.speed_mps)) for letter, side, dash in _sides(found)]
    out = []
    for foot in ("left", "right"):
        name = f"{SIDE_LETTER[foot]} {foot}"
        out.append(
            line_chart(
                f"Path of the {foot} foot from the side", f"m forward from foot-flat – {name} foot", "cm up",
                [Line(f"{letter}, {name}", side[foot][0], 100.0 * side[foot][1], SIDE_COLOUR[foot], dash)
                 for letter, dash, side in paths if foot in side],
            )
        )  # fmt: skip
    for key, colour in (
        ("cadence_spm", "#14181f"), ("pelvic_tilt_deg", PELVIS_COLOUR), ("pelvic_obliquity_deg", PELVIS_COLOUR),
        ("pelvic_rotation_deg", PELVIS_COLOUR),
    ):  # fmt: skip
        metric = METRIC_BY_KEY_OF[found.gait][key]
        out.append(
            line_chart(
                f"{metric.label} at matched speed", f"minutes of clean {GAIT_WORDS[found.gait][1]}", metric.unit,
                [Line(letter, *_over_running(side, metric, found.speed_mps), colour, dash)
                 for letter, side, dash in _sides(found)],
            )
        )  # fmt: skip
    return out


def _over_running(side: Side, metric: Metric, speed_mps: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return medians of 30-stride groups over minutes of clean strides near the compared speed."""
    rows = clean_strides(side.strides, side.gait)
    if speed_mps is not None:
        rows = rows[near_speed(rows, speed_mps)]
    values = metric.factor * rows[metric.key].to_numpy(dtype=np.float64)
    step_min = np.minimum(np.diff(rows["initial_contact_s"].to_numpy(), prepend=np.nan), 2.0) / 60.0
    at = np.nancumsum(step_min)
    known = np.isfinite(values)
    n = int(known.sum()) // 30
    if n < 2:
        return np.array([]), np.array([])
    groups = np.array_split(np.flatnonzero(known), min(n, 80))
    return (
        np.array([float(np.median(at[item])) for item in groups]),
        np.array([float(np.median(values[item])) for item in groups]),
    )


def unmatched_words(found: Comparison) -> str:
    """Say why nothing is called real where no speed is shared; empty where one is."""
    if found.speed_mps is not None:
        return ""
    walks = [letter for letter, side, _ in _sides(found) if side.gait == "walk"]
    if len(walks) == 1:
        return f"{walks[0]} was a walk and the other a run: a run is compared with runs, a walk with walks."
    if not (found.rows or found.unmatched):
        return (
            f"One of the two, or both, has no 30 clean {GAIT_WORDS[found.gait][1]} strides in a row at one speed, so "
            "there is nothing to compare."
        )
    return "The speeds do not match: every difference below may be the speed alone, so none is called real."


def text_lines(found: Comparison) -> Sequence[str]:
    """Return the comparison for a terminal."""
    lines = [f"A  {found.a.name}", f"B  {found.b.name}", f"Compared: {window_words(found)}."]
    if told := unmatched_words(found):
        lines.append(told)
    lines.append(summary_words(found))
    for letter, side, _ in _sides(found):
        told = belt_words(side.tables.summary["quality"]["calibration"])
        lines += [f"{letter}: {told}"] if told else []
    if not (found.rows or found.unmatched):
        return lines
    lines.append("")
    lines.append(f"{'':<30}{'A':>8}{'B':>8}{'B − A':>9}{'95 %':>20}{'detectable':>12}  ")
    for row in (*found.rows, *found.unmatched):
        item = shown_row(row, found.errors.get(row.metric), found.gait)
        lines.append(
            f"{item.label + (f' [{item.unit}]' if item.unit else ''):<30}{item.before:>8}{item.after:>8}"
            f"{item.difference:>9}{item.interval:>20}{item.detectable:>12}  {item.word}"
            + (f" ({item.error_kind})" if item.error_kind else "")
            + (f" ({item.why})" if item.why else "")
        )
    if found.rows:
        lines += ["", _ERROR_WORDS[found.error_from], *(f"  {text}" for text in error_sentences(found))]
    if found.over_time:
        real = sum(item.word == "real change" for item in found.over_time)
        many = counted(max(len(item.at) for item in found.over_time), "session")
        of_all = f"{real} of {len(found.over_time)} changed since the start."
        lines += ["", f"Over {many} at this speed: {of_all}"]
        for trend in (trend_row(item, found.gait) for item in _by_weight(found.over_time)):
            lines.append(
                f"{trend.label + (f' [{trend.unit}]' if trend.unit else ''):<30}{trend.start:>8}{trend.now:>8}"
                f"{trend.change:>9}{trend.interval:>20}  {trend.word}{f', {trend.when}' if trend.when else ''}"
            )
    if found.rows:
        lines += ["", DIFFERENCE]
    return lines


def _plain(metric: Metric, value: float | None) -> str:
    return "" if value is None else metric.show(metric.factor * value)


def _signed(metric: Metric, value: float, digits: int | None = None) -> str:
    text = metric.show(value, digits)
    return text if text.startswith("−") or not float(text) else f"+{text}"
