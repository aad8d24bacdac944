"""What the records say about a run that is about to begin, what of its coaching is kept, and what holds after it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from tallrun.coaching import CoachEvent, ProbeResult
from tallrun.gait.eligible import paces_mps
from tallrun.insight import SessionBlocks
from tallrun.journal.advice import for_report, tell
from tallrun.journal.desk import Records, current_time
from tallrun.journal.focus import gait_plan
from tallrun.journal.offers import careful_verdict
from tallrun.journal.told import told_of
from tallrun.recovery.gait_plan import GaitDecision, Probe
from tallrun.recovery.model import GaitChange
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.verdicts import Verdict
from tallrun.report.cycles import clean_strides
from tallrun.report.history import own_history
from tallrun.report.told import ToldBeside
from tallrun.store import Store

#: In these states a run is recorded only when the runner insists, and never coached.
NO_RUN_STATES = ("REFER", "CLINICIAN", "REST48")


@dataclass(frozen=True)
class RunPlan:
    """Today's verdict and gait plan, and the rules they go by.

    max_rise_pct : a clinician's limit of the cadence target, None without.
    """

    protocol: Protocol
    verdict: Verdict
    decision: GaitDecision
    max_rise_pct: float | None

    @property
    def forbids_running(self) -> bool:
        """Whether today's state is one in which nobody is coached."""
        return self.verdict.state in NO_RUN_STATES

    @property
    def may_cue(self) -> bool:
        """Whether today is a day for a run; on no other is anybody coached, whatever was asked for."""
        return self.verdict.state == "RUN"

    @property
    def focus(self) -> str | None:
        """The step to coach today, None for none: no step is open, or today is no day for a run."""
        return self.decision.step if self.may_cue else None


def plan_run(mine: Records) -> RunPlan:
    """Return what holds for a run now; the advice is kept as given, as if it had been asked for."""
    found = tell(mine)
    plan = gait_plan(mine, found)
    return RunPlan(mine.protocol, found, plan.decision, plan.max_rise_pct)


def probe_of(events: Sequence[CoachEvent], strides: pd.DataFrame) -> Probe | None:
    """Return the last probe of a run; None when none was run or too few strides of it are known.

    Its speed is held against the middle of the clean running before it.
    """
    probes = [item for item in events if isinstance(item, ProbeResult) and item.in_band_share is not None]
    if not probes:
        return None
    last = probes[-1]
    rows = clean_strides(strides)
    rows = rows[rows["initial_contact_s"] < last.start_s]
    paces = [pace for pace in paces_mps(rows).tolist() if math.isfinite(pace)]
    if last.speed_mps is None or last.in_band_share is None or not paces:
        return None
    trained_mps = median(paces)
    change = (last.speed_mps - trained_mps) / trained_mps
    return Probe(last.counted_s, last.in_band_share, change) if math.isfinite(change) else None


def gait_note(step: str | None, session_of_fade: int | None, probe: Probe | None) -> dict[str, Any]:
    """Return what a session's context keeps of its coaching (``focus.GAIT_KEY``)."""
    return {
        "step": step,
        "session_of_fade": session_of_fade,
        "probe": None if probe is None else asdict(probe),
    }


def note_step(mine: Records, step: str | None, decision: GaitDecision | None, started_at: datetime) -> None:
    """Keep that a step was begun, begun again or withdrawn with a run; a step that goes on is not noted again (BL3)."""
    changes = sorted(mine.store.history(mine.runner_id).gait_changes, key=lambda item: item.at)
    last = changes[-1] if changes else None
    open_step = last.step if last is not None and last.event != "withdrawn" else None
    again = decision is not None and decision.action == "again"
    if step is not None and (step != open_step or again):
        change = GaitChange(started_at, step)
    elif step is None and open_step is not None and decision is not None and decision.action == "withdrawn":
        change = GaitChange(started_at, open_step, "withdrawn")
    else:
        return
    mine.store.add(mine.runner_id, change, by="tallrun", now=mine.now)


def from_records(
    data_dir: Path,
    runner: str | None,
    session_id: str,
    folder: Path,
    taps: Sequence[tuple[float, int]],
    now: datetime | None = None,
) -> tuple[tuple[SessionBlocks, ...], dict[str, Any], ToldBeside]:
    """Return the runner's other sessions, the verdict of ``now``, else of the present moment, and what was told.

    folder : of the session. taps : (t_s, score) of its recording.
    """
    with Store.open(data_dir) as store:
        mine = Records(store, store.find_runner(runner), now or current_time())
        protocol = mine.protocol
        found = own_history(mine.store, mine.runner_id, protocol, mine.now, leave_out=(session_id,))
        history = mine.store.history(mine.runner_id, mine.now)
        advised = careful_verdict(mine, mine.local_now, history)
        told = told_of(mine, session_id, folder, taps)
    return found, for_report(advised, protocol), told
