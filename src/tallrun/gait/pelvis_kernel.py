"""The streaming part of the pelvis engine: levels samples, finds steps, learns axes, hands out rows."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.gait.pelvis_grid import AFTER_BREAK, C_ACC, C_FLAG, C_GYR, C_TIME
from tallrun.gait.pelvis_mount import qualify_tilt, watch_standing, watch_strap
from tallrun.gait.pelvis_state import (
    F_AXIS,
    F_DISTURBED_S,
    F_LAG,
    F_LAG_N,
    F_LAST_MARK_S,
    F_LOW,
    F_NEUTRAL,
    F_STARTED_S,
    F_SWING,
    F_UP,
    F_Z1,
    F_Z2,
    I_ARMED,
    I_AXIS_KNOWN,
    I_CLIPPED,
    I_CONFIRMED,
    I_GIVEN,
    I_MARKS,
    I_MODE,
    I_NEUTRAL_KNOWN,
    I_NEXT,
    I_SEEN,
    I_STEPS,
)
from tallrun.gait.pelvis_step import (
    B_FLAG,
    B_FORCE,
    B_GAIN,
    B_TIME,
    B_TURN,
    B_UP,
    B_VERTICAL,
    O_CONTACT,
    O_EMITTED,
    O_MODE,
    O_NEXT,
    O_STEP,
    add_stride,
    analyse_step,
    forward_axis,
    time_at,
)
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.sacral import GRAVITY_MPS2, smooth

UP_MEMORY_S = 3.0
MARK_SIGMA_S = 0.01
#: How far before its detection a landmark is looked for.
MARK_REACH_S = 0.3
MAX_MARKS = 24
#: Points of a stride at which it is compared with the next.
REPEAT_POINTS = 48


@njit(cache=True)
def level(grid, n, quat, p, fs, ints, buf, start):
    """Append n grid rows to buf from row ``start``: up direction, vertical force, turn rate, sums."""
    dt = 1.0 / p.rate_hz
    for i in range(n):
        row = start + i
        buf[row, B_TIME], buf[row, B_FLAG] = grid[i, C_TIME], grid[i, C_FLAG]
        ints[I_SEEN] += 1
        if p.has_gyroscope:
            w, x, y, z = quat[i, 0], quat[i, 1], quat[i, 2], quat[i, 3]
            ux, uy, uz = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
        else:
            share = 1.0 / min(float(ints[I_SEEN]), UP_MEMORY_S * p.rate_hz)
            for j in range(3):
                fs[F_UP + j] += share * (grid[i, C_ACC + j] - fs[F_UP + j])
            size = math.sqrt(fs[F_UP] ** 2 + fs[F_UP + 1] ** 2 + fs[F_UP + 2] ** 2)
            if size < 1e-6:
                ux, uy, uz = 0.0, 0.0, 1.0
            else:
                ux, uy, uz = fs[F_UP] / size, fs[F_UP + 1] / size, fs[F_UP + 2] / size
        buf[row, B_UP], buf[row, B_UP + 1], buf[row, B_UP + 2] = ux, uy, uz
        vertical = ux * grid[i, C_ACC] + uy * grid[i, C_ACC + 1] + uz * grid[i, C_ACC + 2]
        buf[row, B_VERTICAL] = vertical
        buf[row, B_TURN] = ux * grid[i, C_GYR] + uy * grid[i, C_GYR + 1] + uz * grid[i, C_GYR + 2]
        for j in range(3):
            force = grid[i, C_ACC + j]
            buf[row, B_FORCE + j] = force
            past = buf[row - 1, B_GAIN + j] if row > 0 else 0.0
            buf[row, B_GAIN + j] = past + (force - vertical * buf[row, B_UP + j]) * dt


@njit(cache=True)
def _rise_before(buf, row, p, scratch):
    """Fractional row of the last rise through 1 g before ``row``, on a smoothed vertical force; -1: none."""
    lowest = max(1, row - int(MARK_REACH_S * p.rate_hz))
    reach = int(3.0 * MARK_SIGMA_S * p.rate_hz) + 1
    begin = max(0, lowest - reach - 1)
    n = row + 1 - begin
    line, smoothed = scratch[0], scratch[1]
    for i in range(n):
        line[i] = buf[begin + i, B_VERTICAL]
    smooth(line, n, MARK_SIGMA_S * p.rate_hz, smoothed)
    for i in range(row - 1, lowest - 1, -1):
        here, after = smoothed[i - begin], smoothed[i + 1 - begin]
        if here < GRAVITY_MPS2 <= after:
            return i + (GRAVITY_MPS2 - here) / (after - here)
    return -1.0


@njit(cache=True)
def _look_at(buf, now, base, marks, k, mode, p, fs, ints, scratch, row):
    """Analyse the step of landmark k into row; returns its mode."""
    mark = marks[k] - base
    before = marks[k - 1] - base if k > 0 else -1.0
    is_open = k == ints[I_MARKS] - 1
    after = mark + (mark - before) if is_open else marks[k + 1] - base
    return analyse_step(
        buf, now, before, mark, after, is_open, ints[I_AXIS_KNOWN] == 1, fs[F_AXIS : F_AXIS + 3],
        fs[F_NEUTRAL : F_NEUTRAL + 3], ints[I_NEUTRAL_KNOWN] > 0, mode, p, scratch, row,
    )  # fmt: skip


@njit(cache=True)
def _learn_lag(buf, mark, fs, row):
    """How long the landmark usually comes after contact: the landmark scatters less than the edge of contact."""
    if not np.isnan(row[O_CONTACT]):
        fs[F_LAG_N] += 1.0
        fs[F_LAG] += max(0.1, 1.0 / fs[F_LAG_N]) * (time_at(buf, mark) - row[O_STEP] - fs[F_LAG])


@njit(cache=True)
def _hand_out(buf, now, base, marks, upto, is_end, p, fs, ints, scratch, out, n_out):
    """Write rows for the marks that are closed (all of them when the bout ends)."""
    if (
        fs[F_LAG_N] == 0.0
    ):  # all that wait share one lag, else the first steps of a record would seem to drift
        mode = ints[I_MODE]
        for k in range(ints[I_NEXT], ints[I_MARKS] - 1):
            mode = _look_at(buf, now, base, marks, k, mode, p, fs, ints, scratch, out[n_out])
            _learn_lag(buf, marks[k] - base, fs, out[n_out])
    while ints[I_NEXT] < upto:
        k = ints[I_NEXT]
        is_open = k == ints[I_MARKS] - 1
        if is_open and not is_end:
            break
        mark = marks[k] - base
        row = out[n_out]
        ints[I_MODE] = _look_at(buf, now, base, marks, k, ints[I_MODE], p, fs, ints, scratch, row)
        if not is_open:
            _learn_lag(buf, mark, fs, row)
        lag = fs[F_LAG] if row[O_MODE] == MODE_RUN else 0.0
        row[O_STEP] = time_at(buf, mark) - lag
        row[O_NEXT] -= lag
        if p.has_gyroscope:
            qualify_tilt(row, buf[min(int(mark), now), B_TIME], p, fs, ints)
        row[O_EMITTED] = buf[now, B_TIME]
        ints[I_NEXT] += 1
        ints[I_GIVEN] += 1
        n_out += 1
    return n_out


@njit(cache=True)
def end_bout(buf, now, base, marks, p, fs, ints, scratch, out, n_out):
    """Close the bout at row ``now``: its last step stays open; forget its landmarks."""
    if ints[I_CONFIRMED] == 1:
        n_out = _hand_out(buf, now, base, marks, ints[I_MARKS], True, p, fs, ints, scratch, out, n_out)
    ints[I_MARKS] = 0
    ints[I_NEXT] = 0
    ints[I_CONFIRMED] = 0
    return n_out


@njit(cache=True)
def _is_regular(marks, n, is_confirmed, p):
    ratio = p.step_ratio if is_confirmed else p.first_step_ratio
    share = p.stride_share if is_confirmed else p.first_stride_share
    step = (marks[n - 1] - marks[n - 2]) / p.rate_hz
    if step < p.shortest_step_s or step > p.longest_step_s:
        return False
    if n >= 3:
        past = (marks[n - 2] - marks[n - 3]) / p.rate_hz
        if step > ratio * past or past > ratio * step:
            return False
    if n >= 5:
        stride, past = marks[n - 1] - marks[n - 3], marks[n - 3] - marks[n - 5]
        if abs(stride - past) > share * past:
            return False
    return True


@njit(cache=True)
def _repeats(buf, base, marks, n, points):
    """How alike successive strides of the last marks are: mean correlation of the three-axis force.

    A body in gait moves along much the same path every stride. A car may shake as regularly along one axis for a
    while, but its axes do not keep step.
    """
    total, pairs = 0.0, 0
    for k in range(n - 4):
        mean = np.zeros((2, 3))
        both, first, second = 0.0, 0.0, 0.0
        for is_summing in (False, True):
            for q in range(points):
                for j in range(3):
                    force = np.zeros(2)
                    for part in range(2):
                        begin, end = marks[k + 2 * part] - base, marks[k + 2 * part + 2] - base
                        place = begin + (end - begin) * q / points
                        row = int(place)
                        here, after = buf[row, B_FORCE + j], buf[row + 1, B_FORCE + j]
                        force[part] = here + (place - row) * (after - here)
                        if not is_summing:
                            mean[part, j] += force[part] / points
                    if is_summing:
                        a, b = force[0] - mean[0, j], force[1] - mean[1, j]
                        both, first, second = both + a * b, first + a * a, second + b * b
        if first > 0.0 and second > 0.0:
            total += both / math.sqrt(first * second)
        pairs += 1
    return total / pairs


@njit(cache=True)
def _take_mark(buf, i, base, mark, p, fs, ints, marks, even, early_late, weight, scratch, out, n_out):
    n = ints[I_MARKS]
    if n == MAX_MARKS:  # only the last few are needed again
        drop = n - 6
        for k in range(6):
            marks[k] = marks[k + drop]
        n -= drop
        ints[I_NEXT] -= drop
    marks[n] = mark
    ints[I_MARKS] = n + 1
    if n > 0 and not _is_regular(marks, n + 1, ints[I_CONFIRMED] == 1, p):
        ints[I_MARKS] = n
        n_out = end_bout(buf, i, base, marks, p, fs, ints, scratch, out, n_out)
        marks[0] = mark
        ints[I_MARKS] = 1
    n = ints[I_MARKS]
    if n >= 3:
        first, last = int(marks[n - 3] - base), int(marks[n - 1] - base)
        add_stride(buf, first, last, p.axis_memory, p.run_below_g, even, early_late, weight)
        up = np.empty(3)
        for j in range(3):
            up[j] = fs[F_NEUTRAL + j] if ints[I_NEUTRAL_KNOWN] > 0 else buf[i, B_UP + j]
        size = math.sqrt(up[0] ** 2 + up[1] ** 2 + up[2] ** 2)
        for j in range(3):
            up[j] /= size
        axis = fs[F_AXIS : F_AXIS + 3]
        ints[I_AXIS_KNOWN] = 1 if forward_axis(even, early_late, up, weight[0], p.axis_strides, axis) else 0
        if p.has_gyroscope:
            past = max(0, i - int(p.speed_window_s * p.rate_hz))
            gained = 0.0
            for j in range(3):
                gained += (buf[i, B_GAIN + j] - buf[past, B_GAIN + j]) * axis[j]
            if ints[I_AXIS_KNOWN] == 1 and abs(gained) > p.speed_change_mps:
                fs[F_DISTURBED_S] = buf[i, B_TIME]
            watch_strap(buf, first, last, p, fs, ints)
    if n >= p.confirm_marks and ints[I_CONFIRMED] == 0:
        if _repeats(buf, base, marks, n, REPEAT_POINTS) > p.least_repeat:
            ints[I_CONFIRMED] = 1
        else:  # wait for the next one, which takes the place of the first
            for k in range(n - 1):
                marks[k] = marks[k + 1]
            ints[I_MARKS] = n - 1
    if ints[I_CONFIRMED] == 1:
        n_out = _hand_out(buf, i, base, marks, n - 1, False, p, fs, ints, scratch, out, n_out)
    return n_out


@njit(cache=True)
def track(
    buf, start, stop, base, gyr_norm, p, low_pass, fs, ints, marks, even, early_late, weight, scratch, out
):
    """Go through rows start..stop of buf; return the number of result rows written to out.

    base : number of the first row of buf since the session's start; landmarks are kept in that numbering.
    """
    n_out = 0
    for i in range(start, stop):
        time = buf[i, B_TIME]
        if ints[I_STEPS] == 0 or buf[i, B_FLAG] == AFTER_BREAK:
            if ints[I_STEPS] > 0:
                n_out = end_bout(buf, i - 1, base, marks, p, fs, ints, scratch, out, n_out)
            fs[F_STARTED_S] = time
            fs[F_Z1], fs[F_Z2] = 0.0, 0.0
            ints[I_ARMED] = 0
            fs[F_LAST_MARK_S] = time
        ints[I_STEPS] += 1
        for j in range(3):
            if abs(buf[i, B_FORCE + j]) >= p.clip_mps2:
                ints[I_CLIPPED] += 1
                break
        watch_standing(buf, i, gyr_norm[i - start], p, fs, ints)

        x = buf[i, B_VERTICAL] - GRAVITY_MPS2
        y = low_pass[0] * x + fs[F_Z1]
        fs[F_Z1] = low_pass[1] * x - low_pass[3] * y + fs[F_Z2]
        fs[F_Z2] = low_pass[2] * x - low_pass[4] * y
        limit = max(p.least_swing_mps2, p.swing_share * fs[F_SWING])
        if y < -limit:
            if ints[I_ARMED] == 0:
                fs[F_LOW] = 0.0
            ints[I_ARMED] = 1
        if ints[I_ARMED] == 1:
            fs[F_LOW] = min(fs[F_LOW], y)
            if y > limit:
                ints[I_ARMED] = 0
                fs[F_SWING] += 0.2 * (-fs[F_LOW] - fs[F_SWING])
                place = _rise_before(buf, i, p, scratch)
                if place >= 0.0:
                    fs[F_LAST_MARK_S] = time
                    n_out = _take_mark(
                        buf, i, base, base + place, p, fs, ints, marks, even, early_late, weight, scratch, out, n_out
                    )  # fmt: skip
        if time - fs[F_LAST_MARK_S] > 1.5:
            if ints[I_MARKS] > 0:
                n_out = end_bout(buf, i, base, marks, p, fs, ints, scratch, out, n_out)
            fs[F_SWING] = 0.0
            fs[F_LAST_MARK_S] = time
    return n_out
