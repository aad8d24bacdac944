"""Motion of one foot: it lands, rolls over heel and ball without sliding, pushes off and swings.

In stance the foot's origin (a point of the sole below the instep) is tied to a pivot on the ground:
``origin = pivot - R(pitch) r_pivot``. The pivot jumps from heel to ball while the sole lies still, so nothing
jumps. What the landing still carries of forward and downward speed is absorbed within milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.pelvis import PelvisMotion
from tallrun.simulate.polynomials import N_COEFFICIENTS, Channel, hermite, swing_coefficients
from tallrun.simulate.programme import Bout, Runner
from tallrun.simulate.schedule import Contacts, Grid

HEEL_M, BALL_M = -0.10, 0.09
FOREFOOT_RAD = np.radians(-1.6)
FOREFOOT_REACH_RAD = np.radians(12.0)
LARGEST_TOE_RATE_RADPS = 17.0
APEX_WAYPOINT = (0.36,)


@dataclass(frozen=True)
class Pivot:
    """Piecewise constant lever from the foot's origin to its pivot, and the foot's direction on the ground.

    starts_s : float64 (n,); lever_m : float64 (n, 2) forward and up; direction : float64 (n, 2) cos and sin.
    """

    starts_s: FloatArray
    lever_m: FloatArray
    direction: FloatArray


@dataclass(frozen=True)
class FootMotion:
    """Channels of one foot in the ground frame, with what is true at its contacts.

    channels : x, y, z of the pivot (or of the origin in swing), rolling pitch (toe-up, drives the position),
    then rotation about left (minus the whole pitch), yaw, roll.
    give : how the shoe yields under load, ahead and up [m].
    which : indices into the session's contacts. land_s, lift_s : kinematic landing and lift-off.
    flat_m : float64 (n, 3), the origin when the foot lies flat. flat_rad : the pitch then.
    """

    channels: list[Channel]
    give: list[Channel]
    pivot: Pivot
    which: NDArray[np.int64]
    land_s: FloatArray
    lift_s: FloatArray
    flat_s: FloatArray
    flat_m: FloatArray
    flat_rad: FloatArray


def _pivot_term(
    pitch: FloatArray, rate: FloatArray, curve: FloatArray, lever: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R(pitch) lever in the vertical plane of the foot, with derivatives; each float64 (n, 2)."""
    c, s = np.cos(pitch), np.sin(pitch)
    q = np.stack([c * lever[:, 0] - s * lever[:, 1], s * lever[:, 0] + c * lever[:, 1]], axis=1)
    turned = np.stack([-q[:, 1], q[:, 0]], axis=1)
    return q, rate[:, None] * turned, curve[:, None] * turned - (rate**2)[:, None] * q


def _in_space(plane: FloatArray, direction: FloatArray) -> FloatArray:
    """(forward, up) of the foot's plane -> world (x, y, z)."""
    return np.stack([plane[:, 0] * direction[:, 0], plane[:, 0] * direction[:, 1], plane[:, 1]], axis=1)


def _powers(n: int) -> FloatArray:
    return np.zeros((n, N_COEFFICIENTS))


