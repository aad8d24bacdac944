"""The end of a run: a session of its packets, tables, report, what the records keep, and what the runner is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tallrun.errors import SessionError
from tallrun.live.calibration import keep_biases
from tallrun.live.cut_off import note_ended
from tallrun.live.devices import load_configs
from tallrun.live.rebuild import rebuild
from tallrun.pipeline.unheard import pressed_stop_s, recorded_s, unheard
from tallrun.words import clock, counted

if TYPE_CHECKING:
    from tallrun.gait.summary import Gait
    from tallrun.insight import SessionBlocks
    from tallrun.live.setup import RunWishes
    from tallrun.numerics.recording import Marker, Recording
    from tallrun.pipeline import GaitTables
    from tallrun.pipeline.live_run import LiveRun, LiveSetup
    from tallrun.recovery.model import PainScore, RunSession
    from tallrun.report import ReportInput
    from tallrun.report.lengths import LengthUnit
    from tallrun.report.told import ToldBeside
    from tallrun.sessions.recorder import FlightRecorder
    from tallrun.store import Store

T = TypeVar("T")

#: Fewer steady strides than this do not tell how much of a run lay in the band.
MIN_JUDGED = 20
#: Less running than this in a session of walking is a few hurried steps.
WALK_RUN_MIN = 0.5


@dataclass(frozen=True)
class RawRun:
    """A run that has just ended, not yet analysed."""

    start: dict[str, Any]
    recorder: FlightRecorder
    run: LiveRun
    setup: LiveSetup
    latencies_s: list[float]
    wishes: RunWishes
    is_emulated: bool = False
    away: timedelta = timedelta(0)

    def now(self, recording: Recording) -> datetime:
        """Return the present moment of whoever ran; an emulated run may be ahead of the clock, and ends first."""
        began_at = datetime.fromisoformat(recording.info["started_at"])
        return max(datetime.now(UTC) + self.away, began_at + timedelta(seconds=recorded_s(recording)))


@dataclass(frozen=True)
class RunResult:
    """What became of a run.

    rows, lines : numbers with their names and sentences, for a person. report, tables : None where the analysis failed.
    failures : what could not be done, one sentence each; everything else was done all the same.
    """

    rows: list[tuple[str, str]]
    lines: list[str]
    report: Path | None
    tables: GaitTables | None
    recording: Recording
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def finish_run(
    folder: Path, out: Path, raw: RawRun, on_progress: Callable[[float], None] = lambda share: None
) -> RunResult:
    """Make a session of the packets, analyse it, note it in the records and write its report.

    Each step stands alone: scores and stops reach the records though the analysis fails, and the session is there
    though the records refuse.
    """
    from tallrun.coaching import ledger_rows
    from tallrun.journal.sessions import called
    from tallrun.journal.shown import shown_in
    from tallrun.report import build_report
    from tallrun.report.session_report import analysed
    from tallrun.sessions import write_tables, write_text
    from tallrun.sessions.recorder import OWN_SENSOR, read_packets

    failures: list[str] = []

    def step(what: str, do: Callable[..., T], *args: Any) -> T | None:
        try:
            return do(*args)
        except Exception as error:
            failures.append(f"{what} ({type(error).__name__}: {error}).")
            return None

    packets = (packet for packet in read_packets(out) if packet.sensor != OWN_SENSOR)
    recording = rebuild(raw.start, packets, load_configs(folder))
    markers = tuple(item for item in raw.run.markers if is_writable(item))
    recording = replace(recording, markers=markers, runner=raw.setup.pipeline.runner)
    try:
        notes = raw.recorder.finalise(recording)
    except SessionError as error:
        told = (
            f"What was recorded is kept; with room on the disk it becomes a session (tallrun recover {out})."
        )
        raise SessionError(f"{error}. {told}") from error
    unit = shown_in(folder).length
    title = called(datetime.fromisoformat(recording.info["started_at"]), raw.wishes.rung, "run")
    source = step(
        "The run could not be analysed", analysed, recording, out.name, raw.setup.protocol, on_progress
    )
    tables = source.tables if source is not None else None
    cues = ledger_rows(raw.run.coach_events)
    if tables is not None:
        step("The tables could not be written", write_tables, out / "derived", tables)
        ledger = tables.summary["quality"]["sensors"]
        kept = (keep_biases, folder, ledger, raw.is_emulated)
        step("What was learned of the sensors could not be kept", *kept)
    step("The cues could not be written", _write_cues, out / "derived" / "cues.json", cues)
    n_failures = len(failures)
    step(
        "The run could not be noted in the records",
        note_in_records,
        folder,
        out,
        recording,
        tables,
        raw,
        cues,
    )
    # Killed before, or refused by the records, the run goes on being held against the advice and is indexed later.
    if len(failures) == n_failures:
        step("The list of begun runs could not be written", note_ended, folder, out)

    def write_report(source: ReportInput) -> Path:
        # only now, so that the next step in the report knows of this run
        if (known := own_records(folder, out, raw, recording)) is not None:
            history, advice, told = known
            source = replace(source, history=history, advice=advice, told=told)
        path = out / "derived" / "report.html"
        write_text(path, build_report(replace(source, title=title, length_unit=unit)))
        return path

    report = None if source is None else step("The report could not be written", write_report, source)
    lines = [*after_lines(tables, cues, raw), *failures]
    return RunResult(
        after_rows(recording, tables, cues, raw, unit),
        lines,
        report,
        tables,
        recording,
        notes,
        tuple(failures),
    )


def is_writable(marker: Marker) -> bool:
    """Return whether the session format can hold a mark; one it cannot costs itself only."""
    from tallrun.errors import TallrunError
    from tallrun.sessions.series import check_marker

    try:
        check_marker(marker, "")
    except TallrunError:
        return False
    return True


def after_rows(
    recording: Recording,
    tables: GaitTables | None,
    cues: list[dict[str, Any]],
    raw: RawRun,
    unit: LengthUnit = "km",
) -> list[tuple[str, str]]:
    """Return what a runner looks for first, each with words where it is not known."""
    from tallrun.report.ran import ran, ran_rows

    summary = {} if tables is None else tables.summary
    gait = _gait(summary, raw)
    moved_s = summary.get(f"{gait}_time_s")
    cadence = _cadence_spm(summary, gait)
    way, pace, heart, climb = ran_rows(ran(recording, tables), unit, gait)
    is_coached = raw.setup.rung != "V0"
    unheard_s = sum(end - start for start, end in unheard(recording))
    return [
        ("Recorded", clock(recorded_s(recording))),
        *(
            [("No sensor heard", f"{clock(unheard_s)} of it: what you did then is not known")]
            if unheard_s
            else []
        ),
        ("Walking" if gait == "walk" else "Running", "not known" if moved_s is None else clock(moved_s)),
        way,
        pace,
        ("Steps a minute", "not known" if cadence is None else f"{cadence:.0f}"),
        heart,
        climb,
        *_part_rows(raw),
        *([("In your band", _band_words(raw)), ("Cues", _cue_words(cues))] if is_coached else []),
        *_probe_rows(raw),
    ]


def _gait(summary: dict[str, Any], raw: RawRun) -> Gait:
    """Return what the numbers are about: what was done, and before it is known what was asked for."""
    from tallrun.gait.summary import told_gait

    ran_s = summary.get("run_time_s")
    if raw.setup.rung == "V0" and (ran_s is None or ran_s <= 60.0 * WALK_RUN_MIN):
        return "walk"
    return told_gait(summary) if summary else "run"


def _cadence_spm(summary: dict[str, Any], gait: Gait) -> float | None:
    from tallrun.gait.summary import numbers_of

    numbers = numbers_of(summary, gait) if summary.get("walking") or gait == "run" else {}
    found: float | None = (numbers.get("cadence_spm") or {}).get("median")
    return found


def _part_rows(raw: RawRun) -> list[tuple[str, str]]:
    """Return how much of the run parts passed, and the kilometres of a run without walk breaks."""
    schedule = raw.run.schedule
    planned_s = sum(item.length_s for item in raw.setup.intervals if item.kind == "run")
    if schedule is None or not planned_s:
        return []
    rows = [("Run parts", f"{clock(schedule.run_s(_done_s(raw)))} of {clock(planned_s)} planned")]
    splits_s = raw.run.splits_s
    if splits_s:
        rows.append(("Kilometres", ", ".join(map(clock, splits_s))))
    elif splits_s is None:
        rows.append(("Kilometres", "not known: the speed was not known all the time"))
    return rows


def _done_s(raw: RawRun) -> float:
    """Return when the run was over: when STOP was pressed, else its end."""
    pressed_s = pressed_stop_s(raw.run.markers)
    return raw.run.gait.end_s if pressed_s is None else pressed_s


def _band_words(raw: RawRun) -> str:
    if raw.setup.focus != "cadence" or raw.setup.plan.cued_s <= 0.0:
        return "no band was coached"
    if raw.run.n_judged < MIN_JUDGED:
        return "not known: too few steady strides in the blocks with cues"
    return f"{100.0 * raw.run.n_in_band / raw.run.n_judged:.0f} % of strides in the blocks with cues"


def _probe_rows(raw: RawRun) -> list[tuple[str, str]]:
    """Return how much of the stretch without help at the end lay in the band; nothing where none was coached or run."""
    from tallrun.coaching import ProbeResult

    probes = [item for item in raw.run.coach_events if isinstance(item, ProbeResult)]
    if not probes or raw.setup.focus != "cadence" or raw.setup.plan.cued_s <= 0.0:
        return []
    share = probes[-1].in_band_share
    words = "not known: too few steady strides" if share is None else f"{100.0 * share:.0f} % in your band"
    return [("Without cues at the end", words)]


def _cue_words(cues: list[dict[str, Any]]) -> str:
    if not cues:
        return "none"
    share = in_band_share(cues)
    effect = (
        "too few strides followed to tell the effect"
        if share is None
        else f"after them {100 * share:.0f} % in band"
    )
    return f"{len(cues)}; {effect}"


def in_band_share(cues: list[dict[str, Any]]) -> float | None:
    """Return the share of answering strides inside the band over all cues, None without an answer."""
    answers = [row["answer"] for row in cues if row["answer"] and row["answer"]["in_band_share"] is not None]
    strides = sum(item["n_strides"] for item in answers)
    if not strides:
        return None
    return float(sum(item["in_band_share"] * item["n_strides"] for item in answers) / strides)


def after_lines(tables: GaitTables | None, cues: list[dict[str, Any]], raw: RawRun) -> list[str]:
    """Three lines: how it went, one thing, next time."""
    summary = {} if tables is None else tables.summary
    gait = _gait(summary, raw)
    cadence = _cadence_spm(summary, gait)
    stops = [item.action for item in raw.run.safety_events if item.action.action in ("STOP", "REFER")]
    if cadence is not None:
        did = "walked" if gait == "walk" else "ran"
        lines = [f"You {did} {summary[f'{gait}_time_s'] / 60:.1f} min at about {cadence:.0f} steps a minute."]
    else:
        moving = "walking" if gait == "walk" else "running"
        lines = [f"There was too little clean {moving} to tell your steps."]
    share = in_band_share(cues)
    count = counted(len(cues), "cue")
    if stops:
        lines.append(f"{stops[0].sentence} (rule {stops[0].rule})")
    elif raw.setup.rung == "V0":
        pass  # a walk is not coached
    elif raw.run.is_silenced:
        lines.append("Your steps could not be judged to the end, so no cue came from then on.")
    elif cues and share is not None:
        lines.append(f"{count}; after them {100 * share:.0f} % of strides were in band.")
    elif cues:
        lines.append(f"{count} came; too few strides followed to tell the effect.")
    else:
        lines.append(why_no_cue(raw))
    lines.append("Next: your pain score tonight and tomorrow morning. They decide the next level.")
    return lines


def why_no_cue(raw: RawRun) -> str:
    """Say why no cue came, as far as it is known."""
    run = raw.run
    if raw.setup.focus is None:
        return "No cue was asked for."
    if raw.setup.plan.cued_s <= 0.0:
        return "This session had no block for cues."
    if not run.has_target:
        if raw.setup.focus != "cadence":
            return "No cue could be given: your usual tilt at this speed is not known yet."
        return "No cue could be given: there was too little steady running to learn your usual steps."
    if raw.setup.focus != "cadence":
        return "No cue came."
    if run.n_judged < MIN_JUDGED:
        return "No cue came: too few of your strides in the blocks with cues were steady enough to judge."
    share = 100.0 * run.n_in_band / run.n_judged
    return f"No cue came; {share:.0f} % of your strides in the blocks with cues were in your band."


def _write_cues(path: Path, cues: list[dict[str, Any]]) -> None:
    import json

    from tallrun.numerics.json_ready import json_ready
    from tallrun.sessions import write_text

    write_text(path, json.dumps(json_ready(cues), indent=1, allow_nan=False))


def own_records(
    folder: Path, out: Path, raw: RawRun, recording: Recording
) -> tuple[tuple[SessionBlocks, ...], dict[str, Any], ToldBeside] | None:
    """Return the runner's other sessions, the advice after this run and what was told; None where nobody is set up."""
    from tallrun.journal.run_plan import from_records
    from tallrun.report.session_report import pain_marks
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return None
    session_id, taps = str(recording.info["session_id"]), pain_marks(recording)
    return from_records(folder, raw.wishes.runner, session_id, out, taps, raw.now(recording))


