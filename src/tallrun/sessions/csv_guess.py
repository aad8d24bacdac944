"""What a table of sensor values seems to be: columns by their names, units by gravity and by how fast a body turns.

Nothing is imported from a guess: it is printed with the command that says the same, and what is not sure is asked.
"""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions.csv_head import (
    CLOCK,
    DELIMITERS,
    HEAD_LINES,
    MAX_FILE_BYTES,
    Head,
    cells_of,
    find_header,
    is_value,
    plain_name,
    read_start,
)
from tallrun.sessions.csv_import import (
    MAX_SECONDS,
    TIME_WORDS,
    bracketed,
    read_numbers,
    signal_unit,
    unit_row,
)
from tallrun.sessions.csv_layouts import PRESETS
from tallrun.sessions.door import behind_door
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, TIME_UNITS
from tallrun.units import STANDARD_GRAVITY_MPS2

_ACC = re.compile(r"acc|^a[\s_.]?[xyz]\b|^a[xyz]", re.I)
_GYR = re.compile(
    r"gyr|ang.*(vel|rate)|^g[\s_.]?[xyz]\b|^w[\s_.]?[xyz]\b|^g[xyz]\b|^w[xyz]\b|rotation ?rate", re.I
)
_OTHER = re.compile(
    r"mag|quat|euler|roll|pitch|yaw|lin.*acc|free ?acc|freeacc|user ?acc|temp|baro|press", re.I
)
_TIME = re.compile(r"time|stamp|elapsed|epoc|^t$|^t\b|seconds", re.I)
_COUNTER = re.compile(r"count|sample|index|frame|packet", re.I)
#: As for declared units: no two units of a quantity can both make the numbers likely.
_LIKELY_RATE_HZ, _LIKELY_FORCE_G, _LIKELY_TURN_RADPS = (12.0, 4000.0), (0.6, 5.0), (0.7, 35.0)


@dataclass
class Guess:
    """What a file seems to hold: ``said`` in sentences, ``asked`` what a person must add, ``options`` to give."""

    path: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def command(self) -> str:
        """Return the command that imports the file as it was understood; words in capitals are to be filled in."""
        return shlex.join(["tallrun", "import", "csv", str(self.path), *self.options, "--out", "SESSION"])


def guess_csv(path: Path) -> Guess:
    """Return what a CSV file seems to hold. Raises FormatError when it is no table of numbers at all."""
    return behind_door(_guess, path, most_bytes=MAX_FILE_BYTES)


def _guess(path: Path) -> Guess:
    text, encoding = read_start(path)
    guess = Guess(path)
    presets = [
        name
        for name, layouts in PRESETS.items()
        if any(
            layout.file_name_has in path.name.lower()
            and (layout.file_name_has or not all(len(axis) == 1 for axis in _axis_names(layout)))
            and find_header(text, encoding, layout) is not None
            for layout in layouts
        )
    ]
    if len(presets) == 1:
        guess.said.append(f"the columns are those of the preset {presets[0]}")
        guess.options += ["--preset", presets[0]]
        if presets[0] != "gaitmap":
            _ask_placement(guess)
        return guess
    head = _any_header(path, text, encoding)
    shown = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}[head.delimiter]
    mark = "a comma" if head.decimal == "," else "a dot"
    guess.said.append(
        f"{len(head.names)} columns between {shown}, decimals after {mark}, {encoding}, values from "
        f"line {head.n_skipped + 1}"
    )
    places = _numeric_places(path, text, head)
    time_place = _time_place(head, places)
    names = [str(place + 1) for place in places]
    values = read_numbers(
        path,
        replace(head, names=names),
        dict(zip(names, places, strict=True)),
        None if time_place is None else str(time_place + 1),
        time.monotonic() + MAX_SECONDS,
        guess.said,
    )
    columns = {place: values[name] for name, place in zip(names, places, strict=True)}
    _say_time(guess, head, time_place, columns)
    _say_signals(guess, head, time_place, columns)
    _ask_placement(guess)
    return guess


def _axis_names(layout: object) -> list[str]:
    axes = [axis for sensor in layout.sensors for axis in (sensor.acc, sensor.gyr) if axis]  # type: ignore[attr-defined]
    return [name for axis in axes for name in axis.columns]


def _ask_placement(guess: Guess) -> None:
    guess.options += ["--placement", "WHERE"]
    guess.asked.append("where was the sensor worn? WHERE is foot_left, foot_right, pelvis or trunk")


