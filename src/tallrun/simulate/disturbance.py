"""What sensors feel besides the motion of the bone: shoe ringing, soft tissue, the vibration of a car.

Landing disturbances are the second derivative of a displacement that begins and ends at rest at zero, so they
leave no trace in an integrated path.
"""

from __future__ import annotations

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.motion import Motion
from tallrun.simulate.programme import CAR


def ringing(age_s: FloatArray, frequency_hz: float, decay_s: float) -> FloatArray:
    """Acceleration of unit peak, ``age_s`` after the landing (zero before it).

    Second derivative of ``x**3 exp(-x) sin(omega t)`` with ``x = t/decay``.
    """
    x = np.maximum(age_s, 0.0) / decay_s
    omega = 2.0 * np.pi * frequency_hz * decay_s
    envelope = np.exp(-x)
    p, p1, p2 = x**3, 3 * x**2 - x**3, 6 * x - 6 * x**2 + x**3
    s, c = np.sin(omega * x), np.cos(omega * x)
    curve = envelope * (p2 * s + 2.0 * p1 * omega * c - p * omega**2 * s)
    return curve / ((omega**2 + 0.6) * 27.0 * np.exp(-3.0))


class Disturbance:
    """Adds the disturbances of one placement to ideal body signals."""

    def __init__(self, placement: str, motion: Motion, has_ringing: bool, rng: np.random.Generator) -> None:
        runner = motion.runner
        contacts = motion.contacts
        if placement.startswith("foot"):
            falls = motion.falls(0 if placement == "foot_left" else 1)
            self.at_s = falls.land_s
            self.frequency_hz, self.decay_s = runner.ringing_hz, 0.008
            hardness = np.where(falls.is_running, falls.speed_mps / 3.0, 0.25)
            size = runner.ringing_mps2 * hardness
            direction = np.array([0.5, 0.2, 0.85])
        else:
            self.at_s = contacts.initial_s + 0.008
            self.frequency_hz, self.decay_s = 14.0, 0.014
            hardness = np.where(contacts.is_running, contacts.speed_mps / 3.0, 0.3)
            size = runner.soft_tissue_mps2 * hardness
            direction = np.array([0.35, 0.15, 0.92])
        wobble = 1.0 + 0.15 * rng.standard_normal((len(self.at_s), 3))
        self.size_mps2 = (size * float(has_ringing))[:, None] * direction * wobble
        self.frequency_hz *= float(rng.uniform(0.85, 1.15))
        self.cars = [
            (motion.borders_s[k], motion.borders_s[k + 1])
            for k, bout in enumerate(motion.bouts)
            if bout.mode == CAR
        ]
        self.car_seed = rng.integers(0, 2**31)
        self.length_s = 14.0 * self.decay_s

    def add(self, t_s: FloatArray, body: FloatArray) -> None:
        """Add to ``body`` (n, 6) in place; ``t_s`` evenly spaced."""
        if len(t_s) < 2:
            return
        step = (t_s[-1] - t_s[0]) / (len(t_s) - 1)
        low, high = np.searchsorted(self.at_s, [t_s[0] - self.length_s, t_s[-1]])
        if high > low:
            begin = np.ceil((self.at_s[low:high] - t_s[0]) / step).astype(np.int64)
            index = begin[:, None] + np.arange(int(self.length_s / step))
            age = t_s[0] + index * step - self.at_s[low:high, None]
            shape = ringing(age, self.frequency_hz, self.decay_s)
            inside = (index >= 0) & (index < len(t_s))
            for axis in range(3):
                value = shape * self.size_mps2[low:high, axis, None]
                np.add.at(body[:, axis], index[inside], value[inside])
        for begin_s, end_s in self.cars:
            _car(t_s, body, begin_s, end_s, int(self.car_seed))


def _car(t_s: FloatArray, body: FloatArray, begin_s: float, end_s: float, seed: int) -> None:
    """Engine and road vibration, braking, bends and speed bumps of a vehicle between two times."""
    inside = (t_s >= begin_s) & (t_s < end_s)
    if not inside.any():
        return
    t = t_s[inside]
    rng = np.random.default_rng([seed, int(begin_s * 1000) & 0xFFFFFFFF])
    fade = np.clip(np.minimum(t - begin_s, end_s - t) / 2.0, 0.0, 1.0)
    fade = fade * fade * (3.0 - 2.0 * fade)
    frequency = np.concatenate(
        [rng.uniform(0.03, 0.3, 4), rng.uniform(0.8, 3.0, 6), rng.uniform(5.0, 30.0, 8)]
    )
    rough = 0.5 + 0.5 * np.sin(2.0 * np.pi * 0.02 * t + rng.uniform(0.0, 6.28)) ** 2
    for axis, scale in enumerate((1.0, 0.8, 1.0, 0.03, 0.05, 0.04)):
        size = np.concatenate([rng.uniform(0.2, 0.9, 4), rng.uniform(0.1, 0.6, 6), rng.uniform(0.05, 0.3, 8)])
        if axis == 2:
            size[:4] = 0.05
        phase = rng.uniform(0.0, 2.0 * np.pi, len(frequency))
        wave = np.zeros_like(t)
        for k in range(len(frequency)):
            wave += size[k] * np.sin(2.0 * np.pi * frequency[k] * t + phase[k])
        body[inside, axis] += scale * fade * rough * wave
    for at in np.arange(begin_s + rng.uniform(5.0, 20.0), end_s - 3.0, rng.uniform(15.0, 40.0)):
        body[inside, 2] += 6.0 * ringing(t - at, 3.0, 0.12)
