"""Contacts of one foot from the size of its specific force alone: no axes, so any mounting is the same."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.foot_row import clear_row
from tallrun.gait.front import AFTER_BREAK, BRIDGED, forget_marks
from tallrun.gait.kernels import kernel, new_record
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit
from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

MAX_MARKS = 24
#: Contacts that are needed again.
KEPT_MARKS = 4

R_OPEN, R_GAP, R_CLIPPED = reason_bit("open_stride"), reason_bit("gap"), reason_bit("clipped")
R_NO_GYRO = reason_bit("no_gyroscope")


class AccFootParams(NamedTuple):
    """Tunables. The windows of the landing score were picked by a sweep over the seven real foot recordings."""

    rate_hz: float
    clip_g: float = 1e9
    before_s: float = 0.15  # late swing: the foot is being stopped, several g
    into_s: float = 0.04  # and the impact itself
    from_s: float = 0.06  # ringing left out
    until_s: float = 0.20  # planted foot: about 1 g and little change
    floor_g: float = 0.05
    least_unrest_g: float = 0.4  # even a slow walk stops its foot harder than a fidget
    rest_s: float = 0.005  # time over which the change of force counts as unrest
    least_score: float = 1.2  # unrest falls at least to 30 %
    score_share: float = 0.6  # of the usual score
    due_share: float = 0.5  # of that limit, when the rhythm says a landing is due
    due_within: float = 0.25  # of the last stride
    steady_within: float = 0.1  # two strides this alike are a rhythm
    dip_share: float = 0.15  # of the pull: how far force must rise again, going back, to end a dip before it
    rise_share: float = 0.3  # of the rise from the dip to the pull: the foot is off the ground
    alone_s: float = 0.45  # no two landings of one foot are closer than this
    ahead_s: float = 0.6  # in a walk mid-swing comes this much earlier; then the landing is far clearer
    clearer: float = 1.33
    shortest_stride_s: float = 0.45
    longest_stride_s: float = 2.5
    stride_ratio: float = 1.6
    confirm_contacts: int = 3
    impact_before_s: float = 0.01
    impact_after_s: float = 0.05
    still_g: float = 0.06  # unrest of a foot that does not move, noise included
    still_share: float = (
        0.7  # of a stride: slow walking rolls off the foot and swings it for longer than the rest
    )
    run_below_duty: float = 0.47
    walk_above_duty: float = 0.52
    run_below_s: float = 0.86  # stride time at 140 steps/min, where people change gait (sci:A1)
    usual_gain: float = 0.3  # how fast the usual score follows, per landing
    # onset of a landing: first jerk of a share of its largest
    onset_before_s: float = 0.1
    onset_after_s: float = 0.06  # also how long before its largest jerk it may begin
    onset_share: float = 0.3
    # foot-flat: quietest so long either way, between a time after contact and a share of the stride
    flat_half_s: float = 0.02
    flat_from_s: float = 0.05
    flat_until: float = 0.45
    pull_until: float = 0.75  # of the stride: by then the swing pulls at the foot
    pull_half_s: float = 0.01  # over which that pull is averaged
    pull_share: float = 0.5  # of its greatest: the first great pull
    clear_duty: float = 0.6  # above it nobody runs
    slow_run: float = 1.2  # nor with strides this many times as long as where people change gait
    whole_per_bridged: int = 50  # a stride is whole with one bridged sample in so many
    # quality: of a sound stride, and what each flaw leaves of it
    quality: float = 0.8
    quality_gap: float = 0.4
    quality_clipped: float = 0.8


class Forces(NamedTuple):
    """Samples on an even grid, (rows, ...): force (., 3) and its size [g], unrest [g], landing score."""

    t_s: FloatArray
    flag: FloatArray
    force: FloatArray
    size: FloatArray
    unrest: FloatArray
    score: FloatArray


class AccFootState(NamedTuple):
    """All that is remembered. marks : contacts as rows since the session's start. known : the single numbers."""

    buf: Forces
    marks: NDArray[np.int64]
    known: np.recarray


def new_state(n_rows: int) -> AccFootState:
    """Return the state before the first sample."""
    buf = Forces(
        np.empty(n_rows), np.empty(n_rows), np.empty((n_rows, 3)), *(np.empty(n_rows) for _ in range(3))
    )
    known = new_record(
        floats="usual_score last_s",
        ints="first_row n_rows n_marks next mode n_given n_clipped",
        flags="is_confirmed",
    )
    return AccFootState(buf, np.zeros(MAX_MARKS + 1, np.int64), known)


