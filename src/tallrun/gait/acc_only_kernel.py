"""Contacts of one foot from the size of its specific force alone: no axes, so any mounting is the same."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tallrun.gait.front import AFTER_BREAK
from tallrun.gait.kernels import kernel
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

#: Columns of the buffer: time, flag, force in g (3), its size, unrest, landing score.
B_TIME, B_FLAG, B_FORCE, B_SIZE, B_UNREST, B_SCORE = 0, 1, 2, 5, 6, 7
B_WIDTH = 8

#: Columns of a row of results.
O_CONTACT, O_FINAL, O_FLAT, O_NEXT, O_IMPACT, O_MODE, O_QUALITY, O_REASONS, O_EMITTED = range(9)
O_WIDTH = 9

#: Float state: usual landing score, time of the last contact.
F_USUAL, F_LAST_S = range(2)
F_WIDTH = 2
#: Whole-number state.
I_STEPS, I_MARKS, I_NEXT, I_CONFIRMED, I_MODE, I_GIVEN, I_CLIPPED = range(7)
I_WIDTH = 7
MAX_MARKS = 24

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


@kernel
def _mean_of(buf, first, last, column):
    total = 0.0
    for i in range(first, last):
        total += buf[i, column]
    return total / max(1, last - first)


@kernel
def _is_landing(buf, place, alone, ahead, clearer, limit):
    score = buf[place, B_SCORE]
    if score <= limit:
        return False
    for k in range(1, alone + 1):
        if buf[place - k, B_SCORE] >= score or buf[place + k, B_SCORE] > score:
            return False
    for k in range(alone + 1, ahead + 1):
        if buf[place + k, B_SCORE] > clearer * score:
            return False
    return True


@kernel
def _jerk(buf, i):
    total = 0.0
    for j in range(3):
        total += (buf[i, B_FORCE + j] - buf[i - 1, B_FORCE + j]) ** 2
    return math.sqrt(total)


@kernel
def _onset(buf, place, p):
    """Row at which the landing near ``place`` begins: first jerk of 30 % of the landing's largest."""
    first = max(1, place - int(0.10 * p.rate_hz))
    last = place + int(0.06 * p.rate_hz)
    peak, at = 0.0, first
    for i in range(first, last):
        jerk = _jerk(buf, i)
        if jerk > peak:
            peak, at = jerk, i
    for i in range(max(first, at - int(0.06 * p.rate_hz)), at + 1):
        if _jerk(buf, i) >= 0.3 * peak:
            return i
    return at


@kernel
def _lift_off(buf, flat, pull, p):
    """Time at which the force leaves its level of late stance for the first great pull of the swing.

    A foot on the ground feels about what the ground gives; once free, the leg pulls at it with several g.
    """
    top = buf[pull, B_SIZE]
    low, at = top, pull
    for i in range(pull, flat, -1):
        if buf[i, B_SIZE] < low:
            low, at = buf[i, B_SIZE], i
        elif buf[i, B_SIZE] > low + p.dip_share * (top - 1.0) and low < 1.0 + 0.5 * (top - 1.0):
            break
    level = low + p.rise_share * (top - low)
    for i in range(at + 1, pull + 1):
        if buf[i, B_SIZE] >= level:
            before, here = buf[i - 1, B_SIZE], buf[i, B_SIZE]
            share = (level - before) / (here - before) if here > before else 1.0
            return buf[i - 1, B_TIME] + share * (buf[i, B_TIME] - buf[i - 1, B_TIME])
    return buf[pull, B_TIME]


