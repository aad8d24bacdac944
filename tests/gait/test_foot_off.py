"""Final contact: at the pivot's leaving, whatever the speed, and within its own sigma; simulated, of two kinds."""

import numpy as np
import pytest

from support.foot_grid import RUNNERS, cell
from support.foot_runs import compare, limping, rows_of, simulated
from tallrun import simulate
from tallrun.gait.asymmetry import asymmetry_pct
from tallrun.gait.eligible import stance_sigma_s

STAND = simulate.Bout("stand", 4.0)


def found_at(speed_mps, kind, rate_hz=200.0, bouts=None, **sensor):
    habits, place = RUNNERS[kind]
    runner = simulate.Runner(contact_offsets_s=(0.0, 0.0), **habits)
    bouts = bouts or (STAND, simulate.Bout("run", 25.0, speed_mps))
    recorded, truth = simulated(bouts, runner, rate_hz=rate_hz, **place, **sensor)
    rows, _ = rows_of(recorded.t_s, recorded.acc_mps2, recorded.gyr_radps, rate_hz, "left")
    return compare(rows, truth)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("speed_mps", [2.0, 3.5, 5.0, 7.0])
def test_a_foot_that_turns_the_fastest_before_it_leaves_is_still_on_the_ground(speed_mps, kind):
    off_s = found_at(speed_mps, kind)["fc_s"][6:-1]  # the first strides still speed up
    assert abs(np.nanmedian(off_s)) <= 0.013  # 20 to 30 ms early where the fastest turn alone is taken
    assert np.mean(np.abs(off_s) < 0.018) >= 0.75


@pytest.mark.parametrize("limp_pct", [-10.0, 10.0])
@pytest.mark.parametrize("speed_mps", [2.2, 3.5])
def test_a_limp_is_read_in_its_full_size_by_feet_of_unlike_mounting(speed_mps, limp_pct):
    stances_s, true_s = limping(speed_mps, limp_pct, arms_m=((0.0, 0.0, 0.05), (0.05, 0.02, 0.09)))
    true_pct = asymmetry_pct(true_s[1], true_s[0])
    assert abs(true_pct) > 8.0
    assert asymmetry_pct(stances_s[1], stances_s[0]) == pytest.approx(true_pct, abs=1.2)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_first_strides_out_of_standing_say_how_little_is_known_of_their_offs(kind):
    first = [found_at(speed_mps, kind, seed=seed) for speed_mps in (3.0, 5.0) for seed in (1, 2, 3)]
    off_s = np.concatenate([item["fc_s"][:4] for item in first])
    sigma_s = np.concatenate([item["rows"]["final_contact_sigma_s"][:4] for item in first])
    known = np.isfinite(off_s)
    assert np.abs(off_s[known]).max() > 0.03  # a swing that turns on as fast hides when the foot left
    assert np.mean(np.abs(off_s[known]) < 2.0 * sigma_s[known]) >= 0.93


@pytest.mark.parametrize("kind", [0, 1])
def test_true_contacts_offs_and_contact_times_lie_within_two_sigma(kind):
    """True times are put up to 15 ms from the foot's own, as a force plate's threshold does."""
    rates_hz = (100.0, 200.0, 400.0)
    got = [cell(16, 2000, rate_hz, 0.0, 0.0, (2.0, 4.0, 6.0), (1, 2), kind) for rate_hz in rates_hz]
    for quantity in ("times_in_sigmas", "offs_in_sigmas", "stances_in_sigmas"):
        pooled = np.abs(np.concatenate([item[quantity] for item in got]))
        assert 0.93 <= np.mean(pooled < 2.0) <= 0.985
        assert np.sqrt(np.mean(np.minimum(pooled, 5.0) ** 2)) >= 0.6


def test_a_turn_cut_off_by_the_gyroscope_is_held_against_the_repaired_attitude():
    found = found_at(5.0, 0, gyr_range_dps=500.0)
    off_s, sigma_s = found["fc_s"][6:-1], found["rows"]["final_contact_sigma_s"][6:-1]
    known = np.isfinite(off_s)
    assert known.mean() > 0.9
    assert np.mean(np.abs(off_s[known]) < 2.0 * sigma_s[known]) >= 0.9


def test_a_contact_time_is_as_unsure_as_both_its_events():
    assert stance_sigma_s(0.004, 0.003) == pytest.approx(0.005)
    assert stance_sigma_s(np.nan, 0.003) == pytest.approx(0.003 * np.sqrt(2.0))
