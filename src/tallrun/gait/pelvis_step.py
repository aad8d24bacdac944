"""What one step seen at the pelvis says: kernels over a window of levelled samples."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tallrun.gait.front import BRIDGED
from tallrun.gait.kernels import kernel, vector
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_WALK, reason_bit
from tallrun.gait.sacral import S_BEGIN, S_CONTACT, S_FLANK, S_PEAK, S_SIGMA, S_SWING, contact_of_step, smooth
from tallrun.gait.vectors import cross, dot
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

R_OPEN, R_GAP, R_CLIPPED = reason_bit("open_stride"), reason_bit("gap"), reason_bit("clipped")
R_MOUNTING, R_AXIS = reason_bit("mounting_unknown"), reason_bit("axis_missing")
R_NO_GYRO, R_NO_STANDING = reason_bit("no_gyroscope"), reason_bit("no_standing")
R_NOT_RUNNING, R_DOUBTFUL = reason_bit("not_running"), reason_bit("event_doubtful")
R_IMPLAUSIBLE = reason_bit("implausible")

#: Braking is read at 10 Hz (-3 dB), level below that as the low-pass of the published figures is: what a Gaussian takes
#: away is smoothed and given back, 2 g - g2 of its response g, which is 0.707 where g is 0.459.
BRAKING_SIGMA_S = math.sqrt(-2.0 * math.log(1.0 - math.sqrt(1.0 - math.sqrt(0.5)))) / (2.0 * math.pi * 10.0)

#: Square of the forward axis's level part, at least: six degrees off the upright, past which a lean has no forward.
LEAST_LEVEL2 = 0.01


#: What a body can show in one step; beyond it the number is withheld.
LEAST_TILT_DEG, MOST_TILT_DEG = -45.0, 60.0
MOST_OBLIQUITY_DEG, MOST_ROTATION_DEG = 60.0, 90.0
MOST_OSCILLATION_M, MOST_BRAKING_MPS, MOST_BRAKING_G = 0.3, 2.0, 4.0


class Step(NamedTuple):
    """One step, in rows of the buffer.

    before, mark, after : fractional rows of the landmarks before, at and after it; before is negative when the bout
    starts here. length : mark to after. is_open : after was not seen. first, last : whole rows of the step;
    stride_first : that of the stride that ends with it. begin, n : window, the step before, if known, and a little
    after the next landmark.
    """

    before: float
    mark: float
    after: float
    length: float
    is_open: bool
    first: int
    last: int
    stride_first: int
    begin: int
    n: int


@kernel
def step_between(before, mark, after, is_open, now, params):
    """Return the step between two landmarks; now : last row there is."""
    length = after - mark
    first, last = int(mark), min(int(after) + 1, now)
    stride_first = int(before) if before >= 0.0 else first
    begin = max(0, min(stride_first, int(mark - params.window_before * length)))
    end = min(now + 1, int(after + params.window_after_s * params.rate_hz) + 1)
    return Step(before, mark, after, length, is_open, first, last, stride_first, begin, end - begin)


@kernel
def time_at(t_s, place):
    """Time of a fractional row, linear between rows."""
    low = math.floor(place)
    low = max(0, min(low, t_s.shape[0] - 2))
    return t_s[low] + (place - low) * (t_s[low + 1] - t_s[low])


@kernel
def _clear(row):
    """Make every number of a row unknown."""
    row.step_s = row.next_step_s = row.contact_time_s = row.contact_time_sigma_s = np.nan
    row.tilt_deg = row.tilt_sigma_deg = row.obliquity_deg = row.rotation_deg = row.vertical_oscillation_m = (
        np.nan
    )
    row.braking_dv_mps = row.peak_braking_g = row.crossing_s = row.quality = row.emitted_at_s = np.nan
    row.mode, row.reasons, row.impossible = MODE_OTHER, 0, 0


# Attitude and bounce --------------------------------------------------------------------------------------------------


@kernel
def _set_angles(buf, step, neutral, forward, row):
    """Set mean tilt and range of obliquity over the step, from upright standing."""
    left = vector(3)
    cross(neutral, forward, left)
    tilt, low, high = 0.0, 1.0, -1.0
    for i in range(step.first, step.last):
        tilt += math.asin(max(-1.0, min(1.0, -dot(buf.up[i], forward))))
        lean = dot(buf.up[i], left)
        low, high = min(low, lean), max(high, lean)
    row.tilt_deg = math.degrees(tilt / (step.last - step.first))
    row.obliquity_deg = math.degrees(math.asin(min(1.0, high)) - math.asin(max(-1.0, low)))


@kernel
def _rotation(buf, step, rate_hz):
    """Range of the turn about up over the step [deg], less the stride's own drift."""
    drift = 0.0
    for i in range(step.stride_first, step.last):
        drift += buf.turn[i]
    drift /= step.last - step.stride_first
    angle = low = high = 0.0
    for i in range(step.first, step.last):
        angle += (buf.turn[i] - drift) / rate_hz
        low, high = min(low, angle), max(high, angle)
    return math.degrees(high - low)


