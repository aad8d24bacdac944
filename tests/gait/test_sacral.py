"""Contact time from the sacrum: against force plates, and as physics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from support.twins import use_twins
from tallrun.errors import SignalError
from tallrun.gait import sacral
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import MODE_RUN
from tallrun.numerics.recording import SensorSpec
from tallrun.simulate import random_runner
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.programme import RUN, STAND, TREADMILL, Bout, Programme
from tallrun.simulate.session import run

#: Trial -> the most its mean contact time may be off [ms]. Level, level, and 5, 10 and 10 degrees uphill.
TRIALS = {
    "sacrum_treadmill_row02": 26.0,
    "sacrum_treadmill_row05": 8.0,
    "sacrum_treadmill_row01": 12.0,
    "sacrum_treadmill_row11": 12.0,
    "sacrum_treadmill_row19": 12.0,
}
MEAN_LIMIT_MS = 10.0
#: As these trials were filtered, and as other sensors deliver: one sample of so many.
THINNED = (1, 3, 5, 10)


def read_trial(folder):
    signals = pd.read_parquet(folder / "signals" / "pelvis.parquet")
    contacts = pd.read_csv(folder / "contacts.csv").to_numpy()
    return signals["t_s"].to_numpy(), signals[["acc_x", "acc_y", "acc_z"]].to_numpy(float), contacts


def steps_of(t, acc, rate_hz=500.0):
    engine = PelvisEngine(SensorSpec("pelvis", rate_hz, 16.0, None, has_gyroscope=False))
    return np.concatenate([engine.feed(t, acc, None), engine.finish()])


def contact_errors(rows, contacts):
    errors = []
    for begin, end in contacts:
        near = np.argmin(np.abs(rows["step_s"] - begin))
        assert abs(rows["step_s"][near] - begin) < 0.05
        errors.append(rows["contact_time_s"][near] - (end - begin))
    return np.array(errors)


@pytest.mark.real_data
@pytest.mark.parametrize("thinned", THINNED)
def test_contact_time_against_the_force_plate_at_any_rate(real_data, thinned):
    off = []
    for name, limit_ms in TRIALS.items():
        t, acc, contacts = read_trial(real_data / name)
        rows = steps_of(t[::thinned], acc[::thinned], 500.0 / thinned)
        errors = 1e3 * contact_errors(rows, contacts)
        assert np.isfinite(errors).all()
        assert abs(errors.mean()) <= limit_ms, name
        assert_possible(rows)
        off.append(abs(errors.mean()))
    assert np.mean(off) <= MEAN_LIMIT_MS


def assert_possible(rows):
    known = np.isfinite(rows["contact_time_s"]) & np.isfinite(rows["next_step_s"])
    step = rows["next_step_s"] - rows["step_s"]
    assert (rows["contact_time_s"][known] > 0.0).all()
    assert (rows["contact_time_s"][known] < step[known]).all()
    assert (rows["contact_time_sigma_s"][known] > 0.0).all()


@pytest.mark.parametrize("speed_mps", [2.5, 4.2, 6.0])
@pytest.mark.parametrize("contact_time_scale", [0.85, 1.15])
@pytest.mark.parametrize("cut_off", [False, True])
def test_contact_time_of_simulated_runners(speed_mps, contact_time_scale, cut_off):
    """Nothing of the detector was set by the simulator: its force falls straight to zero, a runner's ends in a tail."""
    programme = Programme((Bout(STAND, 4.0), Bout(RUN, 16.0, speed_mps)), TREADMILL, "test")
    runner = random_runner(int(speed_mps * 10), contact_time_scale=contact_time_scale)
    recording, truth = run(programme, runner, (SensorSetup("pelvis", 100.0),), 1)
    t, acc = recording.sensors["pelvis"].t_s, recording.sensors["pelvis"].acc_mps2
    if cut_off:  # as the reference trials: low-passed, nothing below zero
        acc = gaussian_filter1d(acc, 100.0 * sacral.LOAD_SIGMA_S, axis=0)
        up = acc.mean(axis=0) / np.linalg.norm(acc.mean(axis=0))
        acc = acc - np.outer(np.minimum(acc @ up, 0.0), up)
    rows = steps_of(t, acc, 100.0)
    assert_possible(rows)
    true = [
        (stride["initial_contact_s"], stride["final_contact_s"])
        for stride in truth["strides"]
        if 14.0 < stride["initial_contact_s"] < 19.0
    ]
    errors = contact_errors(rows, np.array(true))
    assert np.isfinite(errors).mean() > 0.9
    assert abs(np.nanmedian(errors)) <= 0.025


