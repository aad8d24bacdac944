"""Sensors that cut off and links that lose: times stay, and the length's sigma holds.

The whole grid: benchmarks/stress_grid.py.
"""

import numpy as np
import pytest

from support.foot_grid import cell
from support.foot_runs import rows_of, simulated
from tallrun import simulate

CELLS = [
    (16, 2000, 200.0, 0.0, 0.0), (8, 2000, 200.0, 0.07, 0.0), (8, 500, 200.0, 0.02, 0.0), (16, 1000, 100.0, 0.15, 0.0),
    (8, 1000, 100.0, 0.07, 0.1), (8, 1000, 400.0, 0.02, 0.1),
]  # fmt: skip


def test_the_true_length_lies_within_two_sigma_whatever_is_cut_or_lost():
    got = [cell(*item, speeds_mps=(2.0, 3.5, 5.0)) for item in CELLS]
    pooled = np.abs(np.concatenate([item["in_sigmas"] for item in got]))
    assert np.mean(pooled < 2.0) >= 0.93
    assert np.sqrt(np.mean(np.minimum(pooled, 5.0) ** 2)) >= 0.3  # nor is sigma a way to say nothing
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
