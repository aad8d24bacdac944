"""The foot engine's sample loop: cycles from the pitch rate, contacts, strides, rows.

A foot swings toe-up once per stride and turns toe-down at push-off. Both turns exceed half a radian in
walking and in running, so a zigzag over the (leaky) integral of the pitch rate delimits the cycles at any
sampling rate without thresholds on signal shape. Everything else is looked up in the ring of recent samples
when a turn is confirmed, so no result depends on how the signal was cut into blocks.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

import tallrun.gait.foot_state as fs
from tallrun.gait.foot_contact import land, leave, locate_contact, push_off
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_rows import emit_open, forget_mode
from tallrun.gait.foot_state import FootState
from tallrun.gait.foot_turns import GRAVITY_MPS2
from tallrun.numerics.recording import FloatArray


@njit(cache=True, inline="always")
def _find_range(state: FootState, mask: int, gyr: FloatArray, params: FootParams) -> None:
    """Take a level that one axis holds exactly for a while in mid-turn for the gyroscope's range.

    A reading beyond it proves that wrong, and the range is unknown again.
    """
    ints = state.ints
    top = max(abs(gyr[0]), abs(gyr[1]), abs(gyr[2]))
    state.nums[fs.X_GYR_TOP] = max(state.nums[fs.X_GYR_TOP], top)
    if np.isfinite(state.gyr_limits[0]):
        if top > 1.02 * state.gyr_limits[0]:
            state.gyr_limits[:] = np.nan
        return
    if top <= params.level_least_radps:
        ints[fs.I_LEVEL_1] = ints[fs.I_LEVEL_2] = ints[fs.I_LEVEL_3] = 0
        return
    for c in range(3):
        start = ints[fs.I_COUNT] - ints[fs.I_LEVEL_1 + c]
        level = state.gyr[start & mask, c]
        if abs(gyr[c]) > params.level_least_radps and abs(gyr[c] - level) < params.level_share * abs(level):
            ints[fs.I_LEVEL_1 + c] += 1
            long_enough = ints[fs.I_LEVEL_1 + c] >= max(params.level_s * params.rate_hz, 4.0)
            if long_enough and abs(level) > 0.98 * state.nums[fs.X_GYR_TOP]:
                for axis in range(3):
                    state.gyr_limits[axis] = abs(level)
        else:
            ints[fs.I_LEVEL_1 + c] = 0


@njit(cache=True, inline="always")
def _sure_bend(now: float, one: float, two: float, floor: float) -> float:
    """Second difference of three forces, the latest first; of what it may be where some are cut off, the least.

    A reading past ``floor`` (NaN: range unknown) stands for itself or anything beyond. A smooth force that runs into
    the range in late swing bends only because it is cut off; an impact bends whatever is hidden.
    """
    least = most = now - 2.0 * one + two
    if now >= floor or two >= floor or one <= -floor:
        most = np.inf
    if now <= -floor or two <= -floor or one >= floor:
        least = -np.inf
    return max(least, 0.0) + min(most, 0.0)


@njit(cache=True)
def _find_acc_range(state: FootState, mask: int, params: FootParams) -> None:
    """Take a height at which one axis stops, three readings alike and none ever higher, for its range.

    A reading beyond it proves that wrong, and the range is unknown again.
    """
    k = state.ints[fs.I_COUNT]
    limit = state.acc_limits[0]
    for c in range(3):
        now = state.acc[k & mask, c] + state.acc_bias[c]
        if np.isfinite(limit) and abs(now) > 1.02 * limit:
            state.acc_limits[:] = np.nan
            return
        if k < 2 or np.isfinite(limit) or abs(now) < params.acc_level_least_mps2:
            continue
        one = state.acc[(k - 1) & mask, c] + state.acc_bias[c]
        two = state.acc[(k - 2) & mask, c] + state.acc_bias[c]
        same = params.level_share * abs(now)
        if abs(now - one) < same and abs(now - two) < same and abs(now) > 0.98 * state.nums[fs.X_ACC_TOP]:
            state.acc_limits[:] = abs(now)


@njit(cache=True)
def _clear_rest(state: FootState) -> None:
    """Begin to look for rest anew."""
    state.ints[fs.I_REST] = 0
    for c in range(3):
        state.nums[fs.X_REST_1 + c] = 0.0
        state.nums[fs.X_REST_A1 + c] = 0.0


@njit(cache=True, inline="always")
def _even_stamp(state: FootState, t: float, params: FootParams) -> tuple[float, float]:
    """Time of a sample with the stamp's jitter smoothed out, and the time missing before it.

    Sensors sample evenly and stamp unevenly. A second-order loop follows the sensor's own period. A late stamp is
    lost samples rather than jitter where that is likelier, given the jitter seen so far: with spread s and period p,
    m samples lost (one in a hundred is) beat none where it is late by more than m p / 2 + s^2 ln(100) / (m p). The
    clock's phase is kept across a short gap, for the first stamp after it jitters like any other.
    """
    nums = state.nums
    period = nums[fs.X_PERIOD_S]
    last = state.t_s[(state.ints[fs.I_COUNT] - 1) & (state.t_s.shape[0] - 1)]
    error = t - (last + period)
    lost = 0.0
    if error >= 0.5 * period:
        lost = math.floor(error / period + 0.5)
        if error <= 0.5 * lost * period + params.loss_odds * nums[fs.X_JITTER_2] / (lost * period):
            lost = 0.0
    if lost > params.phase_samples:
        return t, lost * period
    error -= lost * period
    limit = 2.0 * period  # a stamp earlier than that shows a clock set back, not jitter
    if error < -limit:
        return max(t, last + 0.1 * period), 0.0
    nums[fs.X_JITTER_2] += params.jitter_gain * (min(error * error, limit * limit) - nums[fs.X_JITTER_2])
    nominal = 1.0 / params.rate_hz
    if lost == 0.0:
        nums[fs.X_PERIOD_S] = min(max(period + params.period_gain * error, 0.95 * nominal), 1.05 * nominal)
    return last + (1.0 + lost) * period + params.stamp_gain * error, lost * period


@njit(cache=True, inline="always")
def _accept(
    state: FootState, mask: int, t: float, acc: FloatArray, gyr: FloatArray, params: FootParams
) -> tuple[float, float]:
    """Put one sample into the ring and derive its pitch rate, sharpness and stillness."""
    ints, nums = state.ints, state.nums
    k = ints[fs.I_COUNT]
    p = k & mask
    even, missing = _even_stamp(state, t, params) if k > 0 else (t, 0.0)
    dt = even - state.t_s[(k - 1) & mask] if k > 0 else 1.0 / params.rate_hz
    state.t_s[p] = even
    rate2 = 0.0
    force2 = 0.0
    bend2 = 0.0
    pitch = 0.0
    for c in range(3):
        f, w = acc[c] - state.acc_bias[c], gyr[c]
        state.acc[p, c] = f
        state.gyr[p, c] = w
        force2 += f * f
        rate2 += (w - state.bias[c]) ** 2
        pitch -= state.mount[1, c] * (w - state.bias[c])
        if k > 1:
            one, two = state.acc[(k - 1) & mask, c], state.acc[(k - 2) & mask, c]
            bend2 += _sure_bend(f, one, two, params.clip_share * state.acc_limits[c]) ** 2
        nums[fs.X_ACC_TOP] = max(nums[fs.X_ACC_TOP], abs(f))
    state.pitch_radps[p] = pitch
    # differences across lost samples say nothing about sharpness
    whole = missing == 0.0 and (k == 0 or not state.was_lost[(k - 1) & mask])
    state.was_lost[p] = missing > 0.0
    state.snap[p] = math.sqrt(bend2) if whole else 0.0
    over = (math.sqrt(force2) - GRAVITY_MPS2) / params.flat_acc_mps2
    state.cost[p] = rate2 / params.flat_rate_radps**2 + over * over
    bridged = max(min(params.bridged_samples / params.rate_hz, params.bridged_s), 1.5 / params.rate_hz)
    state.gap_s[p] = missing if missing > bridged else 0.0
    if missing > 0.0:
        ints[fs.I_GAPS] += 1
        nums[fs.X_LOST_S] += missing
    if not ints[fs.I_RANGE_GIVEN]:
        _find_range(state, mask, gyr, params)
    if not ints[fs.I_ACC_RANGE_GIVEN]:
        _find_acc_range(state, mask, params)
    # gyroscope bias, and the force that is not gravity: means over half a second of rest
    still = rate2 < params.rest_rate_radps**2 and abs(math.sqrt(force2) - GRAVITY_MPS2) < params.rest_acc_mps2
    if still:
        ints[fs.I_REST] += 1
        for c in range(3):
            nums[fs.X_REST_1 + c] += gyr[c]
            nums[fs.X_REST_A1 + c] += acc[c]
        if ints[fs.I_REST] >= params.rest_s * params.rate_hz:
            gain = 0.3 if ints[fs.I_RESTS] > 0 else 1.0
            count = ints[fs.I_REST]
            force = 0.0
            for c in range(3):
                state.bias[c] += gain * (nums[fs.X_REST_1 + c] / count - state.bias[c])
                force += (nums[fs.X_REST_A1 + c] / count) ** 2
            excess = 1.0 - GRAVITY_MPS2 / max(math.sqrt(force), 1.0)
            for c in range(3):
                state.acc_bias[c] += gain * (excess * nums[fs.X_REST_A1 + c] / count - state.acc_bias[c])
            ints[fs.I_RESTS] += 1
            _clear_rest(state)
    elif ints[fs.I_REST] > 0:
        _clear_rest(state)
    nums[fs.X_LAST_S] = t
    ints[fs.I_COUNT] = k + 1
    return dt, pitch


@njit(cache=True)
def track(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    state: FootState,
    params: FootParams,
    rows: FloatArray,
    waves: FloatArray,
) -> int:
    """Feed samples; return how many rows were written to ``rows`` (., 18) and ``waves``.

    Samples that are not finite or do not move time forward are counted and dropped.
    """
    ints, nums = state.ints, state.nums
    mask = state.t_s.shape[0] - 1
    n = 0
    for i in range(t_s.shape[0]):
        t = t_s[i]
        good = np.isfinite(t)
        for c in range(3):
            good = good and np.isfinite(acc[i, c]) and np.isfinite(gyr[i, c])
        if not good:
            ints[fs.I_BAD] += 1
            continue
        if ints[fs.I_COUNT] > 0 and t <= nums[fs.X_LAST_S]:
            ints[fs.I_DUPLICATE] += 1
            continue
        if ints[fs.I_COUNT] == 0:
            nums[fs.X_FIRST_S] = t
        elif t - nums[fs.X_LAST_S] > params.longest_stride_s:
            if ints[fs.I_PENDING]:
                n = emit_open(state, t, rows, n, waves)
            forget_mode(state)
            ints[fs.I_RISING], ints[fs.I_SWING_FROM], ints[fs.I_FLAT] = 1, -1, -1
            ints[fs.I_CARRY] = 0
            ints[fs.I_TOP] = ints[fs.I_COUNT]
            nums[fs.X_ANGLE] = nums[fs.X_TOP] = nums[fs.X_BOTTOM] = 0.0
        for c in range(3):
            if abs(acc[i, c]) >= params.clip_share * state.acc_limits[c]:
                ints[fs.I_ACC_CLIPPED] += 1
            if abs(gyr[i, c]) >= params.clip_share * state.gyr_limits[c]:
                ints[fs.I_GYR_CLIPPED] += 1
        dt, pitch = _accept(state, mask, t, acc[i], gyr[i], params)
        now = ints[fs.I_COUNT] - 1
        angle = nums[fs.X_ANGLE] + pitch * dt
        angle -= angle * min(dt / params.leak_s, 1.0)
        nums[fs.X_ANGLE] = angle
        swung = False
        if ints[fs.I_RISING]:
            if angle > nums[fs.X_TOP] or now == 0:
                nums[fs.X_TOP] = angle
                ints[fs.I_TOP] = now
            if nums[fs.X_TOP] - angle > params.fall_rad:
                ints[fs.I_RISING] = 0
                nums[fs.X_BOTTOM] = angle
                ints[fs.I_BOTTOM] = now
        else:
            if angle < nums[fs.X_BOTTOM]:
                nums[fs.X_BOTTOM] = angle
                ints[fs.I_BOTTOM] = now
            swung = angle - nums[fs.X_BOTTOM] > params.rotation_rad
        if ints[fs.I_SWING_FROM] >= 0:
            pushing = nums[fs.X_TOP] - angle > nums[fs.X_ASK]
            waited = t - state.t_s[ints[fs.I_TOP] & mask] > params.landing_timeout_s
            if pushing or waited or swung:
                is_early = not (swung or waited)
                until = ints[fs.I_BOTTOM] if swung else now
                n = land(state, mask, until, is_early, params, rows, n, waves)
        if swung:
            push_off(state, mask, ints[fs.I_BOTTOM], params)
            leave(state, mask, params)
            ints[fs.I_RISING] = 1
            ints[fs.I_SWING_FROM] = ints[fs.I_BOTTOM]
            nums[fs.X_ASK] = params.rotation_rad
            nums[fs.X_TOP] = angle
            ints[fs.I_TOP] = now
        if ints[fs.I_PENDING] and t - state.pending[fs.C_IC] > 1.5 * params.longest_stride_s:
            n = emit_open(state, t, rows, n, waves)
            forget_mode(state)
    return n


@njit(cache=True)
def close(state: FootState, params: FootParams, rows: FloatArray, waves: FloatArray) -> int:
    """End the stream: land a foot that is down, write the pending row out; return the rows written."""
    ints = state.ints
    mask = state.t_s.shape[0] - 1
    now = ints[fs.I_COUNT] - 1
    n = 0
    if now >= 2 and ints[fs.I_SWING_FROM] >= 0:
        settled = state.t_s[now & mask] - state.t_s[ints[fs.I_TOP] & mask] > params.settle_s
        _, _, _, is_soft = locate_contact(state, mask, now, params)
        if settled or not is_soft:
            n = land(state, mask, now, False, params, rows, n, waves)
    if ints[fs.I_PENDING]:
        n = emit_open(state, state.t_s[now & mask], rows, n, waves)
    return n
