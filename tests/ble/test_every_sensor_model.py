"""Every supported sensor, from a recording through its own bytes and a Bluetooth stack back to the samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from support.virtual_radio import CONFIGS, Played, play
from tallrun.numerics.recording import HeartRate, Recording, SensorRecording, SensorSpec, Treadmill, WatchData
from tallrun.sensors.events import Battery, FootPodReading, HeartRateReading, TreadmillReading, UnknownPacket

pytestmark = pytest.mark.radio
SECONDS = 12.0
IMU_MODELS = [config.name for config in CONFIGS if config.kind == "imu"]


class Truth(NamedTuple):
    """Slow waves that every model's range and rate can carry."""

    @staticmethod
    def acc_mps2(t_s: np.ndarray) -> np.ndarray:
        wave = 2 * np.pi * 0.7 * t_s
        return np.column_stack([3 * np.sin(wave), 2 * np.cos(0.8 * wave), 9.8 + 2 * np.sin(0.6 * wave)])

    @staticmethod
    def gyr_radps(t_s: np.ndarray) -> np.ndarray:
        wave = 2 * np.pi * 0.5 * t_s
        return np.column_stack([1.5 * np.sin(wave), -2 * np.cos(1.3 * wave), np.sin(0.9 * wave)])


def wave_recording() -> Recording:
    t_s = np.arange(round(SECONDS * 200)) / 200.0
    spec = SensorSpec("pelvis", 200.0, 16.0, 2000.0)
    return Recording({"pelvis": SensorRecording(spec, t_s, Truth.acc_mps2(t_s), Truth.gyr_radps(t_s))})


def samples(played: Played) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    blocks = played.blocks("pelvis")
    t_s = np.concatenate([block.t_s for block in blocks])
    gyr = [block.gyr_radps for block in blocks]
    return (
        t_s,
        np.concatenate([block.acc_mps2 for block in blocks]),
        None if gyr[0] is None else np.concatenate(gyr),
    )


@pytest.mark.parametrize("model", IMU_MODELS)
def test_samples_come_back_as_they_were_recorded(model: str) -> None:
    config = CONFIGS.get(model)
    assert config.imu is not None
    played = play(wave_recording(), models={"pelvis": model})
    assert played.kinds("pelvis") == ["connected"]
    assert not played.of(UnknownPacket, "pelvis")
    t_s, acc, gyr = samples(played)
    # what is left between session and recording time: the lead-in, and the radio's constant least delay
    true_s = t_s - played.begin_s - 0.008
    during = (true_s > 1.0) & (true_s < SECONDS - 1.0)
    expected_n = (SECONDS - 2.0) * (200.0 if model == "open-packet" else config.imu.rate_hz)
    assert abs(during.sum() - expected_n) <= 0.01 * expected_n + 2
    # up to 15 ms of unknown delay on waves of at most 13 m/s3, and one count
    np.testing.assert_allclose(acc[during], Truth.acc_mps2(true_s[during]), atol=0.3)
    assert (gyr is not None) == config.imu.has_gyroscope
    if gyr is not None:
        np.testing.assert_allclose(gyr[during], Truth.gyr_radps(true_s[during]), atol=0.2)


@pytest.mark.parametrize("model", [name for name in IMU_MODELS if CONFIGS.get(name).battery is not None])
def test_the_battery_is_told_in_the_models_own_way(model: str) -> None:
    played = play(wave_recording(), models={"pelvis": model}, stop_at_s=1.0)
    batteries = played.of(Battery, "pelvis")
    assert len(batteries) == 1
    if batteries[0].level_pct is None:
        assert 3.3 <= batteries[0].voltage_v <= 4.2
    else:
        assert batteries[0].level_pct in (89, 90)


def test_treadmill_and_strap_are_read_each_second() -> None:
    recording = Recording(
        wave_recording().sensors,
        Treadmill(np.array([0.0, 6.0]), np.array([2.5, 3.0]), np.array([0.0, 1.5])),
        HeartRate(np.array([0.0, 5.0]), np.array([121.0, 150.0])),
    )
    played = play(recording)
    belt = [event for event in played.events if isinstance(event, TreadmillReading)]
    assert len(belt) >= SECONDS - 1
    assert belt[0].speed_mps == pytest.approx(2.5)
    assert belt[-1].speed_mps == pytest.approx(3.0)
    assert belt[-1].incline_pct == pytest.approx(1.5)
    heart = [event for event in played.events if isinstance(event, HeartRateReading)]
    assert {event.bpm for event in heart} == {121.0, 150.0}
    assert len(heart) >= SECONDS - 1


def test_a_foot_pod_is_read_each_second_and_alone() -> None:
    t_s = np.arange(8.0)
    rows = {
        "t_s": t_s,
        "speed_mps": np.full(8, 3.0),
        "cadence_spm": np.full(8, 170.0),
        "distance_m": 3.0 * t_s,
    }
    played = play(Recording({}, watch=WatchData(rows)))
    pod = [event for event in played.events if isinstance(event, FootPodReading)]
    assert len(pod) >= 7
    assert {event.cadence_spm for event in pod} == {170.0}
    assert pod[-1].speed_mps == pytest.approx(3.0, abs=0.01)
    # at its very end the recording begins again, as a pod that restarts does
    told_m = [event.total_distance_m for event in pod]
    assert told_m[-2:] == pytest.approx([18.0, 0.0], abs=0.2)
