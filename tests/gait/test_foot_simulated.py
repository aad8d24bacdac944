"""The foot engine against the simulator's exact truth: an implementation check, never an accuracy claim."""

import numpy as np
import pytest

from support.foot_runs import RUN, STAND, WALK, compare, rows_of, simulated
from tallrun import simulate
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit, reason_text

LONG_RUN = simulate.Bout("run", 60.0, 3.0)


def run_of(sensor, rate_hz=200.0, **spec):
    return rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, rate_hz, "left", **spec)


@pytest.mark.parametrize("strike_deg", [14.0, 2.0, -8.0])
@pytest.mark.parametrize("speed_mps", [2.3, 3.2, 4.5])
def test_contacts_lengths_and_angles_of_all_strikes_and_speeds(strike_deg, speed_mps):
    runner = simulate.Runner(foot_strike_angle_deg=strike_deg, contact_offsets_s=(0.0, 0.0))
    bouts = (STAND, WALK, simulate.Bout("run", 40.0, speed_mps))
    sensor, truth = simulated(bouts, runner, seed=int(speed_mps * 10))
    found = compare(run_of(sensor)[0], truth)
    assert found["f1"] >= 0.99
    running = np.flatnonzero(found["mode"] == "run")[2:]  # the first strides still change gait
    assert np.nanstd(found["ic_s"][running]) <= 0.003
    assert np.nanstd(found["fc_s"][running]) <= 0.006
    assert abs(np.nanmean(found["length_pct"][running])) <= 1.0
    assert np.nanstd(found["length_pct"][running]) <= 1.5
    assert abs(np.nanmean(found["angle_deg"][running])) <= 2.0
    assert np.sqrt(np.nanmean(found["angle_deg"][running] ** 2)) <= 3.0


@pytest.mark.parametrize("bout", [simulate.Bout("walk", 60.0, 1.4), RUN], ids=["walk", "run"])
def test_the_angle_s_sigma_holds_where_the_foot_never_ceases_to_turn(bout):
    """A walker's foot turns by 25 deg/s while flattest, 130 to 310 ms after contact; a runner's is flat sooner."""
    in_sigmas, sigmas = [], []
    for seed in range(4):
        sensor, truth = simulated((STAND, bout), simulate.random_runner(9100 + seed), seed=seed)
        found = compare(run_of(sensor)[0], truth)
        sigma = found["rows"]["foot_strike_angle_sigma_deg"]
        in_sigmas.append(found["angle_deg"] / sigma)
        sigmas.append(sigma)
    seen = np.concatenate(in_sigmas)
    assert np.mean(np.abs(seen[np.isfinite(seen)]) < 2.0) >= 0.93
    assert np.nanmedian(np.concatenate(sigmas)) < 2.5, "ample enough to say nothing would hold too"


def test_walking_and_running_are_told_apart():
    sensor, truth = simulated((STAND, WALK, RUN, simulate.Bout("walk", 15.0, 1.3), RUN))
    found = compare(run_of(sensor)[0], truth)
    right = found["rows"]["mode"] == np.where(found["mode"] == "run", MODE_RUN, MODE_WALK)
    assert right.mean() >= 0.93  # one or two strides late at each of three changes; segments look back


@pytest.mark.parametrize(
    "bout",
    [
        simulate.Bout("stand", 600.0),
        simulate.Bout("stand", 600.0, is_fidgeting=True),
        simulate.Bout("car", 600.0),
    ],
    ids=["stand", "fidget", "car"],
)
def test_no_contact_is_made_up_standing_or_in_a_car(bout):
    sensor, _ = simulated((bout,))
    assert len(run_of(sensor)[0]) == 0
    after, truth = simulated((RUN, bout))
    assert len(run_of(after)[0]) <= len(truth)


