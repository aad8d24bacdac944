"""Small turns of the sensor in the world, and which way is up at a foot-flat."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2

GRAVITY_MPS2 = STANDARD_GRAVITY_MPS2


@njit(cache=True)
def rotate_by(rotation: FloatArray, wx: float, wy: float, wz: float) -> None:
    """Multiply a 3x3 rotation in place, from the right, by the rotation vector (wx, wy, wz)."""
    angle2 = wx * wx + wy * wy + wz * wz
    if angle2 < 1e-2:  # the series is exact to 1e-9 here and spares two trigonometric calls per sample
        s = 1.0 - angle2 / 6.0 + angle2 * angle2 / 120.0
        c = 0.5 - angle2 / 24.0 + angle2 * angle2 / 720.0
    else:
        angle = math.sqrt(angle2)
        s, c = math.sin(angle) / angle, (1.0 - math.cos(angle)) / angle2
    m00, m01, m02 = 1.0 - c * (wy * wy + wz * wz), c * wx * wy - s * wz, c * wx * wz + s * wy
    m10, m11, m12 = c * wx * wy + s * wz, 1.0 - c * (wx * wx + wz * wz), c * wy * wz - s * wx
    m20, m21, m22 = c * wx * wz - s * wy, c * wy * wz + s * wx, 1.0 - c * (wx * wx + wy * wy)
    for r in range(3):
        a, b, d = rotation[r, 0], rotation[r, 1], rotation[r, 2]
        rotation[r, 0] = a * m00 + b * m10 + d * m20
        rotation[r, 1] = a * m01 + b * m11 + d * m21
        rotation[r, 2] = a * m02 + b * m12 + d * m22


@njit(cache=True)
def turn_world(rotation: FloatArray, tx: float, ty: float, tz: float, turn: FloatArray) -> None:
    """Multiply a 3x3 rotation in place, from the left, by the rotation vector (tx, ty, tz); ``turn`` is scratch."""
    turn[:, :] = 0.0
    turn[0, 0] = turn[1, 1] = turn[2, 2] = 1.0
    rotate_by(turn, tx, ty, tz)
    for c in range(3):
        x, y, z = rotation[0, c], rotation[1, c], rotation[2, c]
        for r in range(3):
            rotation[r, c] = turn[r, 0] * x + turn[r, 1] * y + turn[r, 2] * z


@njit(cache=True)
def level_from(up: FloatArray, rotation: FloatArray) -> None:
    """Write the rotation that takes the unit vector ``up`` (sensor) to the world's z, heading as it comes."""
    x, y, z = up[0], up[1], up[2]
    cross = math.sqrt(x * x + y * y)
    rotation[:, :] = np.eye(3)
    if cross < 1e-12:
        if z < 0.0:
            rotation[1, 1] = -1.0
            rotation[2, 2] = -1.0
        return
    angle = math.atan2(cross, z)
    rotate_by(rotation, y / cross * angle, -x / cross * angle, 0.0)


@njit(cache=True)
def mean_force(
    t_s: FloatArray, acc: FloatArray, mask: int, k: int, half_s: float, first: int, last: int, out: FloatArray
) -> float:
    """Mean specific force within ``half_s`` of sample ``k``; return its scatter over g as an angle [rad]."""
    lo, hi = k, k
    while lo > first and t_s[k & mask] - t_s[(lo - 1) & mask] <= half_s:
        lo -= 1
    while hi < last and t_s[(hi + 1) & mask] - t_s[k & mask] <= half_s:
        hi += 1
    n = hi - lo + 1
    for c in range(3):
        out[c] = 0.0
    for i in range(lo, hi + 1):
        for c in range(3):
            out[c] += acc[i & mask, c] / n
    scatter = 0.0
    for i in range(lo, hi + 1):
        for c in range(3):
            scatter += (acc[i & mask, c] - out[c]) ** 2 / n
    norm = math.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)
    excess = norm - GRAVITY_MPS2
    if norm > 0.0:
        for c in range(3):
            out[c] /= norm
    else:
        out[2] = 1.0
    return math.sqrt(scatter + excess * excess) / GRAVITY_MPS2
