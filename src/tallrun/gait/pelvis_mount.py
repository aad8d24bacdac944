"""Whether the strap still sits where it sat: neutral from standing, and posture told from a moved strap.

Tilting the pelvis and moving the strap both turn gravity in the sensor, so one jump alone does not tell them
apart. What does:

* a strap may turn any way, a posture held over whole strides turns about the hips only: the mean lean to a side
  stays, but for bends;
* posture has an end: the hips do not tip further than about 20 degrees;
* a posture may be given up again, in running or by walking; a strap does not slip back;
* a moved strap turns standing, walking and running alike. A change seen in gait and by as much in the next quiet
  standing is the strap's, and that standing is the new neutral; one not seen in standing is posture; a standing
  that is off on its own was no upright standing.

A strap slides within steps. What comes so slowly that the usual level follows is taken for posture until the
next standing: a strap creeping over minutes about the hips' own axis looks like tiredness until then.
"""

from __future__ import annotations

import math

import numpy as np

from tallrun.gait.kernels import inlined, kernel, vector
from tallrun.gait.pelvis_state import DOUBTED, HELD, RUNNING, SLIPPED, WALKING
from tallrun.gait.rows import reason_bit
from tallrun.gait.vectors import copy_to, cross, dot, size_of
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

R_SETTLING, R_CHANGED = reason_bit("settling"), reason_bit("mounting_changed")
R_STRAP = reason_bit("strap_doubtful")


@kernel
def _apart(a, b, c, d):
    """Size of (a - b) - (c - d): an angle, as long as it is small."""
    total = 0.0
    for j in range(3):
        total += (a[j] - b[j] - c[j] + d[j]) ** 2
    return math.sqrt(total)


@kernel
def _move_to(a, b, share):
    for j in range(3):
        a[j] += share * (b[j] - a[j])


# Standing -------------------------------------------------------------------------------------------------------------


@kernel
def _take_neutral(strap):
    """Make the newest standing the neutral; what gaits looked like before is void."""
    known, size = strap.known[0], size_of(strap.standing)
    for j in range(3):
        strap.neutral[j] = strap.standing[j] / size
    known.neutral_known, known.mount, known.is_odd_standing = 1, HELD, False
    known.n_off, known.n_back, known.n_moved = 0, 0, 0
    strap.usual_n[WALKING] = strap.usual_n[RUNNING] = 0.0


@kernel
def _judge_standing(strap, params):
    """Hold a quiet standing against the neutral and against what gait has shown since that was taken."""
    known, neutral = strap.known[0], strap.neutral
    off = _apart(strap.standing, neutral, neutral, neutral)
    if off < params.doubt_rad:  # the strap sits as before
        for gait in (WALKING, RUNNING):
            if known.mount != HELD and strap.usual_n[gait] >= params.usual_steps:
                copy_to(strap.usual[gait], strap.latest[gait])
        known.mount, known.is_odd_standing = HELD, False
        return
    is_known, has_moved = False, False
    for gait in (WALKING, RUNNING):
        if strap.usual_n[gait] >= params.usual_steps:
            is_known = True
            apart = _apart(strap.standing, neutral, strap.latest[gait], strap.anchor[gait])
            has_moved = has_moved or apart < params.doubt_rad
    if has_moved or known.mount == SLIPPED or (not is_known and not known.is_neutral_given):
        _take_neutral(strap)
    elif is_known:  # gait will tell: a strap moved while standing, or no upright standing
        known.mount, known.is_odd_standing = DOUBTED, True
        known.n_off, known.n_back, known.n_moved = 0, 0, 0
        known.doubt_gait = known.gait
        known.doubt_rad = off + params.doubt_rad


