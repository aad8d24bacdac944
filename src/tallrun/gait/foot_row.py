"""The rows of a foot: what one contact is worth once its stride is closed, and how rows leave the engine."""

from __future__ import annotations

import math

import numpy as np

from tallrun.gait.eligible import HALF_QUALITY_SHARE, LENGTH_LIMIT_SHARE
from tallrun.gait.foot_events import gap_between, hidden_swing, index_at, sharpness
from tallrun.gait.foot_state import WAVE_KINDS
from tallrun.gait.foot_trajectory import foot_pitch, learn_height
from tallrun.gait.gait_odds import running_odds
from tallrun.gait.kernels import kernel
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_WALK, reason_bit
from tallrun.gait.vectors import dot, size_of
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

OPEN, INFERRED, GAP = reason_bit("open_stride"), reason_bit("inferred"), reason_bit("gap")
CLIPPED, LOW_QUALITY = reason_bit("clipped"), reason_bit("low_quality")
GYRO_CLIPPED, DRIFT = reason_bit("gyro_clipped"), reason_bit("velocity_drift")
TURN, SLOPE, SLIP = reason_bit("turn"), reason_bit("slope"), reason_bit("slip")
NO_FLAT, DOUBTFUL = reason_bit("no_flat"), reason_bit("event_doubtful")
DEG = 180.0 / math.pi


# Out of the engine ----------------------------------------------------------------------------------------------------


@kernel
def _emit(state, now_s, out):
    """Write the pending row out."""
    n = out.n[0]
    state.row[0].emitted_at_s = now_s
    if n < out.rows.shape[0]:
        out.rows[n] = state.row[0]
    for p in range(state.wave.shape[0]):
        for kind in range(WAVE_KINDS):
            if n < out.waves.shape[0]:
                out.waves[n, p, kind] = state.wave[p, kind]
            state.wave[p, kind] = np.nan
    state.stance[0].is_pending = False
    out.n[0] = n + 1


@kernel
def tell_gap(state, last):
    """Give the pending row its reason ``gap`` where time is missing from its contact to sample ``last``.

    This is the one place for it: what could be bridged is in the sigmas and has no reason.
    """
    first = max(state.stance[0].contact - 1, state.front[0].n - state.samples.mask, 0)
    missing_s, _ = gap_between(state.derived.gap_s, state.samples.mask, first, last)
    if missing_s > 0.0:
        state.row[0].reasons |= GAP


@kernel
def emit_open(state, now_s, out):
    """Write the pending row out as the last of its bout."""
    tell_gap(state, state.front[0].n - 1)
    state.row[0].reasons |= OPEN
    state.row[0].mode = state.gait[0].mode
    _emit(state, now_s, out)


@kernel
def clear_row(row):
    """Make every number of a row unknown."""
    row.initial_contact_s = row.final_contact_s = row.foot_flat_s = row.next_initial_contact_s = np.nan
    row.stride_length_m = row.stride_length_sigma_m = row.lift_m = row.slope_deg = row.yaw_deg = np.nan
    row.foot_strike_angle_deg = row.foot_strike_angle_sigma_deg = np.nan
    row.timing_sigma_s = row.final_contact_sigma_s = np.nan
    row.peak_impact_g = row.swing_peak_radps = row.velocity_residual_mps = row.emitted_at_s = np.nan
    row.mode, row.quality, row.reasons = MODE_OTHER, 0.0, 0


# Walking or running ---------------------------------------------------------------------------------------------------


@kernel
def forget_mode(gait):
    """Let the next bout show its gait anew."""
    gait.mode, gait.is_settled, gait.run_odds = MODE_OTHER, False, 0.0


