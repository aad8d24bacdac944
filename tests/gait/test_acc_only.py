"""A foot without a gyroscope: real jogs with the gyroscope taken away, and simulated runners."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tallrun.errors import SignalError, UsageError
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit
from tallrun.numerics.recording import SensorSpec
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.library import random_runner
from tallrun.simulate.programme import RUN, STAND, TREADMILL, WALK, Bout, Programme
from tallrun.simulate.session import run

SPEC = SensorSpec("foot_right", 200.0, None, None, has_gyroscope=False)
JOGS = ("11-11-24", "11-12-18", "11-13-10", "11-13-41", "11-24-07")
WALKS = ("11-25-20", "11-36-45")


def read(folder):
    signals = pd.read_parquet(folder / "signals" / "foot_right.parquet")
    instants = pd.read_csv(folder / "zero_velocity_instants.csv")["t_s"].to_numpy()
    return signals["t_s"].to_numpy(), signals[["acc_x", "acc_y", "acc_z"]].to_numpy(float), instants


def rows_of(t, acc, spec=SPEC, chunk=None):
    engine = AccFootEngine(spec, "right")
    step = chunk or max(len(t), 1)
    parts = [engine.feed(t[k : k + step], acc[k : k + step], None) for k in range(0, len(t), step)]
    return np.concatenate([*parts, engine.finish()])


def per_stride(rows, instants):
    counts, _ = np.histogram(rows["initial_contact_s"], instants)
    return counts


@pytest.mark.real_data
@pytest.mark.parametrize("name", JOGS)
def test_one_contact_for_every_optical_stride_of_the_jogs(real_data, name):
    t, acc, instants = read(real_data / f"pyshoe_jog_2017-11-27-{name}")
    rows = rows_of(t, acc)
    assert (per_stride(rows, instants) == 1).all()
    assert len(rows) == len(instants) - 1  # none before, none after
    assert (rows["mode"] == MODE_RUN).mean() > 0.85


@pytest.mark.real_data
@pytest.mark.parametrize("name", WALKS)
def test_walks_are_walks_and_hardly_a_contact_is_wrong(real_data, name):
    t, acc, instants = read(real_data / f"pyshoe_walk_2017-11-22-{name}")
    rows = rows_of(t, acc)
    assert (per_stride(rows, instants) != 1).sum() <= 1
    assert (rows["mode"] == MODE_WALK).mean() > 0.85


@pytest.mark.real_data
def test_mounting_and_chunking_do_not_matter(real_data, rng):
    t, acc, _ = read(real_data / f"pyshoe_jog_2017-11-27-{JOGS[0]}")
    whole = rows_of(t, acc)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    np.testing.assert_array_equal(rows_of(t, acc @ turn.T)["initial_contact_s"], whole["initial_contact_s"])
    for chunk in (1, 7, 50):
        assert rows_of(t, acc, chunk=chunk).tobytes() == whole.tobytes()


def test_simulated_contacts_are_found_and_lengths_are_unknown():
    recording, truth = run(
        Programme((Bout(STAND, 5.0), Bout(WALK, 15.0, 1.4), Bout(RUN, 30.0, 3.0)), TREADMILL, "test"), seed=4
    )
    sensor = recording.sensors["foot_right"]
    rows = rows_of(sensor.t_s, sensor.acc_mps2, sensor.spec)
    wanted = np.array([s["initial_contact_s"] for s in truth["strides"] if s["foot"] == "right"])
    off = np.abs(rows["initial_contact_s"][:, None] - wanted).min(axis=1)
    assert (off < 0.04).all()
    inner = wanted[(wanted > 8.0) & (wanted < 48.5)]  # a contact is sure only when a step has followed
    assert (np.abs(rows["initial_contact_s"] - inner[:, None]).min(axis=1) < 0.04).all()
    near = np.abs(rows["initial_contact_s"][:, None] - wanted).argmin(axis=1)
    truths = [s for s in truth["strides"] if s["foot"] == "right"]
    final = np.array([truths[k]["final_contact_s"] or np.nan for k in near])
    late = (rows["final_contact_s"] - final)[rows["mode"] == MODE_RUN]
    assert abs(np.nanmedian(late)) < 0.03
    assert np.nanstd(late) < 0.01
    running = np.array([truths[k]["mode"] == "run" for k in near])
    assert ((rows["mode"] == MODE_RUN) == running).mean() > 0.97
    assert np.isnan(rows["stride_length_m"]).all()
    assert (rows["reasons"] & reason_bit("no_gyroscope") > 0).all()
    assert rows["reasons"][-1] & reason_bit("open_stride")
    assert np.isnan(rows["next_initial_contact_s"][-1])


def test_clipping_hides_the_peak():
    recording, _ = run(Programme((Bout(STAND, 3.0), Bout(RUN, 15.0, 3.0)), TREADMILL, "test"), seed=4)
    sensor = recording.sensors["foot_right"]
    cut = np.clip(sensor.acc_mps2, -4 * 9.80665, 4 * 9.80665)
    rows = rows_of(sensor.t_s, cut, SensorSpec("foot_right", sensor.spec.rate_hz, 4.0, None, False))
    clipped = rows["reasons"] & reason_bit("clipped") > 0
    assert clipped.any()
    assert np.isnan(rows["peak_impact_g"][clipped]).all()


def test_standing_car_and_nothing_give_no_contact():
    recording, _ = run("nuisance", sensors=(SensorSetup("foot_left"),), seed=3)
    sensor = recording.sensors["foot_left"]
    assert len(rows_of(sensor.t_s, sensor.acc_mps2, sensor.spec)) == 0
    assert len(rows_of(np.empty(0), np.empty((0, 3)))) == 0
    assert len(rows_of(sensor.t_s[:400], sensor.acc_mps2[:400])) == 0


@pytest.mark.parametrize(("seed", "foot"), [(20, "foot_left"), (54, "foot_right")])
def test_a_foot_shifted_now_and_then_in_a_rhythm_takes_no_step(seed, foot):
    recording, _ = run("nuisance", random_runner(seed), seed=3000 + seed)
    sensor = recording.sensors[foot]
    assert len(rows_of(sensor.t_s, sensor.acc_mps2, sensor.spec)) == 0


@pytest.mark.parametrize("speed_mps", [0.5, 0.8])
def test_a_slow_walk_keeps_its_contacts_though_the_foot_rests_long(speed_mps):
    programme = Programme(
        (Bout(STAND, 5.0), Bout(WALK, 40.0, speed_mps), Bout(STAND, 4.0)), TREADMILL, "test"
    )
    recording, truth = run(programme, sensors=(SensorSetup("foot_right"),), seed=4)
    sensor = recording.sensors["foot_right"]
    rows = rows_of(sensor.t_s, sensor.acc_mps2, sensor.spec)
    wanted = np.array([s["initial_contact_s"] for s in truth["strides"] if s["foot"] == "right"])
    inner = wanted[(wanted > 9.0) & (wanted < 42.0)]
    assert (np.abs(rows["initial_contact_s"] - inner[:, None]).min(axis=1) < 0.06).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="'left' or 'right'"):
        AccFootEngine(SPEC, "both")
    for rate_hz in (25.0, 1e9, np.inf, np.nan):
        with pytest.raises(UsageError, match="needs 40 to 10000 Hz"):
            AccFootEngine(SensorSpec("foot_left", rate_hz), "left")
    with pytest.raises(SignalError, match="shape"):
        AccFootEngine(SPEC, "left").feed(np.zeros(2), np.zeros((3, 3)), None)
