"""From a programme to the list of contacts: who lands when, for how long, and what is true at that moment.

The programme is laid on a fine time grid (speed, cadence, slope, heading, severities, all ramped smoothly);
contacts fall where the integral of cadence passes whole numbers. A foot's contact is the time between its
true initial and final contact; standing is nothing but a very long contact of both feet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.programme import RUN, STAND, TREADMILL, WALK, Bout, Programme, Runner
from tallrun.units import STANDARD_GRAVITY_MPS2

GRID_S = 0.02
PRE_ROLL_S = 14.0
POST_ROLL_S = 10.0
ROAD_ACCELERATION_MPS2 = 0.8
BELT_ACCELERATION_MPS2 = 0.4
SETTLE_S = 4.0
LEAST_RUN_SWING_S, LEAST_WALK_SWING_S = 0.3, 0.36
#: Each term of the overstride composite is raised to this many standard units per unit of severity (sci:A3).
OSI_PER_SEVERITY = 0.75


@dataclass(frozen=True)
class Grid:
    """The programme on a time grid; every array is float64 (n,), times count from the session's start."""

    t_s: FloatArray
    speed_mps: FloatArray
    acceleration_mps2: FloatArray
    slope_rad: FloatArray
    heading_rad: FloatArray
    path_m: FloatArray
    height_m: FloatArray
    cadence_spm: FloatArray
    overstride: FloatArray
    tilt_deg: FloatArray
    asymmetry_pct: FloatArray
    fatigue: FloatArray
    bout: NDArray[np.int64]
    is_moving: NDArray[np.bool_]

    def at(self, name: str, t_s: FloatArray) -> FloatArray:
        """Linear interpolation of one array at any times."""
        return np.interp(t_s, self.t_s, getattr(self, name))


@dataclass(frozen=True)
class Contacts:
    """All contacts of both feet in time order, feet alternating (0 left, 1 right); arrays of length n.

    ``final_s`` of a standing contact lies where the foot next lifts. ``crossing_s`` is when the pelvis passes
    over the foot. ``bout`` is the bout a contact begins in, ``is_standing`` marks contacts that end a section.
    """

    foot: NDArray[np.int64]
    initial_s: FloatArray
    final_s: FloatArray
    crossing_s: FloatArray
    bout: NDArray[np.int64]
    is_standing: NDArray[np.bool_]
    is_running: NDArray[np.bool_]
    speed_mps: FloatArray
    overstride: FloatArray
    fatigue: FloatArray
    speed_dip_mps: FloatArray
    strike_rad: FloatArray
    slip_m: FloatArray

    def __len__(self) -> int:
        return len(self.foot)

    def delayed(self, by_s: float) -> Contacts:
        """Return the same contacts, every time later by ``by_s``."""
        return replace(
            self,
            initial_s=self.initial_s + by_s,
            final_s=self.final_s + by_s,
            crossing_s=self.crossing_s + by_s,
        )


def _smooth(s: FloatArray) -> FloatArray:
    clipped = np.clip(s, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)


def padded_bouts(programme: Programme) -> tuple[list[Bout], FloatArray]:
    """Bouts with hidden standing before and after the session, so that a session may begin and end running.

    Returns the bouts and float64 (n + 1,) borders; the programme's own bouts begin at 0 s.
    """
    first, last = programme.bouts[0], programme.bouts[-1]
    bouts = [Bout(STAND, 4.0), first.__class__(**{**vars(first), "duration_s": PRE_ROLL_S - 4.0})]
    if not first.is_moving:
        bouts = [Bout(STAND, PRE_ROLL_S)]
    tail = [Bout(STAND, POST_ROLL_S)]
    if last.is_moving:
        tail = [last.__class__(**{**vars(last), "duration_s": POST_ROLL_S}), Bout(STAND, 4.0)]
    everything = [*bouts, *programme.bouts, *tail]
    borders = np.concatenate([[0.0], np.cumsum([bout.duration_s for bout in everything])]) - PRE_ROLL_S
    return everything, borders


def _ramped(levels: FloatArray, borders: FloatArray, t: FloatArray, ramp_s: float) -> FloatArray:
    """Piecewise constant levels joined by smooth ramps that begin at each border."""
    result = np.full_like(t, levels[0])
    for k in range(1, len(levels)):
        change = levels[k] - levels[k - 1]
        if change != 0.0:
            length = min(ramp_s, borders[k + 1] - borders[k])
            result += change * _smooth((t - borders[k]) / length)
    return result


