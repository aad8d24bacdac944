"""The pelvis engine on simulated runners: truth, any chunking, any mounting, bad samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter

from tallrun.errors import SignalError, UsageError
from tallrun.gait import pelvis
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit
from tallrun.numerics.recording import SensorSpec
from tallrun.simulate import random_runner
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.programme import ROAD, RUN, STAND, TREADMILL, WALK, Bout, Programme
from tallrun.simulate.session import run

PARTS = (Bout(STAND, 10.0), Bout(WALK, 20.0, 1.4), Bout(RUN, 40.0, 3.0), Bout(STAND, 6.0))


@pytest.fixture(scope="module")
def session():
    recording, truth = run(Programme(PARTS, TREADMILL, "test"), seed=5)
    return recording.sensors["pelvis"], truth


def rows_of(sensor, chunks=None, gyroscope=True, turn=None, neutral=None):
    turn = np.eye(3) if turn is None else turn
    t, acc, gyr = sensor.t_s, sensor.acc_mps2 @ turn.T, sensor.gyr_radps @ turn.T
    engine = PelvisEngine(SensorSpec("pelvis", sensor.spec.rate_hz, 16.0, 2000.0, gyroscope), neutral)
    parts = [
        engine.feed(t[a:b], acc[a:b], gyr[a:b] if gyroscope else None)
        for a, b in zip([0, *(chunks or [])], [*(chunks or []), len(t)], strict=True)
    ]
    return np.concatenate([*parts, engine.finish()])


def true_contacts(truth):
    return np.sort([stride["initial_contact_s"] for stride in truth["strides"]])


def test_steps_modes_and_bounce_match_the_truth(session):
    sensor, truth = session
    rows = rows_of(sensor)
    assert abs(len(rows) - len(truth["strides"])) <= 8  # starts, stops and the change of gait
    running = (rows["step_s"] > 34.0) & (rows["step_s"] < 68.0)
    walking = (rows["step_s"] > 14.0) & (rows["step_s"] < 28.0)
    assert (rows["mode"][running] == MODE_RUN).all()
    assert (rows["mode"][walking] == MODE_WALK).all()
    contacts = true_contacts(truth)
    wanted = np.diff(contacts[(contacts > 34.0) & (contacts < 68.0)]).mean()
    assert abs(60.0 / np.diff(rows["step_s"][running]).mean() - 60.0 / wanted) < 0.3
    bounce = next(s["vertical_oscillation_m"] for s in truth["segments"] if s["mode"] == "run")
    assert abs(np.nanmedian(rows["vertical_oscillation_m"][running]) - bounce) < 0.005
    assert np.isnan(rows["contact_time_s"][walking]).all()
    assert (rows["emitted_at_s"] >= rows["step_s"]).all()


@pytest.mark.parametrize(("surface", "limit_deg"), [(TREADMILL, 0.7), (ROAD, 1.0)])
def test_tilt_from_standing(surface, limit_deg):
    recording, truth = run(Programme(PARTS, surface, "test"), seed=6)
    rows = rows_of(recording.sensors["pelvis"])
    rows = rows[(rows["mode"] == MODE_RUN) & np.isfinite(rows["tilt_deg"]) & np.isfinite(rows["next_step_s"])]
    assert len(rows) > 30
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_deg"], float)
    wanted = [
        tilt[(t >= a) & (t < b)].mean() for a, b in zip(rows["step_s"], rows["next_step_s"], strict=True)
    ]
    assert np.sqrt(np.mean((rows["tilt_deg"] - wanted) ** 2)) <= limit_deg


def test_any_chunking_gives_the_same_bits(session, rng):
    sensor, _ = session
    whole = rows_of(sensor)
    n = len(sensor.t_s)
    for cuts in (range(7, n, 7), range(50, n, 50), np.sort(rng.integers(0, n, 60)).tolist()):
        assert rows_of(sensor, list(cuts)).tobytes() == whole.tobytes()


def test_any_mounting_gives_the_same_steps_and_angles(session, rng):
    sensor, _ = session
    whole = rows_of(sensor)
    for _ in range(6):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turn *= np.sign(np.linalg.det(turn))
        turned = rows_of(sensor, turn=turn)
        assert len(turned) == len(whole)
        np.testing.assert_allclose(turned["step_s"], whole["step_s"], atol=0.005)
        both = np.isfinite(whole["tilt_deg"]) & np.isfinite(turned["tilt_deg"])
        assert both.sum() > 50
        np.testing.assert_allclose(turned["tilt_deg"][both], whole["tilt_deg"][both], atol=0.5)


def test_without_gyroscope_steps_stay_and_angles_go(session):
    sensor, _ = session
    whole, poor = rows_of(sensor), rows_of(sensor, gyroscope=False)
    assert abs(len(poor) - len(whole)) <= 4
    assert np.isnan(poor["tilt_deg"]).all()
    assert (poor["reasons"] & reason_bit("no_gyroscope") > 0).all()
    assert np.isfinite(poor["contact_time_s"][poor["mode"] == MODE_RUN]).mean() > 0.9


def test_a_shift_in_time_shifts_every_time(session):
    sensor, _ = session
    engine = PelvisEngine(sensor.spec)
    moved = np.concatenate(
        [engine.feed(sensor.t_s + 1000.0, sensor.acc_mps2, sensor.gyr_radps), engine.finish()]
    )
    whole = rows_of(sensor)
    np.testing.assert_allclose(moved["step_s"] - 1000.0, whole["step_s"], atol=1e-6)
    np.testing.assert_allclose(moved["tilt_deg"], whole["tilt_deg"], atol=1e-6)


def test_damaged_and_repeated_samples_are_counted_and_do_no_harm(session, rng):
    sensor, _ = session
    t, acc, gyr = sensor.t_s.copy(), sensor.acc_mps2.copy(), sensor.gyr_radps.copy()
    acc[rng.choice(len(t), 40, replace=False), 1] = np.nan
    t, acc, gyr = np.repeat(t, 2)[: len(t)], np.repeat(acc, 2, 0)[: len(t)], np.repeat(gyr, 2, 0)[: len(t)]
    engine = PelvisEngine(sensor.spec)
    rows = np.concatenate([engine.feed(t, acc, gyr), engine.finish()])
    whole = rows_of(sensor)
    half = whole[whole["step_s"] < t[-1] - 2.0]
    assert engine.status().n_duplicates > 0.4 * len(t)
    assert engine.status().n_damaged > 0
    assert abs((rows["step_s"] < t[-1] - 2.0).sum() - len(half)) <= 2


def test_a_bridged_gap_voids_its_step_only(session):
    sensor, _ = session
    keep = (sensor.t_s < 50.0) | (sensor.t_s > 50.08)
    engine = PelvisEngine(sensor.spec)
    rows = engine.feed(sensor.t_s[keep], sensor.acc_mps2[keep], sensor.gyr_radps[keep])
    gap = (rows["reasons"] & reason_bit("gap")) > 0
    assert 1 <= gap.sum() <= 2
    assert np.isnan(rows["contact_time_s"][gap]).all()
    assert (rows["quality"][gap] < 0.6).all()


def test_standing_gives_no_step_and_teaches_neutral():
    t = np.arange(0.0, 12.0, 0.01)
    acc = np.tile([0.0, 9.80665, 0.0], (len(t), 1))
    engine = PelvisEngine(SensorSpec("pelvis", 100.0))
    assert len(engine.feed(t, acc, np.zeros_like(acc))) == 0
    assert len(engine.finish()) == 0
    assert engine.status().neutral == pytest.approx((0.0, 1.0, 0.0), abs=1e-9)


def test_neutral_may_be_handed_in(session):
    sensor, _ = session
    own = rows_of(sensor)
    start = sensor.acc_mps2[(sensor.t_s > 2.0) & (sensor.t_s < 8.0)].mean(axis=0)
    given = rows_of(sensor, neutral=start)
    both = np.isfinite(own["tilt_deg"]) & np.isfinite(given["tilt_deg"])
    np.testing.assert_allclose(given["tilt_deg"][both], own["tilt_deg"][both], atol=0.5)


@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_next_to_nothing_gives_no_rows(session, seconds):
    sensor, _ = session
    n = int(seconds * sensor.spec.rate_hz)
    engine = PelvisEngine(sensor.spec)
    assert len(engine.feed(sensor.t_s[:n], sensor.acc_mps2[:n], sensor.gyr_radps[:n])) == 0
    assert len(engine.finish()) == 0


def test_what_cannot_be_is_refused():
    for rate_hz in (10.0, 1e9, np.inf, np.nan):
        with pytest.raises(UsageError, match="needs 20 to 10000 Hz"):
            PelvisEngine(SensorSpec("pelvis", rate_hz))
    with pytest.raises(UsageError, match="finite direction"):
        PelvisEngine(SensorSpec("pelvis", 100.0), np.zeros(3))
    engine = PelvisEngine(SensorSpec("pelvis", 100.0))
    with pytest.raises(SignalError, match="turn rates"):
        engine.feed(np.zeros(1), np.zeros((1, 3)), None)
    with pytest.raises(SignalError, match="acceleration of shape"):
        engine.feed(np.zeros(2), np.zeros((1, 3)), None)


@pytest.mark.parametrize("shift_deg", [-6.0, 0.0, 12.0])
def test_forward_stays_forward_however_far_the_pelvis_tips(shift_deg):
    """A forefoot runner, little braking: the sensor's swing about the hips once outweighed it at 18 degrees."""
    parts = (Bout(STAND, 6.0), Bout(WALK, 12.0, 1.3), Bout(RUN, 40.0, 2.8, tilt_shift_deg=shift_deg))
    setup = SensorSetup("pelvis", 100.0, mounting_body_from_sensor="aligned")
    recording, truth = run(Programme(parts, TREADMILL, "test"), random_runner(32), (setup,), seed=62)
    sensor = recording.sensors["pelvis"]
    engine = PelvisEngine(sensor.spec)
    rows = engine.feed(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
    assert engine.status().forward[0] > 0.95
    late = rows[(rows["step_s"] > 30.0) & (rows["step_s"] < 56.0)]
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"], float)
    off = late["tilt_deg"] - np.interp(late["step_s"], t, tilt)
    assert np.sqrt(np.mean(off**2)) < 0.7


@pytest.mark.parametrize("seed", [5, 126])  # in the second the car shakes as evenly as a slow walk
def test_fidgeting_and_a_car_are_no_steps(seed):
    recording, _ = run("nuisance", sensors=(SensorSetup("pelvis"),), seed=seed)
    assert len(rows_of(recording.sensors["pelvis"])) == 0


@pytest.mark.parametrize(
    ("mode", "speed_mps", "overstride"), [(RUN, 2.8, 0.0), (RUN, 3.0, 1.5), (WALK, 1.4, 0.0)]
)
def test_speed_lost_in_braking_and_where_it_ends_match_the_truth(mode, speed_mps, overstride):
    programme = Programme(
        (Bout(STAND, 6.0), Bout(mode, 24.0, speed_mps, overstride=overstride)), TREADMILL, "test"
    )
    recording, truth = run(programme, sensors=(SensorSetup("pelvis"),), seed=3)
    rows = rows_of(recording.sensors["pelvis"])
    rows = rows[(rows["step_s"] > 16.0) & (rows["step_s"] < 28.0)]
    strides = truth["strides"]
    near = np.abs(rows["step_s"][:, None] - [s["initial_contact_s"] for s in strides]).argmin(axis=1)
    lost = np.array([strides[k]["braking_dv_mps"] for k in near])
    assert np.mean(rows["braking_dv_mps"]) == pytest.approx(lost.mean(), rel=0.08)
    contact = np.array([strides[k]["initial_contact_s"] for k in near])
    ahead = speed_mps * (rows["crossing_s"] - contact) - [strides[k]["foot_ahead_m"] for k in near]
    assert abs(ahead.mean()) < 0.04  # smoothing and soft tissue put it some ms late
    assert ahead.std() < 0.01


BODY_LIMITS = {
    "tilt_deg": (-45.0, 60.0),
    "obliquity_deg": (0.0, 60.0),
    "rotation_deg": (0.0, 90.0),
    "vertical_oscillation_m": (0.0, 0.3),
    "braking_dv_mps": (0.0, 2.0),
    "peak_braking_g": (0.0, 4.0),
}


@given(st.integers(0, 2**31), st.sampled_from([30.0, 100.0]), st.sampled_from([True, False]))
def test_nothing_impossible_leaves_the_engine(seed, rate_hz, gyroscope):
    """A sensor that tumbles, rattles, clips or is mounted on a spring: no number beyond a body comes out."""
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, 20.0, 1.0 / rate_hz)
    step_s, size = rng.uniform(0.21, 1.0), rng.uniform(5.0, 60.0)
    beat = 2.0 * np.pi * t / step_s
    acc = np.column_stack([size * rng.normal() * np.cos(k * beat + rng.uniform(0, 6.3)) for k in (1, 2, 1)])
    acc[:, 2] += 9.8 + size * np.cos(beat)
    gyr = np.column_stack(
        [rng.uniform(0.0, 20.0) * np.cos(0.5 * beat + rng.uniform(0, 6.3)) for _ in range(3)]
    )
    engine = PelvisEngine(SensorSpec("pelvis", rate_hz, 16.0, 2000.0, gyroscope), np.array([0.0, 0.0, 1.0]))
    rows = np.concatenate([engine.feed(t, acc, gyr if gyroscope else None), engine.finish()])
    for name, (low, high) in BODY_LIMITS.items():
        known = rows[name][np.isfinite(rows[name])]
        assert ((low <= known) & (known <= high)).all(), name
    step = rows["next_step_s"] - rows["step_s"]
    assert not (step <= 0.0).any()
    assert not (rows["contact_time_s"] >= step).any()
    assert not (rows["contact_time_s"] <= 0.0).any()


@pytest.mark.parametrize("share", [0.01, 0.035, 0.2, 0.9])
def test_the_low_pass_is_the_usual_butterworth(share):
    b, a = butter(2, share)
    np.testing.assert_allclose(pelvis._butterworth(share), [*b, *a[1:]], rtol=1e-12)
