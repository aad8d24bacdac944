"""The tables of a cohort, put together from its shards in order, one session in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tallrun.cohort.row import (
    FLAGS_SCHEMA,
    KEY_COLUMNS,
    SEGMENTS_SCHEMA,
    STRIDES_SCHEMA,
    sessions_schema,
)
from tallrun.cohort.shards import ShardStore
from tallrun.errors import SessionError
from tallrun.sessions._files import whole_file
from tallrun.sessions._tables import column_of, constant_column, harmless_text, rows_table, with_definitions

#: Rows gathered before they are written: large enough to pack well, small beside one long session.
GROUP_ROWS = 100_000
SESSION_GROUP = 500
TABLE_NAMES = ("sessions.parquet", "sessions.csv", "strides.parquet", "segments.parquet", "flags.parquet")


@dataclass(frozen=True)
class Entry:
    """One line of the ``sessions`` table. key : its shard, None when there is none."""

    values: dict[str, Any]
    key: str | None


class _Table:
    """A Parquet file (and a CSV beside it) that grows by rows and is written in groups of fixed size."""

    def __init__(
        self, path: Path, schema: pa.Schema, group_rows: int, name: str, csv_path: Path | None = None
    ) -> None:
        self.schema = with_definitions(schema, name)
        self.n_rows = 0
        self._group_rows = group_rows
        self._held: list[pa.Table] = []
        self._n_held = 0
        floats = [field.name for field in schema if pa.types.is_floating(field.type)]
        self._writer = pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            use_dictionary=[name for name in schema.names if name not in floats],
            use_byte_stream_split=floats,
            write_page_checksum=True,
        )
        options = pa_csv.WriteOptions(quoting_style="needed")
        self._csv = pa_csv.CSVWriter(csv_path, schema, write_options=options) if csv_path else None

    def add(self, table: pa.Table) -> None:
        """Add rows of this table's schema."""
        if not table.num_rows:
            return
        self._held.append(table)
        self._n_held += table.num_rows
        self.n_rows += table.num_rows
        while self._n_held >= self._group_rows:
            whole = pa.concat_tables(self._held)
            self._write(whole.slice(0, self._group_rows))
            rest = whole.slice(self._group_rows)
            self._held, self._n_held = ([rest] if rest.num_rows else []), rest.num_rows

    def close(self) -> None:
        if self._n_held:
            self._write(pa.concat_tables(self._held))
        self._held, self._n_held = [], 0
        self._writer.close()
        if self._csv is not None:
            self._csv.close()

    def _write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=self._group_rows)
        if self._csv is not None:
            self._csv.write_table(_harmless_texts(table))


def assemble(
    out: Path,
    entries: Sequence[Entry],
    shards: ShardStore,
    identified: bool,
    progress: Callable[[float], None],
) -> dict[str, dict[str, Any]]:
    """Write every table into ``out``, each whole; return rows and SHA-256 of each by its name.

    entries : in the order they are to appear. Raises SessionError when a shard is damaged or the disk refuses.
    """
    keys = list(KEY_COLUMNS)
    try:
        with ExitStack() as stack:
            paths = {name: stack.enter_context(whole_file(out / name)) for name in TABLE_NAMES}
            sessions = _Table(
                paths["sessions.parquet"],
                sessions_schema(identified),
                SESSION_GROUP,
                "sessions",
                paths["sessions.csv"],
            )
            tables = {
                name: _Table(paths[f"{name}.parquet"], pa.schema([*keys, *schema]), GROUP_ROWS, name)
                for name, schema in (
                    ("strides", STRIDES_SCHEMA),
                    ("segments", SEGMENTS_SCHEMA),
                    ("flags", FLAGS_SCHEMA),
                )
            }
            for first in range(0, len(entries), SESSION_GROUP):
                rows = [entry.values for entry in entries[first : first + SESSION_GROUP]]
                sessions.add(rows_table(rows, sessions.schema))
            for place, entry in enumerate(entries):
                for name, part in _parts(entry, shards):
                    tables[name].add(_keyed(part, entry.values, tables[name].schema))
                progress((place + 1) / len(entries))
            for table in (sessions, *tables.values()):
                table.close()
            made: dict[str, dict[str, Any]] = {}
            for name, path in paths.items():
                stem = name.partition(".")[0]
                with path.open("rb") as file:
                    digest = file_digest(file, "sha256").hexdigest()
                made[name] = {"rows": {"sessions": sessions, **tables}[stem].n_rows, "sha256": digest}
        return made
    except (pa.ArrowException, OSError) as error:
        raise SessionError(f"the tables in {os.fspath(out)} could not be written ({error})") from error


def _parts(entry: Entry, shards: ShardStore) -> Iterator[tuple[str, pa.Table]]:
    if entry.key is None or entry.values["status"] != "ok":
        return
    content, strides = shards.read_whole(entry.key)
    yield "strides", strides
    segments = [column_of(content.segments[field.name], field.type) for field in SEGMENTS_SCHEMA]
    yield "segments", pa.Table.from_arrays(segments, schema=SEGMENTS_SCHEMA)
    yield "flags", rows_table(content.flags, FLAGS_SCHEMA)


def _keyed(part: pa.Table, values: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """Return rows of one session with its key columns first."""
    keys = [constant_column(values.get(name), part.num_rows) for name, _ in KEY_COLUMNS]
    return pa.Table.from_arrays(
        [*keys, *(part.column(name) for name in schema.names[len(keys) :])], schema=schema
    )


def _harmless_texts(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            texts = table.column(place).to_pylist()
            safe = [None if text is None else harmless_text(text) for text in texts]
            table = table.set_column(place, field, column_of(safe, field.type))
    return table
