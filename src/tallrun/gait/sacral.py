"""Contact time from the acceleration of the sacrum alone.

Over a step the ground carries body weight times step time, and between two contacts it carries nothing. Four
readings of one step follow, and their errors have different causes:

* *swing of the load*: the first harmonic of a force that is a half sine over contact, zero in flight and body weight
  on average is a known function of contact over step time. As a mean over the step neither tremor of soft tissue nor
  a filter moves it; a pelvis that swings more or less than the body's centre does.
* *peak of the load*: body weight times step time is shape times peak times contact time. Soft mounting falsifies it.
* *flanks of the load*: where its main rise and its main fall, drawn on as lines, meet zero. They need no gain. A
  pelvis that leads or lags the centre falsifies them.
* *what runners do*: contact lasts about 0.72 of a step.

They are weighted by the inverse squares of their errors; each of the first three counts the less the farther it lies
from the middle one. A width at a low level is not used: around toe-off the pelvis rebounds,
up to 0.9 g after the foot has gone. Which shape a force has was read from force plates only, never from the sacral
signals beside them (docs/pelvis-engine.md). Published error of such methods: RMSE 20 ms (`sci:A1` [10]).
"""

from __future__ import annotations

import math

import numpy as np

from tallrun.errors import SignalError
from tallrun.gait.entry import Entry
from tallrun.gait.kernels import Scratch, kernel
from tallrun.numerics.recording import FloatArray

#: Contact to the 5 % body weight mark over that of the half sine with the same first harmonic: real forces end in a
#: tail (force plates of five trials, 2.5 to 4.2 m/s, level to 10 degrees uphill: 1.034, SD 0.019).
FORCE_TAIL = 1.034
#: Mean over peak of the force in contact (the same plates: 0.622, SD 0.012; a half sine has 0.637).
FORCE_SHAPE = 0.622
#: The sacrum moves more than the centre of mass, so its peak is higher than the force says (1.00 to 1.08).
SACRAL_GAIN = 1.07
#: Levels on the two flanks through which the lines go, in shares of the peak. At these heights tail and overshoot of
#: the line cancel (the same force plates: 1.005, SD 0.019); a rebound at toe-off lies below.
RISE_LEVELS = (0.25, 0.5)
FALL_LEVELS = (0.8, 0.55)
#: Contact over step time of runners at 2 to 6 m/s, and its spread.
USUAL_SHARE, USUAL_SIGMA = 0.72, 0.14
#: Standard errors of swing, peak and flanks, in step times.
READING_SIGMA = (0.065, 0.06, 0.055)
#: Smoothing: standard deviations of Gaussians with -3 dB at 20, 10 and 6 Hz. The first is what the reference trials
#: went through; the flanks are read at the second, the peak they refer to at the third.
LOAD_SIGMA_S = math.sqrt(math.log(2.0)) / (2.0 * math.pi * 20.0)
FLANK_SIGMA_S = 2.0 * LOAD_SIGMA_S
PEAK_SIGMA_S = math.sqrt(math.log(2.0)) / (2.0 * math.pi * 6.0)
#: A peak below this is no running step.
LEAST_PEAK_G = 1.2
#: Places in what ``contact_of_step`` writes.
S_BEGIN, S_CONTACT, S_SIGMA, S_SWING, S_PEAK, S_FLANK = range(6)
S_WIDTH = 6


#: Room for the weights of a smoothing; at its widest, over 130 ms, they fill it at 15 kHz.
_weights = Scratch(1, 2048)


