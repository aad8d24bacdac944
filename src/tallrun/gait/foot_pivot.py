"""A planted foot turns about a point that rests: when it left the ground, and whether it had landed before its heel.

From heel-off on a foot turns about its ball: there is a point of the ground about which all of its velocity is turning.
The foot has not left while that holds, though it may turn the fastest well before that when it pushes off hard. Then
the point moves: the foot rolls on over its toes, or it is off. Which of the two, a sensor on the rigid part of the foot
does not tell; the fastest toe-down turn then counts, with what is open in its sigma (`sci:A1`; docs/foot-engine.md).
The same ball rests already where a forefoot has landed and its heel still comes down.
"""

from __future__ import annotations

import math

from tallrun.gait.foot_events import InitialContact, is_lost, off_sigma
from tallrun.gait.foot_trajectory import foot_pitch
from tallrun.gait.kernels import kernel
from tallrun.gait.vectors import dot


@kernel
def _toe_down_rate(state, i):
    """Toe-down turn rate at place ``i`` of the stride's path, which is neither its first nor its last."""
    path, mount, fit = state.work.path, state.foot.mount, state.work.fit[0]
    if fit.n_lobes == 0:
        return -state.derived.pitch_radps[(fit.first + i) & state.samples.mask]
    turned = 0.0  # what was read is cut off; the repaired attitude knows it
    for c in range(3):
        ahead = dot(path.rotation[i + 1, c], mount[0]) - dot(path.rotation[i - 1, c], mount[0])
        turned -= ahead * dot(path.rotation[i, c], mount[2])
    return turned / (path.t_s[i + 1] - path.t_s[i - 1])


@kernel
def _ahead(path, i, mount):
    """Which way the foot points over the ground at place ``i``, as x and y of length 1; NaN where it stands on end."""
    x, y = dot(path.rotation[i, 0], mount[0]), dot(path.rotation[i, 1], mount[0])
    size = math.hypot(x, y)
    return (x / size, y / size) if size > 0.1 else (math.nan, math.nan)


@kernel
def _rolling_span(state, off, params):
    """Places of the stride's path between which the foot turned toe-down by the early shares of its push-off."""
    path, mount = state.work.path, state.foot.mount
    level = foot_pitch(path, 0, mount)
    turned = level - foot_pitch(path, off, mount)
    last = off
    while last > 1 and level - foot_pitch(path, last, mount) > params.roll_until * turned:
        last -= 1
    first = last
    while first > 1 and level - foot_pitch(path, first, mount) > params.roll_from * turned:
        first -= 1
    return first, last


@kernel
def _pivot(state, first, last, x, y):
    """Forward and upward place of the point about which the foot turns, by least squares; x, y : forward."""
    path = state.work.path
    ahead = up = weight = 0.0
    for i in range(first, last + 1):
        rate, p, v = _toe_down_rate(state, i), path.position[i], path.velocity[i]
        ahead += ((p[0] * x + p[1] * y) * rate + v[2]) * rate
        up += (p[2] * rate - (v[0] * x + v[1] * y)) * rate
        weight += rate * rate
    return (ahead / weight, up / weight) if weight > 0.0 else (math.nan, math.nan)


@kernel
def _pivot_speed(state, i, pivot, x, y):
    """Speed at which the point of the foot over the pivot leaves it; into the ground or back it cannot go."""
    path, rate = state.work.path, _toe_down_rate(state, i)
    p, v = path.position[i], path.velocity[i]
    forward = max(v[0] * x + v[1] * y - rate * (p[2] - pivot[1]), 0.0)
    upward = max(v[2] + rate * (p[0] * x + p[1] * y - pivot[0]), 0.0)
    return math.hypot(forward, upward)


@kernel
def _rested_until(state, off, params):
    """Time until which the pivot of the stride's push-off rested [s]; NaN where that cannot be seen."""
    path, fit = state.work.path, state.work.fit[0]
    first, last = _rolling_span(state, off, params)
    x, y = _ahead(path, 0, state.foot.mount)
    if last - first < params.least_roll_samples or not math.isfinite(x):
        return math.nan
    pivot, slow = _pivot(state, first, last, x, y), 0.0
    for i in range(first, last + 1):
        slow += _pivot_speed(state, i, pivot, x, y) ** 2 / (last + 1 - first)
    slow = max(params.pivot_rest_mps, params.pivot_scatter * math.sqrt(slow))
    before, slow_s = 0.0, path.t_s[first]
    for i in range(first + 1, fit.last - fit.first):
        speed, step_s = _pivot_speed(state, i, pivot, x, y), path.t_s[i] - path.t_s[i - 1]
        if before < slow <= speed:
            slow_s = path.t_s[i] - step_s * (speed - slow) / (speed - before)
        if i > last and speed >= 4.0 * slow:
            fast_s = path.t_s[i] - step_s * min((speed - 4.0 * slow) / max(speed - before, 1e-9), 1.0)
            # a force that ends lets go softly: speed grows with the square of the time since
            return 2.0 * slow_s - fast_s
        before = speed
    return math.nan