@kernel
def _analyse(buf, now, contact, following, is_open, mode_before, p, row):
    for j in range(O_WIDTH):
        row[j] = np.nan
    reasons = R_NO_GYRO
    row[O_CONTACT] = buf[contact, B_TIME]
    stride = following - contact
    end = min(following, now)
    if is_open:
        reasons |= R_OPEN
    else:
        row[O_NEXT] = buf[following, B_TIME]
    peak = 0.0
    first = max(0, contact - round(p.impact_before_s * p.rate_hz))
    last = min(now, contact + round(p.impact_after_s * p.rate_hz))
    clipped = False
    for i in range(first, last + 1):
        peak = max(peak, buf[i, B_SIZE])
        for j in range(3):
            clipped = clipped or abs(buf[i, B_FORCE + j]) >= p.clip_g
    if clipped:
        reasons |= R_CLIPPED
    else:
        row[O_IMPACT] = peak
    bridged = 0
    for i in range(contact, end):
        if buf[i, B_FLAG] == 1.0:
            bridged += 1
    whole = bridged * 50 <= end - contact
    if not whole:
        reasons |= R_GAP
    mode = mode_before
    if whole and not is_open:
        half = max(1, round(0.02 * p.rate_hz))
        least, flat = 1e9, -1
        for i in range(contact + int(0.05 * p.rate_hz), contact + int(0.45 * stride)):
            cost = 0.0
            for k in range(max(1, i - half), min(now, i + half) + 1):
                cost += abs(buf[k, B_SIZE] - 1.0) + _jerk(buf, k)
            if cost < least:
                least, flat = cost, i
        if flat >= 0:
            row[O_FLAT] = buf[flat, B_TIME]
            until = min(contact + int(0.75 * stride), following - int(p.before_s * p.rate_hz))
            small = max(1, round(0.01 * p.rate_hz))
            highest = 0.0
            for i in range(flat, until):
                highest = max(highest, _mean_of(buf, i - small, min(now, i + small) + 1, B_SIZE))
            wanted = 1.0 + 0.5 * (highest - 1.0)
            past = 0.0
            for i in range(flat, until):
                value = _mean_of(buf, i - small, min(now, i + small) + 1, B_SIZE)
                if past > wanted and (value < past or i == until - 1):
                    row[O_FINAL] = _lift_off(buf, flat, i - 1, p)
                    break
                past = value
        time = row[O_NEXT] - row[O_CONTACT]
        duty = (row[O_FINAL] - row[O_CONTACT]) / time
        limit = p.walk_above_duty if mode_before == MODE_RUN else p.run_below_duty
        if np.isnan(duty):
            mode = MODE_RUN if time < p.run_below_s else MODE_WALK
        else:  # both agree, or the stride time decides unless duty is clear
            quick = time < p.run_below_s
            mode = (
                MODE_RUN
                if (duty < limit and time < 1.2 * p.run_below_s) or (quick and duty < 0.6)
                else MODE_WALK
            )
    row[O_MODE] = mode
    quality = 0.8
    if not whole:
        quality *= 0.4
    if clipped:
        quality *= 0.8
    row[O_QUALITY] = quality
    row[O_REASONS] = reasons
    row[O_EMITTED] = buf[now, B_TIME]
    return mode


@kernel
def end_bout(buf, now, base, marks, p, ints, out, n_out):
    """Close the bout: its last contact stays open."""
    if ints[I_CONFIRMED] == 1:
        n_out = _hand_out(buf, now, base, marks, True, p, ints, out, n_out)
    ints[I_MARKS], ints[I_NEXT], ints[I_CONFIRMED] = 0, 0, 0
    return n_out


@kernel
def _hand_out(buf, now, base, marks, is_end, p, ints, out, n_out):
    while ints[I_NEXT] < ints[I_MARKS]:
        k = ints[I_NEXT]
        is_open = k == ints[I_MARKS] - 1
        if is_open and not is_end:
            break
        following = now + base if is_open else marks[k + 1]
        ints[I_MODE] = _analyse(
            buf, now, marks[k] - base, following - base, is_open, ints[I_MODE], p, out[n_out]
        )  # fmt: skip
        ints[I_NEXT] += 1
        ints[I_GIVEN] += 1
        n_out += 1
    return n_out


@kernel
def _still_share(buf, first, last, still_g):
    """Share of the rows first..last in which the foot did not move at all."""
    count = 0
    for i in range(first, last):
        if buf[i, B_UNREST] < still_g:
            count += 1
    return count / max(1, last - first)


@kernel
def _take_contact(buf, now, base, contact, p, ints, marks, out, n_out):
    n = ints[I_MARKS]
    if n > 0:
        stride = (contact - marks[n - 1]) / p.rate_hz
        regular = p.shortest_stride_s <= stride <= p.longest_stride_s
        if regular and n > 1:
            past = (marks[n - 1] - marks[n - 2]) / p.rate_hz
            regular = stride <= p.stride_ratio * past and past <= p.stride_ratio * stride
        # A foot shifted now and then comes to rest like a landing, but then just stands there.
        regular = (
            regular and _still_share(buf, marks[n - 1] - base, contact - base, p.still_g) <= p.still_share
        )
        if not regular:
            n_out = end_bout(buf, now, base, marks, p, ints, out, n_out)
            n = 0
    if n == MAX_MARKS:
        drop = n - 4
        for k in range(4):
            marks[k] = marks[k + drop]
        n -= drop
        ints[I_NEXT] -= drop
    marks[n] = contact
    ints[I_MARKS] = n + 1
    if n + 1 >= p.confirm_contacts:
        ints[I_CONFIRMED] = 1
    if ints[I_CONFIRMED] == 1:
        n_out = _hand_out(buf, now, base, marks, False, p, ints, out, n_out)
    return n_out


