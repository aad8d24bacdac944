"""Cycles: where a foot swings and where it turns, from the gyroscope; the engine's sample loop.

A foot swings toe-up once per stride and turns toe-down at push-off. Both turns exceed half a radian in walking and in
running, so a zigzag over the (leaky) integral of the pitch rate delimits the cycles at any sampling rate without
thresholds on signal shape. Everything else is looked up in the ring of recent samples when a turn is confirmed, so no
result depends on how the signal was cut into blocks. In the order of the physics:

``foot_samples`` a sample is taken in; here: the swing it begins or ends; ``foot_events`` when the foot came down, lay
flat and left; ``foot_trajectory`` the way from flat to flat; ``foot_row`` what all that is worth.
"""

from __future__ import annotations

import math

from tallrun.gait.foot_events import (
    due_of,
    find_flat,
    locate_contact,
    open_flat,
    open_pushed_off,
    time_final_contact,
    timing_sigma,
    unrest,
)  # fmt: skip
from tallrun.gait.foot_mounting import has_mounting_moved
from tallrun.gait.foot_pivot import first_touch, settle_final_contact
from tallrun.gait.foot_row import complete_row, emit_open, forget_mode, open_row
from tallrun.gait.foot_samples import accept
from tallrun.gait.foot_trajectory import close_stride
from tallrun.gait.front import count_clipped, is_next
from tallrun.gait.kernels import kernel
from tallrun.gait.rows import reason_bit

GAP, MOVED = reason_bit("gap"), reason_bit("mounting_changed")


@kernel
def track(t_s, acc, gyr, state, settings, out, is_end):
    """Feed samples; rows they decide are added to ``out``.

    t_s (n,), acc, gyr (n, 3) : as for ``FootEngine.feed``. state : ``FootState``. settings (1,) : record of
    ``FootParams``. is_end : no more will come; the foot lands and the last row is written out. Samples that are not
    finite or do not move time forward are counted and dropped.
    """
    front, params = state.front[0], settings[0]
    for i in range(t_s.shape[0]):
        t = t_s[i]
        if not is_next(t, acc[i], gyr[i], front):
            continue
        if front.n == 0:
            front.first_s = t
        elif t - front.last_s > params.longest_stride_s:
            _begin_bout(state, t, out)
        count_clipped(acc[i], gyr[i], state.sensor, front, params)
        dt = accept(t, acc[i], gyr[i], state, params)
        _follow_turn(state, t, dt, params, out)
        if state.stance[0].is_pending:
            waited_s = t - state.row[0].initial_contact_s
            if waited_s > params.row_wait_strides * params.longest_stride_s:
                emit_open(state, t, out)
                forget_mode(state.gait[0])
    if is_end:
        _close(state, params, out)


@kernel
def _close(state, params, out):
    """End the stream: land a foot that is down, write the pending row out."""
    t_s, mask, now = state.samples.t_s, state.samples.mask, state.front[0].n - 1
    if now >= 2 and state.cycle[0].swing_from >= 0:
        settled = t_s[now & mask] - t_s[state.cycle[0].top & mask] > params.settle_s
        contact = locate_contact(state, now, params)
        # what shows well before the foot is due to land is not its landing
        is_ahead = due_of(state, contact.swing) - contact.t_s > params.due_guards * params.gap_edge_s
        is_early = not settled and (contact.is_doubtful or is_ahead)
        if not is_early:
            land(state, now, is_early, params, out)
    if state.stance[0].is_pending:
        emit_open(state, t_s[now & mask], out)


@kernel
def _begin_bout(state, t, out):
    """Forget the running cycle after a pause; what was learned and counted stays."""
    if state.stance[0].is_pending:
        state.row[0].reasons |= GAP
        emit_open(state, t, out)
    forget_mode(state.gait[0])
    cycle = state.cycle[0]
    cycle.is_rising, cycle.swing_from, cycle.top = True, -1, state.front[0].n
    cycle.angle_rad = cycle.top_rad = cycle.bottom_rad = 0.0
    state.stance[0].flat_at, state.stance[0].is_carried = -1, False


