"""Events of one contact, looked up in the ring of recent samples: initial contact, foot-flat, final contact.

`sci:A1`, `sci:A2`. Places are sample numbers; fractions where an instant lies between samples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tallrun.gait.kernels import kernel, vector
from tallrun.gait.rows import reason_bit
from tallrun.gait.vectors import level_from, size_of
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

NO_FLAT = reason_bit("no_flat")


class InitialContact(NamedTuple):
    """An initial contact: its place, the sample at or before it, its time; the fastest sample of the swing it ends.

    is_inferred : it fell into lost samples and was put where it was due. is_doubtful : nothing struck.
    """

    place: float
    sample: int
    t_s: float
    swing: int
    is_inferred: bool
    is_doubtful: bool


@kernel
def largest_at(values, mask, first, last):
    """Index of the largest value in [first, last]."""
    best = first
    for k in range(first, last + 1):
        if values[k & mask] > values[best & mask]:
            best = k
    return best


@kernel
def index_at(t_s, mask, start, step, when_s, stop):
    """Walk from ``start`` by ``step`` (+1 or -1) while not past ``when_s`` nor ``stop``."""
    k = start
    while k != stop and (t_s[(k + step) & mask] - when_s) * step <= 0.0:
        k += step
    return k


@kernel
def time_at(t_s, mask, place):
    """Time of a fractional index."""
    k = int(np.floor(place))
    part = place - k
    if part <= 0.0:
        return t_s[k & mask]
    return t_s[k & mask] + part * (t_s[(k + 1) & mask] - t_s[k & mask])


@kernel
def gap_between(gap_s, mask, first, last):
    """Longest time missing before any sample in (first, last], and the sample after it."""
    worst, at = 0.0, -1
    for k in range(first + 1, last + 1):
        if gap_s[k & mask] > worst:
            worst, at = gap_s[k & mask], k
    return worst, at


@kernel
def nearest_gap(state, when_s, least_s, first, last):
    """Sample behind the gap over ``least_s`` in (first, last] that is nearest to a time, -1: none; how far that is."""
    t_s, gap_s, mask = state.samples.t_s, state.derived.gap_s, state.samples.mask
    at, least = -1, np.inf
    for k in range(first + 1, last + 1):
        if gap_s[k & mask] > least_s:
            off_s = max(t_s[(k - 1) & mask] - when_s, when_s - t_s[k & mask], 0.0)
            if off_s < least:
                at, least = k, off_s
    return at, least


@kernel
def _widest_step(state, place, n_beside, now):
    """Widest step between samples at ``place``, and of those lost so many samples beside it [s].

    What is lost in it counts apart, for it errs by itself.
    """
    t_s, mask, period_s, widest_s = state.samples.t_s, state.samples.mask, state.front[0].period_s, 0.0
    k = math.floor(place)
    for j in range(max(k - 1 - n_beside, 1), min(k + 2 + n_beside, now) + 1):
        step_s = t_s[j & mask] - t_s[(j - 1) & mask]
        if state.derived.was_lost[j & mask]:
            widest_s = max(widest_s, math.hypot(period_s, step_s - period_s))
        elif k - 1 <= j <= k + 2:
            widest_s = max(widest_s, step_s)
    return widest_s


@kernel
def timing_sigma(state, place, now, params):
    """Return what a contact at ``place`` may be off by [s]: what any is, and the widest step between samples there."""
    return math.hypot(params.timing_floor_s, params.timing_step_share * _widest_step(state, place, 0, now))


@kernel
def off_sigma(state, place, now, params):
    """Return the same of a final contact: its force fades out, and a smooth turn is read between samples."""
    n_beside = round(params.landmark_half_s * params.rate_hz)  # its rate is a mean over these
    return math.hypot(params.off_floor_s, params.off_step_share * _widest_step(state, place, n_beside, now))


# Initial contact ------------------------------------------------------------------------------------------------------


@kernel
def _first_rise(snap, mask, first, last, params):
    """Sample of the impact in [first, last], the sharpness of its swing and its own; -1 where nothing struck."""
    sharpest = snap[largest_at(snap, mask, first + 1, last) & mask]
    hit = first + 1
    while snap[hit & mask] < params.hit_share * sharpest:
        hit += 1
    calm = 0.0
    n_calm = max((hit - first) // 2, 1)
    for k in range(first + 1, first + 1 + n_calm):
        calm += snap[k & mask] / n_calm
    if sharpest < params.hit_over_calm * calm or sharpest <= 0.0:
        return -1, calm, sharpest
    rise = max(round(params.impact_rise_s * params.rate_hz), 1)
    touch = max(round(params.heel_down_s * params.rate_hz), 1)
    for k in range(max(first + 1 + n_calm, hit - touch), hit - rise):
        if snap[k & mask] > max(params.touch_over_calm * calm, params.least_touch_share * sharpest):
            hit = k
            sharpest = snap[hit & mask]
            for j in range(hit, hit + rise):
                sharpest = max(sharpest, snap[j & mask])
            break
    return hit, calm, sharpest


@kernel
def impact_onset(snap, mask, first, last, params):
    """Onset of the landing impact in [first, last] as a fractional index; NaN where nothing struck.

    ``snap[k]`` is the size of the second difference of the force over samples k - 2 to k. The swing is smooth, so it is
    small there at any sampling rate, whatever force the leg brakes the foot with. The impact is the first time it
    passes ``hit_share`` of its greatest value in the window; its onset is where it rose through a multiple of its level
    in the swing or a share of that peak, at most ``impact_rise_s`` before, put between samples. A forefoot touches the
    ground before its heel, which may strike many times harder: a sharpness well above the swing's at most
    ``heel_down_s`` earlier, calm behind it, is that first touch.
    """
    if last - first < 3:
        return np.nan
    hit, calm, sharpest = _first_rise(snap, mask, first, last, params)
    if hit < 0:
        return np.nan
    floor = max(params.hit_over_calm * calm, params.onset_share * sharpest)
    floor = min(floor, params.most_onset_share * sharpest)
    earliest = max(first + 1, hit - max(round(params.impact_rise_s * params.rate_hz), 1))
    while hit > earliest and snap[(hit - 1) & mask] > floor:
        hit -= 1
    below, above = snap[(hit - 1) & mask], snap[hit & mask]
    part = 0.0
    if above > below and above > floor:
        part = min(max((floor - below) / (above - below), 0.0), 1.0)
    return hit - 1.0 + part


@kernel
def sharpness(state, place, now, params):
    """Greatest sharpness of an impact whose onset is at ``place`` [m/s2]."""
    first = max(math.floor(place), 1)
    rise = max(round(params.impact_rise_s * params.rate_hz), 1)
    snap, mask = state.derived.snap, state.samples.mask
    return snap[largest_at(snap, mask, first, min(first + rise, now)) & mask]


@kernel
def _slowed_at(state, swing, stop, params):
    """Where the swing has slowed down so far that a foot may strike: half its peak rate, earlier for a forefoot."""
    samples, snap, mask, pitch = (
        state.samples,
        state.derived.snap,
        state.samples.mask,
        state.derived.pitch_radps,
    )
    slowed = swing
    while slowed < state.cycle[0].top and pitch[slowed & mask] > params.slowed_share * pitch[swing & mask]:
        slowed += 1
    # a heel coming down behind a forefoot turns as fast as the swing: its touch came before
    middle = (state.cycle[0].swing_from + slowed) // 2
    before_s = samples.t_s[slowed & mask] - params.heel_down_s
    earlier = index_at(samples.t_s, mask, slowed, -1, before_s, middle)
    behind = snap[largest_at(snap, mask, slowed, stop) & mask]
    if snap[largest_at(snap, mask, earlier, slowed) & mask] > params.touch_share * behind:
        slowed = earlier
    return slowed


@kernel
def due_of(state, swing):
    """When the contact is due: a usual delay after mid-swing, else a usual stride after the last one; NaN: unknown."""
    stance, samples, mask = state.stance[0], state.samples, state.samples.mask
    if not stance.usual_delay_s > 0.0:
        return np.nan
    first, last = max(swing - 2, state.cycle[0].swing_from), min(swing + 2, state.cycle[0].top)
    if gap_between(state.derived.gap_s, mask, first, last)[0] == 0.0:
        return samples.t_s[swing & mask] + stance.usual_delay_s
    if stance.is_pending and stance.usual_stride_s > 0.0:
        return state.row[0].initial_contact_s + stance.usual_stride_s
    return np.nan


@kernel
def _place_of(samples, when_s, swing, now):
    """Fractional index of a time between the swing's peak and the newest sample."""
    t_s, mask = samples.t_s, samples.mask
    when_s = min(max(when_s, t_s[swing & mask]), t_s[now & mask])
    k = index_at(t_s, mask, now, -1, when_s, swing)
    k = max(k - 1, swing) if t_s[k & mask] > when_s else k
    if k >= now:
        return float(k)
    step = t_s[(k + 1) & mask] - t_s[k & mask]
    return k + min(max((when_s - t_s[k & mask]) / step, 0.0), 0.999)


