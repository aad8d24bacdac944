"""Lobes cut off at a sensor's range: where they are and how much turning or force they hide."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.gait.foot_params import FootParams
from tallrun.numerics.recording import FloatArray

MAX_LOBES = 4
MAX_PEAKS = 8
LOBE_WIDTH = 6  # direction (3), first and last sample, hidden mean rate [rad/s]


@njit(cache=True)
def _weigh_lobe(
    t_s: FloatArray,
    gyr: FloatArray,
    mask: int,
    lo: int,
    hi: int,
    first: int,
    last: int,
    drop: float,
    params: FootParams,
    lobe: FloatArray,
) -> bool:
    """Fill ``lobe`` (direction, first, last, hidden rate) for a run along its direction; False if natural.

    The hidden rate [rad/s] is the mean that the parabola through the slopes at both edges adds to the
    plateau. A natural peak is left and entered only as steeply as a parabola of its width that drops by
    ``drop`` from its top to the run's edges.
    """
    if lo - 2 < first or hi + 2 > last:
        return False
    rate = np.zeros(4)  # two before, first, last, two after, along the lobe's direction
    for c in range(3):
        rate[0] += lobe[c] * gyr[(lo - 2) & mask, c]
        rate[1] += lobe[c] * gyr[lo & mask, c]
        rate[2] += lobe[c] * gyr[hi & mask, c]
        rate[3] += lobe[c] * gyr[(hi + 2) & mask, c]
    rise = (rate[1] - rate[0]) / max(t_s[lo & mask] - t_s[(lo - 2) & mask], 1e-4)
    fall = (rate[2] - rate[3]) / max(t_s[(hi + 2) & mask] - t_s[hi & mask], 1e-4)
    step = (t_s[(hi + 1) & mask] - t_s[(lo - 1) & mask]) / (hi - lo + 2)
    width = t_s[hi & mask] - t_s[lo & mask] + step
    natural = 4.0 * drop / max(width, 1e-4)
    steep = 0.5 * (rise + fall)
    if drop > 0.0 and (min(rise, fall) < params.plateau_edge * natural or width > params.plateau_s):
        return False
    lobe[3], lobe[4] = lo, hi
    lobe[5] = max(steep - natural, 0.0) * width / 6.0
    return True


@njit(cache=True)
def find_clipped_lobes(
    t_s: FloatArray,
    gyr: FloatArray,
    mask: int,
    first: int,
    last: int,
    limits: FloatArray,
    params: FootParams,
    lobes: FloatArray,
) -> int:
    """Find runs where the gyroscope sits at its range; rows of ``lobes``: direction (3), first, last, hidden.

    With a known range (``limits[axis]`` finite) a run is what reaches ``clip_share`` of it on one axis.
    Otherwise it is a plateau of the rate along the turn's own direction, so that it is found in any mounting.
    """
    n = 0
    if np.isfinite(limits[0]):
        for axis in range(3):
            floor = params.clip_share * limits[axis]
            i = first
            while i <= last and n < lobes.shape[0]:
                if abs(gyr[i & mask, axis]) < floor:
                    i += 1
                    continue
                sign = 1.0 if gyr[i & mask, axis] > 0.0 else -1.0
                lo = i
                while i <= last and sign * gyr[i & mask, axis] >= floor:
                    i += 1
                lobes[n, :] = 0.0
                lobes[n, axis] = sign
                if _weigh_lobe(t_s, gyr, mask, lo, i - 1, first, last, 0.0, params, lobes[n]):
                    n += 1
        return n
    least2 = params.clip_least_radps**2
    i = first
    while i <= last and n < lobes.shape[0]:
        if gyr[i & mask, 0] ** 2 + gyr[i & mask, 1] ** 2 + gyr[i & mask, 2] ** 2 < least2:
            i += 1
            continue
        start = i
        lobe = lobes[n]
        lobe[:] = 0.0
        while i <= last:
            p = i & mask
            if gyr[p, 0] ** 2 + gyr[p, 1] ** 2 + gyr[p, 2] ** 2 < least2:
                break
            for c in range(3):
                lobe[c] += gyr[p, c]
            i += 1
        size = math.sqrt(lobe[0] ** 2 + lobe[1] ** 2 + lobe[2] ** 2)
        if size < 1e-9:
            continue
        for c in range(3):
            lobe[c] /= size
        along = np.empty(i - start)
        peak = 0.0
        for k in range(start, i):
            p = k & mask
            along[k - start] = lobe[0] * gyr[p, 0] + lobe[1] * gyr[p, 1] + lobe[2] * gyr[p, 2]
            peak = max(peak, along[k - start])
        # the plateau's level: filters behind the clipping overshoot at its edges
        level = np.median(along[along >= 0.8 * peak])
        floor = (1.0 - params.plateau_share) * level
        lo, hi = i, start - 1
        for k in range(start, i):
            if along[k - start] >= floor:
                lo = min(lo, k)
                hi = k
        drop = peak - floor
        if hi - lo + 1 >= 3 and _weigh_lobe(t_s, gyr, mask, lo, hi, first, last, drop, params, lobe):
            n += 1
    return n


@njit(cache=True)
def find_clipped_peaks(
    t_s: FloatArray,
    acc: FloatArray,
    mask: int,
    first: int,
    last: int,
    limits: FloatArray,
    params: FootParams,
    peaks: FloatArray,
) -> tuple[int, float]:
    """Find runs where one axis of the accelerometer sits at its known range; rows of ``peaks`` as for lobes.

    Return how many, the longest of them where there are more than ``peaks`` holds, and the time all of them take,
    axis by axis [s]. Hidden is the mean force [m/s2] over the run that a parabola through the slopes at both edges
    adds. Nothing is found without a range.
    """
    found = 0
    cut_s = 0.0
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
            at = found
            if found == peaks.shape[0]:
                at = 0
                for j in range(1, found):
                    if peaks[j, 4] - peaks[j, 3] < peaks[at, 4] - peaks[at, 3]:
                        at = j
                if peaks[at, 4] - peaks[at, 3] >= hi - lo:
                    continue
            else:
                found += 1
            rise = sign * (acc[lo & mask, axis] - acc[(lo - 1) & mask, axis])
            fall = sign * (acc[hi & mask, axis] - acc[(hi + 1) & mask, axis])
            peaks[at, :] = 0.0
            peaks[at, axis] = sign
            peaks[at, 3], peaks[at, 4] = lo, hi
            # mean slope per sample over the run's length in samples, a sixth of it as for any parabola
            peaks[at, 5] = 0.5 * (rise + fall) * (hi - lo + 1) / 6.0
    return found, cut_s
