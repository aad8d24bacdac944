from __future__ import annotations

import numpy as np
import pytest

from tallrun.ble.faults import Delivery, FaultScript, SensorFaults
from tallrun.ble.playback import SensorTimer, make_track
from tallrun.errors import ConfigError
from tallrun.numerics.recording import SensorRecording, SensorSpec
from tallrun.sensors.config import TimeModel


def test_a_script_is_read_and_sensors_inherit_from_all() -> None:
    script = FaultScript.from_toml(
        """
        seed = 7
        [all]
        loss = 0.02
        burst_every_s = 3.0
        [pelvis]
        skew_ppm = 60.0
        absences = [{ at_s = 10.0, for_s = 2.0 }]
        """
    )
    assert script.seed == 7
    assert script.of("foot_left").loss == script.of("pelvis").loss == 0.02
    assert script.of("pelvis").skew_ppm == 60.0
    assert script.of("pelvis").absences[0].for_s == 2.0
    assert script.of("foot_left").absences == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[all]\nlos = 0.1", "los: Extra inputs"),
        ("[all]\nloss = 1.5", "loss: .*less than or equal to 1"),
        ("[pelvis]\nskew_ppm = 5000", "skew_ppm"),
        ("[pelvis", "expected TOML"),
        ("pelvis = 3", "expected TOML tables"),
    ],
)
def test_a_wrong_script_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FaultScript.from_toml(text)


def test_deliveries_keep_the_order_and_the_fractions() -> None:
    faults = SensorFaults(loss=0.1, duplicates=0.2, burst_every_s=2.0, jitter_s=0.05)
    delivery = Delivery(faults, FaultScript(seed=3).dice("pelvis"))
    arrivals = [delivery.arrivals(0.09 * number) for number in range(5000)]
    flat = [time for times in arrivals for time in times]
    assert flat == sorted(flat)
    assert np.mean([not times for times in arrivals]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([len(times) == 2 for times in arrivals]) == pytest.approx(0.18, abs=0.02)
    delays = np.array([times[0] - 0.09 * number for number, times in enumerate(arrivals) if times])
    assert delays.min() >= faults.latency_s
    assert delays.max() <= 0.2 + faults.latency_s + faults.jitter_s


def test_the_dice_of_sensors_are_their_own() -> None:
    script = FaultScript(seed=1)
    assert script.dice("pelvis").random() == script.dice("pelvis").random()
    assert script.dice("pelvis").random() != script.dice("trunk").random()


def test_the_sensors_clock_is_skewed_wraps_and_resets_where_told() -> None:
    micro = TimeModel(stamp="first_sample", unit_s=1e-6, bits=32)
    plain, fast = SensorTimer(micro, SensorFaults()), SensorTimer(micro, SensorFaults(skew_ppm=100))
    assert plain.ticks(10.0) - plain.ticks(0.0) == 10_000_000
    assert fast.ticks(10.0) - fast.ticks(0.0) == pytest.approx(10_001_000, abs=1)
    wrapping = SensorTimer(micro, SensorFaults(wrap_at_s=5.0))
    assert wrapping.ticks(4.999) > 4_294_900_000
    assert wrapping.ticks(5.001) == pytest.approx(1000, abs=2)
    resetting = SensorTimer(micro, SensorFaults(clock_reset_at_s=5.0))
    assert resetting.ticks(5.001) == pytest.approx(1000, abs=2)
    assert resetting.ticks(4.0) == plain.ticks(4.0)


def test_a_track_keeps_gaps_repeats_and_thins_out() -> None:
    t_s = np.concatenate([np.arange(100), np.arange(150, 300)]) / 100.0
    acc = np.column_stack([t_s, t_s, t_s])
    recording = SensorRecording(SensorSpec("pelvis", 100.0), t_s, acc, None)
    track = make_track(recording, None, 1, repeats=2)
    assert track.n_samples == 600
    rows, gyr = track.rows(-5, 305)
    assert gyr is None
    np.testing.assert_array_equal(rows[:6, 0], 0.0)  # standing before the start
    assert np.isnan(rows[5 + 100 : 5 + 150, 0]).all()
    assert rows[5 + 299, 0] == pytest.approx(2.99)
    assert rows[5 + 300, 0] == 0.0  # again from the start
    half = make_track(recording, None, 2, repeats=1)
    assert half.period_s == pytest.approx(0.02)
    other_rate = make_track(recording, 60.0, 1, repeats=1)
    assert other_rate.period_s == pytest.approx(1 / 60)
    values = other_rate.acc_mps2[:, 0]
    grid_s = np.arange(values.size) / 60.0
    assert np.isnan(values[(grid_s > 1.0) & (grid_s < 1.49)]).all()
    np.testing.assert_allclose(values[grid_s < 0.98], grid_s[grid_s < 0.98], atol=1e-9)


def test_jittering_stamps_do_not_make_the_track_drift(rng: np.random.Generator) -> None:
    true_s = 0.5 + np.arange(40_000) / 200.0
    t_s = true_s + rng.normal(0, 0.0003, true_s.size)
    values = np.tile(np.arange(true_s.size, dtype=float)[:, None], (1, 3))
    track = make_track(SensorRecording(SensorSpec("pelvis", 200.0), t_s, values, None), None, 1, repeats=1)
    played_s = track.start_s + np.arange(track.n_samples) * track.period_s
    np.testing.assert_allclose(played_s, true_s, atol=5e-5)
