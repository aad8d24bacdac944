"""Packets described by a firmware config alone: fields at fixed places, n equal samples."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import PacketError, UsageError
from tallrun.numerics.recording import FloatArray
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs.wire import SIZES, format_number, parse_number
from tallrun.sensors.config import Imu
from tallrun.sensors.config_packets import FixedField, FixedPacket, NumberAt
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

_SI: Final = {
    "g": STANDARD_GRAVITY_MPS2, "mg": STANDARD_GRAVITY_MPS2 / 1000, "mps2": 1.0,
    "dps": RAD_PER_DEG, "mdps": RAD_PER_DEG / 1000, "radps": 1.0,
}  # fmt: skip
_NUMPY: Final = {
    "u8": "u1", "s8": "i1", "u16": "u2", "s16": "i2", "u24": "u1", "s24": "u1", "u32": "u4", "s32": "i4", "f32": "f4",
}  # fmt: skip


class FixedCodec:
    """Decodes and encodes the packets of one ``FixedPacket`` layout.

    A scale the sensor must supply comes through ``learn``; a packet that needs one which has not come yet is
    refused, never read with a guess.
    """

    def __init__(self, layout: FixedPacket, imu: Imu, name: str) -> None:
        self.layout = layout
        self._name = name
        self._big = layout.byte_order == "big"
        mask = layout.header_mask_hex or b"\xff" * len(layout.header_hex)
        self._mask = mask
        self._header = bytes(h & m for h, m in zip(layout.header_hex, mask, strict=True))
        self._sizes = [_field_bytes(field) for field in layout.fields]
        self.sample_bytes = sum(self._sizes)
        ranges = {"acc": imu.acc_range_g, "gyr": imu.gyr_range_dps}
        self._scales = [_scale(field, ranges.get(field.quantity)) for field in layout.fields]
        self._factors: dict[int, float] = {}

    def fits(self, data: bytes) -> bool:
        """Say whether the packet begins with this layout's header."""
        head = data[: len(self._header)]
        return len(head) == len(self._header) and bytes(
            h & m for h, m in zip(head, self._mask, strict=True)
        ) == (self._header)

    def learn(self, index: int, payload: bytes) -> bool:
        """Take the scale of field ``index`` from a payload of its characteristic; say whether it held one.

        Raises PacketError when it is not a positive number.
        """
        factor = self.layout.fields[index].scale_from
        if factor is None or not payload.startswith(factor.header_hex):
            return False
        raw = payload[factor.offset : factor.offset + SIZES[factor.type]]
        value = float(parse_number(factor.type, raw)) if len(raw) == SIZES[factor.type] else np.nan
        if not 0 < value < 1e6:
            raise PacketError(
                f"{self._name}: the scale told at byte {factor.offset} is not a positive number"
            )
        self._factors[index] = value
        return True

    def decode(self, data: bytes) -> Batch:
        """Return the packet's samples. Raises PacketError when header, length or count do not fit the layout."""
        layout = self.layout
        if not self.fits(data):
            raise PacketError(
                f"{self._name}: expected a packet beginning {self._header.hex(' ')}, got {data[:4].hex(' ')}"
            )
        n = self._count(data)
        acc = gyr = None
        for index, (start, stride) in enumerate(self._places(n)):
            field = layout.fields[index]
            if field.quantity == "skip":
                continue
            values = self._values(data, index, start, stride, n)
            if field.quantity == "acc":
                acc = values
            else:
                gyr = values
        return Batch(
            layout.stream,
            acc,
            gyr,
            stamp_ticks=self._integer(data, layout.stamp),
            counter=self._integer(data, layout.counter),
            period_s=self._period_s(data),
        )

    def encode(self, batch: Batch) -> bytes:
        """Return the packet; values beyond what a number holds saturate, as a sensor does.

        Raises UsageError when something the layout carries is unknown.
        """
        layout, n = self.layout, batch.n_samples
        if not 1 <= n <= layout.max_samples:
            raise UsageError(f"{self._name}: a packet holds 1 to {layout.max_samples} samples, not {n}")
        out = bytearray(layout.samples_at + n * self.sample_bytes + layout.trailing_bytes)
        out[: len(self._header)] = self._header
        period_ticks = None
        if layout.period is not None and batch.period_s is not None:
            period_ticks = batch.period_s / layout.period.unit_s
        numbers = (
            (layout.stamp, batch.stamp_ticks),
            (layout.counter, batch.counter),
            (layout.count, n),
            (layout.period, period_ticks),
        )
        for place, value in numbers:
            if place is not None:
                if value is None:
                    raise UsageError(
                        f"{self._name}: the layout carries a stamp, counter or period, the samples do not"
                    )
                size = SIZES[place.type]
                wrapped = value if place.type == "f32" else round(value) % (1 << 8 * size)
                out[place.offset : place.offset + size] = format_number(place.type, wrapped, self._big)
        for index, (start, stride) in enumerate(self._places(n)):
            field = layout.fields[index]
            if field.quantity != "skip":
                values = batch.acc_mps2 if field.quantity == "acc" else batch.gyr_radps
                if values is None:
                    raise UsageError(f"{self._name}: the layout carries {field.quantity}, the samples do not")
                raw = self._raw(values, index)
                for row in range(n):
                    at = start + row * stride
                    out[at : at + len(raw[row])] = raw[row]
        return bytes(out)

    def _count(self, data: bytes) -> int:
        layout = self.layout
        body = len(data) - layout.samples_at - layout.trailing_bytes
        n, left = divmod(body, self.sample_bytes)
        if layout.count is not None and body >= 0:
            n = self._integer(data, layout.count) or 0
            left = body - n * self.sample_bytes
        if body <= 0 or left != 0 or not 1 <= n <= layout.max_samples:
            raise PacketError(
                f"{self._name}: {len(data)} bytes do not hold whole samples of {self.sample_bytes} bytes from byte "
                f"{layout.samples_at} on (1 to {layout.max_samples} of them)"
            )
        return n

    def _places(self, n: int) -> list[tuple[int, int]]:
        """Return (offset of the first value, bytes to the same field of the next sample) per field."""
        interleaved = self.layout.batch == "interleaved"
        places, at = [], self.layout.samples_at
        for size in self._sizes:
            places.append((at, self.sample_bytes if interleaved else size))
            at += size if interleaved else size * n
        return places

    def _integer(self, data: bytes, place: NumberAt | None) -> int | None:
        return None if place is None else int(self._number(data, place))

    def _number(self, data: bytes, place: NumberAt) -> float:
        raw = data[place.offset : place.offset + SIZES[place.type]]
        if len(raw) < SIZES[place.type]:
            raise PacketError(
                f"{self._name}: expected a number at byte {place.offset}, got {len(data)} bytes"
            )
        value = parse_number(place.type, raw, self._big)
        if not abs(value) < 1e300:
            raise PacketError(f"{self._name}: the number at byte {place.offset} is not finite")
        return value

    def _period_s(self, data: bytes) -> float | None:
        if self.layout.period is None:
            return None
        period_s = self._number(data, self.layout.period) * self.layout.period.unit_s
        if not 1e-5 < period_s < 10:
            raise PacketError(f"{self._name}: a sampling period of {period_s} s cannot be right")
        return period_s

    def _values(self, data: bytes, index: int, start: int, stride: int, n: int) -> FloatArray:
        field = self.layout.fields[index]
        size = SIZES[field.type]
        order = ">" if self._big else "<"
        width = (3,) if size == 3 else ()
        raw: NDArray[Any] = np.ndarray(
            (n, len(field.axes), *width),
            dtype=order + _NUMPY[field.type],
            buffer=data,
            offset=start,
            strides=(stride, size, *((1,) if width else ())),
        )
        if width:
            raw = _join_24(raw, self._big, field.type == "s24")
        elif field.type == "f32" and not np.isfinite(raw).all():
            raise PacketError(f"{self._name}: a sample is not a finite number")
        out = np.full((n, 3), np.nan)
        scale = self._scale_of(index)
        for column, axis in enumerate(field.axes):
            out[:, "xyz".index(axis[-1])] = raw[:, column] * (-scale if axis[0] == "-" else scale)
        return out

    def _scale_of(self, index: int) -> float:
        scale = self._scales[index]
        if scale is None:
            if index not in self._factors:
                raise PacketError(
                    f"{self._name}: the sensor has not told its scale yet; read it before the first packet"
                )
            scale = self._factors[index]
        return scale * _SI[self.layout.fields[index].unit or "mps2"]

    def _raw(self, values: FloatArray, index: int) -> list[bytes]:
        field = self.layout.fields[index]
        scale = self._scale_of(index)
        columns = [values[:, "xyz".index(a[-1])] / (-scale if a[0] == "-" else scale) for a in field.axes]
        counts = np.stack(columns, axis=1)
        if np.isnan(counts).any():
            raise UsageError(
                f"{self._name}: a sample of {field.quantity} is unknown, and the packet cannot say so"
            )
        if field.type != "f32":
            bits = 8 * SIZES[field.type]
            low, high = (
                (-(1 << bits - 1), (1 << bits - 1) - 1) if field.type[0] == "s" else (0, (1 << bits) - 1)
            )
            counts = np.clip(np.rint(counts), low, high)
        return [b"".join(format_number(field.type, float(v), self._big) for v in row) for row in counts]


def _field_bytes(field: FixedField) -> int:
    return field.skip_bytes if field.quantity == "skip" else SIZES[field.type] * len(field.axes)


def _scale(field: FixedField, range_: float | None) -> float | None:
    if field.scale_by_range is not None:
        return field.scale_by_range[f"{range_:g}"]
    return field.scale


def _join_24(raw: NDArray[Any], big: bool, signed: bool) -> NDArray[Any]:
    low, middle, high = (raw[..., i].astype(np.int64) for i in ((2, 1, 0) if big else (0, 1, 2)))
    joined = low | middle << 8 | high << 16
    return np.where(joined >= 1 << 23, joined - (1 << 24), joined) if signed else joined
