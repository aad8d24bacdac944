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

from tallrun.gait.foot_events import (
    impact_onset,
    index_at,
    largest_at,
    quietest,
    time_at,
)
from tallrun.gait.foot_state import (
    C_EMITTED,
    C_FC,
    C_FLAT,
    C_FSA,
    C_FSA_SD,
    C_IC,
    C_LENGTH,
    C_LENGTH_SD,
    C_LIFT,
    C_MODE,
    C_NEXT,
    C_PEAK,
    C_QUALITY,
    C_REASONS,
    C_RESIDUAL,
    C_SLOPE,
    C_SWING,
    C_YAW,
    I_ACC_CLIPPED,
    I_BAD,
    I_BOTTOM,
    I_CARRY,
    I_CONTACT,
    I_COUNT,
    I_DUPLICATE,
    I_FLAT,
    I_FLATS,
    I_GAPS,
    I_GYR_CLIPPED,
    I_LEVEL_1,
    I_MODE,
    I_PENDING,
    I_REST,
    I_RANGE_GIVEN,
    I_RISING,
    I_STRIDES,
    I_SWING_FROM,
    I_TOP,
    I_VOTES,
    WAVE_POINTS,
    X_ACC_TOP,
    X_ANGLE,
    X_ASK,
    X_BOTTOM,
    X_CONTACT,
    X_DELAY_S,
    X_FIRST_S,
    X_FLAT_COST,
    X_GYR_TOP,
    X_LAST_S,
    X_LEVER_1,
    X_LEVER_2,
    X_LOST_S,
    X_PERIOD_S,
    X_REST_1,
    X_STRIDE_S,
    X_TOP,
)  # fmt: skip
from tallrun.gait.foot_stride import (
    GRAVITY_MPS2,
    R_DX,
    R_DY,
    R_DZ,
    R_LIFT,
    R_RESIDUAL,
    R_SIGMA,
    R_WORST,
    S_IA,
    S_ROT,
    S_TIME,
    S_VEL,
    level_from,
    mean_force,
    solve_stride,
)  # fmt: skip
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_WALK, reason_bit

OPEN, INFERRED, GAP = reason_bit("open_stride"), reason_bit("inferred"), reason_bit("gap")
CLIPPED, GYRO_CLIPPED = reason_bit("clipped"), reason_bit("gyro_clipped")
NO_FLAT, DRIFT = reason_bit("no_flat"), reason_bit("velocity_drift")
TURN, SLOPE, SLIP = reason_bit("turn"), reason_bit("slope"), reason_bit("slip")
DOUBTFUL = reason_bit("event_doubtful")
DEG = 180.0 / math.pi


@njit(cache=True)
def _foot_axis_pitch(row, mount):
    """Toe-up angle [rad] of the foot's x axis over the horizontal, from one row of the stride's scratch."""
    up = 0.0
    for c in range(3):
        up += row[S_ROT + 6 + c] * mount[0, c]
    return math.asin(min(max(up, -1.0), 1.0))


@njit(cache=True)
def _heading(row, mount):
    """Heading [rad] of the foot's x axis in the world, from one row of the stride's scratch."""
    x = 0.0
    y = 0.0
    for c in range(3):
        x += row[S_ROT + c] * mount[0, c]
        y += row[S_ROT + 3 + c] * mount[0, c]
    return math.atan2(y, x)


@njit(cache=True)
def _gap_between(ring, mask, first, last):
    """Longest time missing before any sample in (first, last], and the sample after it."""
    worst = 0.0
    at = -1
    for k in range(first + 1, last + 1):
        if ring.gap_s[k & mask] > worst:
            worst = ring.gap_s[k & mask]
            at = k
    return worst, at


@njit(cache=True)
def _emit(state, now_s, rows, n, waves):
    """Write the pending row out."""
    state.pending[C_EMITTED] = now_s
    if n < rows.shape[0]:
        rows[n, :] = state.pending
        if n < waves.shape[0]:
            waves[n, :, :] = state.wave
    state.ints[I_PENDING] = 0
    state.wave[:, :] = np.nan
    return n + 1


@njit(cache=True)
def _emit_open(state, now_s, rows, n, waves):
    """Write the pending row out as the last of its bout."""
    row = state.pending
    row[C_REASONS] = int(row[C_REASONS]) | OPEN
    row[C_MODE] = state.ints[I_MODE]
    return _emit(state, now_s, rows, n, waves)