@kernel
def _gap_of_contact(state, place, swing, last, params):
    """Sample behind the gap in (swing, last] in which the landing was lost; -1: what shows at ``place`` is it."""
    stance, guard_s = state.stance[0], params.gap_edge_s
    found_s, due_s = time_at(state.samples.t_s, state.samples.mask, place), due_of(state, swing)
    at, far_s = nearest_gap(state, found_s, 0.0, swing, last)
    if at < 0 or far_s < guard_s:
        return at
    sharp, usual = sharpness(state, place, state.front[0].n - 1, params), stance.usual_snap
    known = np.isfinite(due_s)
    if known:
        at, far_s = nearest_gap(state, due_s, 0.0, swing, last)
        # an impact that shows where it is due was not lost; one that shows elsewhere is another one,
        off_s = abs(found_s - due_s)
        is_other = off_s > params.due_guards * guard_s and far_s < max(guard_s, params.due_reach * off_s)
        # unless it comes too early and as hard as usual: no wobble of the swing does
        if is_other and not (found_s < due_s and sharp > params.usual_hit_share * usual > 0.0):
            return at
    # and what is much softer than usual is none, where time is missing
    return at if sharp < params.soft_hit_share * usual else -1


@kernel
def locate_contact(state, now, params):
    """Return the initial contact of the swing just ended.

    The impact's onset counts. Where samples are missing round it, the contact is put where this runner's
    usual delay after mid-swing says, or one usual stride after the last contact.
    """
    t_s, mask, top = state.samples.t_s, state.samples.mask, state.cycle[0].top
    swing = largest_at(state.derived.pitch_radps, mask, state.cycle[0].swing_from, top)
    stop = index_at(t_s, mask, top, 1, t_s[top & mask] + params.impact_search_s, now)
    slowed = _slowed_at(state, swing, stop, params)
    place = impact_onset(state.derived.snap, mask, slowed, stop, params)
    is_doubtful = not np.isfinite(place)
    if is_doubtful:
        place = float(top)
    place = max(place, float(min(swing, slowed)))
    at = _gap_of_contact(state, place, swing, min(stop + 1, now), params)
    if at >= 0:
        due_s, before_s, after_s = due_of(state, swing), t_s[(at - 1) & mask], t_s[at & mask]
        if not np.isfinite(due_s):
            due_s = 0.5 * (before_s + after_s)
        place = _place_of(state.samples, min(max(due_s, before_s), after_s), swing, now)
    is_inferred = at >= 0
    return InitialContact(
        place, math.floor(place), time_at(t_s, mask, place), swing, is_inferred, is_doubtful
    )


