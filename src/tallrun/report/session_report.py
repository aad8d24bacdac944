"""From a recording to all a report shows; the command line and the web app go the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tallrun.insight import SessionBlocks
from tallrun.numerics.recording import Recording
from tallrun.pipeline import analyse
from tallrun.pipeline.live_run import LiveRun
from tallrun.pipeline.setup_record import KEY
from tallrun.pipeline.taps import marker_tap
from tallrun.recovery import Protocol
from tallrun.report.build import ReportInput
from tallrun.report.goal import Goal, cadence_goal
from tallrun.report.overlays import Overlay
from tallrun.report.replay_data import replay


def analysed(
    recording: Recording,
    title: str,
    protocol: Protocol,
    progress: Callable[[float], None] = lambda share: None,
    *,
    history: Sequence[SessionBlocks] = (),
    advice: dict[str, Any] | None = None,
    entries: Sequence[Overlay] = (),
) -> ReportInput:
    """Analyse a recording; a coached one is replayed with its own set-up, so its cues and its goal are there too."""
    if recording.info.get(KEY) is None:
        found = analyse(recording, record_waves=True, progress=progress)
        cues, goal = [], None
    else:
        done = replay(recording, protocol, record_waves=True, progress=progress)
        found, cues = done.analysis, done.cues
        goal = goal_of(done.run, found.tables.strides)
    return ReportInput(
        recording, found.tables, title, cues=cues, pain=pain_marks(recording), advice=advice, waves=found.waves,
        history=history, goal=goal, entries=entries, pelvis=found.pelvis_angles,
    )  # fmt: skip


def goal_of(run: LiveRun, strides: Any) -> Goal | None:
    """Return the goal of a finished coached run; None when nothing was coached."""
    focus = run.setup.focus
    if focus is None:
        return None
    if focus == "cadence":
        return cadence_goal(strides, run.cadence_band, run.learning_end_s)
    return Goal(focus, None, "", None, 0)


def pain_marks(recording: Recording) -> list[tuple[float, int]]:
    """Return (t_s, score) of every pain tap of a recording."""
    out = []
    for marker in recording.markers:
        tap = marker_tap(marker)
        if tap is not None and tap.kind == "pain" and tap.score is not None:
            out.append((marker.t_s, tap.score))
    return out
