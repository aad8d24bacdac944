"""``tallrun analyze``: a recorded session into strides, segments, timeline, flags and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from tallrun.cli.output import get_engine_ready, print_json, progress_bar
from tallrun.words import clock, share_words

if TYPE_CHECKING:
    from tallrun.gait.summary import Gait
    from tallrun.report.measured import MeasuredError


def register(app: typer.Typer) -> None:
    """Add ``analyze``."""
    app.command("analyze")(analyze)


def analyze(
    session: Path = typer.Argument(..., help="Session folder."),
    out: Path = typer.Option(..., "--out", help="Folder for the tables; made if missing."),
    json_: bool = typer.Option(
        False, "--json", help="Print the summary, and the measurement error of its middles, as JSON."
    ),
) -> None:
    """Turn a recorded session into strides, segments, timeline, flags and a summary."""
    from tallrun.pipeline import analyse
    from tallrun.report.measured import error_values, middle_errors
    from tallrun.sessions import read_session, write_tables, write_watch

    recording = read_session(session)
    get_engine_ready()
    with progress_bar("analysing", not json_) as show:
        tables = analyse(recording, progress=show).tables
    write_tables(out, tables)
    write_watch(out, recording.watch)
    errors = middle_errors(tables, recording)
    if json_:
        print_json(tables.summary | {"measurement_error": error_values(tables.summary, errors)})
        return
    for line in summary_lines(tables.summary, errors):
        typer.echo(line)
    typer.echo(f"Tables are in {out}")


#: Units as a terminal writes them out; the others are those of the report.
_UNITS = {
    "cadence_spm": "steps a minute",
    "foot_strike_angle_deg": "°, toes up positive",
    "pelvic_tilt_deg": "°, forward positive",
}

#: Flag -> what its value is, unit, digits.
_FLAG_VALUES = {
    "low_cadence": ("cadence", " steps a minute", 0),
    "overstriding": ("overstride index", "", 2),
    "anterior_pelvic_tilt": ("tilt", "°", 1),
    "asymmetry": ("right against left", " %", 1),
}


def summary_lines(
    summary: dict[str, Any], errors: Mapping[str, MeasuredError | None] = MappingProxyType({})
) -> list[str]:
    """Return the summary as plain lines; what is unknown says why. errors : measured error of each middle, by key."""
    from tallrun.gait.summary import told_gait
    from tallrun.report.sentences import contradiction, flags_to_tell, no_flag_words
    from tallrun.report.tables import belt_words

    if summary.get("watch") and summary["n_contacts"] == 0:
        return watch_lines(summary["watch"])
    steps = f"{summary['n_steps']} steps, {summary['n_contacts']} contacts seen"
    gait = told_gait(summary)
    lines = [
        f"{steps}; run {clock(summary['run_time_s'])}, walk {clock(summary['walk_time_s'])}",
        "",
        *_number_lines(summary, gait, errors if gait == "run" else {}),
    ]
    if gait == "run" and "median" in summary.get("walking", {}).get("cadence_spm", {}):
        lines += ["", *_number_lines(summary, "walk", {}), ""]
    valid = summary["quality"]["valid_strides_pct"]
    if valid is None:
        lines.append(
            f"{'Clean strides':<28}{'–':>9} {'':>7}   No strides were found, so there is nothing to rate."
        )
    else:
        lines.append(f"{'Clean strides':<28}{share_words(valid):>9} {'':>7}   %")
    lines += [
        "± is the measurement error: how far a middle may lie from the truth, by tests at such a speed and set-up",
        "(docs/accuracy.md), not the scatter of strides. – stands where it is not known.",
        "",
    ]
    if told := belt_words(summary["quality"].get("calibration")):
        lines += [told, ""]
    if summary["n_steps"] == 0:
        lines.append(
            "No step was found. If there were some, check units, axes and where the sensor was worn."
        )
    elif not summary["flags"]:
        lines.append(no_flag_words(summary))
    if contradiction(summary):
        lines.append("The record contradicts itself: it holds a flag and no running.")
    for flag in flags_to_tell(summary):
        evidence = flag["evidence"]
        against = (
            "your own baseline"
            if evidence["reference_kind"] == "own_baseline"
            else "the limit set for people in general"
        )
        label, unit, digits = _FLAG_VALUES[flag["flag"]]
        value, reference = (
            "not known" if evidence.get(key) is None else f"{evidence[key]:.{digits}f}{unit}"
            for key in ("value", "reference")
        )
        lines.append(
            f"Flag {flag['flag'].replace('_', ' ')}: {clock(flag['start_s'])} to {clock(flag['end_s'])}, "
            f"{label} {value} against {reference} ({against})"
        )
    return lines


def _number_lines(
    summary: dict[str, Any], gait: Gait, errors: Mapping[str, MeasuredError | None]
) -> list[str]:
    """Return a gait's numbers, a line each; what is unknown says why."""
    from tallrun.gait.summary import DISTRIBUTIONS, numbers_of
    from tallrun.reasons import REASONS
    from tallrun.report.tables import METRICS_OF

    numbers = numbers_of(summary, gait)
    heading = "While running" if gait == "run" else "While walking"
    lines = [f"{heading:<28}{'middle':>9} {'±':>7}   5 % to 95 % of strides"]
    for metric in METRICS_OF[gait]:
        if metric.key not in DISTRIBUTIONS:
            continue
        label, factor, digits, item = metric.label, metric.factor, metric.digits, numbers[metric.key]
        unit = _UNITS.get(metric.key, metric.unit)
        if item.get("reason"):
            lines.append(f"{label:<28}{'–':>9} {'–':>7}   {REASONS[item['reason']]}")
            continue
        low, high = sorted(factor * item[name] for name in ("p05", "p95"))
        found = errors.get(metric.key)
        size = "–" if found is None else f"{factor * found.of(item['median']):.{digits + 1}f}"
        middle = f"{factor * item['median']:.{digits}f}"
        lines.append(f"{label:<28}{middle:>9} {size:>7}   {low:.{digits}f} to {high:.{digits}f} {unit}")
    asymmetry = numbers["asymmetry_contact_pct"]
    if isinstance(asymmetry, dict):
        lines.append(f"{'Contact, right against left':<28}{'–':>9} {'–':>7}   {REASONS[asymmetry['reason']]}")
    else:
        lines.append(
            f"{'Contact, right against left':<28}{asymmetry:>+9.1f} {'–':>7}   %, longer on the right positive"
        )
    return lines


