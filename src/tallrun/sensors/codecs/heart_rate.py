"""Heart Rate Measurement, characteristic 2A37 (Bluetooth SIG GATT specification supplement)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tallrun.sensors.codecs.flagged import FlagField, FlagGroup, decode_flagged, encode_flagged

_GROUPS = (
    FlagGroup(0, (FlagField("bpm", "u8", missing=0),), inverted=True),
    FlagGroup(0, (FlagField("bpm", "u16", missing=0),)),
    FlagGroup(3, (FlagField("energy_j", "u16", 1000.0),)),
    FlagGroup(4, (FlagField("rr_s", "u16", 1.0 / 1024.0, missing=0, repeat=True),)),
)


@dataclass(frozen=True)
class HeartRateMeasurement:
    """One heart-rate notification. ``has_contact`` is None when the strap cannot tell.

    bpm : None when the strap sends 0, as it does without a pulse to count.
    rr_s : intervals between beats [s], oldest first; empty when not sent. One sent as 0 is none.
    """

    bpm: float | None
    has_contact: bool | None = None
    energy_j: float | None = None
    rr_s: tuple[float, ...] = ()


def decode_heart_rate(data: bytes) -> HeartRateMeasurement:
    """Decode 2A37; a packet that is cut gives what stands before the cut. Raises PacketError without a heart rate."""
    flags, values = decode_flagged(data, "u8", _GROUPS, "heart rate measurement")
    contact = bool(flags & 0x02) if flags & 0x04 else None
    return HeartRateMeasurement(
        bpm=cast("float | None", values["bpm"]),
        has_contact=contact,
        energy_j=cast("float | None", values.get("energy_j")),
        rr_s=cast("tuple[float, ...]", values.get("rr_s", ())),
    )


def encode_heart_rate(measurement: HeartRateMeasurement) -> bytes:
    """Encode 2A37; one byte of heart rate up to 255 bpm, two above."""
    flags = 0x01 if (measurement.bpm or 0.0) > 255 else 0
    if measurement.has_contact is not None:
        flags |= 0x04 | (0x02 if measurement.has_contact else 0)
    flags |= 0x08 if measurement.energy_j is not None else 0
    flags |= 0x10 if measurement.rr_s else 0
    return encode_flagged(flags, "u8", _GROUPS, vars(measurement), "heart rate measurement")
