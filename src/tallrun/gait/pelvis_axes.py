"""Which way is forward at the pelvis: from what repeats every step and what every stride (`sci:A4`)."""

from __future__ import annotations

import math

from tallrun.gait.kernels import kernel, matrix, vector
from tallrun.gait.vectors import cross, dot, size_of
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

HARMONICS = 4


@kernel
def add_stride(buf, first, last, axes, params):
    """Add the stride of rows first..last to what tells forward from sideways.

    Fore-aft force repeats every step (even harmonics of the stride), sideways force every stride (odd ones).
    early_late : the part of the horizontal force that runs a quarter of a step ahead of or behind the load.
        Running brakes in the first half of stance and drives in the second; a walk, an inverted pendulum, is
        fastest when lowest and loaded most, so it is the other way round. Only the step's own frequency is
        asked: above it soft tissue speaks, and the sensor's swing about the body's centre, the louder the more
        the pelvis is tilted.
    """
    n = last - first
    for j in range(3):
        axes.early_late[j] *= params.axis_memory
        for k in range(3):
            axes.even[j, k] *= params.axis_memory
    axes.known[0].weight = axes.known[0].weight * params.axis_memory + 1.0
    real, imag = matrix(HARMONICS, 4), matrix(HARMONICS, 4)  # level force (3), load
    lightest = _harmonics_of(buf, first, last, real, imag)
    for harmonic in range(HARMONICS):
        sign = 1.0 if harmonic % 2 == 1 else -1.0
        for j in range(3):
            for k in range(3):
                power = real[harmonic, j] * real[harmonic, k] + imag[harmonic, j] * imag[harmonic, k]
                axes.even[j, k] += sign * power / (n * n)
    sense = 1.0 if lightest < params.run_below_g * GRAVITY_MPS2 else -1.0
    for j in range(3):
        axes.early_late[j] += sense * (real[1, 3] * imag[1, j] - imag[1, 3] * real[1, j]) / (n * n)


@kernel
def _harmonics_of(buf, first, last, real, imag):
    """Add up the first harmonics of level force and load over rows first..last; return the least load."""
    n = last - first
    turn_c, turn_s = math.cos(2.0 * math.pi / n), math.sin(2.0 * math.pi / n)
    first_c, first_s, lightest = 1.0, 0.0, buf.vertical[first]
    for row in range(first, last):
        load = buf.vertical[row]
        lightest = min(lightest, load)
        c, s = first_c, first_s
        for harmonic in range(HARMONICS):
            for j in range(3):
                level = buf.force[row, j] - load * buf.up[row, j]
                real[harmonic, j] += level * c
                imag[harmonic, j] -= level * s
            real[harmonic, 3] += load * c
            imag[harmonic, 3] -= load * s
            c, s = c * first_c - s * first_s, s * first_c + c * first_s
        first_c, first_s = first_c * turn_c - first_s * turn_s, first_s * turn_c + first_c * turn_s
    return lightest


@kernel
def find_forward(axes, up, params):
    """Write the unit forward axis (sensor axes, level), and whether it is known."""
    axes.known[0].is_known = False
    if axes.known[0].weight < params.axis_strides:
        return
    e1, e2 = vector(3), vector(3)
    _level_pair(up, e1, e2)
    a = b = d = 0.0
    for j in range(3):
        for k in range(3):
            a += e1[j] * axes.even[j, k] * e1[k]
            b += e1[j] * axes.even[j, k] * e2[k]
            d += e2[j] * axes.even[j, k] * e2[k]
    turn = 0.5 * math.atan2(2.0 * b, a - d)
    largest = 0.5 * (a + d) + math.sqrt(0.25 * (a - d) ** 2 + b * b)
    if largest <= 0.0:
        return
    for j in range(3):
        axes.forward[j] = math.cos(turn) * e1[j] + math.sin(turn) * e2[j]
    # load rises while braking: the rise of load and fore-aft force have opposite signs
    if dot(axes.forward, axes.early_late) > 0.0:
        for j in range(3):
            axes.forward[j] = -axes.forward[j]
    axes.known[0].is_known = True


@kernel
def _level_pair(up, e1, e2):
    """Write two unit vectors that span the level."""
    least = 0
    for j in range(1, 3):
        if abs(up[j]) < abs(up[least]):
            least = j
    e1[least] = 1.0
    for j in range(3):
        e1[j] -= up[least] * up[j]
    size = size_of(e1)
    for j in range(3):
        e1[j] /= size
    cross(up, e1, e2)
