"""Parquet tables of a session: read with every way they can be broken told apart, written whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
_FORMULA_STARTS = ("=", "+", "-", "@")
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


def arrow_column(values: NDArray[Any], text: pa.DataType | None = None) -> pa.Array:
    """Return numbers, or text as objects (n,), as Arrow's; NaN and None become null. ``pa.array`` loads pandas.

    text : Arrow's type for text, ``large_string`` without it.
    """
    if values.dtype == object:
        return _text_column(values.tolist(), text or pa.large_string())
    return _array(pa.from_numpy_dtype(values.dtype), values == values, _bits_or_bytes(values))


def column_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return plain values (n,) as Arrow's of ``kind``: string, bool, int64 or double; None becomes null.

    Raises ArrowInvalid for a value that is not of that kind, NaN among them.
    """
    if pa.types.is_string(kind):
        if not all(value is None or isinstance(value, str) for value in values):
            raise pa.ArrowInvalid("a column of text holds something else")
        return _text_column(values, kind)
    plain = [0 if value is None else value for value in values]
    try:
        numbers = np.array(plain, kind.to_pandas_dtype())
    except (TypeError, ValueError, OverflowError) as error:
        raise pa.ArrowInvalid(f"a column of {kind} holds something else") from error
    if numbers.tolist() != plain:  # 1.5 for a count, text that reads as a number
        raise pa.ArrowInvalid(f"a column of {kind} holds something else")
    return _array(kind, np.array([value is not None for value in values], np.bool_), _bits_or_bytes(numbers))


def constant_column(text: str | None, n: int) -> pa.Array:
    """Return a column that holds the same text, or None, n times."""
    code = (text or "").encode()
    ends = len(code) * np.arange(n + 1, dtype=np.int32)
    return _array(pa.string(), np.full(n, text is not None), ends, code * n)


def rows_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table of ``schema``; a key that a row lacks is null, one of no column is left out."""
    columns = [column_of([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def harmless_text(text: str) -> str:
    """Return the text of a cell with an apostrophe before what a spreadsheet would take for a formula."""
    # A bare carriage return may start a new row, and so a formula, in a spreadsheet.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if text.lstrip().startswith(_FORMULA_STARTS) or text[:1] in ("\t", "\n") else text


def _text_column(values: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    codes = {text: b"" if text is None else text.encode() for text in set(values)}
    texts = [codes[text] for text in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32 if pa.types.is_string(kind) else np.int64)
    return _array(kind, np.array([text is not None for text in values], np.bool_), ends, b"".join(texts))


def _array(kind: pa.DataType, is_known: NDArray[np.bool_], *data: Any) -> pa.Array:
    bits = None if is_known.all() else pa.py_buffer(np.packbits(is_known, bitorder="little"))
    return pa.Array.from_buffers(kind, is_known.size, [bits, *map(pa.py_buffer, data)])


def _bits_or_bytes(values: NDArray[Any]) -> NDArray[Any]:
    return (
        np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    )


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
