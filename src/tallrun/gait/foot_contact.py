"""One contact: from the swing that ends to the swing that begins, looked up in the ring of recent samples."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

import tallrun.gait.foot_state as fs
import tallrun.gait.foot_stride as st
from tallrun.gait.foot_events import impact_onset, index_at, largest_at, quietest, time_at
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_rows import (
    complete_row,
    gap_between,
    has_slipped,
    peak_impact,
    sensor_height,
    strike_angle,
    timing_sigma,
)  # fmt: skip
from tallrun.gait.foot_state import FootState
from tallrun.gait.foot_stride import solve_stride
from tallrun.gait.foot_turns import level_from, mean_force
from tallrun.gait.rows import reason_bit
from tallrun.numerics.recording import FloatArray

INFERRED, GAP, CLIPPED = reason_bit("inferred"), reason_bit("gap"), reason_bit("clipped")
NO_FLAT, SLIP = reason_bit("no_flat"), reason_bit("slip")
DOUBTFUL, MOVED = reason_bit("event_doubtful"), reason_bit("mounting_changed")
DEG = 180.0 / math.pi


@njit(cache=True)
def _open_flat(state: FootState, mask: int, k: int, params: FootParams) -> None:
    """Make sample ``k`` the foot-flat the next stride starts from, its tilt taken from gravity."""
    up = np.zeros(3)
    oldest = max(state.ints[fs.I_COUNT] - mask, 0)
    scatter = mean_force(
        state.t_s, state.acc, mask, k, params.flat_half_s, oldest, state.ints[fs.I_COUNT] - 1, up
    )
    level_from(up, state.level)
    variance = params.gravity_tilt_rad**2 + scatter**2
    state.tilt_cov[0, 0] = variance
    state.tilt_cov[1, 1] = variance
    state.tilt_cov[0, 1] = 0.0
    state.tilt_cov[1, 0] = 0.0
    state.ints[fs.I_FLAT] = k


@njit(cache=True)
def locate_contact(
    state: FootState, mask: int, now: int, params: FootParams
) -> tuple[float, bool, int, bool]:
    """Place of the initial contact of the swing just ended, whether it was inferred, the swing's peak place.

    The impact's onset counts. Where samples are missing round it, the contact is put where this runner's
    usual delay after mid-swing says, or one usual stride after the last contact.
    """
    ints, nums = state.ints, state.nums
    top = ints[fs.I_TOP]
    swing = largest_at(state.pitch_radps, mask, ints[fs.I_SWING_FROM], top)
    stop = index_at(state.t_s, mask, top, 1, state.t_s[top & mask] + params.impact_search_s, now)
    slowed = swing
    while slowed < top and state.pitch_radps[slowed & mask] > 0.5 * state.pitch_radps[swing & mask]:
        slowed += 1
    # a heel coming down behind a forefoot turns as fast as the swing: its touch came before
    middle = (ints[fs.I_SWING_FROM] + slowed) // 2
    earlier = index_at(state.t_s, mask, slowed, -1, state.t_s[slowed & mask] - params.heel_down_s, middle)
    behind = state.snap[largest_at(state.snap, mask, slowed, stop) & mask]
    if state.snap[largest_at(state.snap, mask, earlier, slowed) & mask] > params.touch_share * behind:
        slowed = earlier
    rise = max(round(params.impact_rise_s * params.rate_hz), 1)
    touch = max(round(params.heel_down_s * params.rate_hz), 1)
    place = impact_onset(state.snap, mask, slowed, stop, rise, touch)
    doubtful = False
    if not np.isfinite(place):
        place = float(top)
        doubtful = True
    place = max(place, float(min(swing, slowed)))
    worst, at = gap_between(state, mask, swing, stop)
    inferred = False
    if worst > 0.0:
        expected = np.nan
        if nums[fs.X_DELAY_S] > 0.0:
            swing_gap, _ = gap_between(
                state, mask, max(swing - 2, ints[fs.I_SWING_FROM]), min(swing + 2, top)
            )
            if swing_gap == 0.0:
                expected = state.t_s[swing & mask] + nums[fs.X_DELAY_S]
            elif ints[fs.I_PENDING] and nums[fs.X_STRIDE_S] > 0.0:
                expected = state.pending[fs.C_IC] + nums[fs.X_STRIDE_S]
        before, after = state.t_s[(at - 1) & mask], state.t_s[at & mask]
        found = time_at(state.t_s, mask, place)
        guard = params.event_guard_s / 6.0
        if found > before - guard and found < after + guard:
            inferred = True
        # an impact that shows where it is due was not lost; one that shows elsewhere is a later one
        due_lost = np.isfinite(expected) and expected > before - guard and expected < after + guard
        if due_lost and abs(found - expected) > 1.5 * guard:
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
def _close_stride(state: FootState, mask: int, a: int, b: int, params: FootParams) -> int:
    """Solve the stride from foot-flat ``a`` to ``b``; False when gaps void it."""
    up = np.zeros(3)
    scatter = mean_force(state.t_s, state.acc, mask, b, params.flat_half_s, a, state.ints[fs.I_COUNT] - 1, up)
    height_m = sensor_height(state, params)
    lever = np.empty(3)
    for c in range(3):
        lever[c] = state.mount[2, c] * height_m
    sigma = math.sqrt(params.gravity_tilt_rad**2 + scatter**2)
    return solve_stride(
        state.t_s, state.acc, state.gyr, mask, a, b, state.level, state.tilt_cov, state.bias, state.gyr_limits,
        up, sigma, lever, state.acc_limits, state.ints[fs.I_RESTS] > 0, params, state.scratch, state.lobes,
        state.result,
    )  # fmt: skip


@njit(cache=True)
def _mounting_moved(state: FootState, mask: int, flat: int, params: FootParams) -> bool:
    """Watch gravity at foot-flat in foot axes; True while a lasting jump makes angles unknown.

    After some flats in a row off the learned direction the mounting is levelled anew, and angles stay
    unknown for as many more.
    """
    ints = state.ints
    up = np.zeros(3)
    mean_force(
        state.t_s, state.acc, mask, flat, params.flat_half_s, max(flat - mask, 0), ints[fs.I_COUNT] - 1, up
    )
    in_foot = np.zeros(3)
    usual = np.zeros(3)
    known = min(ints[fs.I_FLATS], state.flats.shape[0])
    for r in range(3):
        for c in range(3):
            in_foot[r] += state.mount[r, c] * up[c]
        for k in range(known):
            usual[r] += state.flats[k, r] / known
    size = math.sqrt(usual[0] ** 2 + usual[1] ** 2 + usual[2] ** 2)
    along = (in_foot[0] * usual[0] + in_foot[1] * usual[1] + in_foot[2] * usual[2]) / max(size, 1e-9)
    is_off = known >= params.moved_flats and along < math.cos(params.moved_deg / DEG)
    ints[fs.I_OFF] = ints[fs.I_OFF] + 1 if is_off else 0
    if ints[fs.I_UNSURE] > 0:
        ints[fs.I_UNSURE] -= 1
    if ints[fs.I_OFF] >= params.moved_flats:
        level = np.zeros((3, 3))
        level_from(in_foot, level)
        old = state.mount.copy()
        for r in range(3):
            for c in range(3):
                state.mount[r, c] = (
                    level[r, 0] * old[0, c] + level[r, 1] * old[1, c] + level[r, 2] * old[2, c]
                )
        ints[fs.I_FLATS], ints[fs.I_OFF] = 0, 0
        ints[fs.I_UNSURE] = params.moved_flats
        ints[fs.I_MOVES] += 1
        return True
    if not is_off:
        state.flats[ints[fs.I_FLATS] % state.flats.shape[0], :] = in_foot
        ints[fs.I_FLATS] += 1
    return ints[fs.I_UNSURE] > 0 or ints[fs.I_OFF] >= 5


@njit(cache=True)
def land(
    state: FootState,
    mask: int,
    now: int,
    is_early: bool,
    params: FootParams,
    rows: FloatArray,
    n: int,
    waves: FloatArray,
) -> int:
    """Time the contact that ends a swing, close the stride behind it, open the next row.

    ``is_early``: asked for as soon as the foot seems to push off. Then nothing happens yet unless it has
    been flat and turned on from there; a landing heel also turns toe-down.
    """
    ints, nums = state.ints, state.nums
    now_s = nums[fs.X_LAST_S]
    place, inferred, swing, doubtful = locate_contact(state, mask, now, params)
    peak_radps = state.pitch_radps[swing & mask]
    if peak_radps < params.swing_peak_radps:
        ints[fs.I_SWING_FROM] = -1
        return n
    contact_s = time_at(state.t_s, mask, place)
    contact = math.floor(place)
    lo = index_at(state.t_s, mask, contact, 1, contact_s + params.flat_after_contact_s, now)
    hi = max(index_at(state.t_s, mask, contact, 1, contact_s + params.flat_search_s, now), lo)
    flat, cost = quietest(state.t_s, state.cost, mask, lo, hi, params.flat_half_s)
    flat_s = state.t_s[flat & mask]
    if is_early:
        turned = 0.0
        for k in range(flat + 1, now + 1):
            turned -= state.pitch_radps[k & mask] * (state.t_s[k & mask] - state.t_s[(k - 1) & mask])
        if cost > params.flat_cost or turned < params.fall_rad:
            nums[fs.X_ASK] += 0.5 * params.fall_rad
            return n

    reasons = 0
    solved = False
    a = ints[fs.I_FLAT]
    gap_s = 0.0
    n_lobes = 0
    length = np.nan
    if a >= 0 and now - a < mask and flat - a < state.scratch.shape[0] and flat > a:
        gap_s, _ = gap_between(state, mask, a, flat)
        guard = index_at(state.t_s, mask, contact, -1, contact_s - params.event_guard_s, a)
        guard_end = index_at(state.t_s, mask, contact, 1, contact_s + params.event_guard_s, flat)
        near, _ = gap_between(state, mask, guard, guard_end)
        long_gap = gap_s > params.length_gap_s or near > 0.0
        if flat_s - state.t_s[a & mask] <= params.longest_stride_s and not long_gap:
            n_lobes = _close_stride(state, mask, a, flat, params)
            solved = True
            length = math.sqrt(state.result[st.R_DX] ** 2 + state.result[st.R_DY] ** 2)
    if gap_s > 0.0:
        reasons |= GAP
    trusted = solved and state.result[st.R_WORST] < params.misfit_limit
    least_m = params.least_travel_m * (3.0 if doubtful else 1.0)
    if solved and trusted and length < least_m:
        ints[fs.I_SWING_FROM] = -1
        ints[fs.I_CARRY] = 1
        ints[fs.I_FLAT] = flat
        return n

    sigma_s = timing_sigma(state, mask, place, now, params)
    if inferred:
        sigma_s = params.timing_inferred_s
    elif doubtful:
        sigma_s = params.timing_doubtful_s
    if ints[fs.I_PENDING]:
        state.pending[fs.C_TIMING_SD] = max(state.pending[fs.C_TIMING_SD], sigma_s)
        n = complete_row(
            state, mask, a, flat, contact_s, reasons, solved, trusted, n_lobes, length, gap_s, params, rows, n,
            waves, now_s,
        )  # fmt: skip
    row = state.pending
    row[:] = np.nan
    row[fs.C_IC] = contact_s
    row[fs.C_FLAT] = flat_s
    row[fs.C_SWING] = peak_radps
    bits = 0
    if inferred:
        bits |= INFERRED | GAP
    if doubtful and not inferred:
        bits |= DOUBTFUL
    if cost > params.no_flat_cost:
        bits |= NO_FLAT
    if solved and has_slipped(state, mask, contact, flat, a, params):
        bits |= SLIP
    stance_gap, _ = gap_between(state, mask, max(contact - 1, 0), flat)
    if not inferred and stance_gap == 0.0:
        angle = strike_angle(state, mask, place, flat, a, solved)
        row[fs.C_FSA] = angle
        late = min(
            place + sigma_s * params.rate_hz, float(flat)
        )  # the foot turns fast: when it landed matters
        early = max(place - sigma_s * params.rate_hz, float(max(a, swing)))
        turned = max(
            abs(strike_angle(state, mask, late, flat, a, solved) - angle),
            abs(strike_angle(state, mask, early, flat, a, solved) - angle),
        )
        unsure = math.hypot(2.0 if cost > params.no_flat_cost else 0.0, 3.0 if doubtful else 0.0)
        row[fs.C_FSA_SD] = math.sqrt(1.0 + turned * turned + unsure * unsure)
        peak_g, clipped = peak_impact(state, mask, contact_s, now, params)
        row[fs.C_PEAK] = peak_g
        if clipped:
            bits |= CLIPPED
        delay_s = contact_s - state.t_s[swing & mask]
        nums[fs.X_DELAY_S] = (
            delay_s if nums[fs.X_DELAY_S] == 0.0 else 0.8 * nums[fs.X_DELAY_S] + 0.2 * delay_s
        )
    row[fs.C_REASONS] = bits
    row[fs.C_QUALITY] = 0.0
    row[fs.C_TIMING_SD] = sigma_s
    row[fs.C_MODE] = ints[fs.I_MODE]
    ints[fs.I_PENDING] = 1
    ints[fs.I_CONTACT] = contact
    nums[fs.X_CONTACT] = place
    nums[fs.X_FLAT_COST] = cost
    if solved:
        ints[fs.I_FLAT] = flat
    else:
        _open_flat(state, mask, flat, params)
    ints[fs.I_CARRY] = 1
    ints[fs.I_SWING_FROM] = -1
    if cost < params.flat_cost and _mounting_moved(state, mask, flat, params):
        row[fs.C_REASONS] = int(row[fs.C_REASONS]) | MOVED
        row[fs.C_FSA] = np.nan
        row[fs.C_FSA_SD] = np.nan
    return n


@njit(cache=True)
def push_off(state: FootState, mask: int, now: int, params: FootParams) -> None:
    """Fix the foot-flat the next stride starts from, as the foot leaves it."""
    ints = state.ints
    now_s = state.t_s[now & mask]
    flat = ints[fs.I_FLAT]
    if (
        ints[fs.I_CARRY]
        and flat >= 0
        and now_s - state.t_s[flat & mask] <= params.flat_search_s
        and now - flat < mask
    ):
        return
    oldest = max(now - mask + 1, 0)
    if ints[fs.I_CARRY] and flat > oldest:
        oldest = flat
    lo = index_at(state.t_s, mask, now, -1, now_s - params.flat_search_s, oldest)
    lo = min(max(lo, oldest), now)
    flat, cost = quietest(state.t_s, state.cost, mask, lo, now, params.flat_half_s)
    _open_flat(state, mask, flat, params)
    if cost > params.no_flat_cost:
        ints[fs.I_FLAT] = -1


@njit(cache=True)
def leave(state: FootState, mask: int, params: FootParams) -> None:
    """Time the final contact, once the swing has begun: where the foot turned toe-down the fastest."""
    ints = state.ints
    if not ints[fs.I_PENDING] or np.isfinite(state.pending[fs.C_FC]):
        return
    bottom = ints[fs.I_BOTTOM]
    first = ints[fs.I_FLAT] if ints[fs.I_FLAT] >= 0 else ints[fs.I_CONTACT]
    first = max(first, bottom - mask + 2, 1)
    if bottom - first < 2:
        return
    gap_s, at = gap_between(state, mask, first, bottom)
    best = first
    least = np.inf
    half = max(round(params.landmark_half_s * params.rate_hz), 0)
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
    if when > state.pending[fs.C_IC]:
        state.pending[fs.C_FC] = when
        sigma_s = timing_sigma(state, mask, place, ints[fs.I_COUNT] - 1, params)
        state.pending[fs.C_TIMING_SD] = max(state.pending[fs.C_TIMING_SD], sigma_s)
