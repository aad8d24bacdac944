"""Motion of one foot: it lands, rolls over heel and ball without sliding, pushes off and swings.

In stance the foot's origin (a point of the sole below the instep) is tied to a pivot on the ground:
``origin = pivot - R(pitch) r_pivot``. The pivot jumps from heel to ball while the sole lies still, so nothing
jumps. What the landing still carries of forward and downward speed is absorbed within milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.footfalls import Footfalls
from tallrun.simulate.polynomials import N_COEFFICIENTS, Channel, hermite, swing_coefficients
from tallrun.simulate.programme import Bout, Runner
from tallrun.simulate.schedule import Grid

FOREFOOT_REACH_RAD = np.radians(12.0)
APEX_WAYPOINT = (0.36,)
Knots = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


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
    """Channels of one foot in the ground frame, with the contacts they come from.

    channels : x, y, z of the pivot (or of the origin in swing), rolling pitch (toe-up, drives the position),
    then rotation about left (minus the whole pitch), yaw, roll. give : how the shoe yields under load, ahead
    and up [m].
    """

    falls: Footfalls
    channels: list[Channel]
    give: list[Channel]
    pivot: Pivot


def foot_motion(
    falls: Footfalls, grid: Grid, bouts: list[Bout], runner: Runner, rng: np.random.Generator
) -> FootMotion:
    """Build the channels of one foot for the whole session."""
    n = len(falls)
    loaded = np.where(falls.is_standing, 0.0, 1.0)
    fidgets = _fidgets(falls, grid, bouts, rng)
    rolling, whole = _pitch(falls, runner, rng)
    wobble = loaded * np.radians(runner.stance_wobble_deg) * rng.standard_normal((2, n))
    tip = loaded * falls.side * np.radians(3.0) * (1.0 + 0.2 * rng.standard_normal(n))
    still = np.zeros(2 * n)
    steps = np.stack([falls.land_s, falls.lift_s], axis=1).ravel()
    yaw = hermite(steps, np.repeat(falls.yaw_rad, 2), still, still)
    size = loaded * runner.stance_give_m
    pivot = Pivot(
        starts_s=np.stack([falls.land_s, falls.switch_s, falls.lift_s], axis=1).ravel(),
        lever_m=np.stack([falls.lever_in_m, falls.lever_out_m, np.zeros((n, 2))], axis=1).reshape(-1, 2),
        direction=np.repeat(falls.direction, 3, axis=0),
    )
    return FootMotion(
        falls=falls,
        channels=[
            *_position(falls, rng),
            _replaced(rolling, fidgets, 1.0),
            _replaced(whole, fidgets, -1.0),
            yaw,
            _roll(falls, tip, wobble),
        ],
        give=[_give(falls.still_s, falls.lift_s, size, rng) for _ in range(2)],
        pivot=pivot,
    )


def _pivot_term(
    pitch: FloatArray, rate: FloatArray, lever: FloatArray, direction: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R(pitch) lever in the world, with its derivatives at constant rate; each float64 (n, 3)."""
    c, s = np.cos(pitch), np.sin(pitch)
    ahead, up = c * lever[:, 0] - s * lever[:, 1], s * lever[:, 0] + c * lever[:, 1]

    def in_world(forward: FloatArray, upward: FloatArray) -> FloatArray:
        return np.stack([forward * direction[:, 0], forward * direction[:, 1], upward], axis=1)

    return (
        in_world(ahead, up),
        in_world(-rate * up, rate * ahead),
        in_world(-(rate**2) * ahead, -(rate**2) * up),
    )


