"""FIT files byte by byte, as sound or as broken as a test wants them: definition and data records, checksums."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from fitdecode.utils import compute_crc

EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
#: Name: base type, struct letter, value that stands for "unknown".
_TYPES = {
    "enum": (0x00, "B", 0xFF), "u8": (0x02, "B", 0xFF), "u16": (0x84, "H", 0xFFFF), "u32": (0x86, "I", 0xFFFFFFFF),
    "s32": (0x85, "i", 0x7FFFFFFF),
}  # fmt: skip
#: Field number and type of what a record of a run may hold.
RECORD = {
    "hr": (3, "u8"), "cad": (4, "u8"), "dist": (5, "u32"), "speed": (6, "u16"), "lat": (0, "s32"), "lon": (1, "s32"),
}  # fmt: skip
Message = tuple[int, Sequence[tuple[int, str, int | None]]]


def stamp(at: datetime) -> int:
    """Return seconds as FIT counts them."""
    return int((at - EPOCH).total_seconds())


def fit_bytes(messages: Sequence[Message], header: int = 14) -> bytes:
    """Return a whole file of (message number, [(field number, type, value or None)]) with checksums that fit."""
    body, known = b"", None
    for number, fields in messages:
        shape = (number, *((field, kind) for field, kind, _ in fields))
        if shape != known:
            body += struct.pack("<BBBHB", 0x40, 0, 0, number, len(fields))
            body += b"".join(
                bytes([field, struct.calcsize(_TYPES[kind][1]), _TYPES[kind][0]]) for field, kind, _ in fields
            )
            known = shape
        body += b"\0" + b"".join(
            struct.pack("<" + _TYPES[kind][1], _TYPES[kind][2] if value is None else value)
            for _, kind, value in fields
        )
    start = struct.pack("<BBHI4s", header, 0x10, 2132, len(body), b".FIT")
    if header == 14:
        start += struct.pack("<H", compute_crc(start))
    return start + body + struct.pack("<H", compute_crc(start + body))


def file_id(kind: int = 4) -> Message:
    """Return who wrote the file and what kind it is: 4 an activity, 5 a workout, 6 a course."""
    return (0, [(0, "enum", kind), (1, "u16", 1), (2, "u16", 1000)])


def record(at_s: int, **values: int | None) -> Message:
    """Return one point at a FIT time, its values as the format counts them."""
    return (20, [(253, "u32", at_s), *((*RECORD[name], value) for name, value in values.items())])


def session(at_s: int, duration_s: int, metres: int | None, sport: int = 1) -> Message:
    """Return the summary of an activity that began at a FIT time."""
    return (
        18,
        [
            (253, "u32", at_s + duration_s), (2, "u32", at_s), (5, "enum", sport), (7, "u32", 1000 * duration_s),
            (9, "u32", None if metres is None else 100 * metres),
        ],
    )  # fmt: skip
