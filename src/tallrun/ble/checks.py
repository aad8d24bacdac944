"""Checks before a run: which foot moved, did the runner stand still, has a strap moved since last time.

Plain arithmetic on a few seconds of samples in the sensors' own axes; nothing here needs the mounting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tallrun.numerics.recording import FloatArray, SampleBlock
from tallrun.units import STANDARD_GRAVITY_MPS2

STANDING_MIN_S = 5.0
_LIFT_RATIO = 4.0  # a lifted foot moves many times as much as the one stood on
_LIFT_LEAST_MPS2 = 0.5
_STILL_ACC_MPS2 = 0.6  # SD of standing sway and of a cheap sensor's noise stays far below
_STILL_GYR_RADPS = math.radians(8.0)
_BIAS_LIMIT_RADPS = math.radians(12.0)
_GRAVITY_TOLERANCE = 0.08
_MOVED_RAD = math.radians(10.0)


@dataclass(frozen=True)
class Standing:
    """One sensor while its wearer stood still.

    up_sensor : unit vector of specific force (upwards) in the sensor's axes.
    gyr_bias_radps : mean rotation rate, None without a gyroscope.
    """

    up_sensor: tuple[float, float, float]
    force_mps2: float
    gyr_bias_radps: tuple[float, float, float] | None
    seconds: float


@dataclass(frozen=True)
class StandingResult:
    """``standing`` is None when the check failed; ``reason`` is then one plain sentence, else empty."""

    standing: Standing | None
    reason: str = ""


def joined(blocks: list[SampleBlock]) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return (t_s (n,), acc_mps2 (n, 3), gyr_radps (n, 3) or None) of consecutive blocks; empty arrays for none."""
    if not blocks:
        return np.zeros(0), np.zeros((0, 3)), None
    gyr = [block.gyr_radps for block in blocks if block.gyr_radps is not None]
    return (
        np.concatenate([block.t_s for block in blocks]),
        np.concatenate([block.acc_mps2 for block in blocks]),
        np.concatenate(gyr) if len(gyr) == len(blocks) else None,
    )


def check_standing(t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray | None) -> StandingResult:
    """Say whether the samples are quiet standing of at least 5 s, and what they then tell about the mounting.

    Fewer samples than that, movement, or a force far from gravity fail with a reason; nothing is raised.
    """
    seconds = float(t_s[-1] - t_s[0]) if t_s.size > 1 else 0.0
    if seconds < STANDING_MIN_S:
        return StandingResult(
            None, f"only {seconds:.1f} s of samples came; at least {STANDING_MIN_S:g} s are needed"
        )
    if np.isnan(acc_mps2).any():
        return StandingResult(None, "the sensor lacks an axis, so its mounting cannot be told")
    sway_mps2 = _movement(acc_mps2)
    if sway_mps2 > _STILL_ACC_MPS2:
        return StandingResult(None, f"there was movement ({sway_mps2:.2f} m/s2, limit {_STILL_ACC_MPS2:g})")
    bias = None
    if gyr_radps is not None:
        turn_radps = _movement(gyr_radps)
        if turn_radps > _STILL_GYR_RADPS:
            return StandingResult(None, f"there was turning ({math.degrees(turn_radps):.0f} deg/s, limit 8)")
        mean = gyr_radps.mean(axis=0)
        if float(np.linalg.norm(mean)) > _BIAS_LIMIT_RADPS:
            told = math.degrees(float(np.linalg.norm(mean)))
            return StandingResult(
                None, f"the gyroscope is off by {told:.0f} deg/s: switch the sensor off and on"
            )
        bias = (float(mean[0]), float(mean[1]), float(mean[2]))
    force = acc_mps2.mean(axis=0)
    size_mps2 = float(np.linalg.norm(force))
    if abs(size_mps2 / STANDARD_GRAVITY_MPS2 - 1.0) > _GRAVITY_TOLERANCE:
        return StandingResult(
            None, f"the force is {size_mps2:.2f} m/s2 instead of 9.81: wrong range setting or a broken sensor"
        )
    up = force / size_mps2
    return StandingResult(Standing((float(up[0]), float(up[1]), float(up[2])), size_mps2, bias, seconds))


def strap_moved_rad(now: Standing, before: Standing) -> float | None:
    """Return by how much the sensor is tilted against last time; None when that is within 10 degrees."""
    cosine = float(np.clip(np.dot(now.up_sensor, before.up_sensor), -1.0, 1.0))
    angle_rad = math.acos(cosine)
    return angle_rad if angle_rad > _MOVED_RAD else None


def lifted_foot(acc_mps2: Mapping[str, FloatArray]) -> str | None:
    """Return which of several sensors clearly moved while the others rested; None when that is not clear.

    acc_mps2 : float64 (n, 3) by placement, over the same few seconds.
    """
    moved = {place: _movement(samples) for place, samples in acc_mps2.items()}
    if len(moved) < 2 or any(math.isnan(value) for value in moved.values()):
        return None
    ordered = sorted(moved, key=lambda place: -moved[place])
    first, second = moved[ordered[0]], moved[ordered[1]]
    return ordered[0] if first >= _LIFT_LEAST_MPS2 and first >= _LIFT_RATIO * second else None


def _movement(samples: FloatArray) -> float:
    """Return the root of the summed variances of all axes; axes a sensor lacks do not count, NaN without samples."""
    known = samples[:, ~np.isnan(samples).all(axis=0)] if samples.shape[0] else samples
    if known.shape[0] < 2 or known.shape[1] == 0:
        return math.nan
    return float(np.sqrt(np.sum(np.var(known, axis=0))))
