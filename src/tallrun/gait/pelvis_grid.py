"""Samples as they come -> an even grid: duplicates and damaged samples out, short gaps bridged, long ones told."""

from __future__ import annotations

import numpy as np
from numba import njit

#: A step in time of more than this many sample periods is a gap.
GAP_FACTOR = 1.85
#: Longest gap that is bridged by a straight line.
BRIDGE_S = 0.2
#: Flags of a grid sample.
MEASURED, BRIDGED, AFTER_BREAK = 0.0, 1.0, 2.0

#: Columns of a grid row.
C_TIME, C_FLAG, C_ACC, C_GYR = 0, 1, 2, 5
GRID_WIDTH = 8

#: Places in the state: last row, samples seen, duplicates, damaged, bridged, breaks, axis seen (3).
S_LAST, S_SEEN, S_DUPLICATE, S_DAMAGED, S_BRIDGED, S_BREAKS, S_AXIS = 0, 8, 9, 10, 11, 12, 13
STATE_WIDTH = 16


def new_state() -> np.ndarray:
    """Return the state before the first sample, float64."""
    return np.zeros(STATE_WIDTH)


def most_rows(n_samples: int, rate_hz: float) -> int:
    """Return how many grid rows n samples can become."""
    return n_samples * (int(BRIDGE_S * rate_hz) + 2)


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
        if state[S_SEEN] > 0.0:
            dt = time - state[S_LAST + C_TIME]
            if dt > BRIDGE_S:
                after_break = True
                state[S_BREAKS] += 1
            elif dt * rate_hz > GAP_FACTOR:
                n_missing = round(dt * rate_hz) - 1
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