@kernel
def append(grid, n, state, start):
    """Append n grid rows to the buffer, force in g."""
    buf = state.buf
    for i in range(n):
        row, total = start + i, 0.0
        buf.t_s[row], buf.flag[row] = grid.t_s[i], grid.flag[i]
        for j in range(3):
            force = grid.acc[i, j] / GRAVITY_MPS2
            buf.force[row, j] = force
            total += force * force
        buf.size[row] = math.sqrt(total)


@kernel
def _mean_of(values, first, last):
    total = 0.0
    for i in range(first, last):
        total += values[i]
    return total / max(1, last - first)


@kernel
def _jerk(force, i):
    total = 0.0
    for j in range(3):
        total += (force[i, j] - force[i - 1, j]) ** 2
    return math.sqrt(total)


# One contact ----------------------------------------------------------------------------------------------------------


@kernel
def _onset(force, place, params):
    """Row at which the landing near ``place`` begins: first jerk of 30 % of the landing's largest."""
    first = max(1, place - int(params.onset_before_s * params.rate_hz))
    last = place + int(params.onset_after_s * params.rate_hz)
    peak, at = 0.0, first
    for i in range(first, last):
        jerk = _jerk(force, i)
        if jerk > peak:
            peak, at = jerk, i
    for i in range(max(first, at - int(params.onset_after_s * params.rate_hz)), at + 1):
        if _jerk(force, i) >= params.onset_share * peak:
            return i
    return at


@kernel
def _flat_of(buf, now, contact, stride, params):
    """Row at which the foot of a stride that begins with ``contact`` is quietest; -1: too short."""
    half = max(1, round(params.flat_half_s * params.rate_hz))
    least, flat = 1e9, -1
    for i in range(
        contact + int(params.flat_from_s * params.rate_hz), contact + int(params.flat_until * stride)
    ):
        cost = 0.0
        for k in range(max(1, i - half), min(now, i + half) + 1):
            cost += abs(buf.size[k] - 1.0) + _jerk(buf.force, k)
        if cost < least:
            least, flat = cost, i
    return flat


@kernel
def _pull_of(size, now, flat, until, params):
    """Row of the first great pull of the swing after a foot-flat; -1: none."""
    small = max(1, round(params.pull_half_s * params.rate_hz))
    highest = 0.0
    for i in range(flat, until):
        highest = max(highest, _mean_of(size, i - small, min(now, i + small) + 1))
    wanted = 1.0 + params.pull_share * (highest - 1.0)
    past = 0.0
    for i in range(flat, until):
        value = _mean_of(size, i - small, min(now, i + small) + 1)
        if past > wanted and (value < past or i == until - 1):
            return i - 1
        past = value
    return -1


@kernel
def _lift_off(buf, flat, pull, params):
    """Time at which the force leaves its level of late stance for the first great pull of the swing.

    A foot on the ground feels about what the ground gives; once free, the leg pulls at it with several g.
    """
    size, t_s = buf.size, buf.t_s
    top = size[pull]
    low, at = top, pull
    for i in range(pull, flat, -1):
        if size[i] < low:
            low, at = size[i], i
        elif size[i] > low + params.dip_share * (top - 1.0) and low < 1.0 + 0.5 * (top - 1.0):
            break
    level = low + params.rise_share * (top - low)
    for i in range(at + 1, pull + 1):
        if size[i] >= level:
            before, here = size[i - 1], size[i]
            share = (level - before) / (here - before) if here > before else 1.0
            return t_s[i - 1] + share * (t_s[i] - t_s[i - 1])
    return t_s[pull]


@kernel
def _mode_of(row, mode_before, params):
    """Tell running from walking: duty and stride time agree, or the time decides unless duty is clear."""
    time_s = row.next_initial_contact_s - row.initial_contact_s
    duty = (row.final_contact_s - row.initial_contact_s) / time_s
    is_quick = time_s < params.run_below_s
    if np.isnan(duty):
        return MODE_RUN if is_quick else MODE_WALK
    limit = params.walk_above_duty if mode_before == MODE_RUN else params.run_below_duty
    is_run = duty < limit and time_s < params.slow_run * params.run_below_s
    return MODE_RUN if is_run or (is_quick and duty < params.clear_duty) else MODE_WALK