@njit(cache=True)
def _vote_mode(state, duty, stride_s, params):
    """Update walking or running from one stride's duty factor, with hysteresis (`sci:A1`)."""
    ints = state.ints
    mode = ints[I_MODE]
    if not np.isfinite(duty):
        return
    if mode != MODE_RUN and mode != MODE_WALK:
        limit = 0.56 if stride_s < params.quick_stride_s else 0.5
        ints[I_MODE] = MODE_RUN if duty < limit else MODE_WALK
        ints[I_VOTES] = 0
    elif mode == MODE_WALK:
        ints[I_VOTES] = ints[I_VOTES] + 1 if duty < params.run_below_duty else 0
        if ints[I_VOTES] >= 3:
            ints[I_MODE], ints[I_VOTES] = MODE_RUN, 0
    else:
        ints[I_VOTES] = ints[I_VOTES] + 1 if duty > params.walk_above_duty else 0
        if ints[I_VOTES] >= 2:
            ints[I_MODE], ints[I_VOTES] = MODE_WALK, 0


@njit(cache=True)
def _open_flat(state, mask, k, params):
    """Make sample ``k`` the foot-flat the next stride starts from, its tilt taken from gravity."""
    up = np.zeros(3)
    oldest = max(state.ints[I_COUNT] - mask, 0)
    scatter = mean_force(
        state.t_s, state.acc, mask, k, params.flat_half_s, oldest, state.ints[I_COUNT] - 1, up
    )
    level_from(up, state.level)
    variance = params.gravity_tilt_rad**2 + scatter**2
    state.tilt_cov[0, 0] = variance
    state.tilt_cov[1, 1] = variance
    state.tilt_cov[0, 1] = 0.0
    state.tilt_cov[1, 0] = 0.0
    state.ints[I_FLAT] = k


@njit(cache=True)
def _peak_impact(state, mask, contact_s, now, params):
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
                elif k > at and value >= 0.999 * state.nums[X_ACC_TOP] and value > 3.0 * GRAVITY_MPS2:
                    # no range given: two equal readings in a row, as high as any ever seen
                    clipped = clipped or state.acc[k & mask, c] == state.acc[(k - 1) & mask, c]
            peak = max(peak, norm)
        k += 1
    if clipped or peak == 0.0:
        return np.nan, clipped
    return math.sqrt(peak) / GRAVITY_MPS2, False


@njit(cache=True)
def _fill_wave(state, mask, a, n):
    """Shape of the stride just solved, at equal shares of its time."""
    scratch = state.scratch
    begin = scratch[0, S_TIME]
    span = scratch[n - 1, S_TIME] - begin
    dx, dy = scratch[n - 1, S_IA], scratch[n - 1, S_IA + 1]
    length = max(math.sqrt(dx * dx + dy * dy), 1e-9)
    i = 1
    for p in range(WAVE_POINTS):
        when = begin + span * p / (WAVE_POINTS - 1)
        while i < n - 1 and scratch[i, S_TIME] < when:
            i += 1
        step = scratch[i, S_TIME] - scratch[i - 1, S_TIME]
        part = min(max((when - scratch[i - 1, S_TIME]) / step, 0.0), 1.0) if step > 0.0 else 0.0
        for side in range(2):
            row = scratch[i - 1 + side]
            share = part if side else 1.0 - part
            f = state.acc[(a + i - 1 + side) & mask]
            norm = math.sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2])
            if side == 0:
                state.wave[p, :] = 0.0
            state.wave[p, 0] += share * _foot_axis_pitch(row, state.mount)
            state.wave[p, 1] += share * norm
            state.wave[p, 2] += share * (row[S_IA] * dx + row[S_IA + 1] * dy) / length
            state.wave[p, 3] += share * row[S_IA + 2]


