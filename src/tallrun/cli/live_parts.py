"""What surrounds a live run: what is known before it, and what is made of it afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tallrun.cli.output import progress_bar

if TYPE_CHECKING:
    from tallrun.ble import Worn
    from tallrun.cli.live_server import Served
    from tallrun.cli.live_session import LiveLoop
    from tallrun.gait.flag_terms import OwnBaseline
    from tallrun.journal.run_plan import RunPlan
    from tallrun.numerics.recording import Recording
    from tallrun.pipeline import GaitTables
    from tallrun.pipeline.live_run import LiveRun, LiveSetup
    from tallrun.sessions.recorder import FlightRecorder
    from tallrun.web.hub import LiveHub


@dataclass(frozen=True)
class RunWishes:
    """What was asked for on the command line.

    plan : what the records say about this run, None where nobody is set up. runner : whose records, with several.
    companions run beside the live loop (the demo's scripted taps); ``after`` is awaited while pages are still served.
    """

    minutes: float
    focus: str | None = "cadence"
    target_spm: float | None = None
    step_session: int = 1
    mode: str = "metronome"
    recall_phrase: str | None = None
    is_uncued: bool = False
    speed_mps: float | None = None
    surface: str | None = None
    lan: bool = False
    tls: bool = False
    port: int = 0
    terminal: bool = False
    learning_s: float | None = None
    probe_s: float | None = None
    plan: RunPlan | None = None
    runner: str | None = None
    companions: tuple[Callable[[LiveLoop], Coroutine[Any, Any, None]], ...] = ()
    on_served: Callable[[Served], None] | None = None
    after: Callable[[RawRun, LiveHub], Awaitable[None]] | None = None


@dataclass(frozen=True)
class RawRun:
    """A run that has just ended, not yet analysed."""

    start: dict[str, Any]
    recorder: FlightRecorder
    run: LiveRun
    setup: LiveSetup
    latencies_s: list[float]
    served: Served
    wishes: RunWishes


@dataclass(frozen=True)
class RunResult:
    """What became of a run: lines to show, the report, the tables, the recording."""

    lines: list[str]
    report: Path | None
    tables: GaitTables
    recording: Recording
    notes: tuple[str, ...] = field(default=())


def live_setup(folder: Path, worn: list[Worn], wishes: RunWishes) -> LiveSetup:
    """Gather what the live run must know: sensors, runner, plan, protocol, limits."""
    from tallrun.cli.live_records import known_runner
    from tallrun.cli.live_session import specs_of
    from tallrun.coaching import CoachSettings, plan_session
    from tallrun.coaching.plan import LEARNING_S, PROBE_S
    from tallrun.journal.desk import rules_for
    from tallrun.pipeline import PipelineSetup
    from tallrun.pipeline.live_run import LiveSetup
    from tallrun.pipeline.setup import standing_neutral

    known = known_runner(folder, datetime.now(UTC), wishes.runner)
    plan = plan_session(
        60.0 * wishes.minutes,
        wishes.step_session,
        learning_s=LEARNING_S if wishes.learning_s is None else wishes.learning_s,
        probe_s=PROBE_S if wishes.probe_s is None else wishes.probe_s,
        is_uncued=wishes.is_uncued,
    )
    return LiveSetup(
        pipeline=PipelineSetup(
            specs=specs_of(worn),
            runner=known.measures,
            baseline=known.baseline,
            stride_gain=known.stride_gain or 1.0,
            is_calibrated=known.stride_gain is not None,
            typed_speed_mps=wishes.speed_mps,
            keep_strides=False,
            pelvis_neutral=standing_neutral({"standing": standing_info(folder)}),
        ),
        plan=plan,
        protocol=rules_for(folder, wishes.runner, datetime.now(UTC)),
        focus=wishes.focus,
        target_spm=wishes.target_spm,
        green_limit=known.green_limit,
        tilt_limit_deg=tilt_limit(known.baseline, wishes.focus),
        max_rise_pct=None if wishes.plan is None else wishes.plan.max_rise_pct,
        coach=CoachSettings(mode=wishes.mode, recall_phrase=wishes.recall_phrase),  # type: ignore[arg-type]
    )


def tilt_limit(baseline: OwnBaseline | None, focus: str | None) -> float | None:
    """Return the tilt beyond which "tall" and "tilt" are cued, from the own baseline; None withholds cues."""
    from tallrun.gait.flags import OWN_TILT_MARGIN_DEG

    tilts = [item.pelvic_tilt_deg for item in baseline.bins] if baseline else []
    known = [value for value in tilts if value == value]
    if focus not in ("tall", "tilt") or not known:
        return None
    return median(known) + OWN_TILT_MARGIN_DEG


def standing_info(folder: Path) -> dict[str, Any]:
    """Return the last passed standing calibration as a session keeps it."""
    from dataclasses import asdict

    from tallrun.cli.sensors_calibrate import load_standing

    return {place: asdict(item) for place, item in load_standing(folder).items()}


def run_context(wishes: RunWishes) -> dict[str, Any]:
    """Return the session's context: only what is known."""
    context: dict[str, Any] = {"session_kind": "run", "planned_minutes": wishes.minutes}
    if wishes.surface:
        context["surface"] = wishes.surface
    if wishes.speed_mps is not None:
        context["speed_mps"] = wishes.speed_mps
    return context


def finish_run(folder: Path, out: Path, raw: RawRun) -> RunResult:
    """Make a session of the packets, analyse it, write its report and note it in the records."""
    from tallrun.cli.flight import rebuild
    from tallrun.cli.live_records import note_in_records, own_records
    from tallrun.cli.radio import load_configs
    from tallrun.coaching import ledger_rows
    from tallrun.report import build_report
    from tallrun.report.session_report import analysed
    from tallrun.sessions import write_tables, write_text
    from tallrun.sessions.recorder import OWN_SENSOR, read_packets

    packets = (packet for packet in read_packets(out) if packet.sensor != OWN_SENSOR)
    recording = rebuild(raw.start, packets, load_configs(folder))
    recording = replace(recording, markers=tuple(raw.run.markers), runner=raw.setup.pipeline.runner)
    notes = raw.recorder.finalise(recording)
    with progress_bar("analysing") as show:
        source = analysed(recording, out.name, raw.setup.protocol, show)
    tables = source.tables
    cues = ledger_rows(raw.run.coach_events)
    write_tables(out / "derived", tables)
    _write_cues(out / "derived" / "cues.json", cues)
    note_in_records(folder, out, recording, tables, raw, cues)
    # only now, so that the next step in the report knows of this run
    history, advice = own_records(folder, raw.wishes.runner, recording, tables)
    report = out / "derived" / "report.html"
    write_text(report, build_report(replace(source, history=history, advice=advice)))
    return RunResult(after_lines(tables, cues, raw), report, tables, recording, notes)


def in_band_share(cues: list[dict[str, Any]]) -> float | None:
    """Return the share of answering strides inside the band over all cues, None without an answer."""
    answers = [row["answer"] for row in cues if row["answer"] and row["answer"]["in_band_share"] is not None]
    if not answers:
        return None
    strides = sum(item["n_strides"] for item in answers)
    return float(sum(item["in_band_share"] * item["n_strides"] for item in answers) / strides)


def after_lines(tables: GaitTables, cues: list[dict[str, Any]], raw: RawRun) -> list[str]:
    """Three lines: what went well, one thing, next time."""
    summary = tables.summary
    cadence = summary["cadence_spm"]
    stops = [item.action for item in raw.run.safety_events if item.action.action in ("STOP", "REFER")]
    lines = []
    if cadence.get("median") is not None:
        lines.append(
            f"You ran {summary['run_time_s'] / 60:.1f} min at about {cadence['median']:.0f} steps a minute."
        )
    else:
        lines.append("There was too little clean running to tell your steps.")
    share = in_band_share(cues)
    if stops:
        lines.append(f"{stops[0].sentence} (rule {stops[0].rule})")
    elif cues and share is not None:
        lines.append(
            f"{len(cues)} cue{'' if len(cues) == 1 else 's'}; after them {100 * share:.0f} % of strides were in band."
        )
    elif cues:
        lines.append(
            f"{len(cues)} cue{'' if len(cues) == 1 else 's'} came; too few strides followed to tell the effect."
        )
    else:
        lines.append(why_no_cue(raw))
    lines.append("Next: your pain score tonight and tomorrow morning. They decide the next level.")
    return lines


def why_no_cue(raw: RawRun) -> str:
    """Say whether no cue was needed or none could be given."""
    if raw.setup.focus is None:
        return "No cue was asked for."
    if raw.setup.plan.cued_s <= 0.0:
        return "This session had no block for cues."
    if raw.run.has_target:
        return "No cue was needed: you kept to your band in the blocks with cues."
    return "No cue could be given: there was too little steady running to learn your usual steps."


def saved_line(tables: GaitTables) -> str:
    """Return "Saved: 24:10, 4 061 steps, 99.2 % clean"."""
    summary = tables.summary
    total = float(tables.segments["end_s"].max()) if len(tables.segments) else 0.0
    valid = summary["quality"]["valid_strides_pct"]
    clean = "no strides to judge" if valid is None else f"{valid:.1f} % clean"
    steps = f"{summary['n_steps']:,}".replace(",", " ")
    return f"Saved: {int(total // 60)}:{int(total % 60):02d}, {steps} steps, {clean}"


def _write_cues(path: Path, cues: list[dict[str, Any]]) -> None:
    import json

    from tallrun.pipeline import json_ready
    from tallrun.sessions import write_text

    write_text(path, json.dumps(json_ready(cues), indent=1, allow_nan=False))
