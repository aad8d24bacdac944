"""How the sensor sits on the foot, found from walking or running alone (`sci:A4`, `sci:D4`).

Up is gravity at the foot-flats, the pitch axis is the main axis of turning, and forward is where the foot
goes: the sign of the pitch axis follows from the displacement between foot-flats, which needs no mounting.
Where the force was cut off so much that the displacements mean little, the order of the turns tells the sign: a foot
leaves its flat heel first and then swings its toes up, in walking and running alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.entry import Entry
from tallrun.gait.foot_events import level_at, mean_force, quietest
from tallrun.gait.foot_state import Flat, Samples, Sensor, Work, new_sensor, new_work
from tallrun.gait.foot_trajectory import End, solve_stride
from tallrun.gait.kernels import kernel, matrix, vector
from tallrun.gait.vectors import copy_matrix, copy_to, dot, level_from, multiply, size_of, turned
from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

TURNING_RADPS = 1.75  # 100 deg/s: what counts as turning when looking for the pitch axis
LEAST_SIDEWAYS = (
    0.3  # of the main axis of turning: a foot that turns about an upright axis only shows no left
)
MOST_SWINGS = 4096
#: Full quality: so many strides, and this share of the turning about the pitch axis.
ENOUGH_STRIDES = 6.0
ENOUGH_AXIS_SHARE = 0.5
#: Still flats, and strides that close, are enough where they are this share of all there could be.
ENOUGH_SHARE = 0.5
#: Displacements of strides whose force was cut off tell forward where this share of the way points one way.
SURE_TRAVEL_SHARE = 0.5


class Mounting(NamedTuple):
    """A learned mounting: rotation sensor to foot (FLU) and how well the recording supports it.

    axis_share : share of the turning explained by the pitch axis; travel_share : share of the travelled
    distance that points along the foot, or of the strides that turned toe-down first; both 0 to 1. n_strides : strides
    it rests on. bias_radps : gyroscope bias that makes gravity agree at both ends of the strides, sensor axes.
    """

    rotation: FloatArray
    axis_share: float
    travel_share: float
    n_strides: int
    bias_radps: FloatArray

    @property
    def quality(self) -> float:
        """One number from 0 to 1: low where turning has no main axis or travel no main direction."""
        few = min(self.n_strides / ENOUGH_STRIDES, 1.0)
        return float(min(self.axis_share / ENOUGH_AXIS_SHARE, 1.0) * max(self.travel_share, 0.0) * few)


@kernel
def _turning_scatter(gyr, least_radps, out):
    """Add up the second moment of the turn rate over samples that turn, (3, 3)."""
    for i in range(gyr.shape[0]):
        rate2 = gyr[i, 0] ** 2 + gyr[i, 1] ** 2 + gyr[i, 2] ** 2
        if rate2 > least_radps * least_radps:
            for r in range(3):
                for c in range(3):
                    out[r, c] += gyr[i, r] * gyr[i, c]


@kernel
def _fill_cost(samples, n, settings, cost):
    """How far from still each of the first ``n`` samples is, as in the stream."""
    gyr, acc, params = samples.gyr, samples.acc, settings[0]
    for i in range(n):
        rate2 = gyr[i, 0] ** 2 + gyr[i, 1] ** 2 + gyr[i, 2] ** 2
        over = (size_of(acc[i]) - GRAVITY_MPS2) / params.flat_acc_mps2
        cost[i] = rate2 / params.flat_rate_radps**2 + over * over


@kernel
def _find_swings(samples, n, axis, settings, fastest):
    """Fastest samples of the swings that turn positively about ``axis``; their number."""
    t_s, gyr, params = samples.t_s, samples.gyr, settings[0]
    angle = top = bottom = 0.0
    bottom_at, is_rising, found = 0, True, 0
    for i in range(1, n):
        dt = t_s[i] - t_s[i - 1]
        angle += dot(gyr[i], axis) * dt
        angle -= angle * min(dt / params.leak_s, 1.0)
        if is_rising:
            top = max(top, angle)
            if top - angle > params.fall_rad:
                is_rising, bottom, bottom_at = False, angle, i
            continue
        if angle < bottom:
            bottom, bottom_at = angle, i
        if angle - bottom > params.rotation_rad and found < fastest.shape[0]:
            is_rising, top = True, angle
            best = bottom_at
            for k in range(bottom_at, i + 1):
                if dot(gyr[k], axis) > dot(gyr[best], axis):
                    best = k
            fastest[found] = best
            found += 1
    return found


@kernel
def _find_flats(samples, n, cost, swings, most_cost, settings, flats):
    """Foot-flats, the quietest samples between swings and behind the last one, below ``most_cost``; their number."""
    found = 0
    for j in range(swings.shape[0]):
        last = swings[j + 1] if j + 1 < swings.shape[0] else n - 1
        if j + 1 == swings.shape[0] and n - swings[j] <= 3:
            break
        flat, least = quietest(samples.t_s, cost, samples.mask, swings[j], last, settings[0].flat_half_s)
        if least < most_cost:
            flats[found] = flat
            found += 1
    return found


class _Travel(NamedTuple):
    """Sums over strides, sensor axes at their first foot-flat.

    up (3,) : gravity's directions. drift (3,) : turn rates which gravity says were not there [rad/s]. each (., 3) :
    the way of each stride [m]. n_whole (1,) : strides that could have told it.
    """

    up: FloatArray
    drift: FloatArray
    each: FloatArray
    n_whole: NDArray[np.int64]


@kernel
def _is_whole(t_s, a, b, longest_s):
    """Whether no time longer than that is missing between samples ``a`` and ``b``: a hole may hide half of a swing."""
    for k in range(a + 1, b + 1):
        if t_s[k] - t_s[k - 1] > longest_s:
            return False
    return True


@kernel
def _travel_directions(samples, n, flats, sensor, most_misfit, settings, work, travel):
    """Add up the strides between neighbouring foot-flats; return how many there were."""
    t_s, fit, params = samples.t_s, work.fit[0], settings[0]
    flat, level = Flat(matrix(3, 3), matrix(2, 2)), matrix(3, 3)
    at_start, at_end, still = vector(3), vector(3), vector(3)
    found, most = 0, min(int(params.longest_stride_s * params.rate_hz * 2.0) + 8, work.path.t_s.shape[0])
    for j in range(flats.shape[0] - 1):
        a, b = flats[j], flats[j + 1]
        stride_s = t_s[b] - t_s[a]
        if stride_s > params.longest_stride_s or b - a + 1 > most or b <= a + 2:
            continue
        if not _is_whole(t_s, a, b, params.length_gap_s):
            continue
        travel.n_whole[0] += 1
        level_at(samples, a, 0, n - 1, params, at_start, flat)
        copy_matrix(level, flat.level)
        scatter = mean_force(samples, b, params.flat_half_s, 0, n - 1, at_end)
        end = End(at_end, math.sqrt(params.gravity_tilt_rad**2 + scatter**2), still, 0.0)
        solve_stride(samples, a, b, flat, sensor, end, params, work)
        if (
            not fit.is_solved
            or fit.misfit > most_misfit
            or fit.length_m < params.sure_travel * params.least_travel_m
        ):
            continue
        for c in range(3):
            travel.each[found, c] = level[0, c] * fit.x_m + level[1, c] * fit.y_m
            travel.up[c] += at_start[c]
            # the turn that was too little, in the sensor's axes at the end
            travel.drift[c] -= (flat.level[0, c] * fit.turn_x + flat.level[1, c] * fit.turn_y) / stride_s
        found += 1
    return found


@kernel
def _turn_order(samples, axis, flats, settings):
    """Strides that begin by turning toe-down (heel off), minus the others, as a share.

    What counts is the first turn at a good share of the stride's fastest: a landing heel turns toe-down, too, but last.
    """
    t_s, gyr, params = samples.t_s, samples.gyr, settings[0]
    score = count = 0
    for j in range(flats.shape[0] - 1):
        if t_s[flats[j + 1]] - t_s[flats[j]] > params.longest_stride_s:
            continue
        most = 0.0
        for k in range(flats[j], flats[j + 1] + 1):
            most = max(most, abs(dot(gyr[k], axis)))
        for k in range(flats[j], flats[j + 1] + 1):
            rate = dot(gyr[k], axis)
            if abs(rate) > params.first_turn_share * most:
                score += 1 if rate < 0.0 else -1
                break
        count += 1
    return score / max(count, 1)


@kernel
def _mean_and_spread(signal, lo, hi, axis):
    mean = 0.0
    for k in range(lo, hi):
        mean += signal[k, axis]
    mean /= hi - lo
    square = 0.0
    for k in range(lo, hi):
        square += (signal[k, axis] - mean) ** 2
    return mean, math.sqrt(square / (hi - lo))


@kernel
def _find_rest(samples, n, settings, bias, excess):
    """Whether the sensor was ever at rest, and where it was most, its turn rate and what its force has over gravity.

    bias, excess (3,) : written where it was.
    """
    t_s, acc, gyr, params = samples.t_s, samples.acc, samples.gyr, settings[0]
    lo = found = 0
    least = params.rest_spread_radps
    turn, force = vector(3), vector(3)
    while lo < n:
        hi = lo
        while hi < n and t_s[hi] - t_s[lo] < params.rest_s:
            hi += 1
        if hi == n or hi - lo < params.rest_filled * params.rest_s * params.rate_hz:
            lo = hi if hi > lo else lo + 1
            continue
        spread = acc_spread = most = 0.0
        for c in range(3):
            turn[c], gyr_spread = _mean_and_spread(gyr, lo, hi, c)
            force[c], force_spread = _mean_and_spread(acc, lo, hi, c)
            spread, acc_spread = max(spread, gyr_spread), max(acc_spread, force_spread)
            most = max(most, abs(turn[c]))
        size = math.sqrt(force[0] * force[0] + force[1] * force[1] + force[2] * force[2])
        if (
            spread < least
            and acc_spread < params.rest_acc_spread_mps2
            and most < params.most_bias_radps
            and abs(size - GRAVITY_MPS2) < params.most_offset_mps2
        ):
            found, least = 1, spread
            for c in range(3):
                bias[c], excess[c] = turn[c], force[c] * (1.0 - GRAVITY_MPS2 / size)
        lo = hi
    return found


_SCATTER, _COST, _SWINGS = Entry(_turning_scatter), Entry(_fill_cost), Entry(_find_swings, int)
_FLATS, _TRAVEL = Entry(_find_flats, int), Entry(_travel_directions, int)
_ORDER, _REST = Entry(_turn_order, float), Entry(_find_rest, int)


def rest_of(samples: Samples, n: int, settings: np.recarray) -> tuple[bool, FloatArray, FloatArray]:
    """Return whether the sensor was ever at rest, its turn rate there [rad/s], and its force over gravity [m/s2].

    n : so many samples are looked at. settings (1,) : record of ``FootParams``. Both (3,), zeros where it never was.
    """
    bias, excess = np.zeros(3), np.zeros(3)
    found = _REST(samples, n, settings, bias, excess)
    return bool(found), bias, excess


def learn_mounting(
    samples: Samples, n: int, sensor: Sensor, settings: np.recarray, work: Work
) -> Mounting | None:
    """Learn the mounting from the first ``n`` samples; None where they hold no stride to learn from.

    samples : not wrapped round. sensor : bias and ranges as far as they are known. settings (1,) : record of
    ``FootParams``. work : room for strides, written over.
    """
    scatter = np.zeros((3, 3))
    _SCATTER(samples.gyr[:n], TURNING_RADPS, scatter)
    total = float(np.trace(scatter))
    if n < 8 or total <= 0.0:
        return None
    spread, axes = np.linalg.eigh(scatter)
    main = np.ascontiguousarray(axes[:, 2])
    cost = np.zeros(len(samples.t_s))
    _COST(samples, n, settings, cost)
    found = [
        mounting
        for sign in (1.0, -1.0)
        if (
            mounting := _mounting_about(
                samples, n, sign * main, float(spread[2]) / total, cost, sensor, settings, work
            )
        )
    ]
    best = max(found, key=lambda item: item.travel_share, default=None)
    return best if best is not None and best.travel_share > 0.0 else None


def _mounting_about(
    samples: Samples,
    n: int,
    toe_up: FloatArray,
    axis_share: float,
    cost: FloatArray,
    sensor: Sensor,
    settings: np.recarray,
    work: Work,
) -> Mounting | None:
    """Return the mounting if the foot swings toe-up about ``toe_up``; None where strides do not show it."""
    params = settings[0]
    swings, flats = np.zeros(MOST_SWINGS, np.int64), np.zeros(MOST_SWINGS, np.int64)
    swings = swings[: _SWINGS(samples, n, toe_up, settings, swings)]
    # still feet and strides that close come first; where there are few, such as in a sprint, all are taken
    for most_cost in (params.flat_cost, params.no_flat_cost):
        n_flats = _FLATS(samples, n, cost, swings, most_cost, settings, flats)
        if n_flats >= 2 and n_flats >= ENOUGH_SHARE * len(swings):
            break
    if n_flats < 2:
        return None
    for most_misfit in (params.misfit_limit, math.inf):
        travel = _Travel(np.zeros(3), np.zeros(3), np.zeros((n_flats, 3)), np.zeros(1, np.int64))
        n_strides = _TRAVEL(samples, n, flats[:n_flats], sensor, most_misfit, settings, work, travel)
        if n_strides >= ENOUGH_SHARE * travel.n_whole[0]:
            break
    if n_strides == 0:
        return None
    up = travel.up / np.linalg.norm(travel.up)
    pitch_axis = -toe_up  # toe-up is a negative turn about y (left)
    left = pitch_axis - up * float(pitch_axis @ up)
    size = float(np.linalg.norm(left))
    if size < LEAST_SIDEWAYS:
        return None
    left /= size
    forward = np.cross(left, up)
    each, drift = travel.each[:n_strides], travel.drift
    travel_share = float((each @ forward).sum() / np.linalg.norm(each, axis=1).sum())
    if most_misfit > params.misfit_limit:
        drift[:] = 0.0  # gravity at feet that hardly rest tells no bias
        if abs(travel_share) < SURE_TRAVEL_SHARE:
            travel_share = _ORDER(samples, toe_up, flats[:n_flats], settings)
    return Mounting(
        np.array([forward, left, up]), axis_share, travel_share, n_strides, sensor.bias + drift / n_strides
    )


@kernel
def has_mounting_moved(state, flat, params):
    """Watch gravity at foot-flat in foot axes; True while a lasting jump makes angles unknown.

    After some flats in a row off the learned direction the mounting is levelled anew, and angles stay
    unknown for as many more.
    """
    samples, mount, flats, known = state.samples, state.foot.mount, state.foot.flats, state.foot.known[0]
    up, in_foot, usual = vector(3), vector(3), vector(3)
    mean_force(samples, flat, params.flat_half_s, max(flat - samples.mask, 0), state.front[0].n - 1, up)
    turned(mount, up, in_foot)
    n = min(known.n_flats, flats.shape[0])
    for k in range(n):
        for r in range(3):
            usual[r] += flats[k, r] / n
    along = dot(in_foot, usual) / max(size_of(usual), 1e-9)
    is_off = n >= params.moved_flats and along < math.cos(math.radians(params.moved_deg))
    known.n_off = known.n_off + 1 if is_off else 0
    if known.n_unsure > 0:
        known.n_unsure -= 1
    if known.n_off >= params.moved_flats:
        level, before = matrix(3, 3), matrix(3, 3)
        level_from(in_foot, level)
        copy_matrix(before, mount)
        multiply(level, before, mount)
        known.n_flats, known.n_off, known.n_unsure = 0, 0, params.moved_flats
        known.n_moves += 1
        return True
    if not is_off:
        copy_to(flats[known.n_flats % flats.shape[0]], in_foot)
        known.n_flats += 1
    return known.n_unsure > 0 or known.n_off >= params.doubted_flats


def warm_up_mounting(settings: np.recarray) -> None:
    """Get the kernels ready that ``learn_mounting`` reaches only with real strides."""
    rows = np.zeros((8, 3))
    samples, none = Samples(np.arange(8.0), rows, rows.copy(), 7), np.zeros(0, np.int64)
    work, travel = new_work(8), _Travel(np.zeros(3), np.zeros(3), rows.copy(), none.copy())
    _TRAVEL(samples, 0, none, new_sensor(math.nan, math.nan), 1.0, settings, work, travel)
    _ORDER(samples, np.zeros(3), none, settings)
    rest_of(samples, 8, settings)
    learn_mounting(samples._replace(gyr=rows + 2.0), 8, new_sensor(math.nan, math.nan), settings, work)