@njit(cache=True)
def _slipped(state, mask, contact, flat, a, params):
    """Whether the foot, after landing, slid faster than any rolling about its own edges explains."""
    sliding = 0.0
    for k in range(max(contact, a + 1), flat + 1):
        row = state.scratch[k - a]
        if state.t_s[k & mask] < state.t_s[contact & mask] + params.flat_after_contact_s:
            continue
        rate = 0.0
        for c in range(3):
            rate += state.gyr[k & mask, c] ** 2
        speed = math.sqrt(row[S_VEL] ** 2 + row[S_VEL + 1] ** 2)
        if speed > 0.4 + 0.2 * math.sqrt(rate):
            sliding += row[S_TIME] - state.scratch[k - a - 1, S_TIME]
    return sliding > 0.03


@njit(cache=True)
def _strike_angle(state, mask, place, flat, a, solved):
    """Toe-up angle at the contact minus that at foot-flat [deg]; from the trajectory, else the rate alone."""
    k = int(math.floor(place))
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
def _locate_contact(state, mask, now, params):
    """Place of the initial contact of the swing just ended, whether it was inferred, the swing's peak place.

    The impact's onset counts. Where samples are missing round it, the contact is put where this runner's
    usual delay after mid-swing says, or one usual stride after the last contact.
    """
    ints, nums = state.ints, state.nums
    top = ints[I_TOP]
    swing = largest_at(state.pitch_radps, mask, ints[I_SWING_FROM], top)
    stop = index_at(state.t_s, mask, top, 1, state.t_s[top & mask] + params.impact_search_s, now)
    slowed = swing
    while slowed < top and state.pitch_radps[slowed & mask] > 0.5 * state.pitch_radps[swing & mask]:
        slowed += 1
    place = impact_onset(state.jerk, state.snap, mask, slowed, stop)
    doubtful = False
    if not np.isfinite(place):
        place = float(top)
        doubtful = True
    place = max(place, float(swing))
    worst, at = _gap_between(state, mask, swing, stop)
    inferred = False
    if worst > 0.0:
        expected = np.nan
        if nums[X_DELAY_S] > 0.0:
            swing_gap, _ = _gap_between(state, mask, max(swing - 2, ints[I_SWING_FROM]), min(swing + 2, top))
            if swing_gap == 0.0:
                expected = state.t_s[swing & mask] + nums[X_DELAY_S]
            elif ints[I_PENDING] and nums[X_STRIDE_S] > 0.0:
                expected = state.pending[C_IC] + nums[X_STRIDE_S]
        before, after = state.t_s[(at - 1) & mask], state.t_s[at & mask]
        found = time_at(state.t_s, mask, place)
        guard = 0.02
        if found > before - guard and found < after + guard:
            inferred = True
        if np.isfinite(expected) and expected > before - guard and expected < after + guard:
            inferred = True
        if inferred:
            when = expected if np.isfinite(expected) else 0.5 * (before + after)
            when = min(max(when, state.t_s[swing & mask]), state.t_s[now & mask])
            k = index_at(state.t_s, mask, now, -1, when, swing)
            k = max(k - 1, swing) if state.t_s[k & mask] > when else k
            step = state.t_s[(k + 1) & mask] - state.t_s[k & mask] if k < now else 1.0
            place = k + min(max((when - state.t_s[k & mask]) / step, 0.0), 0.999) if k < now else float(k)
    return place, inferred, swing, doubtful


@njit(cache=True)
def _sensor_height(state, params):
    """Height of the sensor over the ball of the foot [m], learned; the first guess while nothing is known."""
    nums = state.nums
    weight = params.height_weight
    height = (weight * params.sensor_height_m + nums[X_LEVER_1]) / (weight + nums[X_LEVER_2])
    return min(max(height, 0.02), 0.15)


@njit(cache=True)
def _learn_height(state, mask, a, n, params):
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
        if row[S_TIME] - state.scratch[0, S_TIME] > params.rolling_s or rate2 > params.rolling_radps**2:
            break
        speed = 0.0
        for r in range(3):
            forward[r] = 0.0
            for c in range(3):
                forward[r] += row[S_ROT + 3 * r + c] * state.mount[0, c]
            speed += forward[r] * row[S_VEL + r]
        rate = -state.pitch_radps[p]
        if i == 0:
            rate_0, speed_0 = rate, speed
        else:
            dt = row[S_TIME] - state.scratch[i - 1, S_TIME]
            state.nums[X_LEVER_1] += (rate - rate_0) * (speed - speed_0) * dt
            state.nums[X_LEVER_2] += (rate - rate_0) ** 2 * dt


