"""Kernels of the pelvis engine and of the foot accelerometer against their Python twins, and many mountings."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest

from support.twins import use_twins
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import reason_bit
from tallrun.numerics.recording import SensorSpec
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.programme import ROAD, RUN, STAND, TREADMILL, Bout, Programme
from tallrun.simulate.session import run

RANDOM_TURNS = int(os.environ.get("TALLRUN_RANDOM_TURNS", "10"))


@pytest.fixture(scope="module")
def jog():
    setups = (SensorSetup("pelvis", 100.0), SensorSetup("foot_right", 100.0))
    recording, _ = run(Programme((Bout(STAND, 5.0), Bout(RUN, 9.0, 2.6)), TREADMILL, "test"), None, setups, 3)
    return recording.sensors


@pytest.fixture(scope="module")
def short():
    """As little as holds a bout: Python needs a second for what the kernels do in a millisecond."""
    setups = (SensorSetup("pelvis", 40.0), SensorSetup("foot_right", 50.0))
    recording, _ = run(Programme((Bout(STAND, 4.0), Bout(RUN, 5.5, 2.6)), TREADMILL, "test"), None, setups, 3)
    return recording.sensors


def pelvis_rows(sensor, turn=None):
    turn = np.eye(3) if turn is None else turn
    engine = PelvisEngine(sensor.spec)
    return np.concatenate(
        [engine.feed(sensor.t_s, sensor.acc_mps2 @ turn.T, sensor.gyr_radps @ turn.T), engine.finish()]
    ), engine.status()


def foot_rows(sensor):
    engine = AccFootEngine(sensor.spec, "right")
    return np.concatenate([engine.feed(sensor.t_s, sensor.acc_mps2), engine.finish()])


def same(a, b):
    assert len(a) == len(b) > 3
    for name in a.dtype.names:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-7, atol=1e-7, err_msg=name)


def test_every_pelvis_kernel_and_its_python_twin_agree(short, monkeypatch):
    compiled, _ = pelvis_rows(short["pelvis"])
    use_twins(monkeypatch)
    same(compiled, pelvis_rows(short["pelvis"])[0])


def test_every_foot_accelerometer_kernel_and_its_python_twin_agree(short, monkeypatch):
    compiled = foot_rows(short["foot_right"])
    use_twins(monkeypatch)
    same(compiled, foot_rows(short["foot_right"]))


def right_angled_turns():
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turn = np.zeros((3, 3))
            turn[np.arange(3), order] = signs
            if np.linalg.det(turn) > 0.0:
                yield turn


def test_any_mounting_gives_the_same_steps_and_angles(jog, rng):
    turns = list(right_angled_turns())
    assert len(turns) == 24
    for _ in range(RANDOM_TURNS):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turns.append(turn * np.sign(np.linalg.det(turn)))
    whole, _ = pelvis_rows(jog["pelvis"])
    assert np.isfinite(whole["tilt_deg"]).sum() > 5
    for turn in turns:
        turned, _ = pelvis_rows(jog["pelvis"], turn)
        assert len(turned) == len(whole)
        np.testing.assert_allclose(turned["step_s"], whole["step_s"], atol=0.01)
        both = np.isfinite(whole["tilt_deg"]) & np.isfinite(turned["tilt_deg"])
        assert both.sum() > 5
        np.testing.assert_allclose(turned["tilt_deg"][both], whole["tilt_deg"][both], atol=0.5)
        np.testing.assert_allclose(turned["braking_dv_mps"], whole["braking_dv_mps"], atol=0.01)


def test_a_sensor_that_slips_on_its_belt_is_noticed_and_its_tilt_withheld():
    setup = SensorSetup("pelvis", 100.0, slip_at_s=22.0, slip_deg=25.0)
    recording, _ = run(
        Programme((Bout(STAND, 6.0), Bout(RUN, 34.0, 2.8)), TREADMILL, "test"), None, (setup,), 4
    )
    rows, status = pelvis_rows(recording.sensors["pelvis"])
    assert status.has_slipped
    changed = rows["reasons"] & reason_bit("mounting_changed") > 0
    assert not changed[rows["step_s"] < 22.0].any()
    assert changed[rows["step_s"] > 32.0].all()
    assert np.isnan(rows["tilt_deg"][changed]).all()


def test_a_bend_neither_unsettles_the_tilt_nor_counts_as_slipping():
    parts = (Bout(STAND, 8.0), Bout(RUN, 30.0, 3.5), Bout(RUN, 25.0, 3.5, turn_radius_m=36.5))
    recording, truth = run(Programme(parts, ROAD, "test"), None, (SensorSetup("pelvis", 100.0),), 5)
    rows, status = pelvis_rows(recording.sensors["pelvis"])
    assert not status.has_slipped
    bend = (rows["step_s"] > 45.0) & (rows["step_s"] < 61.0)
    assert bend.sum() > 30
    assert np.isfinite(rows["tilt_deg"][bend]).mean() > 0.9
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"], float)
    off = rows["tilt_deg"][bend] - np.interp(rows["step_s"][bend], t, tilt)
    assert abs(np.nanmean(off)) < 1.5


def test_an_upside_down_foot_sensor_without_gyroscope_gives_the_same_bits(jog):
    sensor = jog["foot_right"]
    spec = SensorSpec("foot_right", 100.0, has_gyroscope=False)
    rows = [
        AccFootEngine(spec, "right").feed(sensor.t_s, sensor.acc_mps2 * sign)
        for sign in ((1, 1, 1), (1, -1, -1))
    ]
    assert rows[0].tobytes() == rows[1].tobytes()
