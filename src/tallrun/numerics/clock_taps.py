"""Sharp events that several sensors feel at once (tapped together, a jump): what is left of their clocks' offsets.

A lower-envelope fit cannot see a constant least delay; a common event can (sci:D3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2

_LEAST_PEAK_MPS2 = 2.0 * STANDARD_GRAVITY_MPS2
_REFRACTORY_S = 0.15
_LARGEST_OFFSET_S = 0.10


@dataclass(frozen=True)
class TapOffsets:
    """How far each sensor's taps lie from the common instants.

    offsets_s : by sensor; the mean over the sensors is 0.
    residual_s : largest spread between sensors over the matched taps once the offsets are removed.
    n_taps : how many taps every sensor felt.
    """

    offsets_s: dict[str, float]
    residual_s: float
    n_taps: int


def find_taps(t_s: FloatArray, acc_mps2: FloatArray) -> FloatArray:
    """Return the times of sharp peaks, float64 (k,): where the rise passes half of the peak's height.

    t_s (n,) seconds, acc_mps2 (n, 3); a peak is 2 g above the window's median and at least half as high as
    its highest. NaN samples are no peaks; empty input gives an empty result.
    """
    if t_s.size < 3:
        return np.empty(0)
    magnitude = np.nan_to_num(np.sqrt(np.nansum(acc_mps2**2, axis=1)))
    height = magnitude - np.median(magnitude)
    threshold = max(_LEAST_PEAK_MPS2, 0.5 * float(height.max()))
    taps: list[float] = []
    for start in np.flatnonzero((height[1:] >= threshold) & (height[:-1] < threshold)) + 1:
        if taps and t_s[start] - taps[-1] < _REFRACTORY_S:
            continue
        peak = height[start : start + 1 + int(np.searchsorted(t_s[start:], t_s[start] + 0.03))].max()
        before = start
        while before > 0 and height[before - 1] > 0.5 * peak:
            before -= 1
        low, high = height[before - 1], height[before]
        share = (0.5 * peak - low) / (high - low) if high > low else 1.0
        taps.append(float(t_s[before - 1] + min(max(share, 0.0), 1.0) * (t_s[before] - t_s[before - 1])))
    return np.array(taps)


def align_taps(taps_s: Mapping[str, FloatArray]) -> TapOffsets | None:
    """Return the offsets of sensors whose taps match within 100 ms; None unless two sensors share two taps."""
    sensors = [sensor for sensor, times in taps_s.items() if len(times) >= 2]
    if len(sensors) < 2:
        return None
    first = taps_s[sensors[0]]
    rows = []
    for tap in first:
        nearest = [float(taps_s[sensor][np.argmin(np.abs(taps_s[sensor] - tap))]) for sensor in sensors]
        if max(nearest) - min(nearest) <= _LARGEST_OFFSET_S:
            rows.append(nearest)
    if len(rows) < 2:
        return None
    matched = np.array(rows)
    deviations = matched - matched.mean(axis=1, keepdims=True)
    offsets = np.median(deviations, axis=0)
    offsets -= offsets.mean()
    left = deviations - offsets
    residual_s = float((left.max(axis=1) - left.min(axis=1)).max())
    return TapOffsets(dict(zip(sensors, (float(o) for o in offsets), strict=True)), residual_s, len(rows))