@kernel
def _weigh_mode(gait, stance_s, stride_s, params):
    """Let one stride's duty factor and stance time speak for walking or running (`sci:A1`).

    Log odds add up within bounds, so that one odd stride (the last one of a stop) changes nothing, a clear change
    shows within two, and a row of weak ones counts, too.
    """
    says = running_odds(stance_s, stride_s, params)
    if not np.isfinite(says):
        return
    odds = min(max(gait.run_odds + says, -params.mode_bound), params.mode_bound)
    gait.run_odds = odds
    if not gait.is_settled or abs(odds) >= params.mode_bound:
        gait.mode = MODE_RUN if odds > 0.0 else MODE_WALK
    gait.is_settled = gait.is_settled or abs(odds) >= params.mode_settled


# What a contact tells by itself ---------------------------------------------------------------------------------------


@kernel
def _peak_impact(samples, sensor, contact_s, now, params):
    """Greatest |f| in g shortly before to after the contact; NaN, and True, where an axis was at its range."""
    t_s, acc, mask, from_s = samples.t_s, samples.acc, samples.mask, contact_s - params.impact_before_s
    at = index_at(t_s, mask, now, -1, from_s, max(now - mask, 0))
    peak, is_clipped = 0.0, False
    k = at
    while k <= now and t_s[k & mask] <= contact_s + params.impact_after_s:
        if t_s[k & mask] >= from_s:
            norm = 0.0
            for c in range(3):
                value = abs(acc[k & mask, c])
                norm += value * value
                is_top = value >= params.impact_top * sensor.known[0].acc_top_mps2
                if np.isfinite(sensor.acc_limits[c]):
                    is_clipped = is_clipped or value >= params.clip_share * sensor.acc_limits[c]
                elif k > at and is_top and value > params.impact_clip_g * GRAVITY_MPS2:
                    # no range given: two equal readings in a row, as high as any ever seen
                    is_clipped = is_clipped or acc[k & mask, c] == acc[(k - 1) & mask, c]
            peak = max(peak, norm)
        k += 1
    if is_clipped or peak == 0.0:
        return np.nan, is_clipped
    return math.sqrt(peak) / GRAVITY_MPS2, False


@kernel
def _has_slipped(state, contact, flat, params):
    """Whether the foot, after landing, slid faster than any rolling about its own edges explains."""
    samples, path, first = state.samples, state.work.path, state.work.fit[0].first
    mask, sliding_s = samples.mask, 0.0
    for k in range(max(contact, first + 1), flat + 1):
        i = k - first
        if samples.t_s[k & mask] < samples.t_s[contact & mask] + params.flat_after_contact_s:
            continue
        rate = 0.0
        for c in range(3):
            rate += samples.gyr[k & mask, c] ** 2
        speed = math.sqrt(path.velocity[i, 0] ** 2 + path.velocity[i, 1] ** 2)
        if speed > params.slip_mps + params.slip_lever_m * math.sqrt(rate):
            sliding_s += path.t_s[i] - path.t_s[i - 1]
    return sliding_s > params.slip_s


@kernel
def _heading(path, i, mount):
    """Heading [rad] of the foot's x axis in the world."""
    return math.atan2(dot(path.rotation[i, 1], mount[0]), dot(path.rotation[i, 0], mount[0]))


@kernel
def _strike_angle(state, place, flat):
    """Toe-up angle at the contact minus that at foot-flat [deg]; from the trajectory, else the rate alone."""
    samples, path, fit, mount = state.samples, state.work.path, state.work.fit[0], state.foot.mount
    k = math.floor(place)
    part = place - k
    if fit.is_solved and k >= fit.first:
        at = foot_pitch(path, k - fit.first, mount)
        if k + 1 <= flat:
            at += part * (foot_pitch(path, k + 1 - fit.first, mount) - at)
        return (at - foot_pitch(path, flat - fit.first, mount)) * DEG
    angle, pitch, mask = 0.0, state.derived.pitch_radps, samples.mask
    for j in range(k + 1, flat + 1):
        dt = samples.t_s[j & mask] - samples.t_s[(j - 1) & mask]
        share = 1.0 - part if j == k + 1 else 1.0
        angle -= 0.5 * share * dt * (pitch[j & mask] + pitch[(j - 1) & mask])
    return angle * DEG


