"""CSV files of other makers to a ``Recording``, by column mapping or preset.

Delimiter (comma, semicolon, tab), decimal comma, byte-order mark and lines before the header are found by looking at
the file's start. What cannot be found or cannot be a number is refused with the line it stands in.
"""

from __future__ import annotations

import csv
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble, unwrap_counter
from tallrun.sessions.checks import names_of_strangers
from tallrun.sessions.csv_head import (
    CLOCK,
    MAX_FILE_BYTES,
    Head,
    choose_layout,
    columns_of,
    plain_name,
    plain_number,
)
from tallrun.sessions.csv_layouts import NOT_RECORDED, Axes, CsvLayout, SensorColumns
from tallrun.sessions.door import behind_door
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
    "m/(s^2)": "mps2", "m/(s²)": "mps2", "m.s-2": "mps2", "m s-2": "mps2", "m*s^-2": "mps2", "ms^-2": "mps2",
    "m/sec^2": "mps2",
    "gs": "g", "milli-g": "mg", "deg/s": "dps", "°/s": "dps", "dps": "dps", "deg/sec": "dps", "degrees/s": "dps",
    "rad/s": "radps", "rad/sec": "radps", "mdps": "mdps", "mdeg/s": "mdps",
    "meters/second^2": "mps2", "metres/second^2": "mps2", "meter/second^2": "mps2", "m/second^2": "mps2",
    "meters per second squared": "mps2", "m/s**2": "mps2", "milli g": "mg", "g-force": "g",
    "degrees/second": "dps", "degree/second": "dps", "degrees per second": "dps", "deg/second": "dps", "°/sec": "dps",
    "deg s-1": "dps",
    "radians/second": "radps", "radians per second": "radps", "radians/s": "radps", "rad s-1": "radps",
}  # fmt: skip
TIME_WORDS = {
    "s": "s", "sec": "s", "seconds": "s", "ms": "ms", "msec": "ms", "milliseconds": "ms", "us": "us", "µs": "us",
    "microseconds": "us", "ns": "ns", "nanoseconds": "ns",
}  # fmt: skip
#: So many odd cells of a column, or lines, are a few; above, the column is not what it was taken for.
_FEW_ODD, _FEW_ODD_SHARE, _MOST_ODD_SHARE = 3, 0.01, 0.1
_HALF_DAY_S, _DAY_S = 43_200.0, 86_400.0


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
    if not files:
        raise FormatError("nothing to import: no file was given")
    streams, left, told = behind_door(
        _read_files, files[0], tuple(files[1:]), layouts, tuple(placements), facts.rate_hz,
        most_bytes=MAX_FILE_BYTES, more=tuple(files[1:]),
    )  # fmt: skip
    imported = assemble(streams, facts, "imported from CSV: " + ", ".join(path.name for path in files))
    if left:
        told.append(f"not kept, columns that were not asked for: {names_of_strangers(left)}")
    return replace(imported, notes=(*imported.notes, *told))


def _read_files(
    first: Path, others: tuple[Path, ...], layouts: Sequence[CsvLayout], placements: tuple[str, ...],
    rate_hz: float | None,
) -> tuple[list[Stream], set[str], list[str]]:  # fmt: skip
    streams: list[Stream] = []
    left: set[str] = set()
    told: list[str] = []
    deadline_s = time.monotonic() + MAX_SECONDS
    for number, path in enumerate((first, *others)):
        placement = placements[min(number, len(placements) - 1)] if placements else None
        streams += _read_file(path, layouts, placement, rate_hz, deadline_s, left, told)
    return streams, left, told


def _read_file(
    path: Path, layouts: Sequence[CsvLayout], placement: str | None, rate_hz: float | None, deadline_s: float,
    left: set[str], told: list[str],
) -> Iterator[Stream]:  # fmt: skip
    layout, head = choose_layout(path, layouts)
    places = {name: head.names.index(plain_name(name)) for name in columns_of(layout)}
    notes: list[str] = []
    values = read_numbers(path, head, places, layout.time_column, deadline_s, notes)
    others = layouts[layouts.index(layout) + 1 :] if layout in layouts else ()
    if layout.time_column is not None and others and np.isnan(values[layout.time_column]).all():
        # The column is there and was never filled: the next layout may do without it.
        yield from _read_file(path, others, placement, rate_hz, deadline_s, left, told)
        return
    told += notes
    values = _whole_rows(path, layout, values, told)
    left.update(name for place, name in enumerate(head.names) if name and place not in places.values())
    layout = replace(
        layout,
        rate_hz=rate_hz if rate_hz is not None else layout.rate_hz,
        time_unit=_time_unit(layout, head, places),
    )
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


