"""Runs a whole recording through the pipeline, in time order, as the live run would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tallrun.numerics.recording import Recording, SampleBlock
from tallrun.pipeline.gait_pipeline import GaitPipeline
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.taps import END_TEXT
from tallrun.sensors.events import TreadmillReading

#: Length of the pieces a recording is fed in; results do not depend on it.
PIECE_S = 30.0


def pieces(recording: Recording, piece_s: float = PIECE_S) -> Iterator[tuple[float, list[SampleBlock]]]:
    """Yield (end of piece, blocks of all sensors in it), sensors cut at the same times."""
    ends = [float(item.t_s.max()) for item in recording.sensors.values() if item.t_s.size]
    if not ends:
        return
    last = max(ends)
    edges = np.arange(1, int(np.ceil(max(last, 0.0) / piece_s)) + 1) * piece_s
    edges = np.append(edges[edges < last], np.nextafter(last, np.inf))
    at = dict.fromkeys(recording.sensors, 0)
    for edge in edges.tolist():
        blocks = []
        for name, item in recording.sensors.items():
            stop = int(np.searchsorted(item.t_s, edge, side="left"))
            start, at[name] = at[name], max(stop, at[name])
            if stop > start:
                gyr = None if item.gyr_radps is None else item.gyr_radps[start:stop]
                blocks.append(SampleBlock(name, item.t_s[start:stop], item.acc_mps2[start:stop], gyr))
        yield edge, blocks


def belt_readings(recording: Recording) -> list[TreadmillReading]:
    """Return the recorded belt rows as readings; NaN becomes None."""
    if recording.treadmill is None:
        return []
    rows = zip(
        recording.treadmill.t_s.tolist(),
        recording.treadmill.speed_mps.tolist(),
        recording.treadmill.incline_pct.tolist(),
        strict=True,
    )
    return [
        TreadmillReading(
            "treadmill",
            t_s,
            None if np.isnan(speed) else speed,
            None if np.isnan(incline) else incline,
        )
        for t_s, speed, incline in rows
    ]


def samples_end_s(recording: Recording) -> float:
    """Return the time of the last sample, 0 without any."""
    return max((float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size), default=0.0)


def end_marker_s(recording: Recording) -> float | None:
    """Return when the live run ended, which may be long after its last sample; None for other recordings."""
    ends = [item.t_s for item in recording.markers if item.kind == "stop" and item.text == END_TEXT]
    return max(ends, default=None)


def run_recording(
    recording: Recording,
    setup: PipelineSetup | None = None,
    progress: Callable[[float], None] | None = None,
) -> GaitPipeline:
    """Run a recording through and return the finished pipeline.

    setup : default, the one the run itself used. ``progress`` is called with the share done, 0 to 1.
    """
    pipeline = GaitPipeline(setup or PipelineSetup.of(recording))
    for reading in belt_readings(recording):
        pipeline.feed_treadmill(reading)
    total_s = samples_end_s(recording)
    for edge_s, blocks in pieces(recording):
        pipeline.feed(*blocks)
        if progress is not None and total_s > 0:
            progress(min(1.0, edge_s / total_s))
    end_s = end_marker_s(recording)
    if end_s is not None:
        pipeline.tick(end_s)
    pipeline.finish()
    return pipeline
