"""Contact time from the sacrum: against force plates, and as physics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tallrun.errors import SignalError
from tallrun.gait import sacral
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import MODE_RUN
from tallrun.numerics.recording import SensorSpec

TRIALS = ("sacrum_treadmill_row02", "sacrum_treadmill_row05")


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
@pytest.mark.parametrize("name", TRIALS)
def test_contact_time_is_within_15_ms_of_the_force_plate(real_data, name):
    t, acc, contacts = read_trial(real_data / name)
    errors = contact_errors(steps_of(t, acc), contacts)
    assert np.isfinite(errors).all()
    assert np.abs(errors).mean() <= 0.015


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


@pytest.mark.parametrize("contact_s", [0.17, 0.2, 0.25])
@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 500.0])
def test_contact_time_of_a_known_force_at_any_rate(contact_s, rate_hz):
    """A half sine has a shape factor of 0.637, not 0.61: the answer must differ by just that."""
    step_s = 0.35
    t = np.arange(0.0, 4.0, 1.0 / rate_hz)
    phase = np.mod(t, step_s)
    peak = np.pi * step_s / (2.0 * contact_s)
    force = np.where(phase < contact_s, peak * np.sin(np.pi * phase / contact_s), 0.0)
    rise = np.arcsin(1.0 / peak) * contact_s / np.pi
    marks = (np.arange(1, 9) * step_s + rise) * rate_hz
    _, _, impulse_s, width_s = sacral.contact_times(force, marks, rate_hz)
    expected = contact_s * (2.0 / np.pi) / sacral.FORCE_SHAPE * sacral.SACRAL_GAIN
    np.testing.assert_allclose(impulse_s, expected, rtol=0.04)
    np.testing.assert_allclose(width_s, contact_s, rtol=0.03)


def test_doubling_every_duration_doubles_the_contact():
    t = np.arange(0.0, 6.0, 0.005)
    found = []
    for scale in (1.0, 1.2):
        phase = np.mod(t, 0.36 * scale) / scale
        force = np.where(phase < 0.24, 2.36 * np.sin(np.pi * phase / 0.24), 0.0)
        marks = (np.arange(2, 8) * 0.36 + 0.034) * scale / 0.005
        found.append(np.median(sacral.contact_times(force, marks, 200.0)[1]))
    assert found[1] / found[0] == pytest.approx(1.2, abs=0.03)


def test_too_light_a_step_is_unknown_and_no_step_gives_nothing():
    force = np.ones(1000)
    assert np.isnan(sacral.contact_times(force, np.array([100.0, 170.0, 240.0]), 200.0)[1]).all()
    assert len(sacral.contact_times(force, np.array([100.0]), 200.0)[1]) == 0
    with pytest.raises(SignalError, match="finite one-dimensional"):
        sacral.contact_times(np.array([1.0, np.nan]), np.array([0.0, 1.0]), 200.0)


def test_kernel_and_its_python_twin_agree(rng):
    force = 1.0 + 1.2 * np.sin(np.arange(300) * 2 * np.pi / 70.0) + 0.05 * rng.normal(size=300)
    one, two = np.zeros(4), np.zeros(4)
    arguments = (force, 300, 70.0, 70.0, 200.0, np.empty((2, 300)))
    assert sacral.contact_of_step(*arguments, one)
    original, solver = sacral.smooth, sacral._half_sine_of_width
    try:
        sacral.smooth = original.py_func
        sacral._half_sine_of_width = solver.py_func
        assert sacral.contact_of_step.py_func(*arguments, two)
    finally:
        sacral.smooth, sacral._half_sine_of_width = original, solver
    np.testing.assert_allclose(one, two, rtol=1e-12)