def watch_lines(watch: dict[str, Any]) -> list[str]:
    """Return what a watch recorded as plain lines; what it does not say is left out."""
    lines = [
        "A watch recorded this run; no sensor did, so strike, tilt and flags are not known.",
        f"{'Time recorded':<28}{clock(watch['recorded_s']):>9}",
    ]
    rows = (
        ("Distance", watch["distance_m"], 1e-3, "km", 2),
        ("Speed", watch["speed_mps"], 3.6, "km/h, the mean", 1),
        (
            "Cadence",
            watch["measures"].get("cadence_spm", {}).get("median"),
            1.0,
            "steps a minute, the middle",
            0,
        ),
        (
            "Ground contact",
            watch["measures"].get("stance_time_s", {}).get("median"),
            1000.0,
            "ms, the middle",
            0,
        ),
        ("Heart rate", watch["heart_rate_bpm"], 1.0, "beats a minute, the mean", 0),
        ("Climb", watch["climb_m"], 1.0, "m", 0),
    )
    lines += [
        f"{label:<28}{factor * value:>9.{digits}f}   {unit}"
        for label, value, factor, unit, digits in rows
        if value is not None
    ]
    if len(watch["laps"]) > 1:
        lines.append(f"{'Laps':<28}{len(watch['laps']):>9}")
    return [*lines, ""]
