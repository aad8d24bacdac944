"""MbientLab MetaMotion: settings of the two motion modules and the answers about modules.

Source: MetaWear C++ SDK and its tests. Samples are a fixed layout and stand in the firmware config. There
is no stamp and no counter in the stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader, format_number

ACC_MODULE, GYR_MODULE, SETTINGS_MODULE = 0x03, 0x13, 0x11
_RATE_CODES = {12.5: 5, 25: 6, 50: 7, 100: 8, 200: 9, 400: 0xA, 800: 0xB, 1600: 0xC}
_ACC_RANGE_CODES = {"bmi160": {2: 0x03, 4: 0x05, 8: 0x08, 16: 0x0C}, "bmi270": {2: 0, 4: 1, 8: 2, 16: 3}}
_GYR_RANGE_CODES = {2000: 0, 1000: 1, 500: 2, 250: 3, 125: 4}
_NORMAL_BANDWIDTH = 0x20
_BMI270_FILTER_BIT = 0x80


@dataclass(frozen=True)
class ModuleInfo:
    """Answer to reading a module's register 0: which implementation it is; None when absent."""

    module: int
    implementation: int | None
    revision: int | None
    extra: bytes = b""


def decode_module_info(data: bytes) -> ModuleInfo:
    """Decode ``mm 80 impl rev extra``. Raises PacketError for another register."""
    reader = Reader(data, "MetaMotion module info")
    module, register = reader.integer("u8"), reader.integer("u8")
    if register != 0x80:
        raise PacketError(f"MetaMotion module info: expected register 80, got {register:02x}")
    if reader.left < 2:
        return ModuleInfo(module, None, None)
    return ModuleInfo(module, reader.integer("u8"), reader.integer("u8"), reader.rest())


def encode_module_info(info: ModuleInfo) -> bytes:
    """Encode the answer to reading register 0 of a module."""
    head = bytes([info.module, 0x80])
    if info.implementation is None or info.revision is None:
        return head
    return head + bytes([info.implementation, info.revision]) + info.extra


def encode_acc_config(chip: str, rate_hz: float, range_g: int) -> bytes:
    """Return the write that sets rate and range of the accelerometer (``chip`` is bmi160 or bmi270)."""
    if chip not in _ACC_RANGE_CODES or rate_hz not in _RATE_CODES or range_g not in _ACC_RANGE_CODES[chip]:
        raise UsageError(f"no MetaMotion accelerometer setting for {chip}, {rate_hz:g} Hz, {range_g} g")
    first = _RATE_CODES[rate_hz] | _NORMAL_BANDWIDTH | (_BMI270_FILTER_BIT if chip == "bmi270" else 0)
    return bytes([ACC_MODULE, 0x03, first, _ACC_RANGE_CODES[chip][range_g]])


def encode_gyr_config(rate_hz: float, range_dps: int) -> bytes:
    """Return the write that sets rate and range of the gyroscope."""
    if rate_hz not in _RATE_CODES or range_dps not in _GYR_RANGE_CODES:
        raise UsageError(f"no MetaMotion gyroscope setting for {rate_hz:g} Hz, {range_dps} dps")
    return bytes([GYR_MODULE, 0x03, _RATE_CODES[rate_hz] | _NORMAL_BANDWIDTH, _GYR_RANGE_CODES[range_dps]])


def encode_connection_parameters(minimum_s: float, maximum_s: float, latency: int, timeout_s: float) -> bytes:
    """Return the write that asks for connection parameters (1.25-ms and 10-ms units)."""
    numbers = (minimum_s / 1.25e-3, maximum_s / 1.25e-3, latency, timeout_s / 10e-3)
    return bytes([SETTINGS_MODULE, 0x09]) + b"".join(format_number("u16", number) for number in numbers)
