"""``packets.arrow``: every packet of a run as it came, as an Arrow IPC stream that may end anywhere.

Each record batch carries a checksum of its packets, so a tail torn by a crash, a full disk or pages written out of
order is told from data. Readers take the batches up to the first that is not whole.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tallrun.errors import SessionError
from tallrun.sensors.events import Packet

FILE_NAME = "packets.arrow"
SCHEMA = pa.schema(
    [
        pa.field("host_time_s", pa.float64(), nullable=False),
        pa.field("sensor", pa.string(), nullable=False),
        pa.field("characteristic", pa.string(), nullable=False),
        pa.field("payload", pa.binary(), nullable=False),
    ]
)
#: What every log starts with, before its first batch.
HEADER = SCHEMA.serialize().to_pybytes()
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_CHECKSUM_KEY = b"crc32"
_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, MemoryError, OverflowError)


@dataclass(frozen=True)
class PacketLogState:
    """What is whole in a packet log: ``good_bytes`` hold ``n_packets``; ``torn_bytes`` after them do not count."""

    n_packets: int
    last_host_time_s: float | None
    good_bytes: int
    torn_bytes: int
    ended: bool


def encode_packets(packets: Sequence[Packet]) -> bytes:
    """Return one record batch with its checksum, as it stands in the stream after ``HEADER``."""
    columns = list(zip(*packets, strict=True)) if packets else [(), (), (), ()]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    sink = io.BytesIO()
    writer = pa.ipc.new_stream(sink, SCHEMA)
    batch = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    writer.write_batch(batch, custom_metadata={_CHECKSUM_KEY: b"%d" % _checksum(packets)})
    return sink.getvalue()[len(HEADER) :]


def read_packets(folder: str | Path) -> Iterator[Packet]:
    """Iterate over the packets of a session in the order they came.

    A torn tail ends the iteration without an error. Raises SessionError when there is no packet log or it is none.
    """
    path = Path(folder) / FILE_NAME
    for packets, _ in _batches(path):
        yield from packets


def inspect_packets(folder: str | Path) -> PacketLogState:
    """Find how much of a packet log is whole. Raises SessionError when there is none or it cannot be read."""
    path = Path(folder) / FILE_NAME
    n_packets, last_s, good_bytes = 0, None, 0
    for packets, end in _batches(path):
        good_bytes = end
        n_packets += len(packets)
        last_s = packets[-1].host_time_s if packets else last_s
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(good_bytes)
        ended = file.read(len(END_OF_STREAM)) == END_OF_STREAM and good_bytes > 0
    whole = good_bytes + (len(END_OF_STREAM) if ended else 0)
    return PacketLogState(n_packets, last_s, good_bytes, size - whole, ended)


def mend_packets(folder: str | Path) -> PacketLogState:
    """Cut a torn tail off a packet log and end the stream, so that any Arrow reader takes it; return what was found."""
    path = Path(folder) / FILE_NAME
    state = inspect_packets(folder)
    if state.ended and state.torn_bytes == 0:
        return state
    try:
        with path.open("rb+") as file:
            file.truncate(state.good_bytes)
            file.seek(0, os.SEEK_END)
            file.write((b"" if state.good_bytes else HEADER) + END_OF_STREAM)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SessionError(
            f"{path} could not be mended ({error.strerror or error}); free space and permissions?"
        ) from error
    return state


def _batches(path: Path) -> Iterator[tuple[list[Packet], int]]:
    """Yield the packets of each whole batch and the offset where it ends; first ([], end of the header)."""
    try:
        source = pa.memory_map(str(path)) if path.stat().st_size else None
    except FileNotFoundError:
        raise SessionError(f"{path} is missing: this session has no packets") from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read ({error.strerror or error})") from error
    if source is None:
        return
    with source:
        try:
            reader = pa.ipc.open_stream(source)
        except _BROKEN as error:
            if source.size() > _LONGEST_HEADER_BYTES:
                raise SessionError(f"{path} is no Arrow IPC stream ({type(error).__name__})") from error
            return
        if reader.schema != SCHEMA:
            raise SessionError(
                f"{path} has columns {', '.join(reader.schema.names)}; expected {', '.join(SCHEMA.names)}"
            )
        yield [], source.tell()
        while True:
            try:
                batch, metadata = reader.read_next_batch_with_custom_metadata()
                batch.validate(full=True)
                packets = [
                    Packet(*row)
                    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
                ]
                if metadata is None or int(metadata[_CHECKSUM_KEY]) != _checksum(packets):
                    return
            except (StopIteration, *_BROKEN):
                return
            yield packets, source.tell()


#: A log shorter than this may be a header that was never finished; a longer one without a header is no log.
_LONGEST_HEADER_BYTES = 4096


def _checksum(packets: Sequence[Packet]) -> int:
    value = 0
    for packet in packets:
        text = f"{packet.host_time_s!r}\0{packet.sensor}\0{packet.characteristic}\0".encode()
        value = zlib.crc32(packet.payload, zlib.crc32(text, value))
    return value