@njit(cache=True)
def _close_stride(state, mask, a, b, params):
    """Solve the stride from foot-flat ``a`` to ``b``; False when gaps void it."""
    up = np.zeros(3)
    scatter = mean_force(state.t_s, state.acc, mask, b, params.flat_half_s, a, state.ints[I_COUNT] - 1, up)
    height_m = _sensor_height(state, params)
    lever = np.empty(3)
    for c in range(3):
        lever[c] = state.mount[2, c] * height_m
    sigma = math.sqrt(params.gravity_tilt_rad**2 + scatter**2)
    return solve_stride(
        state.t_s, state.acc, state.gyr, mask, a, b, state.level, state.tilt_cov, state.bias, state.gyr_limits,
        up, sigma, lever, params, state.scratch, state.lobes, state.result,
    )  # fmt: skip


@njit(cache=True)
def _land(state, mask, now, is_early, params, rows, n, waves):
    """Time the contact that ends a swing, close the stride behind it, open the next row.

    ``is_early``: asked for as soon as the foot seems to push off. Then nothing happens yet unless it has
    been flat and turned on from there; a landing heel also turns toe-down.
    """
    ints, nums = state.ints, state.nums
    now_s = nums[X_LAST_S]
    place, inferred, swing, doubtful = _locate_contact(state, mask, now, params)
    peak_radps = state.pitch_radps[swing & mask]
    if peak_radps < params.swing_peak_radps:
        ints[I_SWING_FROM] = -1
        return n
    contact_s = time_at(state.t_s, mask, place)
    contact = int(math.floor(place))
    lo = index_at(state.t_s, mask, contact, 1, contact_s + params.flat_after_contact_s, now)
    hi = max(index_at(state.t_s, mask, contact, 1, contact_s + params.flat_search_s, now), lo)
    flat, cost = quietest(state.t_s, state.cost, mask, lo, hi, params.flat_half_s)
    flat_s = state.t_s[flat & mask]
    if is_early:
        turned = 0.0
        for k in range(flat + 1, now + 1):
            turned -= state.pitch_radps[k & mask] * (state.t_s[k & mask] - state.t_s[(k - 1) & mask])
        if cost > params.flat_cost or turned < params.fall_rad:
            nums[X_ASK] += 0.5 * params.fall_rad
            return n

    reasons = 0
    solved = False
    a = ints[I_FLAT]
    gap_s = 0.0
    n_lobes = 0
    length = np.nan
    if a >= 0 and now - a < mask and flat - a < state.scratch.shape[0] and flat > a:
        gap_s, _ = _gap_between(state, mask, a, flat)
        guard = index_at(state.t_s, mask, contact, -1, contact_s - params.event_guard_s, a)
        guard_end = index_at(state.t_s, mask, contact, 1, contact_s + params.event_guard_s, flat)
        near, _ = _gap_between(state, mask, guard, guard_end)
        long_gap = gap_s > params.void_gap_s or near > 0.0
        if flat_s - state.t_s[a & mask] <= params.longest_stride_s and not long_gap:
            n_lobes = _close_stride(state, mask, a, flat, params)
            solved = True
            length = math.sqrt(state.result[R_DX] ** 2 + state.result[R_DY] ** 2)
    if gap_s > 0.0:
        reasons |= GAP
    trusted = solved and state.result[R_WORST] < params.misfit_limit
    least_m = params.least_travel_m * (3.0 if doubtful else 1.0)
    if solved and trusted and length < least_m:
        ints[I_SWING_FROM] = -1
        ints[I_CARRY] = 1
        ints[I_FLAT] = flat
        return n

    if ints[I_PENDING]:
        n = _complete(
            state, mask, a, flat, contact_s, reasons, solved, trusted, n_lobes, length, gap_s, params, rows, n,
            waves, now_s,
        )  # fmt: skip
    row = state.pending
    row[:] = np.nan
    row[C_IC] = contact_s
    row[C_FLAT] = flat_s
    row[C_SWING] = peak_radps
    bits = 0
    if inferred:
        bits |= INFERRED | GAP
    if doubtful and not inferred:
        bits |= DOUBTFUL
    if cost > params.no_flat_cost:
        bits |= NO_FLAT
    if solved and _slipped(state, mask, contact, flat, a, params):
        bits |= SLIP
    stance_gap, _ = _gap_between(state, mask, max(contact - 1, 0), flat)
    if not inferred and stance_gap == 0.0:
        row[C_FSA] = _strike_angle(state, mask, place, flat, a, solved)
        row[C_FSA_SD] = 1.0 + (2.0 if cost > params.no_flat_cost else 0.0) + (3.0 if doubtful else 0.0)
        peak_g, clipped = _peak_impact(state, mask, contact_s, now, params)
        row[C_PEAK] = peak_g
        if clipped:
            bits |= CLIPPED
        delay_s = contact_s - state.t_s[swing & mask]
        nums[X_DELAY_S] = delay_s if nums[X_DELAY_S] == 0.0 else 0.8 * nums[X_DELAY_S] + 0.2 * delay_s
    row[C_REASONS] = bits
    row[C_QUALITY] = 0.5 if doubtful else 1.0
    row[C_MODE] = ints[I_MODE]
    ints[I_PENDING] = 1
    ints[I_CONTACT] = contact
    nums[X_CONTACT] = place
    nums[X_FLAT_COST] = cost
    if solved:
        ints[I_FLAT] = flat
    else:
        _open_flat(state, mask, flat, params)
    ints[I_CARRY] = 1
    ints[I_SWING_FROM] = -1
    for c in range(3):
        state.flats[ints[I_FLATS] % 20, c] = state.acc[flat & mask, c]
    ints[I_FLATS] += 1
    return n


