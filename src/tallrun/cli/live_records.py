"""What a live run takes from the records before it begins, and what it leaves there afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallrun.cli.live_parts import RawRun
    from tallrun.gait.flag_terms import OwnBaseline
    from tallrun.insight import SessionBlocks
    from tallrun.numerics.recording import Recording, RunnerProfile
    from tallrun.pipeline import GaitTables
    from tallrun.recovery.model import PainScore, RunSession
    from tallrun.store import Store


def own_records(
    folder: Path, runner: str | None, recording: Recording, tables: GaitTables
) -> tuple[tuple[SessionBlocks, ...], dict[str, Any] | None]:
    """Return the runner's other sessions and the advice after this run; nothing where nobody is set up."""
    from tallrun.cli.report import from_records
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


@dataclass(frozen=True)
class Known:
    """What the records know of the runner before a run; unknown where nobody is set up."""

    measures: RunnerProfile
    green_limit: int | None = None
    baseline: OwnBaseline | None = None
    stride_gain: float | None = None


#: The belt calibration is the middle of this many newest sessions that had one.
GAIN_SESSIONS = 5


def known_runner(folder: Path, now: datetime, runner: str | None = None) -> Known:
    """Look up measures, the clinician's green limit, own baselines and the belt calibration."""
    from tallrun.errors import TallrunError
    from tallrun.insight import flag_baseline
    from tallrun.journal.desk import protocol_in_force
    from tallrun.numerics.recording import RunnerProfile
    from tallrun.report.history import own_history
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return Known(RunnerProfile())
        runner_id = store.find_runner(runner)
        try:
            profile = store.profile(runner_id)
        except TallrunError:
            return Known(RunnerProfile())
        limits = [
            item.green_limit
            for item in store.history(runner_id).clinician
            if item.green_limit is not None
            and item.at <= now
            and (item.expires_at is None or now < item.expires_at)
        ]
        baseline = flag_baseline(own_history(store, runner_id, protocol_in_force(store, runner_id, now), now))
        gains = [gain for row in store.sessions(runner_id) if (gain := _gain_of(row.summary)) is not None]
    measures = RunnerProfile(profile.height_m, profile.leg_length_m, profile.mass_kg)
    gain = median(gains[-GAIN_SESSIONS:]) if gains else None
    return Known(measures, limits[-1] if limits else None, baseline if baseline.bins else None, gain)


def _gain_of(summary: dict[str, Any] | None) -> float | None:
    """Return the belt calibration a session found, None without one."""
    calibration = ((summary or {}).get("quality") or {}).get("calibration") or {}
    gain = calibration.get("gain_found")
    return float(gain) if isinstance(gain, (int, float)) and not calibration.get("is_at_bound") else None
