"""Motion of the pelvis: ballistic when no foot is on the ground, braked and driven when one is.

Horizontal motion is integrated from velocities at knots, vertical motion and angles are given at knots.
Between a final contact and the other foot's initial contact the knots carry equal horizontal velocities, zero
horizontal acceleration and -g, so that the piece between them is an exact parabola.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.polynomials import Channel, from_velocity, hermite
from tallrun.simulate.programme import Bout, Runner
from tallrun.simulate.schedule import Contacts, Grid
from tallrun.units import STANDARD_GRAVITY_MPS2

MIN_FLIGHT_S = 0.004
STANDING_KNOT_S = 0.4
CONTACT_DROP_M = 0.055


@dataclass(frozen=True)
class PelvisMotion:
    """Channels of the pelvis in the ground frame and where each foot belongs under it.

    channels : x, y, z [m], yaw, anterior tilt, left-side-up roll [rad].
    under_m : float64 (n_contacts, 2), ground point under the pelvis when it passes over each contact's foot.
    heading_rad : float64 (n_contacts,), direction of travel at that moment.
    braking_dv_mps : float64 (n_contacts,), forward speed lost between contact and passing over the foot.
    """

    channels: list[Channel]
    under_m: FloatArray
    heading_rad: FloatArray
    braking_dv_mps: FloatArray


@dataclass(frozen=True)
class _Intervals:
    """What happens between contact k and k + 1; arrays of length n_contacts - 1."""

    is_flight: NDArray[np.bool_]
    is_standing: NDArray[np.bool_]
    begin_s: FloatArray
    end_s: FloatArray

    @property
    def middle_s(self) -> FloatArray:
        return (self.begin_s + self.end_s) / 2.0


def _intervals(contacts: Contacts) -> _Intervals:
    ic, fc = contacts.initial_s, contacts.final_s
    is_standing = contacts.is_standing[:-1] & contacts.is_standing[1:] & (fc[:-1] > ic[1:] + 0.5)
    is_flight = (ic[1:] - fc[:-1] > MIN_FLIGHT_S) & ~is_standing
    middle = np.where(is_standing, ic[1:] + 0.05, (ic[1:] + fc[:-1]) / 2.0)
    return _Intervals(
        is_flight, is_standing, np.where(is_flight, fc[:-1], middle), np.where(is_flight, ic[1:], middle)
    )


@dataclass(frozen=True)
class _Standing:
    """Knots of quiet or fidgety standing: times, how lively, and which standing stretch each belongs to."""

    t_s: FloatArray
    liveliness: FloatArray
    stretch: NDArray[np.int64]


def _standing_knots(contacts: Contacts, intervals: _Intervals, grid: Grid, bouts: list[Bout]) -> _Standing:
    times, lively, stretch = [], [], []
    for number, k in enumerate(np.flatnonzero(intervals.is_standing)):
        begin = contacts.initial_s[k + 1] + 0.55
        end = min(contacts.final_s[k] - 0.1, grid.t_s[-1])
        knots = np.linspace(begin, max(end, begin + 0.01), max(2, int((end - begin) / STANDING_KNOT_S) + 1))
        bout = grid.bout[np.clip(np.searchsorted(grid.t_s, knots) - 1, 0, len(grid.bout) - 1)]
        times.append(knots)
        lively.append(np.array([6.0 if b.is_fidgeting else 1.0 for b in bouts])[bout])
        stretch.append(np.full(len(knots), number))
    return _Standing(np.concatenate(times), np.concatenate(lively), np.concatenate(stretch))


def _sway(t: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slow wandering of unit size with its first and second derivative."""
    frequency = 2.0 * np.pi * np.array([0.11, 0.23, 0.37, 0.53])
    phase = rng.uniform(0.0, 2.0 * np.pi, 4)
    weight = np.array([0.5, 0.5, 0.35, 0.2])
    angle = frequency * t[:, None] + phase
    return (
        (weight * np.sin(angle)).sum(1),
        (weight * frequency * np.cos(angle)).sum(1),
        (-weight * frequency**2 * np.sin(angle)).sum(1),
    )


def _merge(*parts: tuple[FloatArray, ...]) -> tuple[FloatArray, ...]:
    """Concatenate knot tables column by column and sort them by time (the first column)."""
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    keep = np.concatenate([[True], np.diff(columns[0][order]) > 0.0015])
    return tuple(column[order][keep] for column in columns)


