"""Every impairment is in the data as stated, in the stated amount, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from tallrun import simulate
from tallrun.errors import UsageError
from tallrun.numerics.recording import SensorRecording
from tallrun.simulate import Bout, Programme, SensorSetup
from tallrun.simulate.delivery import lost_packets
from tallrun.simulate.disturbance import ringing
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

SHORT = Programme((Bout("stand", 6.0), Bout("run", 24.0, 3.0)), "treadmill")
CLEAN = {
    "acc_bias_sd_mps2": 0.0,
    "gyr_bias_sd_dps": 0.0,
    "scale_sd": 0.0,
    "misalignment_sd_deg": 0.0,
    "g_sensitivity_dps_per_g": 0.0,
    "gyr_walk_dps_per_rts": 0.0,
    "mounting_body_from_sensor": "aligned",
}


def _one(seed: int = 1, placement: str = "foot_left", programme: Programme = SHORT, **changes: object):
    setup = SensorSetup(placement, **{"rate_hz": 200.0, **changes})
    recording, truth = simulate.run(programme, sensors=[setup], seed=seed)
    return recording.sensors[placement], truth["sensors"][placement], truth


def _same(one: SensorRecording, other: SensorRecording) -> bool:
    return (
        np.array_equal(one.t_s, other.t_s)
        and np.array_equal(one.acc_mps2, other.acc_mps2)
        and np.array_equal(one.gyr_radps, other.gyr_radps)
    )


def test_same_seed_gives_the_same_arrays_and_truth() -> None:
    first, first_truth = simulate.run(SHORT, seed=11)
    second, second_truth = simulate.run(SHORT, seed=11)
    other, _ = simulate.run(SHORT, seed=12)
    assert first_truth == second_truth
    assert first.info == second.info
    for place in first.sensors:
        assert _same(first.sensors[place], second.sensors[place])
        assert not _same(first.sensors[place], other.sensors[place])


def test_one_sensor_does_not_depend_on_the_others_or_on_their_order() -> None:
    together, _ = simulate.run(SHORT, sensors=simulate.three_sensors(), seed=3)
    turned, _ = simulate.run(SHORT, sensors=simulate.three_sensors()[::-1], seed=3)
    alone, _ = simulate.run(SHORT, sensors=[SensorSetup("pelvis")], seed=3)
    assert _same(together.sensors["pelvis"], alone.sensors["pelvis"])
    assert _same(together.sensors["foot_right"], turned.sensors["foot_right"])


def test_inverse_rotation_recovers_the_mounting() -> None:
    aligned, _, _ = _one(is_ideal=True, mounting_body_from_sensor="aligned")
    worn, facts, _ = _one(is_ideal=True)
    matrix = np.array(facts["mounting_body_from_sensor"])
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert not np.allclose(worn.acc_mps2, aligned.acc_mps2, atol=0.1)
    np.testing.assert_allclose(worn.acc_mps2 @ matrix.T, aligned.acc_mps2, atol=1e-9)
    np.testing.assert_allclose(worn.gyr_radps @ matrix.T, aligned.gyr_radps, atol=1e-9)


def test_standing_reads_gravity_up_in_body_axes() -> None:
    for placement in ("foot_left", "foot_right", "pelvis"):
        sensor, facts, _ = _one(placement=placement, is_ideal=True)
        body = sensor.acc_mps2[sensor.t_s < 4.0].mean(0) @ np.array(facts["mounting_body_from_sensor"]).T
        assert body[2] == pytest.approx(STANDARD_GRAVITY_MPS2, abs=0.02)


@pytest.mark.parametrize(("acc_range_g", "gyr_range_dps"), [(8.0, 500.0), (16.0, 1000.0), (4.0, 2000.0)])
def test_signals_never_leave_the_range_and_reach_it_when_it_is_small(
    acc_range_g: float, gyr_range_dps: float
) -> None:
    sensor, facts, truth = _one(**CLEAN, acc_range_g=acc_range_g, gyr_range_dps=gyr_range_dps)
    acc_limit, gyr_limit = acc_range_g * STANDARD_GRAVITY_MPS2, gyr_range_dps * RAD_PER_DEG
    assert np.abs(sensor.acc_mps2).max() <= acc_limit
    assert np.abs(sensor.gyr_radps).max() <= gyr_limit
    if gyr_range_dps == 500.0:
        assert (np.abs(sensor.gyr_radps) > 0.98 * gyr_limit).mean() > 0.02
        assert facts["clipped_share_gyr"] > 0.02
        assert any(row["kind"] == "clip" for row in truth["impairments"])
    if acc_range_g == 4.0:
        assert (np.abs(sensor.acc_mps2) > 0.98 * acc_limit).mean() > 0.01


def test_clipping_comes_before_the_low_pass() -> None:
    """A peak cut at the range and then smoothed ends below the range, which a late clip would not show."""
    free, _, _ = _one(**CLEAN, acc_range_g=64.0, ringing=False)
    cut, _, _ = _one(**CLEAN, acc_range_g=8.0, ringing=False)
    late = np.clip(free.acc_mps2, -8 * STANDARD_GRAVITY_MPS2, 8 * STANDARD_GRAVITY_MPS2)
    lost = np.abs(late - cut.acc_mps2).max(1)
    assert lost.max() > 5.0


def test_values_are_whole_steps_of_the_converter() -> None:
    sensor, _, _ = _one(**CLEAN, bits=12)
    step = 16.0 * STANDARD_GRAVITY_MPS2 / 2**11
    steps = sensor.acc_mps2 / step
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_noise_has_the_stated_density() -> None:
    sensor, _, _ = _one(**CLEAN, acc_noise_mps2_per_rthz=0.02, programme=Programme((Bout("stand", 60.0),)))
    expected = 0.02 * np.sqrt(0.4 * 200.0 * 1.11)  # noise bandwidth of a second-order Butterworth
    assert sensor.acc_mps2[:, 1].std() == pytest.approx(expected, rel=0.1)


def test_bias_is_what_the_truth_says() -> None:
    sensor, facts, _ = _one(**{**CLEAN, "acc_bias_sd_mps2": 0.3, "gyr_bias_sd_dps": 2.0})
    still = sensor.t_s < 4.0
    np.testing.assert_allclose(sensor.gyr_radps[still].mean(0), facts["gyr_bias_radps"], atol=2e-3)
    gravity = np.array([0.0, 0.0, STANDARD_GRAVITY_MPS2])
    np.testing.assert_allclose(sensor.acc_mps2[still].mean(0) - gravity, facts["acc_bias_mps2"], atol=0.02)


def test_gyroscope_bias_ramps_with_temperature() -> None:
    sensor, _, _ = _one(**CLEAN, gyr_bias_ramp_dps_per_h=60.0, programme=Programme((Bout("stand", 120.0),)))
    early, late = sensor.t_s < 20.0, sensor.t_s > 100.0
    rise = np.degrees(sensor.gyr_radps[late].mean(0) - sensor.gyr_radps[early].mean(0))
    np.testing.assert_allclose(rise, 60.0 * 100.0 / 3600.0, atol=0.1)


def test_filters_delay_is_taken_off_the_stamps() -> None:
    sensor, _, _ = _one(**CLEAN, ringing=False, placement="pelvis")
    motion = simulate.motion_of(SHORT, seed=1)
    inside = (sensor.t_s > 12.0) & (sensor.t_s < 24.0)
    arm = np.array([-0.10, 0.0, 0.02])
    lags = np.arange(-10, 11) * 0.001
    misfit = [
        np.abs(
            motion.inertial("pelvis", sensor.t_s[inside] + lag, arm)[:, 2] - sensor.acc_mps2[inside, 2]
        ).mean()
        for lag in lags
    ]
    assert abs(lags[int(np.argmin(misfit))]) <= 0.001


def test_jitter_has_the_stated_size_and_keeps_the_order() -> None:
    clean, _, _ = _one()
    sensor, _, truth = _one(jitter_s=0.002)
    assert np.diff(sensor.t_s).min() > 0
    assert (sensor.t_s - clean.t_s).std() == pytest.approx(0.002, rel=0.15)
    assert {"jitter"} <= {row["kind"] for row in truth["impairments"]}


@pytest.mark.parametrize("skew_ppm", [-100.0, 100.0])
def test_slow_clock_gives_fewer_samples_with_stamps_that_lag(skew_ppm: float) -> None:
    long = Programme((Bout("stand", 300.0),))
    sensor, facts, _ = _one(programme=long, skew_ppm=skew_ppm, rate_hz=100.0)
    exact, _, _ = _one(programme=long, rate_hz=100.0)
    assert facts["clock"]["skew_ppm"] == skew_ppm
    drift = sensor.t_s[-1] - 300.0 / (1.0 + skew_ppm * 1e-6)
    assert abs(drift) < 0.011
    assert len(exact.t_s) - len(sensor.t_s) == pytest.approx(300.0 * 100.0 * skew_ppm * 1e-6, abs=1)


def test_loss_takes_whole_packets_in_the_stated_share() -> None:
    long = Programme((Bout("stand", 400.0),))
    sensor, facts, truth = _one(programme=long, loss=0.05, packet_samples=16)
    full, _, _ = _one(programme=long)
    assert facts["lost_share"] == pytest.approx(0.05, abs=0.015)
    assert len(sensor.t_s) == pytest.approx(len(full.t_s) * (1 - facts["lost_share"]), abs=1)
    gaps = np.flatnonzero(np.diff(sensor.t_s) > 0.0051)
    for k in gaps:
        assert (sensor.t_s[k + 1] - sensor.t_s[k]) / 0.005 % 16 == pytest.approx(1.0, abs=1e-6)
    assert len(facts["lost_spans_s"]) >= len(gaps)
    assert {"loss"} <= {row["kind"] for row in truth["impairments"]}


def test_bursts_have_the_stated_mean_length(rng: np.random.Generator) -> None:
    lost = lost_packets(200_000, 0.05, 4.0, rng)
    assert lost.mean() == pytest.approx(0.05, rel=0.1)
    edges = np.diff(np.concatenate([[0], lost.astype(int), [0]]))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    assert lengths.mean() == pytest.approx(4.0, rel=0.1)


def test_duplicated_packets_come_twice() -> None:
    sensor, facts, _ = _one(duplicate=0.1)
    repeated = int((np.diff(sensor.t_s) == 0).sum())
    assert facts["duplicated_packets"] > 10
    assert repeated == pytest.approx(16 * facts["duplicated_packets"], abs=16)


def test_missing_parts_are_missing() -> None:
    sensor, _, _ = _one(missing_axes=("acc_y",), has_gyroscope=False)
    assert np.isnan(sensor.acc_mps2[:, 1]).all()
    assert np.isfinite(sensor.acc_mps2[:, [0, 2]]).all()
    assert sensor.gyr_radps is None
    assert not sensor.spec.has_gyroscope


def test_slipped_sensor_sees_gravity_turned_by_the_stated_angle() -> None:
    programme = Programme((Bout("stand", 20.0),))
    sensor, _, truth = _one(**CLEAN, programme=programme, slip_at_s=10.0, slip_deg=25.0, is_ideal=False)
    before = sensor.acc_mps2[sensor.t_s < 9.0].mean(0)
    after = sensor.acc_mps2[sensor.t_s > 11.0].mean(0)
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert 2.0 < np.degrees(np.arccos(cosine)) <= 25.1
    assert {"mount_slip"} <= {row["kind"] for row in truth["impairments"]}


def test_ringing_leaves_no_displacement() -> None:
    t = np.arange(0.0, 0.3, 1e-5)
    acceleration = ringing(t, 48.0, 0.008)
    velocity = np.cumsum(acceleration) * 1e-5
    assert 0.5 < np.abs(acceleration).max() < 1.5
    assert abs(velocity[-1]) < 1e-5 * np.abs(velocity).max() + 1e-7
    assert abs(np.sum(velocity) * 1e-5) < 1e-3 * np.abs(np.cumsum(velocity) * 1e-5).max()


def test_ringing_is_in_the_measured_signal_only() -> None:
    rung, _, _ = _one(**CLEAN, seed=2)
    quiet, _, _ = _one(**CLEAN, seed=2, ringing=False)
    extra = np.abs(rung.acc_mps2 - quiet.acc_mps2).max(1)
    running = rung.t_s > 8.0
    assert extra[running].max() > 8.0
    assert np.median(extra[running]) < 1.0
    np.testing.assert_array_equal(rung.gyr_radps, quiet.gyr_radps)


def test_rates_from_50_to_500_hz_agree_with_each_other() -> None:
    slow, _, _ = _one(**CLEAN, rate_hz=50.0, placement="pelvis", ringing=False)
    fast, _, _ = _one(**CLEAN, rate_hz=500.0, placement="pelvis", ringing=False)
    inside = (slow.t_s > 10.0) & (slow.t_s < 28.0)
    again = np.interp(slow.t_s[inside], fast.t_s, fast.gyr_radps[:, 2])
    assert np.abs(again - slow.gyr_radps[inside, 2]).max() < 0.15
    assert slow.t_s.size * 10 == pytest.approx(fast.t_s.size, abs=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"placement": "wrist"}, "placement must be one of"),
        ({"placement": "pelvis", "rate_hz": 5.0}, "rate_hz must lie within"),
        ({"placement": "pelvis", "loss": 1.5}, "share of packets"),
        ({"placement": "pelvis", "mounting_body_from_sensor": "upside"}, "mounting must be"),
        (
            {"placement": "pelvis", "mounting_body_from_sensor": ((1, 0, 0), (0, 2, 0), (0, 0, 1))},
            "rotation matrix",
        ),
        ({"placement": "pelvis", "missing_axes": ("acc_q",)}, "missing_axes must name"),
    ],
)
def test_impossible_sensors_are_refused_with_one_clear_line(changes: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate.run(SHORT, sensors=[SensorSetup(**changes)], seed=1)


def test_two_sensors_on_one_place_are_refused() -> None:
    with pytest.raises(UsageError, match="each placement can carry one sensor"):
        simulate.run(SHORT, sensors=[SensorSetup("pelvis"), SensorSetup("pelvis", 100.0)])