@kernel
def smooth(values, n, sigma_samples, out):
    """Gaussian smoothing of values[:n] into out[:n], zero phase (edges: only what is there)."""
    if sigma_samples <= 0.1:
        for i in range(n):
            out[i] = values[i]
        return
    reach = min(int(3.0 * sigma_samples) + 1, 1023)
    weights = _weights(2 * reach + 1)
    whole = 0.0
    for k in range(reach + 1):
        x = k / sigma_samples
        weights[reach - k] = weights[reach + k] = math.exp(-0.5 * x * x)
    for k in range(2 * reach + 1):
        whole += weights[k]
    inner = n - 2 * reach if n - 2 * reach >= 4 else 0
    for block in range(0, inner, 4):  # four at a time, whose sums stay in registers
        first = min(block, inner - 4)
        a = b = c = d = 0.0
        for k in range(2 * reach + 1):
            w = weights[k]
            a += w * values[first + k]
            b += w * values[first + k + 1]
            c += w * values[first + k + 2]
            d += w * values[first + k + 3]
        out[reach + first], out[reach + first + 1] = a / whole, b / whole
        out[reach + first + 2], out[reach + first + 3] = c / whole, d / whole
    for i in range(n):
        if reach <= i < reach + inner:
            continue
        total, weight = 0.0, 0.0
        for j in range(max(0, i - reach), min(n, i + reach + 1)):
            w = weights[j - i + reach]
            total += w * values[j]
            weight += w
        out[i] = total / weight


@kernel
def _half_sine_swing(share):
    """First harmonic over mean of a half sine that lasts ``share`` of the period and is zero for the rest."""
    if abs(share - 0.5) < 1e-6:
        return 0.5 * math.pi
    return 2.0 * math.cos(math.pi * share) / (1.0 - 4.0 * share * share)


@kernel
def _share_of_swing(swing):
    """Share of the period that a half sine of this swing lasts, from 0.2 to 1.05 (it falls with the share)."""
    low, high = 0.2, 1.05
    for _ in range(30):
        middle = 0.5 * (low + high)
        if _half_sine_swing(middle) > swing:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def _first_harmonic(values, first, last, cycles):
    """Amplitude of the part of values[first:last] that swings ``cycles`` times in it."""
    n = last - first
    turn_c, turn_s = math.cos(2.0 * math.pi * cycles / n), math.sin(2.0 * math.pi * cycles / n)
    real, imag, c, s = 0.0, 0.0, 1.0, 0.0
    for i in range(first, last):
        real += values[i] * c
        imag += values[i] * s
        c, s = c * turn_c - s * turn_s, s * turn_c + c * turn_s
    return 2.0 * math.sqrt(real * real + imag * imag) / n


@kernel
def _foot_of_flank(values, peak_at, way, edge, near_level, far_level):
    """Where the flank of values left (way -1) or right (+1) of its peak, drawn on as a line, meets zero; NaN: not seen.

    The line goes through the first passage of the lower level ``far_level`` and, back towards the peak, the nearest
    one of ``near_level``.
    """
    i = peak_at
    if values[i] <= far_level:
        return np.nan
    while values[i] > far_level:
        i += way
        if i == edge:
            return np.nan
    far = i - way * (far_level - values[i]) / (values[i - way] - values[i])
    while values[i] < near_level:
        i -= way
        if i == peak_at:
            break
    if values[i] < near_level:
        return np.nan
    near = i + way * (values[i] - near_level) / (values[i] - values[i + way])
    return far + (far - near) * far_level / (near_level - far_level)


@kernel
def _weigh(out, step_s):
    """Combine the readings in ``out`` with what runners do; write contact time and sigma there."""
    swing, peak, flank = out[S_SWING], out[S_PEAK], out[S_FLANK]
    if np.isnan(flank):
        middle = 0.5 * (swing + peak)
    else:
        middle = max(min(swing, peak), min(max(swing, peak), flank))
    weights = 1.0 / USUAL_SIGMA**2
    total = weights * USUAL_SHARE * step_s
    for k in range(3):
        reading = out[S_SWING + k]
        if not np.isnan(reading):
            apart = (reading - middle) / step_s
            weight = 1.0 / (READING_SIGMA[k] ** 2 + apart * apart)
            weights += weight
            total += weight * reading
    out[S_CONTACT] = total / weights
    out[S_SIGMA] = step_s / math.sqrt(weights)


