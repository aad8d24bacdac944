"""What is said of a sensor at a place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from support.telling import Said, teller
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.warnings import placement_warnings


@teller()
def sensors_at_a_place() -> Said:
    def told(place: str, imu: Any, verified: str = "hardware") -> list[str]:
        config: FirmwareConfig = SimpleNamespace(imu=imu, verified=verified, limits=[])  # type: ignore[assignment]
        return placement_warnings(config, place)

    def imu(
        acc: float | None, gyr: float | None, rate: float = 200.0, stamp: str = "counter", gyro: bool = True
    ) -> Any:
        return SimpleNamespace(
            acc_range_g=acc,
            gyr_range_dps=gyr,
            rate_hz=rate,
            has_gyroscope=gyro,
            time=SimpleNamespace(stamp=stamp),
        )

    return {
        "holds": [
            *told("foot_left", imu(2.0, 250.0, 1.0)),
            *told("pelvis", imu(2.0, 250.0, 10.0)),
            *told("foot_left", imu(16.0, None, gyro=False)),
        ],
        "fails": told("foot_left", imu(16.0, 2000.0)),
        "unknown": told("foot_left", imu(None, None, stamp="none"), "documents"),
        "empty": told("treadmill", None),
    }