def note_in_records(
    folder: Path,
    out: Path,
    recording: Recording,
    tables: GaitTables | None,
    raw: RawRun,
    cues: list[dict[str, Any]],
) -> None:
    """Add the run, its pain taps and its place to the records, if somebody is set up there."""
    from tallrun.coaching.ledger import against_band
    from tallrun.journal.desk import Records
    from tallrun.journal.focus import GAIT_KEY
    from tallrun.journal.run_plan import gait_note, note_step, probe_of
    from tallrun.numerics.json_ready import json_ready
    from tallrun.report.ran import KEY as RAN_KEY
    from tallrun.report.ran import ran
    from tallrun.store import Store
    from tallrun.store.models import CueRow

    with Store.open(folder) as store:
        if not store.runner_codes():
            return
        runner_id = store.find_runner(raw.wishes.runner)
        now = raw.now(recording)
        wishes = raw.wishes
        probe = None if tables is None else probe_of(raw.run.coach_events, tables.strides)
        coached = gait_note(wishes.focus, wishes.step_session, probe)
        session, scores = run_entry(store, runner_id, recording, tables, raw)
        store.add_run(runner_id, session, scores, by="tallrun", now=now, source="sensors")
        store.index_session(
            runner_id,
            session_id=session.session_id,
            started_at=session.started_at,
            folder=out,
            duration_s=(session.ended_at - session.started_at).total_seconds(),
            context=recording.context | {GAIT_KEY: coached},
            summary={} if tables is None else tables.summary | {RAN_KEY: asdict(ran(recording, tables))},
        )
        note_step(
            Records(store, runner_id, now), wishes.focus, wishes.plan.decision if wishes.plan else None,
            session.started_at,
        )  # fmt: skip
        if tables is not None:
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
                reason=against_band(row["value"], row["low"], row["high"]),
                response=json_ready(row["answer"] or {}),
            )