def foot_motion(
    foot: int,
    contacts: Contacts,
    pelvis: PelvisMotion,
    grid: Grid,
    bouts: list[Bout],
    runner: Runner,
    offsets_s: tuple[float, float],
    rng: np.random.Generator,
) -> FootMotion:
    """Build the channels of one foot (0 left, 1 right) for the whole session."""
    which = np.flatnonzero(contacts.foot == foot)
    n = len(which)
    speed, running = contacts.speed_mps[which], contacts.is_running[which]
    standing = contacts.is_standing[which]
    land = contacts.initial_s[which] - offsets_s[0] + 0.001 * rng.standard_normal(n)
    lift = contacts.final_s[which] - offsets_s[1] + 0.0015 * rng.standard_normal(n)
    stance = lift - land
    strike = contacts.strike_rad[which]
    is_forefoot = strike < FOREFOOT_RAD

    landing_s = runner.landing_s * np.where(is_forefoot, 1.5, 1.0) * (1.0 + 0.08 * rng.standard_normal(n))
    landing_s = np.minimum(landing_s, 0.1 * stance)
    share = np.where(running, 0.21, 0.15) * (1.0 + 0.05 * rng.standard_normal(n))
    to_flat = np.clip(share * stance, landing_s + 0.006, 0.12)
    push_s = np.minimum(np.where(running, 0.51, 0.49) * stance, 0.36)
    down_s, heel_off_s = land + to_flat, lift - push_s
    switch_s = (down_s + heel_off_s) / 2.0

    side = 1.0 if foot == 0 else -1.0
    yaw = pelvis.heading_rad[which] + side * np.radians(runner.toe_out_deg)
    yaw = yaw + np.radians(1.0) * rng.standard_normal(n)
    direction = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
    heading = pelvis.heading_rad[which]
    width = np.where(standing, 0.2, np.where(running, runner.step_width_m, runner.step_width_m + 0.05)) / 2.0
    width = width + 0.006 * rng.standard_normal(n)
    middle_s = contacts.crossing_s[which]
    stair = np.array([bout.mode == "stairs" for bout in bouts])[contacts.bout[which]]
    slope = np.where(stair, 0.0, grid.at("slope_rad", middle_s))
    flat = slope + np.where(is_forefoot, np.radians(runner.stance_flat_angle_deg), 0.0)
    origin = np.stack(
        [
            pelvis.under_m[which, 0] - side * width * np.sin(heading),
            pelvis.under_m[which, 1] + side * width * np.cos(heading),
            grid.at("height_m", middle_s),
        ],
        axis=1,
    )

    # Rolling pitch at landing, flat, heel-off and lift-off.
    land_rate = np.where(is_forefoot, 1.0, np.where(running, -1.8, -1.2)) * np.clip(speed / 3.0, 0.1, 1.3)
    toe_off = -np.radians(
        np.where(running, 52.0 + 5.0 * (speed - 3.0), 55.0 * np.clip(speed / 1.3, 0.4, 1.2))
    )
    toe_off = np.where(standing, -np.radians(30.0), toe_off * (1.0 + 0.03 * rng.standard_normal(n)))
    toe_rate = -np.minimum(-1.75 * toe_off / push_s, LARGEST_TOE_RATE_RADPS)
    zero = np.zeros(n)
    knots = np.stack([land, down_s, heel_off_s, lift], axis=1)
    pitch = np.stack([slope + strike, flat, flat, flat + toe_off], axis=1)
    pitch_rate = np.stack([land_rate, zero, zero, toe_rate], axis=1)

    lever_in = np.stack([np.where(is_forefoot, BALL_M, HEEL_M), zero], axis=1)
    lever_out = np.stack([np.full(n, BALL_M), zero], axis=1)
    slid = origin + (contacts.slip_m[which] * np.stack([np.cos(heading), np.sin(heading), zero])).T
    flat_in, _, _ = _pivot_term(flat, zero, zero, lever_in)
    flat_out, _, _ = _pivot_term(flat, zero, zero, lever_out)
    ground_in = origin + _in_space(flat_in, direction)
    ground_out = slid + _in_space(flat_out, direction)

    scale = np.where(running, np.clip(speed / 3.0, 0.6, 1.4), 0.35 * np.clip(speed / 1.4, 0.2, 1.3))
    scale = scale * (1.0 + 0.1 * rng.standard_normal(n))
    falling = np.stack(
        [
            runner.landing_forward_mps * scale * np.cos(heading),
            runner.landing_forward_mps * scale * np.sin(heading),
            -runner.landing_down_mps * scale * np.where(is_forefoot, 0.8, 1.0),
        ],
        axis=1,
    )
    stops = np.stack([land, land + landing_s, switch_s, lift], axis=1)

    land_q = _pivot_term(pitch[:, 0], land_rate, zero, lever_in)
    lift_q = _pivot_term(pitch[:, 3], toe_rate, zero, lever_out)
    arrive = (
        ground_in - falling * landing_s[:, None] / 2.0 - _in_space(land_q[0], direction),
        falling - _in_space(land_q[1], direction),
        -_in_space(land_q[2], direction),
    )
    leave = (
        ground_out - _in_space(lift_q[0], direction),
        -_in_space(lift_q[1], direction),
        -_in_space(lift_q[2], direction),
    )
    swing = land[1:] - lift[:-1]
    next_speed, next_running = speed[1:], running[1:]
    gait = np.where(next_running, 0.12 + 0.045 * next_speed, 0.03 + 0.05 * np.minimum(next_speed, 1.8))
    gait = gait * (1.0 + 0.04 * rng.standard_normal(n - 1))

    channels = []
    for axis in range(3):
        pieces = np.zeros((n, 4, N_COEFFICIENTS))
        start = ground_in[:, axis] - falling[:, axis] * landing_s / 2.0
        pieces[:, 0, 0] = start
        pieces[:, 0, 1] = falling[:, axis] * landing_s
        pieces[:, 0, 3] = -falling[:, axis] * landing_s
        pieces[:, 0, 4] = falling[:, axis] * landing_s / 2.0
        pieces[:, 1, 0] = ground_in[:, axis]
        slide = slid[:, axis] - origin[:, axis]
        pieces[:, 1, 3], pieces[:, 1, 4], pieces[:, 1, 5] = 10.0 * slide, -15.0 * slide, 6.0 * slide
        pieces[:, 2, 0] = ground_out[:, axis]
        known = _end_conditions(leave, arrive, swing, axis)
        waypoints: tuple[float, ...] = ()
        if axis == 2:
            base = np.maximum(leave[0][:-1, 2], arrive[0][1:, 2])
            known = np.concatenate([known, [base + gait * 0.8]])
            waypoints = APEX_WAYPOINT
        pieces[:-1, 3] = swing_coefficients(known, waypoints)
        channels.append(_joined(stops, pieces))

    rest_s = heel_off_s - down_s
    rock = np.where(standing, 0.0, np.radians(runner.rocking_dps) * (1.0 + 0.2 * rng.standard_normal(n)))
    tipped = rock * rest_s / 2.0
    brisk = np.clip(next_speed / 1.3, 0.3, 1.2)
    fold = np.where(next_running, 88.0 + 6.0 * (next_speed - 3.0), 62.0 * np.maximum(brisk, 0.5))
    fold = slope[1:] - np.radians(fold) * (1.0 + 0.03 * rng.standard_normal(n - 1))
    reach = slope[1:] + np.radians(np.where(next_running, 14.0, 18.0 * brisk))
    reach = np.where(is_forefoot[1:], pitch[1:, 0] + FOREFOOT_REACH_RAD, np.maximum(reach, pitch[1:, 0]))
    swing_knots = _swing_pitch(pitch[:-1, 3], toe_rate[:-1], fold, reach, lift[:-1], swing)
    still = np.zeros((n, 4))
    stance_knots = (knots, pitch, pitch_rate, still)
    rock_knots = np.stack([zero, tipped, -tipped, zero], 1), np.stack([zero, -rock, -rock, zero], 1)
    rolling = _joined_knots(stance_knots, swing_knots)
    tipping = (knots, -(pitch + rock_knots[0]), -(pitch_rate + rock_knots[1]), still)
    turned = (swing_knots[0], *(-column for column in swing_knots[1:]))
    whole = _joined_knots(tipping, turned)
    fidgets = _fidgets(down_s, heel_off_s, standing, grid, bouts, flat, rng)
    rolling = _replaced(rolling, fidgets, 1.0)
    whole = _replaced(whole, fidgets, -1.0)

    yaw_channel = _stepwise(land, lift, yaw, zero)
    tip = side * np.radians(3.0) * (1.0 + 0.2 * rng.standard_normal(n))
    loaded = np.where(standing, 0.0, 1.0)
    wobble = loaded * np.radians(runner.stance_wobble_deg) * rng.standard_normal((2, n))
    roll_channel = _roll(land, down_s, lift, loaded * tip, wobble, side)
    give = [_give(land + landing_s, lift, loaded * runner.stance_give_m, rng) for _ in range(2)]
    pivot = Pivot(
        starts_s=np.stack([land, switch_s, lift], axis=1).ravel(),
        lever_m=np.stack([lever_in, lever_out, np.zeros((n, 2))], axis=1).reshape(-1, 2),
        direction=np.repeat(direction, 3, axis=0),
    )
    return FootMotion(
        channels=[*channels, rolling, whole, yaw_channel, roll_channel],
        give=give,
        pivot=pivot,
        which=which,
        land_s=land,
        lift_s=lift,
        flat_s=switch_s,
        flat_m=slid,
        flat_rad=flat,
    )


