"""The start of a CSV file, understood: encoding, delimiter, decimal sign, and where its columns are."""

from __future__ import annotations

import csv
import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file
from tallrun.sessions.csv_layouts import NOT_RECORDED, CsvLayout

MAX_FILE_BYTES = 4 * 1024**3
_HEAD_BYTES = 64 * 1024
HEAD_LINES = 200
#: Blanks come last: names may hold some.
DELIMITERS = (",", ";", "\t", "|", " ")
#: A time of day: hours, minutes, seconds, their fraction after a dot, a comma or (in milliseconds) a colon, AM, PM. A
#: spreadsheet leaves the hours out of what it saves.
CLOCK = re.compile(
    r"(?:^|[\sT])(?:(\d{1,2}):|(?=\d{1,2}:\d{1,2}[.,]\d))(\d{1,2}):(\d{1,2})(?:([.,:])(\d+))?\s*([AaPp][Mm])?"
)
#: Signs that stand for a minus, and blanks and marks between thousands, made plain.
_SIGNS = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\u00a0": "", "\u202f": "", "\u2009": "", "'": "", "\u2019": "", " ": ""}
)


@dataclass(frozen=True)
class Head:
    """The start of a file: how it is written, the names of its columns and, from a row of its own, units."""

    encoding: str
    delimiter: str
    decimal: str
    names: list[str]
    n_skipped: int
    n_fields: int
    units: tuple[str, ...] = ()


def choose_layout(path: Path, layouts: Sequence[CsvLayout]) -> tuple[CsvLayout, Head]:
    """Return the first layout whose columns the file has, and how its start is written.

    Raises FormatError when the file cannot be read, is no text, or fits no layout.
    """
    head_text, encoding = read_start(path)
    fitting = [layout for layout in layouts if layout.file_name_has in path.name.lower()]
    for layout in fitting or layouts:
        head = find_header(head_text, encoding, layout) or _find_numbers(head_text, encoding, layout)
        if head is not None:
            return layout, head
    raise _no_such_columns(path, head_text, (fitting or list(layouts))[0])


