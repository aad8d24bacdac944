"""The one change of gait that is open, starts or waits, from the runner's own recorded sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tallrun.gait.flag_terms import expected_cadence_spm
from tallrun.insight.baselines import Baseline, own_baseline, usual_speeds
from tallrun.insight.blocks import SessionBlocks
from tallrun.insight.pain import pain_after
from tallrun.journal.advice import advise
from tallrun.journal.clinician import holds
from tallrun.journal.desk import Records
from tallrun.numerics.recording import RunnerProfile
from tallrun.reasons import REASONS
from tallrun.recovery.gait_plan import GaitDecision, GaitFacts, GaitSession, Probe, gait_steps
from tallrun.recovery.model import History, RunSession
from tallrun.recovery.verdicts import Verdict
from tallrun.report.history import own_history

NEWEST_SESSIONS = 20
#: Ladder moves on the day of which no new change of gait starts (GT2).
_MOVES = frozenset({"MV1", "MV4", "MV5", "MV6", "MV7", "MV8", "MV9", "MV11"})


#: Key of a session's context that tells what was coached in it, and how its probe went.
GAIT_KEY = "gait"


@dataclass(frozen=True)
class GaitPlan:
    """What the gait plan says now. own : own cadence behind the target. max_rise_pct : a clinician's, None without."""

    decision: GaitDecision
    own: Baseline | None
    n_sessions: int
    max_rise_pct: float | None


def focus(mine: Records) -> dict[str, Any]:
    """Return the decision with its target, the own cadence behind it, and how many sessions were looked at."""
    found = gait_plan(mine, advise(mine))
    own = found.own
    return asdict(found.decision) | {
        "own_cadence_spm": None if own is None else own.value,
        "own_speed_mps": None if own is None else own.speed_mps,
        "own_reason": None if own is not None else REASONS["no_baseline"],
        "n_sessions": found.n_sessions,
    }


def gait_plan(mine: Records, found: Verdict) -> GaitPlan:
    """Decide which change of gait is open, starts or waits under today's verdict.

    Tilt is not started here: whether the strap moved is only known during a run.
    """
    protocol = mine.protocol
    history = mine.store.history(mine.runner_id, mine.now)
    pains = {item.session_id: item for item in pain_after(protocol, history, mine.now)}
    recorded = {row.session_id: row for row in mine.store.sessions(mine.runner_id)}
    runs = [run for run in history.sessions if run.session_id in recorded and run.session_id in pains]
    runs = sorted(runs, key=lambda run: run.started_at)[-NEWEST_SESSIONS:]
    sessions = tuple(
        GaitSession(
            grade=pains[run.session_id].grade,  # type: ignore[arg-type]
            flags=frozenset(flag["flag"] for flag in recorded[run.session_id].summary.get("flags") or ()),
            step=_step_of(recorded[run.session_id].context, history, run),
            probe=_probe_of(recorded[run.session_id].context),
        )
        for run in runs
    )
    looked_at = {run.session_id for run in runs}
    left_out = tuple(session_id for session_id in recorded if session_id not in looked_at)
    blocks = own_history(mine.store, mine.runner_id, protocol, mine.now, leave_out=left_out)
    own = _own_cadence(mine, blocks)
    profile = mine.store.profile(mine.runner_id)
    measures = RunnerProfile(profile.height_m, profile.leg_length_m, profile.mass_kg)
    in_force = [item for item in history.clinician if holds(item, mine.now)]
    first = [item.first_gait_step for item in in_force if item.first_gait_step is not None]
    rise = [item.max_cadence_rise_pct for item in in_force if item.max_cadence_rise_pct is not None]
    max_rise_pct = rise[-1] if rise else None
    decision = gait_steps(
        protocol,
        GaitFacts(
            sessions=sessions,
            state=found.state,
            moved_today=bool(_MOVES & set(found.rules)),
            own_cadence_spm=None if own is None else own.value,
            expected_cadence_spm=None if own is None else expected_cadence_spm(own.speed_mps, measures)[0],
            first_step=first[-1] if first else None,
            max_cadence_rise_pct=max_rise_pct,
        ),
    )
    return GaitPlan(decision, own, len(sessions), max_rise_pct)


def _step_of(context: Mapping[str, Any], history: History, run: RunSession) -> str | None:
    """Return the step a session was coached in; without a note of it, the one that was open when it began."""
    told = context.get(GAIT_KEY)
    return told.get("step") if isinstance(told, dict) else _step_at(history, run)


def _probe_of(context: Mapping[str, Any]) -> Probe | None:
    """Return how a session's probe went, None when there was none or too little was seen of it."""
    told = context.get(GAIT_KEY)
    probe = told.get("probe") if isinstance(told, dict) else None
    return Probe(**probe) if isinstance(probe, dict) else None


def _step_at(history: History, run: RunSession) -> str | None:
    """Return the gait step that was open when a run began."""
    before = [item for item in history.gait_changes if item.at <= run.started_at]
    last = max(before, key=lambda item: item.at, default=None)
    return None if last is None or last.event == "withdrawn" else last.step


def _own_cadence(mine: Records, sessions: tuple[SessionBlocks, ...]) -> Baseline | None:
    """Return the own cadence at the speed nearest the usual easy pace, or at the slowest usual speed."""
    speeds = usual_speeds(sessions)
    easy = mine.runner.easy_speed_mps
    nearest = sorted(speeds, key=lambda speed: abs(speed - (speeds[0] if easy is None else easy)))
    found = (own_baseline(sessions, "cadence_spm", speed) for speed in nearest)
    return next((item for item in found if item is not None), None)
