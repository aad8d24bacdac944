"""What is seeded on a bout shows in the true motion in the seeded amount, and the flags say where."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from tallrun import simulate
from tallrun.errors import UsageError
from tallrun.simulate import Bout, Programme, Runner, SensorSetup
from tallrun.units import STANDARD_GRAVITY_MPS2

STILL = Bout("stand", 6.0)


def _truth(*bouts: Bout, surface: str = "treadmill", runner: Runner | None = None, seed: int = 1) -> dict:
    return simulate.run(Programme((STILL, *bouts), surface), runner, sensors=(), seed=seed)[1]


def _rows(truth: dict, begin_s: float, end_s: float) -> list[dict]:
    return [row for row in truth["strides"] if begin_s <= row["initial_contact_s"] < end_s]


def _median(rows: list[dict], key: str) -> float:
    return float(np.median([row[key] for row in rows if row[key] is not None]))


def _flags(truth: dict, flag: str, kind: str = "population") -> list[dict]:
    return [row for row in truth["flags"] if row["flag"] == flag and row["reference_kind"] == kind]


def test_a_sound_run_has_no_flag() -> None:
    truth = _truth(Bout("run", 60.0, 2.6), Bout("run", 60.0, 3.2), Bout("run", 60.0, 2.8))
    assert truth["flags"] == []


@pytest.mark.parametrize("severity", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("speed", [2.5, 3.5])
def test_overstriding_raises_every_term_of_the_composite(severity: float, speed: float) -> None:
    runner = Runner()
    programme = Programme((STILL, Bout("run", 90.0, speed, overstride=severity)), "treadmill")
    motion = simulate.motion_of(programme, runner, seed=2)
    _, truth = simulate.run(programme, runner, sensors=(), seed=2)
    rows = _rows(truth, 20.0, 90.0)
    wanted = 0.75 * severity
    strike = np.median([row["landing_angle_deg"] for row in rows])
    ahead = _median(rows, "foot_ahead_m") / runner.leg_length_m
    cadence = 120.0 / _median(rows, "stride_time_s")
    t = np.arange(20.0, 90.0, 0.005)
    low_pass = butter(2, 10.0, fs=200.0, output="sos")
    braking = sosfilt(low_pass, motion.states("pelvis", t)[:, 6])
    contacts = [row["initial_contact_s"] for row in rows]
    peaks = [-braking[(t >= c) & (t < c + 0.2)].min() / STANDARD_GRAVITY_MPS2 for c in contacts[:-1]]
    z_strike = (strike - 8.0) / 6.0
    z_ahead = (ahead - (0.30 + 0.02 * (speed - 3.0))) / 0.04
    z_braking = (np.median(peaks) - 0.27) / 0.06
    z_cadence = -(cadence - runner.expected_cadence_spm(speed)) / 8.0
    assert z_strike == pytest.approx(wanted, abs=0.25)
    assert z_ahead == pytest.approx(wanted, abs=0.15)
    assert z_braking == pytest.approx(wanted, abs=0.35)
    assert z_cadence == pytest.approx(wanted, abs=0.15)
    [flag] = _flags(truth, "overstriding")
    assert flag["severity"] == pytest.approx(severity, abs=0.01)
    assert flag["end_s"] == pytest.approx(96.0, abs=0.1)


def test_unseeded_runner_stays_below_the_composite_threshold() -> None:
    runner = Runner()
    for speed in (2.4, 3.0, 3.8):
        rows = _rows(_truth(Bout("run", 60.0, speed), runner=runner), 15.0, 60.0)
        ahead = _median(rows, "foot_ahead_m") / runner.leg_length_m
        assert (ahead - (0.30 + 0.02 * (speed - 3.0))) / 0.04 < 0.3
        assert (_median(rows, "landing_angle_deg") - 8.0) / 6.0 < 0.3


def test_longer_reach_means_more_braking() -> None:
    usual = _rows(_truth(Bout("run", 60.0, 3.0)), 15.0, 60.0)
    reaching = _rows(_truth(Bout("run", 60.0, 3.0, overstride=2.0)), 15.0, 60.0)
    assert _median(reaching, "foot_ahead_m") > _median(usual, "foot_ahead_m") + 0.05
    assert _median(reaching, "braking_dv_mps") > 1.4 * _median(usual, "braking_dv_mps")


@pytest.mark.parametrize("shift_spm", [-18.0, -6.0, 8.0])
def test_cadence_shift_is_a_shift_of_cadence(shift_spm: float) -> None:
    truth = _truth(Bout("run", 60.0, 3.0), Bout("run", 60.0, 3.0, cadence_shift_spm=shift_spm))
    usual = 120.0 / np.mean([r["stride_time_s"] for r in _rows(truth, 20.0, 62.0)])
    changed = 120.0 / np.mean([r["stride_time_s"] for r in _rows(truth, 75.0, 122.0)])
    assert changed - usual == pytest.approx(shift_spm, abs=0.7)
    assert bool(_flags(truth, "low_cadence")) == (shift_spm <= -12.0)


def test_tilt_shift_is_in_the_pelvis_and_flagged_against_the_own_baseline() -> None:
    truth = _truth(Bout("run", 60.0, 3.0), Bout("run", 60.0, 3.0, tilt_shift_deg=6.0))
    t = np.array(truth["pelvis"]["t_s"])
    tilt = np.array(truth["pelvis"]["tilt_mean_deg"])
    assert np.abs(tilt[t < 4.0]).max() < 0.6
    usual, changed = np.median(tilt[(t > 20) & (t < 60)]), np.median(tilt[(t > 75) & (t < 120)])
    assert usual == pytest.approx(Runner().running_tilt_deg, abs=0.6)
    assert changed - usual == pytest.approx(6.0, abs=0.2)
    [flag] = _flags(truth, "anterior_pelvic_tilt", "own_baseline")
    assert flag["severity"] == pytest.approx(1.2, abs=0.01)
    assert 66.0 < flag["start_s"] < 70.5


def test_drift_reaches_its_end_value() -> None:
    truth = _truth(Bout("run", 120.0, 3.0, end_tilt_shift_deg=8.0, end_speed_mps=3.4))
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"])
    late = tilt[(t > 118) & (t < 125)].mean() - tilt[(t > 14) & (t < 18)].mean()
    assert late == pytest.approx(8.0 * 106 / 120, abs=0.7)
    last = _rows(truth, 118.0, 124.0)
    assert np.mean([r["stride_length_m"] / r["stride_time_s"] for r in last]) == pytest.approx(3.4, abs=0.03)


def test_a_bout_that_keeps_what_the_last_one_drifted_to_makes_no_step() -> None:
    truth = _truth(Bout("run", 60.0, 3.0, end_tilt_shift_deg=8.0), Bout("run", 30.0, 3.0, tilt_shift_deg=8.0))
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"], float)
    [border_s] = [item["start_s"] for item in truth["segments"] if item["mode"] == "run"][1:]
    around = tilt[np.abs(t - border_s) < 6.0]
    assert np.ptp(around) < 2.0
    assert around.mean() == pytest.approx(Runner().running_tilt_deg + 8.0, abs=1.0)


@pytest.mark.parametrize("asymmetry_pct", [15.0, -15.0, 5.0])
def test_limp_is_an_asymmetry_of_contact_time(asymmetry_pct: float) -> None:
    truth = _truth(Bout("run", 90.0, 2.8, contact_asymmetry_pct=asymmetry_pct))
    rows = _rows(truth, 15.0, 90.0)
    left = _median([r for r in rows if r["foot"] == "left"], "stance_time_s")
    right = _median([r for r in rows if r["foot"] == "right"], "stance_time_s")
    assert 200.0 * (right - left) / (right + left) == pytest.approx(asymmetry_pct, abs=0.6)
    [flag] = _flags(truth, "asymmetry")
    assert flag["severity"] == pytest.approx(abs(asymmetry_pct) / 4.0, abs=0.01)
    assert {"limp"} <= {row["kind"] for row in truth["impairments"]}


def test_fatigue_drifts_cadence_contact_and_tilt_together() -> None:
    truth = _truth(Bout("run", 200.0, 3.0, fatigue=1.0))
    early, late = _rows(truth, 12.0, 32.0), _rows(truth, 186.0, 206.0)
    assert _median(late, "stride_time_s") / _median(early, "stride_time_s") == pytest.approx(1.036, abs=0.01)
    assert _median(late, "stance_time_s") > 1.04 * _median(early, "stance_time_s")


def test_bends_turn_the_path_by_the_arc() -> None:
    programme = Programme((STILL, Bout("run", 20.0, 3.0), Bout("run", 30.0, 3.0, turn_radius_m=20.0)), "road")
    motion = simulate.motion_of(programme, seed=1)
    yaw = motion.states("pelvis", np.array([24.0, 55.5]))[:, 9]
    assert yaw[1] - yaw[0] == pytest.approx(3.0 * (55.5 - 26.0 - 1.0) / 20.0, abs=0.25)


def test_incline_tilts_the_flat_foot_and_lifts_the_road() -> None:
    bout = Bout("run", 40.0, 2.6, incline_pct=8.0)
    for surface, rises in (("road", True), ("treadmill", False)):
        motion = simulate.motion_of(Programme((STILL, bout), surface), seed=1)
        foot = motion.falls(0)
        flat = foot.switch_s[(foot.switch_s > 20.0) & (foot.switch_s < 40.0)]
        states = motion.states("foot_left", flat)
        np.testing.assert_allclose(-states[:, 10], np.arctan(0.08), atol=1e-3)
        climbed = motion.states("pelvis", np.array([20.0, 40.0]))[:, 2]
        assert (climbed[1] - climbed[0] > 3.0) == rises


def test_stairs_are_climbed_on_level_feet() -> None:
    programme = Programme((STILL, Bout("stairs", 30.0, 0.55, incline_pct=35.0)), "road")
    motion = simulate.motion_of(programme, seed=1)
    foot = motion.falls(0)
    flat = foot.switch_s[(foot.switch_s > 14.0) & (foot.switch_s < 33.0)]
    states = motion.states("foot_left", flat)
    assert np.abs(np.degrees(states[:, 10])).max() < 1.0
    assert np.all(np.diff(states[:, 2]) > 0.15)
    assert {s["mode"] for s in simulate.run(programme, sensors=())[1]["segments"]} == {"stand", "other"}


def test_slipping_feet_slide_as_far_as_stated() -> None:
    truth = _truth(Bout("run", 60.0, 2.8, slip_share=0.2, slip_m=0.07), surface="road")
    slips = [row["slip_m"] for row in _rows(truth, 10.0, 60.0)]
    assert set(slips) == {0.0, 0.07}
    assert 0.08 < np.mean([s > 0 for s in slips]) < 0.35
    programme = Programme((STILL, Bout("run", 60.0, 2.8, slip_share=1.0, slip_m=0.07)), "road")
    foot = simulate.motion_of(programme, seed=1).falls(0)
    landed = foot.land_s[20] + 0.02
    motion = simulate.motion_of(programme, seed=1)
    heel = motion.states("foot_left", np.array([landed, foot.switch_s[20]]))
    assert heel[1, 0] - heel[0, 0] > 0.06


@pytest.mark.parametrize("bout", [Bout("stand", 60.0, is_fidgeting=True), Bout("car", 60.0)])
def test_nuisances_shake_the_sensors_but_take_no_step(bout: Bout) -> None:
    programme = Programme((STILL, bout, STILL), "road")
    recording, truth = simulate.run(programme, sensors=simulate.three_sensors(gyr_bias_sd_dps=0.0), seed=4)
    assert truth["strides"] == []
    assert truth["flags"] == []
    foot = recording.sensors["foot_left"]
    shaken = (foot.t_s > 8.0) & (foot.t_s < 64.0)
    still = foot.t_s < 4.0
    assert (
        np.abs(np.diff(foot.acc_mps2[shaken], axis=0)).max()
        > 5 * np.abs(np.diff(foot.acc_mps2[still], axis=0)).max()
    )
    motion = simulate.motion_of(programme, seed=4)
    assert motion.states("foot_left", np.arange(0.0, 70.0, 0.05))[:, 2].max() < 0.06


def test_slip_of_the_sensor_does_not_move_the_runner() -> None:
    programme = Programme((STILL, Bout("run", 20.0, 3.0)), "treadmill")
    _, clean = simulate.run(programme, sensors=[SensorSetup("foot_left")], seed=1)
    _, slipped = simulate.run(programme, sensors=[SensorSetup("foot_left", slip_at_s=12.0)], seed=1)
    assert clean["strides"] == slipped["strides"]


def test_treadmill_and_heart_rate_follow_the_programme() -> None:
    programme = Programme(
        (STILL, Bout("walk", 60.0, 1.4), Bout("run", 120.0, 3.0, incline_pct=2.0)),
        "treadmill",
        has_heart_rate=True,
    )
    recording, _ = simulate.run(programme, sensors=(), seed=1)
    belt, heart = recording.treadmill, recording.heart_rate
    assert belt is not None
    assert heart is not None
    assert belt.speed_mps[3] == 0.0
    assert belt.speed_mps[40] == pytest.approx(1.4, abs=0.01)
    assert belt.speed_mps[-1] == pytest.approx(3.0, abs=0.01)
    assert belt.incline_pct[-1] == pytest.approx(2.0, abs=0.06)
    assert heart.bpm[:5].mean() < 80 < 130 < heart.bpm[-10:].mean() < 180


def test_contact_truth_is_not_a_feature_of_the_motion() -> None:
    """Offsets between true contact and kinematic landing are drawn anew for each seed, within 15 ms."""
    pairs = np.array(
        [
            [simulate.motion_of("demo", seed=s).contact_offsets_s[k][e] for k in (0, 1) for e in (0, 1)]
            for s in range(24)
        ]
    )
    assert np.abs(pairs).max() < 0.0165
    assert pairs[:, 0].std() > 0.005
    assert pairs[:, 1].std() > 0.005
    assert np.abs(pairs[:, 0] - pairs[:, 2]).max() <= 0.002
    fixed = simulate.motion_of("demo", Runner(contact_offsets_s=(0.004, -0.006)), seed=1)
    assert fixed.contact_offsets_s == ((0.004, -0.006), (0.004, -0.006))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bout("swim", 10.0), "bout mode must be one of"),
        (lambda: Bout("run", 0.0, 3.0), "longer than 0 s"),
        (lambda: Bout("run", 10.0, 30.0), "speed_mps between"),
        (lambda: Bout("stand", 10.0, 1.0), "has no speed"),
        (lambda: Bout("run", 10.0, 3.0, incline_pct=90.0), "incline_pct must lie"),
        (lambda: Programme(()), "at least one bout"),
        (lambda: Programme((STILL,), "moon"), "surface must be"),
        (lambda: Programme((Bout("run", 9.0, 3.0, turn_radius_m=9.0),), "treadmill"), "no bends"),
        (lambda: Runner(leg_length_m=3.0), "leg_length_m must lie"),
        (lambda: simulate.run("marathon"), "no programme named 'marathon'"),
        (lambda: simulate.bundled("none"), "no bundled session"),
    ],
)
def test_impossible_wishes_are_refused_with_one_clear_line(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize("seed", range(12))
def test_drawn_runners_are_sound_and_human(seed: int) -> None:
    runner = simulate.random_runner(seed)
    programme = simulate.sound_run(3.0, seed)
    motion = simulate.motion_of(programme, runner, seed)
    _, truth = simulate.run(programme, runner, sensors=(), seed=seed)
    assert truth["flags"] == []
    for place in ("foot_left", "foot_right", "pelvis"):
        signals = motion.inertial(
            place, np.arange(0.0, programme.duration_s, 0.002), np.array([0.05, 0.0, 0.07])
        )
        assert np.abs(signals[:, :3]).max() < 45.0 * STANDARD_GRAVITY_MPS2
        assert np.degrees(np.abs(signals[:, 3:])).max() < 1600.0
    rows = _rows(truth, 45.0, 200.0)
    assert 0.2 < _median(rows, "stance_time_s") < 0.36
    assert _median(rows, "flight_time_s") > 0.0


def test_drawn_runner_keeps_what_is_fixed() -> None:
    assert simulate.random_runner(3, foot_strike_angle_deg=-7.0).foot_strike_angle_deg == -7.0
    assert simulate.random_runner(3) == simulate.random_runner(3)
    assert simulate.random_runner(3) != simulate.random_runner(4)
