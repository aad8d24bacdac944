"""Pain scores of a diary kept as a table: dates and words as spreadsheets write them, all rows or none."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.journal.desk import Records
    from tallrun.recovery.model import PainScore

Cells = dict[str, str | None]
IMPORT_MAX_BYTES = 5_000_000
#: So many lines of titles may stand above the names.
_MOST_TITLES = 20
#: Columns of fixed words, which a spreadsheet may begin with a capital.
_WORDS = ("kind", "side", "site", "quality", "provoked_by", "load_test", "painkiller", "limping")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)")
IMPORT_COLUMNS = (
    "at", "kind", "score", "side", "site", "quality", "session_id", "provoked_by", "load_test", "painkiller",
    "painkiller_at", "limping",
)  # fmt: skip


def import_pain(
    mine: Records,
    file: Path,
    answers_of: Callable[[Cells], dict[str, Any]],
    *,
    by: str,
    new_place: bool,
    note: Callable[[str], None],
) -> tuple[int, int]:
    """Add the scores of a CSV file; return how many were added, and how many were there already, equal in every field.

    answers_of : reads what was typed in the cells of a row. note : told which columns are not kept. Raises EntryError,
    with the line, for the first row that cannot be taken; nothing is added then.
    """
    from tallrun.journal.entries import check_session, pain_entry
    from tallrun.recovery.model import PainScore
    from tallrun.store.checks import check_pain
    from tallrun.store.models import PainRow
    from tallrun.store.records import from_rows

    found = []
    for line, cells in _csv_rows(file, note):
        try:
            entry = pain_entry(mine, answers_of(cells))
            check_pain(entry, mine.runner, mine.now, new_place=new_place)
            check_session(mine, entry.session_id)
        except EntryError as error:
            raise EntryError(f"{file.name}, line {line}: {error} Nothing was imported.") from error
        found.append(entry)
    known = {
        _identity(score)
        for score in from_rows(PainScore, mine.store.entries(PainRow, mine.runner_id, every=True))
    }
    new = []
    for entry in found:
        if _identity(entry) not in known:
            known.add(_identity(entry))
            new.append(entry)
    mine.store.add_all(mine.runner_id, new, by=by, now=mine.now)
    return len(new), len(found) - len(new)


def _csv_rows(file: Path, note: Callable[[str], None]) -> list[tuple[int, Cells]]:
    """Return (line number, answers by column) of each row; raises EntryError."""
    try:
        if file.stat().st_size > IMPORT_MAX_BYTES:
            raise EntryError(f"{file.name} is larger than {IMPORT_MAX_BYTES // 1_000_000} MB; split it.")
        content = file.read_bytes()
    except OSError as error:
        raise EntryError(f"{file} cannot be read: {error.strerror or error}.") from error
    table, first_line, delimiter = _head(file, _spreadsheet_text(content))
    reader = csv.reader(io.StringIO(table, newline=""), skipinitialspace=True, delimiter=delimiter)
    names = [name.strip().casefold() for name in next(reader, [])]
    if missing := [name for name in ("at", "kind", "score") if name not in names]:
        raise EntryError(
            f"{file.name} needs the columns at, kind and score in its first line; missing: {missing}."
        )
    known = (*IMPORT_COLUMNS, "pain_id", "entered_by", "supersedes")
    unknown = [name for name in names if name and name not in known]
    # A mistyped painkiller must not be lost; a column of notes may be, when it is said.
    if mistyped := [name for name in unknown if difflib.get_close_matches(name, known, n=1)]:
        raise EntryError(f"{file.name} has unknown columns {mistyped}; known: {', '.join(IMPORT_COLUMNS)}.")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise EntryError(f"{file.name} has columns twice: {', '.join(twice)}. Nothing was imported.")
    if unknown:
        note(f"note: not kept, since the records have no place for it: {', '.join(unknown)}")
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = first_line + reader.line_num - 1
        if any(cell.strip() for cell in cells[len(names) :]):
            raise EntryError(f"{file.name}, line {line}: more values than columns. Nothing was imported.")
        answers: Cells = {
            name: " ".join(cell.split()) or None
            for name, cell in zip(names, cells, strict=False)
            if name in IMPORT_COLUMNS
        }
        for name in _WORDS:
            if answers.get(name):
                answers[name] = str(answers[name]).casefold()
        # A spreadsheet's 3.0, a diary's 3/10.
        answers["score"] = re.sub(r"[.,]0+$|\s*/\s*10$", "", answers.get("score") or "") or None
        for name in ("at", "kind", "score"):
            if answers.get(name) is None:
                raise EntryError(f"{file.name}, line {line}: {name} is empty. Nothing was imported.")
        rows.append((line, answers))
    day_first = _day_first([str(answers["at"]) for _, answers in rows])
    for line, answers in rows:
        answers["at"] = _plain_date(str(answers["at"]), day_first, f"{file.name}, line {line}")
    return rows


def _head(file: Path, text: str) -> tuple[str, int, str]:
    """Return (the text from the line of names on, the number of that line, the delimiter); titles above are passed."""
    lines = re.split(r"\r\n|\n|\r", text)
    for number, line in enumerate(lines[:_MOST_TITLES]):
        for delimiter in ",;\t":
            names = [name.strip().casefold() for name in next(csv.reader([line], delimiter=delimiter), [])]
            if {"at", "kind", "score"} <= set(names):
                return "\n".join(lines[number:]), number + 1, delimiter
    first = next((line for line in lines if line.strip()), "")
    # Excel saves semicolons where the decimal sign is a comma, some programs tabs.
    return "\n".join(lines), 1, max(",;\t", key=first.count)


def _day_first(texts: list[str]) -> bool | None:
    """Tell whether dates like 4/5/2025 begin with the day, as one of them proves; None when none does."""
    found = [match for text in texts if (match := _SLASHED.match(text))]
    if any(int(match[1]) > 12 for match in found):
        return True
    return False if any(int(match[2]) > 12 for match in found) else None


def _plain_date(text: str, day_first: bool | None, where: str) -> str:
    """Return a spreadsheet's date as ISO 8601. Raises EntryError when it may be two dates or has no time of day."""
    if re.fullmatch(r"\d{5}[.,]\d+", text):
        at = datetime(1899, 12, 30) + timedelta(days=float(text.replace(",", ".")))
        return (at + timedelta(seconds=30)).isoformat(timespec="minutes")
    found = _DOTTED.match(text)
    if found is not None:
        year, month, day = found[3], found[2], found[1]
    elif (found := _SLASHED.match(text)) is not None:
        if day_first is None:
            raise EntryError(
                f"{where}: {text!r} may be two dates; write it as 2025-05-04 08:00. Nothing was imported."
            )
        year, month, day = found[3], *((found[2], found[1]) if day_first else (found[1], found[2]))
    elif (found := re.match(r"(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)", text)) is not None:
        year, month, day = found[1], found[2], found[3]
    else:
        found = re.match(r"(\d{4})-(\d{2})-(\d{2})", text)
        if found is None:
            return text
        year, month, day = found[1], found[2], found[3]
    clock = text[found.end() :].strip(" ,T")
    if not clock:
        raise EntryError(f"{where}: {text!r} has no time of day. Nothing was imported.")
    if half := re.fullmatch(r"(\d{1,2})(:\d{2}(?::\d{2})?)\s*([AaPp])\.?[Mm]\.?", clock):
        clock = f"{int(half[1]) % 12 + (12 if half[3] in 'pP' else 0)}{half[2]}"
    if re.match(r"\d:", clock):
        clock = f"0{clock}"
    return f"{year}-{month:>02}-{day:>02}T{clock}"


def _spreadsheet_text(content: bytes) -> str:
    """Return the text of a file a spreadsheet saved: UTF-8, UTF-16 with its mark, or else Windows text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _identity(score: PainScore) -> PainScore:
    """Everything a score says: a row that differs in anything is another score, and a worse one must count."""
    return replace(score, pain_id="", entered_by="", supersedes=None)
