"""The simulated person obeys mechanics, and the truth is the truth of that motion."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tallrun import simulate
from tallrun.simulate import Bout, Motion, Programme, Runner
from tallrun.units import STANDARD_GRAVITY_MPS2 as G

BODIES = ("foot_left", "foot_right", "pelvis")
ARM_M = np.array([0.05, 0.01, 0.07])


def _run_then(*bouts: Bout, surface: str = "road") -> Programme:
    return Programme((Bout("stand", 5.0), *bouts), surface)


@pytest.fixture(scope="module")
def road_run() -> Motion:
    bouts = (Bout("walk", 15.0, 1.4), Bout("run", 40.0, 3.0), Bout("stand", 5.0))
    return simulate.motion_of(_run_then(*bouts), Runner(), seed=3)


def _matrix(state: np.ndarray) -> np.ndarray:
    yaw, beta, roll = state[9:12]
    cy, sy, cb, sb, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(beta), np.sin(beta), np.cos(roll), np.sin(roll)
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return about_z @ about_y @ about_x


def _turned(turn: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(turn)
    x, y, z = turn
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < 1e-12:
        return np.eye(3) + k
    return np.eye(3) + np.sin(angle) / angle * k + (1 - np.cos(angle)) / angle**2 * k @ k


def _strapdown(body: np.ndarray, step_s: float, attitude: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Textbook strapdown integration of midpoint samples; returns the displacement."""
    moved = np.zeros(3)
    for force, rate in zip(body[:, :3], body[:, 3:], strict=True):
        half = attitude @ _turned(rate * step_s / 2)
        acceleration = half @ force - np.array([0.0, 0.0, G])
        moved = moved + velocity * step_s + acceleration * step_s**2 / 2
        velocity = velocity + acceleration * step_s
        attitude = half @ _turned(rate * step_s / 2)
    return moved


@pytest.mark.parametrize("surface", ["road", "treadmill"])
@pytest.mark.parametrize("foot", [0, 1])
def test_integrating_ideal_signals_returns_the_true_stride(surface: str, foot: int) -> None:
    motion = simulate.motion_of(_run_then(Bout("run", 20.0, 3.2), surface=surface), Runner(), seed=5)
    own = motion.falls(foot)
    place = BODIES[foot]
    chosen = [k for k in range(len(own.which)) if 14.0 < own.switch_s[k] < 17.0]
    assert len(chosen) >= 3
    step_s = 1.0 / 4000.0
    for k in chosen:
        begin, end = own.switch_s[k], own.switch_s[k + 1]
        count = round((end - begin) / step_s)
        step = (end - begin) / count
        middles = begin + (np.arange(count) + 0.5) * step
        states = motion.states(place, np.array([begin, end]))
        attitude = _matrix(states[0])
        velocity = states[0, 3:6] + attitude @ np.cross(states[0, 12:15], ARM_M)
        moved = _strapdown(motion.inertial(place, middles, ARM_M), step, attitude, velocity)
        true = states[1, :3] - states[0, :3] + (_matrix(states[1]) - attitude) @ ARM_M
        length = np.linalg.norm(own.slid_m[k + 1] - own.slid_m[k])
        assert np.linalg.norm(moved - true) < 0.001 * length
        belt = motion.grid.at("path_m", np.array([begin, end])) if surface == "treadmill" else np.zeros(2)
        along = moved + np.array([belt[1] - belt[0], 0.0, 0.0])
        assert np.linalg.norm(along - (_matrix(states[1]) - attitude) @ ARM_M) == pytest.approx(
            length, rel=0.02
        )


def test_states_are_consistent_with_their_own_derivatives(road_run: Motion) -> None:
    step = 1e-4
    for place in BODIES:
        for t in (20.013, 31.37, 40.2501):
            before, here, after = road_run.states(place, np.array([t - step, t, t + step]))
            np.testing.assert_allclose((after[:3] - before[:3]) / (2 * step), here[3:6], atol=2e-3)
            np.testing.assert_allclose((after[3:6] - before[3:6]) / (2 * step), here[6:9], atol=0.5)
            rate = _matrix(here).T @ (_matrix(after) - _matrix(before)) / (2 * step)
            np.testing.assert_allclose([rate[2, 1], rate[0, 2], rate[1, 0]], here[12:15], atol=2e-3)
            np.testing.assert_allclose((after[12:15] - before[12:15]) / (2 * step), here[15:18], atol=2.0)


@pytest.mark.parametrize("name", ["demo", "intervals", "stairs", "return_to_run"])
def test_motion_has_no_jump_in_velocity_or_acceleration_at_any_joint(name: str) -> None:
    motion = simulate.motion_of(name, seed=2)
    end = motion.programme.duration_s
    for place in BODIES:
        body = motion.body(place)
        knots = np.unique(np.concatenate([body.track.starts_s, body.pivot_starts_s]))
        knots = knots[(knots > 0) & (knots < end)]
        gap = 1e-8
        left, right = motion.states(place, knots - gap), motion.states(place, knots + gap)
        assert np.abs(right[:, 0:3] - left[:, 0:3]).max() < 1e-6
        assert np.abs(right[:, 3:6] - left[:, 3:6]).max() < 1e-5
        assert np.abs(right[:, 6:9] - left[:, 6:9]).max() < 2e-3
        assert np.abs(right[:, 12:15] - left[:, 12:15]).max() < 1e-4
        assert np.abs(right[:, 15:18] - left[:, 15:18]).max() < 2e-2


