"""What is the matter with a session, without analysing it: schema, unit, rate, gaps, clocks.

What a reader refuses is one problem that ends the matter; the rest are remarks on sessions that can be analysed.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from tallrun.cohort.work import without_paths
from tallrun.errors import TallrunError
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions import read_session

#: A step between samples longer than this many periods is a gap.
GAP_PERIODS = 2.5
LOST_SHARE = 0.01
LONG_GAP_S = 1.0
#: Rates that differ this much from what was declared shift every time within minutes.
RATE_SHARE = 0.005
APART_S = 2.0


def check_session(folder: Path) -> tuple[str, list[str]]:
    """Return ``ok``, ``remarks`` or ``refused`` and the problems in words; never raises for what is in the folder."""
    try:
        recording = read_session(folder)
    except TallrunError as error:
        return "refused", [without_paths(str(error), folder)]
    except Exception as error:
        return "refused", [without_paths(f"{type(error).__name__}: {error}", folder)]
    remarks = [remark for sensor in recording.sensors.values() for remark in sensor_remarks(sensor)]
    remarks += clock_remarks(recording)
    if not recording.sensors:
        remarks.append("no sensor is listed")
    return ("remarks" if remarks else "ok"), remarks


def sensor_remarks(sensor: SensorRecording) -> list[str]:
    """Return what is impaired about one sensor's samples: none, NaN, equal stamps, rate, losses."""
    name, t_s = sensor.spec.placement, sensor.t_s
    if t_s.size < 2:
        return [f"{name}: no samples" if not t_s.size else f"{name}: one sample only"]
    out = []
    broken = ~np.isfinite(sensor.acc_mps2).any(axis=1)
    if broken.any():
        out.append(f"{name}: {100.0 * broken.mean():.1f} % of samples hold no acceleration")
    missing = [
        axis for axis, column in zip("xyz", sensor.acc_mps2.T, strict=True) if not np.isfinite(column).any()
    ]
    if missing:
        out.append(f"{name}: axis {', '.join(missing)} was not recorded")
    if sensor.gyr_radps is None:
        out.append(f"{name}: no gyroscope, so no lengths and angles")
    steps_s = np.diff(t_s)
    equal = int(np.count_nonzero(steps_s == 0.0))
    if equal:
        out.append(f"{name}: {equal} samples carry the time of the one before")
    return out + _timing_remarks(name, t_s, steps_s, 1.0 / sensor.spec.rate_hz)


def _timing_remarks(name: str, t_s: np.ndarray, steps_s: np.ndarray, period_s: float) -> list[str]:
    out = []
    gaps_s = steps_s[steps_s > GAP_PERIODS * period_s]
    lost_s, span_s = float(np.sum(gaps_s - period_s)), float(t_s[-1] - t_s[0])
    if lost_s > LOST_SHARE * span_s or (gaps_s.size and float(gaps_s.max()) > LONG_GAP_S):
        out.append(
            f"{name}: {gaps_s.size} gaps, {100.0 * lost_s / span_s:.1f} % missing, "
            f"the longest {float(gaps_s.max()):.2f} s"
        )
    within = steps_s[steps_s <= GAP_PERIODS * period_s]
    if within.size > 100:
        share = period_s / float(np.mean(within)) - 1.0
        if abs(share) > RATE_SHARE:
            out.append(f"{name}: samples come {100.0 * share:+.1f} % off the declared {1.0 / period_s:g} Hz")
    return out


def clock_remarks(recording: Recording) -> list[str]:
    """Return where the sensors' times do not lie over each other: clocks not aligned, or one started late."""
    spans = {
        name: (float(item.t_s[0]), float(item.t_s[-1]))
        for name, item in recording.sensors.items()
        if item.t_s.size
    }
    out = []
    for (first, (start, end)), (second, (other_start, other_end)) in pairwise(spans.items()):
        if other_start > end or start > other_end:
            out.append(f"{first} and {second} share no time: their clocks are not aligned")
            continue
        for word, apart_s in (("start", other_start - start), ("end", other_end - end)):
            if abs(apart_s) > APART_S:
                out.append(f"{first} and {second} {word} {abs(apart_s):.1f} s apart")
    return out
