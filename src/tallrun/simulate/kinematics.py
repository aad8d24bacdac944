"""Compiled evaluation of a body's motion: exact position, velocity, acceleration, attitude and turn rate.

A body is a ``Track`` of twelve channels (x, y, z, rolling pitch, rotation about left, yaw, roll, belt x,
belt z, belt dip, give of the shoe ahead and up) and a pivot table. The belt's motion is taken off, which turns
the ground frame of a treadmill into the room's frame; on the road those channels are zero.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.polynomials import N_COEFFICIENTS, Track
from tallrun.units import STANDARD_GRAVITY_MPS2

X, Y, Z, ROLLING, ABOUT_LEFT, YAW, ROLL, BELT_X, BELT_Z, DIP_X, GIVE_AHEAD, GIVE_UP = range(12)
N_CHANNELS = 12
#: Columns of a state row: position, velocity, acceleration (world), yaw, rotation about left, roll, then turn
#: rate and its derivative (body).
N_STATE = 18


class Body(NamedTuple):
    """Everything the kernels need about one body; see ``Track`` and ``feet.Pivot``."""

    track: Track
    pivot_starts_s: FloatArray
    pivot_lever_m: FloatArray
    pivot_direction: FloatArray


@njit(cache=True)
def _state_at(
    t: float,
    starts: FloatArray,
    lengths: FloatArray,
    coefficients: FloatArray,
    first: NDArray[np.int64],
    moves: NDArray[np.bool_],
    pivot_starts: FloatArray,
    lever: FloatArray,
    direction: FloatArray,
    cursor: NDArray[np.int64],
    channel: FloatArray,
    row: FloatArray,
) -> None:
    """Fill ``row`` (18,) with the state at ``t``; ``cursor`` (13,) remembers the pieces, times must not fall."""
    for number in range(N_CHANNELS):
        if not moves[number]:
            channel[number, 0] = coefficients[first[number], 0]
            channel[number, 1] = 0.0
            channel[number, 2] = 0.0
            continue
        k = cursor[number]
        last = first[number + 1] - 1
        while k < last and t >= starts[k + 1]:
            k += 1
        cursor[number] = k
        length = lengths[k]
        s = (t - starts[k]) / length
        value, rate, curve = 0.0, 0.0, 0.0
        for power in range(N_COEFFICIENTS - 1, -1, -1):
            curve = curve * s + 2.0 * rate
            rate = rate * s + value
            value = value * s + coefficients[k, power]
        channel[number, 0] = value
        channel[number, 1] = rate / length
        channel[number, 2] = curve / (length * length)

    k = cursor[N_CHANNELS]
    while k < pivot_starts.shape[0] - 1 and t >= pivot_starts[k + 1]:
        k += 1
    cursor[N_CHANNELS] = k

    for axis in range(3):
        for order in range(3):
            row[3 * order + axis] = channel[axis, order]
    if lever[k, 0] != 0.0 or lever[k, 1] != 0.0:
        pitch, rate, curve = channel[ROLLING, 0], channel[ROLLING, 1], channel[ROLLING, 2]
        c, s = math.cos(pitch), math.sin(pitch)
        ahead = c * lever[k, 0] - s * lever[k, 1]
        up = s * lever[k, 0] + c * lever[k, 1]
        ahead_rate, up_rate = -rate * up, rate * ahead
        ahead_curve = -curve * up - rate * rate * ahead
        up_curve = curve * ahead - rate * rate * up
        cos_yaw, sin_yaw = direction[k, 0], direction[k, 1]
        row[0] -= ahead * cos_yaw
        row[1] -= ahead * sin_yaw
        row[2] -= up
        row[3] -= ahead_rate * cos_yaw
        row[4] -= ahead_rate * sin_yaw
        row[5] -= up_rate
        row[6] -= ahead_curve * cos_yaw
        row[7] -= ahead_curve * sin_yaw
        row[8] -= up_curve
    for order in range(3):
        ahead = channel[GIVE_AHEAD, order]
        row[3 * order] += ahead * direction[k, 0] - channel[BELT_X, order] - channel[DIP_X, order]
        row[3 * order + 1] += ahead * direction[k, 1]
        row[3 * order + 2] += channel[GIVE_UP, order] - channel[BELT_Z, order]

    yaw, beta, roll = channel[YAW, 0], channel[ABOUT_LEFT, 0], channel[ROLL, 0]
    yaw1, beta1, roll1 = channel[YAW, 1], channel[ABOUT_LEFT, 1], channel[ROLL, 1]
    yaw2, beta2, roll2 = channel[YAW, 2], channel[ABOUT_LEFT, 2], channel[ROLL, 2]
    sb, cb = math.sin(beta), math.cos(beta)
    sr, cr = math.sin(roll), math.cos(roll)
    row[9], row[10], row[11] = yaw, beta, roll
    row[12] = roll1 - yaw1 * sb
    row[13] = beta1 * cr + yaw1 * cb * sr
    row[14] = -beta1 * sr + yaw1 * cb * cr
    row[15] = roll2 - yaw2 * sb - yaw1 * cb * beta1
    row[16] = (
        beta2 * cr - beta1 * sr * roll1 + yaw2 * cb * sr - yaw1 * sb * beta1 * sr + yaw1 * cb * cr * roll1
    )
    row[17] = (
        -beta2 * sr - beta1 * cr * roll1 + yaw2 * cb * cr - yaw1 * sb * beta1 * cr - yaw1 * cb * sr * roll1
    )


@njit(cache=True)
def _states(
    t_s: FloatArray,
    starts: FloatArray,
    lengths: FloatArray,
    coefficients: FloatArray,
    first: NDArray[np.int64],
    moves: NDArray[np.bool_],
    pivot_starts: FloatArray,
    lever: FloatArray,
    direction: FloatArray,
    cursor: NDArray[np.int64],
    out: FloatArray,
) -> None:
    channel = np.empty((N_CHANNELS, 3))
    for i in range(t_s.shape[0]):
        _state_at(
            t_s[i],
            starts,
            lengths,
            coefficients,
            first,
            moves,
            pivot_starts,
            lever,
            direction,
            cursor,
            channel,
            out[i],
        )


@njit(cache=True)
def _inertial(
    t_s: FloatArray,
    starts: FloatArray,
    lengths: FloatArray,
    coefficients: FloatArray,
    first: NDArray[np.int64],
    moves: NDArray[np.bool_],
    pivot_starts: FloatArray,
    lever: FloatArray,
    direction: FloatArray,
    cursor: NDArray[np.int64],
    arm_m: FloatArray,
    out: FloatArray,
) -> None:
    """Specific force and turn rate (n, 6) in body axes at a point ``arm_m`` (3,) away from the body's origin."""
    channel = np.empty((N_CHANNELS, 3))
    row = np.empty(N_STATE)
    x, y, z = arm_m[0], arm_m[1], arm_m[2]
    for i in range(t_s.shape[0]):
        _state_at(
            t_s[i],
            starts,
            lengths,
            coefficients,
            first,
            moves,
            pivot_starts,
            lever,
            direction,
            cursor,
            channel,
            row,
        )
        ax, ay, az = row[6], row[7], row[8] + STANDARD_GRAVITY_MPS2
        sy, cy = math.sin(row[9]), math.cos(row[9])
        sb, cb = math.sin(row[10]), math.cos(row[10])
        sr, cr = math.sin(row[11]), math.cos(row[11])
        wx, wy, wz = row[12], row[13], row[14]
        dx, dy, dz = row[15], row[16], row[17]
        # world -> body for R = Rz(yaw) Ry(beta) Rx(roll)
        fx = cy * cb * ax + sy * cb * ay - sb * az
        fy = (cy * sb * sr - sy * cr) * ax + (sy * sb * sr + cy * cr) * ay + cb * sr * az
        fz = (cy * sb * cr + sy * sr) * ax + (sy * sb * cr - cy * sr) * ay + cb * cr * az
        vx, vy, vz = wy * z - wz * y, wz * x - wx * z, wx * y - wy * x
        out[i, 0] = fx + dy * z - dz * y + wy * vz - wz * vy
        out[i, 1] = fy + dz * x - dx * z + wz * vx - wx * vz
        out[i, 2] = fz + dx * y - dy * x + wx * vy - wy * vx
        out[i, 3], out[i, 4], out[i, 5] = wx, wy, wz


