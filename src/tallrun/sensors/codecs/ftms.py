"""Fitness Machine Service: treadmill data. Read only.

Field order and widths: Bluetooth SIG GATT specification supplement. Sources disagree about the pace
fields (two bytes, s per 500 m; or, in version 1.0, one byte of 0.1 km/min), so the width is the one with
which the record's length fits its flags; when neither fits, pace and all after it are left out.
A treadmill is only ever read, so there is no encoder of control-point requests here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import cast

from tallrun.errors import PacketError
from tallrun.sensors.codecs.flagged import (
    FlagField,
    FlagGroup,
    Values,
    decode_flagged,
    encode_flagged,
    record_length,
)
from tallrun.sensors.codecs.wire import Reader
from tallrun.units import RAD_PER_DEG

_MPS_PER_CENTI_KMH = 0.01 / 3.6
_KCAL_J = 4184.0
_PACE_BITS = 0x60
_WHAT = "treadmill data"


@dataclass(frozen=True)
class TreadmillData:
    """What a treadmill says about itself; None where it did not say. ``incline_pct`` is up positive."""

    speed_mps: float | None = None
    average_speed_mps: float | None = None
    total_distance_m: float | None = None
    incline_pct: float | None = None
    ramp_angle_rad: float | None = None
    elevation_gain_m: float | None = None
    elevation_loss_m: float | None = None
    pace_s_per_m: float | None = None
    average_pace_s_per_m: float | None = None
    total_energy_j: float | None = None
    energy_per_hour_j: float | None = None
    energy_per_minute_j: float | None = None
    heart_rate_bpm: float | None = None
    metabolic_equivalent: float | None = None
    elapsed_s: float | None = None
    remaining_s: float | None = None
    belt_force_n: float | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class TreadmillRecord:
    """One notification of 2ACD: the fields it carries, and whether the rest of the record follows."""

    data: TreadmillData
    has_more: bool


def _groups(pace_kind: str) -> tuple[FlagGroup, ...]:
    return (
        FlagGroup(0, (FlagField("speed_mps", "u16", _MPS_PER_CENTI_KMH),), inverted=True),
        FlagGroup(1, (FlagField("average_speed_mps", "u16", _MPS_PER_CENTI_KMH),)),
        FlagGroup(2, (FlagField("total_distance_m", "u24"),)),
        FlagGroup(
            3,
            (
                FlagField("incline_pct", "s16", 0.1, missing=0x7FFF),
                FlagField("ramp_angle_rad", "s16", 0.1 * RAD_PER_DEG, missing=0x7FFF),
            ),
        ),
        FlagGroup(4, (FlagField("elevation_gain_m", "u16", 0.1), FlagField("elevation_loss_m", "u16", 0.1))),
        FlagGroup(5, (FlagField("pace", pace_kind, missing=0),)),
        FlagGroup(6, (FlagField("average_pace", pace_kind, missing=0),)),
        FlagGroup(
            7,
            (
                FlagField("total_energy_j", "u16", _KCAL_J, missing=0xFFFF),
                FlagField("energy_per_hour_j", "u16", _KCAL_J, missing=0xFFFF),
                FlagField("energy_per_minute_j", "u8", _KCAL_J, missing=0xFF),
            ),
        ),
        FlagGroup(8, (FlagField("heart_rate_bpm", "u8", missing=0),)),
        FlagGroup(9, (FlagField("metabolic_equivalent", "u8", 0.1),)),
        FlagGroup(10, (FlagField("elapsed_s", "u16"),)),
        FlagGroup(11, (FlagField("remaining_s", "u16"),)),
        FlagGroup(
            12,
            (FlagField("belt_force_n", "s16", missing=0x7FFF), FlagField("power_w", "s16", missing=0x7FFF)),
        ),
    )


_GROUPS_BY_PACE_BYTES = {1: _groups("u8"), 2: _groups("u16")}
_GROUPS_BEFORE_PACE = _GROUPS_BY_PACE_BYTES[2][:5]


def _pace_s_per_m(raw: float | None, pace_bytes: int) -> float | None:
    if raw is None:  # a belt that stands has no pace, and sends 0
        return None
    return raw / 500.0 if pace_bytes == 2 else 60.0 / (raw * 100.0)


def _raw_pace(pace_s_per_m: float | None, pace_bytes: int) -> float | None:
    if not pace_s_per_m:
        return None
    return pace_s_per_m * 500.0 if pace_bytes == 2 else 60.0 / (pace_s_per_m * 100.0)


def decode_treadmill_record(data: bytes, pace_bytes: int | None = None) -> TreadmillRecord:
    """Decode one notification of 2ACD.

    pace_bytes : 1 or 2 when the machine is known (firmware config), None to decide by length.
    Reserved flag bits and trailing bytes are ignored: some machines send both. A record that is cut gives the fields
    before the cut. Raises PacketError when not one of the announced fields is whole.
    """
    flags = Reader(data, _WHAT).integer("u16")
    groups: tuple[FlagGroup, ...]
    if pace_bytes is None and flags & _PACE_BITS:
        fitting = [
            n for n, table in _GROUPS_BY_PACE_BYTES.items() if record_length(flags, "u16", table) == len(data)
        ]
        pace_bytes = fitting[0] if fitting else None
        groups = _GROUPS_BY_PACE_BYTES[pace_bytes] if pace_bytes else _GROUPS_BEFORE_PACE
    else:
        groups = _GROUPS_BY_PACE_BYTES[pace_bytes or 2]
    _, values = decode_flagged(data, "u16", groups, _WHAT)
    for name in ("pace", "average_pace"):
        if name in values:
            values[f"{name}_s_per_m"] = _pace_s_per_m(cast("float | None", values.pop(name)), pace_bytes or 2)
    return TreadmillRecord(TreadmillData(**cast("dict[str, float | None]", values)), bool(flags & 1))


def encode_treadmill_record(
    data: TreadmillData, has_more: bool = False, pace_bytes: int = 2, flags: int | None = None
) -> bytes:
    """Encode one notification of 2ACD; the flags follow from what is known unless ``flags`` is given."""
    values: Values = dict(vars(data))
    groups = _GROUPS_BY_PACE_BYTES[pace_bytes]
    values["pace"] = _raw_pace(data.pace_s_per_m, pace_bytes)
    values["average_pace"] = _raw_pace(data.average_pace_s_per_m, pace_bytes)
    if flags is None:
        known = {
            field.name.removesuffix("_s_per_m")
            for field in fields(data)
            if getattr(data, field.name) is not None
        }
        flags = 1 if has_more or data.speed_mps is None else 0
        for group in groups[1:]:
            if group.bit is not None and any(field.name in known for field in group.fields):
                flags |= 1 << group.bit
    return encode_flagged(flags, "u16", groups, values, _WHAT)


class TreadmillMerger:
    """Joins the notifications of one split record: all but the last have More Data set."""

    def __init__(self, pace_bytes: int | None = None) -> None:
        self._pace_bytes = pace_bytes
        self._parts: dict[str, float] = {}

    def feed(self, data: bytes) -> TreadmillData | None:
        """Take one notification; return the whole record once its last part came.

        Some machines set More Data in every notification: a part that brings again what is there begins the next
        record, and the one before is returned as far as it came.
        Raises PacketError as ``decode_treadmill_record``; what was collected so far is then dropped, because
        a record with a hole in it would mix two moments.
        """
        try:
            record = decode_treadmill_record(data, self._pace_bytes)
        except PacketError:
            self._parts = {}
            raise
        part = {name: value for name, value in vars(record.data).items() if value is not None}
        if record.has_more and self._parts.keys() & part.keys():
            whole, self._parts = TreadmillData(**self._parts), part
            return whole
        self._parts |= part
        if record.has_more:
            return None
        whole, self._parts = TreadmillData(**self._parts), {}
        return whole
