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
from markupsafe import Markup

from tallrun._version import __version__
from tallrun.gait.summary import told_gait
from tallrun.insight import SessionBlocks, steady_blocks
from tallrun.numerics.recording import Recording
from tallrun.pipeline import GaitTables
from tallrun.pipeline.batch import samples_end_s
from tallrun.reasons import REASONS
from tallrun.report.cycles import clean_strides
from tallrun.report.drift import drift_rows, drifts
from tallrun.report.earlier import EarlierBand
from tallrun.report.figure_list import GROUPS, all_figures
from tallrun.report.findings import find, unchanged_words
from tallrun.report.goal import FOCUS_WORDS, Goal, cue_sentences, cue_value
from tallrun.report.lanes import Marks
from tallrun.report.lengths import LengthUnit
from tallrun.report.measured import ERROR_SOURCE
from tallrun.report.overlays import ENTRY_WORDS, Overlay
from tallrun.report.own import against_own, own_rows
from tallrun.report.pages import day_words, environment, when_words
from tallrun.report.pain_strip import pain_strip
from tallrun.report.paper import Sheet, sheet_css
from tallrun.report.ran import ran, ran_rows
from tallrun.report.sentences import SENTENCES, flags_to_tell, session_noun, stood_out, usual_words
from tallrun.report.tables import (
    calibration_words,
    definition_rows,
    metric_rows,
    sensor_rows,
    version_rows,
    walked_beside,
)
from tallrun.report.told import ToldBeside, told_words
from tallrun.report.watch import is_of_watch_only, lap_rows, watch_rows
from tallrun.words import share_words


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows.

    cues : rows of the cue ledger. in_band_share : share of answering strides inside the band, None unknown.
    goal : what was coached and how much of the run was in band, None when that is not known.
    pain : (t_s, score 0-10) marks of this run. advice : ``journal.advice.for_report``, None when none was asked for.
    waves, pelvis : stride shapes by foot and the pelvis's attitude, as the pipeline keeps them. title : the session's
    name; untrusted, escaped.
    history : the runner's other sessions, for own bands and findings; empty without records.
    entries : a clinician's notes and corrections in force; shown, the numbers stay as detected. earlier : own bands
    behind the waveforms. length_unit : of distance and pace. sheet : whose it is, for the head of each sheet of paper.
    told : scores beside the taps of the run.
    """

    recording: Recording
    tables: GaitTables
    title: str
    cues: Sequence[dict[str, Any]] = ()
    in_band_share: float | None = None
    pain: Sequence[tuple[float, int]] = ()
    advice: dict[str, Any] | None = None
    waves: dict[str, np.ndarray] = field(default_factory=dict)
    history: Sequence[SessionBlocks] = ()
    goal: Goal | None = None
    entries: Sequence[Overlay] = ()
    earlier: Sequence[EarlierBand] = ()
    pelvis: np.ndarray | None = None
    sheet: Sheet = field(default_factory=Sheet)
    length_unit: LengthUnit = "km"
    told: ToldBeside = field(default_factory=ToldBeside)


def build_report(source: ReportInput) -> str:
    """Return the report as one HTML text that loads nothing from anywhere."""
    tables = source.tables
    summary = tables.summary
    shoe = source.recording.context.get("shoes")
    shoe = str(shoe) if shoe else None
    gait = told_gait(summary)
    clean_pct = summary["quality"]["valid_strides_pct"]
    blocks = steady_blocks(tables.strides)
    against = against_own(blocks, source.history, shoe, source.recording)
    drift = drifts(tables.strides, blocks)
    findings = find(flags_to_tell(summary), summary["run_time_s"], against, drift)
    shown = all_figures(
        source.recording,
        tables,
        source.waves,
        marks_of(source),
        source.history,
        shoe,
        source.earlier,
        source.pelvis,
        gait,
    )
    drawn = {item.name: item.figure for item in shown if item.figure is not None}
    return environment().get_template("report.html.j2").render(
        title=source.title,
        facts=_facts(source),
        summary=summary,
        gait=gait,
        noun=session_noun(summary),
        told_words=told_words(source.told),
        goal=source.goal,
        focus_words=FOCUS_WORDS,
        cue_sentences=cue_sentences(source.cues),
        cue_values=[cue_value(row) for row in source.cues],
        findings=[(item, Markup(item.strip)) for item in findings],
        stood_out=stood_out(source, len(findings), bool(drift)),
        usual=usual_words(unchanged_words(against), bool(source.history), bool(against), session_noun(summary)),
        said={name: sentence.about(source) for name, sentence in SENTENCES.items()},
        source=source,
        pain_strip=Markup(
            pain_strip(clean_strides(tables.strides, gait), source.pain, samples_end_s(source.recording))
        ),
        groups=[(title, [item for item in shown if item.group == group]) for group, title in GROUPS.items()],
        figure_json=Markup(_script_json(drawn)),
        plotly_script=Markup(_plotly_script()) if drawn else "",
        metrics=metric_rows(summary, tables.strides, source.recording, gait),
        walked=walked_beside(summary, tables.strides, source.recording, gait),
        error_source=ERROR_SOURCE,
        own=own_rows(against, source.recording, bool(summary["quality"]["calibration"]["is_calibrated"])),
        drift=drift_rows(drift),
        is_of_watch_only=is_of_watch_only(source.recording, summary),
        watch=[] if summary.get("watch") is None else watch_rows(summary["watch"], source.length_unit),
        laps=[] if summary.get("watch") is None else lap_rows(summary["watch"], source.length_unit),
        ran=ran_rows(ran(source.recording, tables), source.length_unit, session_noun(summary)),
        definitions=definition_rows(gait),
        sensors=sensor_rows(summary["quality"]),
        entries=[(item, ENTRY_WORDS[item.kind]) for item in source.entries],
        calibration=calibration_words(summary["quality"]["calibration"], session_noun(summary)),
        valid=None if clean_pct is None else share_words(clean_pct),
        n_moving=int(tables.strides["mode"].isin(["run", "walk"]).sum()),
        reason_counts=[
            (code, REASONS[code], count) for code, count in summary["quality"]["reason_counts"].items()
        ],
        implausible_counts=summary["quality"].get("implausible_counts", {}),
        versions=version_rows(source.recording, summary, __version__),
        version=__version__,
        paper=sheet_css(source.sheet, "report", _day(source)),
        letterhead=source.sheet.letterhead,
    )  # fmt: skip


def marks_of(source: ReportInput) -> Marks:
    """Return what lies under every lane of this report."""
    timed = [row for row in source.cues if row.get("end_s") is not None]
    return Marks(
        end_s=samples_end_s(source.recording),
        cues=[(row["at_s"], row["end_s"]) for row in timed],
        cue_bands=[
            (row["at_s"], row["end_s"], row["low"], row["high"])
            for row in timed
            if row.get("focus") == "cadence" and row.get("low") is not None and row.get("high") is not None
        ],
        pain=source.pain,
        flags=source.tables.flags,
    )


def _facts(source: ReportInput) -> list[str]:
    """Title row: date, surface, shoes, minutes; only what is known."""
    info = source.recording.info
    out = []
    if info.get("started_at") is not None:
        out.append(when_words(info["started_at"], info.get("time_zone")))
    context = source.recording.context
    out += [str(context[key]) for key in ("session_kind", "surface", "shoes") if context.get(key)]
    summary = source.tables.summary
    if "run" in out and summary["walk_time_s"] > summary["run_time_s"] > 0.0:
        out[out.index("run")] = "run/walk"
    out.append(SENTENCES["time_running"].about(source))
    return out


def _day(source: ReportInput) -> str:
    try:
        return day_words(datetime.fromisoformat(str(source.recording.info.get("started_at"))), with_year=True)
    except ValueError:
        return ""


def _script_json(value: Any) -> str:
    """JSON that cannot end its own script element, whatever a name contains."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _plotly_script() -> str:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
