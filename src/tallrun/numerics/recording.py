"""Plain data that every room understands: what one sensor is, a block of its samples, a whole recording.

Nothing here computes. ``SampleBlock`` is what flows while a run is going on; ``Recording`` is what a
session folder, an importer or the simulator holds in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PLACEMENTS = ("foot_left", "foot_right", "pelvis", "trunk")
MARKER_KINDS = (
    "lap", "pain", "cue", "stop", "sync_tap", "note", "calibration_start", "calibration_end",
)  # fmt: skip


@dataclass(frozen=True)
class SensorSpec:
    """What is known about one worn sensor before its first sample.

    ``acc_range_g`` and ``gyr_range_dps`` are None when unknown (the engine then finds the plateau from the
    data); ``has_gyroscope`` is False for accelerometer-only sensors.
    """

    placement: str
    rate_hz: float
    acc_range_g: float | None = None
    gyr_range_dps: float | None = None
    has_gyroscope: bool = True
    model: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SampleBlock:
    """Consecutive samples of one sensor, in the sensor's own axes as mounted.

    t_s : float64 (n,), seconds since the session's start, strictly increasing.
    acc_mps2 : float64 (n, 3), specific force; an axis the sensor lacks is NaN.
    gyr_radps : float64 (n, 3) or None when the sensor has no gyroscope.
    """

    placement: str
    t_s: FloatArray
    acc_mps2: FloatArray
    gyr_radps: FloatArray | None


@dataclass(frozen=True)
class SensorRecording:
    """All samples of one sensor; same arrays as ``SampleBlock``. Gaps are simply absent samples."""

    spec: SensorSpec
    t_s: FloatArray
    acc_mps2: FloatArray
    gyr_radps: FloatArray | None


@dataclass(frozen=True)
class Treadmill:
    """Belt speed and incline over time; a value holds until the next row. All float64 (n,)."""

    t_s: FloatArray
    speed_mps: FloatArray
    incline_pct: FloatArray


@dataclass(frozen=True)
class HeartRate:
    """Heart rate over time, float64 (n,), beats per minute."""

    t_s: FloatArray
    bpm: FloatArray


@dataclass(frozen=True)
class Marker:
    """One mark on the time line; ``kind`` is one of ``MARKER_KINDS``; ``text`` is untrusted."""

    t_s: float
    kind: str
    text: str = ""


@dataclass(frozen=True)
class RunnerProfile:
    """Body measures used by speed- and size-relative references; None where unknown."""

    height_m: float | None = None
    leg_length_m: float | None = None
    mass_kg: float | None = None


@dataclass(frozen=True)
class WatchData:
    """What a watch recorded of a run, in its own words: ``rows`` by column name, ``t_s`` among them, and its ``laps``.

    Columns are named in docs/session-format.md; NaN is unknown. No sensor signal: nothing here was measured by tallrun.
    """

    rows: dict[str, FloatArray]
    laps: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """A whole session in memory.

    ``info`` holds every other key of ``session.json`` unchanged (``session_id``, ``started_at``,
    ``time_zone``, ``context``, ``source``, ``licence`` and keys we do not know).
    """

    sensors: dict[str, SensorRecording]
    treadmill: Treadmill | None = None
    heart_rate: HeartRate | None = None
    markers: tuple[Marker, ...] = ()
    runner: RunnerProfile = field(default_factory=RunnerProfile)
    info: dict[str, Any] = field(default_factory=dict)
    watch: WatchData | None = None

    @property
    def context(self) -> dict[str, Any]:
        """Session context (surface, kind, incline_pct, speed_mps ...); empty when none was recorded."""
        value = self.info.get("context")
        return value if isinstance(value, dict) else {}