def _time_unit(layout: CsvLayout, head: Head, places: dict[str, int]) -> str:
    """Return the unit of the time column: as declared, else as the header says, else seconds."""
    if layout.time_unit is not None:
        return layout.time_unit
    if layout.time_column is None:
        return "s"
    place = places[layout.time_column]
    return bracketed(head.names[place], TIME_WORDS) or unit_row(head, place, TIME_WORDS) or "s"


def read_numbers(
    path: Path,
    head: Head,
    places: dict[str, int],
    time_column: str | None,
    deadline_s: float,
    told: list[str] | None = None,
) -> dict[str, FloatArray]:
    """Return the columns at ``places`` as numbers, empty cells as NaN; clock times of ``time_column`` as seconds.

    told : gets a sentence for what could not be read; a few odd cells or lines are unknown, not the end of the file.

    Raises FormatError when more than a few cells or lines cannot be read, and beyond MAX_ROWS or the deadline.
    """
    odd = _Odd(path)
    parts: dict[str, list[FloatArray]] = {name: [] for name in places}
    n_rows = 0
    try:
        with (
            warnings.catch_warnings(record=True) as skipped,
            pd.read_csv(
                path,
                sep=r"\s+" if head.delimiter == " " else head.delimiter,
                decimal=head.decimal,
                encoding=head.encoding,
                encoding_errors="replace",
                header=None,
                names=list(range(head.n_fields)),
                skiprows=head.n_skipped,
                skipinitialspace=True,
                chunksize=_CHUNK_ROWS,
                low_memory=False,
                on_bad_lines="warn",
            ) as chunks,
        ):
            warnings.simplefilter("always", pd.errors.ParserWarning)
            for chunk in chunks:
                for name, place in places.items():
                    cells = chunk[place]
                    clock = name == time_column and cells.dtype.kind not in "iuf" and _looks_like_clock(cells)
                    parts[name].append(
                        _clock_s(cells, name, head.n_skipped, odd)
                        if clock
                        else _numbers(cells, name, head.n_skipped, odd)
                    )
                n_rows += len(chunk)
                if n_rows > MAX_ROWS:
                    raise FormatError(f"{path} has more than {MAX_ROWS} rows")
                if time.monotonic() > deadline_s:
                    raise FormatError(f"{path}: importing took more than {MAX_SECONDS:.0f} s; split the file")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, UnicodeError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0]
        raise FormatError(f"{path} is not a regular table ({reason})") from error
    for warning in skipped:
        for line in re.findall(r"line (\d+)", str(warning.message)):
            odd.note("a line with too many cells", int(line), "")
    if n_rows == 0:
        raise FormatError(f"{path} has column names but no rows")
    odd.tell(n_rows, told)
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


@dataclass
class _Odd:
    """Cells that are no number and lines that are no row: counted by kind, the first of each with its line."""

    path: Path
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)

    def note(self, what: str, line: int, cell: str, n: int = 1) -> None:
        self.counts[what] += n
        self.first.setdefault(what, (line, cell))

    def tell(self, n_rows: int, told: list[str] | None) -> None:
        """Add a sentence for each kind. Raises FormatError for more than a few of one: the column is not numbers."""
        for what, n in self.counts.items():
            line, cell = self.first[what]
            if told is None or not _few(n, n_rows):
                shown = f"{cell!r} in {what} is no number" if cell else f"{what}: it is not a regular table"
                raise FormatError(
                    f"{self.path} line {line}: {shown}{f' ({n} such cells)' if n > 1 and cell else ''}"
                )
            shown = f"{what}: {cell!r}" if cell else what
            told.append(f"{self.path.name}: {n} time(s) {shown} (first in line {line}), left out as unknown")


def _few(n: int, n_rows: int) -> bool:
    return n <= max(_FEW_ODD, _FEW_ODD_SHARE * n_rows) and n <= _MOST_ODD_SHARE * n_rows


def _numbers(cells: pd.Series, name: str, n_skipped: int, odd: _Odd) -> FloatArray:
    numbers = cells.to_numpy(np.float64) if cells.dtype.kind in "iuf" else _from_text(cells)
    wrong = np.flatnonzero((~np.isfinite(numbers)) & cells.notna().to_numpy())
    if wrong.size:
        first = int(wrong[0])
        cell = str(cells.iloc[first]).replace("\0", "")[:40] or "?"
        odd.note(f"column {name!r}", int(cells.index[first]) + n_skipped + 1, cell, wrong.size)
        numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return numbers


