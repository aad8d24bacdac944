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
from numba import njit

from tallrun.gait.pelvis_state import (
    DOUBTED,
    F_ANCHOR,
    F_AXIS,
    F_DISTURBED_S,
    F_DOUBT,
    F_GAIT_S,
    F_LATEST,
    F_LEAN,
    F_LEVEL,
    F_NEUTRAL,
    F_QUIET_F,
    F_QUIET_N,
    F_QUIET_RATE,
    F_QUIET_SQ,
    F_QUIET_SUM,
    F_SEEN_S,
    F_STANDING,
    F_STARTED_S,
    F_USUAL,
    F_USUAL_N,
    HELD,
    I_AXIS_KNOWN,
    I_BACK,
    I_DOUBT_GAIT,
    I_GAIT,
    I_MOUNT,
    I_MOVED,
    I_NEUTRAL_GIVEN,
    I_NEUTRAL_KNOWN,
    I_ODD_STANDING,
    I_OFF,
    I_QUIET_SECONDS,
    I_STANDING,
    SLIPPED,
)
from tallrun.gait.pelvis_step import (
    B_FORCE,
    B_TIME,
    B_TURN,
    B_UP,
    B_VERTICAL,
    O_OBLIQUITY,
    O_REASONS,
    O_TILT,
    O_TILT_SIGMA,
    R_CHANGED,
    R_SETTLING,
    R_STRAP,
)
from tallrun.gait.sacral import GRAVITY_MPS2

WALKING, RUNNING = 0, 1


@njit(cache=True)
def _distance(fs, a, b, c, d):
    """Size of (a - b) - (c - d), vectors given by their places in the state: an angle, as long as it is small."""
    total = 0.0
    for j in range(3):
        total += (fs[a + j] - fs[b + j] - fs[c + j] + fs[d + j]) ** 2
    return math.sqrt(total)


@njit(cache=True)
def _take_neutral(fs, ints):
    """Make the newest standing the neutral; what gaits looked like before is void."""
    size = math.sqrt(fs[F_STANDING] ** 2 + fs[F_STANDING + 1] ** 2 + fs[F_STANDING + 2] ** 2)
    for j in range(3):
        fs[F_NEUTRAL + j] = fs[F_STANDING + j] / size
    ints[I_NEUTRAL_KNOWN] = 1
    ints[I_MOUNT], ints[I_OFF], ints[I_BACK], ints[I_MOVED] = HELD, 0, 0, 0
    ints[I_ODD_STANDING] = 0
    fs[F_USUAL_N + WALKING], fs[F_USUAL_N + RUNNING] = 0.0, 0.0


@njit(cache=True)
def _judge_standing(p, fs, ints):
    """Hold a quiet standing against the neutral and against what gait has shown since that was taken."""
    off = _distance(fs, F_STANDING, F_NEUTRAL, F_NEUTRAL, F_NEUTRAL)
    if off < p.doubt_rad:  # the strap sits as before
        if ints[I_MOUNT] != HELD:
            for gait in (WALKING, RUNNING):
                if fs[F_USUAL_N + gait] >= p.usual_steps:
                    for j in range(3):
                        fs[F_USUAL + 3 * gait + j] = fs[F_LATEST + 3 * gait + j]
        ints[I_MOUNT], ints[I_ODD_STANDING] = HELD, 0
        return
    is_known, has_moved = False, False
    for gait in (WALKING, RUNNING):
        if fs[F_USUAL_N + gait] >= p.usual_steps:
            is_known = True
            latest, anchor = F_LATEST + 3 * gait, F_ANCHOR + 3 * gait
            has_moved = has_moved or _distance(fs, F_STANDING, F_NEUTRAL, latest, anchor) < p.doubt_rad
    if has_moved or ints[I_MOUNT] == SLIPPED or (not is_known and ints[I_NEUTRAL_GIVEN] == 0):
        _take_neutral(fs, ints)
    elif is_known:  # gait will tell: a strap moved while standing, or no upright standing
        ints[I_MOUNT], ints[I_ODD_STANDING] = DOUBTED, 1
        ints[I_OFF], ints[I_BACK], ints[I_MOVED] = 0, 0, 0
        ints[I_DOUBT_GAIT] = ints[I_GAIT]
        fs[F_DOUBT] = off + p.doubt_rad