def read_start(path: Path) -> tuple[str, str]:
    """Return (text, encoding) of a file's start. Raises FormatError when it cannot be read or is no text."""
    size_of_file(path, MAX_FILE_BYTES)
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if not start.strip():
        raise FormatError(f"{path} is empty; expected column names and rows of numbers")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return start[: len(start) // 2 * 2].decode("utf-16", "replace"), "utf-16"
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if zeros.count(b"\0") > 0.9 * len(zeros) > 0.9:
            return start[: len(start) // 2 * 2].decode(encoding, "replace"), encoding
    # A recorder that died leaves zeros where it had not written yet.
    start = start.rstrip(b"\0")
    if b"\0" in start:
        raise FormatError(f"{path} is no text file; expected CSV")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return start.decode(encoding), encoding
        except UnicodeDecodeError as error:
            if encoding == "utf-8-sig" and error.start >= len(start) - 4:
                return start[: error.start].decode(encoding), encoding
    return start.decode("latin-1"), "latin-1"


def find_header(text: str, encoding: str, layout: CsvLayout) -> Head | None:
    """Find the header row whose names hold every wanted column; None when no row among the first does."""
    lines = text.splitlines()[:HEAD_LINES]
    wanted = [plain_name(name) for name in columns_of(layout)]
    for number in range(len(lines)):
        for delimiter in DELIMITERS:
            rows = [cells_of(line, delimiter) for line in lines[number : number + layout.header_rows]]
            if len(rows) < layout.header_rows or len({len(row) for row in rows}) != 1:
                continue
            written = [plain_name(" ".join(cells)) for cells in zip(*rows, strict=True)]
            names = _as_asked(written, wanted)
            if wanted and all(name in names for name in wanted):
                n_skipped = number + layout.header_rows
                following = [
                    cells_of(line, delimiter) for line in lines[n_skipped : n_skipped + 3] if line.strip()
                ]
                if _has_row_names(names, following):
                    names, written = ["", *names], ["", *written]
                cells, units, n_more = _first_rows(lines[n_skipped:], delimiter, names, wanted)
                n_skipped += n_more
                comma = delimiter != "," and any(
                    re.fullmatch(r"\s*-?\d+,\d+(e-?\d+)?\s*", cell, re.I) for cell in cells
                )
                _refuse_longer_row(cells, names)
                for name in wanted:
                    if names.count(name) > 1:
                        places = [str(place + 1) for place, found in enumerate(names) if found == name]
                        raise FormatError(
                            f"column {name!r} is there {len(places)} times (columns {', '.join(places)}); give columns "
                            "by number, 1 is the first"
                        )
                # A name that was asked for without its unit leaves the unit here.
                units = units or tuple(
                    _unit_text(was) if was != name else "" for was, name in zip(written, names, strict=True)
                )
                return Head(
                    encoding,
                    delimiter,
                    "," if comma else ".",
                    names,
                    n_skipped,
                    max(len(names), len(cells)),
                    units,
                )
    return None


def _unit_text(name: str) -> str:
    found = re.search(r"[(\[](.*)[)\]]\s*$", name)
    return found.group(1) if found else ""


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; of blanks any number is one delimiter."""
    if delimiter == " ":
        line = line.strip()
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter == " "), [])


def _as_asked(names: list[str], wanted: list[str]) -> list[str]:
    """Return the names of a file's columns, those that were asked for in other words under the words of the asker.

    A name may leave out the unit in brackets at its end, or be the number of a column (where others go by name).
    """
    result = list(names)
    named = [name for name in wanted if not name.isdigit()]
    for name in wanted:
        if name in names:
            continue
        bare = [place for place, found in enumerate(names) if re.sub(r"\s*[(\[].*$", "", found) == name]
        if len(bare) == 1:
            result[bare[0]] = name
        elif named and name.isdigit() and 0 < int(name) <= len(names):
            result[int(name) - 1] = name
    return result


def _has_row_names(names: list[str], rows: list[list[str]]) -> bool:
    """Tell whether every row begins with its number, and the names leave that column out (as R writes tables)."""
    firsts = [row[0].strip() for row in rows if len(row) == len(names) + 1 and row[-1].strip()]
    if len(firsts) < 2 or len(firsts) != len(rows) or not all(first.isdigit() for first in firsts):
        return False
    return all(int(b) == int(a) + 1 for a, b in itertools.pairwise(firsts))


def _first_rows(
    lines: list[str], delimiter: str, names: list[str], wanted: list[str]
) -> tuple[list[str], tuple[str, ...], int]:
    """Return (cells of the first row of values, units of a row before it, lines up to the values).

    A row under the names is one of units (or of other words) when no wanted cell in it is a number or a time.
    """
    units: tuple[str, ...] = ()
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in cells_of(line, delimiter)]
        asked = [cells[names.index(name)] for name in wanted if names.index(name) < len(cells)]
        if any(asked) and all(not cell or not is_value(cell, delimiter != ",") for cell in asked):
            if (not units and len(set(asked)) > 1) or not any(units):
                units = tuple(cells)
            continue
        return cells, units, number
    return [], units, 0


def _find_numbers(text: str, encoding: str, layout: CsvLayout) -> Head | None:
    """Find the first row of numbers of a file whose columns are named by place (1 is the first); else None."""
    wanted = columns_of(layout)
    if not wanted or not all(re.fullmatch(r"[1-9]\d{0,3}", name) for name in wanted):
        return None
    for number, line in enumerate(text.splitlines()[:HEAD_LINES]):
        for delimiter in DELIMITERS:
            cells = cells_of(line, delimiter)
            comma = delimiter != "," and any("," in cell for cell in cells)
            if len(cells) >= max(map(int, wanted)) and all(
                is_value(cells[int(name) - 1], comma) for name in wanted
            ):
                names = [str(place + 1) for place in range(len(cells))]
                return Head(encoding, delimiter, "," if comma else ".", names, number, len(cells))
    return None


def is_value(cell: str, comma: bool) -> bool:
    """Tell whether a cell is a number, a clock time or empty."""
    if not cell.strip() or CLOCK.search(cell):
        return True
    try:
        float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return plain_number(cell) is not None
    return True


def plain_number(cell: str, comma: bool = True) -> float | None:
    """Return the number a cell holds in any usual way of writing one; None where it holds none.

    comma : a lone comma stands before decimals (``0,01``), else before thousands (``1,234``).
    """
    text = cell.strip().translate(_SIGNS)
    if "," in text and "." in text:
        decimal = max(text.rfind(","), text.rfind("."))
        text = re.sub("[.,]", "", text[:decimal]) + "." + text[decimal + 1 :]
    elif text.count(",") > 1:
        text = text.replace(",", "")
    else:
        text = text.replace(",", "." if comma else "")
    try:
        value = float(text) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", text, re.I) else None
    except ValueError:
        return None
    return value


def _refuse_longer_row(cells: list[str], names: list[str]) -> None:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise FormatError(
            f"the first row has {len(cells)} cells under {len(names)} column names; are decimal commas mixed with "
            "delimiting commas? Save with semicolons or tabs"
        )


def _no_such_columns(path: Path, text: str, layout: CsvLayout) -> FormatError:
    best: list[str] = []
    for line in text.splitlines()[:HEAD_LINES]:
        for delimiter in DELIMITERS:
            cells = [cell.strip() for cell in cells_of(line, delimiter)]
            if len(cells) > len(best) and delimiter != " ":
                best = cells
    known = [plain_name(cell) for cell in best]
    missing = [name for name in columns_of(layout) if plain_name(name) not in known]
    shown = ", ".join(cell[:40] for cell in best[:30])
    near = difflib.get_close_matches(plain_name(missing[0]), known, n=1) if missing else []
    hint = f"; did you mean {best[known.index(near[0])]!r}?" if near else ""
    if any(re.search(r"linear acc|freeacc", name) for name in known):
        hint = "; this file holds acceleration without gravity: export the raw accelerometer"
    return FormatError(
        f"{path} lacks column {', '.join(map(repr, missing[:4]))}; the widest line has: {shown}{hint}"
    )


def columns_of(layout: CsvLayout) -> list[str]:
    """Return the names of the columns a layout reads, each once."""
    names = [] if layout.time_column is None else [layout.time_column]
    for sensor in layout.sensors:
        for axes in (sensor.acc, sensor.gyr):
            names += [] if axes is None else [name for name in axes.columns if name != NOT_RECORDED]
    return list(dict.fromkeys(names))


def plain_name(name: str) -> str:
    """Return a column name as it is compared: single blanks, any case, without the mark of a comment before it."""
    return re.sub(r"\s+", " ", name).strip().removeprefix("#").removeprefix("%").strip().casefold()
