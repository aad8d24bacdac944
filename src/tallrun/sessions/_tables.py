"""Parquet tables of a session: read with every way they can be broken told apart, written whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tallrun.columns import described
from tallrun.errors import SessionError, SignalError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._files import is_there, whole_file

#: 26 hours at 208 Hz, 11 at 500 Hz; a longer file is taken for damage or an attack, not for a run.
MAX_ROWS = 20_000_000
MAX_TABLE_BYTES = 4 * 1024**3
_BROKEN = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)


@contextmanager
def opened_table(path: Path, required: Sequence[str]) -> Iterator[pq.ParquetFile]:
    """Give a Parquet file whose columns are then read, page checksums being checked where the file has them.

    Raises SessionError when it is missing, truncated, no Parquet, too long, or lacks a ``required`` column.
    """
    if not is_there(path):
        raise SessionError(f"{path} is missing")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata, names = file.metadata, file.schema_arrow.names
            if metadata.num_rows > MAX_ROWS:
                raise SessionError(
                    f"{path} declares {metadata.num_rows} rows; at most {MAX_ROWS} are accepted"
                )
            n_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            if n_bytes > MAX_TABLE_BYTES:
                raise SessionError(
                    f"{path} would take {n_bytes} bytes; at most {MAX_TABLE_BYTES} are accepted"
                )
            missing = [name for name in required if name not in names]
            if missing:
                raise SessionError(
                    f"{path} lacks column {', '.join(missing)}; it has {', '.join(names) or 'none'}"
                )
            if len(set(names)) != len(names):
                raise SessionError(f"{path} names a column twice: {', '.join(names)}")
            yield file
    except PermissionError as error:
        raise SessionError(f"{path} cannot be read (permission denied); check its owner") from error
    except _BROKEN as error:
        raise SessionError(f"{path} is truncated or not a Parquet file ({_first_line(error)})") from error


def read_table(path: Path, required: Sequence[str]) -> pa.Table:
    """Read a Parquet file whole. Raises SessionError as ``opened_table`` does."""
    with opened_table(path, required) as file:
        return file.read()


def with_definitions(schema: pa.Schema, table: str) -> pa.Schema:
    """Return the schema of a table of ours with unit and definition in the metadata of each column."""
    found = described(table, schema.names)
    return pa.schema([field.with_metadata(found[field.name]) for field in schema], schema.metadata)


def write_table(path: Path, table: pa.Table) -> None:
    """Write ``table`` as Parquet with page checksums, whole."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    with whole_file(path) as partial:
        # Splitting the bytes of measured numbers packs them a third smaller and reads faster than dictionaries do.
        pq.write_table(
            table,
            partial,
            compression="zstd",
            use_dictionary=[name for name in table.column_names if name not in floats],
            use_byte_stream_split=floats,
            write_page_checksum=True,
        )


def arrow_column(values: NDArray[Any]) -> pa.Array:
    """Return numbers, or text as objects (n,), as Arrow's; NaN and None become null. ``pa.array`` loads pandas."""
    if values.dtype == object:
        codes = {text: b"" if text is None else text.encode() for text in set(values.tolist())}
        texts = [codes[text] for text in values.tolist()]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        kind, is_known = pa.large_string(), np.array([text is not None for text in values.tolist()], np.bool_)
        data = [pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    else:
        kind, is_known = pa.from_numpy_dtype(values.dtype), values == values
        plain = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values
        data = [pa.py_buffer(np.ascontiguousarray(plain))]
    bits = None if is_known.all() else pa.py_buffer(np.packbits(is_known, bitorder="little"))
    return pa.Array.from_buffers(kind, values.size, [bits, *data])


def signal_columns(file: pq.ParquetFile, names: Sequence[str], path: Path) -> FloatArray:
    """Read measured columns as float64 (n, k); nulls (and a column of nothing else) become NaN.

    One column after the other, so that a long recording is in memory once. Raises SignalError for anything but floating
    point: whole numbers are raw counts, not SI.
    """
    values = np.empty((file.metadata.num_rows, len(names)))
    for axis, name in enumerate(names):
        kind = file.schema_arrow.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise SignalError(f"{path}: column {name} must be floating point in SI units, found {kind}")
        _fill(values[:, axis], file.read(columns=[name], use_threads=False).column(name))
    return values


def number_column(table: pa.Table, name: str, path: Path) -> FloatArray:
    """Return a column of any numeric type as float64; nulls become NaN.

    Raises SignalError for other types.
    """
    kind = table.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise SignalError(f"{path}: column {name} must be a number, found {kind}")
    values = np.empty(table.num_rows)
    _fill(values, table.column(name))
    return values


def text_column(table: pa.Table, name: str, path: Path) -> list[str]:
    """Return a text column; nulls become empty text. Raises SignalError for other types."""
    kind = table.schema.field(name).type
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_dictionary(kind)
        or pa.types.is_null(kind)
    ):
        raise SignalError(f"{path}: column {name} must be text, found {kind}")
    return ["" if value is None else str(value) for value in table.column(name).to_pylist()]


def _fill(out: FloatArray, column: pa.ChunkedArray) -> None:
    """Copy numbers into ``out`` (n,), nulls as NaN. Arrow's own way to arrays loads pandas.

    Raises ValueError unless there are n of them.
    """
    if len(column) != out.size:
        raise ValueError(f"a column of {len(column)} rows where {out.size} are declared")
    first = 0
    for chunk in column.chunks:
        part = out[first : first + len(chunk)]
        first += len(chunk)
        if chunk.null_count == len(chunk):
            part[:] = np.nan
            continue
        letter = (
            "f"
            if pa.types.is_floating(chunk.type)
            else "i"
            if pa.types.is_signed_integer(chunk.type)
            else "u"
        )
        kind = np.dtype(f"{letter}{chunk.type.bit_width // 8}")
        is_known, data = chunk.buffers()
        part[:] = np.frombuffer(data, kind, len(chunk), chunk.offset * kind.itemsize)
        if chunk.null_count:
            bits = np.unpackbits(np.frombuffer(is_known, np.uint8), bitorder="little")
            part[bits[chunk.offset : chunk.offset + len(chunk)] == 0] = np.nan


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