@kernel
def _set_strike_angle(state, contact, flat, cost, sigma_s, params):
    """Set the angle at contact and its sigma: the foot turns fast, so when it landed matters.

    So does when it was flat, where it never ceases to turn: its stillest moment is not the same in each stride.
    """
    row, off, samples = state.row[0], sigma_s * params.rate_hz, state.samples
    angle = _strike_angle(state, contact.place, flat)
    late = min(contact.place + off, float(flat))
    early = max(contact.place - off, float(max(state.work.fit[0].first, contact.swing)))
    turned = max(
        abs(_strike_angle(state, late, flat) - angle), abs(_strike_angle(state, early, flat) - angle)
    )
    lay_s = samples.t_s[flat & samples.mask] - contact.t_s
    rolled = params.flat_when_share * lay_s * abs(state.derived.pitch_radps[flat & samples.mask]) * DEG
    turned = math.hypot(turned, rolled)
    unsure = math.hypot(
        params.angle_no_flat_deg if cost > params.no_flat_cost else 0.0,
        params.angle_doubtful_deg if contact.is_doubtful else 0.0,
    )
    row.foot_strike_angle_deg = angle
    row.foot_strike_angle_sigma_deg = math.sqrt(params.angle_sigma_deg**2 + turned * turned + unsure * unsure)


@kernel
def open_row(state, contact, flat, cost, sigma_s, now, params):
    """Begin the row of a contact with what it tells by itself."""
    samples, row, stance, swing = (
        state.samples,
        state.row[0],
        state.stance[0],
        contact.swing & state.samples.mask,
    )
    clear_row(row)
    row.initial_contact_s = contact.t_s
    row.foot_flat_s = samples.t_s[flat & samples.mask]
    row.swing_peak_radps = state.derived.pitch_radps[swing]
    row.mode, row.timing_sigma_s = state.gait[0].mode, sigma_s
    if contact.is_inferred:
        row.reasons |= INFERRED | GAP
    elif contact.is_doubtful:
        row.reasons |= DOUBTFUL
    if cost > params.no_flat_cost:
        row.reasons |= NO_FLAT
    if state.work.fit[0].is_solved and _has_slipped(state, contact.sample, flat, params):
        row.reasons |= SLIP
    gap_s, _ = gap_between(state.derived.gap_s, samples.mask, max(contact.sample - 1, 0), flat)
    if contact.is_inferred or gap_s != 0.0:
        return
    # without a trajectory and a flat nothing shows where the foot would be level
    if state.work.fit[0].is_solved or cost <= params.no_flat_cost:
        _set_strike_angle(state, contact, flat, cost, sigma_s, params)
    row.peak_impact_g, is_clipped = _peak_impact(samples, state.sensor, contact.t_s, now, params)
    if is_clipped:
        row.reasons |= CLIPPED
    sharp = sharpness(state, contact.place, now, params)
    stance.usual_snap = _follow(stance.usual_snap, sharp, params)
    stance.usual_delay_s = _follow(stance.usual_delay_s, contact.t_s - samples.t_s[swing], params)


@kernel
def _follow(usual, seen, params):
    """Return the usual value after one more; 0: none yet."""
    return seen if usual == 0.0 else (1.0 - params.usual_share) * usual + params.usual_share * seen


# What its stride adds -------------------------------------------------------------------------------------------------


@kernel
def _contacts_lost(stride_s, gap_s, usual_s, params):
    """How many contacts a gap hid in a stride some usual ones long."""
    if gap_s > params.void_gap_s and usual_s > 0.0:
        times = stride_s / usual_s
        whole = math.floor(times + 0.5)
        if (
            whole >= 2
            and whole <= params.most_lost_strides
            and abs(times - whole) < params.lost_misfit * whole
        ):
            return whole - 1
    return 0