# Foot-flat ------------------------------------------------------------------------------------------------------------


@kernel
def quietest(t_s, cost, mask, first, last, half_s):
    """Sample in [first, last] round which the mean stillness cost within ``half_s`` is least, and that mean."""
    best, least = first, np.inf
    lo, hi = first, first - 1
    total = 0.0
    for k in range(first, last + 1):
        while hi < last and t_s[(hi + 1) & mask] - t_s[k & mask] <= half_s:
            hi += 1
            total += cost[hi & mask]
        while t_s[k & mask] - t_s[lo & mask] > half_s:
            total -= cost[lo & mask]
            lo += 1
        mean = total / (hi - lo + 1)
        if mean < least:
            best, least = k, mean
    return best, least


@kernel
def find_flat(state, contact, now, params):
    """Foot-flat behind a contact, and how far from still it is."""
    t_s, mask = state.samples.t_s, state.samples.mask
    settled_s = (
        contact.t_s + params.flat_after_contact_s + (params.timing_inferred_s if contact.is_inferred else 0.0)
    )
    lo = index_at(t_s, mask, contact.sample, 1, settled_s, now)
    if lo < now and state.derived.gap_s[(lo + 1) & mask] > 0.0:  # before a hole the foot still lands
        lo += 1
    hi = max(index_at(t_s, mask, contact.sample, 1, contact.t_s + params.flat_search_s, now), lo)
    return quietest(t_s, state.derived.cost, mask, lo, hi, params.flat_half_s)


