"""The end of a run: a session of its packets, tables, report, what the records keep, and what the runner is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.live.devices import load_configs
from tallrun.live.rebuild import rebuild

if TYPE_CHECKING:
    from tallrun.insight import SessionBlocks
    from tallrun.live.setup import RunWishes
    from tallrun.numerics.recording import Recording
    from tallrun.pipeline import GaitTables
    from tallrun.pipeline.live_run import LiveRun, LiveSetup
    from tallrun.recovery.model import PainScore, RunSession
    from tallrun.sessions.recorder import FlightRecorder
    from tallrun.store import Store


@dataclass(frozen=True)
class RawRun:
    """A run that has just ended, not yet analysed."""

    start: dict[str, Any]
    recorder: FlightRecorder
    run: LiveRun
    setup: LiveSetup
    latencies_s: list[float]
    wishes: RunWishes


@dataclass(frozen=True)
class RunResult:
    """What became of a run: lines to show, the report, the tables, the recording."""

    lines: list[str]
    report: Path | None
    tables: GaitTables
    recording: Recording
    notes: tuple[str, ...] = field(default=())


def finish_run(
    folder: Path, out: Path, raw: RawRun, on_progress: Callable[[float], None] = lambda share: None
) -> RunResult:
    """Make a session of the packets, analyse it, write its report and note it in the records."""
    from tallrun.coaching import ledger_rows
    from tallrun.report import build_report
    from tallrun.report.session_report import analysed
    from tallrun.sessions import write_tables, write_text
    from tallrun.sessions.recorder import OWN_SENSOR, read_packets

    packets = (packet for packet in read_packets(out) if packet.sensor != OWN_SENSOR)
    recording = rebuild(raw.start, packets, load_configs(folder))
    recording = replace(recording, markers=tuple(raw.run.markers), runner=raw.setup.pipeline.runner)
    notes = raw.recorder.finalise(recording)
    source = analysed(recording, out.name, raw.setup.protocol, on_progress)
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


def _write_cues(path: Path, cues: list[dict[str, Any]]) -> None:
    import json

    from tallrun.pipeline import json_ready
    from tallrun.sessions import write_text

    write_text(path, json.dumps(json_ready(cues), indent=1, allow_nan=False))


def own_records(
    folder: Path, runner: str | None, recording: Recording, tables: GaitTables
) -> tuple[tuple[SessionBlocks, ...], dict[str, Any] | None]:
    """Return the runner's other sessions and the advice after this run; nothing where nobody is set up."""
    from tallrun.journal.run_plan import from_records
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return (), None
    # an emulated run may be ahead of the clock; its own scores count for the advice all the same
    ended_at = datetime.fromisoformat(recording.info["started_at"]) + timedelta(seconds=_end_s(tables))
    return from_records(folder, runner, str(recording.info["session_id"]), ended_at)


def _end_s(tables: GaitTables) -> float:
    return float(tables.segments["end_s"].max()) if len(tables.segments) else 1.0


def note_in_records(
    folder: Path, out: Path, recording: Recording, tables: GaitTables, raw: RawRun, cues: list[dict[str, Any]]
) -> None:
    """Add the run, its pain taps and its place to the records, if somebody is set up there."""
    from tallrun.journal.desk import Records
    from tallrun.journal.focus import GAIT_KEY
    from tallrun.journal.run_plan import gait_note, note_step, probe_of
    from tallrun.pipeline import json_ready
    from tallrun.store import Store
    from tallrun.store.models import CueRow

    with Store.open(folder) as store:
        if not store.runner_codes():
            return
        runner_id = store.find_runner(raw.wishes.runner)
        now = datetime.now(UTC)
        wishes = raw.wishes
        coached = gait_note(wishes.focus, wishes.step_session, probe_of(raw.run.coach_events, tables.strides))
        session, scores = run_entry(store, runner_id, recording, tables, raw)
        store.add_run(runner_id, session, scores, by="tallrun", now=now, source="sensors")
        store.index_session(
            runner_id,
            session_id=session.session_id,
            started_at=session.started_at,
            folder=out,
            duration_s=(session.ended_at - session.started_at).total_seconds(),
            context=recording.context | {GAIT_KEY: coached},
            summary=tables.summary,
        )
        note_step(
            Records(store, runner_id, now), wishes.focus, wishes.plan.decision if wishes.plan else None,
            session.started_at,
        )  # fmt: skip
        store.note_file(runner_id, out / "derived" / "report.html", "report", now)
        for row in cues:
            store.add_row(
                CueRow,
                runner_id,
                at=session.started_at + timedelta(seconds=row["at_s"]),
                by="tallrun",
                now=now,
                session_id=session.session_id,
                t_s=row["at_s"],
                focus=row["focus"],
                reason=f"{row['value']:.0f} against {row['low']:.0f}-{row['high']:.0f}",
                response=json_ready(row["answer"] or {}),
            )


def run_entry(
    store: Store, runner_id: str, recording: Recording, tables: GaitTables, raw: RawRun
) -> tuple[RunSession, list[PainScore]]:
    """Return the run and its scores as the recovery rules want them; what was not told stays None."""
    from uuid import uuid4
    from zoneinfo import ZoneInfo

    from tallrun.recovery.model import SURFACES, PainScore, RunSession
    from tallrun.report.session_report import pain_marks

    info = recording.info
    started = datetime.fromisoformat(info["started_at"])
    end_s = _end_s(tables)
    runner = store.runner(runner_id)
    rules = [item.action for item in raw.run.safety_events]
    stopped = any(item.action in ("STOP", "REFER") for item in rules)
    limped = any(item.rule == "LV3" for item in rules)
    belt = recording.treadmill
    # A treadmill that does not tell its incline leaves NaN rows: unknown, not level.
    inclines = [] if belt is None else [value for value in belt.incline_pct.tolist() if value == value]
    speed = tables.summary["speed_mps"]
    surface = recording.context.get("surface") or ("treadmill" if belt is not None else None)
    session = RunSession(
        session_id=str(info["session_id"]),
        started_at=started,
        ended_at=started + timedelta(seconds=end_s),
        run_minutes=tables.summary["run_time_s"] / 60.0,
        surface=surface if surface in SURFACES else None,  # type: ignore[arg-type]
        speed_mps=speed.get("p95"),
        incline_min_pct=min(inclines) if inclines else None,
        incline_max_pct=max(inclines) if inclines else None,
        limping=True if limped else None,
        stop_reason="pain" if stopped else "none",
        live_rules=tuple(dict.fromkeys(item.rule for item in rules if item.rule and item.rule != "LV7")),
        advised=store.advice_before(runner_id, started, ZoneInfo(runner.time_zone)),
    )
    scores = [
        PainScore(
            str(uuid4()), started + timedelta(seconds=t_s), "during", score, runner.side, runner.site,
            session_id=session.session_id,
        )
        for t_s, score in pain_marks(recording)
    ]  # fmt: skip
    return session, scores
