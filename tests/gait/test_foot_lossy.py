"""Sensors that cut off and links that lose: times stay, and the length's sigma holds.

The whole grid: benchmarks/stress_grid.py.
"""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from support.foot_grid import cell
from support.foot_runs import rows_of, simulated
from tallrun import simulate
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_unrested import learn_unrested
from tallrun.units import STANDARD_GRAVITY_MPS2

CELLS = [
    (16, 2000, 200.0, 0.0, 0.0), (8, 2000, 200.0, 0.07, 0.0), (8, 500, 200.0, 0.02, 0.0), (16, 1000, 100.0, 0.15, 0.0),
    (8, 1000, 100.0, 0.07, 0.1), (8, 1000, 400.0, 0.02, 0.1),
]  # fmt: skip


def test_the_true_length_and_contact_lie_within_two_sigma_whatever_is_cut_or_lost():
    got = [cell(*item, speeds_mps=(2.0, 3.5, 5.0)) for item in CELLS]
    for quantity in ("in_sigmas", "times_in_sigmas"):
        pooled = np.abs(np.concatenate([item[quantity] for item in got]))
        assert np.mean(pooled < 2.0) >= 0.93
        assert np.sqrt(np.mean(np.minimum(pooled, 5.0) ** 2)) >= 0.6  # nor is sigma a way to say nothing
    for item in got:
        assert np.mean(np.abs(item["in_sigmas"]) < 2.0) >= 0.88
        assert abs(np.mean(item["errors_pct"])) <= 2.0


@pytest.mark.parametrize(("speed_mps", "acc_g"), [(4.17, 4.0), (5.56, 3.5)])
def test_a_force_cut_off_in_a_tenth_of_all_samples_leaves_the_times(speed_mps, acc_g):
    bouts = simulate.Bout("stand", 1.0), simulate.Bout("run", 12.0, speed_mps)
    sensor, truth = simulated(bouts, rate_hz=240.0, acc_range_g=acc_g)
    rows, _ = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, 240.0, "left", acc_range_g=acc_g)
    assert len(rows) >= len(truth) - 1
    assert (rows["timing_sigma_s"][1:-1] <= 0.02).mean() > 0.9
    assert np.isfinite((rows["final_contact_s"] - rows["initial_contact_s"])[1:-1]).mean() > 0.9


def test_a_force_that_runs_into_its_range_in_late_swing_is_no_impact():
    """A third of all samples is cut off, before the foot lands, too: no contact is put there."""
    bouts = simulate.Bout("stand", 3.0), simulate.Bout("run", 8.0, 7.0)
    whole, truth = simulated(
        bouts, simulate.Runner(foot_strike_angle_deg=8.0), rate_hz=100.0, acc_range_g=100.0
    )
    most = 4.0 * STANDARD_GRAVITY_MPS2
    acc = np.clip(whole.acc_mps2, -most, most)
    assert (np.abs(acc[whole.t_s > 4.0]) == most).any(axis=1).mean() > 0.24
    rows, _ = rows_of(whole.t_s, acc, whole.gyr_radps, 100.0, "left", acc_range_g=4.0)
    early_s = [rows["initial_contact_s"] - row["initial_contact_s"] for row in truth]
    nearest_s = np.array([off[np.argmin(np.abs(off))] for off in early_s])
    assert len(rows) == len(truth)
    assert (np.abs(nearest_s) < 0.015).all()


@pytest.mark.parametrize("strike_deg", [15.0, -8.0])
@pytest.mark.parametrize(("speed_mps", "rate_hz"), [(4.2, 100.0), (5.5, 400.0), (7.0, 128.0)])
def test_a_mounting_is_learned_from_strides_in_which_the_foot_never_rests(speed_mps, rate_hz, strike_deg):
    sensor, _ = simulated(
        (simulate.Bout("run", 10.0, speed_mps),), simulate.Runner(foot_strike_angle_deg=strike_deg), rate_hz=rate_hz,
        acc_range_g=100.0, gyr_range_dps=8000.0, mounting_body_from_sensor="aligned",
    )  # fmt: skip
    turn = Rotation.random(rng=np.random.default_rng(round(10 * speed_mps))).as_matrix()
    for acc_g in (100.0, 8.0):
        most = acc_g * STANDARD_GRAVITY_MPS2
        acc = np.clip(sensor.acc_mps2 @ turn.T, -most, most)
        found = learn_unrested(
            sensor.t_s, acc, sensor.gyr_radps @ turn.T, np.zeros(3), FootParams(rate_hz=rate_hz)
        )
        assert found is not None
        off_deg = np.degrees(Rotation.from_matrix(found.rotation @ turn).magnitude())
        assert off_deg < 15.0
        assert found.quality > 0.9


def test_no_mounting_is_learned_from_turns_that_no_run_has():
    t_s = np.arange(0.0, 20.0, 0.01)
    acc = np.tile([0.0, 0.0, STANDARD_GRAVITY_MPS2], (len(t_s), 1))
    for period_s in (1.2, 2.0):  # too slow
        gyr = np.zeros((len(t_s), 3))
        gyr[:, 1] = 6.0 * np.sin(2.0 * np.pi * t_s / period_s)
        assert learn_unrested(t_s, acc, gyr, np.zeros(3), FootParams(rate_hz=100.0)) is None
    gyr[:, 1] = 8.0 * np.sin(np.cumsum(np.random.default_rng(1).uniform(0.0, 0.25, len(t_s))))  # uneven
    assert learn_unrested(t_s, acc, gyr, np.zeros(3), FootParams(rate_hz=100.0)) is None


@pytest.mark.parametrize("acc_g", [8.0, 6.0])
@pytest.mark.parametrize(("speed_mps", "rate_hz", "strike_deg"), [(5.5, 400.0, -8.0), (7.0, 200.0, 15.0)])
def test_a_recording_of_nothing_but_a_sprint_has_its_contacts(speed_mps, rate_hz, strike_deg, acc_g):
    sensor, truth = simulated(
        (simulate.Bout("run", 12.0, speed_mps),), simulate.Runner(foot_strike_angle_deg=strike_deg), rate_hz=rate_hz,
        acc_range_g=acc_g,
    )  # fmt: skip
    rows, engine = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, rate_hz, "left", acc_range_g=acc_g)
    assert engine.status().mounting_learned
    assert len(truth) - 2 <= len(rows) <= len(truth)
    assert np.isfinite((rows["final_contact_s"] - rows["initial_contact_s"])[1:-1]).mean() > 0.9