@kernel
def _bounce(vertical, lean, n, inner, dt_s):
    """Range of height over the rows from ``inner`` on: force integrated twice, periodic over all n rows.

    lean : height of the hip centres over the sensor that comes and goes with tilt [m].
    """
    mean = 0.0
    for i in range(n):
        mean += vertical[i]
    mean /= n
    speed, mean_speed = 0.0, 0.0
    for i in range(n):
        speed += (vertical[i] - mean) * dt_s
        mean_speed += speed
    mean_speed /= n
    speed, height, low, high = 0.0, 0.0, 1e9, -1e9
    for i in range(n):
        speed += (vertical[i] - mean) * dt_s
        height += (speed - mean_speed) * dt_s
        if i >= inner:
            low, high = min(low, height + lean[i]), max(high, height + lean[i])
    return high - low


# Force ----------------------------------------------------------------------------------------------------------------


@kernel
def _fill_force(state, now, step, params):
    """Write vertical force [g] and forward force [m/s2] of the window, and where the body's centre is; see below.

    lines 0 and 1 : the forces. lines 3 and 4 : centre ahead of and above the sensor [m], as it tilts. Returns the mean
    forward force over the stride.
    """
    buf, axes, strap = state.buf, state.axes, state.strap
    force, ahead, centre_ahead, centre_up = state.lines[0], state.lines[1], state.lines[3], state.lines[4]
    upright_axis = strap.neutral if strap.known[0].neutral_known > 0 else buf.up[step.first]
    for i in range(step.n):
        row = step.begin + i
        up = buf.up[row] if params.has_gyroscope else buf.up[now]
        vertical, ahead_up, upright = dot(buf.force[row], up), dot(up, axes.forward), dot(up, upright_axis)
        force[i] = vertical / GRAVITY_MPS2
        # less what a tilted sensor sees of the vertical force
        ahead[i] = dot(buf.force[row], axes.forward) - vertical * ahead_up
        level = math.sqrt(max(1.0 - ahead_up * ahead_up, LEAST_LEVEL2))
        centre_ahead[i] = params.centre_ahead_m * level + params.centre_below_m * upright * ahead_up / level
        centre_up[i] = params.centre_ahead_m * ahead_up - params.centre_below_m * upright
    if params.has_gyroscope and axes.known[0].is_known:
        for i in range(1, step.n - 1):
            turning = centre_ahead[i + 1] - 2.0 * centre_ahead[i] + centre_ahead[i - 1]
            ahead[i] += turning * params.rate_hz * params.rate_hz
    mean = 0.0
    for i in range(step.stride_first - step.begin, step.last - step.begin):
        mean += ahead[i] / (step.last - step.stride_first)
    return mean


@kernel
def _bounce_of(state, step, params):
    """Vertical oscillation of the body's centre over the step [m]."""
    force, line, centre_up = state.lines[0], state.lines[2], state.lines[4]
    is_rigid = params.has_gyroscope and state.axes.known[0].is_known
    n = step.last - step.stride_first
    for i in range(n):
        at = step.stride_first - step.begin + i
        line[i] = force[at] * GRAVITY_MPS2
        centre_up[i] = centre_up[at] if is_rigid else 0.0
    return _bounce(line, centre_up, n, step.first - step.stride_first, 1.0 / params.rate_hz)


@kernel
def _fill_load(state, now, step, params, load):
    """Write the force along the load of the window into load[:n], in g.

    A body in gait is loaded along the direction in which the force swings in step with its vertical part, once a step.
    Where a mean force is not upright (a sensor that cuts off what is below zero), or a sacrum tips around toe-off, the
    vertical of the sensor is not this direction.
    """
    buf, vertical_g = state.buf, state.lines[0]
    first, last = step.stride_first - step.begin, step.last - step.begin
    turn = 2.0 * math.pi * (2.0 if step.before >= 0.0 else 1.0) / (last - first)
    turn_c, turn_s, c, s = math.cos(turn), math.sin(turn), 1.0, 0.0
    real, imag = vector(4), vector(4)  # level force (3), vertical
    for i in range(first, last):
        row = step.begin + i
        up = buf.up[row] if params.has_gyroscope else buf.up[now]
        for j in range(4):
            part = buf.force[row, j] / GRAVITY_MPS2 - vertical_g[i] * up[j] if j < 3 else vertical_g[i]
            real[j] += part * c
            imag[j] += part * s
        c, s = c * turn_c - s * turn_s, s * turn_c + c * turn_s
    power = max(real[3] ** 2 + imag[3] ** 2, 1e-12)
    lean = vector(3)
    size = 0.0
    for j in range(3):
        lean[j] = (real[j] * real[3] + imag[j] * imag[3]) / power
        size += lean[j] * lean[j]
    most = params.most_lean
    if size > most * most:
        for j in range(3):
            lean[j] *= most / math.sqrt(size)
        size = most * most
    for i in range(step.n):
        row = step.begin + i
        up = buf.up[row] if params.has_gyroscope else buf.up[now]
        along = vertical_g[i]
        for j in range(3):
            along += lean[j] * (buf.force[row, j] / GRAVITY_MPS2 - vertical_g[i] * up[j])
        load[i] = along / math.sqrt(1.0 + size)


