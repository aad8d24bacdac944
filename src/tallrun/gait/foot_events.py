"""Instants of one contact: initial contact on the impact's onset, foot-flat, final contact (`sci:A1`, `sci:A2`).

All functions read rings addressed by ``index & mask`` and return sample numbers (fractions where an
instant lies between samples).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def largest_at(values, mask, first, last):
    """Index of the largest value in [first, last]."""
    best = first
    for k in range(first, last + 1):
        if values[k & mask] > values[best & mask]:
            best = k
    return best


@njit(cache=True)
def smallest_at(values, mask, first, last):
    """Index of the smallest value in [first, last]."""
    best = first
    for k in range(first, last + 1):
        if values[k & mask] < values[best & mask]:
            best = k
    return best


@njit(cache=True)
def between_samples(values, mask, k, first, last):
    """Place of the extremum of the parabola through ``k`` and its neighbours, as a fractional index."""
    if k <= first or k >= last:
        return float(k)
    before, at, after = values[(k - 1) & mask], values[k & mask], values[(k + 1) & mask]
    bend = before - 2.0 * at + after
    if abs(bend) < 1e-12:
        return float(k)
    return k + min(max(0.5 * (before - after) / bend, -0.5), 0.5)


@njit(cache=True)
def index_at(t_s, mask, start, step, when_s, stop):
    """Walk from ``start`` by ``step`` (+1 or -1) while not past ``when_s`` nor ``stop``."""
    k = start
    while k != stop and (t_s[(k + step) & mask] - when_s) * step <= 0.0:
        k += step
    return k


@njit(cache=True)
def time_at(t_s, mask, place):
    """Time of a fractional index."""
    k = int(np.floor(place))
    part = place - k
    if part <= 0.0:
        return t_s[k & mask]
    return t_s[k & mask] + part * (t_s[(k + 1) & mask] - t_s[k & mask])


@njit(cache=True)
def impact_onset(jerk, mask, first, last):
    """Onset of the landing impact in [first, last] and the impact's sharpness; onset is NaN without one.

    The impact is the first time the jerk passes 35 % of its greatest value in the window. From there back to
    where it drops under max(3 x the quiet level before, 10 % of the peak), with the crossing put between
    samples. ``jerk[k]`` is the change from sample k - 1 to k, so the onset belongs to k - 1.
    """
    if last - first < 2:
        return np.nan, 0.0
    top = largest_at(jerk, mask, first + 1, last)
    peak = jerk[top & mask]
    quiet = 0.0
    n_quiet = max((top - first) // 3, 1)
    for k in range(first + 1, first + 1 + n_quiet):
        quiet += jerk[k & mask] / n_quiet
    if peak < 3.0 * quiet or peak <= 0.0:
        return np.nan, 0.0
    hit = first + 1
    while jerk[hit & mask] < 0.35 * peak:
        hit += 1
    floor = max(3.0 * quiet, 0.1 * peak)
    while hit > first + 1 and jerk[(hit - 1) & mask] > floor:
        hit -= 1
    below, above = jerk[(hit - 1) & mask], jerk[hit & mask]
    part = 0.0
    if above > below and above > floor:
        part = min(max((floor - below) / (above - below), 0.0), 1.0)
    return hit - 1.0 + part - 0.5, peak / max(quiet, 1e-9)


@njit(cache=True)
def quietest(t_s, cost, mask, first, last, half_s):
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
