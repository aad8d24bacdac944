"""Running Speed and Cadence: 2A53, 2A54, 2A5D and 2A55 (Bluetooth SIG GATT specification supplement).

The characteristic says only "per minute": some pods count steps of both feet, others strides of one. The
multiplier that makes steps of both feet of it belongs to the firmware config, not to the codec.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tallrun.errors import PacketError
from tallrun.sensors.codecs.flagged import FlagField, FlagGroup, decode_flagged, encode_flagged
from tallrun.sensors.codecs.wire import Reader, format_number

_GROUPS = (
    FlagGroup(None, (FlagField("speed_mps", "u16", 1.0 / 256.0), FlagField("cadence_per_min", "u8"))),
    FlagGroup(0, (FlagField("stride_length_m", "u16", 0.01),)),
    FlagGroup(1, (FlagField("total_distance_m", "u32", 0.1),)),
)

SENSOR_LOCATIONS = (
    "other", "top_of_shoe", "in_shoe", "hip", "front_wheel", "left_crank", "right_crank", "left_pedal", "right_pedal",
    "front_hub", "rear_dropout", "chainstay", "rear_wheel", "rear_hub", "chest", "spider", "chain_ring",
)  # fmt: skip

RSC_FEATURES = ("stride_length", "total_distance", "walk_run_status", "calibration", "multiple_locations")
_RESULTS = {1: "ok", 2: "op_unsupported", 3: "invalid_parameter", 4: "failed"}


@dataclass(frozen=True)
class RscMeasurement:
    """One running-speed notification; ``cadence_per_min`` as sent, steps or strides depending on the pod."""

    speed_mps: float
    cadence_per_min: float
    is_running: bool
    stride_length_m: float | None = None
    total_distance_m: float | None = None


@dataclass(frozen=True)
class RscControlResponse:
    """Answer of the SC control point to request ``op``; ``parameters`` as sent."""

    op: int
    result: str
    parameters: bytes = b""


def decode_rsc(data: bytes) -> RscMeasurement:
    """Decode 2A53; a packet that is cut gives the fields before the cut.

    Raises PacketError when speed and cadence are not whole.
    """
    flags, values = decode_flagged(data, "u8", _GROUPS, "running speed and cadence")
    if "cadence_per_min" not in values:
        raise PacketError(f"running speed and cadence: expected at least 4 bytes, got {len(data)}")
    return RscMeasurement(is_running=bool(flags & 0x04), **cast("dict[str, float]", values))


def encode_rsc(measurement: RscMeasurement) -> bytes:
    """Encode 2A53."""
    flags = (
        (0x01 if measurement.stride_length_m is not None else 0)
        | (0x02 if measurement.total_distance_m is not None else 0)
        | (0x04 if measurement.is_running else 0)
    )
    return encode_flagged(flags, "u8", _GROUPS, vars(measurement), "running speed and cadence")


def decode_rsc_feature(data: bytes) -> frozenset[str]:
    """Decode 2A54 into names out of ``RSC_FEATURES``."""
    bits = Reader(data, "RSC feature").integer("u16")
    return frozenset(name for bit, name in enumerate(RSC_FEATURES) if bits >> bit & 1)


def encode_rsc_feature(features: frozenset[str]) -> bytes:
    """Encode 2A54."""
    return format_number("u16", sum(1 << bit for bit, name in enumerate(RSC_FEATURES) if name in features))


def decode_sensor_location(data: bytes) -> str:
    """Decode 2A5D. Raises PacketError for a location number that is not assigned."""
    number = Reader(data, "sensor location").integer("u8")
    if number >= len(SENSOR_LOCATIONS):
        raise PacketError(f"sensor location: expected 0 to {len(SENSOR_LOCATIONS) - 1}, got {number}")
    return SENSOR_LOCATIONS[number]


def encode_sensor_location(location: str) -> bytes:
    """Encode 2A5D."""
    return bytes([SENSOR_LOCATIONS.index(location)])


def decode_rsc_control_response(data: bytes) -> RscControlResponse:
    """Decode an indication of 2A55. Raises PacketError unless it is a response with a known result."""
    reader = Reader(data, "RSC control point")
    code, op, result = reader.integer("u8"), reader.integer("u8"), reader.integer("u8")
    if code != 0x10 or result not in _RESULTS:
        raise PacketError(
            f"RSC control point: expected a response 10 op result(1 to 4), got {data[:8].hex(' ')}"
        )
    return RscControlResponse(op, _RESULTS[result], reader.rest())


def encode_rsc_control_response(response: RscControlResponse) -> bytes:
    """Encode an indication of 2A55."""
    result = next(code for code, name in _RESULTS.items() if name == response.result)
    return bytes([0x10, response.op, result]) + response.parameters
