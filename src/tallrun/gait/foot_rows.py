"""The rows of a foot: what one contact is worth once its stride is closed, and how rows leave the engine."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

import tallrun.gait.foot_state as fs
import tallrun.gait.foot_stride as st
from tallrun.gait.eligible import HALF_QUALITY_SHARE, LENGTH_LIMIT_SHARE
from tallrun.gait.foot_events import index_at
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_state import FootState
from tallrun.gait.foot_turns import GRAVITY_MPS2
from tallrun.gait.gait_odds import running_odds
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_WALK, reason_bit
from tallrun.numerics.recording import FloatArray

OPEN, INFERRED, GAP = reason_bit("open_stride"), reason_bit("inferred"), reason_bit("gap")
CLIPPED, LOW_QUALITY = reason_bit("clipped"), reason_bit("low_quality")
GYRO_CLIPPED, DRIFT = reason_bit("gyro_clipped"), reason_bit("velocity_drift")
TURN, SLOPE, SLIP = reason_bit("turn"), reason_bit("slope"), reason_bit("slip")
DEG = 180.0 / math.pi


@njit(cache=True)
def _foot_axis_pitch(row: FloatArray, mount: FloatArray) -> float:
    """Toe-up angle [rad] of the foot's x axis over the horizontal, from one row of the stride's scratch."""
    up = 0.0
    for c in range(3):
        up += row[st.S_ROT + 6 + c] * mount[0, c]
    return math.asin(min(max(up, -1.0), 1.0))


@njit(cache=True)
def _heading(row: FloatArray, mount: FloatArray) -> float:
    """Heading [rad] of the foot's x axis in the world, from one row of the stride's scratch."""
    x = 0.0
    y = 0.0
    for c in range(3):
        x += row[st.S_ROT + c] * mount[0, c]
        y += row[st.S_ROT + 3 + c] * mount[0, c]
    return math.atan2(y, x)


@njit(cache=True)
def _emit(state: FootState, now_s: float, rows: FloatArray, n: int, waves: FloatArray) -> int:
    """Write the pending row out."""
    state.pending[fs.C_EMITTED] = now_s
    if n < rows.shape[0]:
        rows[n, :] = state.pending
        if n < waves.shape[0]:
            waves[n, :, :] = state.wave
    state.ints[fs.I_PENDING] = 0
    state.wave[:, :] = np.nan
    return n + 1


@njit(cache=True)
def emit_open(state: FootState, now_s: float, rows: FloatArray, n: int, waves: FloatArray) -> int:
    """Write the pending row out as the last of its bout."""
    row = state.pending
    row[fs.C_REASONS] = int(row[fs.C_REASONS]) | OPEN
    row[fs.C_MODE] = state.ints[fs.I_MODE]
    return _emit(state, now_s, rows, n, waves)


@njit(cache=True)
def forget_mode(state: FootState) -> None:
    """Let the next bout show its gait anew."""
    state.ints[fs.I_MODE], state.ints[fs.I_SETTLED] = MODE_OTHER, 0
    state.nums[fs.X_RUN_ODDS] = 0.0


@njit(cache=True)
def _weigh_mode(state: FootState, stance_s: float, stride_s: float, params: FootParams) -> None:
    """Let one stride's duty factor and stance time speak for walking or running (`sci:A1`).

    Log odds add up within bounds, so that one odd stride (the last one of a stop) changes nothing, a clear change
    shows within two, and a row of weak ones counts, too.
    """
    ints, nums = state.ints, state.nums
    says = running_odds(stance_s, stride_s, params)
    if not np.isfinite(says):
        return
    odds = min(max(nums[fs.X_RUN_ODDS] + says, -params.mode_bound), params.mode_bound)
    nums[fs.X_RUN_ODDS] = odds
    if ints[fs.I_SETTLED] == 0:
        ints[fs.I_MODE] = MODE_RUN if odds > 0.0 else MODE_WALK
        ints[fs.I_SETTLED] = int(abs(odds) >= params.mode_settled)
    elif abs(odds) >= params.mode_bound:
        ints[fs.I_MODE] = MODE_RUN if odds > 0.0 else MODE_WALK


@njit(cache=True)
def peak_impact(
    state: FootState, mask: int, contact_s: float, now: int, params: FootParams
) -> tuple[float, bool]:
    """Greatest |f| in g within 10 ms before to 50 ms after the contact; NaN where an axis was at its range."""
    at = index_at(state.t_s, mask, now, -1, contact_s - 0.01, max(now - mask, 0))
    peak = 0.0
    clipped = False
    k = at
    while k <= now and state.t_s[k & mask] <= contact_s + 0.05:
        if state.t_s[k & mask] >= contact_s - 0.01:
            norm = 0.0
            for c in range(3):
                value = abs(state.acc[k & mask, c])
                norm += value * value
                if np.isfinite(state.acc_limits[c]):
                    clipped = clipped or value >= params.clip_share * state.acc_limits[c]
                elif k > at and value >= 0.999 * state.nums[fs.X_ACC_TOP] and value > 3.0 * GRAVITY_MPS2:
                    # no range given: two equal readings in a row, as high as any ever seen
                    clipped = clipped or state.acc[k & mask, c] == state.acc[(k - 1) & mask, c]
            peak = max(peak, norm)
        k += 1
    if clipped or peak == 0.0:
        return np.nan, clipped
    return math.sqrt(peak) / GRAVITY_MPS2, False


@njit(cache=True)
def timing_sigma(ring: FootState, mask: int, place: float, now: int, params: FootParams) -> float:
    """Return what an event at ``place`` may be off by [s]: what any is, and the widest step between samples there."""
    widest = 0.0
    k = math.floor(place)
    for j in range(max(k - 1, 1), min(k + 2, now) + 1):
        widest = max(widest, ring.t_s[j & mask] - ring.t_s[(j - 1) & mask])
    return math.hypot(params.timing_floor_s, params.timing_step_share * widest)


@njit(cache=True)
def _fill_wave(state: FootState, mask: int, a: int, n: int) -> None:
    """Shape of the stride just solved, at equal shares of its time."""
    scratch = state.scratch
    begin = scratch[0, st.S_TIME]
    span = scratch[n - 1, st.S_TIME] - begin
    dx, dy = scratch[n - 1, st.S_IA], scratch[n - 1, st.S_IA + 1]
    length = max(math.sqrt(dx * dx + dy * dy), 1e-9)
    i = 1
    for p in range(fs.WAVE_POINTS):
        when = begin + span * p / (fs.WAVE_POINTS - 1)
        while i < n - 1 and scratch[i, st.S_TIME] < when:
            i += 1
        step = scratch[i, st.S_TIME] - scratch[i - 1, st.S_TIME]
        part = min(max((when - scratch[i - 1, st.S_TIME]) / step, 0.0), 1.0) if step > 0.0 else 0.0
        for side in range(2):
            row = scratch[i - 1 + side]
            share = part if side else 1.0 - part
            f = state.acc[(a + i - 1 + side) & mask]
            norm = math.sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2])
            if side == 0:
                state.wave[p, :] = 0.0
            state.wave[p, 0] += share * _foot_axis_pitch(row, state.mount)
            state.wave[p, 1] += share * norm
            state.wave[p, 2] += share * (row[st.S_IA] * dx + row[st.S_IA + 1] * dy) / length
            state.wave[p, 3] += share * row[st.S_IA + 2]


@njit(cache=True)
def has_slipped(state: FootState, mask: int, contact: int, flat: int, a: int, params: FootParams) -> bool:
    """Whether the foot, after landing, slid faster than any rolling about its own edges explains."""
    sliding = 0.0
    for k in range(max(contact, a + 1), flat + 1):
        row = state.scratch[k - a]
        if state.t_s[k & mask] < state.t_s[contact & mask] + params.flat_after_contact_s:
            continue
        rate = 0.0
        for c in range(3):
            rate += state.gyr[k & mask, c] ** 2
        speed = math.sqrt(row[st.S_VEL] ** 2 + row[st.S_VEL + 1] ** 2)
        if speed > 0.4 + 0.2 * math.sqrt(rate):
            sliding += row[st.S_TIME] - state.scratch[k - a - 1, st.S_TIME]
    return sliding > 0.03


@njit(cache=True)
def strike_angle(state: FootState, mask: int, place: float, flat: int, a: int, solved: bool) -> float:
    """Toe-up angle at the contact minus that at foot-flat [deg]; from the trajectory, else the rate alone."""
    k = math.floor(place)
    part = place - k
    if solved and k >= a:
        at = _foot_axis_pitch(state.scratch[k - a], state.mount)
        if k + 1 <= flat:
            at += part * (_foot_axis_pitch(state.scratch[k + 1 - a], state.mount) - at)
        return (at - _foot_axis_pitch(state.scratch[flat - a], state.mount)) * DEG
    angle = 0.0
    for j in range(k + 1, flat + 1):
        dt = state.t_s[j & mask] - state.t_s[(j - 1) & mask]
        share = 1.0 - part if j == k + 1 else 1.0
        angle -= 0.5 * share * dt * (state.pitch_radps[j & mask] + state.pitch_radps[(j - 1) & mask])
    return angle * DEG


@njit(cache=True)
def complete_row(
    state: FootState,
    mask: int,
    a: int,
    flat: int,
    contact_s: float,
    reasons: int,
    solved: bool,
    trusted: bool,
    n_lobes: int,
    length: float,
    gap_s: float,
    params: FootParams,
    rows: FloatArray,
    n: int,
    waves: FloatArray,
    now_s: float,
) -> int:
    """Give the pending row its stride and write it out, with rows for contacts lost in a gap behind it."""
    ints, nums = state.ints, state.nums
    row = state.pending
    stride_s = contact_s - row[fs.C_IC]
    if stride_s > params.longest_stride_s and gap_s == 0.0:
        n = emit_open(state, now_s, rows, n, waves)
        forget_mode(state)
        return n
    bits = int(row[fs.C_REASONS]) | reasons
    usual = nums[fs.X_STRIDE_S]
    missed = 0
    if gap_s > params.void_gap_s and usual > 0.0:
        times = stride_s / usual
        whole = math.floor(times + 0.5)
        if whole >= 2 and whole <= 5 and abs(times - whole) < 0.12 * whole:
            missed = whole - 1
    if stride_s > params.longest_stride_s and missed == 0:
        n = emit_open(state, now_s, rows, n, waves)
        forget_mode(state)
        return n
    each_s = stride_s / (missed + 1)
    if missed == 0:
        if bits & INFERRED == 0:
            _weigh_mode(
                state, row[fs.C_FC] - row[fs.C_IC], stride_s if gap_s <= params.void_gap_s else np.nan, params
            )
        if gap_s <= params.void_gap_s:
            nums[fs.X_STRIDE_S] = stride_s if usual == 0.0 else 0.8 * usual + 0.2 * stride_s
    row[fs.C_MODE] = ints[fs.I_MODE]
    row[fs.C_NEXT] = row[fs.C_IC] + each_s if missed else contact_s
    if solved and missed == 0:
        rest_mps = params.flat_cost_mps * math.sqrt(nums[fs.X_FLAT_COST])
        # what the end conditions leave, a foot that never stood still, and the sensor's own scale
        scale_m = params.scale_share * length
        wander_m = params.wander_share * state.result[st.R_WANDER] * stride_s
        sigma = math.sqrt(
            state.result[st.R_SIGMA] ** 2 + (rest_mps * stride_s) ** 2 + scale_m**2 + wander_m**2
        )
        row[fs.C_LIFT] = state.result[st.R_LIFT]
        row[fs.C_RESIDUAL] = state.result[st.R_RESIDUAL]
        rise = state.result[st.R_DZ]
        row[fs.C_SLOPE] = math.atan2(rise, max(length, 1e-6)) * DEG
        count = flat - a + 1
        turn = _heading(state.scratch[count - 1], state.mount) - _heading(state.scratch[0], state.mount)
        turn = (turn + math.pi) % (2.0 * math.pi) - math.pi
        row[fs.C_YAW] = turn * DEG
        if abs(row[fs.C_YAW]) > params.turn_deg:
            bits |= TURN
        if abs(rise) > max(params.slope_share * length, 0.05) or abs(rise) > 0.1:
            bits |= SLOPE
        if n_lobes > 0:
            bits |= GYRO_CLIPPED
            sigma = math.hypot(sigma, params.lobe_share * length)
        # end conditions missed by more than that say that the sizes are too small
        sigma *= math.sqrt(max(state.result[st.R_WORST] / 6.0, params.sigma_share**2))
        if not trusted:
            bits |= DRIFT
        if sigma > LENGTH_LIMIT_SHARE * length:
            bits |= LOW_QUALITY | (CLIPPED if state.result[st.R_CUT_S] > 0.0 else 0)
        if sigma <= params.withheld_share * length:
            row[fs.C_LENGTH] = length
            row[fs.C_LENGTH_SD] = sigma
            row[fs.C_QUALITY] = 1.0 / (1.0 + (sigma / (HALF_QUALITY_SHARE * max(length, 0.1))) ** 2)
        if trusted and n_lobes == 0 and bits & SLIP == 0:
            _learn_height(state, mask, a, count, params)
        _fill_wave(state, mask, a, count)
        ints[fs.I_STRIDES] += 1
    row[fs.C_REASONS] = bits
    first_s = row[fs.C_IC]
    n = _emit(state, now_s, rows, n, waves)
    for m in range(missed):
        row[:] = np.nan
        row[fs.C_IC] = first_s + (m + 1) * each_s
        row[fs.C_NEXT] = first_s + (m + 2) * each_s if m + 1 < missed else contact_s
        row[fs.C_MODE] = ints[fs.I_MODE]
        row[fs.C_QUALITY] = 0.0
        row[fs.C_TIMING_SD] = params.timing_inferred_s
        row[fs.C_REASONS] = INFERRED | GAP
        n = _emit(state, now_s, rows, n, waves)
    return n


@njit(cache=True)
def _learn_height(state: FootState, mask: int, a: int, n: int, params: FootParams) -> None:
    """Learn the sensor's height from the start of push-off, where speed gained is height times turn rate gained."""
    forward = np.empty(3)
    rate_0 = 0.0
    speed_0 = 0.0
    for i in range(n):
        row = state.scratch[i]
        p = (a + i) & mask
        rate2 = 0.0
        for c in range(3):
            rate2 += (state.gyr[p, c] - state.bias[c]) ** 2
        if row[st.S_TIME] - state.scratch[0, st.S_TIME] > params.rolling_s or rate2 > params.rolling_radps**2:
            break
        speed = 0.0
        for r in range(3):
            forward[r] = 0.0
            for c in range(3):
                forward[r] += row[st.S_ROT + 3 * r + c] * state.mount[0, c]
            speed += forward[r] * row[st.S_VEL + r]
        rate = -state.pitch_radps[p]
        if i == 0:
            rate_0, speed_0 = rate, speed
        else:
            dt = row[st.S_TIME] - state.scratch[i - 1, st.S_TIME]
            state.nums[fs.X_LEVER_1] += (rate - rate_0) * (speed - speed_0) * dt
            state.nums[fs.X_LEVER_2] += (rate - rate_0) ** 2 * dt


@njit(cache=True)
def gap_between(ring: FootState, mask: int, first: int, last: int) -> tuple[float, int]:
    """Longest time missing before any sample in (first, last], and the sample after it."""
    worst = 0.0
    at = -1
    for k in range(first + 1, last + 1):
        if ring.gap_s[k & mask] > worst:
            worst = ring.gap_s[k & mask]
            at = k
    return worst, at


@njit(cache=True)
def sensor_height(state: FootState, params: FootParams) -> float:
    """Height of the sensor over the ball of the foot [m], learned; the first guess while nothing is known."""
    nums = state.nums
    weight = params.height_weight
    height = (weight * params.sensor_height_m + nums[fs.X_LEVER_1]) / (weight + nums[fs.X_LEVER_2])
    return min(max(height, 0.02), 0.15)