@given(st.integers(0, 2**31), st.sampled_from([25.0, 50.0, 100.0, 200.0]), st.sampled_from([0.0, 2.0, 15.0]))
def test_no_signal_gives_an_impossible_contact(seed, rate_hz, noise):
    """Steps of any shape, bumps at any place, any noise: what leaves the engine could be a person's."""
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, 12.0, 1.0 / rate_hz)
    step_s = rng.uniform(0.21, 0.8)
    acc = np.zeros((len(t), 3))
    for harmonic in (1, 2, 3, 4):
        size = rng.normal(0.0, 15.0 / harmonic, 3)
        if harmonic == 1:
            size = np.array([0.0, 0.0, 15.0]) + size / 3.0
        acc += size * np.cos(2.0 * np.pi * harmonic * t / step_s + rng.uniform(0, 6.3, 3)[:, None]).T
    acc[:, 2] = np.maximum(acc[:, 2] + 9.8, 0.0) if rng.random() < 0.5 else acc[:, 2] + 9.8
    rows = steps_of(t, acc + noise * rng.normal(size=acc.shape), rate_hz)
    assert_possible(rows)


@pytest.mark.real_data
@pytest.mark.parametrize("name", TRIALS)
def test_cadence_is_within_half_a_step_of_the_force_plate(real_data, name):
    t, acc, contacts = read_trial(real_data / name)
    rows = steps_of(t, acc)
    measured = rows["step_s"][
        (rows["step_s"] > contacts[0, 0] - 0.1) & (rows["step_s"] < contacts[-1, 0] + 0.1)
    ]
    assert len(measured) == len(contacts)
    assert abs(60.0 / np.diff(measured).mean() - 60.0 / np.diff(contacts[:, 0]).mean()) <= 0.5


@pytest.mark.real_data
@pytest.mark.parametrize("name", TRIALS)
def test_turning_the_sensor_changes_nothing(real_data, name, rng):
    t, acc, _ = read_trial(real_data / name)
    whole = steps_of(t, np.nan_to_num(acc))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = steps_of(t, np.nan_to_num(acc) @ turn.T)
    np.testing.assert_allclose(turned["step_s"], whole["step_s"], atol=0.002)
    np.testing.assert_allclose(turned["contact_time_s"], whole["contact_time_s"], atol=0.002)


@pytest.mark.real_data
def test_a_raw_upside_down_sensor_reads_about_161_steps_a_minute(real_data):
    table = pd.read_csv(real_data / "sacrum_raw_sample" / "sacrum_512hz.csv").to_numpy(float)
    rows = steps_of(table[:, 3] / 1000.0, table[:, :3], 512.0)
    runs = rows[rows["mode"] == MODE_RUN]
    assert 60.0 / np.median(np.diff(runs["step_s"])) == pytest.approx(161.0, abs=3.0)
    assert 0.2 < np.nanmedian(runs["contact_time_s"]) < 0.33


@pytest.mark.parametrize("contact_s", [0.15, 0.2, 0.25])
@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 500.0])
def test_contact_time_of_a_known_force_at_any_rate(contact_s, rate_hz):
    """A half sine has no tail and another shape than a force: the readings must differ by just that."""
    step_s = 0.35
    t = np.arange(0.0, 4.0, 1.0 / rate_hz)
    phase = np.mod(t, step_s)
    peak = np.pi * step_s / (2.0 * contact_s)
    force = np.where(phase < contact_s, peak * np.sin(np.pi * phase / contact_s), 0.0)
    rise = np.arcsin(1.0 / peak) * contact_s / np.pi
    marks = (np.arange(1, 9) * step_s + rise) * rate_hz
    found = sacral.contact_times(force, marks, rate_hz)[:, 1:-1]
    np.testing.assert_allclose(found[sacral.S_SWING], contact_s * sacral.FORCE_TAIL, rtol=0.03)
    shape = (2.0 / np.pi) / sacral.FORCE_SHAPE * sacral.SACRAL_GAIN
    np.testing.assert_allclose(found[sacral.S_PEAK], contact_s * shape, rtol=0.05)
    np.testing.assert_allclose(found[sacral.S_FLANK], contact_s, rtol=0.13)  # 5 % at each end by the line
    np.testing.assert_allclose(found[sacral.S_CONTACT], contact_s, rtol=0.14)


