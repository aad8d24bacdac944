"""Instants of one contact: initial contact on the impact's onset, foot-flat, final contact (`sci:A1`, `sci:A2`).

All functions read rings addressed by ``index & mask`` and return sample numbers (fractions where an
instant lies between samples).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tallrun.numerics.recording import FloatArray


@njit(cache=True)
def largest_at(values: FloatArray, mask: int, first: int, last: int) -> int:
    """Index of the largest value in [first, last]."""
    best = first
    for k in range(first, last + 1):
        if values[k & mask] > values[best & mask]:
            best = k
    return best


@njit(cache=True)
def smallest_at(values: FloatArray, mask: int, first: int, last: int) -> int:
    """Index of the smallest value in [first, last]."""
    best = first
    for k in range(first, last + 1):
        if values[k & mask] < values[best & mask]:
            best = k
    return best


@njit(cache=True)
def between_samples(values: FloatArray, mask: int, k: int, first: int, last: int) -> float:
    """Place of the extremum of the parabola through ``k`` and its neighbours, as a fractional index."""
    if k <= first or k >= last:
        return float(k)
    before, at, after = values[(k - 1) & mask], values[k & mask], values[(k + 1) & mask]
    bend = before - 2.0 * at + after
    if abs(bend) < 1e-12:
        return float(k)
    return k + min(max(0.5 * (before - after) / bend, -0.5), 0.5)


@njit(cache=True)
def index_at(t_s: FloatArray, mask: int, start: int, step: int, when_s: float, stop: int) -> int:
    """Walk from ``start`` by ``step`` (+1 or -1) while not past ``when_s`` nor ``stop``."""
    k = start
    while k != stop and (t_s[(k + step) & mask] - when_s) * step <= 0.0:
        k += step
    return k


@njit(cache=True)
def time_at(t_s: FloatArray, mask: int, place: float) -> float:
    """Time of a fractional index."""
    k = int(np.floor(place))
    part = place - k
    if part <= 0.0:
        return t_s[k & mask]
    return t_s[k & mask] + part * (t_s[(k + 1) & mask] - t_s[k & mask])


@njit(cache=True)
def impact_onset(snap: FloatArray, mask: int, first: int, last: int, rise: int, touch: int) -> float:
    """Onset of the landing impact in [first, last] as a fractional index; NaN where nothing struck.

    ``snap[k]`` is the size of the second difference of the force over samples k - 2 to k. The swing is smooth,
    so it is small there at any sampling rate, whatever force the leg brakes the foot with. The impact is the
    first time it passes 35 % of its greatest value in the window; its onset is where it rose through
    max(3 x its level in the swing, 10 % of that peak), at most ``rise`` samples before, put between samples.
    A forefoot touches the ground before its heel, which may strike many times harder: a sharpness well above the
    swing's at most ``touch`` samples earlier, calm behind it, is that first touch.
    """
    if last - first < 3:
        return np.nan
    sharpest = snap[largest_at(snap, mask, first + 1, last) & mask]
    hit = first + 1
    while snap[hit & mask] < 0.35 * sharpest:
        hit += 1
    calm = 0.0
    n_calm = max((hit - first) // 2, 1)
    for k in range(first + 1, first + 1 + n_calm):
        calm += snap[k & mask] / n_calm
    if sharpest < 3.0 * calm or sharpest <= 0.0:
        return np.nan
    early = hit
    for k in range(max(first + 1 + n_calm, hit - touch), hit - rise):
        if snap[k & mask] > max(6.0 * calm, 0.06 * sharpest):
            early = k
            break
    if early < hit:
        hit = early
        sharpest = snap[hit & mask]
        for k in range(hit, hit + rise):
            sharpest = max(sharpest, snap[k & mask])
    floor = min(max(3.0 * calm, 0.1 * sharpest), 0.34 * sharpest)
    earliest = max(first + 1, hit - rise)
    while hit > earliest and snap[(hit - 1) & mask] > floor:
        hit -= 1
    below, above = snap[(hit - 1) & mask], snap[hit & mask]
    part = 0.0
    if above > below and above > floor:
        part = min(max((floor - below) / (above - below), 0.0), 1.0)
    return hit - 1.0 + part


@njit(cache=True)
def quietest(
    t_s: FloatArray, cost: FloatArray, mask: int, first: int, last: int, half_s: float
) -> tuple[int, float]:
    """Sample in [first, last] round which the mean stillness cost within ``half_s`` is least, and that mean."""
    best = first
    least = np.inf
    lo = first
    hi = first - 1
    total = 0.0
    for k in range(first, last + 1):
        while hi < last and t_s[(hi + 1) & mask] - t_s[k & mask] <= half_s:
            hi += 1
            total += cost[hi & mask]
        while t_s[k & mask] - t_s[lo & mask] > half_s:
            total -= cost[lo & mask]
            lo += 1
        mean = total / (hi - lo + 1)
        if mean < least:
            least = mean
            best = k
    return best, least
