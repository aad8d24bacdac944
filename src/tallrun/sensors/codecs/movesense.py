"""Movesense GATT sensor data protocol: split measurement values put together again.

Sources: movesense.com/docs/esw/gatt_sensordata_protocol; movesense-device-lib 2.3 sample application. The
samples themselves are a fixed layout and stand in the firmware config; its packets are the stream's
reference byte followed by the reassembled value.
"""

from __future__ import annotations

from tallrun.errors import PacketError

COMMAND_RESPONSE, DATA, DATA_PART2 = 1, 2, 3
#: A value longer than this is split: DATA carries this much, DATA_PART2 the rest.
SPLIT_BYTES = 150


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
