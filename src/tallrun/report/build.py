"""The post-run report: one offline HTML file in three depths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape

from tallrun._version import __version__
from tallrun.numerics.recording import Recording
from tallrun.pipeline import GaitTables
from tallrun.reasons import REASONS
from tallrun.report import figures
from tallrun.report.cycles import foot_paths, pitch_cycles, stride_cycles
from tallrun.report.findings import find
from tallrun.report.tables import definition_rows, metric_rows, sensor_rows


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows.

    cues : rows of the cue ledger. in_band_share : share of coached strides inside the band, None unknown.
    pain : (t_s, score 0-10) marks of this run. advice : the verdict as JSON, None when none was asked for.
    waves : stride shapes by foot, as the pipeline keeps them. title : the session's name; untrusted, escaped.
    """

    recording: Recording
    tables: GaitTables
    title: str
    cues: Sequence[dict[str, Any]] = ()
    in_band_share: float | None = None
    pain: Sequence[tuple[float, int]] = ()
    advice: dict[str, Any] | None = None
    waves: dict[str, np.ndarray] = field(default_factory=dict)


def build_report(source: ReportInput) -> str:
    """Return the report as one HTML text that loads nothing from anywhere."""
    tables = source.tables
    summary = tables.summary
    shown = _figures(source)
    template = _environment().get_template("report.html.j2")
    return template.render(
        title=source.title,
        facts=_facts(source),
        summary=summary,
        findings=find(tables.strides, tables.flags, summary["run_time_s"]),
        source=source,
        figures=[(name, text) for name, text, _ in shown],
        figure_json=_script_json({name: item for name, _, item in shown}),
        plotly_script=_plotly_script() if shown else "",
        metrics=metric_rows(summary, tables.strides),
        definitions=definition_rows(),
        sensors=sensor_rows(summary["quality"]),
        reason_counts=[
            (code, REASONS[code], count) for code, count in summary["quality"]["reason_counts"].items()
        ],
        version=__version__,
    )


def _figures(source: ReportInput) -> list[tuple[str, str, figures.Figure]]:
    """Return (id, what it shows in words, figure) of every figure there is data for."""
    strides, flags = source.tables.strides, source.tables.flags
    cues = [(row["at_s"], row["end_s"]) for row in source.cues if row.get("end_s") is not None]
    cycles = stride_cycles(source.recording, strides) + pitch_cycles(source.waves, strides)
    wanted: list[tuple[str, str, figures.Figure | None]] = [
        (
            "speed",
            "Running speed over the session, with pain scores below it.",
            figures.speed_lane(strides, source.pain),
        ),
        (
            "cadence",
            "Steps a minute over the session. Shaded: low cadence or landing far ahead. Green bar: a cue was on.",
            figures.over_time(
                strides,
                "cadence_spm",
                "Cadence",
                "steps a minute",
                flags=flags,
                shown_flags=("low_cadence", "overstriding"),
                pain=source.pain,
                cues=cues,
            ),
        ),
        (
            "contact",
            "Time each foot stays on the ground.",
            figures.over_time(
                strides, "stance_time_s", "Ground contact", "ms", 1000.0, flags, ("asymmetry",)
            ),
        ),
        (
            "flight",
            "Time in the air after each foot leaves.",
            figures.over_time(strides, "flight_time_s", "Flight", "ms", 1000.0),
        ),
        (
            "strike-time",
            "Angle of the foot when it lands, toes up positive.",
            figures.over_time(
                strides, "foot_strike_angle_deg", "Foot-strike angle", "°", 1.0, flags, ("overstriding",)
            ),
        ),
        (
            "strike",
            "How often each landing angle came.",
            figures.distribution(strides, "foot_strike_angle_deg", "Foot-strike angle, all strides", "°"),
        ),
        (
            "tilt",
            "Tilt of the pelvis against quiet standing, forward positive.",
            figures.over_time(
                strides,
                "pelvic_tilt_deg",
                "Pelvic tilt from standing",
                "°",
                1.0,
                flags,
                ("anterior_pelvic_tilt",),
                by_foot=False,
            ),
        ),
        (
            "bounce",
            "How far the pelvis goes up and down in a step.",
            figures.over_time(strides, "vertical_oscillation_m", "Pelvis bounce", "cm", 100.0, by_foot=False),
        ),
        (
            "sides",
            "Difference between the feet, with the middle half of strides.",
            figures.left_right(strides),
        ),
        (
            "force-wave",
            "Size of the acceleration at the foot over one stride.",
            figures.waveforms(cycles, "specific force"),
        ),
        (
            "pitch-wave",
            "Angle of the foot over one stride from foot-flat to foot-flat, toes up positive.",
            figures.waveforms(cycles, "foot pitch"),
        ),
        (
            "turn-wave",
            "Size of the foot's turning rate over one stride.",
            figures.waveforms(cycles, "angular rate"),
        ),
        (
            "path",
            "Path of the foot seen from the side.",
            figures.foot_path(foot_paths(source.waves, strides)),
        ),
    ]
    return [(name, text, item) for name, text, item in wanted if item is not None]


def _facts(source: ReportInput) -> list[str]:
    """Title row: date, surface, shoes, minutes; only what is known."""
    info = source.recording.info
    out = []
    started = info.get("started_at")
    if isinstance(started, str):
        try:
            out.append(f"{datetime.fromisoformat(started):%A %d %B %Y, %H:%M}")
        except ValueError:
            out.append(started)
    context = source.recording.context
    out += [str(context[key]) for key in ("session_kind", "surface", "shoes") if context.get(key)]
    summary = source.tables.summary
    out.append(f"{summary['run_time_s'] / 60:.1f} min running, {summary['walk_time_s'] / 60:.1f} min walking")
    return out


def _script_json(value: Any) -> str:
    """JSON that cannot end its own script element, whatever a name contains."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _plotly_script() -> str:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tallrun.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
