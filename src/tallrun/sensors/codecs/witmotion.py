"""WitMotion WT9011DCL / BWT901BLE5.0: frames out of a byte stream.

Source: WitMotion's published SDKs. Frames have no checksum, counter or time, and a notification may hold
several or cut one; the header bytes may also occur inside data.
"""

from __future__ import annotations

from tallrun.errors import PacketError

FRAME_BYTES = 20
_HEADERS = (b"\x55\x61", b"\x55\x71")


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
