"""Contact time from the vertical acceleration of the sacrum alone.

Two physical readings of one step are combined, because their errors have different causes:

* *impulse balance*: over a step the ground carries body weight times step time. With the shape of the
  running force known (mean over contact / peak), the peak tells the contact time. Soft mounting falsifies it.
* *loaded width*: the time the sacrum is loaded by more than 0.8 of body weight, where the force is steep, and the
  contact a half sine of that width must have to carry body weight over the step. It needs no gain and no peak.
  Movement of the pelvis against the centre of mass falsifies it.

Published error of the second kind of method: RMSE 20 ms; of the peak from a sacral sensor: 6 % (`sci:A1`
[10]). The 2 : 1 weights follow from these two figures. Shape and gain were set with the two sacral trials in hand
in view (docs/pelvis-engine.md), so those trials are no held-out check.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.errors import SignalError
from tallrun.numerics.recording import FloatArray

GRAVITY_MPS2 = 9.80665

#: Mean over peak of the vertical ground reaction force during running contact (a half sine has 0.637;
#: the slow first rise and last fall beyond the 5 % body weight mark lower it).
FORCE_SHAPE = 0.61
#: The sacrum moves more than the centre of mass, so its peak is higher than the force says.
SACRAL_GAIN = 1.05
#: Smoothing: standard deviation of the Gaussian, 6 Hz at -3 dB, for the peak and 20 Hz for the width.
PEAK_SIGMA_S = math.sqrt(math.log(2.0)) / (2.0 * math.pi * 6.0)
WIDTH_SIGMA_S = math.sqrt(math.log(2.0)) / (2.0 * math.pi * 20.0)
#: Loaded means more than this share of body weight: below it the sacrum still wobbles, near 1 g and above the
#: width says little about where contact begins. From 0.7 to 0.85 the answer moves by 5 ms.
LOADED_G = 0.8
IMPULSE_WEIGHT = 2.0 / 3.0


@njit(cache=True)
def smooth(values, n, sigma_samples, out):
    """Gaussian smoothing of values[:n] into out[:n], zero phase (edges: only what is there)."""
    if sigma_samples <= 0.1:
        for i in range(n):
            out[i] = values[i]
        return
    reach = int(3.0 * sigma_samples) + 1
    weights = np.empty(2 * reach + 1)
    whole = 0.0
    for k in range(-reach, reach + 1):
        x = k / sigma_samples
        weights[k + reach] = math.exp(-0.5 * x * x)
        whole += weights[k + reach]
    inner = max(0, n - 2 * reach)
    for i in range(reach, reach + inner):
        out[i] = 0.0
    for k in range(
        2 * reach + 1
    ):  # weight by weight over all samples: the compiler then takes several at once
        w = weights[k]
        for i in range(inner):
            out[reach + i] += w * values[i + k]
    for i in range(reach, reach + inner):
        out[i] /= whole
    for i in range(n):
        if reach <= i < reach + inner:
            continue
        total, weight = 0.0, 0.0
        for j in range(max(0, i - reach), min(n, i + reach + 1)):
            w = weights[j - i + reach]
            total += w * values[j]
            weight += w
        out[i] = total / weight


@njit(cache=True)
def _half_sine_of_width(width_s, step_s):
    """Contact time of the half sine that is above LOADED_G for width_s and carries body weight over step_s."""
    contact_s = width_s
    for _ in range(16):  # each turn leaves less than half of the error
        share_of_peak = min(LOADED_G * 2.0 * contact_s / (math.pi * step_s), 0.9)
        contact_s = width_s / (1.0 - 2.0 / math.pi * math.asin(share_of_peak))
    return contact_s


@njit(cache=True)
def contact_of_step(force_g, n, mark, step_samples, rate_hz, scratch, out):
    """Contact of one step: out[0] begin, out[1] end (samples), out[2] impulse, out[3] width time [s].

    force_g : float64 (>= n,), vertical specific force in g. mark : sample of the rise through 1 g.
    step_samples : time to the next rise, in samples. Returns False when the step cannot be read.
    """
    for i in range(n):
        scratch[0, i] = max(force_g[i], 0.0)  # the ground cannot pull
    smooth(scratch[0], n, PEAK_SIGMA_S * rate_hz, scratch[1])
    first = max(0, int(mark))
    last = min(n - 1, int(mark + 0.75 * step_samples))
    peak, at = 0.0, first
    for i in range(first, last + 1):
        if scratch[1, i] > peak:
            peak, at = scratch[1, i], i
    if peak < 1.2:
        return False
    step_s = step_samples / rate_hz
    contact_s = step_s / (FORCE_SHAPE * peak) * SACRAL_GAIN
    for _ in range(6):  # smoothing lowers the peak of a half sine by a known share
        x = math.pi * PEAK_SIGMA_S / contact_s
        contact_s = step_s * SACRAL_GAIN * math.exp(-0.5 * x * x) / (FORCE_SHAPE * peak)
    out[2] = contact_s

    smooth(scratch[0], n, WIDTH_SIGMA_S * rate_hz, scratch[1])
    lowest = max(1, int(mark - 0.5 * step_samples))
    begin = at
    while begin > lowest and scratch[1, begin - 1] > LOADED_G:
        begin -= 1
    highest = min(n - 1, int(mark + 1.0 * step_samples))
    end = at
    while end < highest and scratch[1, end] > LOADED_G:
        end += 1
    if begin == lowest or end == highest:
        return False
    low, high = scratch[1, begin - 1], scratch[1, begin]
    start = begin - 1 + (LOADED_G - low) / (high - low)
    high, low = scratch[1, end - 1], scratch[1, end]
    stop = end - 1 + (high - LOADED_G) / (high - low)
    out[3] = _half_sine_of_width((stop - start) / rate_hz, step_s)
    combined = IMPULSE_WEIGHT * out[2] + (1.0 - IMPULSE_WEIGHT) * out[3]
    centre, half = 0.5 * (start + stop), 0.5 * combined * rate_hz
    out[0], out[1] = centre - half, centre + half
    return True


def contact_times(
    force_g: FloatArray, marks: FloatArray, rate_hz: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Contact begin and time for each step of an evenly sampled record.

    Parameters
    ----------
    force_g : float64 (n,), vertical specific force [g], finite.
    marks : float64 (m,), samples at which it rises through 1 g, one per step, increasing.
    rate_hz : sampling rate.

    Returns
    -------
    begin_sample, contact_time_s, impulse_time_s, width_time_s : float64 (max(m - 1, 0),); NaN where a step
        cannot be read. The last mark only closes the step before it.

    Raises
    ------
    SignalError
        When force_g is not one-dimensional and finite.
    """
    if force_g.ndim != 1 or not np.isfinite(force_g).all():
        raise SignalError(
            f"contact_times needs a finite one-dimensional force in g, got shape {force_g.shape}; "
            "drop or fill missing samples first"
        )
    force = np.require(force_g, np.float64, ["C", "W"])
    scratch = np.empty((2, len(force)))
    result = np.full((4, max(len(marks) - 1, 0)), np.nan)
    found = np.empty(4)
    for k in range(result.shape[1]):
        length = float(marks[k + 1] - marks[k])
        if contact_of_step(force, len(force), float(marks[k]), length, float(rate_hz), scratch, found):
            result[:, k] = found[0], (found[1] - found[0]) / rate_hz, found[2], found[3]
    return result[0], result[1], result[2], result[3]
