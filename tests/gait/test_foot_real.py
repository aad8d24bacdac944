"""The foot engine on real recordings, with the targets of the design (section 6). Nothing is fitted to them."""

import numpy as np
import pandas as pd
import pytest

from support.foot_runs import optical_errors, read_pyshoe, rows_of
from tallrun.gait.rows import MODE_RUN, MODE_WALK, MODES

pytestmark = pytest.mark.real_data
JOGS = ("11-11-24", "11-12-18", "11-13-10", "11-13-41", "11-24-07")
WALKS = ("11-25-20", "11-36-45")


def folder(real_data, name):
    day = "jog_2017-11-27" if name in JOGS else "walk_2017-11-22"
    return real_data / f"pyshoe_{day}-{name}"


@pytest.mark.parametrize("name", JOGS + WALKS)
def test_every_optical_stride_has_one_contact_and_standing_has_none(real_data, name):
    t_s, acc, gyr, instants, rate = read_pyshoe(folder(real_data, name))
    rows, _ = rows_of(t_s, acc, gyr, rate)
    per_stride, _ = optical_errors(rows, instants)
    assert (per_stride == 1).all(), per_stride
    assert len(rows) == len(per_stride)
    assert (rows["initial_contact_s"] > instants[0, 0]).all()


@pytest.mark.parametrize("name", JOGS + WALKS)
def test_stride_lengths_of_each_trial_are_right_on_average(real_data, name):
    t_s, acc, gyr, instants, rate = read_pyshoe(folder(real_data, name))
    _, errors = optical_errors(rows_of(t_s, acc, gyr, rate)[0], instants)
    assert abs(errors.mean()) <= 2.0


def test_stride_lengths_of_all_jogs_are_within_two_and_a_half_percent(real_data):
    errors = []
    for name in JOGS:
        t_s, acc, gyr, instants, rate = read_pyshoe(folder(real_data, name))
        errors.append(optical_errors(rows_of(t_s, acc, gyr, rate)[0], instants)[1])
    errors = np.concatenate(errors)
    assert len(errors) >= 120
    assert np.median(np.abs(errors)) <= 2.5


@pytest.mark.parametrize("name", JOGS + WALKS)
def test_walks_are_walks_and_jogs_are_runs(real_data, name):
    t_s, acc, gyr, _, rate = read_pyshoe(folder(real_data, name))
    modes = {MODES[k] for k in rows_of(t_s, acc, gyr, rate)[0]["mode"]}
    assert modes == {MODES[MODE_RUN if name in JOGS else MODE_WALK]}


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6])
@pytest.mark.parametrize("name", JOGS + WALKS)
def test_a_recording_that_starts_in_mid_run_keeps_its_contacts_and_its_gait(real_data, name, share):
    t_s, acc, gyr, instants, rate = read_pyshoe(folder(real_data, name))
    first, last = instants[0, 0], instants[-2, 0]
    keep = t_s > first + share * (last - first)
    rows, _ = rows_of(t_s[keep], acc[keep], gyr[keep], rate)
    per_stride, _ = optical_errors(rows, instants[instants[:, 0] > t_s[keep][0]])
    assert (per_stride == 1).all(), per_stride
    right = rows["mode"][3:-1] == (MODE_RUN if name in JOGS else MODE_WALK)
    assert right.all()


@pytest.mark.parametrize("foot", ["left", "right"])
def test_a_lateral_shoe_sensor_finds_the_published_walking_contacts(real_data, foot):
    base = real_data / "foreign" / "gaitmap_walk"
    frame = pd.read_csv(base / "imu_sample.csv", header=[0, 1], index_col=0)[f"{foot}_sensor"]
    acc = frame[["acc_x", "acc_y", "acc_z"]].to_numpy(float)
    gyr = np.radians(frame[["gyr_x", "gyr_y", "gyr_z"]].to_numpy(float))
    events = pd.read_csv(base / "stride_events_sample.csv").query("foot == @foot")
    rows, _ = rows_of(np.arange(len(acc)) / 204.8, acc, gyr, 204.8, foot)
    published_s = events["ic"].dropna().to_numpy() / 204.8
    away = [np.abs(rows["initial_contact_s"] - when).min() for when in published_s]
    # one published stride spans a turn of more than a second that holds a step of its own
    assert np.mean(np.array(away) <= 0.08) >= 0.96
    assert set(rows["mode"]) == {MODE_WALK}
    assert 1.1 < np.nanmedian(rows["stride_length_m"]) < 1.6