@kernel
def _set_impact(buf, now, contact, params, row):
    """Set the greatest force of a landing; False where it was cut off."""
    peak, is_clipped = 0.0, False
    first = max(0, contact - round(params.impact_before_s * params.rate_hz))
    last = min(now, contact + round(params.impact_after_s * params.rate_hz))
    for i in range(first, last + 1):
        peak = max(peak, buf.size[i])
        for j in range(3):
            is_clipped = is_clipped or abs(buf.force[i, j]) >= params.clip_g
    if not is_clipped:
        row.peak_impact_g = peak
    return not is_clipped


@kernel
def _analyse(buf, now, contact, following, is_open, params, row):
    """Fill the row of a contact; ``row.mode`` is that of the stride before and becomes its own."""
    mode_before = row.mode
    clear_row(row)
    row.initial_contact_s, row.reasons, row.mode = buf.t_s[contact], R_NO_GYRO, mode_before
    if is_open:
        row.reasons |= R_OPEN
    else:
        row.next_initial_contact_s = buf.t_s[following]
    row.quality = params.quality
    is_clipped = not _set_impact(buf, now, contact, params, row)
    end, bridged = min(following, now), 0
    for i in range(contact, end):
        if buf.flag[i] == BRIDGED:
            bridged += 1
    is_whole = bridged * params.whole_per_bridged <= end - contact
    if not is_whole:
        row.reasons |= R_GAP
        row.quality *= params.quality_gap
    if is_clipped:
        row.reasons |= R_CLIPPED
        row.quality *= params.quality_clipped
    if is_whole and not is_open:
        stride = following - contact
        flat = _flat_of(buf, now, contact, stride, params)
        if flat >= 0:
            row.foot_flat_s = buf.t_s[flat]
            until = min(
                contact + int(params.pull_until * stride), following - int(params.before_s * params.rate_hz)
            )
            pull = _pull_of(buf.size, now, flat, until, params)
            if pull >= 0:
                row.final_contact_s = _lift_off(buf, flat, pull, params)
        row.mode = _mode_of(row, mode_before, params)
    row.emitted_at_s = buf.t_s[now]


# Bouts ----------------------------------------------------------------------------------------------------------------


@kernel
def _hand_out(state, now, is_end, params, out):
    known, marks = state.known[0], state.marks
    while known.next < known.n_marks:
        k = known.next
        is_open = k == known.n_marks - 1
        if is_open and not is_end:
            break
        following = now + known.first_row if is_open else marks[k + 1]
        row = out.rows[out.n[0]]
        row.mode = known.mode
        _analyse(
            state.buf, now, marks[k] - known.first_row, following - known.first_row, is_open, params, row
        )
        known.mode = row.mode
        known.next += 1
        known.n_given += 1
        out.n[0] += 1


@kernel
def _end_bout(state, now, params, out):
    """Close the bout: its last contact stays open."""
    if state.known[0].is_confirmed:
        _hand_out(state, now, True, params, out)
    state.known[0].n_marks, state.known[0].next, state.known[0].is_confirmed = 0, 0, False


@kernel
def _still_share(unrest, first, last, still_g):
    """Share of the rows first..last in which the foot did not move at all."""
    count = 0
    for i in range(first, last):
        if unrest[i] < still_g:
            count += 1
    return count / max(1, last - first)


@kernel
def _is_regular(state, contact, params):
    """Whether a contact follows the last one as strides do."""
    marks, n, base = state.marks, state.known[0].n_marks, state.known[0].first_row
    stride = (contact - marks[n - 1]) / params.rate_hz
    if not params.shortest_stride_s <= stride <= params.longest_stride_s:
        return False
    if n > 1:
        past = (marks[n - 1] - marks[n - 2]) / params.rate_hz
        if not (stride <= params.stride_ratio * past and past <= params.stride_ratio * stride):
            return False
    # A foot shifted now and then comes to rest like a landing, but then just stands there.
    still = _still_share(state.buf.unrest, marks[n - 1] - base, contact - base, params.still_g)
    return still <= params.still_share


