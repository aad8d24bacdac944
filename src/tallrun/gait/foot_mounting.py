"""How the sensor sits on the foot, found from walking or running alone (`sci:A4`, `sci:D4`).

Up is gravity at the foot-flats, the pitch axis is the main axis of turning, and forward is where the foot
goes: the sign of the pitch axis follows from the displacement between foot-flats, which needs no mounting.
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
    distance that points along the foot; both 0 to 1. n_strides : strides it rests on.
    """

    rotation: FloatArray
    axis_share: float
    travel_share: float
    n_strides: int

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
    cost: FloatArray,
    flats: NDArray[np.int64],
) -> int:
    """Foot-flats between swings that turn positively about ``axis``; the quietest instants; their number."""
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
                    if least < params.flat_cost:
                        flats[found] = flat
                        found += 1
                last = fastest
    if last >= 0 and found < flats.shape[0] and n - last > 3:
        flat, least = quietest(t_s, cost, t_s.shape[0] - 1, last, n - 1, params.flat_half_s)
        if least < params.flat_cost:
            flats[found] = flat
            found += 1
    return found


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
    params: FootParams,
    up: FloatArray,
    travel: FloatArray,
) -> int:
    """Displacement of each stride in the sensor's axes at its first foot-flat, rows of ``travel``; their number."""
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
    unknown = np.full(3, np.nan)
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
            t_s, acc, gyr, mask, a, b, start, tilt, bias, limits, at_end, sigma, still, unknown, params, scratch, lobes,
            result,
        )  # fmt: skip
        if result[R_WORST] > params.misfit_limit:
            continue
        length = np.sqrt(result[R_DX] ** 2 + result[R_DY] ** 2)
        if length < 6.0 * params.least_travel_m:
            continue
        for c in range(3):
            travel[found, c] = level[0, c] * result[R_DX] + level[1, c] * result[R_DY]
            up[c] += at_start[c]
        found += 1
    return found


def learn_mounting(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    n: int,
    bias: FloatArray,
    limits: FloatArray,
    params: FootParams,
) -> Mounting | None:
    """Learn the mounting from the first ``n`` samples; None where they hold no stride to learn from.

    t_s (cap,), acc [m/s2] and gyr [rad/s] (cap, 3) in the sensor's axes, cap a power of two; bias (3,) [rad/s];
    limits (3,) gyroscope range [rad/s], NaN when unknown.
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
        n_flats = _flats_between_swings(t_s, acc, gyr, sign * main, n, params, cost, flats)
        if n_flats < 2:
            continue
        up = np.zeros(3)
        travel = np.zeros((n_flats, 3))
        n_strides = _travel_directions(t_s, acc, gyr, flats, n_flats, n, bias, limits, params, up, travel)
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
        found = Mounting(np.array([forward, left, up]), float(spread[2]) / total, travel_share, n_strides)
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
        params,
        np.zeros(3),
        rows,
    )