@kernel
def unrest(state, flat, cost, params):
    """How fast the foot may have moved at a foot-flat that lies beside a hole, in which it lay stiller [m/s].

    The force that is not gravity there fades until the stillest instant, which is anywhere in the hole.
    """
    t_s, gap_s, mask, now = state.samples.t_s, state.derived.gap_s, state.samples.mask, state.front[0].n - 1
    if cost <= params.flat_cost:
        return 0.0
    hole_s, k = 0.0, flat
    while k > 1 and flat - k < mask - 2 and t_s[flat & mask] - t_s[k & mask] <= params.flat_half_s:
        hole_s = max(hole_s, gap_s[k & mask])
        k -= 1
    k = flat
    while k < now and t_s[k & mask] - t_s[flat & mask] <= params.flat_half_s:
        hole_s = max(hole_s, gap_s[(k + 1) & mask])
        k += 1
    return params.unrest_share * params.flat_acc_mps2 * math.sqrt(cost - params.flat_cost) * hole_s


@kernel
def mean_force(samples, k, half_s, first, last, out):
    """Direction of the mean specific force within ``half_s`` of sample ``k``; return its scatter as an angle [rad]."""
    t_s, acc, mask = samples.t_s, samples.acc, samples.mask
    lo, hi = k, k
    while lo > first and t_s[k & mask] - t_s[(lo - 1) & mask] <= half_s:
        lo -= 1
    while hi < last and t_s[(hi + 1) & mask] - t_s[k & mask] <= half_s:
        hi += 1
    n = hi - lo + 1
    for c in range(3):
        out[c] = 0.0
    for i in range(lo, hi + 1):
        for c in range(3):
            out[c] += acc[i & mask, c] / n
    scatter = 0.0
    for i in range(lo, hi + 1):
        for c in range(3):
            scatter += (acc[i & mask, c] - out[c]) ** 2 / n
    norm = size_of(out)
    excess = norm - GRAVITY_MPS2
    if norm > 0.0:
        for c in range(3):
            out[c] /= norm
    else:
        out[2] = 1.0
    return math.sqrt(scatter + excess * excess) / GRAVITY_MPS2


@kernel
def level_at(samples, k, first, last, params, up, flat):
    """Write up, level and tilt covariance of a foot-flat at sample ``k``, from gravity among samples [first, last]."""
    scatter = mean_force(samples, k, params.flat_half_s, first, last, up)
    level_from(up, flat.level)
    flat.tilt_cov[0, 0] = flat.tilt_cov[1, 1] = params.gravity_tilt_rad**2 + scatter**2
    flat.tilt_cov[0, 1] = flat.tilt_cov[1, 0] = 0.0


@kernel
def open_flat(state, k, cost, params):
    """Make sample ``k`` the foot-flat the next stride starts from, its tilt taken from gravity."""
    newest = state.front[0].n - 1
    level_at(state.samples, k, max(newest + 1 - state.samples.mask, 0), newest, params, vector(3), state.flat)
    state.stance[0].flat_at, state.stance[0].flat_unrest_mps = k, unrest(state, k, cost, params)


@kernel
def open_pushed_off(state, now, params):
    """Fix the foot-flat the next stride starts from, as the foot leaves it."""
    stance, t_s, mask = state.stance[0], state.samples.t_s, state.samples.mask
    now_s, flat = t_s[now & mask], stance.flat_at
    is_recent = flat >= 0 and now_s - t_s[flat & mask] <= params.flat_search_s and now - flat < mask
    if stance.is_carried and is_recent:
        return
    oldest = max(now - mask + 1, 0)
    if stance.is_carried and flat > oldest:
        oldest = flat
    lo = index_at(t_s, mask, now, -1, now_s - params.flat_search_s, oldest)
    lo = min(max(lo, oldest), now)
    flat, cost = quietest(t_s, state.derived.cost, mask, lo, now, params.flat_half_s)
    open_flat(state, flat, cost, params)
    if cost > params.no_flat_cost:
        stance.flat_at = -1


# Final contact --------------------------------------------------------------------------------------------------------


@kernel
def _fastest_toe_down(pitch_radps, mask, first, last, half):
    """Place in [first, last] of the least pitch rate, averaged over ``half`` samples either way."""
    best, least = first, np.inf
    before = after = previous = 0.0
    is_next = False
    for k in range(first, last + 1):
        mean = 0.0
        for j in range(k - half, k + half + 1):
            mean += pitch_radps[j & mask]
        mean /= 2 * half + 1
        if is_next:
            after, is_next = mean, False
        if mean < least:
            before = previous if k > first else mean
            best, least, is_next = k, mean, True
        previous = mean
    bend = before - 2.0 * least + after
    if first < best < last and bend > 1e-12:  # top of the parabola through it and its neighbours
        return best + min(max(0.5 * (before - after) / bend, -0.5), 0.5)
    return float(best)


