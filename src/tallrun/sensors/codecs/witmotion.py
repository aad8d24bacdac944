"""WitMotion WT9011DCL / BWT901BLE5.0: frames out of a byte stream, register commands and answers.

Source: WitMotion's published SDKs. Frames have no checksum, counter or time, and a notification may hold
several or cut one; the header bytes may also occur inside data.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader, format_number

FRAME_BYTES = 20
_HEADERS = (b"\x55\x61", b"\x55\x71")
UNLOCK = bytes.fromhex("FF AA 69 88 B5")
SAVE = bytes.fromhex("FF AA 00 00 00")
REGISTER_RATE, REGISTER_BANDWIDTH, REGISTER_BATTERY = 0x03, 0x1F, 0x64
_RATE_CODES = {0.2: 1, 0.5: 2, 1: 3, 2: 4, 5: 5, 10: 6, 20: 7, 50: 8, 100: 9, 200: 0x0B}


class FrameSplitter:
    """Cuts the byte stream of one sensor into 20-byte frames.

    Once a frame did not begin where it should, bytes are passed over until two headers stand 20 bytes
    apart. Holds at most two frames.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._in_step = True

    def feed(self, payload: bytes) -> list[bytes | PacketError]:
        """Take the next bytes; return whole frames and, in their place, what had to be passed over."""
        data = self._buffer + bytes(payload)
        out: list[bytes | PacketError] = []
        at = skipped = 0
        while len(data) - at >= 2:
            if self._is_frame(data, at):
                if len(data) - at < FRAME_BYTES:
                    break
                if skipped:
                    out.append(_skipped(skipped))
                    skipped = 0
                out.append(data[at : at + FRAME_BYTES])
                self._in_step = True
                at += FRAME_BYTES
            elif self._may_become_frame(data, at):
                break
            else:
                self._in_step = False
                skipped += 1
                at += 1
        if skipped:
            out.append(_skipped(skipped))
        self._buffer = data[at:]
        return out

    def _is_frame(self, data: bytes, at: int) -> bool:
        if data[at : at + 2] not in _HEADERS:
            return False
        following = data[at + FRAME_BYTES : at + FRAME_BYTES + 2]
        if len(following) == 2:
            return following in _HEADERS
        # In step, a frame that ends where the bytes end is whole; out of step, wait for the next header.
        return self._in_step and len(following) == 0

    def _may_become_frame(self, data: bytes, at: int) -> bool:
        return data[at : at + 2] in _HEADERS and len(data) - at < FRAME_BYTES + 2


def _skipped(count: int) -> PacketError:
    return PacketError(f"WitMotion stream: {count} bytes passed over to find the next frame")


@dataclass(frozen=True)
class RegisterAnswer:
    """Answer to reading registers: eight signed 16-bit numbers from ``register`` on."""

    register: int
    values: tuple[int, ...]


def encode_read_register(register: int) -> bytes:
    """Return the command that asks for the eight registers from ``register`` on."""
    return bytes([0xFF, 0xAA, 0x27, register, 0])


def encode_write_register(register: int, value: int) -> bytes:
    """Return the command that writes a register; unlock first."""
    return bytes([0xFF, 0xAA, register]) + format_number("u16", value)


def decode_register_answer(frame: bytes) -> RegisterAnswer:
    """Decode a 55 71 frame. Raises PacketError for another header or length."""
    reader = Reader(frame, "WitMotion register answer")
    if reader.take(2) != _HEADERS[1] or len(frame) != FRAME_BYTES:
        raise PacketError(
            f"WitMotion register answer: expected 20 bytes beginning 55 71, got {frame[:4].hex(' ')}"
        )
    register = reader.integer("u16")
    return RegisterAnswer(register, tuple(reader.integer("s16") for _ in range(8)))


def encode_register_answer(answer: RegisterAnswer) -> bytes:
    """Encode a 55 71 frame."""
    values = b"".join(format_number("s16", value) for value in answer.values)
    return _HEADERS[1] + format_number("u16", answer.register) + values


def rate_code(rate_hz: float) -> int:
    """Return the code of an output rate for ``REGISTER_RATE``; raises UsageError for rates there are not."""
    if rate_hz not in _RATE_CODES:
        raise UsageError(f"WitMotion offers {', '.join(f'{r:g}' for r in _RATE_CODES)} Hz, not {rate_hz:g}")
    return _RATE_CODES[rate_hz]
