"""How the sensor sits on the foot, found from walking or running alone (`sci:A4`, `sci:D4`).

Up is gravity at the foot-flats, the pitch axis is the main axis of turning, and forward is where the foot
goes: the sign of the pitch axis follows from the displacement between foot-flats, which needs no mounting.
Where the force was cut off so much that the displacements mean little, the order of the turns tells the sign: a foot
leaves its flat heel first and then swings its toes up, in walking and running alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tallrun.gait.foot_clipping import LOBE_WIDTH, MAX_LOBES, MAX_PEAKS
from tallrun.gait.foot_events import quietest
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_stride import (
    R_DX,
    R_DY,
    R_FX,
    R_FY,
    R_WIDTH,
    R_WORST,
    S_WIDTH,
    solve_stride,
)
from tallrun.gait.foot_turns import GRAVITY_MPS2, level_from, mean_force

FloatArray = NDArray[np.float64]

TURNING_RADPS = 1.75  # 100 deg/s: what counts as turning when looking for the pitch axis


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
        few = min(self.n_strides / 6.0, 1.0)
        return float(min(self.axis_share / 0.5, 1.0) * max(self.travel_share, 0.0) * few)


@njit(cache=True)
def _turning_scatter(gyr: FloatArray, least_radps: float) -> FloatArray:
    """Second moment of the turn rate over samples that turn, (3, 3)."""
    out = np.zeros((3, 3))
    for i in range(gyr.shape[0]):
        rate2 = gyr[i, 0] ** 2 + gyr[i, 1] ** 2 + gyr[i, 2] ** 2
        if rate2 > least_radps * least_radps:
            for r in range(3):
                for c in range(3):
                    out[r, c] += gyr[i, r] * gyr[i, c]
    return out


@njit(cache=True)
def _flats_between_swings(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    axis: FloatArray,
    n: int,
    params: FootParams,
    most_cost: float,
    cost: FloatArray,
    flats: NDArray[np.int64],
) -> tuple[int, int]:
    """Foot-flats between swings that turn positively about ``axis``: the quietest; their number, the swings'."""
    for i in range(n):
        rate2 = gyr[i, 0] ** 2 + gyr[i, 1] ** 2 + gyr[i, 2] ** 2
        force = np.sqrt(acc[i, 0] ** 2 + acc[i, 1] ** 2 + acc[i, 2] ** 2)
        over = (force - GRAVITY_MPS2) / params.flat_acc_mps2
        cost[i] = rate2 / params.flat_rate_radps**2 + over * over
    angle = 0.0
    top = 0.0
    bottom = 0.0
    bottom_at = 0
    rising = True
    fastest = 0
    last = -1
    found = 0
    swings = 0
    for i in range(1, n):
        dt = t_s[i] - t_s[i - 1]
        rate = gyr[i, 0] * axis[0] + gyr[i, 1] * axis[1] + gyr[i, 2] * axis[2]
        angle += rate * dt
        angle -= angle * min(dt / params.leak_s, 1.0)
        if rising:
            top = max(top, angle)
            if top - angle > params.fall_rad:
                rising = False
                bottom, bottom_at = angle, i
        else:
            if angle < bottom:
                bottom, bottom_at = angle, i
            if angle - bottom > params.rotation_rad:
                rising = True
                top = angle
                fastest = bottom_at
                for k in range(bottom_at, i + 1):
                    rate_k = gyr[k, 0] * axis[0] + gyr[k, 1] * axis[1] + gyr[k, 2] * axis[2]
                    best = gyr[fastest, 0] * axis[0] + gyr[fastest, 1] * axis[1] + gyr[fastest, 2] * axis[2]
                    if rate_k > best:
                        fastest = k
                if last >= 0 and found < flats.shape[0]:
                    flat, least = quietest(t_s, cost, t_s.shape[0] - 1, last, fastest, params.flat_half_s)
                    if least < most_cost:
                        flats[found] = flat
                        found += 1
                last = fastest
                swings += 1
    if last >= 0 and found < flats.shape[0] and n - last > 3:
        flat, least = quietest(t_s, cost, t_s.shape[0] - 1, last, n - 1, params.flat_half_s)
        if least < most_cost:
            flats[found] = flat
            found += 1
    return found, swings