def pelvis_motion(
    contacts: Contacts, grid: Grid, bouts: list[Bout], runner: Runner, rng: np.random.Generator
) -> PelvisMotion:
    """Build the pelvis channels for the whole session."""
    intervals = _intervals(contacts)
    standing = _standing_knots(contacts, intervals, grid, bouts)
    horizontal, under, heading, braking = _horizontal(contacts, intervals, standing, grid, runner, rng)
    vertical = _vertical(contacts, intervals, standing, grid, runner, rng)
    angles = _angles(contacts, intervals, standing, grid, runner, rng)
    return PelvisMotion([*horizontal, vertical, *angles], under, heading, braking)


def _horizontal(
    contacts: Contacts,
    intervals: _Intervals,
    standing: _Standing,
    grid: Grid,
    runner: Runner,
    rng: np.random.Generator,
) -> tuple[list[Channel], FloatArray, FloatArray, FloatArray]:
    crossing, dip = contacts.crossing_s, contacts.speed_dip_mps
    driving = np.maximum(intervals.begin_s - crossing[:-1], 0.01)
    braking = np.maximum(crossing[1:] - intervals.end_s, 0.01)
    flight = intervals.end_s - intervals.begin_s
    middle = intervals.middle_s
    lost = (driving * dip[:-1] + braking * dip[1:]) / 2.0
    lost[intervals.is_standing] = 0.0
    top = grid.at("speed_mps", middle) + lost / (driving / 2.0 + flight + braking / 2.0)
    slope = np.cos(grid.at("slope_rad", middle))
    heading = grid.at("heading_rad", middle)
    ahead = top * slope
    side = np.where(contacts.foot[1:] == 0, 1.0, -1.0) * runner.sway_mps
    side = side * np.clip(grid.at("speed_mps", middle), 0.0, 1.0)
    vx, vy = (
        ahead * np.cos(heading) - side * np.sin(heading),
        ahead * np.sin(heading) + side * np.cos(heading),
    )
    zero = np.zeros_like(vx)

    inner = np.flatnonzero(~contacts.is_standing)
    inner = inner[(inner > 0) & (inner < len(contacts) - 1)]
    slow = (grid.at("speed_mps", crossing[inner]) - dip[inner]) * np.cos(
        grid.at("slope_rad", crossing[inner])
    )
    turn = (heading[inner] - heading[inner - 1]) / np.maximum(
        intervals.begin_s[inner] - intervals.end_s[inner - 1], 0.05
    )
    here = grid.at("heading_rad", crossing[inner])
    push = slow * turn * 1.5
    cross = (
        crossing[inner],
        slow * np.cos(here),
        slow * np.sin(here),
        -push * np.sin(here),
        push * np.cos(here),
    )

    size = 0.004 * standing.liveliness
    sway_x, sway_y = _sway(standing.t_s, rng), _sway(standing.t_s, rng)
    still = (standing.t_s, size * sway_x[1], size * sway_y[1], size * sway_x[2], size * sway_y[2])
    single = ~intervals.is_flight
    ends = (intervals.end_s, vx, vy, zero, zero)
    begins = tuple(column[~single] for column in (intervals.begin_s, vx, vy, zero, zero))
    t, kx, ky, ax, ay = _merge(begins, ends, cross, still)
    x, px = from_velocity(t, kx, ax)
    y, py = from_velocity(t, ky, ay)

    rest = standing.t_s[np.searchsorted(standing.stretch, np.arange(standing.stretch[-1] + 1))]
    at = crossing.copy()
    after = np.clip(np.searchsorted(rest, contacts.initial_s[contacts.is_standing]), 0, len(rest) - 1)
    at[contacts.is_standing] = rest[after]
    knot = np.clip(np.searchsorted(t, at - 0.0016), 0, len(t) - 1)
    before = np.concatenate([[0.0], top])
    loss = np.where(contacts.is_standing, np.nan, before - (grid.at("speed_mps", crossing) - dip))
    return [x, y], np.stack([px[knot], py[knot]], axis=1), grid.at("heading_rad", at), loss


