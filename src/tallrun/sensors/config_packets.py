"""Packet layouts of a firmware config: which codec reads a characteristic, and with which numbers.

``fixed`` and ``flagged`` describe the bytes themselves, so a sensor with such packets needs no Python. The
other codecs are protocols with rules of their own and have a module in ``sensors.codecs``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tallrun.sensors.config_parts import HexBytes, NumberType, Offset, Role, Strict

#: How notifications of a characteristic become packets.
Framing = Literal["none", "movesense_gsp", "witmotion"]
#: Field names a flagged packet may fill, by what the reading is.
READING_FIELDS = {
    "treadmill": ("speed_mps", "incline_pct", "total_distance_m", "elapsed_s"),
    "heart_rate": ("bpm", "rr_s"),
    "foot_pod": ("speed_mps", "cadence_spm", "stride_length_m", "total_distance_m"),
}


class NumberAt(Strict):
    """A number at a fixed offset of the packet."""

    offset: Offset
    type: NumberType


class Period(NumberAt):
    """The sampling period as the sensor measures it."""

    unit_s: Annotated[float, Field(gt=0, le=1)]


class Factor(Strict):
    """A scale the sensor supplies: read from this characteristic before the first packet."""

    characteristic: Role
    offset: Offset
    type: NumberType = "f32"
    header_hex: HexBytes = b""


class FixedField(Strict):
    """Three (or fewer) numbers of one quantity, or bytes to skip, inside one sample.

    axes : the sensor axis of each number, with a sign where the packet's axes are not right-handed.
    Exactly one of ``scale`` (unit per count), ``scale_by_range`` (the same, by the range set in [imu]) and
    ``scale_from`` (supplied by the sensor) says what one count is worth.
    """

    quantity: Literal["acc", "gyr", "skip"]
    type: NumberType = "s16"
    axes: tuple[Literal["x", "y", "z", "-x", "-y", "-z"], ...] = ("x", "y", "z")
    unit: Literal["g", "mg", "mps2", "dps", "mdps", "radps"] | None = None
    scale: float | None = None
    scale_by_range: dict[str, float] | None = None
    scale_from: Factor | None = None
    skip_bytes: Annotated[int, Field(ge=0, le=512)] = 0

    @model_validator(mode="after")
    def _is_whole(self) -> FixedField:
        if self.quantity == "skip":
            if self.skip_bytes == 0:
                raise ValueError("a skip field needs skip_bytes")
            return self
        scales = (self.scale, self.scale_by_range, self.scale_from)
        if sum(item is not None for item in scales) != 1:
            raise ValueError("give exactly one of scale, scale_by_range, scale_from")
        units = ("g", "mg", "mps2") if self.quantity == "acc" else ("dps", "mdps", "radps")
        if self.unit not in units:
            raise ValueError(f"the unit of {self.quantity} is one of {', '.join(units)}")
        letters = [axis[-1] for axis in self.axes]
        if not letters or len(set(letters)) != len(letters):
            raise ValueError("axes must name each axis at most once, and at least one")
        if self.type in ("u64",):
            raise ValueError("samples of type u64 are not supported")
        return self


class FixedPacket(Strict):
    """A packet whose fields stand at fixed places: header, stamp, counter, then n equal samples.

    batch : ``interleaved`` repeats the whole list of fields per sample; ``sensor_major`` sends all samples
        of the first field, then all of the second.
    count : where the number of samples stands; without it the number follows from the length.
    usual_samples : how many the sensor sends at a time, where it could hold more (for emulated sensors).
    stream : samples of different streams come in packets of their own and are joined by time.
    """

    codec: Literal["fixed"]
    characteristic: Role
    framing: Framing = "none"
    header_hex: HexBytes = b""
    header_mask_hex: HexBytes = b""
    byte_order: Literal["little", "big"] = "little"
    stream: Literal["imu", "acc", "gyr"] = "imu"
    batch: Literal["interleaved", "sensor_major"] = "interleaved"
    samples_at: Offset
    count: NumberAt | None = None
    max_samples: Annotated[int, Field(ge=1, le=255)] = 255
    usual_samples: Annotated[int, Field(ge=1, le=255)] | None = None
    trailing_bytes: Annotated[int, Field(ge=0, le=512)] = 0
    stamp: NumberAt | None = None
    counter: NumberAt | None = None
    period: Period | None = None
    fields: tuple[FixedField, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> FixedPacket:
        if self.header_mask_hex and len(self.header_mask_hex) != len(self.header_hex):
            raise ValueError("header_mask_hex must be as long as header_hex")
        carried = {field.quantity for field in self.fields} - {"skip"}
        expected = {"imu": ({"acc"}, {"acc", "gyr"}), "acc": ({"acc"},), "gyr": ({"gyr"},)}[self.stream]
        if carried not in expected:
            raise ValueError(f"a packet of stream {self.stream} cannot carry {sorted(carried) or 'nothing'}")
        return self

    def check_against(self, acc_range_g: float | None, gyr_range_dps: float | None) -> None:
        """Raise ValueError unless every range-dependent scale knows the configured range."""
        ranges = {"acc": acc_range_g, "gyr": gyr_range_dps}
        for field in self.fields:
            if field.scale_by_range is None:
                continue
            configured = ranges[field.quantity]
            if configured is None or f"{configured:g}" not in field.scale_by_range:
                raise ValueError(
                    f"scale_by_range of {field.quantity} has no entry for the range {configured}"
                )

    def roles(self) -> list[str]:
        """Roles of the characteristics this packet needs."""
        return [self.characteristic, *(f.scale_from.characteristic for f in self.fields if f.scale_from)]


class FlaggedField(Strict):
    """One optional field: name of a reading, wire type, factor to SI, value that means "not available"."""

    name: str
    type: NumberType
    scale: float = 1.0
    missing: int | None = None
    repeat: bool = False


class FlaggedGroup(Strict):
    """Fields present when ``bit`` of the flags is set (clear, when ``inverted``; always, without ``bit``)."""

    bit: Annotated[int, Field(ge=0, le=31)] | None = None
    inverted: bool = False
    fields: tuple[FlaggedField, ...]


class FlaggedPacket(Strict):
    """A record whose flag bits say which fields follow, in order.

    Fields called ``skip`` (or any name starting with it) are read over. ``more_bit`` marks records split
    over several notifications: while it is set, the rest follows.
    """

    codec: Literal["flagged"]
    characteristic: Role
    flags: Literal["u8", "u16", "u24", "u32"]
    reading: Literal["treadmill", "heart_rate", "foot_pod"]
    groups: tuple[FlaggedGroup, ...]
    more_bit: Annotated[int, Field(ge=0, le=31)] | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> FlaggedPacket:
        known = READING_FIELDS[self.reading]
        for group in self.groups:
            for field in group.fields:
                if field.name not in known and not field.name.startswith("skip"):
                    raise ValueError(
                        f"a {self.reading} reading has no field {field.name!r}; it has {', '.join(known)}"
                    )
        return self

    def roles(self) -> list[str]:
        """Roles of the characteristics this packet needs."""
        return [self.characteristic]


class OpenPacketLayout(Strict):
    """The open packet; its scales come from the info characteristic."""

    codec: Literal["open_packet"]
    characteristic: Role
    info: Role

    def roles(self) -> list[str]:
        """Roles of the characteristics this packet needs."""
        return [self.characteristic, self.info]


class PolarLayout(Strict):
    """Polar measurement data; factors come in the answers of the control point.

    The factors here hold until such an answer was seen.
    """

    codec: Literal["polar_pmd"]
    characteristic: Role
    control: Role
    acc_factor: float = 1.0
    gyr_factor: float = 1.0

    def roles(self) -> list[str]:
        """Roles of the characteristics this packet needs."""
        return [self.characteristic, self.control]


class SigLayout(Strict):
    """A Bluetooth SIG measurement.

    cadence_multiplier : makes steps of both feet of what the pod counts (2 for pods that count strides).
    pace_bytes : width of the treadmill's pace fields; without it the record's length decides.
    """

    codec: Literal["rsc", "ftms_treadmill", "heart_rate"]
    characteristic: Role
    cadence_multiplier: Annotated[float, Field(gt=0, le=4)] = 1.0
    pace_bytes: Literal[1, 2] | None = None

    def roles(self) -> list[str]:
        """Roles of the characteristics this packet needs."""
        return [self.characteristic]


Packet = Annotated[
    FixedPacket | FlaggedPacket | OpenPacketLayout | PolarLayout | SigLayout, Field(discriminator="codec")
]