def test_lost_packets_are_filled_with_inferred_contacts():
    sensor, truth = simulated((STAND, WALK, simulate.Bout("run", 240.0, 3.0)), loss=0.02, seed=4)
    rows, engine = run_of(sensor)
    found = compare(rows, truth)
    assert found["f1_measured"] >= 0.97
    assert found["f1"] >= 0.99
    assert 1.0 < engine.status().lost_pct < 3.0
    inferred = rows[(rows["reasons"] & reason_bit("inferred")) != 0]
    assert len(inferred)
    assert np.isnan(inferred["foot_strike_angle_deg"]).all()
    off = np.abs(found["length_pct"] / 100.0) * found["rows"]["stride_length_m"]
    gappy = (found["rows"]["reasons"] & reason_bit("gap")) != 0
    known = gappy & np.isfinite(off)
    assert np.isnan(found["rows"]["stride_length_m"][gappy]).any()
    assert np.mean(off[known] < 2.0 * found["rows"]["stride_length_sigma_m"][known]) >= 0.9


@pytest.mark.parametrize("known", [True, False], ids=["range given", "range found"])
def test_a_500_dps_gyroscope_is_rebuilt_and_marked(known):
    sensor, truth = simulated((STAND, WALK, LONG_RUN), gyr_range_dps=500.0, acc_range_g=8.0)
    rows, engine = run_of(sensor, **({"gyr_range_dps": 500.0, "acc_range_g": 8.0} if known else {}))
    found = compare(rows, truth)
    assert found["f1"] >= 0.99
    assert abs(np.nanmean(found["length_pct"])) <= 1.0
    assert np.nanstd(found["length_pct"]) <= 2.0
    clipped = (rows["reasons"] & reason_bit("gyro_clipped")) != 0
    assert clipped.mean() > 0.7
    whole = run_of(simulated((STAND, WALK, LONG_RUN))[0])[0]
    assert rows["quality"][clipped].max() < np.median(whole["quality"])
    assert engine.status().gyr_range_radps == pytest.approx(np.radians(500.0), rel=0.01)
    if known:
        assert np.isnan(
            rows["peak_impact_g"][((rows["reasons"] & reason_bit("clipped")) != 0) & (rows["quality"] >= 0.6)]
        ).all()


@pytest.mark.parametrize("rate_hz", [100.0, 400.0])
def test_other_rates_find_every_contact(rate_hz):
    sensor, truth = simulated((STAND, WALK, RUN), rate_hz=rate_hz)
    found = compare(run_of(sensor, rate_hz)[0], truth)
    assert found["f1"] >= 0.97
    assert abs(np.nanmean(found["length_pct"])) <= 1.5


def test_jittering_stamps_cost_little():
    sensor, truth = simulated((STAND, WALK, LONG_RUN), jitter_s=0.002)
    found = compare(run_of(sensor)[0], truth)
    assert found["f1"] >= 0.99
    assert np.nanstd(found["ic_s"][found["mode"] == "run"]) <= 0.004


def test_slips_and_slopes_are_marked():
    sensor, truth = simulated((STAND, WALK, simulate.Bout("run", 60.0, 3.0, slip_share=0.15)), seed=6)
    found = compare(run_of(sensor)[0], truth)
    marked = (found["rows"]["reasons"] & reason_bit("slip")) != 0
    true_s = np.array([row["initial_contact_s"] for row in truth if row["slip_m"] > 0.0])
    slipped = np.array([np.abs(true_s - when).min() < 0.05 for when in found["rows"]["initial_contact_s"]])
    assert (marked & slipped).sum() >= 0.7 * slipped.sum()
    assert (marked & ~slipped).sum() <= 2
    uphill, _ = simulated((STAND, WALK, simulate.Bout("run", 30.0, 3.0, incline_pct=9.0)))
    rows, _ = run_of(uphill)
    assert np.nanmedian(rows["slope_deg"][-25:]) == pytest.approx(np.degrees(np.arctan(0.09)), abs=0.7)