def _position(falls: Footfalls, rng: np.random.Generator) -> list[Channel]:
    """Pivot on the ground in stance (landing jolt, heel, ball), origin in the air in swing: x, y, z."""
    n = len(falls)
    direction, zero = falls.direction, np.zeros(n)
    pitch, rate = falls.pitch_rad, falls.pitch_rate_radps
    ground_in = falls.rest_m + _pivot_term(falls.flat_rad, zero, falls.lever_in_m, direction)[0]
    ground_out = falls.slid_m + _pivot_term(falls.flat_rad, zero, falls.lever_out_m, direction)[0]
    landing_s = falls.still_s - falls.land_s
    jolt = falls.falling_mps * landing_s[:, None]

    landing = _pivot_term(pitch[:, 0], rate[:, 0], falls.lever_in_m, direction)
    lifting = _pivot_term(pitch[:, 3], rate[:, 3], falls.lever_out_m, direction)
    arrive = (ground_in - jolt / 2.0 - landing[0], falls.falling_mps - landing[1], -landing[2])
    leave = (ground_out - lifting[0], -lifting[1], -lifting[2])
    swing = falls.land_s[1:] - falls.lift_s[:-1]
    speed = falls.speed_mps[1:]
    lifted = np.where(falls.is_running[1:], 0.12 + 0.045 * speed, 0.03 + 0.05 * np.minimum(speed, 1.8))
    lifted = 0.8 * lifted * (1.0 + 0.04 * rng.standard_normal(n - 1))

    stops = np.stack([falls.land_s, falls.still_s, falls.switch_s, falls.lift_s], axis=1)
    slide = falls.slid_m - falls.rest_m
    channels = []
    for axis in range(3):
        pieces = np.zeros((n, 4, N_COEFFICIENTS))
        # T v (s - s^3 + s^4/2) takes the velocity v to rest within T without a jump of the acceleration.
        pieces[:, 0, 0] = ground_in[:, axis] - jolt[:, axis] / 2.0
        pieces[:, 0, 1], pieces[:, 0, 3], pieces[:, 0, 4] = jolt[:, axis], -jolt[:, axis], jolt[:, axis] / 2.0
        pieces[:, 1, 0] = ground_in[:, axis]
        for power, weight in ((3, 10.0), (4, -15.0), (5, 6.0)):
            pieces[:, 1, power] = weight * slide[:, axis]
        pieces[:, 2, 0] = ground_out[:, axis]
        known = np.stack(
            [
                leave[0][:-1, axis],
                leave[1][:-1, axis] * swing,
                leave[2][:-1, axis] * swing**2,
                arrive[0][1:, axis],
                arrive[1][1:, axis] * swing,
                arrive[2][1:, axis] * swing**2,
            ]
        )
        waypoints: tuple[float, ...] = ()
        if axis == 2:
            apex = np.maximum(leave[0][:-1, 2], arrive[0][1:, 2]) + lifted
            known, waypoints = np.concatenate([known, [apex]]), APEX_WAYPOINT
        pieces[:-1, 3] = swing_coefficients(known, waypoints)
        channels.append(Channel(stops.ravel(), pieces.reshape(-1, N_COEFFICIENTS)[:-1]))
    return channels


def _pitch(falls: Footfalls, runner: Runner, rng: np.random.Generator) -> tuple[Channel, Channel]:
    """Pitch that rolls the foot over its pivots, and minus the whole pitch with the rocking added."""
    n = len(falls)
    zero, still = np.zeros(n), np.zeros((n, 4))
    times = np.stack([falls.land_s, falls.down_s, falls.heel_off_s, falls.lift_s], axis=1)
    rock = np.radians(runner.rocking_dps) * (1.0 + 0.2 * rng.standard_normal(n))
    rock[falls.is_standing] = 0.0
    tipped = rock * (falls.heel_off_s - falls.down_s) / 2.0
    rocked = falls.pitch_rad + np.stack([zero, tipped, -tipped, zero], axis=1)
    rocked_rate = falls.pitch_rate_radps - np.stack([zero, rock, rock, zero], axis=1)
    swing = _swing_pitch(falls, rng)
    turned = (swing[0], -swing[1], -swing[2], -swing[3])
    return (
        _joined((times, falls.pitch_rad, falls.pitch_rate_radps, still), swing),
        _joined((times, -rocked, -rocked_rate, still), turned),
    )


