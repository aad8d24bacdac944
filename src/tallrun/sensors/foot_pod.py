"""What a running-speed pod told, as the columns a watch's run has: so that both are read, shown and exported alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.sensors.events import FootPodReading
from tallrun.units import STEPS_PER_STRIDE

_LENGTH_TOLERANCE = 0.2
#: So long a step at a runner's speed is two, where so many readings say so.
_IMPOSSIBLE_STEP_M, _RUNNING_MPS, _FEW_READINGS = 1.9, 1.8, 5


def foot_pod_rows(readings: Sequence[FootPodReading]) -> dict[str, FloatArray]:
    """Return ``t_s``, ``cadence_spm``, ``speed_mps``, ``distance_m`` and ``step_length_m``; NaN where not told.

    Of readings for one moment the last holds, and one that came out of order is left out. Pods disagree whether the
    length they tell is a step's or a stride's: the one that speed and cadence agree with is taken, else it is unknown.
    Pods whose steps would be longer than any runner's count strides, and their cadence is doubled.
    """
    per_count = STEPS_PER_STRIDE if _counts_strides(readings) else 1.0
    rows: list[tuple[float, ...]] = []
    for pod in readings:
        cadence_spm, speed_mps, distance_m = (
            np.nan if value is None else float(value)
            for value in (pod.cadence_spm, pod.speed_mps, pod.total_distance_m)
        )
        cadence_spm *= per_count
        row = (
            pod.t_s,
            cadence_spm,
            speed_mps,
            distance_m,
            _step_length_m(pod.stride_length_m, cadence_spm, speed_mps),
        )
        if rows and pod.t_s == rows[-1][0]:
            rows[-1] = row
        elif not rows or pod.t_s > rows[-1][0]:
            rows.append(row)
    names = ("t_s", "cadence_spm", "speed_mps", "distance_m", "step_length_m")
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(names)}


def run_facts(rows: dict[str, FloatArray]) -> dict[str, float | None]:
    """Return ``duration_s``, ``distance_m`` and median ``cadence_spm`` of a pod's rows; None where unknown.

    A pod counts distance from when it was switched on, and again from zero when it restarts: steps back are left out.
    """
    distance_m = rows["distance_m"][np.isfinite(rows["distance_m"])]
    cadence_spm = rows["cadence_spm"][rows["cadence_spm"] > 0]
    steps_m = np.diff(distance_m)
    return {
        "duration_s": float(rows["t_s"][-1]),
        "distance_m": float(steps_m[steps_m > 0].sum()) if distance_m.size > 1 else None,
        "cadence_spm": float(np.median(cadence_spm)) if cadence_spm.size else None,
    }


def _counts_strides(readings: Sequence[FootPodReading]) -> bool:
    steps_m = [
        60.0 * pod.speed_mps / pod.cadence_spm
        for pod in readings
        if pod.speed_mps is not None and pod.speed_mps > _RUNNING_MPS and pod.cadence_spm
    ]
    return len(steps_m) >= _FEW_READINGS and float(np.median(steps_m)) > _IMPOSSIBLE_STEP_M


def _step_length_m(told_m: float | None, cadence_spm: float, speed_mps: float) -> float:
    if told_m is None or not cadence_spm > 0 or not speed_mps > 0:
        return np.nan
    expected_m = speed_mps * 60.0 / cadence_spm
    for steps in (1.0, STEPS_PER_STRIDE):
        if abs(told_m / steps / expected_m - 1.0) <= _LENGTH_TOLERANCE:
            return told_m / steps
    return np.nan
