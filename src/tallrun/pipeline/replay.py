"""Runs a recorded session through the live run again: same cues, same stops; or "what if" with other settings."""

from __future__ import annotations

from collections.abc import Callable

from tallrun.numerics.recording import Marker, Recording
from tallrun.pipeline.batch import belt_readings, pieces
from tallrun.pipeline.live_run import LiveEvent, LiveRun, LiveSetup
from tallrun.pipeline.taps import END_TEXT, marker_tap


def replay_run(
    recording: Recording,
    setup: LiveSetup,
    on_events: Callable[[list[LiveEvent]], None] = lambda events: None,
    piece_s: float = 30.0,
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
    for _, blocks in pieces(recording, piece_s):
        on_events(run.feed(*blocks))
    end_s = _end_of(recording.markers)
    if end_s is not None:
        on_events(run.end_at(end_s))
    on_events(run.finish())
    return run


def _end_of(markers: tuple[Marker, ...]) -> float | None:
    ends = [item.t_s for item in markers if item.kind == "stop" and item.text == END_TEXT]
    return max(ends) if ends else None