def _speed(
    bouts: list[Bout], borders: FloatArray, t: FloatArray, limit_mps2: float
) -> tuple[FloatArray, FloatArray]:
    """Speed and its derivative. Slowing to a walk or a stand is finished before the border, the rest after."""
    speed = np.zeros_like(t)
    for k, bout in enumerate(bouts):
        if bout.end_speed_mps is not None:
            share = np.clip((t - borders[k]) / (borders[k + 1] - borders[k]), 0.0, 1.0)
            speed += (bout.end_speed_mps - bout.speed_mps) * _smooth(share)
    ends = [bout.speed_mps if bout.end_speed_mps is None else bout.end_speed_mps for bout in bouts]
    for k in range(1, len(bouts)):
        change = bouts[k].speed_mps - ends[k - 1]
        if change == 0.0:
            continue
        wanted = max(0.6, 1.5 * abs(change) / limit_mps2)
        is_early = change < 0.0 and (bouts[k].mode == WALK or not bouts[k].is_moving)
        room = borders[k] - borders[k - 1] if is_early else borders[k + 1] - borders[k]
        length = min(wanted, room)
        begin = borders[k] - length if is_early else borders[k]
        speed += change * _smooth((t - begin) / length)
    speed = np.maximum(speed, 0.0)
    return speed, np.gradient(speed, GRID_S)


def make_grid(programme: Programme, runner: Runner) -> tuple[Grid, list[Bout], FloatArray]:
    """Lay the programme on the time grid; also returns the padded bouts and their borders."""
    bouts, borders = padded_bouts(programme)
    t = np.arange(borders[0], borders[-1] + GRID_S / 2, GRID_S)
    index = np.clip(np.searchsorted(borders, t, side="right") - 1, 0, len(bouts) - 1)
    limit = BELT_ACCELERATION_MPS2 if programme.surface == TREADMILL else ROAD_ACCELERATION_MPS2
    speed, acceleration = _speed(bouts, borders, t, limit)

    def levels(name: str) -> FloatArray:
        return np.array([getattr(bout, name) for bout in bouts], dtype=np.float64)

    def drift(name: str, end_name: str) -> FloatArray:
        ends = np.array([np.nan if (e := getattr(b, end_name)) is None else e for b in bouts])
        delta = np.where(np.isnan(ends), 0.0, ends - levels(name))
        drifted = np.concatenate([[0.0], np.cumsum(delta)])  # before each bout
        share = (t - borders[index]) / (borders[index + 1] - borders[index])
        # where a bout has drifted to is where the next one's ramp begins
        steps = _ramped(levels(name) - drifted[:-1], borders, t, SETTLE_S)
        return steps + drifted[index] + delta[index] * share

    fatigue = levels("fatigue")[index] * (t - borders[index]) / (borders[index + 1] - borders[index])
    is_run = np.array([bout.mode == RUN for bout in bouts])
    base_tilt = np.array(
        [{RUN: runner.running_tilt_deg}.get(b.mode, runner.walking_tilt_deg * b.is_moving) for b in bouts]
    )
    overstride = _ramped(levels("overstride"), borders, t, SETTLE_S)
    run_cadence = runner.expected_cadence_spm(0.0) + 7.0 * np.maximum(speed, 1.8)
    run_cadence = run_cadence + runner.cadence_offset_spm
    raised = np.minimum(overstride, 1.0)
    overstride_cadence = run_cadence - 8.0 * OSI_PER_SEVERITY * overstride - runner.cadence_offset_spm
    run_cadence = run_cadence + raised * (overstride_cadence - run_cadence)
    walk_cadence = 112.0 * (np.maximum(speed, 0.35) / 1.4) ** 0.42 / np.sqrt(runner.leg_length_m / 0.93)
    cadence = np.where(is_run[index], run_cadence, walk_cadence)
    cadence = (cadence + _ramped(levels("cadence_shift_spm"), borders, t, SETTLE_S)) * (1.0 - 0.04 * fatigue)
    curvature = np.array([0.0 if b.turn_radius_m is None else 1.0 / b.turn_radius_m for b in bouts])
    slope = np.arctan(_ramped(levels("incline_pct"), borders, t, SETTLE_S) / 100.0)
    turn_rate = _ramped(curvature, borders, t, 2.0) * speed
    return (
        Grid(
            t_s=t,
            speed_mps=speed,
            acceleration_mps2=acceleration,
            slope_rad=slope,
            heading_rad=_integral(turn_rate),
            path_m=_integral(speed * np.cos(slope)),
            height_m=_integral(speed * np.sin(slope)),
            cadence_spm=cadence,
            overstride=overstride,
            tilt_deg=_ramped(base_tilt, borders, t, SETTLE_S)
            + drift("tilt_shift_deg", "end_tilt_shift_deg")
            + 3.0 * fatigue,
            asymmetry_pct=_ramped(levels("contact_asymmetry_pct"), borders, t, SETTLE_S),
            fatigue=fatigue,
            bout=index.astype(np.int64),
            is_moving=np.array([bout.is_moving for bout in bouts])[index],
        ),
        bouts,
        borders,
    )


