"""Compiles every kernel once, before the first notification arrives."""

from __future__ import annotations

import numpy as np

from tallrun.gait import foot
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.segments import ActivityBins
from tallrun.numerics.recording import SensorSpec


def warm_up() -> None:
    """Compile or load all kernels of the gait room; about a minute the first time on a machine, then quick."""
    foot.warm_up()
    t_s = np.arange(0.0, 14.0, 0.01)
    bounce = 9.81 + np.where(t_s > 6.0, 12.0 * np.sin(2.0 * np.pi * 2.8 * t_s), 0.0)
    acc = np.column_stack([np.zeros_like(t_s), 0.3 * np.sin(2.0 * np.pi * 1.4 * t_s), bounce])
    gyr = np.column_stack([0.2 * np.sin(2.0 * np.pi * 1.4 * t_s)] * 3)
    for engine, turning in (
        (PelvisEngine(SensorSpec("pelvis", 100.0)), gyr),
        (PelvisEngine(SensorSpec("pelvis", 100.0, has_gyroscope=False)), None),
        (AccFootEngine(SensorSpec("foot_left", 100.0, has_gyroscope=False), "left"), None),
    ):
        engine.feed(t_s, acc, turning)
        engine.finish()
    ActivityBins().feed(t_s, acc, gyr)
