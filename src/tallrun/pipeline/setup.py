"""What the pipeline must know before the first sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tallrun.gait.flag_terms import OwnBaseline
from tallrun.numerics.recording import FloatArray, Recording, RunnerProfile, SensorSpec

#: Bounds of the belt calibration (sci:A2): beyond them the sensor or the belt is wrong, not the runner.
STRIDE_GAIN_BOUNDS = (0.9, 1.1)


@dataclass(frozen=True)
class PipelineSetup:
    """Everything fixed for one session.

    ``stride_gain`` comes from an earlier belt calibration of this runner; 1.0 with ``is_calibrated`` False
    otherwise. ``pelvis_neutral`` is the standing attitude from ``tallrun calibrate`` (sensor axes, unit
    vector of gravity), None to learn it from standing in the session.
    """

    specs: tuple[SensorSpec, ...]
    runner: RunnerProfile = field(default_factory=RunnerProfile)
    baseline: OwnBaseline | None = None
    stride_gain: float = 1.0
    is_calibrated: bool = False
    pelvis_neutral: FloatArray | None = None
    #: Belt or typed speed that holds for the whole session when no treadmill reports one.
    typed_speed_mps: float | None = None
    #: Keep strides for the tables; a live run over hours does without and is analysed from its recording.
    keep_strides: bool = True
    #: Keep every stride's shape, for reports and replay.
    record_waves: bool = False

    @classmethod
    def of(
        cls, recording: Recording, baseline: OwnBaseline | None = None, record_waves: bool = False
    ) -> PipelineSetup:
        """Set up for a recorded session from what its ``session.json`` says."""
        speed = recording.context.get("speed_mps")
        return cls(
            specs=tuple(item.spec for item in recording.sensors.values()),
            runner=recording.runner,
            baseline=baseline,
            record_waves=record_waves,
            pelvis_neutral=standing_neutral(recording.info),
            typed_speed_mps=float(speed) if isinstance(speed, (int, float)) and speed > 0 else None,
        )


def standing_neutral(info: dict[str, Any]) -> FloatArray | None:
    """Return the pelvis sensor's up direction from the calibration kept with a session; None without one."""
    try:
        up = np.array(info["standing"]["pelvis"]["up_sensor"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    size = float(np.linalg.norm(up)) if up.shape == (3,) else 0.0
    return up / size if np.isfinite(size) and size > 0.5 else None
