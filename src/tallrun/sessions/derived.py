"""Writes what was computed from a session: recomputable tables, each file whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from tallrun.sessions._files import make_owner_folder, whole_file, write_json
from tallrun.sessions._tables import arrow_column, with_definitions, write_table

if TYPE_CHECKING:
    from tallrun.gait.table import GaitTable
    from tallrun.numerics.recording import WatchData
    from tallrun.pipeline import GaitTables


def write_tables(folder: Path, tables: GaitTables) -> None:
    """Write strides (Parquet and CSV), segments, timeline, flags and summary into ``folder``.

    Files of an earlier analysis are replaced. Unknown values are null in Parquet and JSON and empty in CSV.
    Raises SessionError when the disk refuses.
    """
    make_owner_folder(folder)
    arrow = {name: _arrow(tables.table(name)) for name in ("strides", "segments", "timeline")}
    for name, table in arrow.items():
        described = pa.Table.from_arrays(table.columns, schema=with_definitions(table.schema, name))
        write_table(folder / f"{name}.parquet", described)
    with whole_file(folder / "strides.csv") as partial:  # by Arrow: ten times quicker than pandas
        csv.write_csv(arrow["strides"], partial, csv.WriteOptions(quoting_style="needed"))
    write_json(folder / "flags.json", tables.flags)
    write_json(folder / "summary.json", tables.summary)


def write_watch(folder: Path, watch: WatchData | None) -> None:
    """Write what a watch recorded (rows and laps, Parquet and CSV) beside the tables; nothing without a watch."""
    if watch is None:
        return
    for name, columns in (("watch", watch.rows), ("laps", watch.laps)):
        if len(next(iter(columns.values()), ())):
            write_table(folder / f"{name}.parquet", pa.table(columns))
            with whole_file(folder / f"{name}.csv") as partial:
                csv.write_csv(pa.table(columns), partial, csv.WriteOptions(quoting_style="needed"))


def _arrow(table: GaitTable) -> pa.Table:
    """Return columns as Arrow's, with what tells pandas which types to read them as; NaN and None become null."""
    told = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": values.dtype.name,
            "numpy_type": "string" if values.dtype == object else values.dtype.name,
            "metadata": None,
        }
        for name, values in table.columns.items()
    ]
    for_pandas = {
        "index_columns": [],
        "column_indexes": [],
        "columns": told,
        "attributes": {},
        "creator": {"library": "pyarrow", "version": pa.__version__},
    }
    columns = {name: arrow_column(values) for name, values in table.columns.items()}
    return pa.table(columns, metadata={"pandas": json.dumps(for_pandas)})


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, readable by its owner only; its folder is made if missing."""
    make_owner_folder(path.parent)
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
