"""Encoders that only a sensor needs: the other side of what tallrun decodes."""

from __future__ import annotations

from tallrun.sensors.codecs import open_packet, rsc
from tallrun.sensors.codecs.flagged import encode_flagged
from tallrun.sensors.codecs.wire import format_number


def encode_rsc(measurement: rsc.RscMeasurement) -> bytes:
    """Return a notification of 2A53."""
    flags = (
        (0x01 if measurement.stride_length_m is not None else 0)
        | (0x02 if measurement.total_distance_m is not None else 0)
        | (0x04 if measurement.is_running else 0)
    )
    return encode_flagged(flags, "u8", rsc._GROUPS, vars(measurement), "running speed and cadence")


def encode_open_info(info: open_packet.OpenInfo) -> bytes:
    """Return the info characteristic, 16 bytes."""
    head = bytes([open_packet.VERSION, open_packet.LOCATIONS.index(info.location), *info.firmware])
    scales = format_number("f32", info.g_per_lsb) + format_number("f32", info.dps_per_lsb)
    return head + format_number("u32", info.sensor_id) + scales