@kernel
def _length_sigma(fit, stride_s, unrest, params):
    """Return what a length may be off by [m]: ends that miss, a foot that never stood still, the sensor's scale.

    unrest : mean root of the cost of both foot-flats.
    """
    rest_mps = params.flat_cost_mps * min(unrest, math.sqrt(params.flat_cost))
    rest_mps = max(rest_mps, params.no_flat_cost_mps * unrest)
    scale_m = params.scale_share * fit.length_m
    wander_m = params.wander_share * fit.velocity_error_mps * stride_s
    sigma = math.sqrt(fit.sigma_m**2 + (rest_mps * stride_s) ** 2 + scale_m**2 + wander_m**2)
    if fit.n_lobes > 0:
        sigma = math.hypot(sigma, params.lobe_share * fit.length_m)
    # end conditions missed by more than that say that the sizes are too small
    return sigma * math.sqrt(max(fit.misfit / params.misfit_usual, params.sigma_share**2))


@kernel
def _add_stride(state, stride_s, cost, params):
    """Give the pending row length, slope, turn and lift of the stride just solved."""
    row, fit, path, mount = state.row[0], state.work.fit[0], state.work.path, state.foot.mount
    length, bits = fit.length_m, 0
    row.lift_m, row.velocity_residual_mps = fit.lift_m, fit.residual_mps
    row.slope_deg = math.atan2(fit.rise_m, max(length, 1e-6)) * DEG
    turn = _heading(path, fit.last - fit.first, mount) - _heading(path, 0, mount)
    row.yaw_deg = ((turn + math.pi) % (2.0 * math.pi) - math.pi) * DEG
    if abs(row.yaw_deg) > params.turn_deg:
        bits |= TURN
    rise = abs(fit.rise_m)
    if rise > max(params.slope_share * length, params.slope_least_m) or rise > params.slope_most_m:
        bits |= SLOPE
    if fit.n_lobes > 0:
        bits |= GYRO_CLIPPED
    if not fit.is_trusted:
        bits |= DRIFT
    unrest = 0.5 * (math.sqrt(state.stance[0].flat_cost) + math.sqrt(cost))
    sigma = _length_sigma(fit, stride_s, unrest, params)
    if sigma > LENGTH_LIMIT_SHARE * length:
        bits |= LOW_QUALITY | (CLIPPED if fit.cut_s > 0.0 else 0)
    if sigma <= params.withheld_share * length:
        row.stride_length_m, row.stride_length_sigma_m = length, sigma
        half = HALF_QUALITY_SHARE * max(length, params.quality_least_m)
        row.quality = 1.0 / (1.0 + (sigma / half) ** 2)
    row.reasons |= bits
    if fit.is_trusted and fit.n_lobes == 0 and fit.gap_s == 0.0 and row.reasons & SLIP == 0:
        learn_height(state, params)
    _fill_wave(state)
    state.stance[0].n_strides += 1


@kernel
def _withhold_off(row):
    """Make the final contact unknown, if it was not."""
    if math.isfinite(row.final_contact_s):
        row.final_contact_s = row.final_contact_sigma_s = np.nan
        row.reasons |= DOUBTFUL


