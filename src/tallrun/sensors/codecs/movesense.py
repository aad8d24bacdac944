"""Movesense GATT sensor data protocol: commands, responses, split values, the small measurement values.

Sources: movesense.com/docs/esw/gatt_sensordata_protocol; movesense-device-lib 2.3 sample application. The
samples themselves are a fixed layout and stand in the firmware config; its packets are the stream's
reference byte followed by the reassembled value.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import PacketError
from tallrun.sensors.codecs.wire import Reader, format_number

HELLO, SUBSCRIBE, UNSUBSCRIBE, FETCH_LOG, GET = 0, 1, 2, 3, 4
COMMAND_RESPONSE, DATA, DATA_PART2 = 1, 2, 3
#: A value longer than this is split: DATA carries this much, DATA_PART2 the rest.
SPLIT_BYTES = 150
_LARGEST_STATUS = 599


@dataclass(frozen=True)
class Command:
    """Written to the command characteristic; ``reference`` names the stream in everything that follows."""

    code: int
    reference: int
    payload: bytes = b""


@dataclass(frozen=True)
class CommandResponse:
    """Answer to a command; statuses are those of HTTP."""

    reference: int
    status: int
    data: bytes = b""


@dataclass(frozen=True)
class Hello:
    """Answer to HELLO of firmware 2.3 and later. All texts are the sensor's own."""

    reference: int
    protocol_version: int
    texts: tuple[str, ...]


def encode_command(command: Command) -> bytes:
    """Encode a command."""
    return bytes([command.code, command.reference]) + command.payload


def decode_command(data: bytes) -> Command:
    """Decode a command (what an emulated sensor receives). Raises PacketError for reference 0 or no header."""
    reader = Reader(data, "Movesense command")
    code, reference = reader.integer("u8"), reader.integer("u8")
    if reference == 0:
        raise PacketError("Movesense command: reference 0 is not allowed")
    return Command(code, reference, reader.rest())


def subscribe(reference: int, path: str) -> bytes:
    """Return the command that starts the stream ``path``, NUL-terminated as firmware 2.3 wants it."""
    return encode_command(Command(SUBSCRIBE, reference, path.encode() + b"\0"))


def decode_response(data: bytes) -> CommandResponse:
    """Decode a COMMAND_RESPONSE other than HELLO's; a status sent big-endian (old sample app) is turned."""
    reader = Reader(data, "Movesense response")
    code, reference, status = reader.integer("u8"), reader.integer("u8"), reader.integer("u16")
    if code != COMMAND_RESPONSE:
        raise PacketError(f"Movesense response: expected code {COMMAND_RESPONSE}, got {code}")
    if status > _LARGEST_STATUS:
        status = status >> 8 | (status & 0xFF) << 8
    return CommandResponse(reference, status, reader.rest())


def encode_response(response: CommandResponse) -> bytes:
    """Encode a COMMAND_RESPONSE."""
    return (
        bytes([COMMAND_RESPONSE, response.reference]) + format_number("u16", response.status) + response.data
    )


def decode_hello(data: bytes) -> Hello:
    """Decode the answer to HELLO: protocol version, then NUL-separated serial, product, MAC, app, version."""
    reader = Reader(data, "Movesense hello")
    code, reference, version = (reader.integer("u8") for _ in range(3))
    if code != COMMAND_RESPONSE:
        raise PacketError(f"Movesense hello: expected code {COMMAND_RESPONSE}, got {code}")
    texts = reader.rest().rstrip(b"\0").split(b"\0")
    return Hello(reference, version, tuple(text.decode("utf-8", errors="replace") for text in texts))


def encode_hello(hello: Hello) -> bytes:
    """Encode the answer to HELLO."""
    head = bytes([COMMAND_RESPONSE, hello.reference, hello.protocol_version])
    return head + b"".join(text.encode() + b"\0" for text in hello.texts)


def split_value(reference: int, value: bytes) -> list[bytes]:
    """Return the notifications that carry one measurement value."""
    parts = [bytes([DATA, reference]) + value[:SPLIT_BYTES]]
    if len(value) > SPLIT_BYTES:
        parts.append(bytes([DATA_PART2, reference]) + value[SPLIT_BYTES:])
    return parts


class ValueAssembler:
    """Puts split values together again, one buffer per stream; command responses pass by."""

    def __init__(self) -> None:
        self._waiting: dict[int, bytes] = {}

    def feed(self, payload: bytes) -> list[bytes | PacketError]:
        """Take one notification; return whole values, each after its reference byte, and what was unusable."""
        if len(payload) < 2:
            return [PacketError(f"Movesense notification: expected at least 2 bytes, got {len(payload)}")]
        code, reference, body = payload[0], payload[1], bytes(payload[2:])
        if code == COMMAND_RESPONSE:
            return []
        if code == DATA:
            out: list[bytes | PacketError] = []
            if self._waiting.get(reference) == body:
                return []  # delivered twice
            if self._waiting.pop(reference, None) is not None:
                out.append(PacketError("Movesense notification: the second part of a value is missing"))
            if len(body) == SPLIT_BYTES:
                self._waiting[reference] = body
            else:
                out.append(payload[1:2] + body)
            return out
        if code == DATA_PART2:
            first = self._waiting.pop(reference, None)
            if first is None:
                return [PacketError("Movesense notification: a second part without its first")]
            return [payload[1:2] + first + body]
        return [PacketError(f"Movesense notification: unknown code {code}")]


