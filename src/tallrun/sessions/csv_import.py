"""CSV files of other makers to a ``Recording``, by column mapping or preset.

Delimiter (comma, semicolon, tab), decimal comma, byte-order mark and lines before the header are found by looking at
the file's start. What cannot be found or cannot be a number is refused with the line it stands in.
"""

from __future__ import annotations

import csv
import difflib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._files import size_of_file
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import (
    ACC_UNITS,
    GYR_UNITS,
    TIME_UNITS,
    Imported,
    ImportFacts,
    Stream,
    assemble,
    unit_factor,
    unwrap_counter,
)
from tallrun.sessions.csv_layouts import NOT_RECORDED, Axes, CsvLayout, SensorColumns

MAX_FILE_BYTES = 4 * 1024**3
MAX_SECONDS = 600.0
_HEAD_BYTES = 64 * 1024
_HEAD_LINES = 60
_CHUNK_ROWS = 500_000
HEADER_UNITS = {
    "m/s^2": "mps2", "m/s2": "mps2", "m/s²": "mps2", "m/s/s": "mps2", "g": "g", "mg": "mg",
    "deg/s": "dps", "°/s": "dps", "dps": "dps", "rad/s": "radps", "mdps": "mdps",
}  # fmt: skip


@dataclass(frozen=True)
class _Head:
    """The start of a file, understood: how it is written and the names of its columns."""

    encoding: str
    delimiter: str
    decimal: str
    names: list[str]
    n_skipped: int
    n_fields: int


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
    layout, head = _choose_layout(path, layouts)
    layout = replace(layout, rate_hz=rate_hz if rate_hz is not None else layout.rate_hz)
    wanted = _columns_of(layout)
    places = {name: head.names.index(_plain(name)) for name in wanted}
    values = _read_numbers(path, head, places, deadline_s)
    t_s = _time_axis(path, layout, values)
    for sensor in layout.sensors:
        place = sensor.placement or placement
        if place is None:
            raise FormatError(
                f"{path}: where was the sensor worn? Give --placement (foot_left, foot_right, pelvis, trunk)"
            )
        yield Stream(
            placement=place,
            where=path.name,
            t_s=t_s,
            acc_mps2=_axes_values(path, sensor.acc, values, head, places, ACC_UNITS),
            gyr_radps=_axes_values(path, sensor.gyr, values, head, places, GYR_UNITS),
        )


def _choose_layout(path: Path, layouts: Sequence[CsvLayout]) -> tuple[CsvLayout, _Head]:
    head_text, encoding = _read_start(path)
    fitting = [layout for layout in layouts if layout.file_name_has in path.name.lower()]
    for layout in fitting or layouts:
        head = _find_header(head_text, encoding, layout)
        if head is not None:
            return layout, head
    raise _no_such_columns(path, head_text, (fitting or list(layouts))[0])


def _read_start(path: Path) -> tuple[str, str]:
    size_of_file(path, MAX_FILE_BYTES)
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if not start.strip():
        raise FormatError(f"{path} is empty; expected column names and rows of numbers")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start[: len(start) // 2 * 2].decode("utf-16", "replace"), "utf-16"
    if b"\0" in start:
        raise FormatError(f"{path} is no text file; expected CSV")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return start.decode(encoding), encoding
        except UnicodeDecodeError as error:
            if encoding == "utf-8-sig" and error.start >= len(start) - 4:
                return start[: error.start].decode(encoding), encoding
    return start.decode("latin-1"), "latin-1"


def _find_header(text: str, encoding: str, layout: CsvLayout) -> _Head | None:
    """Find the header row whose names hold every wanted column; None when no row among the first does."""
    lines = text.splitlines()[:_HEAD_LINES]
    wanted = [_plain(name) for name in _columns_of(layout)]
    for number in range(len(lines)):
        for delimiter in (",", ";", "\t"):
            rows = list(csv.reader(lines[number : number + layout.header_rows], delimiter=delimiter))
            if len(rows) < layout.header_rows or len({len(row) for row in rows}) != 1:
                continue
            names = [_plain(" ".join(cells)) for cells in zip(*rows, strict=True)]
            if wanted and all(name in names for name in wanted):
                n_skipped = number + layout.header_rows
                first = next((line for line in lines[n_skipped:] if line.strip()), "")
                cells = next(csv.reader([first], delimiter=delimiter), [])
                comma = delimiter != "," and any(
                    re.fullmatch(r"\s*-?\d+,\d+(e-?\d+)?\s*", cell, re.I) for cell in cells
                )
                _refuse_longer_row(cells, names)
                return _Head(
                    encoding, delimiter, "," if comma else ".", names, n_skipped, max(len(names), len(cells))
                )
    return None


def _refuse_longer_row(cells: list[str], names: list[str]) -> None:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise FormatError(
            f"the first row has {len(cells)} cells under {len(names)} column names; are decimal commas mixed with "
            "delimiting commas? Save with semicolons or tabs"
        )


def _no_such_columns(path: Path, text: str, layout: CsvLayout) -> FormatError:
    best: list[str] = []
    for line in text.splitlines()[:_HEAD_LINES]:
        for delimiter in (",", ";", "\t"):
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
            if len(cells) > len(best):
                best = cells
    known = [_plain(cell) for cell in best]
    missing = [name for name in _columns_of(layout) if _plain(name) not in known]
    shown = ", ".join(cell[:40] for cell in best[:30])
    near = difflib.get_close_matches(_plain(missing[0]), known, n=1) if missing else []
    hint = f"; did you mean {best[known.index(near[0])]!r}?" if near else ""
    if any(re.search(r"linear acc|freeacc", name) for name in known):
        hint = "; this file holds acceleration without gravity: export the raw accelerometer"
    return FormatError(
        f"{path} lacks column {', '.join(map(repr, missing[:4]))}; the widest line has: {shown}{hint}"
    )


def _columns_of(layout: CsvLayout) -> list[str]:
    names = [] if layout.time_column is None else [layout.time_column]
    for sensor in layout.sensors:
        for axes in (sensor.acc, sensor.gyr):
            names += [] if axes is None else [name for name in axes.columns if name != NOT_RECORDED]
    return list(dict.fromkeys(names))


def _plain(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip().casefold()


def _read_numbers(
    path: Path, head: _Head, places: dict[str, int], deadline_s: float
) -> dict[str, FloatArray]:
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
        return (ticks - origin) / float(layout.rate_hz or 1.0)
    factor = unit_factor(TIME_UNITS, layout.time_unit, "time")
    return (ticks - origin) * factor + origin * factor


def _axes_values(
    path: Path,
    axes: Axes | None,
    values: dict[str, FloatArray],
    head: _Head,
    places: dict[str, int],
    units: dict[str, float],
) -> FloatArray | None:
    if axes is None:
        return None
    n_rows = next(iter(values.values())).size
    result = np.full((n_rows, 3), np.nan)
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
    return result


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


def three_columns(text: str) -> tuple[str, str, str]:
    """Return the three names of ``X,Y,Z``; ``-`` stands for an axis that was not recorded."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 3 or not all(names) or all(name == NOT_RECORDED for name in names):
        raise FormatError(
            f"expected three column names separated by commas (- for a missing axis), got {text!r}"
        )
    return names[0], names[1], names[2]
