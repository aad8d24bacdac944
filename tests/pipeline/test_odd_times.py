"""Recordings whose times are odd still end in tables, never in an exception."""

import numpy as np

from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.pipeline import analyze_recording


def quiet(start_s: float, seconds: float = 8.0) -> Recording:
    t_s = start_s + np.arange(0.0, seconds, 0.01)
    acc = np.tile([0.0, 0.0, 9.80665], (t_s.size, 1))
    spec = SensorSpec("foot_left", 100.0)
    return Recording({"foot_left": SensorRecording(spec, t_s, acc, np.zeros_like(acc))})


def test_times_before_the_start_are_no_error():
    assert analyze_recording(quiet(-10_000.0)).summary["n_contacts"] == 0


def test_a_recording_that_starts_late_is_no_error():
    tables = analyze_recording(quiet(4_000.0))
    assert tables.summary["n_contacts"] == 0
    assert float(tables.segments["end_s"].max()) > 4_000.0