@kernel
def _take_contact(state, now, contact, params, out):
    """Take a contact into the bout, or begin a new one with it; hand out what it closes."""
    known, marks = state.known[0], state.marks
    if known.n_marks > 0 and not _is_regular(state, contact, params):
        _end_bout(state, now, params, out)
    forget_marks(marks, known, KEPT_MARKS)
    n = known.n_marks
    marks[n] = contact
    known.n_marks = n + 1
    if n + 1 >= params.confirm_contacts:
        known.is_confirmed = True
    if known.is_confirmed:
        _hand_out(state, now, False, params, out)


# The sample loop ------------------------------------------------------------------------------------------------------


@kernel
def _score(state, i, params):
    """Give row ``i`` its unrest, and the row ``until_s`` before it its landing score."""
    buf, n = state.buf, state.known[0].n_rows
    behind = int(params.until_s * params.rate_hz)
    change = _jerk(buf.force, i) * params.rate_hz * params.rest_s if n > 1 else 0.0
    buf.unrest[i] = abs(buf.size[i] - 1.0) + change
    buf.score[i] = 0.0
    if n > behind:
        place = i - behind
        first = max(i - n + 1, place - int(params.before_s * params.rate_hz))
        unrest = _mean_of(buf.unrest, first, place + int(params.into_s * params.rate_hz))
        rest = _mean_of(buf.unrest, place + int(params.from_s * params.rate_hz), i)
        if unrest > params.least_unrest_g:
            buf.score[place] = math.log((unrest + params.floor_g) / (rest + params.floor_g))


@kernel
def _is_peak(score, place, alone, ahead, clearer, limit):
    """Whether a landing score is above the limit, the highest near it and not far below one further ahead."""
    top = score[place]
    if top <= limit:
        return False
    for k in range(1, alone + 1):
        if score[place - k] >= top or score[place + k] > top:
            return False
    for k in range(alone + 1, ahead + 1):
        if score[place + k] > clearer * top:
            return False
    return True


@kernel
def _is_landing(state, place, alone, ahead, params):
    """Whether a landing lies at row ``place``, by its score and, in a bout, by the rhythm."""
    known, marks, n = state.known[0], state.marks, state.known[0].n_marks
    limit = max(params.least_score, params.score_share * known.usual_score)
    rivals, later = alone, ahead
    if known.is_confirmed:  # a change of gait or of speed changes the score, hardly the rhythm
        stride = marks[n - 1] - marks[n - 2]
        reach = params.due_within * stride
        if abs(place + known.first_row - marks[n - 1] - stride) < reach:
            limit *= params.due_share
            past = marks[n - 2] - marks[n - 3]
            is_steady = abs(stride - past) < params.steady_within * past
            if known.mode == MODE_RUN and is_steady:  # a fast runner's mid-swing may score as high
                rivals = later = min(alone, int(reach))
    return _is_peak(state.buf.score, place, rivals, later, params.clearer, limit)


@kernel
def track(state, start, stop, settings, out, is_end):
    """Go through rows start..stop of the buffer; contacts that become known are added to ``out``.

    is_end : no more rows will come; the bout ends and its last contact is written out.

    A landing is where the unrest of late swing and impact falls to the rest of a planted foot: the logarithm
    of that ratio has one highest point per stride. Mid-swing has a lower one, too near to a landing to count.
    """
    buf, known, params = state.buf, state.known[0], settings[0]
    behind, alone = int(params.until_s * params.rate_hz), int(params.alone_s * params.rate_hz)
    ahead = int(params.ahead_s * params.rate_hz)
    for i in range(start, stop):
        time_s = buf.t_s[i]
        if known.n_rows == 0 or buf.flag[i] == AFTER_BREAK:
            if known.n_rows > 0:
                _end_bout(state, i - 1, params, out)
            known.n_rows, known.last_s = 0, time_s
        known.n_rows += 1
        for j in range(3):
            if abs(buf.force[i, j]) >= params.clip_g:
                known.n_clipped += 1
                break
        _score(state, i, params)
        place = i - behind - ahead
        if known.n_rows > behind + ahead + alone + 2 and _is_landing(state, place, alone, ahead, params):
            score, usual = buf.score[place], known.usual_score
            known.usual_score = score if usual == 0.0 else usual + params.usual_gain * (score - usual)
            known.last_s = time_s
            _take_contact(state, i, _onset(buf.force, place, params) + known.first_row, params, out)
        if time_s - known.last_s > params.longest_stride_s:
            _end_bout(state, i, params, out)
            known.usual_score, known.last_s = 0.0, time_s
    if is_end:
        _end_bout(state, stop - 1, params, out)