def _any_header(path: Path, text: str, encoding: str) -> Head:
    """Return the first row of names above a row of values; numbers as names where there is none."""
    lines = text.splitlines()[:HEAD_LINES]
    for number, line in enumerate(lines):
        for delimiter in DELIMITERS:
            names = [cell.strip() for cell in cells_of(line, delimiter)]
            if len(names) < 3:
                continue
            comma = delimiter != ","
            below = [cells_of(row, delimiter) for row in lines[number + 1 : number + 4]]
            below = [[cell.strip() for cell in row] for row in below if any(cell.strip() for cell in row)]
            if n_values(names, comma) >= 3 and n_values(names, comma) >= len(names) / 2:
                numbered = [str(place + 1) for place in range(len(names))]
                decimal = "," if comma and any(re.fullmatch(r"-?\d+,\d+", cell) for cell in names) else "."
                return Head(encoding, delimiter, decimal, numbered, number, len(names))
            for skipped, row in enumerate(below[:2]):
                if n_values(row, comma) >= 3 and len(row) in (len(names), len(names) + 1, len(names) - 1):
                    units = tuple(below[0]) if skipped else ()
                    decimal = "," if comma and any(re.fullmatch(r"-?\d+,\d+", cell) for cell in row) else "."
                    return Head(
                        encoding,
                        delimiter,
                        decimal,
                        names,
                        number + 1 + skipped,
                        max(len(names), len(row)),
                        units,
                    )
    raise FormatError(f"{path}: no row of column names with rows of numbers below it was found")


def n_values(cells: list[str], comma: bool) -> int:
    """Return how many cells hold a number or a clock time."""
    return sum(bool(cell) and is_value(cell, comma) for cell in cells)


def _numeric_places(path: Path, text: str, head: Head) -> list[int]:
    lines = [line for line in text.splitlines()[head.n_skipped : head.n_skipped + 50] if line.strip()]
    rows = [cells_of(line, head.delimiter) for line in lines[: max(1, len(lines) - 1)]]
    places = [
        place
        for place in range(len(head.names))
        if all(is_value(row[place].strip(), head.decimal == ",") for row in rows if place < len(row))
        and any(row[place].strip() for row in rows if place < len(row))
    ]
    clocks = {place for place in places if CLOCK.search(rows[0][place] if place < len(rows[0]) else "")}
    # Only the clock that is taken for the time is read; another one is a date of no use here.
    time_place = _time_place(head, places)
    return [place for place in places if place not in clocks or place == time_place]


def _time_place(head: Head, places: list[int]) -> int | None:
    named = [place for place in places if _TIME.search(head.names[place])]
    # Seconds since the start are better than the date they began with.
    named.sort(key=lambda place: (not re.search(r"elapsed|seconds", head.names[place], re.I), place))
    counters = [place for place in places if _COUNTER.search(head.names[place])]
    return (named + counters)[0] if named or counters else None


def _say_time(guess: Guess, head: Head, place: int | None, columns: dict[int, FloatArray]) -> None:
    n_rows = next((values.size for values in columns.values()), 0)
    if place is None:
        guess.said.append(f"{n_rows} rows, no column of time")
        guess.asked.append("the rows carry no time: give the sampling rate, RATE in Hz")
        guess.options += ["--rate-hz", "RATE"]
        return
    name, ticks = head.names[place], columns[place]
    if not np.isfinite(ticks).all():
        guess.asked.append(f"column {name!r} is empty in some rows: is it the time?")
        ticks = ticks[np.isfinite(ticks)]
    steps = np.diff(ticks)
    step = float(np.median(steps[steps > 0.0])) if np.any(steps > 0.0) else 0.0
    guess.options += ["--time-column", _column(head, place)]
    if step == 1.0 and np.all(ticks == np.round(ticks)) and not _TIME.search(name):
        guess.said.append(f"time: column {name!r} counts samples, {n_rows} rows")
        guess.asked.append("a counter needs the sampling rate, RATE in Hz")
        guess.options += ["--time-unit", "samples", "--rate-hz", "RATE"]
        return
    written = bracketed(name, TIME_WORDS) or unit_row(head, place, TIME_WORDS)
    # Stamps of batches stand still within a batch: the mean step counts there.
    mean = float(np.ptp(ticks)) / max(ticks.size - 1, 1)
    batched = bool(steps.size) and np.count_nonzero(steps == 0.0) * 2 >= steps.size
    step = mean if batched else step
    fits = [
        unit for unit, factor in TIME_UNITS.items()
        if step and _LIKELY_RATE_HZ[0] <= 1.0 / (step * factor) <= _LIKELY_RATE_HZ[1]
    ]  # fmt: skip
    unit = written if written in fits else (fits[0] if fits else written)
    if unit is None:
        guess.asked.append(f"the unit of time of column {name!r} is not clear: give --time-unit")
        return
    why = "as its header says" if unit == written else "by the rate"
    step_s = step * TIME_UNITS[unit]
    longest = 1.5 * float(np.median(steps[steps > 0.0])) if np.any(steps > 0.0) else np.inf
    gaps = steps[steps > longest] * TIME_UNITS[unit]
    told = f"{gaps.size} gap{'s' if gaps.size != 1 else ''}" + (
        f", the longest {gaps.max():.2f} s" if gaps.size else ""
    )
    guess.said.append(
        f"time: column {name!r} in {unit} ({why}), {1.0 / step_s:.4g} Hz, {n_rows} rows, "
        f"{float(ticks[-1] - ticks[0]) * TIME_UNITS[unit]:.1f} s, {told}"
    )
    guess.options += ["--time-unit", unit]
    if np.any(steps < 0.0):
        guess.asked.append(
            f"time goes back in column {name!r} {int((steps < 0.0).sum())} time(s): is it the right one?"
        )


