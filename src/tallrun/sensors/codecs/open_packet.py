"""The open packet: the small notification any maker's firmware can send (docs/open-packet.md).

A 12-byte header and up to 19 samples of six 16-bit numbers fit one 244-byte notification. The scale is
not in the packet; it is read once from the info characteristic.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader

VERSION = 1
HEADER_BYTES = 12
SAMPLE_BYTES = 12
ACC_RANGES_G = (2, 4, 8, 16)
GYR_RANGES_DPS = (125, 250, 500, 1000, 2000)
LOCATIONS = (None, "foot_left", "foot_right", "pelvis", "trunk")
_HEADER = struct.Struct("<BBHIHBB")
_FLAGS = ("acc_clipped", "gyr_clipped", "fifo_overrun", "clock_synced")


@dataclass(frozen=True)
class OpenPacket:
    """One notification.

    counts : int16 (n, 6), raw acc xyz and gyr xyz in the sensor's own axes.
    t_first_us : device timer at the first sample, modulo 2**32 microseconds.
    sequence : counts generated packets modulo 2**16, so a packet lost anywhere is visible.
    """

    sequence: int
    t_first_us: int
    period_us: int
    acc_range_g: int
    gyr_range_dps: int
    counts: NDArray[np.int16] = field(compare=False)
    acc_clipped: bool = False
    gyr_clipped: bool = False
    fifo_overrun: bool = False
    clock_synced: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenPacket) and encode_open_packet(self) == encode_open_packet(other)

    def __hash__(self) -> int:
        return hash(encode_open_packet(self))


@dataclass(frozen=True)
class OpenInfo:
    """Info characteristic: what is needed to read the packets. ``location`` is None when not configured."""

    location: str | None
    firmware: tuple[int, int]
    sensor_id: int
    g_per_lsb: float
    dps_per_lsb: float


def decode_open_packet(data: bytes) -> OpenPacket:
    """Decode one open packet.

    Raises PacketError for another version, a range code that is not assigned, a zero period, or a length
    that is not exactly header plus n samples.
    """
    if len(data) < HEADER_BYTES:
        raise PacketError(f"open packet: expected at least {HEADER_BYTES} bytes, got {len(data)}")
    version, flags, sequence, t_first_us, period_us, n, ranges = _HEADER.unpack_from(data)
    acc_code, gyr_code = ranges & 0x0F, ranges >> 4
    if version != VERSION:
        raise PacketError(
            f"open packet: expected version {VERSION}, got {version}; update tallrun or the firmware"
        )
    if acc_code >= len(ACC_RANGES_G) or gyr_code >= len(GYR_RANGES_DPS):
        raise PacketError(f"open packet: range code 0x{ranges:02x} is not assigned")
    if period_us == 0:
        raise PacketError("open packet: the sampling period is 0 microseconds")
    if n == 0 or len(data) != HEADER_BYTES + n * SAMPLE_BYTES:
        raise PacketError(
            f"open packet: expected {HEADER_BYTES} + {n} x {SAMPLE_BYTES} bytes, got {len(data)}"
        )
    return OpenPacket(
        sequence,
        t_first_us,
        period_us,
        ACC_RANGES_G[acc_code],
        GYR_RANGES_DPS[gyr_code],
        np.frombuffer(data, dtype="<i2", offset=HEADER_BYTES).reshape(n, 6),
        *(bool(flags >> bit & 1) for bit in range(len(_FLAGS))),
    )


def encode_open_packet(packet: OpenPacket) -> bytes:
    """Encode one open packet. Raises UsageError for ranges the packet cannot name or 0 or over 255 samples."""
    n = packet.counts.shape[0]
    if packet.acc_range_g not in ACC_RANGES_G or packet.gyr_range_dps not in GYR_RANGES_DPS:
        raise UsageError(f"open packet cannot name ranges {packet.acc_range_g} g, {packet.gyr_range_dps} dps")
    if not 1 <= n <= 255 or not 1 <= packet.period_us <= 0xFFFF:
        raise UsageError(
            f"open packet holds 1 to 255 samples and a period to 65535 us, not {n}, {packet.period_us}"
        )
    flags = sum(1 << bit for bit, name in enumerate(_FLAGS) if getattr(packet, name))
    ranges = ACC_RANGES_G.index(packet.acc_range_g) | GYR_RANGES_DPS.index(packet.gyr_range_dps) << 4
    header = _HEADER.pack(
        VERSION, flags, packet.sequence & 0xFFFF, packet.t_first_us & 0xFFFFFFFF, packet.period_us, n, ranges
    )
    return header + packet.counts.astype("<i2").tobytes()


def decode_open_info(data: bytes) -> OpenInfo:
    """Decode the info characteristic.

    Raises PacketError for another version, an unknown location, or scales that are not positive and finite.
    """
    reader = Reader(data, "open packet info")
    version, location = reader.integer("u8"), reader.integer("u8")
    firmware = (reader.integer("u8"), reader.integer("u8"))
    sensor_id = reader.integer("u32")
    g_per_lsb, dps_per_lsb = float(reader.number("f32")), float(reader.number("f32"))
    if version != VERSION or location >= len(LOCATIONS):
        raise PacketError(f"open packet info: unknown version {version} or location {location}")
    if not (0 < g_per_lsb < 1 and 0 < dps_per_lsb < 100):
        raise PacketError(
            f"open packet info: scales {g_per_lsb} g, {dps_per_lsb} dps per LSB cannot be right"
        )
    return OpenInfo(LOCATIONS[location], firmware, sensor_id, g_per_lsb, dps_per_lsb)