def _swing_pitch(falls: Footfalls, rng: np.random.Generator) -> Knots:
    """Tabulate times, pitch, rate and curve (n - 1, 2) of the most folded and the most reached-out foot."""
    leave, leave_rate = falls.pitch_rad[:-1, 3], falls.pitch_rate_radps[:-1, 3]
    speed, running, slope = falls.speed_mps[1:], falls.is_running[1:], falls.slope_rad[1:]
    landing = falls.pitch_rad[1:, 0]
    brisk = np.clip(speed / 1.3, 0.3, 1.2)
    fold = np.where(running, 88.0 + 6.0 * (speed - 3.0), 62.0 * np.maximum(brisk, 0.5))
    fold = slope - np.radians(fold) * (1.0 + 0.03 * rng.standard_normal(len(speed)))
    fold = np.minimum(fold, leave - np.radians(8.0))
    reach = slope + np.radians(np.where(running, 14.0, 18.0 * brisk))
    reach = np.where(falls.is_forefoot[1:], landing + FOREFOOT_REACH_RAD, np.maximum(reach, landing))

    swing = falls.land_s[1:] - falls.lift_s[:-1]
    to_fold = np.clip((leave - fold) / (0.45 * np.abs(leave_rate)), 0.1 * swing, 0.3 * swing)
    to_reach = 0.77 * swing
    curve = (reach - fold) / 2.0 * (np.pi / (to_reach - to_fold)) ** 2
    lift = falls.lift_s[:-1]
    return (
        np.stack([lift + to_fold, lift + to_reach], axis=1),
        np.stack([fold, reach], axis=1),
        np.zeros((len(speed), 2)),
        np.stack([curve, -0.6 * curve], axis=1),
    )


def _joined(stance: Knots, swing: Knots) -> Channel:
    """Knot tables of stance (n, 4) and of the swings between (n - 1, 2) -> one channel."""
    columns = []
    for own, between in zip(stance, swing, strict=True):
        table = np.concatenate([own[:-1], between], axis=1).ravel()
        columns.append(np.concatenate([table, own[-1]]))
    return hermite(*columns)


def _roll(falls: Footfalls, tip: FloatArray, wobble: FloatArray) -> Channel:
    """Land on the outer edge, tip a little to and fro while flat, tip outward again in mid-swing."""
    down, lift = falls.down_s, falls.lift_s
    middle = np.concatenate([(lift[:-1] + falls.land_s[1:]) / 2.0, lift[-1:] + 1.0])
    loaded = lift - down
    times = [falls.land_s, down, down + 0.3 * loaded, down + 0.6 * loaded, lift, middle]
    zero = np.zeros_like(tip)
    swing = np.where(falls.is_standing, 0.0, falls.side * np.radians(6.0))
    value = np.stack([tip, zero, wobble[0], wobble[1], zero, swing], axis=1).ravel()
    still = np.zeros_like(value)
    return hermite(np.stack(times, axis=1).ravel(), value, still, still)


def _give(down: FloatArray, lift: FloatArray, size: FloatArray, rng: np.random.Generator) -> Channel:
    """Yield and come back in stance, at rest with zero when landed and at lift-off."""
    share = np.array([0.0, 0.22, 0.42, 0.62, 0.82, 1.0])
    knots = down[:, None] + share * (lift - down)[:, None]
    value = size[:, None] * rng.standard_normal((len(size), len(share)))
    value[:, [0, -1]] = 0.0
    still = np.zeros(value.size)
    return hermite(knots.ravel(), value.ravel(), still, still)


def _fidgets(
    falls: Footfalls, grid: Grid, bouts: list[Bout], rng: np.random.Generator
) -> list[tuple[float, Channel]]:
    """Toe taps on the heel, then heel raises on the ball, while standing; (piece start, channel) each."""
    lively = np.array([bout.is_fidgeting for bout in bouts])[grid.bout]
    found = []
    for k in np.flatnonzero(falls.is_standing):
        begin, end = falls.down_s[k], min(falls.heel_off_s[k], grid.t_s[-1])
        at = begin + 0.5 + np.cumsum(rng.uniform(1.2, 6.0, max(0, int((end - begin) / 1.5))))
        at = at[(at < end - 1.5) & (np.abs(at - falls.switch_s[k]) > 1.5)]
        at = at[lively[np.searchsorted(grid.t_s, at)]]
        if not len(at):
            continue
        width = rng.uniform(0.15, 0.4, len(at))
        size = np.radians(rng.uniform(4.0, 22.0, len(at))) * np.where(at < falls.switch_s[k], 1.0, -1.0)
        times = np.stack([at, at + width, at + 2 * width], axis=1).ravel()
        knots = np.concatenate([[begin], times, [falls.heel_off_s[k]]])
        raised = np.stack([np.zeros_like(size), size, np.zeros_like(size)], axis=1).ravel()
        value = falls.flat_rad[k] + np.concatenate([[0.0], raised, [0.0]])
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