@kernel
def contact_of_step(load_g, n, first, mark, step_samples, rate_hz, lines, out):
    """Contact of one step into ``out``: begin [samples], contact time, its sigma, and the three readings [s].

    load_g : float64 (>= n,), specific force along the load in g. mark : sample of the rise through 1 g.
    first : whole sample at which the stride (or, for the first step, the step) that ends with this step begins.
    step_samples : time to the next rise, in samples. lines : float64 (2, >= n), scratch.
    Returns False when the step cannot be read. Flanks that cannot be are NaN.
    """
    load, smoothed = lines[0], lines[1]
    smooth(load_g, n, LOAD_SIGMA_S * rate_hz, load)
    for i in range(n):
        load[i] = max(load[i], 0.0)  # the ground cannot pull
    smooth(load, n, PEAK_SIGMA_S * rate_hz, smoothed)
    lowest = max(1, int(mark - 0.1 * step_samples))
    highest = min(n - 2, int(mark + 0.75 * step_samples))
    peak, at = 0.0, lowest
    for i in range(lowest, highest + 1):
        if smoothed[i] > peak:
            peak, at = smoothed[i], i
    if peak < LEAST_PEAK_G:
        return False
    step_s = step_samples / rate_hz

    last = min(n, max(int(mark + step_samples), first + 2))
    cycles = max(1.0, np.round((last - first) / step_samples))
    lost = 2.0 * math.pi * LOAD_SIGMA_S / step_s
    swing = _first_harmonic(load, first, last, cycles) * math.exp(0.5 * lost * lost)
    out[S_SWING] = FORCE_TAIL * _share_of_swing(swing) * step_s
    whole_s = step_s * SACRAL_GAIN / (FORCE_SHAPE * peak)
    out[S_PEAK] = whole_s
    for _ in range(6):  # smoothing lowers the peak of a half sine by a known share
        x = math.pi * PEAK_SIGMA_S / out[S_PEAK]
        out[S_PEAK] = whole_s * max(math.exp(-0.5 * x * x), 0.5)

    smooth(load, n, FLANK_SIGMA_S * rate_hz, smoothed)
    left = max(0, int(mark - 0.5 * step_samples))
    right = min(n - 1, int(mark + step_samples))
    begin = _foot_of_flank(smoothed, at, -1, left, RISE_LEVELS[1] * peak, RISE_LEVELS[0] * peak)
    end = _foot_of_flank(smoothed, at, 1, right, FALL_LEVELS[0] * peak, FALL_LEVELS[1] * peak)
    out[S_FLANK] = (end - begin) / rate_hz
    if not 0.0 < out[S_FLANK] < step_s:
        out[S_FLANK] = np.nan
    _weigh(out, step_s)
    out[S_BEGIN] = begin if not np.isnan(begin) else at - 0.5 * out[S_CONTACT] * rate_hz
    return True


_CONTACT = Entry(contact_of_step, bool)


def contact_times(load_g: FloatArray, marks: FloatArray, rate_hz: float) -> FloatArray:
    """Contact begin and time for each step of an evenly sampled record.

    Parameters
    ----------
    load_g : float64 (n,), specific force along the load [g], finite.
    marks : float64 (m,), samples at which it rises through 1 g, one per step, increasing.
    rate_hz : sampling rate.

    Returns
    -------
    float64 (6, max(m - 1, 0)): rows begin_sample, contact_time_s, contact_sigma_s, and the readings of swing, peak
        and flanks [s]; NaN where a step cannot be read. The last mark only closes the step before it.

    Raises
    ------
    SignalError
        When load_g is not one-dimensional and finite.
    """
    if load_g.ndim != 1 or not np.isfinite(load_g).all():
        raise SignalError(
            f"contact_times needs a finite one-dimensional load in g, got shape {load_g.shape}; "
            "drop or fill missing samples first"
        )
    load = np.require(load_g, np.float64, ["C", "W"])
    lines = np.empty((2, len(load)))
    result = np.full((S_WIDTH, max(len(marks) - 1, 0)), np.nan)
    found = np.empty(S_WIDTH)
    for k in range(result.shape[1]):
        mark, length = float(marks[k]), float(marks[k + 1] - marks[k])
        first = int(marks[k - 1]) if k else int(mark)
        if _CONTACT(load, len(load), first, mark, length, float(rate_hz), lines, found):
            result[:, k] = found
    return result
