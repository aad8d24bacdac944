"""Reading and writing numbers on the wire; the length is tested before each read."""

from __future__ import annotations

import struct
from typing import Final

from tallrun.errors import PacketError, UsageError

#: Number types of every layout: name -> (bytes, signed). ``f32`` is IEEE-754 single.
SIZES: Final[dict[str, int]] = {
    "u8": 1, "s8": 1, "u16": 2, "s16": 2, "u24": 3, "s24": 3, "u32": 4, "s32": 4, "f32": 4, "u64": 8,
}  # fmt: skip


def parse_number(kind: str, raw: bytes, big_endian: bool = False) -> int | float:
    """Return the number of type ``kind`` held by exactly ``SIZES[kind]`` bytes."""
    order = "big" if big_endian else "little"
    if kind == "f32":
        return float(struct.unpack(">f" if big_endian else "<f", raw)[0])
    return int.from_bytes(raw, order, signed=kind[0] == "s")  # type: ignore[arg-type]


def format_number(kind: str, value: float, big_endian: bool = False) -> bytes:
    """Return ``value`` as bytes, rounded to the nearest integer for integer types.

    Raises UsageError when the value does not fit: an encoder must never wrap silently.
    """
    try:
        if kind == "f32":
            return struct.pack(">f" if big_endian else "<f", value)
        order = "big" if big_endian else "little"
        return round(value).to_bytes(SIZES[kind], order, signed=kind[0] == "s")  # type: ignore[arg-type]
    except (OverflowError, ValueError, struct.error) as error:
        raise UsageError(f"{value!r} does not fit a field of type {kind}") from error


class Reader:
    """Little-endian cursor over one packet; every read past the end is a ``PacketError`` naming the packet."""

    __slots__ = ("at", "data", "what")

    def __init__(self, data: bytes, what: str) -> None:
        self.data = bytes(data)
        self.what = what
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        if count > self.left:
            raise PacketError(
                f"{self.what}: expected at least {self.at + count} bytes, got {len(self.data)}"
                f" ({self.data[:24].hex(' ')})"
            )
        raw = self.data[self.at : self.at + count]
        self.at += count
        return raw

    def number(self, kind: str) -> int | float:
        """Return the next number of type ``kind``."""
        return parse_number(kind, self.take(SIZES[kind]))

    def integer(self, kind: str) -> int:
        """Return the next integer of type ``kind``."""
        return int(self.number(kind))

    def rest(self) -> bytes:
        """Return everything not yet read."""
        return self.take(self.left)
