"""Encoders that only a sensor needs: the other side of what tallrun decodes."""

from __future__ import annotations

from tallrun.sensors.codecs import open_packet
from tallrun.sensors.codecs.wire import format_number


def encode_open_info(info: open_packet.OpenInfo) -> bytes:
    """Return the info characteristic, 16 bytes."""
    head = bytes([open_packet.VERSION, open_packet.LOCATIONS.index(info.location), *info.firmware])
    scales = format_number("f32", info.g_per_lsb) + format_number("f32", info.dps_per_lsb)
    return head + format_number("u32", info.sensor_id) + scales