@kernel
def hidden_swing(state, flat, last, longest_s, params):
    """Longest time missing between the pending contact and sample ``last``, if it may have hidden a swing [s]; or 0.

    That takes longer than ``longest_s``. A foot that swung and lies down again, at the foot-flat ``flat`` (-1: none) or
    for a while, was not seen to lie still for as long as a swing lasts; twice as long where it does not lie
    again, for what was lost may be the end of a stance, and it just leaves.
    """
    t_s, cost, mask = state.samples.t_s, state.derived.cost, state.samples.mask
    first = max(state.stance[0].contact, state.front[0].n - mask)
    missing_s, _ = gap_between(state.derived.gap_s, mask, first, last)
    if missing_s <= params.void_gap_s or t_s[last & mask] - state.row[0].initial_contact_s <= longest_s:
        return 0.0
    still_s = t_s[
        first & mask
    ]  # since when it is still again; last seen to lie still, as it does when it has landed
    lay_s = landed_s = still_s + params.flat_after_contact_s + 2.0 * params.flat_half_s
    for k in range(first + 1, last + 1):
        when_s = t_s[k & mask]
        if state.derived.gap_s[k & mask] > 0.0 and t_s[(k - 1) & mask] < landed_s:
            lay_s = t_s[(k - 1) & mask]  # which was not seen
        if state.derived.gap_s[k & mask] > 0.0 or cost[k & mask] >= params.flat_cost:
            still_s = when_s
        if k == flat or when_s - still_s >= 2.0 * params.flat_half_s:
            if still_s - lay_s > params.swing_s:
                return missing_s
            lay_s = when_s
    return missing_s if t_s[last & mask] - lay_s > 2.0 * params.swing_s else 0.0


@kernel
def is_lost(state, when_s, first, last, params):
    """Whether a final contact at that time may have been lost in a gap in (first, last] beside it."""
    return nearest_gap(state, when_s, params.void_gap_s, first, last)[1] < params.off_gap_edge_s


@kernel
def time_final_contact(state, params):
    """Time the final contact, once the swing has begun: where the foot turned toe-down the fastest."""
    stance, row, samples, mask = state.stance[0], state.row[0], state.samples, state.samples.mask
    if not stance.is_pending or np.isfinite(row.final_contact_s):
        return
    bottom = state.cycle[0].bottom
    first = stance.flat_at if stance.flat_at >= 0 else stance.contact
    first = max(first, bottom - mask + 2, 1)
    if bottom - first < 2:
        return
    half = max(round(params.landmark_half_s * params.rate_hz), 0)
    place = _fastest_toe_down(state.derived.pitch_radps, mask, first, bottom, half)
    when_s = time_at(samples.t_s, mask, place)
    landed = max(stance.contact, bottom - mask + 2)
    if stance.flat_at >= 0 and when_s - samples.t_s[stance.flat_at & mask] < params.off_gap_edge_s:
        if gap_between(state.derived.gap_s, mask, landed, stance.flat_at)[0] > 0.0:
            # the foot lay flat in a hole: what is left of the stance was quietest as it left
            stance.flat_at, row.foot_flat_s = -1, np.nan
            row.foot_strike_angle_deg = row.foot_strike_angle_sigma_deg = np.nan
            row.reasons |= NO_FLAT
    fall_radps = -state.derived.pitch_radps[round(place) & mask]
    now = state.front[0].n - 1
    missing_s, _ = gap_between(state.derived.gap_s, mask, landed, now)
    if missing_s > params.void_gap_s:
        longest_s = max(params.longest_stance_share * stance.usual_stride_s, params.late_flat_s)
        is_slow = fall_radps < params.least_fall_share * stance.usual_fall_radps
        is_other = hidden_swing(state, stance.flat_at, math.floor(place), longest_s, params) > 0.0
        if is_slow or is_other or is_lost(state, when_s, landed, now, params):
            return
    elif missing_s == 0.0:
        gain = params.usual_share if stance.usual_fall_radps > 0.0 else 1.0
        stance.usual_fall_radps += gain * (fall_radps - stance.usual_fall_radps)
    if when_s > row.initial_contact_s:
        row.final_contact_s = when_s
        own_s = off_sigma(state, place, now, params)
        row.final_contact_sigma_s = math.hypot(own_s, params.off_alone_s)