@njit(cache=True)
def _travel_directions(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    flats: NDArray[np.int64],
    n_flats: int,
    n: int,
    bias: FloatArray,
    limits: FloatArray,
    acc_limits: FloatArray,
    most_misfit: float,
    params: FootParams,
    up: FloatArray,
    travel: FloatArray,
    drift: FloatArray,
) -> int:
    """Displacement of each stride in the sensor's axes at its first foot-flat, rows of ``travel``; their number.

    ``up`` becomes the sum of gravity's directions, ``drift`` that of the turn rates which gravity says were not there.
    """
    mask = t_s.shape[0] - 1
    scratch = np.zeros((int(params.longest_stride_s * params.rate_hz * 2.0) + 8, S_WIDTH))
    lobes = np.zeros((MAX_LOBES + MAX_PEAKS, LOBE_WIDTH))
    result = np.zeros(R_WIDTH)
    level = np.zeros((3, 3))
    start = np.zeros((3, 3))
    tilt = np.zeros((2, 2))
    at_end = np.zeros(3)
    at_start = np.zeros(3)
    still = np.zeros(3)
    found = 0
    for j in range(n_flats - 1):
        a, b = flats[j], flats[j + 1]
        if t_s[b] - t_s[a] > params.longest_stride_s or b - a + 1 > scratch.shape[0] or b <= a + 2:
            continue
        scatter = mean_force(t_s, acc, mask, a, params.flat_half_s, 0, n - 1, at_start)
        level_from(at_start, level)
        start[:, :] = level
        tilt[:, :] = 0.0
        tilt[0, 0] = tilt[1, 1] = params.gravity_tilt_rad**2 + scatter**2
        scatter = mean_force(t_s, acc, mask, b, params.flat_half_s, 0, n - 1, at_end)
        sigma = np.sqrt(params.gravity_tilt_rad**2 + scatter**2)
        solve_stride(
            t_s, acc, gyr, mask, a, b, start, tilt, bias, limits, at_end, sigma, still, acc_limits, False, params,
            scratch, lobes, result,
        )  # fmt: skip
        if result[R_WORST] > most_misfit:
            continue
        length = np.sqrt(result[R_DX] ** 2 + result[R_DY] ** 2)
        if length < 6.0 * params.least_travel_m:
            continue
        for c in range(3):
            travel[found, c] = level[0, c] * result[R_DX] + level[1, c] * result[R_DY]
            up[c] += at_start[c]
            # the turn that was too little, in the sensor's axes at the end
            drift[c] -= (start[0, c] * result[R_FX] + start[1, c] * result[R_FY]) / (t_s[b] - t_s[a])
        found += 1
    return found


@njit(cache=True)
def _turn_order(
    t_s: FloatArray,
    gyr: FloatArray,
    axis: FloatArray,
    flats: NDArray[np.int64],
    n_flats: int,
    params: FootParams,
) -> float:
    """Strides that begin by turning toe-down (heel off), minus the others, as a share.

    What counts is the first turn at 40 % of the stride's fastest: a landing heel turns toe-down, too, but last.
    """
    score = 0
    count = 0
    for j in range(n_flats - 1):
        if t_s[flats[j + 1]] - t_s[flats[j]] > params.longest_stride_s:
            continue
        most = 0.0
        for k in range(flats[j], flats[j + 1] + 1):
            most = max(most, abs(gyr[k, 0] * axis[0] + gyr[k, 1] * axis[1] + gyr[k, 2] * axis[2]))
        for k in range(flats[j], flats[j + 1] + 1):
            rate = gyr[k, 0] * axis[0] + gyr[k, 1] * axis[1] + gyr[k, 2] * axis[2]
            if abs(rate) > 0.4 * most:
                score += 1 if rate < 0.0 else -1
                break
        count += 1
    return score / max(count, 1)


