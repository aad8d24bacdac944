"""Lobes cut off at a sensor's range: where they are and how much turning or force they hide."""

from __future__ import annotations

import numpy as np

from tallrun.gait.foot_state import MAX_LOBES, MAX_PEAKS
from tallrun.gait.kernels import kernel
from tallrun.gait.vectors import dot, size_of


@kernel
def _weigh_lobe(samples, lo, hi, drop, params, lobes, j):
    """Fill lobe ``j`` for a run lo..hi along its direction; False if it is a natural peak.

    The hidden rate [rad/s] is the mean that the parabola through the slopes at both edges adds to the
    plateau. A natural peak is left and entered only as steeply as a parabola of its width that drops by
    ``drop`` from its top to the run's edges.
    """
    t_s, gyr, mask, along = samples.t_s, samples.gyr, samples.mask, lobes.along[j]
    rise = dot(along, gyr[lo & mask]) - dot(along, gyr[(lo - 2) & mask])
    rise /= max(t_s[lo & mask] - t_s[(lo - 2) & mask], 1e-4)
    fall = dot(along, gyr[hi & mask]) - dot(along, gyr[(hi + 2) & mask])
    fall /= max(t_s[(hi + 2) & mask] - t_s[hi & mask], 1e-4)
    step = (t_s[(hi + 1) & mask] - t_s[(lo - 1) & mask]) / (hi - lo + 2)
    width = t_s[hi & mask] - t_s[lo & mask] + step
    natural = 4.0 * drop / max(width, 1e-4)
    steep = 0.5 * (rise + fall)
    if drop > 0.0 and (min(rise, fall) < params.plateau_edge * natural or width > params.plateau_s):
        return False
    lobes.first[j], lobes.last[j] = lo, hi
    lobes.hidden[j] = max(steep - natural, 0.0) * width / 6.0
    return True


@kernel
def _set_axis(lobes, j, axis, sign):
    for c in range(3):
        lobes.along[j, c] = sign if c == axis else 0.0


@kernel
def find_clipped_lobes(samples, first, last, limits, params, lobes):
    """Find runs where the gyroscope sits at its range, the first ``MAX_LOBES``; return how many were filled in.

    With a known range (``limits[axis]`` finite) a run is what reaches ``clip_share`` of it on one axis.
    Otherwise it is a plateau of the rate along the turn's own direction, so that it is found in any mounting.
    """
    if not np.isfinite(limits[0]):
        return _find_plateaus(samples, first, last, params, lobes)
    gyr, mask, n = samples.gyr, samples.mask, 0
    for axis in range(3):
        floor = params.clip_share * limits[axis]
        i = first
        while i <= last and n < MAX_LOBES:
            if abs(gyr[i & mask, axis]) < floor:
                i += 1
                continue
            sign = 1.0 if gyr[i & mask, axis] > 0.0 else -1.0
            lo = i
            while i <= last and sign * gyr[i & mask, axis] >= floor:
                i += 1
            _set_axis(lobes, n, axis, sign)
            if lo - 2 >= first and i + 1 <= last and _weigh_lobe(samples, lo, i - 1, 0.0, params, lobes, n):
                n += 1
    return n


@kernel
def _find_plateaus(samples, first, last, params, lobes):
    """Find plateaus of fast turns, for a gyroscope of unknown range."""
    gyr, mask, n = samples.gyr, samples.mask, 0
    least2 = params.clip_least_radps**2
    i = first
    while i <= last and n < MAX_LOBES:
        along = lobes.along[n]
        along[0] = along[1] = along[2] = 0.0
        start = i
        while i <= last:
            p = i & mask
            if gyr[p, 0] ** 2 + gyr[p, 1] ** 2 + gyr[p, 2] ** 2 < least2:
                break
            for c in range(3):
                along[c] += gyr[p, c]
            i += 1
        if i == start:
            i += 1
            continue
        size = size_of(along)
        if size < 1e-9:
            continue
        for c in range(3):
            along[c] /= size
        for k in range(start, i):
            lobes.rate[k - start] = dot(along, gyr[k & mask])
        lo, hi, drop = _plateau_of(lobes, i - start, params)
        lo, hi = lo + start, hi + start
        if hi - lo + 1 >= params.plateau_samples and lo - 2 >= first and hi + 2 <= last:
            if _weigh_lobe(samples, lo, hi, drop, params, lobes, n):
                n += 1
    return n


@kernel
def _plateau_of(lobes, n, params):
    """Return first and last place of the plateau of a turn of n samples, and how much its peak is above its floor."""
    rate, high = lobes.rate, lobes.high
    peak = 0.0
    for k in range(n):
        peak = max(peak, rate[k])
    n_high = 0
    for k in range(n):
        if rate[k] >= params.plateau_top_share * peak:
            high[n_high] = rate[k]
            n_high += 1
    # the plateau's level: filters behind the clipping overshoot at its edges
    level = _median(high, n_high)
    floor = (1.0 - params.plateau_share) * level
    lo, hi = n, -1
    for k in range(n):
        if rate[k] >= floor:
            lo = min(lo, k)
            hi = k
    return lo, hi, peak - floor


@kernel
def _median(values, n):
    """Return the median of values[:n], n > 0, which are in order afterwards."""
    for k in range(1, n):
        value, at = values[k], k
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    return 0.5 * (values[(n - 1) // 2] + values[n // 2])


@kernel
def find_clipped_peaks(samples, first, last, limits, params, lobes, at_first):
    """Find runs where one axis of the accelerometer sits at its known range; filled in from lobe ``at_first`` on.

    Return how many, the longest ``MAX_PEAKS`` of them, and the time all of them take, axis by axis [s]. Hidden is the
    mean force [m/s2] over the run that a parabola through the slopes at both edges adds. Nothing is found without a
    range.
    """
    t_s, acc, mask = samples.t_s, samples.acc, samples.mask
    found, cut_s = 0, 0.0
    if not np.isfinite(limits[0]):
        return found, cut_s
    for axis in range(3):
        floor = params.clip_share * limits[axis]
        i = first
        while i <= last:
            if abs(acc[i & mask, axis]) < floor:
                i += 1
                continue
            sign = 1.0 if acc[i & mask, axis] > 0.0 else -1.0
            lo = i
            while i <= last and sign * acc[i & mask, axis] >= floor:
                i += 1
            hi = i - 1
            cut_s += t_s[min(hi + 1, last) & mask] - t_s[lo & mask]
            if lo - 1 < first or hi + 1 > last:
                continue
            at = at_first + found
            if found == MAX_PEAKS:
                at = _shortest(lobes, at_first, at_first + found)
                if lobes.last[at] - lobes.first[at] >= hi - lo:
                    continue
            else:
                found += 1
            rise = sign * (acc[lo & mask, axis] - acc[(lo - 1) & mask, axis])
            fall = sign * (acc[hi & mask, axis] - acc[(hi + 1) & mask, axis])
            _set_axis(lobes, at, axis, sign)
            lobes.first[at], lobes.last[at] = lo, hi
            # mean slope per sample over the run's length in samples, a sixth of it as for any parabola
            lobes.hidden[at] = 0.5 * (rise + fall) * (hi - lo + 1) / 6.0
    return found, cut_s


@kernel
def _shortest(lobes, first, stop):
    at = first
    for j in range(first + 1, stop):
        if lobes.last[j] - lobes.first[j] < lobes.last[at] - lobes.first[at]:
            at = j
    return at
