"""What a gait recorder must tell about a sensor before it is trusted at a place on the body.

Feet: 16 g, 1000 dps, 100 Hz at least (Potter et al. 2019, Sensors 19(11):2601; sci:D8). Pelvis: 8 g,
500 dps, 50 Hz, engineering judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.sensors.config import FirmwareConfig


@dataclass(frozen=True)
class _Needs:
    acc_range_g: float
    gyr_range_dps: float
    rate_hz: float


_FOOT = _Needs(16, 1000, 100)
_TRUNK = _Needs(8, 500, 50)


def placement_warnings(config: FirmwareConfig, placement: str) -> list[str]:
    """Return plain sentences about what this sensor cannot show at ``placement``; empty when nothing is known.

    Sensors without samples (treadmill, strap, pod) have only the limits their config states.
    """
    out = []
    imu = config.imu
    if imu is not None:
        place, needs = ("foot", _FOOT) if placement.startswith("foot") else (placement, _TRUNK)
        if imu.acc_range_g is None:
            out.append(
                "The acceleration range is not known; cut-off peaks can only be guessed from the data."
            )
        elif imu.acc_range_g < needs.acc_range_g:
            out.append(
                f"The acceleration range of {imu.acc_range_g:g} g cuts off peaks; "
                f"a {place} needs {needs.acc_range_g:g} g."
            )
        if not imu.has_gyroscope:
            out.append("There is no gyroscope: angles and lengths stay unknown.")
        elif imu.gyr_range_dps is None:
            out.append("The rotation range is not known; cut-off turns can only be guessed from the data.")
        elif imu.gyr_range_dps < needs.gyr_range_dps:
            out.append(
                f"The rotation range of {imu.gyr_range_dps:g} degrees per second is cut off on a {place}, "
                f"which needs {needs.gyr_range_dps:g}."
            )
        if imu.rate_hz < needs.rate_hz:
            out.append(f"{imu.rate_hz:g} samples per second are too few; a {place} needs {needs.rate_hz:g}.")
        if imu.time.stamp == "none":
            out.append("The sensor sends no time stamps; times between sensors are less certain.")
    if config.verified != "hardware":
        out.append("This sensor's config comes from documents and was not tried on the hardware.")
    return out + [
        limit.text for limit in config.limits if not limit.placements or placement in limit.placements
    ]