def _integral(rate: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) * (GRID_S / 2.0))])


def make_contacts(
    grid: Grid, bouts: list[Bout], runner: Runner, pelvis_lag_s: float, rng: np.random.Generator
) -> Contacts:
    """Place every contact of the session, standing contacts included.

    ``crossing_s`` is early by ``pelvis_lag_s``, so that the pelvis, which lags by it, passes over the foot as
    far after the true contact as the foot lands ahead.
    """
    edges = np.flatnonzero(np.diff(grid.is_moving.astype(np.int8)))
    starts = grid.t_s[edges[0::2] + 1]
    ends = grid.t_s[edges[1::2] + 1]
    phase = _integral(grid.cadence_spm / 60.0)

    begin = grid.t_s[0]
    initial = [np.array([begin - 1.0, begin - 0.5])]
    standing = [np.array([True, True])]
    lifts: list[tuple[int, float, float]] = []
    count = 2
    for start, end in zip(starts, ends, strict=True):
        at_start, at_end = np.interp([start, end], grid.t_s, phase)
        numbers = np.arange(1, max(3, int(np.floor(at_end - at_start)) + 1))
        times = np.interp(at_start + numbers, phase, grid.t_s)
        lifts.append((count - 1, start, times[0]))
        initial.append(times)
        standing.append(np.r_[np.zeros(len(times) - 2, bool), True, True])
        count += len(times)
    ic = np.concatenate(initial)
    is_standing = np.concatenate(standing)
    bout = grid.bout[np.clip(np.searchsorted(grid.t_s, ic, side="right") - 1, 0, len(grid.t_s) - 1)]
    is_running = np.array([b.mode == RUN for b in bouts])[bout]
    cadence = grid.at("cadence_spm", ic)
    step_s = 60.0 / cadence
    wobble = rng.standard_normal(len(ic)) * runner.step_time_cv
    wobble[~is_running] *= 0.7
    ic = ic + np.where(is_standing, 0.0, wobble * step_s)

    foot = np.arange(len(ic)) % 2
    speed = grid.at("speed_mps", ic)
    fatigue, asymmetry = grid.at("fatigue", ic), grid.at("asymmetry_pct", ic)
    contact_s = _contact_time(speed, step_s, is_running, fatigue, runner, grid, ic)
    contact_s *= 1.0 + asymmetry / 200.0 * np.where(foot == 1, 1.0, -1.0)
    contact_s *= 1.0 + 0.012 * rng.standard_normal(len(ic))
    contact_s = np.where(is_running, np.minimum(contact_s, 0.94 * step_s), contact_s)
    fc = ic + contact_s
    for last, start, _ in lifts:
        step = 60.0 / float(grid.at("cadence_spm", np.array([start + 0.02]))[0])
        next_contact = ic[last + 1]
        fc[last - 1] = max(start, next_contact - 0.45)
        fc[last] = next_contact - step + contact_s[last + 1]
    fc[-2:] = grid.t_s[-1] + 5.0
    # Where the gait changes, a long stance must not eat the swing that follows it.
    fc[:-2] = np.minimum(fc[:-2], ic[2:] - np.where(is_running[2:], LEAST_RUN_SWING_S, LEAST_WALK_SWING_S))

    overstride = grid.at("overstride", ic)
    crossing, dip = _braking(ic, fc, is_standing, is_running, speed, overstride, runner, pelvis_lag_s, rng)
    usual = np.radians(np.where(is_running, runner.foot_strike_angle_deg, 18.0))
    usual = np.where(np.array([b.mode == "stairs" for b in bouts])[bout], np.radians(2.0), usual)
    usual = usual * np.where(is_running, 1.0, np.clip(speed / 1.2, 0.15, 1.2))
    seeded = np.radians(8.0 + 6.0 * OSI_PER_SEVERITY * overstride)
    blend = np.minimum(overstride, 1.0)
    strike = usual + blend * (seeded - usual) + np.radians(runner.angle_sd_deg) * rng.standard_normal(len(ic))
    slips = np.array([b.slip_share for b in bouts])[bout] > rng.random(len(ic))
    slip = np.where(slips, np.array([b.slip_m for b in bouts])[bout], 0.0)
    return Contacts(
        foot=foot.astype(np.int64),
        initial_s=ic,
        final_s=fc,
        crossing_s=crossing,
        bout=bout,
        is_standing=is_standing,
        is_running=is_running,
        speed_mps=speed,
        overstride=overstride,
        fatigue=fatigue,
        speed_dip_mps=dip,
        strike_rad=strike,
        slip_m=slip,
    )


