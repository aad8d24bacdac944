"""What the records and the replay hold about a session: scores, answers, notes; a report is as old as they were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tallrun.journal.desk import Records
from tallrun.report.overlays import overlays_in_force, read_overlays
from tallrun.report.told import ToldBeside
from tallrun.store.models import PainRow, RunRow

#: A score this close to a tap of the run, of the same height, is that tap.
_TAP_S = 1.0


def told_of(
    mine: Records, session_id: str, folder: Path, taps: Sequence[tuple[float, int]] = ()
) -> ToldBeside:
    """Return what was told about a session. taps : (t_s, score) of its recording; they are not told twice."""
    rows = [row for row in mine.store.entries(PainRow, mine.runner_id) if row.session_id == session_id]
    runs = [row for row in mine.store.entries(RunRow, mine.runner_id) if row.session_id == session_id]
    start = next(
        (row.started_at for row in mine.store.sessions(mine.runner_id) if row.session_id == session_id), None
    )
    tapped = [] if start is None else [(start + timedelta(seconds=t_s), score) for t_s, score in taps]

    def is_tap(at: datetime, kind: str, score: int) -> bool:
        return kind == "during" and any(
            score == other and abs((at - when).total_seconds()) <= _TAP_S for when, other in tapped
        )

    scores = [(row.kind, row.score) for row in rows if not is_tap(row.at, row.kind, row.score)]
    notes = [item.overlay_id for item in overlays_in_force(read_overlays(folder))]
    answers = [(row.limping, row.stop_reason, row.session_rpe) for row in runs]
    return ToldBeside(scores, _key([row.pain_id for row in rows], answers, notes))


def _key(scores: list[str], answers: Sequence[tuple[object, ...]], notes: list[str]) -> str:
    if not (scores or answers or notes):
        return ""
    return hashlib.sha256(json.dumps([scores, answers, notes]).encode()).hexdigest()[:16]