@kernel
def track(buf, start, stop, base, p, fs, ints, marks, out):
    """Go through rows start..stop; return the number of rows written to out.

    A landing is where the unrest of late swing and impact falls to the rest of a planted foot: the logarithm
    of that ratio has one highest point per stride. Mid-swing has a lower one, too near to a landing to count.
    """
    n_out = 0
    behind, alone, ahead = int(p.until_s * p.rate_hz), int(p.alone_s * p.rate_hz), int(p.ahead_s * p.rate_hz)
    for i in range(start, stop):
        time = buf[i, B_TIME]
        if ints[I_STEPS] == 0 or buf[i, B_FLAG] == AFTER_BREAK:
            if ints[I_STEPS] > 0:
                n_out = end_bout(buf, i - 1, base, marks, p, ints, out, n_out)
            ints[I_STEPS] = 0
            fs[F_LAST_S] = time
        ints[I_STEPS] += 1
        for j in range(3):
            if abs(buf[i, B_FORCE + j]) >= p.clip_g:
                ints[I_CLIPPED] += 1
                break
        change = _jerk(buf, i) * p.rate_hz * p.rest_s if ints[I_STEPS] > 1 else 0.0
        buf[i, B_UNREST] = abs(buf[i, B_SIZE] - 1.0) + change
        buf[i, B_SCORE] = 0.0
        if ints[I_STEPS] > behind:
            place = i - behind
            unrest = _mean_of(
                buf,
                max(i - ints[I_STEPS] + 1, place - int(p.before_s * p.rate_hz)),
                place + int(p.into_s * p.rate_hz),
                B_UNREST,
            )
            rest = _mean_of(buf, place + int(p.from_s * p.rate_hz), i, B_UNREST)
            if unrest > p.least_unrest_g:
                buf[place, B_SCORE] = math.log((unrest + p.floor_g) / (rest + p.floor_g))
        if ints[I_STEPS] > behind + ahead + alone + 2:
            place = i - behind - ahead
            limit = max(p.least_score, p.score_share * fs[F_USUAL])
            rivals, later = alone, ahead
            if ints[I_CONFIRMED] == 1:  # a change of gait or of speed changes the score, hardly the rhythm
                stride = marks[ints[I_MARKS] - 1] - marks[ints[I_MARKS] - 2]
                reach = p.due_within * stride
                if abs(place + base - marks[ints[I_MARKS] - 1] - stride) < reach:
                    limit *= p.due_share
                    past = marks[ints[I_MARKS] - 2] - marks[ints[I_MARKS] - 3]
                    is_steady = abs(stride - past) < p.steady_within * past
                    if ints[I_MODE] == MODE_RUN and is_steady:  # a fast runner's mid-swing may score as high
                        rivals = later = min(alone, int(reach))
            if _is_landing(buf, place, rivals, later, p.clearer, limit):
                score = buf[place, B_SCORE]
                fs[F_USUAL] = score if fs[F_USUAL] == 0.0 else fs[F_USUAL] + 0.3 * (score - fs[F_USUAL])
                fs[F_LAST_S] = time
                n_out = _take_contact(buf, i, base, _onset(buf, place, p) + base, p, ints, marks, out, n_out)
        if time - fs[F_LAST_S] > p.longest_stride_s:
            n_out = end_bout(buf, i, base, marks, p, ints, out, n_out)
            fs[F_USUAL] = 0.0
            fs[F_LAST_S] = time
    return n_out


@kernel
def append(grid, n, buf, start):
    """Append n grid rows to buf, force in g."""
    for i in range(n):
        row = start + i
        buf[row, B_TIME], buf[row, B_FLAG] = grid.t_s[i], grid.flag[i]
        total = 0.0
        for j in range(3):
            force = grid.acc[i, j] / GRAVITY_MPS2
            buf[row, B_FORCE + j] = force
            total += force * force
        buf[row, B_SIZE] = math.sqrt(total)
