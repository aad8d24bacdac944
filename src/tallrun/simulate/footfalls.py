"""What one foot does at each of its contacts: when it lands and lifts, where it rests, how it is angled.

Kinematic landing and lift-off differ from the true contact by offsets drawn once per session, so that no
feature of the motion defines the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.pelvis import PelvisMotion
from tallrun.simulate.programme import STAIRS, Bout, Runner
from tallrun.simulate.schedule import Contacts, Grid

HEEL_M, BALL_M = -0.10, 0.09
FOREFOOT_RAD = np.radians(-1.6)
LARGEST_TOE_RATE_RADPS = 17.0


@dataclass(frozen=True)
class Footfalls:
    """All contacts of one foot; n rows, times in seconds since the session's start.

    land_s, still_s, down_s, switch_s, heel_off_s, lift_s : float64 (n,), kinematic landing, end of the landing's
        jolt, sole flat, change of the pivot from heel to ball, heel off, lift-off.
    pitch_rad, pitch_rate_radps : float64 (n, 4), toe-up, at landing, flat, heel-off and lift-off.
    rest_m, slid_m : float64 (n, 3), the foot's origin when it first lies flat and after it has slid.
    lever_in_m, lever_out_m : float64 (n, 2), from the origin to the pivot, forward and up, before and after.
    falling_mps : float64 (n, 3), velocity the landing still has to absorb.
    """

    which: NDArray[np.int64]
    side: float
    speed_mps: FloatArray
    is_running: NDArray[np.bool_]
    is_standing: NDArray[np.bool_]
    is_forefoot: NDArray[np.bool_]
    land_s: FloatArray
    still_s: FloatArray
    down_s: FloatArray
    switch_s: FloatArray
    heel_off_s: FloatArray
    lift_s: FloatArray
    slope_rad: FloatArray
    flat_rad: FloatArray
    pitch_rad: FloatArray
    pitch_rate_radps: FloatArray
    yaw_rad: FloatArray
    rest_m: FloatArray
    slid_m: FloatArray
    lever_in_m: FloatArray
    lever_out_m: FloatArray
    falling_mps: FloatArray

    def __len__(self) -> int:
        return len(self.which)

    @property
    def direction(self) -> FloatArray:
        """Cosine and sine of the foot's direction on the ground, float64 (n, 2)."""
        return np.stack([np.cos(self.yaw_rad), np.sin(self.yaw_rad)], axis=1)


def make_footfalls(
    foot: int,
    contacts: Contacts,
    pelvis: PelvisMotion,
    grid: Grid,
    bouts: list[Bout],
    runner: Runner,
    offsets_s: tuple[float, float],
    rng: np.random.Generator,
) -> Footfalls:
    """Describe every contact of one foot (0 left, 1 right)."""
    which = np.flatnonzero(contacts.foot == foot)
    n = len(which)
    side = 1.0 if foot == 0 else -1.0
    speed, running = contacts.speed_mps[which], contacts.is_running[which]
    standing = contacts.is_standing[which]
    heading = pelvis.heading_rad[which]
    forefoot = contacts.strike_rad[which] < FOREFOOT_RAD

    def spread(share: float) -> FloatArray:
        return 1.0 + share * rng.standard_normal(n)

    land = contacts.initial_s[which] - offsets_s[0] + 0.001 * rng.standard_normal(n)
    lift = contacts.final_s[which] - offsets_s[1] + 0.0015 * rng.standard_normal(n)
    stance = lift - land
    landing_s = np.minimum(runner.landing_s * np.where(forefoot, 1.5, 1.0) * spread(0.08), 0.1 * stance)
    to_flat = np.clip(np.where(running, 0.21, 0.15) * spread(0.05) * stance, landing_s + 0.006, 0.12)
    push_s = np.minimum(np.where(running, 0.51, 0.49) * stance, 0.36)
    down, heel_off = land + to_flat, lift - push_s

    crossing = contacts.crossing_s[which]
    on_stairs = np.array([bout.mode == STAIRS for bout in bouts])[contacts.bout[which]]
    slope = np.where(on_stairs, 0.0, grid.at("slope_rad", crossing))
    flat = slope + np.where(forefoot, np.radians(runner.stance_flat_angle_deg), 0.0)
    land_rate = np.where(forefoot, 1.0, np.where(running, -1.8, -1.2)) * np.clip(speed / 3.0, 0.1, 1.3)
    toe_off_deg = np.where(running, 52.0 + 5.0 * (speed - 3.0), 55.0 * np.clip(speed / 1.3, 0.4, 1.2))
    toe_off = -np.radians(np.where(standing, 30.0, toe_off_deg * spread(0.03)))
    toe_rate = -np.minimum(-1.75 * toe_off / push_s, LARGEST_TOE_RATE_RADPS)
    zero = np.zeros(n)

    width = np.where(standing, 0.2, np.where(running, runner.step_width_m, runner.step_width_m + 0.05)) / 2.0
    width = side * (width + 0.006 * rng.standard_normal(n))
    ahead = np.stack([np.cos(heading), np.sin(heading), zero], axis=1)
    left = np.stack([-np.sin(heading), np.cos(heading), zero], axis=1)
    under = np.column_stack([pelvis.under_m[which], grid.at("height_m", crossing)])
    rest = under + width[:, None] * left
    hardness = np.where(running, np.clip(speed / 3.0, 0.6, 1.4), 0.35 * np.clip(speed / 1.4, 0.2, 1.3))
    hardness = hardness * spread(0.1)
    falling = (runner.landing_forward_mps * hardness)[:, None] * ahead
    falling[:, 2] = -runner.landing_down_mps * hardness * np.where(forefoot, 0.8, 1.0)
    return Footfalls(
        which=which,
        side=side,
        speed_mps=speed,
        is_running=running,
        is_standing=standing,
        is_forefoot=forefoot,
        land_s=land,
        still_s=land + landing_s,
        down_s=down,
        switch_s=(down + heel_off) / 2.0,
        heel_off_s=heel_off,
        lift_s=lift,
        slope_rad=slope,
        flat_rad=flat,
        pitch_rad=np.stack([slope + contacts.strike_rad[which], flat, flat, flat + toe_off], axis=1),
        pitch_rate_radps=np.stack([land_rate, zero, zero, toe_rate], axis=1),
        yaw_rad=heading + side * np.radians(runner.toe_out_deg) + np.radians(1.0) * rng.standard_normal(n),
        rest_m=rest,
        slid_m=rest + contacts.slip_m[which, None] * ahead,
        lever_in_m=np.stack([np.where(forefoot, BALL_M, HEEL_M), zero], axis=1),
        lever_out_m=np.stack([np.full(n, BALL_M), zero], axis=1),
        falling_mps=falling,
    )