@njit(cache=True)
def watch_standing(buf, i, gyr_norm, p, fs, ints):
    """Learn neutral from whole quiet seconds; the newest one counts only once another follows."""
    norm = 0.0
    for j in range(3):
        norm += buf[i, B_FORCE + j] ** 2
        fs[F_QUIET_F + j] += buf[i, B_FORCE + j]
    norm = math.sqrt(norm)
    fs[F_QUIET_N] += 1.0
    fs[F_QUIET_SUM] += norm - GRAVITY_MPS2
    fs[F_QUIET_SQ] += (norm - GRAVITY_MPS2) ** 2
    fs[F_QUIET_RATE] += gyr_norm
    if fs[F_QUIET_N] < p.rate_hz:
        return
    n = fs[F_QUIET_N]
    mean = fs[F_QUIET_SUM] / n
    spread = math.sqrt(max(fs[F_QUIET_SQ] / n - mean * mean, 0.0))
    quiet = spread < p.quiet_force_mps2 and fs[F_QUIET_RATE] / n < p.quiet_rate_radps and abs(mean) < 1.0
    if not quiet:
        ints[I_QUIET_SECONDS] = 0
    else:
        ints[I_QUIET_SECONDS] += 1
        seconds = ints[I_QUIET_SECONDS]
        if p.has_gyroscope and p.quiet_least_s <= seconds <= p.quiet_most_s:
            size = math.sqrt(fs[F_QUIET_F] ** 2 + fs[F_QUIET_F + 1] ** 2 + fs[F_QUIET_F + 2] ** 2)
            share = 1.0 / (seconds - p.quiet_least_s + 1)
            for j in range(3):
                old = fs[F_STANDING + j] if seconds > p.quiet_least_s else 0.0
                fs[F_STANDING + j] = old + share * (fs[F_QUIET_F + j] / size - old)
            ints[I_STANDING] = 1
            if ints[I_NEUTRAL_KNOWN] != 1:
                _take_neutral(fs, ints)
                ints[I_NEUTRAL_KNOWN] = 2  # still being averaged
    if ints[I_STANDING] == 1 and (not quiet or ints[I_QUIET_SECONDS] >= p.quiet_most_s):
        ints[I_STANDING] = 0
        if ints[I_NEUTRAL_KNOWN] == 1:
            _judge_standing(p, fs, ints)
        ints[I_NEUTRAL_KNOWN] = 1
        fs[F_STARTED_S] = -1e9  # the attitude has settled while standing
    fs[F_QUIET_N] = 0.0
    fs[F_QUIET_SUM] = 0.0
    fs[F_QUIET_SQ] = 0.0
    fs[F_QUIET_RATE] = 0.0
    for j in range(3):
        fs[F_QUIET_F + j] = 0.0


@njit(cache=True)
def _see_stride(buf, first, last, p, fs, ints, up):
    """Write the mean up direction of rows first..last; keep the gait, the latest level and the lean of a bend.

    Returns the gait, WALKING or RUNNING.
    """
    turn, lightest = 0.0, buf[first, B_VERTICAL]
    for j in range(3):
        up[j] = 0.0
    for i in range(first, last):
        for j in range(3):
            up[j] += buf[i, B_UP + j]
        turn += buf[i, B_TURN]
        lightest = min(lightest, buf[i, B_VERTICAL])
    size = math.sqrt(up[0] ** 2 + up[1] ** 2 + up[2] ** 2)
    for j in range(3):
        up[j] /= max(size, 1e-9)
    time = buf[last, B_TIME]
    limit = p.walk_above_g if ints[I_GAIT] == RUNNING else p.run_below_g
    gait = RUNNING if lightest < limit * GRAVITY_MPS2 else WALKING
    if gait != ints[I_GAIT] or time - fs[F_SEEN_S] > p.pause_s:
        fs[F_GAIT_S] = time
        ints[I_OFF], ints[I_BACK] = 0, 0
        for j in range(3):
            fs[F_LEVEL + j] = up[j]
    for j in range(3):
        fs[F_LEVEL + j] += p.level_share * (up[j] - fs[F_LEVEL + j])
    # the filter takes the pull of a bend for a lean, and forgets it in its own time
    lean = abs(turn / (last - first)) * p.bend_speed_mps / GRAVITY_MPS2
    kept = fs[F_LEAN] * math.exp(-max(time - fs[F_SEEN_S], 0.0) / p.lean_memory_s)
    fs[F_LEAN] = max(lean, kept)
    fs[F_SEEN_S] = time
    ints[I_GAIT] = gait
    return gait


@njit(cache=True)
def _is_possible(up, neutral, axis, p):
    """Whether a runner can hold the mean attitude ``up``, given that ``neutral`` was upright standing."""
    ahead, side = 0.0, 0.0
    for j in range(3):
        ahead += up[j] * axis[j]
        side += up[j] * (neutral[(j + 1) % 3] * axis[(j + 2) % 3] - neutral[(j + 2) % 3] * axis[(j + 1) % 3])
    tilt = math.asin(max(-1.0, min(1.0, -ahead)))
    return p.least_tilt_rad < tilt < p.most_tilt_rad and abs(side) < p.most_side_rad


