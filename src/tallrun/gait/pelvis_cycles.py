"""Cycles at the pelvis: samples levelled, landmarks, bouts of steps, rows handed out; the engine's sample loop."""

from __future__ import annotations

import math

import numpy as np

from tallrun.gait.front import AFTER_BREAK, forget_marks
from tallrun.gait.kernels import inlined, kernel, matrix, vector
from tallrun.gait.pelvis_axes import add_stride, find_forward
from tallrun.gait.pelvis_mount import qualify_tilt, watch_standing, watch_strap
from tallrun.gait.pelvis_step import analyse_step, step_between, time_at, withhold_impossible
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.sacral import smooth
from tallrun.gait.vectors import copy_to, dot, size_of
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

#: Points of a stride at which it is compared with the next.
REPEAT_POINTS = 48
#: Landmarks that are needed again.
KEPT_MARKS = 6


# Attitude -------------------------------------------------------------------------------------------------------------


@kernel
def level(grid, n, quat, settings, state, start):
    """Append n grid rows to the buffer from row ``start``: up direction, vertical force, turn rate, sums.

    quat (n, 4) : sensor to world, w first, as ``vqf`` gives it; not looked at without a gyroscope.
    """
    params = settings[0]
    buf, mean_force, dt = state.buf, state.mean_force, 1.0 / params.rate_hz
    for i in range(n):
        row, up = start + i, state.buf.up[start + i]
        buf.t_s[row], buf.flag[row] = grid.t_s[i], grid.flag[i]
        state.steps[0].n_seen += 1
        if params.has_gyroscope:
            w, x, y, z = quat[i, 0], quat[i, 1], quat[i, 2], quat[i, 3]
            up[0], up[1], up[2] = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
        else:
            share = 1.0 / min(float(state.steps[0].n_seen), params.up_memory_s * params.rate_hz)
            for j in range(3):
                mean_force[j] += share * (grid.acc[i, j] - mean_force[j])
            size = size_of(mean_force)
            if size < 1e-6:
                up[0], up[1], up[2] = 0.0, 0.0, 1.0
            else:
                for j in range(3):
                    up[j] = mean_force[j] / size
        vertical = dot(up, grid.acc[i])
        buf.vertical[row] = vertical
        buf.turn[row] = dot(up, grid.gyr[i])
        buf.rate[row] = size_of(grid.gyr[i]) if params.has_gyroscope else 0.0
        for j in range(3):
            buf.force[row, j] = grid.acc[i, j]
            past = buf.gain[row - 1, j] if row > 0 else 0.0
            buf.gain[row, j] = past + (grid.acc[i, j] - vertical * up[j]) * dt


# Landmarks ------------------------------------------------------------------------------------------------------------


@kernel
def _rise_before(state, row, params):
    """Fractional row of the last rise through 1 g before ``row``, on a smoothed vertical force; -1: none."""
    lowest = max(1, row - int(params.mark_reach_s * params.rate_hz))
    reach = int(3.0 * params.mark_sigma_s * params.rate_hz) + 1
    begin = max(0, lowest - reach - 1)
    n = row + 1 - begin
    line, smoothed = state.lines[0], state.lines[1]
    for i in range(n):
        line[i] = state.buf.vertical[begin + i]
    smooth(line, n, params.mark_sigma_s * params.rate_hz, smoothed)
    for i in range(row - 1, lowest - 1, -1):
        here, after = smoothed[i - begin], smoothed[i + 1 - begin]
        if here < GRAVITY_MPS2 <= after:
            return i + (GRAVITY_MPS2 - here) / (after - here)
    return -1.0


@inlined
def _landmark_at(state, i, params):
    """Fractional row of the landmark that row ``i`` confirms: the low-passed force has swung both ways; -1: none."""
    steps, low_pass = state.steps[0], state.low_pass
    x = state.buf.vertical[i] - GRAVITY_MPS2
    y = low_pass[0] * x + steps.z1
    steps.z1 = low_pass[1] * x - low_pass[3] * y + steps.z2
    steps.z2 = low_pass[2] * x - low_pass[4] * y
    limit = max(params.least_swing_mps2, params.swing_share * steps.swing_mps2)
    if y < -limit:
        if not steps.is_armed:
            steps.low_mps2 = 0.0
        steps.is_armed = True
    if not steps.is_armed:
        return -1.0
    steps.low_mps2 = min(steps.low_mps2, y)
    if not y > limit:
        return -1.0
    steps.is_armed = False
    steps.swing_mps2 += params.swing_gain * (-steps.low_mps2 - steps.swing_mps2)
    return _rise_before(state, i, params)