@dataclass(frozen=True)
class SensorInfo:
    """Answer to GET of /Meas/Acc/Info or /Meas/Gyro/Info: what can be chosen."""

    rates_hz: tuple[int, ...]
    ranges: tuple[int, ...]


def decode_acc_info(data: bytes) -> SensorInfo:
    """Decode the body of /Meas/Acc/Info: counted u16 rates, counted u8 ranges [g]."""
    reader = Reader(data, "Movesense acceleration info")
    rates = tuple(reader.integer("u16") for _ in range(reader.integer("u8")))
    return SensorInfo(rates, tuple(reader.integer("u8") for _ in range(reader.integer("u8"))))


def decode_gyro_info(data: bytes) -> SensorInfo:
    """Decode the body of /Meas/Gyro/Info: counted u16 rates, counted u16 ranges [dps]."""
    reader = Reader(data, "Movesense rotation info")
    rates = tuple(reader.integer("u16") for _ in range(reader.integer("u8")))
    return SensorInfo(rates, tuple(reader.integer("u16") for _ in range(reader.integer("u8"))))


def encode_acc_info(info: SensorInfo) -> bytes:
    """Encode the body of /Meas/Acc/Info."""
    return _counted(info.rates_hz, "u16") + _counted(info.ranges, "u8")


def encode_gyro_info(info: SensorInfo) -> bytes:
    """Encode the body of /Meas/Gyro/Info."""
    return _counted(info.rates_hz, "u16") + _counted(info.ranges, "u16")


def _counted(numbers: tuple[int, ...], kind: str) -> bytes:
    return bytes([len(numbers)]) + b"".join(format_number(kind, number) for number in numbers)


@dataclass(frozen=True)
class HeartRateValue:
    """Value of /Meas/HR; it carries no time. ``bpm`` is None when the sensor sends 0, as it does without a pulse."""

    bpm: float | None
    rr_s: tuple[float, ...]


def decode_heart_rate_value(value: bytes) -> HeartRateValue:
    """Decode a value of /Meas/HR: f32 bpm, then u16 ms between beats; 0 is none."""
    reader = Reader(value, "Movesense heart rate")
    bpm = float(reader.number("f32"))
    if not 0 <= bpm < 1000:
        raise PacketError("Movesense heart rate: the rate is not a plausible number")
    intervals_ms = [reader.integer("u16") for _ in range(reader.left // 2)]
    return HeartRateValue(bpm or None, tuple(rr_ms / 1000.0 for rr_ms in intervals_ms if rr_ms))


def encode_heart_rate_value(value: HeartRateValue) -> bytes:
    """Encode a value of /Meas/HR."""
    return format_number("f32", value.bpm or 0.0) + b"".join(
        format_number("u16", rr * 1000.0) for rr in value.rr_s
    )


@dataclass(frozen=True)
class TemperatureValue:
    """Value of /Meas/Temp."""

    timestamp_ms: int
    temperature_k: float


def decode_temperature_value(value: bytes) -> TemperatureValue:
    """Decode a value of /Meas/Temp."""
    reader = Reader(value, "Movesense temperature")
    timestamp_ms, temperature_k = reader.integer("u32"), float(reader.number("f32"))
    if not 0 < temperature_k < 1e4:
        raise PacketError("Movesense temperature: not a plausible number")
    return TemperatureValue(timestamp_ms, temperature_k)


def encode_temperature_value(value: TemperatureValue) -> bytes:
    """Encode a value of /Meas/Temp."""
    return format_number("u32", value.timestamp_ms) + format_number("f32", value.temperature_k)


@dataclass(frozen=True)
class DetailedTime:
    """Answer to GET of /Time/Detailed: ties the millisecond stamps to world time."""

    utc_us: int
    relative_ms: int
    tick_rate_hz: int
    accuracy: int


def decode_detailed_time(data: bytes) -> DetailedTime:
    """Decode the body of /Time/Detailed."""
    reader = Reader(data, "Movesense detailed time")
    return DetailedTime(reader.integer("u64"), *(reader.integer("u32") for _ in range(3)))


def encode_detailed_time(time: DetailedTime) -> bytes:
    """Encode the body of /Time/Detailed."""
    tail = (time.relative_ms, time.tick_rate_hz, time.accuracy)
    return format_number("u64", time.utc_us) + b"".join(format_number("u32", number) for number in tail)