def _vertical(
    contacts: Contacts,
    intervals: _Intervals,
    standing: _Standing,
    grid: Grid,
    runner: Runner,
    rng: np.random.Generator,
) -> Channel:
    stand_m = runner.leg_length_m
    begin, end, middle = intervals.begin_s, intervals.end_s, intervals.middle_s
    noise = 0.0015 * rng.standard_normal(len(begin))
    level = stand_m - CONTACT_DROP_M + noise
    low_z, high_z = level + grid.at("height_m", begin), level + grid.at("height_m", end)
    flight = np.maximum(end - begin, MIN_FLIGHT_S)
    up = (high_z - low_z) / flight + STANDARD_GRAVITY_MPS2 * flight / 2.0
    free = np.full_like(begin, -STANDARD_GRAVITY_MPS2)
    fly = intervals.is_flight
    takeoff = tuple(column[fly] for column in (begin, low_z, up, free))
    landing = tuple(column[fly] for column in (end, high_z, up - STANDARD_GRAVITY_MPS2 * flight, free))

    step_s = 60.0 / grid.at("cadence_spm", middle)
    size = 0.02 * np.clip(grid.at("speed_mps", middle) / 1.4, 0.0, 1.4)
    rise = grid.at("speed_mps", middle) * np.sin(grid.at("slope_rad", middle))
    curve = size * (2.0 * np.pi / step_s) ** 2
    low = stand_m - 0.01 - 2.0 * size + noise + grid.at("height_m", middle)
    walk = ~fly
    double = tuple(
        column[walk] for column in (middle, low, rise, np.where(intervals.is_standing, 0.0, curve))
    )

    inner = np.flatnonzero(~contacts.is_standing)
    inner = inner[(inner > 0) & (inner < len(contacts) - 1)]
    inner = inner[walk[inner - 1] & walk[inner]]
    over = (begin[inner] + end[inner - 1]) / 2.0
    over_size = 0.02 * np.clip(grid.at("speed_mps", over) / 1.4, 0.0, 1.4)
    over_rise = grid.at("speed_mps", over) * np.sin(grid.at("slope_rad", over))
    over_curve = -over_size * (2.0 * np.pi * grid.at("cadence_spm", over) / 60.0) ** 2
    high = (over, stand_m - 0.01 + grid.at("height_m", over), over_rise, over_curve)

    zero = np.zeros_like(standing.t_s)
    still = (standing.t_s, stand_m + grid.at("height_m", standing.t_s), zero, zero)
    return hermite(*_merge(takeoff, landing, double, high, still))


def _angles(
    contacts: Contacts,
    intervals: _Intervals,
    standing: _Standing,
    grid: Grid,
    runner: Runner,
    rng: np.random.Generator,
) -> list[Channel]:
    middle, crossing = intervals.middle_s, contacts.crossing_s
    moving = ~intervals.is_standing
    inner = np.flatnonzero(~contacts.is_standing)
    still_zero = np.zeros_like(standing.t_s)
    wander = 0.005 * standing.liveliness

    def still(level: FloatArray, share: float = 1.0) -> tuple[FloatArray, ...]:
        value, rate, curve = _sway(standing.t_s, rng)
        size = wander * share
        return standing.t_s, level + size * value, size * rate, size * curve

    def table(
        t: FloatArray, sign: FloatArray | float, size_deg: float, steps: float
    ) -> tuple[FloatArray, ...]:
        """Tabulate the turning points of an oscillation with ``steps`` half-turns per step."""
        noise = 1.0 + 0.06 * rng.standard_normal(len(t))
        size = np.radians(size_deg) * np.clip(grid.at("speed_mps", t) / 2.0, 0.0, 1.0) * noise
        value = np.asarray(sign) * size
        half_turn_s = 60.0 / grid.at("cadence_spm", t) / steps
        return t, value, np.zeros_like(t), -value * (np.pi / half_turn_s) ** 2

    t, value, rate, curve = table(
        middle[moving],
        np.where(contacts.foot[1:] == 0, -1.0, 1.0)[moving],
        runner.rotation_deg,
        1.0,
    )
    bend = np.gradient(grid.heading_rad, grid.t_s)
    yaw = hermite(
        *_merge(
            (t, value + grid.at("heading_rad", t), rate + np.interp(t, grid.t_s, bend), curve),
            still(grid.at("heading_rad", standing.t_s)),
        )
    )
    roll_table = table(
        crossing[inner], np.where(contacts.foot[inner] == 0, 1.0, -1.0), runner.obliquity_deg, 1.0
    )
    roll = hermite(*_merge(roll_table, still(still_zero)))

    tilt_noise = np.radians(0.3) * rng.standard_normal(len(contacts))
    forward = table(middle[moving], 1.0, runner.tilt_swing_deg, 2.0)
    back = table(crossing[inner], -1.0, runner.tilt_swing_deg, 2.0)

    def lifted(part: tuple[FloatArray, ...], noise: FloatArray) -> tuple[FloatArray, ...]:
        t, value, rate, curve = part
        return t, value + np.radians(grid.at("tilt_deg", t)) + noise, rate, curve

    tilt = hermite(
        *_merge(
            lifted(forward, tilt_noise[:-1][moving]),
            lifted(back, tilt_noise[inner]),
            still(np.radians(grid.at("tilt_deg", standing.t_s)) * 0.0, 0.6),
        )
    )
    return [yaw, tilt, roll]
