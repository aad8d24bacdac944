"""Samples as they come -> an even grid: duplicates and damaged samples out, short gaps bridged, long ones told.

Samples are taken at even times, but stamped when somebody had a moment. Whether one is missing is therefore judged
against the running fit of the sample clock (its phase and period), not against the stamp before: a late stamp after
an early one is no gap, and a sample put in between would turn the attitude on by what was never turned.
"""

from __future__ import annotations

import numpy as np
from numba import njit

#: A stamp this many sample periods later than the clock expects it is a gap ...
GAP_PERIODS = 0.85
#: ... if it also is this many times as late as stamps usually are off.
GAP_SIGMAS = 4.0
#: Gains of the fit of the clock: phase, period (a well damped pair), and square of the usual error.
PHASE_GAIN = 0.05
PERIOD_GAIN = 0.25 * PHASE_GAIN * PHASE_GAIN
ERROR_GAIN = 0.02
#: The true rate is within this factor of the stated one.
PERIOD_REACH = 1.2
#: Longest gap that is bridged by a straight line.
BRIDGE_S = 0.2
#: Flags of a grid sample.
MEASURED, BRIDGED, AFTER_BREAK = 0.0, 1.0, 2.0

#: Columns of a grid row.
C_TIME, C_FLAG, C_ACC, C_GYR = 0, 1, 2, 5
GRID_WIDTH = 8

#: Places in the state: last row, samples seen, duplicates, damaged, bridged, breaks, axis seen (3), the clock's time
#: of the last sample, its period, mean square error of stamps, stamps fitted.
S_LAST, S_SEEN, S_DUPLICATE, S_DAMAGED, S_BRIDGED, S_BREAKS, S_AXIS = 0, 8, 9, 10, 11, 12, 13
S_CLOCK, S_PERIOD, S_ERROR, S_FITTED = 16, 17, 18, 19
STATE_WIDTH = 20


def new_state() -> np.ndarray:
    """Return the state before the first sample, float64."""
    return np.zeros(STATE_WIDTH)


def most_rows(n_samples: int, rate_hz: float) -> int:
    """Return how many grid rows n samples can become."""
    return n_samples * (int(BRIDGE_S * rate_hz) + 2)


@njit(cache=True)
def _missing_before(time, rate_hz, state):
    """Return how many samples never came between the last one and the one stamped ``time``; move the clock on."""
    fitted = state[S_FITTED]
    if fitted == 0.0:
        state[S_CLOCK], state[S_PERIOD], state[S_FITTED] = time, 1.0 / rate_hz, 1.0
        return 0
    period = state[S_PERIOD]
    late = time - state[S_CLOCK] - period
    n_missing = 0
    if late > max(GAP_PERIODS * period, GAP_SIGMAS * np.sqrt(state[S_ERROR])):
        n_missing = min(max(1, round(late / period)), int(BRIDGE_S * rate_hz))
        late -= n_missing * period
    state[S_CLOCK] += (1 + n_missing) * period + max(PHASE_GAIN, 1.0 / (1.0 + fitted)) * late
    if n_missing == 0:
        period += PERIOD_GAIN * late
        state[S_PERIOD] = min(max(period, 1.0 / (PERIOD_REACH * rate_hz)), PERIOD_REACH / rate_hz)
        state[S_ERROR] += max(ERROR_GAIN, 1.0 / fitted) * (late * late - state[S_ERROR])
        state[S_FITTED] += 1.0
    return n_missing


@njit(cache=True)
def put_on_grid(t_s, acc_mps2, gyr_radps, has_gyroscope, rate_hz, state, out):
    """Write grid rows into out; return their number. ``state`` moves on, so any split gives the same rows."""
    n = 0
    for i in range(t_s.shape[0]):
        time = t_s[i]
        damaged = not np.isfinite(time)
        any_axis = False
        for j in range(3):
            if np.isfinite(acc_mps2[i, j]):
                any_axis = True
            elif state[S_AXIS + j] > 0.0:
                damaged = True
            if has_gyroscope and not np.isfinite(gyr_radps[i, j]):
                damaged = True
        if damaged or not any_axis:
            state[S_DAMAGED] += 1
            continue
        if state[S_SEEN] > 0.0 and time <= state[S_LAST + C_TIME]:
            state[S_DUPLICATE] += 1
            continue
        n_missing = 0
        after_break = False
        if state[S_SEEN] > 0.0 and time - state[S_LAST + C_TIME] > BRIDGE_S:
            after_break = True
            state[S_BREAKS] += 1
            state[S_CLOCK] = time
        else:
            n_missing = _missing_before(time, rate_hz, state)
        out_row = n + n_missing
        out[out_row, C_TIME] = time
        out[out_row, C_FLAG] = AFTER_BREAK if after_break else MEASURED
        for j in range(3):
            value = acc_mps2[i, j]
            if np.isfinite(value):
                state[S_AXIS + j] = 1.0
            else:
                value = 0.0
            out[out_row, C_ACC + j] = value
            out[out_row, C_GYR + j] = gyr_radps[i, j] if has_gyroscope else 0.0
        for k in range(n_missing):
            share = (k + 1.0) / (n_missing + 1.0)
            for j in range(GRID_WIDTH):
                out[n + k, j] = state[S_LAST + j] + share * (out[out_row, j] - state[S_LAST + j])
            out[n + k, C_FLAG] = BRIDGED
        state[S_BRIDGED] += n_missing
        for j in range(GRID_WIDTH):
            state[S_LAST + j] = out[out_row, j]
        state[S_SEEN] += 1.0
        n = out_row + 1
    return n