@njit(cache=True)
def rest_of(
    t_s: FloatArray, acc: FloatArray, gyr: FloatArray, n: int, params: FootParams
) -> tuple[bool, FloatArray, FloatArray]:
    """Whether the sensor was ever at rest, and where it was most, its turn rate and what its force has over gravity."""
    lo = 0
    least = params.rest_spread_radps
    found = False
    bias = np.zeros(3)
    excess = np.zeros(3)
    turn = np.zeros(3)
    force = np.zeros(3)
    while lo < n:
        hi = lo
        while hi < n and t_s[hi] - t_s[lo] < params.rest_s:
            hi += 1
        if hi == n or hi - lo < 0.6 * params.rest_s * params.rate_hz:
            lo = hi if hi > lo else lo + 1
            continue
        spread = 0.0
        acc_spread = 0.0
        for c in range(3):
            turn[c] = gyr[lo:hi, c].mean()
            force[c] = acc[lo:hi, c].mean()
            spread = max(spread, gyr[lo:hi, c].std())
            acc_spread = max(acc_spread, acc[lo:hi, c].std())
        size = np.sqrt((force * force).sum())
        if (
            spread < least
            and acc_spread < params.rest_acc_spread_mps2
            and np.abs(turn).max() < params.most_bias_radps
            and abs(size - GRAVITY_MPS2) < params.most_offset_mps2
        ):
            found = True
            least = spread
            bias[:] = turn
            excess[:] = force * (1.0 - GRAVITY_MPS2 / size)
        lo = hi
    return found, bias, excess


def learn_mounting(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    n: int,
    bias: FloatArray,
    limits: FloatArray,
    acc_limits: FloatArray,
    params: FootParams,
) -> Mounting | None:
    """Learn the mounting from the first ``n`` samples; None where they hold no stride to learn from.

    t_s (cap,), acc [m/s2] and gyr [rad/s] (cap, 3) in the sensor's axes, cap a power of two; bias (3,) [rad/s];
    limits (3,) gyroscope range [rad/s], acc_limits (3,) the accelerometer's [m/s2], NaN when unknown.
    """
    scatter = _turning_scatter(gyr[:n], TURNING_RADPS)
    total = float(np.trace(scatter))
    if n < 8 or total <= 0.0:
        return None
    spread, axes = np.linalg.eigh(scatter)
    main = np.ascontiguousarray(axes[:, 2])
    cost = np.zeros(len(t_s))
    flats = np.zeros(4096, np.int64)
    best: Mounting | None = None
    for sign in (1.0, -1.0):
        # still feet and strides that close come first; where there are few, such as in a sprint, all are taken
        n_flats, n_swings = _flats_between_swings(
            t_s, acc, gyr, sign * main, n, params, params.flat_cost, cost, flats
        )
        if n_flats < 2 or n_flats < 0.5 * n_swings:
            n_flats, n_swings = _flats_between_swings(
                t_s, acc, gyr, sign * main, n, params, params.no_flat_cost, cost, flats
            )
        if n_flats < 2:
            continue
        for most_misfit in (params.misfit_limit, np.inf):
            up = np.zeros(3)
            travel = np.zeros((n_flats, 3))
            drift = np.zeros(3)
            n_strides = _travel_directions(
                t_s,
                acc,
                gyr,
                flats,
                n_flats,
                n,
                bias,
                limits,
                acc_limits,
                most_misfit,
                params,
                up,
                travel,
                drift,
            )
            if n_strides >= 0.5 * (n_flats - 1):
                break
        if n_strides == 0:
            continue
        up /= np.linalg.norm(up)
        pitch_axis = -sign * main  # toe-up is a negative turn about y (left)
        left = pitch_axis - up * float(pitch_axis @ up)
        size = float(np.linalg.norm(left))
        if size < 0.3:
            continue
        left /= size
        forward = np.cross(left, up)
        along = travel[:n_strides] @ forward
        travel_share = float(along.sum() / np.linalg.norm(travel[:n_strides], axis=1).sum())
        if most_misfit > params.misfit_limit:
            drift[:] = 0.0  # gravity at feet that hardly rest tells no bias
            if abs(travel_share) < 0.5:
                travel_share = _turn_order(t_s, gyr, sign * main, flats, n_flats, params)
        found = Mounting(
            np.array([forward, left, up]),
            float(spread[2]) / total,
            travel_share,
            n_strides,
            bias + drift / n_strides,
        )
        if best is None or found.travel_share > best.travel_share:
            best = found
    return best if best is not None and best.travel_share > 0.0 else None


def warm_up_mounting(params: FootParams) -> None:
    """Compile the kernel that ``learn_mounting`` reaches only with real strides."""
    rows = np.zeros((8, 3))
    _travel_directions(
        np.arange(8.0),
        rows,
        rows,
        np.zeros(4, np.int64),
        0,
        0,
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        1.0,
        params,
        np.zeros(3),
        rows,
        np.zeros(3),
    )
    _turn_order(np.arange(8.0), rows, np.zeros(3), np.zeros(4, np.int64), 0, params)
    rest_of(np.arange(8.0), rows, rows, 8, params)
