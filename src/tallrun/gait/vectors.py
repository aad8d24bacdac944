"""Three-vectors and small rotations inside kernels, by name.

Not ``@``: for three numbers BLAS costs more than the product, and its sums differ from machine to machine.
"""

from __future__ import annotations

import math

from tallrun.gait.kernels import inlined, kernel


@inlined
def dot(a, b):
    """Return a . b of two (3,)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def size_of(a):
    """Return |a| of a (3,)."""
    return math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)


@inlined
def cross(a, b, out):
    """Write a x b."""
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]


@inlined
def turned(rotation, a, out):
    """Write R a; ``out`` must not be ``a``."""
    for r in range(3):
        out[r] = rotation[r, 0] * a[0] + rotation[r, 1] * a[1] + rotation[r, 2] * a[2]


@inlined
def multiply(a, b, out):
    """Write A B of two (3, 3); ``out`` must be neither."""
    for r in range(3):
        for c in range(3):
            out[r, c] = a[r, 0] * b[0, c] + a[r, 1] * b[1, c] + a[r, 2] * b[2, c]


@inlined
def copy_to(out, a):
    """Copy a (3,); written out, for slices take long to compile."""
    out[0], out[1], out[2] = a[0], a[1], a[2]


@inlined
def copy_matrix(out, a):
    """Copy a (3, 3)."""
    for r in range(3):
        for c in range(3):
            out[r, c] = a[r, c]


@inlined
def rotate_by(rotation, wx, wy, wz):
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


@inlined
def turn_world(rotation, tx, ty, tz, turn):
    """Multiply a 3x3 rotation in place, from the left, by the rotation vector (tx, ty, tz); ``turn`` is scratch."""
    set_identity(turn)
    rotate_by(turn, tx, ty, tz)
    for c in range(3):
        x, y, z = rotation[0, c], rotation[1, c], rotation[2, c]
        for r in range(3):
            rotation[r, c] = turn[r, 0] * x + turn[r, 1] * y + turn[r, 2] * z


@inlined
def set_identity(rotation):
    """Write the 3x3 identity."""
    for r in range(3):
        for c in range(3):
            rotation[r, c] = 1.0 if r == c else 0.0


@kernel
def level_from(up, rotation):
    """Write the rotation that takes the unit vector ``up`` (sensor) to the world's z, heading as it comes."""
    x, y, z = up[0], up[1], up[2]
    across = math.sqrt(x * x + y * y)
    set_identity(rotation)
    if across < 1e-12:
        if z < 0.0:
            rotation[1, 1] = -1.0
            rotation[2, 2] = -1.0
        return
    angle = math.atan2(across, z)
    rotate_by(rotation, y / across * angle, -x / across * angle, 0.0)