def done_of(raw: RawRun, run_min: float | None) -> tuple[str | None, float | None, float | None]:
    """Return (level, planned run minutes, done run minutes) of a run, for the rules that grade it.

    A run of intervals is one of its level as long as the running does not go beyond it: a longer one is placed by its
    minutes as any free run is, and so counts as against the advice. Where the steps are not known, the run parts that
    passed stand for the running, for the walks around them were part of the plan.
    """
    setup, schedule = raw.setup, raw.run.schedule
    if schedule is None or setup.rung is None:
        return None, None, run_min
    planned_min = sum(item.length_s for item in setup.intervals if item.kind == "run") / 60.0
    done_min = schedule.run_s(_done_s(raw)) / 60.0 if run_min is None else run_min
    most_min = setup.protocol.ladder.as_advised_share * planned_min
    if done_min > max(most_min, WALK_RUN_MIN) + 1e-9:
        return None, None, done_min
    return setup.rung, planned_min, 0.0 if not planned_min else done_min


def unheard_run_s(recording: Recording, raw: RawRun) -> float:
    """Return how long no sensor was heard in run parts, in a free run at all: it counts as running for the load."""
    schedule = raw.run.schedule
    return sum(
        end - start if schedule is None else schedule.run_s(end) - schedule.run_s(start)
        for start, end in unheard(recording)
    )