@inlined
def watch_standing(force, rate_radps, strap, params):
    """Learn neutral from whole quiet seconds; the newest one counts only once another follows."""
    known = strap.known[0]
    norm = 0.0
    for j in range(3):
        norm += force[j] ** 2
        strap.quiet_force[j] += force[j]
    excess = math.sqrt(norm) - GRAVITY_MPS2
    known.quiet_n += 1.0
    known.quiet_sum += excess
    known.quiet_sq += excess**2
    known.quiet_rate += rate_radps
    if known.quiet_n < params.rate_hz:
        return
    n = known.quiet_n
    mean = known.quiet_sum / n
    spread = math.sqrt(max(known.quiet_sq / n - mean * mean, 0.0))
    is_still = spread < params.quiet_force_mps2 and known.quiet_rate / n < params.quiet_rate_radps
    _take_second(strap, is_still and abs(mean) < params.quiet_offset_mps2, params)
    known.quiet_n = known.quiet_sum = known.quiet_sq = known.quiet_rate = 0.0
    strap.quiet_force[0] = strap.quiet_force[1] = strap.quiet_force[2] = 0.0


@kernel
def _take_second(strap, is_quiet, params):
    """Take a second into the standing that goes on, or end that standing and judge it."""
    known = strap.known[0]
    if not is_quiet:
        known.quiet_seconds = 0
    else:
        known.quiet_seconds += 1
        seconds = known.quiet_seconds
        if params.has_gyroscope and params.quiet_least_s <= seconds <= params.quiet_most_s:
            size = size_of(strap.quiet_force)
            share = 1.0 / (seconds - params.quiet_least_s + 1)
            for j in range(3):
                old = strap.standing[j] if seconds > params.quiet_least_s else 0.0
                strap.standing[j] = old + share * (strap.quiet_force[j] / size - old)
            known.is_standing = True
            if known.neutral_known != 1:
                _take_neutral(strap)
                known.neutral_known = 2  # still being averaged
    if known.is_standing and (not is_quiet or known.quiet_seconds >= params.quiet_most_s):
        known.is_standing = False
        if known.neutral_known == 1:
            _judge_standing(strap, params)
        known.neutral_known = 1
        known.started_s = -1e9  # the attitude has settled while standing


# Gait -----------------------------------------------------------------------------------------------------------------


@kernel
def _see_stride(buf, first, last, strap, params, up):
    """Write the mean up direction of rows first..last; keep the gait, the latest level and the lean of a bend.

    Returns the gait, WALKING or RUNNING.
    """
    known = strap.known[0]
    turn, lightest = 0.0, buf.vertical[first]
    for i in range(first, last):
        for j in range(3):
            up[j] += buf.up[i, j]
        turn += buf.turn[i]
        lightest = min(lightest, buf.vertical[i])
    size = max(size_of(up), 1e-9)
    for j in range(3):
        up[j] /= size
    time_s = buf.t_s[last]
    limit = params.walk_above_g if known.gait == RUNNING else params.run_below_g
    gait = RUNNING if lightest < limit * GRAVITY_MPS2 else WALKING
    if gait != known.gait or time_s - known.seen_s > params.pause_s:
        known.gait_s = time_s
        known.n_off, known.n_back = 0, 0
        copy_to(strap.level, up)
    _move_to(strap.level, up, params.level_share)
    # the filter takes the pull of a bend for a lean, and forgets it in its own time
    lean = abs(turn / (last - first)) * params.bend_speed_mps / GRAVITY_MPS2
    kept = known.lean * math.exp(-max(time_s - known.seen_s, 0.0) / params.lean_memory_s)
    known.lean, known.seen_s, known.gait = max(lean, kept), time_s, gait
    return gait


@kernel
def _is_possible(up, forward, left, params):
    """Whether a runner can hold the mean attitude ``up``; forward and left are level in upright standing."""
    tilt = math.asin(max(-1.0, min(1.0, -dot(up, forward))))
    is_upright = params.least_tilt_rad < tilt < params.most_tilt_rad
    return is_upright and abs(dot(up, left)) < params.most_side_rad


@kernel
def _is_settled(strap, time_s, params):
    known = strap.known[0]
    return not (
        time_s - known.gait_s < params.gait_settle_s
        or time_s - known.disturbed_s < params.settle_s
        or time_s - known.started_s < params.start_settle_s
    )