def test_a_sensor_that_slips_on_the_shoe_withholds_angles_and_learns_again():
    sensor, _ = simulated((STAND, WALK, LONG_RUN), slip_at_s=45.0, slip_deg=20.0)
    rows, engine = run_of(sensor)
    changed = (rows["reasons"] & reason_bit("mounting_changed")) != 0
    assert engine.status().n_mounting_changes == 1
    assert changed.sum() >= 8
    assert np.isnan(rows["foot_strike_angle_deg"][changed]).all()
    assert (rows["initial_contact_s"][changed] > 45.0).all()
    late = rows[rows["initial_contact_s"] > 65.0]
    early = rows[(rows["initial_contact_s"] > 25.0) & (rows["initial_contact_s"] < 44.0)]
    assert np.nanmedian(late["foot_strike_angle_deg"]) == pytest.approx(
        np.nanmedian(early["foot_strike_angle_deg"]), abs=1.5
    )


def test_the_height_of_the_sensor_is_learned():
    sensor, _ = simulated((STAND, WALK, LONG_RUN), arm_m=(0.05, 0.0, 0.04))
    low = run_of(sensor)[1].status().sensor_height_m
    sensor, _ = simulated((STAND, WALK, LONG_RUN), arm_m=(0.05, 0.0, 0.10))
    high = run_of(sensor)[1].status().sensor_height_m
    assert low == pytest.approx(0.04, abs=0.02)
    assert high == pytest.approx(0.10, abs=0.02)


def test_rows_come_out_in_order_and_late_ones_keep_their_true_times():
    sensor, _ = simulated((STAND, WALK, RUN))
    rows, _ = run_of(sensor, chunk=20)
    assert (np.diff(rows["initial_contact_s"]) > 0).all()
    assert (np.diff(rows["emitted_at_s"]) >= 0).all()
    assert (rows["emitted_at_s"] > rows["initial_contact_s"]).all()
    assert rows["initial_contact_s"][0] < 11.0
    running = rows[(rows["mode"] == MODE_RUN) & np.isfinite(rows["next_initial_contact_s"])][3:-1]
    assert np.median(running["emitted_at_s"] - running["next_initial_contact_s"]) < 0.31
    assert reason_text(int(rows["reasons"][-1])).startswith("open_stride")
    assert np.isnan(rows["stride_length_m"][-1])


def test_an_accelerometer_cut_off_for_long_keeps_its_times_and_says_how_far_its_lengths_hold():
    sensor, truth = simulated((STAND, WALK, RUN), acc_range_g=4.0)
    found = compare(run_of(sensor, acc_range_g=4.0)[0], truth)
    running = (found["mode"] == "run") & (np.arange(len(found["mode"])) < len(found["mode"]) - 1)
    rows, off = found["rows"][running], np.abs(found["length_pct"][running] / 100.0)
    assert found["f1"] >= 0.98
    assert len(rows) > 15
    assert (rows["timing_sigma_s"] < 0.01).all()
    known = np.isfinite(off)
    assert (
        np.mean(off[known] * rows["stride_length_m"][known] < 2.0 * rows["stride_length_sigma_m"][known])
        >= 0.9
    )


def test_stamps_that_jitter_by_more_than_half_a_period_blur_little():
    sensor, truth = simulated((STAND, WALK, LONG_RUN), jitter_s=0.003)
    rows, engine = run_of(sensor)
    found = compare(rows, truth)
    run = np.flatnonzero(found["mode"] == "run")[2:]
    assert np.std(found["ic_s"][run]) <= 0.003
    assert np.nanstd(found["length_pct"][run]) <= 2.0
    assert engine.status().lost_pct < 1.0


@pytest.mark.parametrize("angle_deg", [-10.0, -14.0])
def test_a_steep_forefoot_landing_is_timed_at_its_first_touch(angle_deg):
    runner = simulate.Runner(foot_strike_angle_deg=angle_deg)
    sensor, truth = simulated((STAND, RUN), runner)
    found = compare(run_of(sensor)[0], truth)
    assert np.std(found["ic_s"]) <= 0.003
    assert np.nanmax(np.abs(found["angle_deg"])) <= 5.0
