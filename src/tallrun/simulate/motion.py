"""The whole person: both feet and the pelvis as bodies, with the treadmill's belt taken into account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray
from tallrun.simulate.feet import FootMotion, Pivot, foot_motion
from tallrun.simulate.footfalls import Footfalls, make_footfalls
from tallrun.simulate.kinematics import Body, inertial, states
from tallrun.simulate.pelvis import PelvisMotion, pelvis_motion
from tallrun.simulate.polynomials import Channel, constant, evaluate, from_velocity, hermite, stack
from tallrun.simulate.programme import TREADMILL, Bout, Programme, Runner
from tallrun.simulate.schedule import Contacts, Grid, make_contacts, make_grid

BELT_DIP_SHARE = 0.025
BODY_OF = {"foot_left": "foot_left", "foot_right": "foot_right", "pelvis": "pelvis", "trunk": "pelvis"}


@dataclass(frozen=True)
class Motion:
    """Exact motion of a session; ``bodies`` holds foot_left, foot_right and pelvis."""

    programme: Programme
    runner: Runner
    grid: Grid
    bouts: list[Bout]
    borders_s: FloatArray
    contacts: Contacts
    pelvis: PelvisMotion
    feet: tuple[FootMotion, FootMotion]
    contact_offsets_s: tuple[tuple[float, float], tuple[float, float]]
    pelvis_lag_s: float
    bodies: dict[str, Body]

    def body(self, placement: str) -> Body:
        """Return the body a sensor placement rides on (a trunk sensor rides on the pelvis, further up)."""
        if placement not in BODY_OF:
            raise UsageError(f"placement must be one of {', '.join(BODY_OF)}; got {placement!r}")
        return self.bodies[BODY_OF[placement]]

    def states(self, placement: str, t_s: FloatArray) -> FloatArray:
        """Exact states of the body's origin, see ``kinematics.states``."""
        return states(self.body(placement), t_s)

    def inertial(self, placement: str, t_s: FloatArray, arm_m: FloatArray) -> FloatArray:
        """Ideal specific force and turn rate in body axes, see ``kinematics.inertial``."""
        return inertial(self.body(placement), t_s, arm_m)

    def pelvis_path_m(self, t_s: FloatArray) -> FloatArray:
        """Where the pelvis is above the ground (the belt, on a treadmill), float64 (n, 2)."""
        return np.stack([evaluate(channel, t_s)[0] for channel in self.pelvis.channels[:2]], axis=1)

    def falls(self, foot: int) -> Footfalls:
        """Return the footfalls of one foot (0 left, 1 right)."""
        return self.feet[foot].falls


def _belt(grid: Grid, surface: str) -> tuple[Channel, Channel]:
    """Forward and upward motion of the belt that carries the ground frame backwards."""
    start, end = grid.t_s[0] - 5.0, grid.t_s[-1] + 5.0
    if surface != TREADMILL:
        return constant(0.0, start, end), constant(0.0, start, end)
    pick = np.unique(np.append(np.arange(0, len(grid.t_s), 5), len(grid.t_s) - 1))
    t, speed, gain = grid.t_s[pick], grid.speed_mps[pick], grid.acceleration_mps2[pick]
    cos, sin = np.cos(grid.slope_rad[pick]), np.sin(grid.slope_rad[pick])
    return (
        hermite(t, grid.path_m[pick], speed * cos, gain * cos),
        hermite(t, grid.height_m[pick], speed * sin, gain * sin),
    )


def _dips(contacts: Contacts, grid: Grid, surface: str) -> Channel:
    """Slow the belt a little after each landing and let it catch up before the next."""
    if surface != TREADMILL:
        return constant(0.0, grid.t_s[0] - 5.0, grid.t_s[-1] + 5.0)
    begin = contacts.initial_s[:-1]
    length = np.clip(np.diff(contacts.initial_s) * 0.98, 0.05, 0.4)
    dip = -BELT_DIP_SHARE * contacts.speed_mps[:-1]
    t = np.stack([begin, begin + 0.25 * length, begin + 0.75 * length, begin + length], axis=1)
    zero = np.zeros_like(dip)
    v = np.stack([zero, dip, -dip, zero], axis=1)
    knots = np.concatenate([t.ravel(), [grid.t_s[-1] + 5.0]])
    channel, _ = from_velocity(knots, np.append(v.ravel(), 0.0), np.zeros(len(knots)))
    return channel


def make_motion(programme: Programme, runner: Runner, rng: np.random.Generator) -> Motion:
    """Lay out the exact motion of a whole session."""
    grid, bouts, borders = make_grid(programme, runner)
    lag = float(rng.uniform(0.0, 0.012)) if runner.pelvis_lag_s is None else runner.pelvis_lag_s
    contacts = make_contacts(grid, bouts, runner, lag, rng)
    pelvis = pelvis_motion(contacts.delayed(lag), grid, bouts, runner, rng)
    if runner.contact_offsets_s is not None:
        common, own = np.array(runner.contact_offsets_s), np.zeros((2, 2))
    else:
        common, own = rng.uniform(-0.015, 0.015, 2), 0.001 * rng.uniform(-1.0, 1.0, (2, 2))
    offsets = common + own
    pairs = [(float(offsets[k, 0]), float(offsets[k, 1])) for k in range(2)]
    falls = [make_footfalls(k, contacts, pelvis, grid, bouts, runner, pairs[k], rng) for k in range(2)]
    feet = [foot_motion(own, grid, bouts, runner, rng) for own in falls]

    start, end = grid.t_s[0] - 5.0, grid.t_s[-1] + 5.0
    still = constant(0.0, start, end)
    belt = _belt(grid, programme.surface)
    dips = _dips(contacts, grid, programme.surface)
    no_pivot = Pivot(np.array([start]), np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    x, y, z, yaw, tilt, roll = pelvis.channels
    bodies = {
        "pelvis": _body([x, y, z, still, tilt, yaw, roll, *belt, still, still, still], no_pivot),
        "foot_left": _body([*feet[0].channels, *belt, dips, *feet[0].give], feet[0].pivot),
        "foot_right": _body([*feet[1].channels, *belt, dips, *feet[1].give], feet[1].pivot),
    }
    return Motion(
        programme=programme,
        runner=runner,
        grid=grid,
        bouts=bouts,
        borders_s=borders,
        contacts=contacts,
        pelvis=pelvis,
        feet=(feet[0], feet[1]),
        contact_offsets_s=(pairs[0], pairs[1]),
        pelvis_lag_s=lag,
        bodies=bodies,
    )


def _body(channels: list[Channel], pivot: Pivot) -> Body:
    return Body(
        stack(channels),
        np.ascontiguousarray(pivot.starts_s),
        np.ascontiguousarray(pivot.lever_m),
        np.ascontiguousarray(pivot.direction),
    )