@njit(cache=True)
def _complete(state, mask, a, flat, contact_s, reasons, solved, trusted, n_lobes, length, gap_s, params, rows, n,
              waves, now_s):  # fmt: skip
    """Give the pending row its stride and write it out, with rows for contacts lost in a gap behind it."""
    ints, nums = state.ints, state.nums
    row = state.pending
    stride_s = contact_s - row[C_IC]
    if stride_s > params.longest_stride_s and gap_s == 0.0:
        n = _emit_open(state, now_s, rows, n, waves)
        ints[I_MODE] = MODE_OTHER
        return n
    bits = int(row[C_REASONS]) | reasons
    quality = row[C_QUALITY]
    usual = nums[X_STRIDE_S]
    missed = 0
    if gap_s > params.void_gap_s and usual > 0.0:
        times = stride_s / usual
        whole = int(math.floor(times + 0.5))
        if whole >= 2 and whole <= 5 and abs(times - whole) < 0.12 * whole:
            missed = whole - 1
    if stride_s > params.longest_stride_s and missed == 0:
        n = _emit_open(state, now_s, rows, n, waves)
        ints[I_MODE] = MODE_OTHER
        return n
    each_s = stride_s / (missed + 1)
    if missed == 0:
        duty = (row[C_FC] - row[C_IC]) / stride_s
        if gap_s <= params.void_gap_s:
            _vote_mode(state, duty, stride_s, params)
            nums[X_STRIDE_S] = stride_s if usual == 0.0 else 0.8 * usual + 0.2 * stride_s
    row[C_MODE] = ints[I_MODE]
    row[C_NEXT] = row[C_IC] + each_s if missed else contact_s
    if solved and missed == 0:
        row[C_LENGTH] = length
        rest_mps = params.flat_cost_mps * math.sqrt(nums[X_FLAT_COST])
        sigma = math.sqrt(state.result[R_SIGMA] ** 2 + (rest_mps * stride_s) ** 2)
        row[C_LENGTH_SD] = sigma
        quality /= 1.0 + (sigma / (params.length_share * max(length, 0.1))) ** 2
        row[C_LIFT] = state.result[R_LIFT]
        row[C_RESIDUAL] = state.result[R_RESIDUAL]
        rise = state.result[R_DZ]
        row[C_SLOPE] = math.atan2(rise, max(length, 1e-6)) * DEG
        count = flat - a + 1
        turn = _heading(state.scratch[count - 1], state.mount) - _heading(state.scratch[0], state.mount)
        turn = (turn + math.pi) % (2.0 * math.pi) - math.pi
        row[C_YAW] = turn * DEG
        if abs(row[C_YAW]) > params.turn_deg:
            bits |= TURN
        if abs(rise) > max(params.slope_share * length, 0.05) or abs(rise) > 0.1:
            bits |= SLOPE
        if n_lobes > 0:
            bits |= GYRO_CLIPPED
            quality *= 0.7
        if not trusted:
            bits |= DRIFT
            quality *= 0.3
        quality *= math.exp(-max(state.result[R_WORST] - 5.0, 0.0) / 20.0)
        if trusted and n_lobes == 0 and bits & SLIP == 0:
            _learn_height(state, mask, a, count, params)
        _fill_wave(state, mask, a, count)
        ints[I_STRIDES] += 1
    if gap_s > 0.0:
        quality = min(quality, 0.5)
    if bits & INFERRED:
        quality = min(quality, 0.3)
    row[C_REASONS] = bits
    row[C_QUALITY] = quality
    first_s = row[C_IC]
    n = _emit(state, now_s, rows, n, waves)
    for m in range(missed):
        row[:] = np.nan
        row[C_IC] = first_s + (m + 1) * each_s
        row[C_NEXT] = first_s + (m + 2) * each_s if m + 1 < missed else contact_s
        row[C_MODE] = ints[I_MODE]
        row[C_QUALITY] = 0.2
        row[C_REASONS] = INFERRED | GAP
        n = _emit(state, now_s, rows, n, waves)
    return n