def _from_text(cells: pd.Series) -> FloatArray:
    """Return numbers of text cells; signs, decimals and thousands as people and spreadsheets write them."""
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, copy=True)
    open_cells = np.flatnonzero(np.isnan(numbers) & cells.notna().to_numpy())
    texts = [str(text) for text in cells.iloc[open_cells]]
    # One cell with both signs, or two commas, shows that commas part thousands in this column.
    comma = not any(text.count(",") > 1 or ("," in text and "." in text[text.rfind(",") :]) for text in texts)
    for place, text in zip(open_cells.tolist(), texts, strict=True):
        value = plain_number(text, comma)
        numbers[place] = np.nan if value is None else value
    return numbers


def _looks_like_clock(cells: pd.Series) -> bool:
    first = cells.dropna().head(20).astype(str)
    return 2 * sum(bool(CLOCK.search(text)) for text in first) > len(first)


def _clock_s(cells: pd.Series, name: str, n_skipped: int, odd: _Odd) -> FloatArray:
    """Return seconds of the day of clock times, NaN for cells that hold none."""
    found = cells.astype("string").str.extract(CLOCK)
    wrong = np.flatnonzero((found[1].isna() & cells.notna()).to_numpy(bool))
    if wrong.size:
        first = int(wrong[0])
        cell = str(cells.iloc[first]).replace("\0", "")[:40] or "?"
        odd.note(f"column {name!r}", int(cells.index[first]) + n_skipped + 1, cell, wrong.size)
    hour, minute, second = (pd.to_numeric(found[i]).to_numpy(np.float64, na_value=np.nan) for i in range(3))
    hour = np.where(np.isnan(hour) & np.isfinite(minute), 0.0, hour)
    half = found[5].str.upper().fillna("").to_numpy()
    hour = np.where(half == "", hour, np.where(half == "PM", hour % 12 + 12, hour % 12))
    digits = found[4].fillna("0")
    as_decimals = pd.to_numeric("0." + digits).to_numpy(np.float64)
    as_ms = pd.to_numeric(digits).to_numpy(np.float64) / 1000.0
    whole_s = 3600.0 * hour + 60.0 * minute + second
    # After a colon stand milliseconds; after a dot or comma decimals, unless time would go back: then milliseconds
    # that were written without their zeros (7 for .007).
    fraction = np.where(found[3].fillna("").to_numpy() == ":", as_ms, as_decimals)
    if found[4].str.len().max() <= 3 and _n_back(whole_s + fraction) > _n_back(whole_s + as_ms):
        fraction = as_ms
    return np.asarray(whole_s + fraction)


def _n_back(seconds: FloatArray) -> int:
    known = seconds[np.isfinite(seconds)]
    return int(np.count_nonzero(np.diff(known) < 0.0))


def _whole_rows(
    path: Path, layout: CsvLayout, values: dict[str, FloatArray], told: list[str]
) -> dict[str, FloatArray]:
    """Return the rows that have a time, without a last one that was cut off. Raises FormatError when many have none."""
    signals = np.column_stack([column for name, column in values.items() if name != layout.time_column])
    keep = np.ones(signals.shape[0], np.bool_)
    if signals.shape[0] > 2 and np.any(np.isnan(signals[-1]) & ~np.isnan(signals[-2])):
        keep[-1] = False
        told.append(f"{path.name}: the last row was cut off and is left out")
    if layout.time_column is not None:
        missing = ~np.isfinite(values[layout.time_column])
        n = int((missing & keep).sum())
        if not _few(n, keep.size):
            raise FormatError(
                f"{path}: column {layout.time_column!r} is empty in data row {int(np.argmax(missing)) + 1}; every row "
                "needs its time"
            )
        if n:
            told.append(f"{path.name}: {n} row(s) without a time left out")
        keep &= ~missing
    return values if keep.all() else {name: column[keep] for name, column in values.items()}


def _past_midnight(seconds: FloatArray) -> FloatArray:
    return seconds + _DAY_S * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -_HALF_DAY_S)