@kernel
def _place_of_off(state):
    """Place of the pending row's final contact in the stride's path; the first where it is unknown."""
    path, fit, off = state.work.path, state.work.fit[0], 0
    while off < fit.last - fit.first - 1 and path.t_s[off] < state.row[0].final_contact_s:
        off += 1
    return off


@kernel
def settle_final_contact(state, params):
    """Hold the pending row's final contact against the stride just solved; its sigma has what that leaves open."""
    row, fit = state.row[0], state.work.fit[0]
    if not (math.isfinite(row.final_contact_s) and fit.is_trusted):
        return
    off = _place_of_off(state)
    rested_s = _rested_until(state, off, params)
    if not math.isfinite(rested_s):
        return
    own_s = off_sigma(state, float(fit.first + off), state.front[0].n - 1, params)
    # within what is not known of either, the fastest turn counts: it scatters less, and alike in both feet, where the
    # later of the two would hide a part of a limp; so the off may be early by as much, and its sigma says so
    row.final_contact_s = max(row.final_contact_s, rested_s - own_s)
    early_s = params.off_early_share * own_s
    open_s = params.rolling_share * (row.final_contact_s - rested_s)
    row.final_contact_sigma_s = math.hypot(math.hypot(own_s, early_s), open_s)
    if is_lost(state, row.final_contact_s, fit.first, fit.last, params):
        row.final_contact_s = row.final_contact_sigma_s = math.nan


# Landing --------------------------------------------------------------------------------------------------------------


@kernel
def _learn_ball(state, params):
    """Learn where in the foot the ball is, from the push-off of the stride just solved."""
    path, mount, known, off = state.work.path, state.foot.mount, state.foot.known[0], 1
    fit = state.work.fit[0]
    for i in range(1, min(state.cycle[0].swing_from, fit.last) - fit.first):
        if _toe_down_rate(state, i) > _toe_down_rate(state, off):
            off = i
    first, last = _rolling_span(state, off, params)
    x, y = _ahead(path, 0, mount)
    if last - first < params.least_roll_samples or not math.isfinite(x):
        return
    ahead, up = _pivot(state, first, last, x, y)
    if not math.isfinite(ahead):
        return
    p, pitch = path.position[last], foot_pitch(path, last, mount)
    far, high = ahead - p[0] * x - p[1] * y, up - p[2]
    share = params.usual_share if known.ball_up_m != 0.0 else 1.0
    known.ball_ahead_m += share * (math.cos(pitch) * far + math.sin(pitch) * high - known.ball_ahead_m)
    known.ball_up_m += share * (math.cos(pitch) * high - math.sin(pitch) * far - known.ball_up_m)


@kernel
def _ball_speed(state, i, x, y, params):
    """Speed of the ball at place ``i`` of the path over what its place makes unsure [m/s]; x, y : forward."""
    path, known, rate = state.work.path, state.foot.known[0], _toe_down_rate(state, i)
    pitch, v = foot_pitch(path, i, state.foot.mount), path.velocity[i]
    far = math.cos(pitch) * known.ball_ahead_m - math.sin(pitch) * known.ball_up_m
    high = math.sin(pitch) * known.ball_ahead_m + math.cos(pitch) * known.ball_up_m
    return math.hypot(v[0] * x + v[1] * y + rate * high, v[2] - rate * far) - params.ball_sigma_m * abs(rate)


@kernel
def first_touch(state, contact, params):
    """Return the contact, or the touch of a forefoot before it: its ball lay still while the heel came down.

    That touch may be too soft for its sharpness to stand out from the swing's: at low rates, and in walking.
    """
    path, fit, mount = state.work.path, state.work.fit[0], state.foot.mount
    if not fit.is_trusted or fit.gap_s > 0.0 or contact.is_inferred:
        return contact
    _learn_ball(state, params)
    at, n = contact.sample - fit.first, fit.last - fit.first + 1
    x, y = _ahead(path, n - 1, mount)
    if state.foot.known[0].ball_up_m == 0.0 or not math.isfinite(x) or at >= n - 1:
        return contact
    i = at
    while i > 1 and _ball_speed(state, i, x, y, params) < params.touch_rest_mps:
        i -= 1
    turned = foot_pitch(path, at, mount) - foot_pitch(path, i, mount)
    if path.t_s[at] - path.t_s[i] > params.ball_down_s or turned < params.touch_turn_rad:
        return contact
    fastest, rest_s = 0.0, path.t_s[i]
    for j in range(1, i + 1):
        if rest_s - path.t_s[j] <= params.impact_rise_s:
            fastest = max(fastest, _ball_speed(state, j, x, y, params))
    while i > 1 and _ball_speed(state, i, x, y, params) < params.touch_fall_share * fastest:
        i -= 1
    k = fit.first + i
    return InitialContact(float(k), k, path.t_s[i], contact.swing, False, False)