@njit(cache=True)
def _push_off(state, mask, now, params):
    """The foot leaves flat: fix the foot-flat the next stride starts from."""
    ints = state.ints
    now_s = state.t_s[now & mask]
    flat = ints[I_FLAT]
    if (
        ints[I_CARRY]
        and flat >= 0
        and now_s - state.t_s[flat & mask] <= params.flat_search_s
        and now - flat < mask
    ):
        return
    oldest = max(now - mask + 1, 0)
    if ints[I_CARRY] and flat > oldest:
        oldest = flat
    lo = index_at(state.t_s, mask, now, -1, now_s - params.flat_search_s, oldest)
    lo = min(max(lo, oldest), now)
    flat, cost = quietest(state.t_s, state.cost, mask, lo, now, params.flat_half_s)
    _open_flat(state, mask, flat, params)
    if cost > params.no_flat_cost:
        ints[I_FLAT] = -1


@njit(cache=True)
def _leave(state, mask, params):
    """The swing has begun: the final contact is where the foot turned toe-down the fastest."""
    ints = state.ints
    if not ints[I_PENDING] or np.isfinite(state.pending[C_FC]):
        return
    bottom = ints[I_BOTTOM]
    first = ints[I_FLAT] if ints[I_FLAT] >= 0 else ints[I_CONTACT]
    first = max(first, bottom - mask + 2, 1)
    if bottom - first < 2:
        return
    gap_s, at = _gap_between(state, mask, first, bottom)
    best = first
    least = np.inf
    half = max(int(round(params.landmark_half_s * params.rate_hz)), 0)
    before = 0.0
    after = 0.0
    previous = 0.0
    fresh = False
    for k in range(first, bottom + 1):
        total = 0.0
        for j in range(k - half, k + half + 1):
            total += state.pitch_radps[j & mask]
        total /= 2 * half + 1
        if fresh:
            after = total
            fresh = False
        if total < least:
            before = previous if k > first else total
            least = total
            best = k
            fresh = True
        previous = total
    place = float(best)
    bend = before - 2.0 * least + after
    if first < best < bottom and bend > 1e-12:
        place += min(max(0.5 * (before - after) / bend, -0.5), 0.5)
    when = time_at(state.t_s, mask, place)
    if gap_s > params.void_gap_s and at >= 0:
        if when > state.t_s[(at - 1) & mask] - 0.02 and when < state.t_s[at & mask] + 0.02:
            return
    if when > state.pending[C_IC]:
        state.pending[C_FC] = when


