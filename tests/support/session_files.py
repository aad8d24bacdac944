"""Small recordings and session folders for tests of any room: swinging sensors, no runner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from tallrun.numerics.recording import (
    HeartRate,
    Marker,
    Recording,
    RunnerProfile,
    SensorRecording,
    SensorSpec,
    Treadmill,
    WatchData,
)
from tallrun.sessions import write_session

G_MPS2 = 9.80665


def swinging_sensor(
    placement: str = "foot_left",
    *,
    rate_hz: float = 200.0,
    duration_s: float = 3.0,
    gyroscope: bool = True,
    seed: int = 1,
) -> SensorRecording:
    """A sensor that swings at 1.4 Hz with gravity on z; values are exact float32 numbers."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * rate_hz)
    t_s = np.arange(n) / rate_hz
    phase = 2.0 * np.pi * 1.4 * t_s
    acc = np.column_stack((6.0 * np.sin(phase), 1.0 * np.cos(phase), G_MPS2 + 8.0 * np.cos(2.0 * phase)))
    gyr = np.column_stack((0.4 * np.sin(phase), 6.0 * np.cos(phase), 0.3 * np.sin(phase)))
    acc += rng.normal(0.0, 0.1, acc.shape)
    gyr += rng.normal(0.0, 0.01, gyr.shape)
    return SensorRecording(
        spec=SensorSpec(placement, rate_hz, 16.0, 2000.0 if gyroscope else None, gyroscope, "Test sensor"),
        t_s=t_s,
        acc_mps2=acc.astype(np.float32).astype(np.float64),
        gyr_radps=gyr.astype(np.float32).astype(np.float64) if gyroscope else None,
    )


def small_recording(*placements: str, duration_s: float = 3.0) -> Recording:
    """A recording with every part of the format in it; ``placements`` default to both feet and the pelvis."""
    chosen = placements or ("foot_left", "foot_right", "pelvis")
    return Recording(
        sensors={
            placement: swinging_sensor(placement, duration_s=duration_s, seed=seed)
            for seed, placement in enumerate(chosen)
        },
        treadmill=Treadmill(np.array([0.0, 1.5]), np.array([2.5, 2.8]), np.array([0.0, 1.0])),
        heart_rate=HeartRate(np.array([0.0, 1.0, 2.0]), np.array([120.0, 121.0, 124.0])),
        markers=(Marker(0.5, "lap"), Marker(1.0, "note", '<b>=1+1</b>, "ä"')),
        runner=RunnerProfile(height_m=1.75, leg_length_m=None, mass_kg=70.0),
        info={
            "session_id": "6f0a0c5e-0b1c-4d5e-9c3e-0123456789ab",
            "started_at": "2026-05-01T08:00:00+02:00",
            "time_zone": "Europe/Berlin",
            "context": {"surface": "treadmill", "session_kind": "run", "speed_mps": 2.5},
            "source": "made for a test",
            "licence": "CC0-1.0",
        },
    )


def small_session(folder: Path, *placements: str, duration_s: float = 3.0) -> Path:
    """Write ``small_recording`` to ``folder`` and return the folder."""
    write_session(folder, small_recording(*placements, duration_s=duration_s))
    return folder


def assert_same_recording(left: Recording, right: Recording) -> None:
    """Every sample, mark and key is equal; NaN equals NaN."""
    assert list(left.sensors) == list(right.sensors)
    for placement, sensor in left.sensors.items():
        other = right.sensors[placement]
        assert sensor.spec == other.spec
        np.testing.assert_array_equal(sensor.t_s, other.t_s)
        np.testing.assert_array_equal(sensor.acc_mps2, other.acc_mps2)
        assert (sensor.gyr_radps is None) == (other.gyr_radps is None)
        if sensor.gyr_radps is not None and other.gyr_radps is not None:
            np.testing.assert_array_equal(sensor.gyr_radps, other.gyr_radps)
    for series in ("treadmill", "heart_rate"):
        first, second = getattr(left, series), getattr(right, series)
        assert (first is None) == (second is None)
        if first is not None:
            for name in vars(first):
                np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert left.markers == right.markers
    assert left.runner == right.runner
    assert left.info == right.info


def watch_session(
    folder: Path,
    started_at: str | None,
    blocks: Sequence[tuple[float, float, float]] = ((30.0, 165.0, 2.6),),
    *,
    session_id: str | None = None,
    kind: str = "run",
    climb_m: float = 0.0,
    heart_rate_bpm: float = 140.0,
    markers: tuple[Marker, ...] = (),
) -> str:
    """Write a session as a watch's import makes it and return its id.

    blocks : (minutes, steps a minute, m/s), one after another; NaN is not known.
    """
    t_s = np.arange(0.0, 60.0 * sum(minutes for minutes, *_ in blocks) + 1.0)
    ends_s = 60.0 * np.cumsum([minutes for minutes, *_ in blocks])
    block = np.minimum(np.searchsorted(ends_s, t_s, side="right"), len(blocks) - 1)
    cadence_spm, speed_mps = (np.array([item[k] for item in blocks])[block] for k in (1, 2))
    way_m = np.concatenate(([0.0], np.cumsum(np.nan_to_num(speed_mps)[:-1])))
    rows = {
        "t_s": t_s, "heart_rate_bpm": np.full(t_s.size, heart_rate_bpm), "cadence_spm": cadence_spm,
        "speed_mps": speed_mps, "distance_m": way_m, "altitude_m": np.linspace(10.0, 10.0 + climb_m, t_s.size),
    }  # fmt: skip
    name = session_id or str(uuid4())
    info: dict[str, Any] = {
        "session_id": name, "context": {"session_kind": kind}, "source": "made for a test",
        "activity": {"duration_s": float(t_s[-1]), "distance_m": float(way_m[-1]) if way_m[-1] else None},
    }  # fmt: skip
    if started_at is not None:
        info["started_at"] = started_at
    heart = HeartRate(t_s, rows["heart_rate_bpm"])
    write_session(
        folder, Recording(sensors={}, heart_rate=heart, info=info, watch=WatchData(rows), markers=markers)
    )
    return name