@kernel
def _is_regular(marks, n, is_confirmed, params):
    """Whether the last of n landmarks comes as regularly as steps do."""
    ratio = params.step_ratio if is_confirmed else params.first_step_ratio
    share = params.stride_share if is_confirmed else params.first_stride_share
    step = (marks[n - 1] - marks[n - 2]) / params.rate_hz
    if step < params.shortest_step_s or step > params.longest_step_s:
        return False
    if n >= 3:
        past = (marks[n - 2] - marks[n - 3]) / params.rate_hz
        if step > ratio * past or past > ratio * step:
            return False
    if n >= 5:
        stride, past = marks[n - 1] - marks[n - 3], marks[n - 3] - marks[n - 5]
        if abs(stride - past) > share * past:
            return False
    return True


@kernel
def _force_at(buf, begin, end, q, j):
    """Force along axis j at the q-th of the points between two fractional rows."""
    place = begin + (end - begin) * q / REPEAT_POINTS
    row = int(place)
    here, after = buf.force[row, j], buf.force[row + 1, j]
    return here + (place - row) * (after - here)


@kernel
def _repeats(state, n):
    """How alike successive strides of the last n landmarks are: mean correlation of the three-axis force.

    A body in gait moves along much the same path every stride. A car may shake as regularly along one axis for a
    while, but its axes do not keep step.
    """
    buf, marks, base = state.buf, state.marks, state.steps[0].first_row
    total, pairs = 0.0, 0
    for k in range(n - 4):
        begin, middle, end = marks[k] - base, marks[k + 2] - base, marks[k + 4] - base
        mean = matrix(2, 3)
        for q in range(REPEAT_POINTS):
            for j in range(3):
                mean[0, j] += _force_at(buf, begin, middle, q, j) / REPEAT_POINTS
                mean[1, j] += _force_at(buf, middle, end, q, j) / REPEAT_POINTS
        both = first = second = 0.0
        for q in range(REPEAT_POINTS):
            for j in range(3):
                a = _force_at(buf, begin, middle, q, j) - mean[0, j]
                b = _force_at(buf, middle, end, q, j) - mean[1, j]
                both, first, second = both + a * b, first + a * a, second + b * b
        if first > 0.0 and second > 0.0:
            total += both / math.sqrt(first * second)
        pairs += 1
    return total / pairs


# Rows -----------------------------------------------------------------------------------------------------------------


@kernel
def _look_at(state, now, k, mode, params, row):
    """Analyse the step of landmark k into row; returns its mode."""
    steps, marks = state.steps[0], state.marks
    mark = marks[k] - steps.first_row
    before = marks[k - 1] - steps.first_row if k > 0 else -1.0
    is_open = k == steps.n_marks - 1
    after = mark + (mark - before) if is_open else marks[k + 1] - steps.first_row
    return analyse_step(
        state, now, step_between(before, mark, after, is_open, now, params), mode, params, row
    )


@kernel
def _learn_lag(state, mark, row, params):
    """How long the landmark usually comes after contact: the landmark scatters less than the edge of contact."""
    steps = state.steps[0]
    if not np.isnan(row.contact_time_s):
        steps.n_lag += 1.0
        gain = max(params.lag_gain, 1.0 / steps.n_lag)
        steps.lag_s += gain * (time_at(state.buf.t_s, mark) - row.step_s - steps.lag_s)


@kernel
def _hand_out(state, now, upto, is_end, params, out):
    """Write rows for the marks that are closed (all of them when the bout ends)."""
    steps, marks, buf = state.steps[0], state.marks, state.buf
    if (
        steps.n_lag == 0.0
    ):  # all that wait share one lag, else the first steps of a record would seem to drift
        mode = steps.mode
        for k in range(steps.next, steps.n_marks - 1):
            row = out.rows[out.n[0]]
            mode = _look_at(state, now, k, mode, params, row)
            _learn_lag(state, marks[k] - steps.first_row, row, params)
    while steps.next < upto:
        k = steps.next
        is_open = k == steps.n_marks - 1
        if is_open and not is_end:
            break
        mark = marks[k] - steps.first_row
        row = out.rows[out.n[0]]
        steps.mode = _look_at(state, now, k, steps.mode, params, row)
        if not is_open:
            _learn_lag(state, mark, row, params)
        lag_s = steps.lag_s if row.mode == MODE_RUN else 0.0
        row.step_s = time_at(buf.t_s, mark) - lag_s
        row.next_step_s -= lag_s
        if params.has_gyroscope:
            qualify_tilt(row, buf.t_s[min(int(mark), now)], state.strap.known[0], params)
        row.emitted_at_s = buf.t_s[now]
        withhold_impossible(row)
        steps.next += 1
        steps.n_given += 1
        out.n[0] += 1