def _end_conditions(
    leave: tuple[FloatArray, ...], arrive: tuple[FloatArray, ...], swing: FloatArray, axis: int
) -> FloatArray:
    """Rows of ``swing_coefficients`` for one axis: from contact k's lift-off to contact k + 1's landing."""
    return np.stack(
        [
            leave[0][:-1, axis],
            leave[1][:-1, axis] * swing,
            leave[2][:-1, axis] * swing**2,
            arrive[0][1:, axis],
            arrive[1][1:, axis] * swing,
            arrive[2][1:, axis] * swing**2,
        ]
    )


def _swing_pitch(
    leave: FloatArray,
    leave_rate: FloatArray,
    fold: FloatArray,
    reach: FloatArray,
    lift: FloatArray,
    swing: FloatArray,
) -> tuple[FloatArray, ...]:
    """Tabulate times, pitch, rate and curve (each (n, 2)) of the most folded and the most reached-out foot."""
    fold = np.minimum(fold, leave - np.radians(8.0))
    to_fold = np.clip((leave - fold) / (0.45 * np.abs(leave_rate)), 0.1 * swing, 0.3 * swing)
    to_reach = 0.77 * swing
    half = (reach - fold) / 2.0 * (np.pi / (to_reach - to_fold)) ** 2
    zero = np.zeros_like(fold)
    return (
        np.stack([lift + to_fold, lift + to_reach], axis=1),
        np.stack([fold, reach], axis=1),
        np.stack([zero, zero], axis=1),
        np.stack([half, -0.6 * half], axis=1),
    )


