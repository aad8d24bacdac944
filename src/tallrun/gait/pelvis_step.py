"""What one step seen at the pelvis says: kernels over a window of levelled samples."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit
from tallrun.gait.sacral import (
    GRAVITY_MPS2,
    S_BEGIN,
    S_CONTACT,
    S_FLANK,
    S_PEAK,
    S_SIGMA,
    S_SWING,
    S_WIDTH,
    contact_of_step,
    smooth,
)

#: Columns of a levelled sample: time, flag, specific force (3), up in sensor axes (3), turn rate about up,
#: vertical specific force, sum of horizontal force x time (3).
B_TIME, B_FLAG, B_FORCE, B_UP, B_TURN, B_VERTICAL, B_GAIN = 0, 1, 2, 5, 8, 9, 10
B_WIDTH = 13

#: Columns of a row of results.
(
    O_STEP, O_NEXT, O_CONTACT, O_CONTACT_SIGMA, O_TILT, O_TILT_SIGMA, O_OBLIQUITY, O_ROTATION, O_BOUNCE, O_BRAKING,
    O_PEAK, O_CROSSING, O_MODE, O_QUALITY, O_REASONS, O_EMITTED,
) = range(16)  # fmt: skip
O_WIDTH = 16

R_OPEN = reason_bit("open_stride")
R_GAP = reason_bit("gap")
R_CLIPPED = reason_bit("clipped")
R_MOUNTING = reason_bit("mounting_unknown")
R_CHANGED = reason_bit("mounting_changed")
R_NO_GYRO = reason_bit("no_gyroscope")
R_NO_STANDING = reason_bit("no_standing")
R_SETTLING = reason_bit("settling")
R_NOT_RUNNING = reason_bit("not_running")
R_AXIS = reason_bit("axis_missing")
R_DOUBTFUL = reason_bit("event_doubtful")
R_STRAP = reason_bit("strap_doubtful")
R_IMPLAUSIBLE = reason_bit("implausible")

#: Two readings of the contact time that differ by more than this share of it make the step doubtful.
DOUBTFUL_SHARE = 0.3
#: The load may lie this far from upright as the sensor knows it (tangent); beyond it is no load.
MOST_LEAN = 1.0
BRAKING_SIGMA_S = math.sqrt(math.log(2.0)) / (2.0 * math.pi * 10.0)


@njit(cache=True)
def time_at(buf, place):
    """Time of a fractional row, linear between rows."""
    low = math.floor(place)
    low = max(0, min(low, buf.shape[0] - 2))
    return buf[low, B_TIME] + (place - low) * (buf[low + 1, B_TIME] - buf[low, B_TIME])


@njit(cache=True)
def add_stride(buf, first, last, memory, lightest_run_g, even, early_late, weight):
    """Add one stride to what tells forward from sideways (`sci:A4`).

    Fore-aft force repeats every step (even harmonics of the stride), sideways force every stride (odd ones).
    early_late : the part of the horizontal force that runs a quarter of a step ahead of or behind the load.
        Running brakes in the first half of stance and drives in the second; a walk, an inverted pendulum, is
        fastest when lowest and loaded most, so it is the other way round. Only the step's own frequency is
        asked: above it soft tissue speaks, and the sensor's swing about the body's centre, the louder the more
        the pelvis is tilted.
    """
    n = last - first
    for j in range(3):
        early_late[j] *= memory
        for k in range(3):
            even[j, k] *= memory
    weight[0] = weight[0] * memory + 1.0
    real, imag = np.zeros((4, 4)), np.zeros((4, 4))  # harmonic; level force (3), load
    turn_c, turn_s = math.cos(2.0 * math.pi / n), math.sin(2.0 * math.pi / n)
    first_c, first_s, lightest = 1.0, 0.0, buf[first, B_VERTICAL]
    for row in range(first, last):
        load = buf[row, B_VERTICAL]
        lightest = min(lightest, load)
        c, s = first_c, first_s
        for harmonic in range(4):
            for j in range(3):
                level = buf[row, B_FORCE + j] - load * buf[row, B_UP + j]
                real[harmonic, j] += level * c
                imag[harmonic, j] -= level * s
            real[harmonic, 3] += load * c
            imag[harmonic, 3] -= load * s
            c, s = c * first_c - s * first_s, s * first_c + c * first_s
        first_c, first_s = first_c * turn_c - first_s * turn_s, first_s * turn_c + first_c * turn_s
    for harmonic in range(4):
        sign = 1.0 if harmonic % 2 == 1 else -1.0
        for j in range(3):
            for k in range(3):
                power = real[harmonic, j] * real[harmonic, k] + imag[harmonic, j] * imag[harmonic, k]
                even[j, k] += sign * power / (n * n)
    sense = 1.0 if lightest < lightest_run_g * GRAVITY_MPS2 else -1.0
    for j in range(3):
        early_late[j] += sense * (real[1, 3] * imag[1, j] - imag[1, 3] * real[1, j]) / (n * n)


@njit(cache=True)
def forward_axis(even, early_late, up, weight, least_weight, axis):
    """Write the unit forward axis (sensor axes, level); return whether it is known."""
    if weight < least_weight:
        return False
    least = 0
    for j in range(1, 3):
        if abs(up[j]) < abs(up[least]):
            least = j
    e1, e2 = np.zeros(3), np.zeros(3)
    e1[least] = 1.0
    for j in range(3):
        e1[j] -= up[least] * up[j]
    size = math.sqrt(e1[0] ** 2 + e1[1] ** 2 + e1[2] ** 2)
    for j in range(3):
        e1[j] /= size
    e2[0] = up[1] * e1[2] - up[2] * e1[1]
    e2[1] = up[2] * e1[0] - up[0] * e1[2]
    e2[2] = up[0] * e1[1] - up[1] * e1[0]
    a, b, d = 0.0, 0.0, 0.0
    for j in range(3):
        for k in range(3):
            a += e1[j] * even[j, k] * e1[k]
            b += e1[j] * even[j, k] * e2[k]
            d += e2[j] * even[j, k] * e2[k]
    turn = 0.5 * math.atan2(2.0 * b, a - d)
    largest = 0.5 * (a + d) + math.sqrt(0.25 * (a - d) ** 2 + b * b)
    if largest <= 0.0:
        return False
    sense = 0.0
    for j in range(3):
        axis[j] = math.cos(turn) * e1[j] + math.sin(turn) * e2[j]
        sense += axis[j] * early_late[j]
    if sense > 0.0:  # load rises while braking: the rise of load and fore-aft force have opposite signs
        for j in range(3):
            axis[j] = -axis[j]
    return True


@njit(cache=True)
def _angles(buf, first, last, neutral, axis, row):
    left = np.empty(3)
    left[0] = neutral[1] * axis[2] - neutral[2] * axis[1]
    left[1] = neutral[2] * axis[0] - neutral[0] * axis[2]
    left[2] = neutral[0] * axis[1] - neutral[1] * axis[0]
    tilt, low, high = 0.0, 1e9, -1e9
    for i in range(first, last):
        ahead, side = 0.0, 0.0
        for j in range(3):
            ahead += buf[i, B_UP + j] * axis[j]
            side += buf[i, B_UP + j] * left[j]
        tilt += math.asin(max(-1.0, min(1.0, -ahead)))
        roll = math.asin(max(-1.0, min(1.0, side)))
        low, high = min(low, roll), max(high, roll)
    row[O_TILT] = math.degrees(tilt / (last - first))
    row[O_OBLIQUITY] = math.degrees(high - low)


@njit(cache=True)
def _rotation(buf, first, last, stride_first, rate_hz):
    drift = 0.0
    for i in range(stride_first, last):
        drift += buf[i, B_TURN]
    drift /= last - stride_first
    angle, low, high = 0.0, 0.0, 0.0
    for i in range(first, last):
        angle += (buf[i, B_TURN] - drift) / rate_hz
        low, high = min(low, angle), max(high, angle)
    return math.degrees(high - low)


@njit(cache=True)
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


@njit(cache=True)
def _load(buf, now, begin, n, first, last, cycles, vertical_g, has_gyroscope, load):
    """Write the force along the load of rows begin..begin + n into load[:n], in g.

    A body in gait is loaded along the direction in which the force swings in step with its vertical part, ``cycles``
    times in the rows first..last of the window. Where a mean force is not upright (a sensor that cuts off what is
    below zero), or a sacrum tips around toe-off, the vertical of the sensor is not this direction.
    """
    turn = 2.0 * math.pi * cycles / (last - first)
    real, imag = np.zeros(4), np.zeros(4)  # level force (3), vertical
    for i in range(first, last):
        c, s = math.cos(turn * (i - first)), math.sin(turn * (i - first))
        for j in range(4):
            part = vertical_g[i]
            if j < 3:
                up = buf[begin + i if has_gyroscope else now, B_UP + j]
                part = buf[begin + i, B_FORCE + j] / GRAVITY_MPS2 - vertical_g[i] * up
            real[j] += part * c
            imag[j] += part * s
    power = max(real[3] ** 2 + imag[3] ** 2, 1e-12)
    lean = np.empty(3)
    size = 0.0
    for j in range(3):
        lean[j] = (real[j] * real[3] + imag[j] * imag[3]) / power
        size += lean[j] * lean[j]
    if size > MOST_LEAN * MOST_LEAN:
        for j in range(3):
            lean[j] *= MOST_LEAN / math.sqrt(size)
        size = MOST_LEAN * MOST_LEAN
    for i in range(n):
        along = vertical_g[i]
        for j in range(3):
            up = buf[begin + i if has_gyroscope else now, B_UP + j]
            along += lean[j] * (buf[begin + i, B_FORCE + j] / GRAVITY_MPS2 - vertical_g[i] * up)
        load[i] = along / math.sqrt(1.0 + size)


@njit(cache=True)
def _braking(ahead, mean, n, first, step, rate_hz, smoothed, row):
    """Speed lost, peak and end of braking; ``first`` is the row of contact inside ahead[:n].

    mean : forward force over whole steps: slope, bias of the sensor, and steady gain of speed are no braking.
    """
    smooth(ahead, n, BRAKING_SIGMA_S * rate_hz, smoothed)
    last = min(n - 1, first + int(0.6 * step))
    lowest, at = 0.0, -1
    for i in range(first, last):
        if smoothed[i] - mean < lowest:
            lowest, at = smoothed[i] - mean, i
    if at < 0:
        return -1.0
    crossing = -1.0
    for i in range(at, min(n - 1, first + int(0.8 * step))):
        here, after = smoothed[i] - mean, smoothed[i + 1] - mean
        if here < 0.0 <= after:
            crossing = i - here / (after - here)
            break
    if crossing < 0.0:
        return -1.0
    lost, most = 0.0, 0.0  # back from the slowest moment to the fastest one before it
    for i in range(int(crossing), max(0, int(crossing - 0.6 * step)), -1):
        lost -= (ahead[i] - mean) / rate_hz
        most = max(most, lost)
    row[O_BRAKING] = most
    row[O_PEAK] = -lowest / GRAVITY_MPS2
    return crossing


@njit(cache=True)
def analyse_step(
    buf,
    now,
    before,
    mark,
    after,
    is_open,
    known_axis,
    axis,
    neutral,
    has_neutral,
    mode_before,
    p,
    scratch,
    row,
):
    """Fill one row of results but for settling, slips and the time of emission.

    before, mark, after : fractional rows of the landmarks before, at and after this step; ``before`` is
    negative when the bout starts here. now : last row there is.
    """
    step = after - mark
    first, last = int(mark), min(int(after) + 1, now)
    stride_first = int(before) if before >= 0.0 else first
    for j in range(O_WIDTH):
        row[j] = np.nan
    reasons = 0
    row[O_STEP] = time_at(buf, mark)
    if is_open:
        reasons |= R_OPEN
    else:
        row[O_NEXT] = time_at(buf, after)

    bridged, clipped = 0, False
    for i in range(first, last):
        if buf[i, B_FLAG] == 1.0:
            bridged += 1
        for j in range(3):
            if abs(buf[i, B_FORCE + j]) >= p.clip_mps2:
                clipped = True
    missing = False
    for j in range(3):
        flat = True
        for i in range(first, last):
            if buf[i, B_FORCE + j] != 0.0:
                flat = False
                break
        missing = missing or flat
    if clipped:
        reasons |= R_CLIPPED
    if missing:
        reasons |= R_AXIS
    whole = bridged * 50 <= last - first
    if not whole:
        reasons |= R_GAP

    # window: the step before, if known, and a little after the next landmark
    begin = max(0, min(stride_first, int(mark - 0.6 * step)))
    end = min(now + 1, int(after + 0.1 * p.rate_hz) + 1)
    n = end - begin
    force, ahead, smoothed, centre_ahead, centre_up = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
    )
    is_rigid = p.has_gyroscope and known_axis
    for i in range(n):
        vertical, along, ahead_up, upright = 0.0, 0.0, 0.0, 0.0
        for j in range(3):
            up = buf[begin + i, B_UP + j] if p.has_gyroscope else buf[now, B_UP + j]
            vertical += buf[begin + i, B_FORCE + j] * up
            along += buf[begin + i, B_FORCE + j] * axis[j]
            ahead_up += up * axis[j]
            upright += up * (neutral[j] if has_neutral else buf[first, B_UP + j])
        along -= vertical * ahead_up  # what a tilted sensor sees of the vertical force
        force[i], ahead[i] = vertical / GRAVITY_MPS2, along
        level = math.sqrt(max(1.0 - ahead_up * ahead_up, 0.01))
        centre_ahead[i] = p.centre_ahead_m * level + p.centre_below_m * upright * ahead_up / level
        centre_up[i] = p.centre_ahead_m * ahead_up - p.centre_below_m * upright
    mean_ahead = 0.0
    if is_rigid:
        for i in range(1, n - 1):
            turning = centre_ahead[i + 1] - 2.0 * centre_ahead[i] + centre_ahead[i - 1]
            ahead[i] += turning * p.rate_hz * p.rate_hz
    for i in range(stride_first - begin, last - begin):
        mean_ahead += ahead[i] / (last - stride_first)
    if whole and not missing and not is_open:
        for i in range(stride_first - begin, last - begin):
            smoothed[i - stride_first + begin] = force[i] * GRAVITY_MPS2
            centre_up[i - stride_first + begin] = centre_up[i] if is_rigid else 0.0
        row[O_BOUNCE] = _bounce(
            smoothed, centre_up, last - stride_first, first - stride_first, 1.0 / p.rate_hz
        )

    smooth(force, n, 0.015 * p.rate_hz, smoothed)
    lightest = 9.0
    for i in range(first - begin, n):
        lightest = min(lightest, smoothed[i])
    limit = p.walk_above_g if mode_before == MODE_RUN else p.run_below_g
    mode = MODE_RUN if lightest < limit else MODE_WALK
    if is_open and before >= 0.0:  # what follows is no step
        mode = mode_before
    row[O_MODE] = mode

    contact_row = first - begin
    if mode == MODE_WALK:
        reasons |= R_NOT_RUNNING
    elif whole:
        found = np.empty(S_WIDTH)
        cycles = 2.0 if before >= 0.0 else 1.0
        _load(
            buf, now, begin, n, stride_first - begin, last - begin, cycles, force, p.has_gyroscope, smoothed
        )
        is_read = contact_of_step(
            smoothed, n, stride_first - begin, mark - begin, step, p.rate_hz, scratch[3:5], found
        )
        if is_read:
            row[O_STEP] = time_at(buf, begin + found[S_BEGIN])
            contact_row = max(0, int(found[S_BEGIN]))
        if is_read and 0.0 < found[S_CONTACT] < step / p.rate_hz:
            row[O_CONTACT], row[O_CONTACT_SIGMA] = found[S_CONTACT], found[S_SIGMA]
            least = min(found[S_SWING], found[S_PEAK], found[S_FLANK])
            most = max(found[S_SWING], found[S_PEAK], found[S_FLANK])
            if np.isnan(found[S_FLANK]) or most - least > DOUBTFUL_SHARE * row[O_CONTACT]:
                reasons |= R_DOUBTFUL
        else:
            reasons |= R_DOUBTFUL
            if is_read:
                reasons |= R_IMPLAUSIBLE
    if whole and known_axis and not is_open:
        crossing = _braking(ahead, mean_ahead, n, contact_row, step, p.rate_hz, smoothed, row)
        if crossing >= 0.0:
            row[O_CROSSING] = time_at(buf, begin + crossing)
    if not p.has_gyroscope:
        reasons |= R_NO_GYRO
    else:
        if not has_neutral:
            reasons |= R_NO_STANDING
        if not known_axis:
            reasons |= R_MOUNTING
        elif has_neutral:
            _angles(buf, first, last, neutral, axis, row)
        row[O_ROTATION] = _rotation(buf, first, last, stride_first, p.rate_hz)

    quality = 1.0 if p.has_gyroscope else 0.85
    if missing:
        quality *= 0.85
    if not whole:
        quality *= 0.4
    if clipped:
        quality *= 0.8
    if before >= 0.0:
        quality *= 1.0 - min(0.4, abs(mark - before - step) / step)
    row[O_QUALITY] = quality
    row[O_REASONS] = reasons
    return mode