@kernel
def _set_braking(lines, mean, contact_row, step, params, row):
    """Set speed lost and peak of braking; return where braking ends, as a row of the window, -1: not seen.

    mean : forward force over whole steps: slope, bias of the sensor, and steady gain of speed are no braking.
    """
    ahead, smoothed, again, n, length = lines[1], lines[2], lines[3], step.n, step.length
    smooth(ahead, n, BRAKING_SIGMA_S * params.rate_hz, smoothed)
    smooth(smoothed, n, BRAKING_SIGMA_S * params.rate_hz, again)
    for i in range(n):
        smoothed[i] = 2.0 * smoothed[i] - again[i]
    lowest, at = 0.0, -1
    for i in range(contact_row, min(n - 1, contact_row + int(params.braking_share * length))):
        if smoothed[i] - mean < lowest:
            lowest, at = smoothed[i] - mean, i
    if at < 0:
        return -1.0
    crossing = -1.0
    for i in range(at, min(n - 1, contact_row + int(params.crossing_share * length))):
        here, after = smoothed[i] - mean, smoothed[i + 1] - mean
        if here < 0.0 <= after:
            crossing = i - here / (after - here)
            break
    if crossing < 0.0:
        return -1.0
    lost, most = 0.0, 0.0  # back from the slowest moment to the fastest one before it
    for i in range(int(crossing), max(0, int(crossing - params.braking_share * length)), -1):
        lost -= (ahead[i] - mean) / params.rate_hz
        most = max(most, lost)
    row.braking_dv_mps = most
    row.peak_braking_g = -lowest / GRAVITY_MPS2
    return crossing


# The step -------------------------------------------------------------------------------------------------------------


@kernel
def _flaws_of(buf, step, params):
    """Return whether the step is whole (hardly bridged), was cut off at the range, misses an axis."""
    bridged, is_clipped, is_missing = 0, False, False
    for i in range(step.first, step.last):
        if buf.flag[i] == BRIDGED:
            bridged += 1
        for j in range(3):
            if abs(buf.force[i, j]) >= params.clip_mps2:
                is_clipped = True
    for j in range(3):
        is_flat = True
        for i in range(step.first, step.last):
            if buf.force[i, j] != 0.0:
                is_flat = False
                break
        is_missing = is_missing or is_flat
    return bridged * params.whole_per_bridged <= step.last - step.first, is_clipped, is_missing


@kernel
def _mode_of(lines, step, mode_before, params):
    """Tell running from walking by how light the runner gets."""
    force, smoothed = lines[0], lines[2]
    smooth(force, step.n, params.light_sigma_s * params.rate_hz, smoothed)
    lightest = 9.0
    for i in range(step.first - step.begin, step.n):
        lightest = min(lightest, smoothed[i])
    if step.is_open and step.before >= 0.0:  # what follows is no step
        return mode_before
    limit = params.walk_above_g if mode_before == MODE_RUN else params.run_below_g
    return MODE_RUN if lightest < limit else MODE_WALK


@kernel
def _set_contact(state, now, step, params, row):
    """Set contact and its time from the sacrum alone; return the row of the window at which contact begins."""
    found, load, begin = state.found, state.lines[2], step.begin
    _fill_load(state, now, step, params, load)
    is_read = contact_of_step(
        load,
        step.n,
        step.stride_first - begin,
        step.mark - begin,
        step.length,
        params.rate_hz,
        state.lines[3:5],
        found,
    )
    contact_row = step.first - begin
    if is_read:
        row.step_s = time_at(state.buf.t_s, begin + found[S_BEGIN])
        contact_row = max(0, int(found[S_BEGIN]))
    if is_read and 0.0 < found[S_CONTACT] < step.length / params.rate_hz:
        row.contact_time_s, row.contact_time_sigma_s = found[S_CONTACT], found[S_SIGMA]
        least = min(found[S_SWING], found[S_PEAK], found[S_FLANK])
        most = max(found[S_SWING], found[S_PEAK], found[S_FLANK])
        if np.isnan(found[S_FLANK]) or most - least > params.doubtful_share * row.contact_time_s:
            row.reasons |= R_DOUBTFUL
    else:
        row.reasons |= R_DOUBTFUL | R_IMPLAUSIBLE if is_read else R_DOUBTFUL
    return contact_row


