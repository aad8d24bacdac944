"""Records whose flag bits say which fields follow: a table instead of branches.

Used by the Bluetooth SIG measurements and by firmware configs with ``codec = "flagged"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallrun.errors import UsageError
from tallrun.sensors.codecs.wire import SIZES, Reader, format_number

Values = dict[str, float | tuple[float, ...] | None]


@dataclass(frozen=True)
class FlagField:
    """One field: its name (unit suffix included), wire type and factor from wire to SI.

    ``missing`` is the wire value that means "not available"; ``repeat`` reads to the end of the packet
    into a tuple, which leaves out what is not available.
    """

    name: str
    kind: str
    scale: float = 1.0
    missing: int | None = None
    repeat: bool = False


@dataclass(frozen=True)
class FlagGroup:
    """Fields present when ``bit`` of the flags is set (clear, when ``inverted``; always, when bit is None)."""

    bit: int | None
    fields: tuple[FlagField, ...]
    inverted: bool = False

    def is_present(self, flags: int) -> bool:
        """Say whether these fields follow in a record with ``flags``."""
        return self.bit is None or bool(flags >> self.bit & 1) != self.inverted


def decode_flagged(
    data: bytes, flags_kind: str, groups: Sequence[FlagGroup], what: str
) -> tuple[int, Values]:
    """Return (flags, values by field name); absent fields are absent, trailing bytes are ignored.

    A record that ends before all that its flags announce (a link of 20 bytes cuts long ones) gives the fields that
    stand whole before the cut. Raises PacketError when not one does.
    """
    reader = Reader(data, what)
    flags = reader.integer(flags_kind)
    values: Values = {}
    announced = [field for group in groups if group.is_present(flags) for field in group.fields]
    for field in announced:
        if reader.left < SIZES[field.kind] and not field.repeat and values:
            break
        values[field.name] = _read(reader, field)
    return flags, values


def _read(reader: Reader, field: FlagField) -> float | tuple[float, ...] | None:
    if field.repeat:
        raws = [reader.number(field.kind) for _ in range(reader.left // SIZES[field.kind])]
        return tuple(raw * field.scale for raw in raws if raw != field.missing)
    raw = reader.number(field.kind)
    return None if raw == field.missing else raw * field.scale


def record_length(flags: int, flags_kind: str, groups: Sequence[FlagGroup]) -> int:
    """Bytes a record with ``flags`` must have (repeated fields count as none)."""
    present = (group for group in groups if group.is_present(flags))
    return SIZES[flags_kind] + sum(
        SIZES[field.kind] for group in present for field in group.fields if not field.repeat
    )


def encode_flagged(
    flags: int, flags_kind: str, groups: Sequence[FlagGroup], values: Mapping[str, object], what: str
) -> bytes:
    """Return the record; ``flags`` decides which fields are written.

    Raises UsageError when a field the flags announce has no value and no wire value for "not available".
    """
    out = format_number(flags_kind, flags)
    for group in groups:
        if not group.is_present(flags):
            continue
        for field in group.fields:
            out += _write(field, values.get(field.name), what)
    return out


def _write(field: FlagField, value: object, what: str) -> bytes:
    if field.repeat:
        items = value if isinstance(value, tuple) else ()
        return b"".join(format_number(field.kind, item / field.scale) for item in items)
    if isinstance(value, (int, float)):
        return format_number(field.kind, value / field.scale)
    if field.missing is None:
        raise UsageError(f"{what}: the flags announce {field.name}, but it has no value")
    return format_number(field.kind, field.missing)