def new_cursor(body: Body, start_s: float) -> NDArray[np.int64]:
    """Piece indices from which evaluation may begin at or after ``start_s``."""
    cursor = np.zeros(N_CHANNELS + 1, dtype=np.int64)
    first = body.track.first
    for c in range(N_CHANNELS):
        own = body.track.starts_s[first[c] : first[c + 1]]
        cursor[c] = first[c] + max(0, int(np.searchsorted(own, start_s, side="right")) - 1)
    cursor[N_CHANNELS] = max(0, int(np.searchsorted(body.pivot_starts_s, start_s, side="right")) - 1)
    return cursor


def states(body: Body, t_s: FloatArray) -> FloatArray:
    """State rows of the body's origin.

    Parameters
    ----------
    body : the body.
    t_s : float64 (n,), rising, seconds since the session's start.

    Returns
    -------
    float64 (n, 18): position [m], velocity [m/s], acceleration [m/s2] in the world (x forward at the start,
    y left, z up); yaw, rotation about left, roll [rad] (R = Rz Ry Rx, body to world); turn rate [rad/s] and
    its derivative [rad/s2] in body axes.
    """
    out = np.empty((len(t_s), N_STATE))
    if len(t_s):
        _states(
            np.require(t_s, np.float64, ["C", "W"]), *body.track, *body[1:], new_cursor(body, t_s[0]), out
        )
    return out


def inertial(body: Body, t_s: FloatArray, arm_m: FloatArray) -> FloatArray:
    """Ideal specific force [m/s2] and turn rate [rad/s] in body axes at a point of the body, float64 (n, 6)."""
    out = np.empty((len(t_s), 6))
    if len(t_s):
        times = np.require(t_s, np.float64, ["C", "W"])
        arm = np.require(arm_m, np.float64, ["C", "W"])
        _inertial(times, *body.track, *body[1:], new_cursor(body, t_s[0]), arm, out)
    return out