@kernel
def _set_attitude(state, step, params, row):
    """Set angles as far as standing and forward are known, with the reasons of what is not."""
    has_neutral = state.strap.known[0].neutral_known > 0
    if not has_neutral:
        row.reasons |= R_NO_STANDING
    if not state.axes.known[0].is_known:
        row.reasons |= R_MOUNTING
    elif has_neutral:
        _set_angles(state.buf, step, state.strap.neutral, state.axes.forward, row)
    row.rotation_deg = _rotation(state.buf, step, params.rate_hz)


@kernel
def _quality(step, is_whole, is_clipped, is_missing, params):
    """How far the step is to be trusted: each flaw takes its share."""
    quality = 1.0 if params.has_gyroscope else params.quality_no_gyroscope
    if is_missing:
        quality *= params.quality_axis_missing
    if not is_whole:
        quality *= params.quality_gap
    if is_clipped:
        quality *= params.quality_clipped
    if step.before >= 0.0:
        uneven = abs(step.mark - step.before - step.length) / step.length
        quality *= 1.0 - min(params.quality_uneven, uneven)
    return quality


@kernel
def analyse_step(state, now, step, mode_before, params, row):
    """Fill one row of results but for settling, slips and the time of emission; return its mode.

    now : last row there is. mode_before : that of the step before.
    """
    _clear(row)
    t_s = state.buf.t_s
    row.step_s = time_at(t_s, step.mark)
    if step.is_open:
        row.reasons |= R_OPEN
    else:
        row.next_step_s = time_at(t_s, step.after)
    is_whole, is_clipped, is_missing = _flaws_of(state.buf, step, params)
    if is_clipped:
        row.reasons |= R_CLIPPED
    if is_missing:
        row.reasons |= R_AXIS
    if not is_whole:
        row.reasons |= R_GAP
    mean_ahead = _fill_force(state, now, step, params)
    if is_whole and not is_missing and not step.is_open:
        row.vertical_oscillation_m = _bounce_of(state, step, params)
    row.mode = _mode_of(state.lines, step, mode_before, params)
    contact_row = step.first - step.begin
    if row.mode == MODE_WALK:
        row.reasons |= R_NOT_RUNNING
    elif is_whole:
        contact_row = _set_contact(state, now, step, params, row)
    if is_whole and state.axes.known[0].is_known and not step.is_open:
        crossing = _set_braking(state.lines, mean_ahead, contact_row, step, params, row)
        if crossing >= 0.0:
            row.crossing_s = time_at(t_s, step.begin + crossing)
    if params.has_gyroscope:
        _set_attitude(state, step, params, row)
    else:
        row.reasons |= R_NO_GYRO
    row.quality = _quality(step, is_whole, is_clipped, is_missing, params)
    return row.mode


@kernel
def _possible(row, value, least, most, place):
    """Return the value, or NaN (``implausible``) where no body can show it; ``place`` : in PELVIS_WITHHELD."""
    if value < least or value > most:
        _note_impossible(row, place)
        return np.nan
    return value


@kernel
def _note_impossible(row, place):
    row.reasons |= R_IMPLAUSIBLE
    row.impossible |= 1 << place


@kernel
def withhold_impossible(row):
    """Make unknown what no body can show in one step, and times that run backwards (``implausible``)."""
    if row.next_step_s <= row.step_s:
        row.next_step_s = np.nan
        _note_impossible(row, 0)
    if row.contact_time_s <= 0.0 or row.contact_time_s >= row.next_step_s - row.step_s:
        row.contact_time_s = row.contact_time_sigma_s = np.nan
        _note_impossible(row, 1)
    row.tilt_deg = _possible(row, row.tilt_deg, LEAST_TILT_DEG, MOST_TILT_DEG, 2)
    row.obliquity_deg = _possible(row, row.obliquity_deg, 0.0, MOST_OBLIQUITY_DEG, 3)
    row.rotation_deg = _possible(row, row.rotation_deg, 0.0, MOST_ROTATION_DEG, 4)
    row.vertical_oscillation_m = _possible(row, row.vertical_oscillation_m, 0.0, MOST_OSCILLATION_M, 5)
    row.braking_dv_mps = _possible(row, row.braking_dv_mps, 0.0, MOST_BRAKING_MPS, 6)
    row.peak_braking_g = _possible(row, row.peak_braking_g, 0.0, MOST_BRAKING_G, 7)
