"""Running Speed and Cadence: 2A53 (Bluetooth SIG GATT specification supplement).

The characteristic says only "per minute": some pods count steps of both feet, others strides of one. The
multiplier that makes steps of both feet of it belongs to the firmware config, not to the codec.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tallrun.sensors.codecs.flagged import FlagField, FlagGroup, decode_flagged, encode_flagged

_GROUPS = (
    FlagGroup(None, (FlagField("speed_mps", "u16", 1.0 / 256.0), FlagField("cadence_per_min", "u8"))),
    FlagGroup(0, (FlagField("stride_length_m", "u16", 0.01),)),
    FlagGroup(1, (FlagField("total_distance_m", "u32", 0.1),)),
)


@dataclass(frozen=True)
class RscMeasurement:
    """One running-speed notification; ``cadence_per_min`` as sent, steps or strides depending on the pod."""

    speed_mps: float
    cadence_per_min: float | None
    is_running: bool
    stride_length_m: float | None = None
    total_distance_m: float | None = None


def decode_rsc(data: bytes) -> RscMeasurement:
    """Decode 2A53; a packet that is cut gives the fields before the cut.

    Raises PacketError when not even the speed is whole.
    """
    flags, values = decode_flagged(data, "u8", _GROUPS, "running speed and cadence")
    return RscMeasurement(
        is_running=bool(flags & 0x04), **cast("dict[str, float]", {"cadence_per_min": None} | values)
    )


def encode_rsc(measurement: RscMeasurement) -> bytes:
    """Encode 2A53."""
    flags = (
        (0x01 if measurement.stride_length_m is not None else 0)
        | (0x02 if measurement.total_distance_m is not None else 0)
        | (0x04 if measurement.is_running else 0)
    )
    return encode_flagged(flags, "u8", _GROUPS, vars(measurement), "running speed and cadence")