def test_a_rebound_at_toe_off_is_not_contact():
    """The pelvis reads up to 0.9 g after the foot has left the ground in some runners."""
    t = np.arange(0.0, 4.0, 0.002)
    phase = np.mod(t, 0.28)
    force = np.where(phase < 0.2, 2.2 * np.sin(np.pi * phase / 0.2), 0.0)
    bump = 0.9 * np.exp(-0.5 * ((phase - 0.195) / 0.015) ** 2)
    marks = (np.arange(2, 10) * 0.28 + 0.03) / 0.002
    plain, bumped = (sacral.contact_times(load, marks, 500.0)[:, 1:-1] for load in (force, force + bump))
    moved = np.median(bumped, axis=1) - np.median(plain, axis=1)
    assert abs(moved[sacral.S_CONTACT]) < 0.015
    assert np.median(bumped[sacral.S_SIGMA]) > np.median(plain[sacral.S_SIGMA])


def test_doubling_every_duration_doubles_the_contact():
    t = np.arange(0.0, 6.0, 0.005)
    found = []
    for scale in (1.0, 1.2):
        phase = np.mod(t, 0.36 * scale) / scale
        force = np.where(phase < 0.24, 2.36 * np.sin(np.pi * phase / 0.24), 0.0)
        marks = (np.arange(2, 8) * 0.36 + 0.034) * scale / 0.005
        found.append(np.median(sacral.contact_times(force, marks, 200.0)[sacral.S_CONTACT]))
    assert found[1] / found[0] == pytest.approx(1.2, abs=0.03)


def test_too_light_a_step_is_unknown_and_no_step_gives_nothing():
    force = np.ones(1000)
    assert np.isnan(sacral.contact_times(force, np.array([100.0, 170.0, 240.0]), 200.0)).all()
    assert sacral.contact_times(force, np.array([100.0]), 200.0).shape == (sacral.S_WIDTH, 0)
    with pytest.raises(SignalError, match="finite one-dimensional"):
        sacral.contact_times(np.array([1.0, np.nan]), np.array([0.0, 1.0]), 200.0)


def test_kernel_and_its_python_twin_agree(rng, monkeypatch):
    load = 1.0 + 1.2 * np.sin(np.arange(300) * 2 * np.pi / 70.0) + 0.05 * rng.normal(size=300)
    one, two = np.zeros(sacral.S_WIDTH), np.zeros(sacral.S_WIDTH)
    arguments = (load, 300, 70, 140.0, 70.0, 200.0, np.empty((2, 300)))
    assert sacral._CONTACT(*arguments, one)
    use_twins(monkeypatch)
    assert sacral._CONTACT(*arguments, two)
    np.testing.assert_allclose(one, two, rtol=1e-12)


@given(st.integers(0, 2**31), st.sampled_from([20.0, 50.0, 200.0]), st.floats(1.0, 60.0))
def test_no_load_breaks_the_kernel(seed, rate_hz, size_g):
    """Peaks of 60 g, steps of five samples, loads that are flat: a division by zero would end a live run."""
    rng = np.random.default_rng(seed)
    load = np.cumsum(rng.normal(size=200)) if seed % 3 else np.repeat(rng.choice([0.0, 1.0, 2.0], 40), 5)
    load = size_g * load / max(np.abs(load).max(), 1e-9)
    marks = np.sort(rng.uniform(0.0, 199.0, 12))
    marks = marks[np.r_[True, np.diff(marks) > 4.0]]
    found = sacral.contact_times(load, marks, rate_hz)
    assert not np.isinf(found).any()