@kernel
def _end_bout(state, now, params, out):
    """Close the bout at row ``now``: its last step stays open; forget its landmarks."""
    steps = state.steps[0]
    if steps.is_confirmed:
        _hand_out(state, now, steps.n_marks, True, params, out)
    steps.n_marks, steps.next, steps.is_confirmed = 0, 0, False


@kernel
def _learn_axes(state, i, params):
    """Learn forward from the stride that ends with the newest landmark, and watch the strap by it."""
    buf, steps, strap, axes, n = state.buf, state.steps[0], state.strap, state.axes, state.steps[0].n_marks
    first, last = int(state.marks[n - 3] - steps.first_row), int(state.marks[n - 1] - steps.first_row)
    add_stride(buf, first, last, axes, params)
    up = vector(3)
    copy_to(up, strap.neutral if strap.known[0].neutral_known > 0 else buf.up[i])
    size = size_of(up)
    for j in range(3):
        up[j] /= size
    find_forward(axes, up, params)
    if params.has_gyroscope:
        past = max(0, i - int(params.speed_window_s * params.rate_hz))
        gained = 0.0
        for j in range(3):
            gained += (buf.gain[i, j] - buf.gain[past, j]) * axes.forward[j]
        if axes.known[0].is_known and abs(gained) > params.speed_change_mps:
            strap.known[0].disturbed_s = buf.t_s[i]
        watch_strap(state, first, last, params)


@kernel
def _take_mark(state, i, mark, params, out):
    """Take a landmark into the bout, or begin a new one with it; hand out what it closes."""
    forget_marks(state.marks, state.steps[0], KEPT_MARKS)
    steps, marks, n = state.steps[0], state.marks, state.steps[0].n_marks
    marks[n] = mark
    steps.n_marks = n + 1
    if n > 0 and not _is_regular(marks, n + 1, steps.is_confirmed, params):
        steps.n_marks = n
        _end_bout(state, i, params, out)
        marks[0], steps.n_marks = mark, 1
    n = steps.n_marks
    if n >= 3:
        _learn_axes(state, i, params)
    if n >= params.confirm_marks and not steps.is_confirmed:
        if _repeats(state, n) > params.least_repeat:
            steps.is_confirmed = True
        else:  # wait for the next one, which takes the place of the first
            for k in range(n - 1):
                marks[k] = marks[k + 1]
            steps.n_marks = n - 1
    if steps.is_confirmed:
        _hand_out(state, i, n - 1, False, params, out)


@kernel
def track(state, start, stop, settings, out, is_end):
    """Go through rows start..stop of the buffer; rows that become known are added to ``out``.

    settings (1,) : record of ``PelvisParams``.
    is_end : no more rows will come; the bout ends and its last row is written out.
    """
    buf, steps, strap, params = state.buf, state.steps[0], state.strap.known[0], settings[0]
    for i in range(start, stop):
        time_s = buf.t_s[i]
        if steps.n_rows == 0 or buf.flag[i] == AFTER_BREAK:
            if steps.n_rows > 0:
                _end_bout(state, i - 1, params, out)
            strap.started_s = steps.last_mark_s = time_s
            steps.z1 = steps.z2 = 0.0
            steps.is_armed = False
        steps.n_rows += 1
        for j in range(3):
            if abs(buf.force[i, j]) >= params.clip_mps2:
                steps.n_clipped += 1
                break
        watch_standing(buf.force[i], buf.rate[i], state.strap, params)
        place = _landmark_at(state, i, params)
        if place >= 0.0:
            steps.last_mark_s = time_s
            _take_mark(state, i, steps.first_row + place, params, out)
        if time_s - steps.last_mark_s > params.bout_pause_s:
            if steps.n_marks > 0:
                _end_bout(state, i, params, out)
            steps.swing_mps2, steps.last_mark_s = 0.0, time_s
    if is_end:
        _end_bout(state, stop - 1, params, out)