def _time_axis(path: Path, layout: CsvLayout, values: dict[str, FloatArray]) -> FloatArray:
    counted = layout.time_column is None or layout.time_unit == "samples"
    if counted and layout.rate_hz is None:
        raise FormatError(f"{path}: rows without a time stamp need the sampling rate: give --rate-hz")
    if layout.time_column is None:
        n_rows = next(iter(values.values())).size
        return np.arange(n_rows) / float(layout.rate_hz or 1.0)
    ticks = values[layout.time_column]
    if layout.time_unit in ("s", "clock"):
        ticks = _past_midnight(ticks)
    if layout.time_unit == "clock":
        return ticks
    if layout.time_modulus_ticks is not None:
        ticks = unwrap_counter(ticks, layout.time_modulus_ticks)
    # Ticks of a running device clock may be huge (Unix time in ns): take the origin off before scaling.
    origin = ticks[0] if ticks.size and layout.time_unit in ("samples", "ns", "us", "days") else 0.0
    if layout.time_unit == "samples":
        check_sample_numbers(ticks, f"{path}: column {layout.time_column!r}")
        return (ticks - origin) / float(layout.rate_hz or 1.0)
    factor = unit_factor(TIME_UNITS, layout.time_unit or "s", "time")
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
        written = bracketed(head.names[places[name]], HEADER_UNITS) or unit_row(
            head, places[name], HEADER_UNITS
        )
        written = written if written in units else None
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


def bracketed(name: str, words: dict[str, str]) -> str | None:
    """Return the unit at the end of a column name, in brackets that may hold brackets: ``x (m/(s^2))``."""
    found = re.search(r"[(\[]((?:[^()\[\]]|\([^()]*\))+)[)\]]\s*$", name)
    return words.get(found.group(1).strip()) if found else None


def bracketed_unit(name: str) -> str | None:
    """Return the unit of a signal that stands in brackets at the end of its name; None without one."""
    return bracketed(name, HEADER_UNITS)


def signal_unit(head: Head, place: int) -> str | None:
    """Return the unit of a column as its name or the row of units says; None where neither does."""
    return bracketed_unit(head.names[place]) or unit_row(head, place, HEADER_UNITS)


def unit_row(head: Head, place: int, words: dict[str, str]) -> str | None:
    """Return the unit a row under the names gives a column, as ``words`` translate it; None where it does not."""
    if place >= len(head.units):
        return None
    cell = head.units[place].strip().casefold()
    return words.get(cell) or words.get(cell.strip("()[] "))


def mapped_layout(
    *,
    time_column: str | None,
    time_unit: str | None,
    acc: Axes | None,
    gyr: Axes | None,
    rate_hz: float | None,
) -> CsvLayout:
    """Return the layout of a column mapping typed by a person. Raises FormatError when nothing is mapped."""
    if acc is None and gyr is None:
        raise FormatError("say which columns to read: --acc-columns X,Y,Z (and --gyr-columns), or a --preset")
    if time_unit not in (None, "samples", "clock"):
        unit_factor(TIME_UNITS, time_unit, "time")
    return CsvLayout((SensorColumns(acc, gyr),), time_column, time_unit, rate_hz)


def column_layout(
    acc: Sequence[str], gyr: Sequence[str], placements: Sequence[str], time_column: str | None, time_unit: str | None,
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


def apart_layouts(layout: CsvLayout, names: Sequence[str]) -> list[CsvLayout]:
    """Return how to read files that hold the accelerometer and the gyroscope together, or each for itself.

    names : of the files. Where both signals have the same column names only a file's name can tell them apart.

    Raises FormatError when it does not.
    """
    (sensor, *others) = layout.sensors
    if others or sensor.acc is None or sensor.gyr is None or len(names) < 2:
        return [layout]
    same = {plain_name(name) for name in sensor.acc.columns} == {
        plain_name(name) for name in sensor.gyr.columns
    }
    acc = replace(layout, sensors=(replace(sensor, gyr=None),), file_name_has="acc" if same else "")
    gyr = replace(layout, sensors=(replace(sensor, acc=None),), file_name_has="gyr" if same else "")
    if not same:
        return [layout, acc, gyr]
    unclear = [name for name in names if ("acc" in name.lower()) == ("gyr" in name.lower())]
    if unclear:
        raise FormatError(
            "accelerometer and gyroscope have the same column names: which file holds which must be told by acc or gyr "
            f"in each file's name, and is not by {', '.join(unclear)}"
        )
    return [acc, gyr]


def three_columns(text: str) -> tuple[str, str, str]:
    """Return the three names of ``X,Y,Z``; ``-`` stands for an axis that was not recorded."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 3 or not all(names) or all(name == NOT_RECORDED for name in names):
        raise FormatError(
            f"expected three column names separated by commas (- for a missing axis), got {text!r}"
        )
    return names[0], names[1], names[2]
