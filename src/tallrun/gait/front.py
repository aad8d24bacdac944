"""The front of all engines: what becomes of samples as they come, before any of them is looked at.

Samples are taken at even times, but stamped when somebody had a moment, and some never arrive. Every engine drops and
counts what is damaged or does not move time forward, and judges whether a sample is missing against a running fit of
the sensor's clock, never against the stamp before: a late stamp after an early one is no gap. Two fits, for two needs:

* ``even_stamp``, for an engine that integrates between samples: each keeps its own time, jitter smoothed out, and long
  gaps are told in seconds. The clock's phase outlives a gap.
* ``put_on_grid``, for engines that filter: stamps stay as they are, short gaps are bridged by a straight line, long
  ones begin anew. A sample put in where none is missing would turn the attitude on by what was never turned.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.kernels import inlined, kernel, new_record
from tallrun.numerics.recording import FloatArray

#: A stamp this many sample periods later than the grid's clock expects it is a gap ...
GAP_PERIODS = 0.85
#: ... if it also is this many times as late as stamps usually are off.
GAP_SIGMAS = 4.0
#: Gains of the grid's clock: phase, period (a well damped pair), and square of the usual error.
PHASE_GAIN = 0.05
PERIOD_GAIN = 0.25 * PHASE_GAIN * PHASE_GAIN
ERROR_GAIN = 0.02
#: The true rate is within this factor of the stated one.
PERIOD_REACH = 1.2
#: Longest gap that is bridged by a straight line.
BRIDGE_S = 0.2
#: Flags of a grid sample.
MEASURED, BRIDGED, AFTER_BREAK = 0.0, 1.0, 2.0


@inlined
def is_next(t, acc, gyr, front):
    """Whether a sample is finite and later than the last one; the ledger ``front`` counts those that are not."""
    good = np.isfinite(t)
    for c in range(3):
        good = good and np.isfinite(acc[c]) and np.isfinite(gyr[c])
    if not good:
        front.n_bad += 1
        return False
    if front.n > 0 and t <= front.last_s:
        front.n_duplicates += 1
        return False
    return True


@inlined
def count_clipped(acc, gyr, sensor, front, params):
    """Count readings at a known range, axis by axis."""
    for c in range(3):
        if abs(acc[c]) >= params.clip_share * sensor.acc_limits[c]:
            front.n_acc_clipped += 1
        if abs(gyr[c]) >= params.clip_share * sensor.gyr_limits[c]:
            front.n_gyr_clipped += 1


@inlined
def even_stamp(t, last, front, params):
    """Time of a sample with the stamp's jitter smoothed out, and the time missing before it.

    last : smoothed time of the sample before. A second-order loop follows the sensor's own period. A late stamp is lost
    samples rather than jitter where that is likelier, given the jitter seen so far: with spread s and period p, m
    samples lost (one in a hundred is) beat none where it is late by more than m p / 2 + s^2 ln(100) / (m p). The
    clock's phase is kept across a short gap, for the first stamp after it jitters like any other.
    """
    period = front.period_s
    error = t - (last + period)
    lost = 0.0
    if error >= 0.5 * period:
        lost = math.floor(error / period + 0.5)
        if error <= 0.5 * lost * period + params.loss_odds * front.jitter_s2 / (lost * period):
            lost = 0.0
    if lost > params.phase_samples:
        return t, lost * period
    error -= lost * period
    limit = params.reset_periods * period
    if error < -limit:
        return max(t, last + params.least_step * period), 0.0
    front.jitter_s2 += params.jitter_gain * (min(error * error, limit * limit) - front.jitter_s2)
    nominal = 1.0 / params.rate_hz
    if lost == 0.0:
        least, most = (1.0 - params.period_reach) * nominal, (1.0 + params.period_reach) * nominal
        front.period_s = min(max(period + params.period_gain * error, least), most)
    return last + (1.0 + lost) * period + params.stamp_gain * error, lost * period


# The even grid --------------------------------------------------------------------------------------------------------


class EvenGrid(NamedTuple):
    """Samples on the grid: t_s, flag (n,), acc [m/s2], gyr [rad/s] (n, 3), zero where an axis or sensor is missing."""

    t_s: FloatArray
    flag: FloatArray
    acc: FloatArray
    gyr: FloatArray


class GridState(NamedTuple):
    """last : the newest sample, a grid of one. has_axis (3,) : axes seen. known : the clock, and what was counted."""

    last: EvenGrid
    has_axis: NDArray[np.bool_]
    known: np.recarray


def new_grid(n: int) -> EvenGrid:
    """Return room for n samples."""
    return EvenGrid(np.zeros(n), np.zeros(n), np.zeros((n, 3)), np.zeros((n, 3)))


def new_grid_state() -> GridState:
    """Return the state before the first sample."""
    known = new_record(
        floats="clock_s period_s error_s2 n_fitted", ints="n_seen n_duplicates n_damaged n_bridged n_breaks"
    )
    return GridState(new_grid(1), np.zeros(3, np.bool_), known)


def most_rows(n_samples: int, rate_hz: float) -> int:
    """Return how many grid rows n samples can become."""
    return n_samples * (int(BRIDGE_S * rate_hz) + 2)


@inlined
def _missing_before(time, rate_hz, clock):
    """Return how many samples never came between the last one and the one stamped ``time``; move the clock on."""
    fitted = clock.n_fitted
    if fitted == 0.0:
        clock.clock_s, clock.period_s, clock.n_fitted = time, 1.0 / rate_hz, 1.0
        return 0
    period = clock.period_s
    late = time - clock.clock_s - period
    n_missing = 0
    if late > max(GAP_PERIODS * period, GAP_SIGMAS * np.sqrt(clock.error_s2)):
        n_missing = min(max(1, round(late / period)), int(BRIDGE_S * rate_hz))
        late -= n_missing * period
    clock.clock_s += (1 + n_missing) * period + max(PHASE_GAIN, 1.0 / (1.0 + fitted)) * late
    if n_missing == 0:
        period += PERIOD_GAIN * late
        clock.period_s = min(max(period, 1.0 / (PERIOD_REACH * rate_hz)), PERIOD_REACH / rate_hz)
        clock.error_s2 += max(ERROR_GAIN, 1.0 / fitted) * (late * late - clock.error_s2)
        clock.n_fitted += 1.0
    return n_missing


@inlined
def _is_damaged(time, acc, gyr, has_gyroscope, has_axis):
    """Whether a number is missing that was there before; an axis that never delivers is another matter."""
    is_damaged = not np.isfinite(time)
    any_axis = False
    for j in range(3):
        if np.isfinite(acc[j]):
            any_axis = True
        elif has_axis[j]:
            is_damaged = True
        if has_gyroscope and not np.isfinite(gyr[j]):
            is_damaged = True
    return is_damaged or not any_axis


@kernel
def _bridge(last, out, first, stop):
    """Fill the grid rows first..stop by straight lines from ``last`` to row ``stop``."""
    n_missing = stop - first
    for k in range(n_missing):
        share, row = (k + 1.0) / (n_missing + 1.0), first + k
        out.t_s[row] = last.t_s[0] + share * (out.t_s[stop] - last.t_s[0])
        out.flag[row] = BRIDGED
        for j in range(3):
            out.acc[row, j] = last.acc[0, j] + share * (out.acc[stop, j] - last.acc[0, j])
            out.gyr[row, j] = last.gyr[0, j] + share * (out.gyr[stop, j] - last.gyr[0, j])


@kernel
def forget_marks(marks, known, kept):
    """Where ``marks`` are full, keep the last few; ``known`` counts them (n_marks) and those handed out (next)."""
    drop = known.n_marks - kept
    if known.n_marks < marks.shape[0] - 1:
        return
    for k in range(kept):
        marks[k] = marks[k + drop]
    known.n_marks -= drop
    known.next -= drop


@kernel
def put_on_grid(t_s, acc_mps2, gyr_radps, has_gyroscope, rate_hz, state, out):
    """Write grid rows into ``out``; return their number. ``state`` moves on, so any split gives the same rows."""
    last, known, n = state.last, state.known[0], 0
    for i in range(t_s.shape[0]):
        time, turn = t_s[i], gyr_radps[i if has_gyroscope else 0]
        if _is_damaged(time, acc_mps2[i], turn, has_gyroscope, state.has_axis):
            known.n_damaged += 1
            continue
        if known.n_seen > 0 and time <= last.t_s[0]:
            known.n_duplicates += 1
            continue
        n_missing, flag = 0, MEASURED
        if known.n_seen > 0 and time - last.t_s[0] > BRIDGE_S:
            flag = AFTER_BREAK
            known.n_breaks += 1
            known.clock_s = time
        else:
            n_missing = _missing_before(time, rate_hz, known)
        row = n + n_missing
        out.t_s[row], out.flag[row] = time, flag
        for j in range(3):
            value = acc_mps2[i, j]
            if np.isfinite(value):
                state.has_axis[j] = True
            else:
                value = 0.0
            out.acc[row, j] = value
            out.gyr[row, j] = turn[j] if has_gyroscope else 0.0
        _bridge(last, out, n, row)
        known.n_bridged += n_missing
        known.n_seen += 1
        last.t_s[0] = time
        for j in range(3):
            last.acc[0, j], last.gyr[0, j] = out.acc[row, j], out.gyr[row, j]
        n = row + 1
    return n