@njit(cache=True)
def _even_stamp(state, t, params):
    """Time of a sample with the stamp's jitter smoothed out, and the time missing before it.

    Sensors sample evenly and stamp unevenly. A second-order loop follows the sensor's own period; a stamp
    that comes later than the loop expects by most of a period means lost samples, and the loop jumps.
    """
    nums = state.nums
    period = nums[X_PERIOD_S]
    last = state.t_s[(state.ints[I_COUNT] - 1) & (state.t_s.shape[0] - 1)]
    error = t - (last + period)
    if error > params.late_share * period:
        lost = max(math.floor((t - last) / period + 0.5) - 1.0, 0.0)
        return t, lost * period
    if error < -params.late_share * period:
        return max(t, last + 0.1 * period), 0.0
    nominal = 1.0 / params.rate_hz
    nums[X_PERIOD_S] = min(max(period + params.period_gain * error, 0.95 * nominal), 1.05 * nominal)
    return last + period + params.stamp_gain * error, 0.0


@njit(cache=True)
def _find_range(state, mask, gyr, params):
    """Take a level that one axis holds exactly for a while in mid-turn for the gyroscope's range.

    A reading beyond it proves that wrong, and the range is unknown again.
    """
    ints = state.ints
    top = max(abs(gyr[0]), abs(gyr[1]), abs(gyr[2]))
    state.nums[X_GYR_TOP] = max(state.nums[X_GYR_TOP], top)
    if np.isfinite(state.gyr_limits[0]):
        if top > 1.02 * state.gyr_limits[0]:
            state.gyr_limits[:] = np.nan
        return
    for c in range(3):
        start = ints[I_COUNT] - ints[I_LEVEL_1 + c]
        level = state.gyr[start & mask, c]
        if abs(gyr[c]) > params.level_least_radps and abs(gyr[c] - level) < params.level_share * abs(level):
            ints[I_LEVEL_1 + c] += 1
            long_enough = ints[I_LEVEL_1 + c] >= max(params.level_s * params.rate_hz, 4.0)
            if long_enough and abs(level) > 0.98 * state.nums[X_GYR_TOP]:
                for axis in range(3):
                    state.gyr_limits[axis] = abs(level)
        else:
            ints[I_LEVEL_1 + c] = 0


@njit(cache=True)
def _accept(state, mask, t, acc, gyr, params):
    """Put one sample into the ring and derive its pitch rate, jerk and stillness."""
    ints, nums = state.ints, state.nums
    k = ints[I_COUNT]
    p = k & mask
    even, missing = _even_stamp(state, t, params) if k > 0 else (t, 0.0)
    dt = even - state.t_s[(k - 1) & mask] if k > 0 else 1.0 / params.rate_hz
    state.t_s[p] = even
    rate2 = 0.0
    force2 = 0.0
    step2 = 0.0
    bend2 = 0.0
    pitch = 0.0
    for c in range(3):
        f, w = acc[c], gyr[c]
        state.acc[p, c] = f
        state.gyr[p, c] = w
        force2 += f * f
        rate2 += (w - state.bias[c]) ** 2
        pitch -= state.mount[1, c] * (w - state.bias[c])
        if k > 0:
            step2 += (f - state.acc[(k - 1) & mask, c]) ** 2
        if k > 1:
            bend2 += (f - 2.0 * state.acc[(k - 1) & mask, c] + state.acc[(k - 2) & mask, c]) ** 2
        nums[X_ACC_TOP] = max(nums[X_ACC_TOP], abs(f))
    state.pitch_radps[p] = pitch
    state.jerk[p] = math.sqrt(step2) * params.rate_hz / (1.0 + missing * params.rate_hz)
    state.snap[p] = math.sqrt(bend2)
    over = (math.sqrt(force2) - GRAVITY_MPS2) / params.flat_acc_mps2
    state.cost[p] = rate2 / params.flat_rate_radps**2 + over * over
    bridged = max(min(params.bridged_samples / params.rate_hz, params.bridged_s), 1.5 / params.rate_hz)
    state.gap_s[p] = missing if missing > bridged else 0.0
    if missing > 0.0:
        ints[I_GAPS] += 1
        nums[X_LOST_S] += missing
    if not ints[I_RANGE_GIVEN]:
        _find_range(state, mask, gyr, params)
    # gyroscope bias: the mean over half a second of rest
    still = rate2 < params.rest_rate_radps**2 and abs(math.sqrt(force2) - GRAVITY_MPS2) < params.rest_acc_mps2
    if still:
        ints[I_REST] += 1
        for c in range(3):
            nums[X_REST_1 + c] += gyr[c]
        if ints[I_REST] >= params.rest_s * params.rate_hz:
            for c in range(3):
                state.bias[c] += 0.3 * (nums[X_REST_1 + c] / ints[I_REST] - state.bias[c])
                nums[X_REST_1 + c] = 0.0
            ints[I_REST] = 0
    elif ints[I_REST] > 0:
        ints[I_REST] = 0
        for c in range(3):
            nums[X_REST_1 + c] = 0.0
    nums[X_LAST_S] = t
    ints[I_COUNT] = k + 1
    return dt, pitch


