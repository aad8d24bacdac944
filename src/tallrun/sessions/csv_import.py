"""CSV files of other makers to a ``Recording``, by column mapping or preset.

Delimiter (comma, semicolon, tab), decimal comma, byte-order mark and lines before the header are found by looking at
the file's start. What cannot be found or cannot be a number is refused with the line it stands in.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble, unwrap_counter
from tallrun.sessions.csv_head import Head, choose_layout, columns_of, plain_name
from tallrun.sessions.csv_layouts import NOT_RECORDED, Axes, CsvLayout, SensorColumns
from tallrun.sessions.foreign_units import (
    ACC_UNITS,
    GYR_UNITS,
    TIME_UNITS,
    Declared,
    check_sample_numbers,
    unit_factor,
)

MAX_SECONDS = 600.0
_CHUNK_ROWS = 500_000
HEADER_UNITS = {
    "m/s^2": "mps2", "m/s2": "mps2", "m/s²": "mps2", "m/s/s": "mps2", "g": "g", "mg": "mg",
    "deg/s": "dps", "°/s": "dps", "dps": "dps", "rad/s": "radps", "mdps": "mdps",
}  # fmt: skip


def import_csv(
    files: Sequence[Path], layouts: Sequence[CsvLayout], placements: Sequence[str], facts: ImportFacts
) -> Imported:
    """Read CSV files into one recording.

    Parameters
    ----------
    files
        One file each for a sensor, or for its accelerometer and its gyroscope.
    layouts
        Tried in order; the first whose columns a file has is taken for it.
    placements
        One for each file, or one for all; needed unless the layout names the placement itself.
    facts
        What the file does not say; ``facts.rate_hz`` overrides the rate of the layout.

    Raises
    ------
    FormatError
        A file is missing, too large, has no such columns, holds text where numbers belong, or takes too long.
    SignalError
        Values cannot be in the declared unit, or time goes back.
    """
    if len(placements) not in (0, 1, len(files)):
        raise FormatError(
            f"{len(files)} files need one --placement each (or one for all), got {len(placements)}"
        )
    streams: list[Stream] = []
    deadline_s = time.monotonic() + MAX_SECONDS
    for number, path in enumerate(files):
        placement = placements[min(number, len(placements) - 1)] if placements else None
        streams += _read_file(path, layouts, placement, facts.rate_hz, deadline_s)
    return assemble(streams, facts, "imported from CSV: " + ", ".join(path.name for path in files))


def _read_file(
    path: Path, layouts: Sequence[CsvLayout], placement: str | None, rate_hz: float | None, deadline_s: float
) -> Iterator[Stream]:
    layout, head = choose_layout(path, layouts)
    layout = replace(layout, rate_hz=rate_hz if rate_hz is not None else layout.rate_hz)
    wanted = columns_of(layout)
    places = {name: head.names.index(plain_name(name)) for name in wanted}
    values = _read_numbers(path, head, places, deadline_s)
    t_s = _time_axis(path, layout, values)
    for sensor in layout.sensors:
        place = sensor.placement or placement
        if place is None:
            raise FormatError(
                f"{path}: where was the sensor worn? Give --placement (foot_left, foot_right, pelvis, trunk)"
            )
        acc_mps2, acc_unit = _axes_values(path, sensor.acc, values, head, places, ACC_UNITS)
        gyr_radps, gyr_unit = _axes_values(path, sensor.gyr, values, head, places, GYR_UNITS)
        stamped = layout.time_column is not None and layout.time_unit in TIME_UNITS
        yield Stream(
            placement=place,
            where=path.name,
            t_s=t_s,
            acc_mps2=acc_mps2,
            gyr_radps=gyr_radps,
            declared=Declared(layout.time_unit if stamped else None, acc_unit, gyr_unit),
        )


def _read_numbers(path: Path, head: Head, places: dict[str, int], deadline_s: float) -> dict[str, FloatArray]:
    parts: dict[str, list[FloatArray]] = {name: [] for name in places}
    n_rows = 0
    try:
        with pd.read_csv(
            path,
            sep=head.delimiter,
            decimal=head.decimal,
            encoding=head.encoding,
            encoding_errors="replace",
            header=None,
            names=list(range(head.n_fields)),
            skiprows=head.n_skipped,
            skipinitialspace=True,
            chunksize=_CHUNK_ROWS,
            low_memory=False,
        ) as chunks:
            for chunk in chunks:
                for name, place in places.items():
                    parts[name].append(_numbers(path, chunk[place], name, head.n_skipped))
                n_rows += len(chunk)
                if n_rows > MAX_ROWS:
                    raise FormatError(f"{path} has more than {MAX_ROWS} rows")
                if time.monotonic() > deadline_s:
                    raise FormatError(f"{path}: importing took more than {MAX_SECONDS:.0f} s; split the file")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, UnicodeError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0]
        raise FormatError(f"{path} is not a regular table ({reason})") from error
    if n_rows == 0:
        raise FormatError(f"{path} has column names but no rows")
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def _numbers(path: Path, cells: pd.Series, name: str, n_skipped: int) -> FloatArray:
    if cells.dtype.kind in "iuf":
        return cells.to_numpy(np.float64)
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = cells.index[(numbers.isna() & cells.notna()).to_numpy()]
    if len(wrong):
        line, cell = int(wrong[0]) + n_skipped + 1, str(cells[wrong[0]])[:40]
        raise FormatError(f"{path} line {line}: {cell!r} in column {name!r} is no number")
    return numbers.to_numpy(np.float64)


def _time_axis(path: Path, layout: CsvLayout, values: dict[str, FloatArray]) -> FloatArray:
    counted = layout.time_column is None or layout.time_unit == "samples"
    if counted and layout.rate_hz is None:
        raise FormatError(f"{path}: rows without a time stamp need the sampling rate: give --rate-hz")
    if layout.time_column is None:
        n_rows = next(iter(values.values())).size
        return np.arange(n_rows) / float(layout.rate_hz or 1.0)
    ticks = values[layout.time_column]
    missing = np.flatnonzero(~np.isfinite(ticks))
    if missing.size:
        raise FormatError(
            f"{path}: column {layout.time_column!r} is empty in data row {missing[0] + 1}; every row needs its time"
        )
    if layout.time_modulus_ticks is not None:
        ticks = unwrap_counter(ticks, layout.time_modulus_ticks)
    # Ticks of a running device clock may be huge (Unix time in ns): take the origin off before scaling.
    origin = ticks[0] if layout.time_unit in ("samples", "ns", "us") else 0.0
    if layout.time_unit == "samples":
        check_sample_numbers(ticks, f"{path}: column {layout.time_column!r}")
        return (ticks - origin) / float(layout.rate_hz or 1.0)
    factor = unit_factor(TIME_UNITS, layout.time_unit, "time")
    return (ticks - origin) * factor + origin * factor


def _axes_values(
    path: Path,
    axes: Axes | None,
    values: dict[str, FloatArray],
    head: Head,
    places: dict[str, int],
    units: dict[str, float],
) -> tuple[FloatArray | None, str | None]:
    if axes is None:
        return None, None
    n_rows = next(iter(values.values())).size
    result, unit = np.full((n_rows, 3), np.nan), axes.unit
    for axis, name in enumerate(axes.columns):
        if name == NOT_RECORDED:
            continue
        written = _written_unit(head.names[places[name]], units)
        unit = axes.unit or written
        if unit is None:
            raise FormatError(
                f"{path}: column {name!r} does not say its unit; declare it ({', '.join(units)})"
            )
        if written is not None and written != unit:
            raise FormatError(
                f"{path}: column {name!r} says {written}, but {unit} was declared; declare {written}"
            )
        result[:, axis] = values[name] * unit_factor(units, unit, repr(name))
    return result, unit


def _written_unit(name: str, units: dict[str, float]) -> str | None:
    found = re.search(r"[(\[]([^)\]]+)[)\]]\s*$", name)
    unit = HEADER_UNITS.get(found.group(1).strip()) if found else None
    return unit if unit in units else None


def mapped_layout(
    *,
    time_column: str | None,
    time_unit: str,
    acc: Axes | None,
    gyr: Axes | None,
    rate_hz: float | None,
) -> CsvLayout:
    """Return the layout of a column mapping typed by a person. Raises FormatError when nothing is mapped."""
    if acc is None and gyr is None:
        raise FormatError("say which columns to read: --acc-columns X,Y,Z (and --gyr-columns), or a --preset")
    if time_unit != "samples":
        unit_factor(TIME_UNITS, time_unit, "time")
    return CsvLayout((SensorColumns(acc, gyr),), time_column, time_unit, rate_hz)


def column_layout(
    acc: Sequence[str], gyr: Sequence[str], placements: Sequence[str], time_column: str | None, time_unit: str,
    rate_hz: float | None,
) -> CsvLayout:  # fmt: skip
    """Return the layout of columns typed as ``X,Y,Z`` texts, units left to the header.

    placements : of the sensors that share one file, in order; empty when every file is one sensor's. Raises FormatError
    when nothing is mapped or the counts differ.
    """
    n_sensors = max(1, len(placements))
    for what, texts in (("--acc-columns", acc), ("--gyr-columns", gyr)):
        if len(texts) not in (0, n_sensors):
            raise FormatError(
                f"{what} is given {len(texts)} times for {n_sensors} sensor(s) in one file; give it once for each, "
                "and as many --placement"
            )
    sensors = [
        SensorColumns(
            Axes(three_columns(acc[i])) if acc else None,
            Axes(three_columns(gyr[i])) if gyr else None,
            placements[i] if placements else None,
        )
        for i in range(n_sensors)
    ]
    first = mapped_layout(
        time_column=time_column, time_unit=time_unit, acc=sensors[0].acc, gyr=sensors[0].gyr, rate_hz=rate_hz
    )
    return replace(first, sensors=tuple(sensors))


def three_columns(text: str) -> tuple[str, str, str]:
    """Return the three names of ``X,Y,Z``; ``-`` stands for an axis that was not recorded."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 3 or not all(names) or all(name == NOT_RECORDED for name in names):
        raise FormatError(
            f"expected three column names separated by commas (- for a missing axis), got {text!r}"
        )
    return names[0], names[1], names[2]
