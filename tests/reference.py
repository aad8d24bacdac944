"""Slow, obvious versions of what the engines compute. Imports nothing of tallrun on purpose."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial.transform import Rotation

GRAVITY = 9.80665


def strapdown(t_s, acc_mps2, gyr_radps, up_sensor):
    """Path of a sensor that starts and ends at rest: position (n, 3) in a level frame, heading as it comes.

    Attitude by one small rotation per sample, velocity by the trapezoid, and what velocity is left at the end
    taken off in proportion to time.
    """
    up = np.asarray(up_sensor, float) / np.linalg.norm(up_sensor)
    attitude, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [up])
    force = [attitude.apply(acc_mps2[0])]
    for k in range(1, len(t_s)):
        dt = t_s[k] - t_s[k - 1]
        attitude = attitude * Rotation.from_rotvec(0.5 * (gyr_radps[k] + gyr_radps[k - 1]) * dt)
        force.append(attitude.apply(acc_mps2[k]))
    acceleration = np.array(force) - [0.0, 0.0, GRAVITY]
    velocity = np.zeros((len(t_s), 3))
    for k in range(1, len(t_s)):
        velocity[k] = velocity[k - 1] + 0.5 * (acceleration[k] + acceleration[k - 1]) * (t_s[k] - t_s[k - 1])
    velocity -= np.outer((t_s - t_s[0]) / (t_s[-1] - t_s[0]), velocity[-1])
    position = np.zeros((len(t_s), 3))
    for k in range(1, len(t_s)):
        position[k] = position[k - 1] + 0.5 * (velocity[k] + velocity[k - 1]) * (t_s[k] - t_s[k - 1])
    return position


def toe_up_swings(t_s, pitch_rate_radps, least_rad=0.6):
    """Times of the fastest toe-up turning in each rise of the pitch angle by more than ``least_rad``.

    Looks at the whole signal at once: local extremes of the angle, small wiggles merged away.
    """
    angle = np.concatenate(
        [[0.0], np.cumsum(0.5 * (pitch_rate_radps[1:] + pitch_rate_radps[:-1]) * np.diff(t_s))]
    )
    turns = [0]
    rising = None
    for k in range(1, len(angle)):
        last = angle[turns[-1]]
        if rising is None and abs(angle[k] - last) > least_rad:
            rising = angle[k] > last
            turns.append(k)
        elif rising is not None:
            if (angle[k] > last) == rising:
                turns[-1] = k
            elif abs(angle[k] - last) > least_rad:
                rising = not rising
                turns.append(k)
    out = []
    for first, last in itertools.pairwise(turns):
        if angle[last] - angle[first] > least_rad:
            out.append(t_s[first + int(np.argmax(pitch_rate_radps[first:last]))])
    return np.array(out)


def match_events(found_s, true_s, within_s=0.04):
    """Pair each true event with the nearest found one within reach; each found event is used once."""
    found_s = np.asarray(found_s)
    taken, pairs = set(), []
    for i, when in enumerate(true_s):
        if not len(found_s):
            break
        j = int(np.argmin(np.abs(found_s - when)))
        if abs(found_s[j] - when) <= within_s and j not in taken:
            taken.add(j)
            pairs.append((i, j))
    return pairs
