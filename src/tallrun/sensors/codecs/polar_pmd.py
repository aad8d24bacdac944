"""Polar Measurement Data: H10, OH1, Verity Sense. Frames, settings and control-point answers.

Source: Polar BLE SDK technical documentation (online measurement, 2024-08). The delta bits run from the
first bit of the first byte, least significant first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import PacketError, UsageError
from tallrun.numerics.recording import FloatArray
from tallrun.sensors.codecs.wire import Reader, format_number
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

ACC, GYRO, MAG = 2, 5, 6
_MEASUREMENT_MASK = 0x3F
_DELTA = 0x80
#: (measurement, frame type with the delta bit) -> (bytes per number, channels). Delta frames: reference size.
_FRAMES = {
    (ACC, 0x00): (1, 3), (ACC, 0x01): (2, 3), (ACC, 0x02): (3, 3),
    (ACC, 0x80): (2, 3), (ACC, 0x81): (2, 3),
    (GYRO, 0x80): (2, 3), (GYRO, 0x81): (4, 3),
    (MAG, 0x80): (2, 3), (MAG, 0x81): (2, 4),
}  # fmt: skip
#: Setting id -> (name, wire type of each value).
SETTINGS = {
    0: ("rate_hz", "u16"), 1: ("resolution_bits", "u16"), 2: ("range", "u16"), 3: ("range_milli", "u32"),
    4: ("channels", "u8"), 5: ("factor", "f32"),
}  # fmt: skip
_SECURITY_ID, _SECURITY_BYTES = 6, 16

Settings = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class PmdFrame:
    """One data notification.

    timestamp_ns : of the *last* sample, since 2000-01-01 by the device's own idea of time.
    frame_type : with the delta bit (0x80).
    values : int64 (n, channels), as sent; what one count means depends on measurement and frame type.
    """

    measurement: int
    timestamp_ns: int
    frame_type: int
    values: NDArray[np.int64] = field(compare=False)


@dataclass(frozen=True)
class ControlResponse:
    """Indication of the control point; ``parameters`` as sent, continued in the next one when ``has_more``."""

    op: int
    measurement: int
    status: int
    has_more: bool
    parameters: bytes


def decode_frame(data: bytes) -> PmdFrame:
    """Decode a data notification.

    Raises PacketError for streams and frame types without known layout, cut-off content and empty frames.
    """
    reader = Reader(data, "Polar frame")
    measurement = reader.integer("u8") & _MEASUREMENT_MASK
    timestamp_ns = reader.integer("u64")
    frame_type = reader.integer("u8")
    layout = _FRAMES.get((measurement, frame_type))
    if layout is None:
        raise PacketError(
            f"Polar frame: no known layout for measurement {measurement}, frame type 0x{frame_type:02x}"
        )
    size, channels = layout
    content = reader.rest()
    if frame_type & _DELTA:
        values = decode_delta(content, channels, 8 * size)
    else:
        if not content or len(content) % (size * channels):
            raise PacketError(
                f"Polar frame: {len(content)} bytes do not hold whole samples of {size * channels} bytes"
            )
        values = _signed(content, size).reshape(-1, channels)
    if (measurement, frame_type) == (GYRO, 0x81) and not np.isfinite(_as_f32(values)).all():
        raise PacketError("Polar frame: a rotation rate is not a finite number")
    return PmdFrame(measurement, timestamp_ns, frame_type, values)


def encode_frame(frame: PmdFrame) -> bytes:
    """Encode a data notification; raises UsageError for a layout that does not exist or values that do not fit."""
    layout = _FRAMES.get((frame.measurement, frame.frame_type))
    if layout is None:
        raise UsageError(
            f"no Polar layout for measurement {frame.measurement}, frame type 0x{frame.frame_type:02x}"
        )
    size = layout[0]
    head = bytes([frame.measurement]) + format_number("u64", frame.timestamp_ns) + bytes([frame.frame_type])
    if frame.frame_type & _DELTA:
        return head + encode_delta(frame.values, 8 * size)
    return head + b"".join(int(v).to_bytes(size, "little", signed=True) for v in frame.values.reshape(-1))


def decode_delta(content: bytes, channels: int, resolution_bits: int) -> NDArray[np.int64]:
    """Return the samples of delta-coded content, int64 (n, channels); the reference sample is the first.

    Raises PacketError when a block is cut off, a width exceeds 32 bits, or zero-width blocks promise more
    samples than there are bits.
    """
    size = (resolution_bits + 7) // 8
    if len(content) < size * channels:
        raise PacketError(
            f"Polar delta content: expected a reference of {size * channels} bytes, got {len(content)}"
        )
    blocks = [_signed(content[: size * channels], size).reshape(1, channels)]
    at, samples = size * channels, 1
    while at < len(content):
        if at + 2 > len(content):
            raise PacketError("Polar delta content: a block header is cut off")
        width, n = content[at], content[at + 1]
        at += 2
        used = (width * n * channels + 7) // 8
        samples += n
        if width > 32 or at + used > len(content) or samples > 8 * len(content):
            raise PacketError(f"Polar delta content: a block of {n} samples with {width} bits does not fit")
        blocks.append(_deltas(content[at : at + used], width, n, channels))
        at += used
    values = np.cumsum(np.concatenate(blocks), axis=0)
    if resolution_bits == 32:
        values = (values + (1 << 31)) % (1 << 32) - (1 << 31)
    return values


def _deltas(packed: bytes, width: int, n: int, channels: int) -> NDArray[np.int64]:
    if width == 0:
        return np.zeros((n, channels), np.int64)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[: width * n * channels]
    weights = np.int64(1) << np.arange(width, dtype=np.int64)
    weights[-1] = -weights[-1]
    return (bits.reshape(-1, width).astype(np.int64) @ weights).reshape(n, channels)


def encode_delta(values: NDArray[np.int64], resolution_bits: int) -> bytes:
    """Return delta-coded content: the reference, then blocks of up to 255 samples at the least width that fits."""
    size = (resolution_bits + 7) // 8
    values = np.asarray(values, np.int64)
    try:
        out = b"".join(int(v).to_bytes(size, "little", signed=True) for v in values[0])
    except OverflowError as error:
        raise UsageError(
            f"Polar delta content: {values[0].tolist()} does not fit {resolution_bits} bits"
        ) from error
    deltas = np.diff(values, axis=0)
    if resolution_bits == 32:
        deltas = (deltas + (1 << 31)) % (1 << 32) - (1 << 31)
    for start in range(0, len(deltas), 255):
        block = deltas[start : start + 255]
        width = max(int(d if d >= 0 else ~d).bit_length() for d in (block.min(), block.max())) + 1
        if width > 32:
            raise UsageError("Polar delta content: a step needs more than 32 bits")
        bits = (block.reshape(-1, 1) >> np.arange(width)) & 1
        packed = np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
        out += bytes([width, len(block)]) + packed
    return out


def _signed(raw: bytes, size: int) -> NDArray[np.int64]:
    if size == 3:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int64)
        joined = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
        return np.where(joined >= 1 << 23, joined - (1 << 24), joined)
    return np.frombuffer(raw, f"<i{size}").astype(np.int64)


def _as_f32(values: NDArray[np.int64]) -> NDArray[np.float32]:
    return values.astype("<i4").view("<f4")


def acc_mps2(frame: PmdFrame, factor: float) -> FloatArray:
    """Return specific force, float64 (n, 3) [m/s2]; ``factor`` is the one told at the start of the stream."""
    g_per_count = {0x80: factor, 0x81: factor * 1e-3}.get(frame.frame_type, 1e-3)
    return frame.values.astype(np.float64) * (g_per_count * STANDARD_GRAVITY_MPS2)


def gyr_radps(frame: PmdFrame, factor: float) -> FloatArray:
    """Return rotation rate, float64 (n, 3) [rad/s]."""
    if frame.frame_type == 0x81:
        return _as_f32(frame.values).astype(np.float64) * RAD_PER_DEG
    return frame.values.astype(np.float64) * (factor * RAD_PER_DEG)


def decode_control(data: bytes) -> ControlResponse:
    """Decode a control-point indication. Raises PacketError unless it is a response (F0)."""
    reader = Reader(data, "Polar control point")
    if reader.integer("u8") != 0xF0:
        raise PacketError(f"Polar control point: expected a response beginning f0, got {data[:4].hex(' ')}")
    op, measurement, status = (reader.integer("u8") for _ in range(3))
    has_more = bool(reader.integer("u8")) if reader.left else False
    return ControlResponse(op, measurement & _MEASUREMENT_MASK, status, has_more, reader.rest())


def encode_control(response: ControlResponse) -> bytes:
    """Encode a control-point indication."""
    head = bytes([0xF0, response.op, response.measurement, response.status, int(response.has_more)])
    return head + response.parameters


def decode_settings(parameters: bytes) -> Settings:
    """Decode settings (id, count, values) into names; the security value is skipped.

    Raises PacketError for an unknown id, because its width is unknown, or a cut-off list.
    """
    reader = Reader(parameters, "Polar settings")
    out: Settings = {}
    while reader.left:
        number, count = reader.integer("u8"), reader.integer("u8")
        if number == _SECURITY_ID:
            reader.take(_SECURITY_BYTES * count)
        elif number in SETTINGS:
            name, kind = SETTINGS[number]
            out[name] = tuple(reader.number(kind) for _ in range(count))
        else:
            raise PacketError(f"Polar settings: unknown setting id {number}")
    return out


def encode_settings(settings: Settings) -> bytes:
    """Encode settings, in order of id."""
    out = b""
    for number, (name, kind) in SETTINGS.items():
        if name in settings:
            out += bytes([number, len(settings[name])])
            out += b"".join(format_number(kind, value) for value in settings[name])
    return out


def start_factor(data: bytes) -> tuple[int, float] | None:
    """Return (measurement, factor) of a successful start response; None when the payload is not one."""
    try:
        response = decode_control(data)
        if response.op != 2 or response.status != 0:
            return None
        factors = decode_settings(response.parameters).get("factor", ())
    except PacketError:
        return None
    return (response.measurement, factors[0]) if factors and 0 < factors[0] < 1e6 else None