@kernel
def _follow_turn(state, t, dt, params, out):
    """Follow the pitch angle by one sample; land the foot, or let it leave, where a turn is confirmed."""
    cycle, mask, now = state.cycle[0], state.samples.mask, state.front[0].n - 1
    angle = cycle.angle_rad + state.derived.pitch_radps[now & mask] * dt
    angle -= angle * min(dt / params.leak_s, 1.0)
    cycle.angle_rad = angle
    has_swung = False
    if cycle.is_rising:
        if angle > cycle.top_rad or now == 0:
            cycle.top_rad, cycle.top = angle, now
        if cycle.top_rad - angle > params.fall_rad:
            cycle.is_rising, cycle.bottom_rad, cycle.bottom = False, angle, now
    else:
        if angle < cycle.bottom_rad:
            cycle.bottom_rad, cycle.bottom = angle, now
        has_swung = angle - cycle.bottom_rad > params.rotation_rad
    if cycle.swing_from >= 0:
        is_pushing = cycle.top_rad - angle > cycle.ask_rad
        has_waited = t - state.samples.t_s[cycle.top & mask] > params.landing_timeout_s
        if is_pushing or has_waited or has_swung:
            land(state, cycle.bottom if has_swung else now, not (has_swung or has_waited), params, out)
    if has_swung:
        open_pushed_off(state, cycle.bottom, params)
        time_final_contact(state, params)
        cycle.is_rising, cycle.swing_from, cycle.ask_rad = True, cycle.bottom, params.ask_rad
        cycle.top_rad, cycle.top = angle, now


@kernel
def land(state, now, is_early, params, out):
    """Time the contact that ends a swing, close the stride behind it, open the next row.

    is_early : asked for as soon as the foot seems to push off. Then nothing happens yet unless it has been flat and
        turned on from there; a landing heel also turns toe-down.
    """
    cycle, stance, fit = state.cycle[0], state.stance[0], state.work.fit[0]
    contact = locate_contact(state, now, params)
    if state.derived.pitch_radps[contact.swing & state.samples.mask] < params.swing_peak_radps:
        cycle.swing_from = -1
        return
    flat, cost = find_flat(state, contact, now, params)
    if is_early and (cost > params.flat_cost or _turn_since(state, flat, now) < params.fall_rad):
        cycle.ask_rad += params.ask_share * params.fall_rad
        return
    unrest_mps = unrest(state, flat, cost, params)
    close_stride(state, contact, flat, unrest_mps, now, params)
    least_m = params.least_travel_m * (params.doubtful_travel if contact.is_doubtful else 1.0)
    # it struck, and how far it went is not known well
    is_unsure = fit.gap_s > 0.0 and not contact.is_doubtful
    if fit.is_trusted and fit.length_m < least_m and not is_unsure:  # a swing that went nowhere
        cycle.swing_from, stance.is_carried = -1, True
        stance.flat_at, stance.flat_unrest_mps = flat, unrest_mps
        return
    found_s = contact.t_s
    contact = first_touch(state, contact, params)
    sigma_s = timing_sigma(state, contact.place, now, params)
    if contact.t_s < found_s:
        sigma_s = math.hypot(sigma_s, params.timing_touch_s)
    if contact.is_inferred:
        sigma_s = params.timing_inferred_s
    elif contact.is_doubtful:
        sigma_s = params.timing_doubtful_s
    if stance.is_pending:
        state.row[0].timing_sigma_s = max(state.row[0].timing_sigma_s, sigma_s)
        settle_final_contact(state, params)
        complete_row(state, contact, cost, params, out)
    open_row(state, contact, flat, cost, sigma_s, now, params)
    stance.is_pending, stance.contact, stance.flat_cost = True, contact.sample, cost
    if fit.is_solved:
        stance.flat_at, stance.flat_unrest_mps = flat, unrest_mps
    else:
        open_flat(state, flat, cost, params)
    stance.is_carried, cycle.swing_from = True, -1
    if cost < params.flat_cost and has_mounting_moved(state, flat, params):
        state.row[0].reasons |= MOVED
        state.row[0].foot_strike_angle_deg = state.row[0].foot_strike_angle_sigma_deg = math.nan


@kernel
def _turn_since(state, flat, now):
    """Turn toe-down from sample ``flat`` to ``now`` [rad]."""
    t_s, mask, turned = state.samples.t_s, state.samples.mask, 0.0
    for k in range(flat + 1, now + 1):
        turned -= state.derived.pitch_radps[k & mask] * (t_s[k & mask] - t_s[(k - 1) & mask])
    return turned