def _say_signals(guess: Guess, head: Head, time_place: int | None, columns: dict[int, FloatArray]) -> None:
    triads = _triads(head, [place for place in columns if place != time_place])
    found: dict[str, int] = {"acc": 0, "gyr": 0}
    for places in triads:
        names = [head.names[place] for place in places]
        stem = names[0]
        size = np.linalg.norm(np.column_stack([columns[place] for place in places]), axis=1)
        size = size[np.isfinite(size)]
        if _OTHER.search(stem) or not size.size:
            guess.said.append(f"not read: {', '.join(map(repr, names))}")
            continue
        written = signal_unit(head, places[0])
        kind = (
            "acc"
            if written in ACC_UNITS or _ACC.search(stem)
            else "gyr"
            if written in GYR_UNITS or _GYR.search(stem)
            else None
        )
        if kind is None:
            guess.asked.append(
                f"what are {', '.join(map(repr, names))}? name them with --acc-columns or --gyr-columns"
            )
            continue
        found[kind] += 1
        if found[kind] > 1:
            guess.asked.append(
                f"{', '.join(map(repr, names))} look like another "
                f"{'accelerometer' if kind == 'acc' else 'gyroscope'}: give it a --placement and columns of its own"
            )
            continue
        _say_triad(guess, head, kind, places, names, size, written)
    if not triads:
        guess.asked.append("no x, y and z were found by name: name them with --acc-columns and --gyr-columns")
    elif not found["acc"]:
        guess.asked.append(
            "no accelerometer was found: give its file too, or name its columns with --acc-columns"
        )


def _say_triad(
    guess: Guess,
    head: Head,
    kind: str,
    places: list[int],
    names: list[str],
    size: FloatArray,
    written: str | None,
) -> None:
    units, value = (
        (ACC_UNITS, float(size.mean())) if kind == "acc" else (GYR_UNITS, float(np.percentile(size, 99.5)))
    )
    low, high = (
        tuple(STANDARD_GRAVITY_MPS2 * limit for limit in _LIKELY_FORCE_G)
        if kind == "acc"
        else _LIKELY_TURN_RADPS
    )
    fits = [unit for unit, factor in units.items() if low <= value * factor <= high]
    unit = written if written in units else (fits[0] if fits else None)
    what = "acceleration" if kind == "acc" else "turning"
    measure = (
        f"mean {value:.3g}, where gravity is 1 g or 9.81 m/s^2"
        if kind == "acc"
        else f"up to {value:.3g}, as fast as it turns"
    )
    guess.options += [f"--{kind}-columns", ",".join(_column(head, place) for place in places)]
    if unit is None:
        guess.said.append(f"{what}: columns {', '.join(map(repr, names))}, {measure}")
        guess.asked.append(f"the unit of {what} is not clear: give --{kind}-unit ({', '.join(units)})")
        return
    why = (
        "as the header says" if unit == written else "by gravity" if kind == "acc" else "by the size of turns"
    )
    guess.said.append(f"{what}: columns {', '.join(map(repr, names))} in {unit} ({why}; {measure})")
    guess.options += [f"--{kind}-unit", unit]
    if written in units and fits and unit not in fits:
        guess.asked.append(f"the header says {unit} for {what}, but the numbers fit {fits[0]}: check it")


def _triads(head: Head, places: list[int]) -> list[list[int]]:
    """Return places of x, y, z whose names differ in that letter alone, in the order of the file."""
    groups: dict[str, dict[str, list[int]]] = {}
    for place in places:
        name = plain_name(head.names[place])
        bare = re.sub(r"\s*[(\[].*$", "", name)
        # The last letter of x, y, z that stands alone, or ends a word.
        found = list(re.finditer(r"(?<![a-z])[xyz](?![a-z])|[xyz](?=_|\b)", bare))
        if found:
            at = found[-1].start()
            groups.setdefault(bare[:at] + "*" + bare[at + 1 :] + name[len(bare) :], {}).setdefault(
                bare[at], []
            ).append(place)
    triads = []
    for axes in groups.values():
        if set(axes) == {"x", "y", "z"}:
            triads += [list(triple) for triple in zip(axes["x"], axes["y"], axes["z"], strict=False)]
    return triads


def _column(head: Head, place: int) -> str:
    """Return how a command names a column: by its name, or by number where the name is there twice or holds a comma."""
    name = head.names[place]
    unique = [plain_name(other) for other in head.names].count(plain_name(name)) == 1
    return name if unique and name and "," not in name else str(place + 1)