def _joined_knots(stance: tuple[FloatArray, ...], swing: tuple[FloatArray, ...]) -> Channel:
    """Knot tables of stance (n, 4) and of the swings between (n - 1, 2) -> one channel."""
    columns = []
    for own, between in zip(stance, swing, strict=True):
        table = np.concatenate([own[:-1], between], axis=1).ravel()
        columns.append(np.concatenate([table, own[-1]]))
    return hermite(*columns)


def _joined(stops: FloatArray, pieces: FloatArray) -> Channel:
    """Contacts' knots (n, 4) and pieces (n, 4, 8) -> one channel; the last swing is dropped."""
    return Channel(stops.ravel(), pieces.reshape(-1, N_COEFFICIENTS)[:-1])


def _stepwise(land: FloatArray, lift: FloatArray, value: FloatArray, zero: FloatArray) -> Channel:
    """Constant in stance, one quintic through each swing."""
    knots = np.stack([land, lift], axis=1).ravel()
    return hermite(knots, np.repeat(value, 2), np.repeat(zero, 2), np.repeat(zero, 2))


def _roll(
    land: FloatArray, down: FloatArray, lift: FloatArray, tip: FloatArray, wobble: FloatArray, side: float
) -> Channel:
    """Land on the outer edge, tip a little to and fro while flat, tip outward again in mid-swing."""
    middle = np.concatenate([(lift[:-1] + land[1:]) / 2.0, lift[-1:] + 1.0])
    loaded = lift - down
    knots = np.stack([land, down, down + 0.3 * loaded, down + 0.6 * loaded, lift, middle], axis=1).ravel()
    zero = np.zeros_like(tip)
    swing = np.where(tip == 0.0, 0.0, side * np.radians(6.0))
    value = np.stack([tip, zero, wobble[0], wobble[1], zero, swing], axis=1).ravel()
    still = np.zeros_like(value)
    return hermite(knots, value, still, still)


def _give(down: FloatArray, lift: FloatArray, size: FloatArray, rng: np.random.Generator) -> Channel:
    """Yield and come back in stance, at rest with zero when landed and at lift-off."""
    share = np.array([0.0, 0.22, 0.42, 0.62, 0.82, 1.0])
    knots = down[:, None] + share * (lift - down)[:, None]
    value = size[:, None] * rng.standard_normal((len(size), len(share)))
    value[:, [0, -1]] = 0.0
    still = np.zeros(value.size)
    return hermite(knots.ravel(), value.ravel(), still, still)


def _fidgets(
    down: FloatArray,
    heel_off: FloatArray,
    standing: NDArray[np.bool_],
    grid: Grid,
    bouts: list[Bout],
    flat: FloatArray,
    rng: np.random.Generator,
) -> list[tuple[float, Channel]]:
    """Toe taps on the heel, then heel raises on the ball, while standing; (piece start, channel) each."""
    found = []
    for k in np.flatnonzero(standing):
        begin, end = down[k], min(heel_off[k], grid.t_s[-1])
        centre = (begin + heel_off[k]) / 2.0
        lively = [bout.is_fidgeting for bout in bouts]
        at = begin + 0.5 + np.cumsum(rng.uniform(1.2, 6.0, max(0, int((end - begin) / 1.5))))
        at = at[(at < end - 1.5) & (np.abs(at - centre) > 1.5)]
        at = at[[lively[grid.bout[int((x - grid.t_s[0]) / (grid.t_s[1] - grid.t_s[0]))]] for x in at]]
        if not len(at):
            continue
        width = rng.uniform(0.15, 0.4, len(at))
        size = np.radians(rng.uniform(4.0, 22.0, len(at))) * np.where(at < centre, 1.0, -1.0)
        knots = np.concatenate(
            [[begin], np.stack([at, at + width, at + 2 * width], 1).ravel(), [heel_off[k]]]
        )
        raised = np.stack([np.zeros_like(size), size, np.zeros_like(size)], 1).ravel()
        value = flat[k] + np.concatenate([[0.0], raised, [0.0]])
        still = np.zeros_like(value)
        found.append((float(begin), hermite(knots, value, still, still)))
    return found


def _replaced(channel: Channel, parts: list[tuple[float, Channel]], sign: float) -> Channel:
    """Put finer pieces in place of the one that begins at each part's start."""
    knots, coefficients = channel
    for start, part in parts:
        k = int(np.searchsorted(knots, start - 1e-9))
        knots = np.concatenate([knots[:k], part.knots_s, knots[k + 2 :]])
        coefficients = np.concatenate([coefficients[:k], sign * part.coefficients, coefficients[k + 1 :]])
    return Channel(knots, coefficients)