@kernel
def complete_row(state, contact, cost, params, out):
    """Give the pending row its stride and write it out, with rows for contacts lost in a gap behind it."""
    contact_s = contact.t_s
    row, stance, fit, now_s = state.row[0], state.stance[0], state.work.fit[0], state.front[0].last_s
    stride_s = contact_s - row.initial_contact_s
    # a foot that was seen to lie down again before the swing that ends here may have swung unseen before that: the
    # trajectory is then that of a later stride, and the contact that closes it closes another one
    hidden_s = hidden_swing(state, fit.first, contact.swing, params.late_flat_s, params)
    gap_s = max(fit.gap_s, hidden_s)
    n_lost = _contacts_lost(stride_s, gap_s, stance.usual_stride_s, params)
    if stride_s > params.longest_stride_s and n_lost == 0:
        emit_open(state, now_s, out)
        forget_mode(state.gait[0])
        return
    each_s = stride_s / (n_lost + 1)
    # what lies after a hidden swing, or later than a stance lasts, is the off of another one
    is_late = row.final_contact_s - row.initial_contact_s > params.longest_stance_share * each_s
    if hidden_s > 0.0 or (is_late and gap_s > params.void_gap_s):
        _withhold_off(row)
    is_one = stride_s < params.most_usual_share * stance.usual_stride_s
    if fit.first >= 0:  # but its trajectory begins in its own stance for sure only where it begins early
        lay_s = state.samples.t_s[fit.first & state.samples.mask] - row.initial_contact_s
        is_one = is_one and lay_s <= params.late_flat_s
    if hidden_s > 0.0 and n_lost == 0 and not is_one:
        emit_open(state, now_s, out)
        return
    is_short_gap = gap_s <= params.void_gap_s
    if n_lost == 0:
        if row.reasons & INFERRED == 0:
            stance_s = row.final_contact_s - row.initial_contact_s
            _weigh_mode(state.gait[0], stance_s, stride_s if is_short_gap else np.nan, params)
        if row.final_contact_sigma_s > params.off_withheld_s:
            _withhold_off(row)
        if is_short_gap:
            stance.usual_stride_s = _follow(stance.usual_stride_s, stride_s, params)
    tell_gap(state, fit.last)
    first_s, mode = row.initial_contact_s, state.gait[0].mode
    row.mode = mode
    row.next_initial_contact_s = first_s + each_s if n_lost else contact_s
    if n_lost > 0:  # so the contact that closes it was not measured
        row.timing_sigma_s = max(row.timing_sigma_s, params.timing_inferred_s)
    if fit.is_lost:
        row.reasons |= DRIFT | LOW_QUALITY
    if fit.is_solved and n_lost == 0:
        _add_stride(state, stride_s, cost, params)
    _emit(state, now_s, out)
    for m in range(n_lost):
        clear_row(row)
        row.initial_contact_s = first_s + (m + 1) * each_s
        row.next_initial_contact_s = first_s + (m + 2) * each_s if m + 1 < n_lost else contact_s
        row.mode, row.timing_sigma_s, row.reasons = mode, params.timing_inferred_s, INFERRED | GAP
        _emit(state, now_s, out)


@kernel
def _fill_wave(state):
    """Shape of the stride just solved, at equal shares of its time."""
    path, fit, mount, wave, mask = (
        state.work.path,
        state.work.fit[0],
        state.foot.mount,
        state.wave,
        state.samples.mask,
    )
    if wave.shape[0] == 0:  # nobody wants it
        return
    n = fit.last - fit.first + 1
    begin, span = path.t_s[0], path.t_s[n - 1] - path.t_s[0]
    dx, dy = path.position[n - 1, 0], path.position[n - 1, 1]
    length = max(math.sqrt(dx * dx + dy * dy), 1e-9)
    i = 1
    for p in range(wave.shape[0]):
        when = begin + span * p / (wave.shape[0] - 1)
        while i < n - 1 and path.t_s[i] < when:
            i += 1
        step = path.t_s[i] - path.t_s[i - 1]
        part = min(max((when - path.t_s[i - 1]) / step, 0.0), 1.0) if step > 0.0 else 0.0
        for kind in range(WAVE_KINDS):
            wave[p, kind] = 0.0
        for side in range(2):
            at = i - 1 + side
            share = part if side else 1.0 - part
            wave[p, 0] += share * foot_pitch(path, at, mount)
            wave[p, 1] += share * size_of(state.samples.acc[(fit.first + at) & mask])
            wave[p, 2] += share * (path.position[at, 0] * dx + path.position[at, 1] * dy) / length
            wave[p, 3] += share * path.position[at, 2]
