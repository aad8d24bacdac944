"""Movella (Xsens) DOT: device information, device control, message service.

Source: Movella DOT BLE service specification XD0506P rev C. The measurement payloads are fixed layouts
and stand in the firmware config.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader, format_number

LIVE_RATES_HZ = (1, 4, 10, 12, 15, 20, 30, 60)
_CONTROL_BYTES = 32


@dataclass(frozen=True)
class DeviceInfo:
    """Characteristic 1001. ``mac`` is written as people write it, most significant byte first."""

    mac: str
    version: tuple[int, int, int]
    built_at: tuple[int, int, int, int, int, int]
    softdevice: int
    serial: int
    product: str


def decode_device_info(data: bytes) -> DeviceInfo:
    """Decode characteristic 1001, 34 bytes."""
    reader = Reader(data, "DOT device info")
    mac = reader.take(6)[::-1].hex(":")
    version = (reader.integer("u8"), reader.integer("u8"), reader.integer("u8"))
    year = reader.integer("u16")
    month, day, hour, minute, second = (reader.integer("u8") for _ in range(5))
    softdevice, serial = reader.integer("u32"), reader.integer("u64")
    product = reader.take(6).decode("ascii", errors="replace")
    return DeviceInfo(mac, version, (year, month, day, hour, minute, second), softdevice, serial, product)


def encode_device_info(info: DeviceInfo) -> bytes:
    """Encode characteristic 1001."""
    year, *rest = info.built_at
    return (
        bytes.fromhex(info.mac.replace(":", ""))[::-1]
        + bytes(info.version)
        + format_number("u16", year)
        + bytes(rest)
        + format_number("u32", info.softdevice)
        + format_number("u64", info.serial)
        + info.product.encode("ascii")[:6].ljust(6, b"\0")
    )


@dataclass(frozen=True)
class DeviceControl:
    """Characteristic 1002: tag, output rate, filter; ``raw`` keeps everything else as it was read."""

    raw: bytes
    tag: str
    rate_hz: int
    is_dynamic_filter: bool


def decode_device_control(data: bytes) -> DeviceControl:
    """Decode characteristic 1002, 32 bytes."""
    reader = Reader(data, "DOT device control")
    raw = reader.take(_CONTROL_BYTES)
    tag = raw[8 : 8 + min(raw[7], 16)].decode("utf-8", errors="replace")
    return DeviceControl(raw, tag, int.from_bytes(raw[24:26], "little"), raw[26] == 1)


def encode_device_control(control: DeviceControl) -> bytes:
    """Return the write that sets output rate and filter and leaves the rest as it was read."""
    if control.rate_hz not in LIVE_RATES_HZ:
        raise UsageError(f"DOT streams at {LIVE_RATES_HZ} Hz, not {control.rate_hz}")
    raw = bytearray(control.raw)
    raw[0] = 0x30  # visit mask: output rate and filter only
    raw[24:26] = format_number("u16", control.rate_hz)
    raw[26] = int(control.is_dynamic_filter)
    return bytes(raw)


def with_rate(control: DeviceControl, rate_hz: int) -> DeviceControl:
    """Return ``control`` with another output rate."""
    return replace(control, rate_hz=rate_hz)


@dataclass(frozen=True)
class Message:
    """Frame of the message service: module id and data; the checksum is made and checked here."""

    module: int
    data: bytes


def decode_message(frame: bytes) -> Message:
    """Decode a frame. Raises PacketError when length or checksum do not fit."""
    reader = Reader(frame, "DOT message")
    module, length = reader.integer("u8"), reader.integer("u8")
    data = reader.take(length)
    reader.take(1)
    if reader.left or sum(frame) % 256:
        raise PacketError(f"DOT message: length or checksum is wrong in {frame[:16].hex(' ')}")
    return Message(module, data)


def encode_message(message: Message) -> bytes:
    """Encode a frame with its checksum. Raises UsageError for more than 255 bytes of data."""
    if len(message.data) > 255:
        raise UsageError(f"a DOT message holds 255 bytes, not {len(message.data)}")
    body = bytes([message.module, len(message.data)]) + message.data
    return body + bytes([-sum(body) % 256])