def test_an_instep_sensor_with_irregular_stamps_walks_at_one_steady_rhythm(real_data):
    data = pd.read_csv(real_data / "foreign" / "xio_walk" / "short_walk.csv").to_numpy()
    rows, engine = rows_of(data[:, 0], 9.80665 * data[:, 4:7], np.radians(data[:, 1:4]), 400.0)
    assert len(rows) >= 15
    assert np.ptp(np.diff(rows["initial_contact_s"])) < 0.5
    assert engine.status().n_duplicates == 205
    assert set(rows["mode"]) == {MODE_WALK}


@pytest.mark.parametrize("hole_s", [0.03, 0.05, 0.075])
def test_true_lengths_lie_within_two_sigma_across_holes_as_a_stalling_logger_leaves(real_data, hole_s):
    in_sigmas = []
    for name in (*JOGS[:3], *WALKS):
        t_s, acc, gyr, instants, rate = read_pyshoe(folder(real_data, name))
        turn = np.arange(int(2.0 * (t_s[-1] - t_s[0])))
        starts_s = t_s[0] + 0.25 + 0.5 * turn + 0.05 * (-1.0) ** turn  # every 0.4 and 0.6 s
        since_s = t_s - starts_s[np.maximum(np.searchsorted(starts_s, t_s, side="right") - 1, 0)]
        keep = (since_s < 0.0) | (since_s >= hole_s)
        rows, _ = rows_of(t_s[keep], acc[keep], gyr[keep], rate)
        for k in np.flatnonzero(np.isfinite(rows["stride_length_m"])):
            errors = optical_errors(rows[k : k + 1], instants)[1]
            sigma_pct = 100.0 * rows["stride_length_sigma_m"][k] / rows["stride_length_m"][k]
            in_sigmas.extend(errors / sigma_pct)
    assert len(in_sigmas) >= 50
    assert np.mean(np.abs(in_sigmas) < 2.0) >= 0.93


@pytest.mark.parametrize(
    ("name", "belt_mps", "n_stopping"),
    [("pbl_control_4kmh_1", 4.0 / 3.6, 4), ("pbl_control_6kmh_1", 6.0 / 3.6, 6)],
)
def test_a_sensor_that_stalls_twice_in_each_stride_tells_the_speed_of_its_belt(
    real_data, name, belt_mps, n_stopping
):
    """The belt starts within four strides and stops within four to six: they take up to 1.6 s instead of 1.0."""
    frame = pd.read_parquet(real_data / name / "signals" / "foot_right.parquet")
    acc, gyr = (frame[[f"{kind}_{axis}" for axis in "xyz"]].to_numpy(float) for kind in ("acc", "gyr"))
    rows, _ = rows_of(frame["t_s"].to_numpy(float), acc, gyr, 500.0, acc_range_g=8.0, gyr_range_dps=1000.0)
    rows = rows[4:-n_stopping]
    known = np.isfinite(rows["stride_length_m"])
    duration_s = rows["next_initial_contact_s"] - rows["initial_contact_s"]
    error = (rows["stride_length_m"] / duration_s)[known] / belt_mps - 1.0
    assert known.sum() >= 8
    assert abs(np.mean(error)) <= 0.03
    sigma = (rows["stride_length_sigma_m"] / duration_s)[known] / belt_mps
    assert np.mean(np.abs(error) < 3.0 * sigma) >= 0.9
