"""Memory of one foot's stream: the ring of recent samples and the numbers that move.

Arrays only, so that a kernel can change them and a test can copy, save and compare them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.foot_clipping import LOBE_WIDTH, MAX_LOBES, MAX_PEAKS
from tallrun.gait.foot_stride import R_WIDTH, S_WIDTH
from tallrun.gait.rows import FOOT_CONTACT_DTYPE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Places in ``FootState.ints``.
(
    I_COUNT, I_RISING, I_SWING_FROM, I_TOP, I_BOTTOM, I_FLAT, I_PENDING, I_MODE, I_SETTLED, I_REST,
    I_DUPLICATE, I_BAD, I_ACC_CLIPPED, I_GYR_CLIPPED, I_GAPS, I_STRIDES, I_FLATS, I_LEVEL_1, I_LEVEL_2, I_LEVEL_3,
    I_CARRY, I_CONTACT, I_RANGE_GIVEN, I_OFF, I_UNSURE, I_MOVES, I_RESTS, I_ACC_RANGE_GIVEN,
) = range(28)  # fmt: skip
I_WIDTH = 28

#: Places in ``FootState.nums``.
(
    X_LAST_S, X_ANGLE, X_TOP, X_BOTTOM, X_CONTACT, X_STRIDE_S, X_DELAY_S, X_LOST_S, X_FIRST_S, X_ACC_TOP,
    X_FLAT_COST, X_REST_1, X_REST_2, X_REST_3, X_ASK, X_LEVER_1, X_LEVER_2, X_PERIOD_S, X_GYR_TOP,
    X_RUN_ODDS, X_JITTER_2, X_REST_A1, X_REST_A2, X_REST_A3,
) = range(24)  # fmt: skip
X_WIDTH = 24

#: Columns of a row, in the order of ``FOOT_CONTACT_DTYPE``.
(
    C_IC, C_FC, C_FLAT, C_NEXT, C_LENGTH, C_LENGTH_SD, C_FSA, C_FSA_SD, C_TIMING_SD, C_PEAK, C_SLOPE, C_LIFT, C_YAW,
    C_SWING, C_RESIDUAL, C_MODE, C_QUALITY, C_REASONS, C_EMITTED,
) = range(19)  # fmt: skip
C_WIDTH = 19

#: One stride's shape, foot-flat to foot-flat: pitch [rad], |f| [m/s2], forward [m], up [m].
WAVE_POINTS = 101
WAVE_KINDS = 4


class FootState(NamedTuple):
    """Everything the kernel changes; see the module's constants for the places.

    t_s (cap,), acc, gyr (cap, 3), pitch_radps, snap, cost, gap_s, was_lost (cap,) : ring of accepted samples.
    mount : (3, 3) sensor to foot; bias : (3,) [rad/s], acc_bias : (3,) [m/s2], seen at rest;
    level : (3, 3) sensor to world at the open foot-flat.
    """

    t_s: FloatArray
    acc: FloatArray
    gyr: FloatArray
    pitch_radps: FloatArray
    snap: FloatArray
    cost: FloatArray
    gap_s: FloatArray
    was_lost: NDArray[np.bool_]
    ints: IntArray
    nums: FloatArray
    mount: FloatArray
    bias: FloatArray
    acc_bias: FloatArray
    level: FloatArray
    tilt_cov: FloatArray
    acc_limits: FloatArray
    gyr_limits: FloatArray
    pending: FloatArray
    flats: FloatArray
    scratch: FloatArray
    lobes: FloatArray
    result: FloatArray
    wave: FloatArray


def new_state(rate_hz: float, longest_s: float, acc_limit_mps2: float, gyr_limit_radps: float) -> FootState:
    """Return an empty state for one sensor; limits are NaN when the range is not known."""
    capacity = 1 << int(np.ceil(np.log2(max(rate_hz * 2.5 * longest_s, 64.0))))
    ints = np.zeros(I_WIDTH, np.int64)
    ints[I_RANGE_GIVEN] = int(np.isfinite(gyr_limit_radps))
    ints[I_ACC_RANGE_GIVEN] = int(np.isfinite(acc_limit_mps2))
    nums = np.zeros(X_WIDTH)
    nums[[X_LAST_S, X_FIRST_S]] = np.nan
    nums[X_PERIOD_S] = 1.0 / rate_hz
    state = FootState(
        t_s=np.zeros(capacity),
        acc=np.zeros((capacity, 3)),
        gyr=np.zeros((capacity, 3)),
        pitch_radps=np.zeros(capacity),
        snap=np.zeros(capacity),
        cost=np.zeros(capacity),
        gap_s=np.zeros(capacity),
        was_lost=np.zeros(capacity, np.bool_),
        ints=ints,
        nums=nums,
        mount=np.eye(3),
        bias=np.zeros(3),
        acc_bias=np.zeros(3),
        level=np.eye(3),
        tilt_cov=np.zeros((2, 2)),
        acc_limits=np.full(3, acc_limit_mps2),
        gyr_limits=np.full(3, gyr_limit_radps),
        pending=np.full(C_WIDTH, np.nan),
        flats=np.zeros((20, 3)),
        scratch=np.zeros((capacity, S_WIDTH)),
        lobes=np.zeros((MAX_LOBES + MAX_PEAKS, LOBE_WIDTH)),
        result=np.zeros(R_WIDTH),
        wave=np.full((WAVE_POINTS, WAVE_KINDS), np.nan),
    )
    reset_tracking(state)
    return state


def reset_tracking(state: FootState) -> None:
    """Forget the running cycle, keep what was learned and counted."""
    ints = state.ints
    ints[I_RISING] = 1
    ints[I_SWING_FROM] = ints[I_FLAT] = -1
    ints[I_PENDING] = ints[I_CARRY] = 0
    state.nums[X_ANGLE] = state.nums[X_TOP] = state.nums[X_BOTTOM] = 0.0


if len(FOOT_CONTACT_DTYPE.names or ()) != C_WIDTH:
    raise RuntimeError("gait.foot_state and FOOT_CONTACT_DTYPE disagree about the columns of a row")