def _contact_time(
    speed: FloatArray,
    step_s: FloatArray,
    is_running: NDArray[np.bool_],
    fatigue: FloatArray,
    runner: Runner,
    grid: Grid,
    at_s: FloatArray,
) -> FloatArray:
    """Contact time: about 0.245 s at 3 m/s, shorter when faster; walking keeps 62 % of the stride."""
    expected = 60.0 / (runner.expected_cadence_spm(0.0) + 7.0 * np.maximum(speed, 1.8))
    running = 0.245 * (3.0 / np.maximum(speed, 1.2)) ** 0.7 * np.sqrt(step_s / expected)
    running = running * runner.contact_time_scale * (1.0 + 0.06 * fatigue)
    walking = 2.0 * step_s * np.clip(0.66 - 0.03 * speed, 0.56, 0.66)
    return np.where(is_running, running, walking)


def _braking(
    ic: FloatArray,
    fc: FloatArray,
    is_standing: NDArray[np.bool_],
    is_running: NDArray[np.bool_],
    speed: FloatArray,
    overstride: FloatArray,
    runner: Runner,
    pelvis_lag_s: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """When the pelvis passes over the foot, and by how much it is slower then than the programme's speed."""
    blend = np.minimum(overstride, 1.0)
    usual_ahead = runner.foot_ahead_ratio + 0.02 * (speed - 3.0)
    seeded_ahead = 0.30 + 0.02 * (speed - 3.0) + 0.04 * OSI_PER_SEVERITY * overstride
    ahead = runner.leg_length_m * (usual_ahead + blend * (seeded_ahead - usual_ahead))
    ahead = ahead * (1.0 + 0.03 * rng.standard_normal(len(ic)))
    contact_s = fc - ic
    safe_speed = np.maximum(speed, 0.5)
    lead = np.where(is_running, ahead / safe_speed - pelvis_lag_s, 0.5 * contact_s)
    lead = np.clip(lead, 0.18 * contact_s, 0.62 * contact_s)
    lead = np.where(is_standing, 0.35, lead)
    peak_g = runner.braking_g + 0.03 * (speed - 3.0)
    seeded_g = 0.27 + 0.06 * OSI_PER_SEVERITY * overstride
    peak_g = np.maximum(peak_g + blend * (seeded_g - peak_g), 0.04)
    peak_g = peak_g * (1.0 + 0.05 * rng.standard_normal(len(ic)))
    # Braking is stated as seen through a second-order 10-Hz low-pass; the pulse is about a half-wave of 2 x lead.
    passed = 1.0 / np.sqrt(1.0 + (1.0 / (20.0 * lead)) ** 4)
    loss = peak_g * STANDARD_GRAVITY_MPS2 / passed * lead / 1.5
    loss = np.where(is_running, loss * np.clip(speed / 2.0, 0.0, 1.0), 0.14 * np.clip(speed / 1.4, 0.0, 1.3))
    loss = np.where(is_standing, 0.0, loss)
    # From the loss between flight and crossing to the dip below the mean speed of the step.
    step_s = np.diff(ic, append=ic[-1] + 0.36)
    share = np.clip((step_s - 0.5 * contact_s) / step_s, 0.3, 0.9)
    return ic + lead, loss * share