@kernel
def watch_strap(state, first, last, params):
    """Hold the latest attitude against the usual one of this gait; the strap is HELD, DOUBTED or SLIPPED after.

    first, last : rows of the newest stride. Seen once per step, so neighbouring strides overlap by half.
    """
    strap, known, axes = state.strap, state.strap.known[0], state.axes
    up, left = vector(3), vector(3)
    gait = _see_stride(state.buf, first, last, strap, params, up)
    if not _is_settled(strap, state.buf.t_s[last], params):
        return
    usual, seen = strap.usual[gait], strap.usual_n[gait]
    if seen < params.usual_steps:
        if known.mount == HELD:
            for j in range(3):
                usual[j] += (up[j] - usual[j]) / (seen + 1.0)
            copy_to(strap.anchor[gait], usual)
            copy_to(strap.latest[gait], usual)
            strap.usual_n[gait] += 1.0
        return
    copy_to(strap.latest[gait], strap.level)
    if known.mount == SLIPPED:
        return
    if axes.known[0].is_known and known.neutral_known > 0:
        cross(strap.neutral, axes.forward, left)
        if not _is_possible(strap.level, axes.forward, left, params):
            known.n_off += 1
            known.doubt_rad = params.slip_rad
            if known.n_off >= params.sure_steps:
                known.mount = SLIPPED
            return
    _judge_gait(strap, gait, left, params)
    if known.mount == DOUBTED:
        _settle_doubt(strap, gait, params)
    elif known.n_off == 0:
        _move_to(usual, up, params.usual_share)


@kernel
def _judge_gait(strap, gait, left, params):
    """Count how long the latest attitude has been off the usual one; doubt or give up the strap. left : 0, unknown."""
    known, usual, level = strap.known[0], strap.usual[gait], strap.level
    apart = side = 0.0
    for j in range(3):
        off = level[j] - usual[j]
        apart += off * off
        side += off * left[j]
    lean = max(abs(side) - known.lean, 0.0)
    apart = math.sqrt(max(apart - side * side, 0.0) + lean * lean)
    known.n_off = known.n_off + 1 if apart > params.doubt_rad else 0
    known.n_back = known.n_back + 1 if apart < params.back_rad else 0
    if known.n_off >= params.sure_steps:
        if lean > params.slip_side_rad or apart > params.slip_rad:
            known.mount = SLIPPED
        elif known.mount == HELD:
            known.mount, known.doubt_gait = DOUBTED, gait
    # what the usual level had followed of the change before it was noticed is below doubt_rad
    least = known.doubt_rad if known.is_odd_standing else 0.0
    known.doubt_rad = max(least, apart + params.doubt_rad)


@kernel
def _settle_doubt(strap, gait, params):
    """Give up a doubt when gait is as it was before, or turned as the last standing was."""
    known = strap.known[0]
    if known.n_back >= params.sure_steps:
        known.mount, known.is_odd_standing = HELD, False
        if known.doubt_gait != gait:  # the strap sits as before, so the other gait has a new posture
            strap.usual_n[known.doubt_gait] = 0.0
    elif known.is_odd_standing:
        is_alike = _apart(strap.standing, strap.neutral, strap.level, strap.anchor[gait]) < params.doubt_rad
        known.n_moved = known.n_moved + 1 if is_alike else 0
        if known.n_moved >= params.sure_steps:
            _take_neutral(strap)


@kernel
def qualify_tilt(row, time_s, known, params):
    """Withhold the tilt of a row, or give it its uncertainty, with the reason of either."""
    if time_s - known.disturbed_s < params.settle_s or time_s - known.started_s < params.start_settle_s:
        row.reasons |= R_SETTLING
        row.tilt_deg = np.nan
    sigma = params.tilt_sigma_deg
    if known.mount == SLIPPED:
        row.reasons |= R_CHANGED
        row.tilt_deg = row.obliquity_deg = np.nan
    elif known.mount == DOUBTED or known.n_off > 0:
        row.reasons |= R_STRAP
        sigma = math.hypot(sigma, math.degrees(known.doubt_rad))
    if not np.isnan(row.tilt_deg):
        row.tilt_sigma_deg = sigma