def run_entry(
    store: Store, runner_id: str, recording: Recording, tables: GaitTables | None, raw: RawRun
) -> tuple[RunSession, list[PainScore]]:
    """Return the run and its scores as the recovery rules want them; what was not told stays None."""
    from uuid import uuid4
    from zoneinfo import ZoneInfo

    from tallrun.pipeline.way import way_m
    from tallrun.recovery.model import SURFACES, PainScore, RunSession
    from tallrun.report.session_report import pain_marks

    info = recording.info
    started = datetime.fromisoformat(info["started_at"])
    end_s = recorded_s(recording)
    runner = store.runner(runner_id)
    rules = [item.action for item in raw.run.safety_events]
    stopped = any(item.action in ("STOP", "REFER") for item in rules)
    limped = any(item.rule == "LV3" for item in rules)
    belt = recording.treadmill
    # A treadmill that does not tell its incline leaves NaN rows: unknown, not level.
    inclines = [] if belt is None else [value for value in belt.incline_pct.tolist() if value == value]
    summary = {} if tables is None else tables.summary
    run_s = summary.get("run_time_s")
    advised = store.advice_before(runner_id, started, ZoneInfo(runner.time_zone))
    rung, planned_min, run_min = done_of(
        raw, None if run_s is None else (run_s + unheard_run_s(recording, raw)) / 60.0
    )
    surface = recording.context.get("surface") or ("treadmill" if belt is not None else None)
    session = RunSession(
        session_id=str(info["session_id"]),
        started_at=started,
        ended_at=started + timedelta(seconds=end_s),
        rung=rung,
        planned_run_minutes=planned_min,
        run_minutes=run_min,
        surface=surface if surface in SURFACES else None,  # type: ignore[arg-type]
        distance_m=None if tables is None else way_m(tables.strides),
        speed_mps=(summary.get("speed_mps") or {}).get("p95"),
        incline_min_pct=min(inclines) if inclines else None,
        incline_max_pct=max(inclines) if inclines else None,
        limping=True if limped else None,
        stop_reason="pain" if stopped else "none",
        live_rules=tuple(dict.fromkeys(item.rule for item in rules if item.rule and item.rule != "LV7")),
        advised=advised,
    )
    scores = [
        PainScore(
            str(uuid4()), started + timedelta(seconds=t_s), "during", score, runner.side, runner.site,
            session_id=session.session_id,
        )
        for t_s, score in pain_marks(recording)
    ]  # fmt: skip
    return session, scores
