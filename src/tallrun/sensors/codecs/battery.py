"""Battery state in the formats sensors use; which one a sensor uses stands in its firmware config."""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader, format_number

_METAMOTION_PREFIX = b"\x11\x8c"
_WITMOTION_PREFIX = b"\x55\x71\x64\x00"


@dataclass(frozen=True)
class BatteryState:
    """Charge and voltage; None where the format does not carry it, and for a voltage sent as 0, not yet measured."""

    level_pct: int | None = None
    voltage_v: float | None = None
    is_charging: bool | None = None


def _percent(level_pct: int) -> int:
    if level_pct > 100:
        raise PacketError(f"battery: expected 0 to 100 percent, got {level_pct}")
    return level_pct


def decode_battery(format_: str, data: bytes) -> BatteryState | None:
    """Decode a battery message; None when the payload is another kind of message on a shared characteristic.

    Raises PacketError when it is a battery message and cut off or out of bounds.
    """
    if format_ == "level_pct":
        return BatteryState(level_pct=_percent(Reader(data, "battery level").integer("u8")))
    if format_ == "movella_dot":
        reader = Reader(data, "DOT battery")
        level_pct = _percent(reader.integer("u8"))
        return BatteryState(level_pct=level_pct, is_charging=bool(reader.integer("u8")))
    prefix = _METAMOTION_PREFIX if format_ == "metamotion" else _WITMOTION_PREFIX
    if not data.startswith(prefix):
        return None
    reader = Reader(data[len(prefix) :], f"{format_} battery")
    if format_ == "metamotion":
        level_pct = _percent(reader.integer("u8"))
        return BatteryState(level_pct=level_pct, voltage_v=reader.integer("u16") / 1000.0 or None)
    return BatteryState(voltage_v=reader.integer("u16") / 100.0 or None)


def encode_battery(format_: str, state: BatteryState) -> bytes:
    """Encode a battery message; what the format has no place for is left out.

    Raises UsageError when a number it must carry is unknown.
    """

    def known(name: str, unit: float = 1.0) -> float:
        value = getattr(state, name)
        if value is None:
            raise UsageError(f"{format_} battery: the message carries {name}, but it has no value")
        return value * unit

    if format_ == "level_pct":
        return format_number("u8", known("level_pct"))
    if format_ == "movella_dot":
        return format_number("u8", known("level_pct")) + format_number("u8", known("is_charging"))
    if format_ == "metamotion":
        level = format_number("u8", known("level_pct"))
        return _METAMOTION_PREFIX + level + format_number("u16", known("voltage_v", 1000.0))
    return _WITMOTION_PREFIX + format_number("u16", known("voltage_v", 100.0)) + bytes(14)