@njit(cache=True)
def watch_strap(buf, first, last, p, fs, ints):
    """Hold the latest attitude against the usual one of this gait; the strap is HELD, DOUBTED or SLIPPED after.

    first, last : rows of the newest stride. Seen once per step, so neighbouring strides overlap by half.
    """
    up = np.empty(3)
    gait = _see_stride(buf, first, last, p, fs, ints, up)
    time = buf[last, B_TIME]
    if (
        time - fs[F_GAIT_S] < p.gait_settle_s
        or time - fs[F_DISTURBED_S] < p.settle_s
        or time - fs[F_STARTED_S] < p.start_settle_s
    ):
        return
    usual = fs[F_USUAL + 3 * gait : F_USUAL + 3 * gait + 3]
    level = fs[F_LEVEL : F_LEVEL + 3]
    seen = fs[F_USUAL_N + gait]
    if seen < p.usual_steps:
        if ints[I_MOUNT] == HELD:
            for j in range(3):
                usual[j] += (up[j] - usual[j]) / (seen + 1.0)
                fs[F_ANCHOR + 3 * gait + j], fs[F_LATEST + 3 * gait + j] = usual[j], usual[j]
            fs[F_USUAL_N + gait] += 1.0
        return
    for j in range(3):
        fs[F_LATEST + 3 * gait + j] = level[j]
    if ints[I_MOUNT] == SLIPPED:
        return
    neutral, axis = fs[F_NEUTRAL : F_NEUTRAL + 3], fs[F_AXIS : F_AXIS + 3]
    is_set = ints[I_AXIS_KNOWN] == 1 and ints[I_NEUTRAL_KNOWN] > 0
    if is_set and not _is_possible(level, neutral, axis, p):
        ints[I_OFF] += 1
        fs[F_DOUBT] = p.slip_rad
        if ints[I_OFF] >= p.sure_steps:
            ints[I_MOUNT] = SLIPPED
        return
    apart, side = 0.0, 0.0
    for j in range(3):
        off = level[j] - usual[j]
        apart += off * off
        if is_set:
            side += off * (
                neutral[(j + 1) % 3] * axis[(j + 2) % 3] - neutral[(j + 2) % 3] * axis[(j + 1) % 3]
            )
    lean = max(abs(side) - fs[F_LEAN], 0.0)
    apart = math.sqrt(max(apart - side * side, 0.0) + lean * lean)
    ints[I_OFF] = ints[I_OFF] + 1 if apart > p.doubt_rad else 0
    ints[I_BACK] = ints[I_BACK] + 1 if apart < p.back_rad else 0
    if ints[I_OFF] >= p.sure_steps:
        if lean > p.slip_side_rad or apart > p.slip_rad:
            ints[I_MOUNT] = SLIPPED
        elif ints[I_MOUNT] == HELD:
            ints[I_MOUNT] = DOUBTED
            ints[I_DOUBT_GAIT] = gait
    # what the usual level had followed of the change before it was noticed is below doubt_rad
    least = fs[F_DOUBT] if ints[I_ODD_STANDING] == 1 else 0.0
    fs[F_DOUBT] = max(least, apart + p.doubt_rad)
    if ints[I_MOUNT] == DOUBTED:
        _settle_doubt(gait, p, fs, ints)
    elif ints[I_OFF] == 0:
        for j in range(3):
            usual[j] += p.usual_share * (up[j] - usual[j])


@njit(cache=True)
def _settle_doubt(gait, p, fs, ints):
    """Give up a doubt when gait is as it was before, or turned as the last standing was."""
    if ints[I_BACK] >= p.sure_steps:
        ints[I_MOUNT], ints[I_ODD_STANDING] = HELD, 0
        if ints[I_DOUBT_GAIT] != gait:  # the strap sits as before, so the other gait has a new posture
            fs[F_USUAL_N + ints[I_DOUBT_GAIT]] = 0.0
    elif ints[I_ODD_STANDING] == 1:
        anchor = F_ANCHOR + 3 * gait
        alike = _distance(fs, F_STANDING, F_NEUTRAL, F_LEVEL, anchor) < p.doubt_rad
        ints[I_MOVED] = ints[I_MOVED] + 1 if alike else 0
        if ints[I_MOVED] >= p.sure_steps:
            _take_neutral(fs, ints)


@njit(cache=True)
def qualify_tilt(row, time_s, p, fs, ints):
    """Withhold the tilt of a row, or give it its uncertainty, with the reason of either."""
    reasons = 0
    if time_s - fs[F_DISTURBED_S] < p.settle_s or time_s - fs[F_STARTED_S] < p.start_settle_s:
        reasons |= R_SETTLING
        row[O_TILT] = np.nan
    sigma = p.tilt_sigma_deg
    if ints[I_MOUNT] == SLIPPED:
        reasons |= R_CHANGED
        row[O_TILT], row[O_OBLIQUITY] = np.nan, np.nan
    elif ints[I_MOUNT] == DOUBTED or ints[I_OFF] > 0:
        reasons |= R_STRAP
        sigma = math.hypot(sigma, math.degrees(fs[F_DOUBT]))
    if not np.isnan(row[O_TILT]):
        row[O_TILT_SIGMA] = sigma
    row[O_REASONS] = float(int(row[O_REASONS]) | reasons)
