"""How the sensor sits on a foot that never comes to rest, such as in a sprint: the sequel to ``foot_mounting``.

Stance is then too short for stillness, so no moment of it shows gravity. What stays is that strides repeat: over a
whole one, the force in a frame that does not turn averages to gravity, velocity comes back to what it was, and so does
height. The foot stands where it is lowest; it travels at what its velocity there lacks to the stride's mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.foot_mounting import LEAST_SIDEWAYS, TURNING_RADPS, Mounting

FloatArray = NDArray[np.float64]

#: A foot that never rests belongs to a runner: so long are their strides at most, and so much alike.
SLOWEST_STRIDE_S = 0.9
EVEN_SHARE = 0.15
#: of which so many must be.
LEAST_ALIKE_SHARE = 0.6
#: A step of time counts no longer than this [s]: what turned in a gap is not known.
LONGEST_STEP_S = 0.1
#: A foot that lands at the stride's begin pushes off before this share of it.
PUSHED_OFF_SHARE = 0.5
#: and they go faster than this over ground.
SLOWEST_MPS = 2.5
LEAST_STRIDES = 4
MOST_STRIDES = 16


def learn_unrested(
    t_s: FloatArray, acc: FloatArray, gyr: FloatArray, bias: FloatArray, params: np.record
) -> Mounting | None:
    """Learn the mounting from whole strides; None unless they come as fast and as evenly as a run's.

    t_s (n,), acc [m/s2] and gyr [rad/s] (n, 3) in the sensor's axes; bias (3,) [rad/s].
    """
    rate = gyr - bias
    turning = rate[np.einsum("ij,ij->i", rate, rate) > TURNING_RADPS**2]
    if len(turning) < 8:
        return None
    spread, axes = np.linalg.eigh(turning.T @ turning)
    share = float(spread[2] / spread.sum())
    # where the foot is lowest it stands, which tells toes from heel; where it stands flat is told from that, then
    found = _from_strides(t_s, acc, rate, axes[:, 2], share, False, params)
    if found is not None:
        found = _from_strides(t_s, acc, rate, -found.rotation[1], share, True, params)
    return None if found is None else found._replace(bias_radps=bias)


def _from_strides(
    t_s: FloatArray,
    acc: FloatArray,
    rate: FloatArray,
    axis: FloatArray,
    axis_share: float,
    is_toe_up: bool,
    params: np.record,
) -> Mounting | None:
    """Return the mounting from strides cut where the turn about ``axis`` tops; ``is_toe_up``: its sign is known."""
    pitch = rate @ axis
    ends = _turning_points(t_s, pitch, params.rotation_rad)
    stride_s = np.diff(t_s[ends])
    if len(stride_s) < LEAST_STRIDES:
        return None
    middle = float(np.median(stride_s))
    alike = np.abs(stride_s - middle) <= EVEN_SHARE * middle
    if middle > SLOWEST_STRIDE_S or float(np.mean(alike)) < LEAST_ALIKE_SHARE:
        return None
    ups, travels = [], []
    for k in np.flatnonzero(alike)[-MOST_STRIDES:].tolist():
        part = slice(int(ends[k]), int(ends[k + 1]) + 1)
        flat = _flat(t_s[part], pitch[part], params) if is_toe_up else None
        up, travel = _standing(t_s[part], acc[part], rate[part], flat)
        ups.append(up)
        travels.append(travel)
    if float(np.median(np.linalg.norm(travels, axis=1))) < SLOWEST_MPS:
        return None
    up = np.sum(ups, axis=0)
    up /= np.linalg.norm(up)
    left = -axis + up * float(up @ axis)
    if float(np.linalg.norm(left)) < LEAST_SIDEWAYS:
        return None
    left /= np.linalg.norm(left)
    forward = np.cross(left, up)
    along = float(np.sum(travels, axis=0) @ forward)
    if along < 0.0:
        if is_toe_up:
            return None
        left, forward, along = -left, -forward, -along
    travelled = sum(float(np.linalg.norm(item)) for item in travels)
    return Mounting(
        np.array([forward, left, up]), axis_share, along / max(travelled, 1e-9), len(ups), np.zeros(3)
    )


def _flat(t_s: FloatArray, toe_up_radps: FloatArray, params: np.record) -> int:
    """Return the sample where the foot turns least between its landing, at the stride's begin, and its push-off."""
    pushing = int(
        np.argmin(np.where(t_s <= t_s[0] + PUSHED_OFF_SHARE * (t_s[-1] - t_s[0]), toe_up_radps, np.inf))
    )
    first = int(np.searchsorted(t_s, t_s[0] + params.flat_after_contact_s))
    if first >= pushing:
        return pushing // 2
    return first + int(np.argmin(np.abs(toe_up_radps[first : pushing + 1])))


def _turning_points(t_s: FloatArray, rate_radps: FloatArray, least_rad: float) -> NDArray[np.int64]:
    """Return the samples where the angle about the pitch axis, of unknown sign, passes a top."""
    angle = np.concatenate([[0.0], np.cumsum(rate_radps[1:] * np.minimum(np.diff(t_s), LONGEST_STEP_S))])
    tops: list[int] = []
    best, rising = 0, True
    for k, value in enumerate(angle.tolist()):
        if (value > angle[best]) == rising:
            best = k
        elif abs(value - angle[best]) > least_rad:
            if rising:
                tops.append(best)
            best, rising = k, not rising
    return np.array(tops, np.int64)


def _standing(
    t_s: FloatArray, acc: FloatArray, rate: FloatArray, flat: int | None
) -> tuple[FloatArray, FloatArray]:
    """Return up and the velocity of travel [m/s] over one stride, in the sensor's axes as the foot stands."""
    dt = np.diff(t_s, prepend=t_s[0])[:, None]
    turn = np.empty((len(t_s), 3, 3))
    turn[0] = np.eye(3)
    for k in range(1, len(t_s)):
        x, y, z = 0.5 * (rate[k] + rate[k - 1]) * dt[k]
        size = float(np.sqrt(x * x + y * y + z * z))
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        sine, versed = np.sinc(size / np.pi), 0.5 * np.sinc(0.5 * size / np.pi) ** 2
        turn[k] = turn[k - 1] @ (np.eye(3) + sine * cross + versed * cross @ cross)
    force = np.einsum("kij,kj->ki", turn, acc)
    mean = _mean(force, dt)
    up = mean / np.linalg.norm(mean)
    velocity = np.cumsum((force - mean) * dt, axis=0)
    velocity -= _mean(velocity, dt)
    height = np.cumsum(velocity @ up * dt[:, 0])
    if flat is None:
        flat = int(np.argmin(height))
    travel = -velocity[flat]
    return turn[flat].T @ up, turn[flat].T @ (travel - up * float(travel @ up))


def _mean(values: FloatArray, dt: FloatArray) -> FloatArray:
    return np.asarray((values * dt).sum(axis=0) / dt.sum())