def test_pelvis_falls_freely_whenever_no_foot_is_on_the_ground(road_run: Motion) -> None:
    contacts = road_run.contacts
    flights = 0
    for k in range(len(contacts) - 1):
        begin, end = (
            contacts.final_s[k] + road_run.pelvis_lag_s,
            contacts.initial_s[k + 1] + road_run.pelvis_lag_s,
        )
        if end - begin < 0.02 or not 20.0 < begin < 58.0:
            continue
        flights += 1
        states = road_run.states("pelvis", np.linspace(begin + 1e-3, end - 1e-3, 9))
        np.testing.assert_allclose(states[:, 6:9], np.tile([0.0, 0.0, -G], (9, 1)), atol=1e-6)
    assert flights > 80


def test_walking_never_flies_and_running_always_does() -> None:
    _, truth = simulate.run("return_to_run", sensors=(), seed=4)
    for row in truth["strides"]:
        if row["flight_time_s"] is not None and row["stride_time_s"] is not None:
            settled = any(
                s["start_s"] + 3 < row["initial_contact_s"] < s["end_s"] - 6 for s in truth["segments"]
            )
            if settled:
                assert (row["flight_time_s"] > 0) == (row["mode"] == "run")


def test_mean_vertical_specific_force_is_gravity_over_whole_strides(road_run: Motion) -> None:
    contacts = road_run.contacts.initial_s
    inside = contacts[(contacts > 30.0) & (contacts < 55.0)]
    begin, end = inside[0], inside[2 * ((len(inside) - 1) // 2)]
    t = np.linspace(begin, end, 40001)
    for place in BODIES:
        assert road_run.states(place, t)[:, 8].mean() + G == pytest.approx(G, rel=0.005)


def test_pelvis_loses_and_regains_the_speed_the_truth_states(road_run: Motion) -> None:
    contacts, braking = road_run.contacts, road_run.pelvis.braking_dv_mps
    chosen = np.flatnonzero((contacts.initial_s > 30.0) & (contacts.initial_s < 55.0))
    for k in chosen:
        t = np.linspace(contacts.initial_s[k], contacts.final_s[k], 400) + road_run.pelvis_lag_s
        speed = road_run.states("pelvis", t)[:, 3]
        assert speed[0] - speed.min() == pytest.approx(braking[k], abs=0.01)
        assert t[speed.argmin()] == pytest.approx(contacts.crossing_s[k] + road_run.pelvis_lag_s, abs=0.01)


def test_foot_stands_still_in_stance_apart_from_its_rocking() -> None:
    motion = simulate.motion_of(
        _run_then(Bout("run", 20.0, 3.0)),
        Runner(rocking_dps=0.0, stance_wobble_deg=0.0, stance_give_m=0.0),
        seed=1,
    )
    for number, foot in enumerate((motion.falls(0), motion.falls(1))):
        flat = foot.switch_s[(foot.switch_s > 14.0) & (foot.switch_s < 22.0)]
        assert len(flat) > 8
        states = motion.states(BODIES[number], flat)
        assert np.abs(states[:, 3:9]).max() < 1e-9
        assert np.abs(states[:, 12:15]).max() < 1e-9


def test_rocking_moves_the_sensor_in_stance_as_stated() -> None:
    motion = simulate.motion_of(
        _run_then(Bout("run", 20.0, 3.0)), Runner(rocking_dps=30.0, stance_wobble_deg=0.0), seed=1
    )
    foot = motion.falls(0)
    flat = foot.switch_s[(foot.switch_s > 14.0) & (foot.switch_s < 22.0)]
    rates = np.degrees(np.abs(motion.states("foot_left", flat)[:, 13]))
    assert 20.0 < np.median(rates) < 40.0


@pytest.mark.parametrize("strike_deg", [14.0, 8.0, 2.0, -4.0, -10.0])
@pytest.mark.parametrize("speed", [2.0, 3.0, 5.0])
def test_gait_stays_human_at_every_speed_and_strike(speed: float, strike_deg: float) -> None:
    runner = Runner(foot_strike_angle_deg=strike_deg)
    motion = simulate.motion_of(_run_then(Bout("run", 20.0, speed)), runner, seed=1)
    t = np.arange(14.0, 22.0, 0.001)
    foot = motion.states("foot_left", t)
    assert -130.0 < np.degrees(-foot[:, 10]).min() < -70.0
    assert np.degrees(-foot[:, 10]).max() < 25.0
    assert np.degrees(np.abs(foot[:, 13])).max() < 1900.0
    assert foot[:, 2].min() > -0.02
    assert 0.2 < foot[:, 2].max() < 0.6
    assert 0.04 < np.ptp(motion.states("pelvis", t)[:, 2]) < 0.13


@pytest.mark.parametrize("name", list(simulate.programme_names()))
def test_truth_is_consistent_in_every_programme(name: str) -> None:
    _, truth = simulate.run(name, sensors=(), seed=9)
    rows = truth["strides"]
    times = [row["initial_contact_s"] for row in rows]
    assert times == sorted(times)
    for row, following in itertools.pairwise(rows):
        assert row["foot"] != following["foot"]
    for foot in ("left", "right"):
        own = [row for row in rows if row["foot"] == foot]
        for row, following in itertools.pairwise(own):
            if row["stride_time_s"] is None:
                assert row["stride_length_m"] is None
                continue
            between = following["initial_contact_s"] - row["initial_contact_s"]
            assert row["stride_time_s"] == pytest.approx(between, abs=1e-9)
            swing = following["initial_contact_s"] - row["final_contact_s"]
            assert row["stance_time_s"] + swing == pytest.approx(row["stride_time_s"], abs=1e-9)
            assert swing > 0.2
    segments = truth["segments"]
    assert segments[0]["start_s"] == 0.0
    for one, following in itertools.pairwise(segments):
        assert one["end_s"] == following["start_s"]
    assert segments[-1]["end_s"] == pytest.approx(simulate.named_programme(name).duration_s)


@pytest.mark.parametrize("speed", [2.2, 3.0, 4.5])
@pytest.mark.parametrize("incline_pct", [0.0, 8.0])
def test_strides_add_up_to_the_programme_speed(speed: float, incline_pct: float) -> None:
    programme = Programme((Bout("run", 60.0, speed, incline_pct=incline_pct),), "treadmill")
    _, truth = simulate.run(programme, sensors=(), seed=6)
    rows = [row for row in truth["strides"] if row["stride_time_s"] is not None]
    length = sum(row["stride_length_m"] for row in rows)
    assert length / sum(row["stride_time_s"] for row in rows) == pytest.approx(speed, rel=0.003)


def test_vertical_oscillation_follows_from_contact_and_flight_time() -> None:
    """Sine-wave model of Morin (2005): VO = F t_c^2/(m pi^2) - g t_c^2/8 + g t_f^2/8, within a sixth."""
    programme = Programme((Bout("run", 40.0, 3.0),), "treadmill")
    _, truth = simulate.run(programme, sensors=(), seed=6)
    contact = np.median([row["stance_time_s"] for row in truth["strides"][:-3]])
    flight = np.median([row["flight_time_s"] for row in truth["strides"][:-3]])
    force = G * np.pi / 2 * (flight / contact + 1)
    expected = force * contact**2 / np.pi**2 - G * contact**2 / 8 + G * flight**2 / 8
    assert truth["segments"][0]["vertical_oscillation_m"] == pytest.approx(expected, rel=0.17)


@pytest.mark.parametrize("seed", range(24))
def test_any_order_of_bouts_gives_smooth_human_motion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    speeds = {"run": (1.5, 6.0), "walk": (0.4, 2.0), "stairs": (0.3, 0.7)}
    surface = ("road", "treadmill")[seed % 2]
    bouts = []
    for _ in range(int(rng.integers(2, 6))):
        mode = str(rng.choice(["run", "walk", "stand", "car", "stairs"]))
        length_s = float(rng.uniform(1.0, 25.0))
        if mode not in speeds:
            bouts.append(Bout(mode, length_s, is_fidgeting=bool(rng.integers(2))))
            continue
        bend = float(rng.uniform(8.0, 40.0)) if surface == "road" and rng.integers(2) else None
        slope = 35.0 if mode == "stairs" else float(rng.uniform(-10.0, 10.0))
        speed = float(rng.uniform(*speeds[mode]))
        bouts.append(Bout(mode, length_s, speed, incline_pct=slope, turn_radius_m=bend))
    programme = Programme(tuple(bouts), surface)
    runner = simulate.random_runner(seed)
    motion = simulate.motion_of(programme, runner, seed)
    t = np.arange(0.0, programme.duration_s, 0.002)
    for place in BODIES:
        signals = motion.inertial(place, t, ARM_M)
        assert np.all(motion.body(place).track.lengths_s > 0)
        assert np.abs(signals[:, :3]).max() < (5.0 if place == "pelvis" else 60.0) * G
        assert np.degrees(np.abs(signals[:, 3:])).max() < (300.0 if place == "pelvis" else 2300.0)
    rows = simulate.run(programme, runner, sensors=(), seed=seed)[1]["strides"]
    for row, following in itertools.pairwise(rows):
        assert row["foot"] != following["foot"]
        assert row["stance_time_s"] is None or 0.08 < row["stance_time_s"] < 2.5
