"""Runs a recorded session through the live run again: same cues, same stops; or "what if" with other settings."""

from __future__ import annotations

from collections.abc import Callable

from tallrun.numerics.recording import Recording
from tallrun.pipeline.batch import PIECE_S, belt_readings, end_marker_s, pieces, samples_end_s
from tallrun.pipeline.live_run import LiveEvent, LiveRun, LiveSetup
from tallrun.pipeline.taps import marker_tap


def replay_run(
    recording: Recording,
    setup: LiveSetup,
    on_events: Callable[[list[LiveEvent]], None] = lambda events: None,
    piece_s: float = PIECE_S,
    progress: Callable[[float], None] = lambda share: None,
) -> LiveRun:
    """Replay and return the finished run; ``on_events`` is told everything in order.

    Taps are taken from the recording's markers at the times they took effect, belt readings from its treadmill
    rows. The result does not depend on ``piece_s``.
    """
    run = LiveRun(setup)
    for reading in belt_readings(recording):
        on_events(run.feed_treadmill(reading))
    for marker in recording.markers:
        tap = marker_tap(marker)
        if tap is not None:
            on_events(run.tap_at(marker.t_s, tap))
    total_s = samples_end_s(recording)
    for edge_s, blocks in pieces(recording, piece_s):
        on_events(run.feed(*blocks))
        progress(min(1.0, edge_s / total_s) if total_s > 0 else 1.0)
    end_s = end_marker_s(recording)
    if end_s is not None:
        on_events(run.end_at(end_s))
    on_events(run.finish())
    return run