@njit(cache=True)
def track(t_s, acc, gyr, state, params, rows, waves):
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
            ints[I_BAD] += 1
            continue
        if ints[I_COUNT] > 0 and t <= nums[X_LAST_S]:
            ints[I_DUPLICATE] += 1
            continue
        if ints[I_COUNT] == 0:
            nums[X_FIRST_S] = t
        elif t - nums[X_LAST_S] > params.longest_stride_s:
            if ints[I_PENDING]:
                n = _emit_open(state, t, rows, n, waves)
            ints[I_MODE], ints[I_VOTES] = MODE_OTHER, 0
            ints[I_RISING], ints[I_SWING_FROM], ints[I_FLAT] = 1, -1, -1
            ints[I_CARRY] = 0
            ints[I_TOP] = ints[I_COUNT]
            nums[X_ANGLE] = nums[X_TOP] = nums[X_BOTTOM] = 0.0
        for c in range(3):
            if abs(acc[i, c]) >= params.clip_share * state.acc_limits[c]:
                ints[I_ACC_CLIPPED] += 1
            if abs(gyr[i, c]) >= params.clip_share * state.gyr_limits[c]:
                ints[I_GYR_CLIPPED] += 1
        dt, pitch = _accept(state, mask, t, acc[i], gyr[i], params)
        now = ints[I_COUNT] - 1
        angle = nums[X_ANGLE] + pitch * dt
        angle -= angle * min(dt / params.leak_s, 1.0)
        nums[X_ANGLE] = angle
        swung = False
        if ints[I_RISING]:
            if angle > nums[X_TOP] or now == 0:
                nums[X_TOP] = angle
                ints[I_TOP] = now
            if nums[X_TOP] - angle > params.fall_rad:
                ints[I_RISING] = 0
                nums[X_BOTTOM] = angle
                ints[I_BOTTOM] = now
        else:
            if angle < nums[X_BOTTOM]:
                nums[X_BOTTOM] = angle
                ints[I_BOTTOM] = now
            swung = angle - nums[X_BOTTOM] > params.rotation_rad
        if ints[I_SWING_FROM] >= 0:
            pushing = nums[X_TOP] - angle > nums[X_ASK]
            waited = t - state.t_s[ints[I_TOP] & mask] > params.landing_timeout_s
            if pushing or waited or swung:
                is_early = not (swung or waited)
                until = ints[I_BOTTOM] if swung else now
                n = _land(state, mask, until, is_early, params, rows, n, waves)
        if swung:
            _push_off(state, mask, ints[I_BOTTOM], params)
            _leave(state, mask, params)
            ints[I_RISING] = 1
            ints[I_SWING_FROM] = ints[I_BOTTOM]
            nums[X_ASK] = params.rotation_rad
            nums[X_TOP] = angle
            ints[I_TOP] = now
        if ints[I_PENDING] and t - state.pending[C_IC] > 1.5 * params.longest_stride_s:
            n = _emit_open(state, t, rows, n, waves)
            ints[I_MODE], ints[I_VOTES] = MODE_OTHER, 0
    return n


@njit(cache=True)
def close(state, params, rows, waves):
    """End the stream: land a foot that is down, write the pending row out; return the rows written."""
    ints = state.ints
    mask = state.t_s.shape[0] - 1
    now = ints[I_COUNT] - 1
    n = 0
    if now >= 2 and ints[I_RISING] and ints[I_SWING_FROM] >= 0:
        settled = state.t_s[now & mask] - state.t_s[ints[I_TOP] & mask] > params.settle_s
        _, _, _, is_soft = _locate_contact(state, mask, now, params)
        if settled or not is_soft:
            n = _land(state, mask, now, False, params, rows, n, waves)
    if ints[I_PENDING]:
        n = _emit_open(state, state.t_s[now & mask], rows, n, waves)
    return n
