"""``tallrun pain``: add, list, fix, import."""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    Days,
    EnteredBy,
    RunnerCode,
    ask,
    ask_or_skip,
    read_score,
    read_yes_no,
    records,
    show,
    visible,
    when,
)  # fmt: skip
from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.recovery.model import PainScore

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

Score = Annotated[str | None, typer.Option("--score", help="0 (no pain) to 10, whole numbers.")]
PainKind = Annotated[
    str | None, typer.Option("--kind", help="before, during, after, morning, h24, h48, rest or exercise.")
]
Side = Annotated[str | None, typer.Option("--side", help="left, right or both; default: your index side.")]
Site = Annotated[str | None, typer.Option("--site", help="Where; default: your index site (sit_bone).")]
Quality = Annotated[str | None, typer.Option("--quality", help="ache, sharp, burning or tingling.")]
SessionId = Annotated[str | None, typer.Option("--session", help="Id of the run it belongs to.")]
ProvokedBy = Annotated[
    str | None, typer.Option("--provoked-by", help="What brought it on: sitting, lying, level_walking ...")
]
LoadTest = Annotated[
    str | None,
    typer.Option("--load-test", help="double_leg_bridge or single_leg_bridge, for morning scores."),
]
Painkiller = Annotated[str | None, typer.Option("--painkiller", help="none, oral, topical or injection.")]
PainkillerAt = Annotated[str | None, typer.Option("--painkiller-at", help="When it was taken.")]
Limping = Annotated[str | None, typer.Option("--limping", help="yes or no: did you limp?")]
NewPlace = Annotated[
    bool, typer.Option("--new-place", help="Yes, this pain is on another side or site than before.")
]


def register(app: typer.Typer) -> None:
    """Add ``tallrun pain``."""
    group = typer.Typer(no_args_is_help=True, help="Pain scores: add, list, fix, import.")
    group.command("add")(add)
    group.command("limping")(answer_limping)
    group.command("list")(list_scores)
    group.command("fix")(fix)
    group.command("import")(import_scores)
    app.add_typer(group, name="pain")


def _answers(
    score: str | None, painkiller: str | None = None, limping: str | None = None, **typed: str | None
) -> dict[str, Any]:
    """Turn typed answers into those of ``journal.entries``."""
    return {
        "score": read_score(score), "painkiller": painkiller, "limping": read_yes_no(limping, "Limping"), **typed,
    }  # fmt: skip


def answer_limping(
    session: Annotated[str, typer.Option("--session", help="Id of the run, as due prints it.")],
    limping: Annotated[str, typer.Option("--limping", help="yes or no.")],
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Answer "did you limp" for a run."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        answer = read_yes_no(limping, "Limping")
        if answer is None:
            raise EntryError("Limping must be answered yes or no.")
        entries.answer_limping(mine, session, answer, by=by)
        show(
            as_json,
            {"session_id": session, "limping": answer},
            f"Noted: limping {'yes' if answer else 'no'}.",
        )


def add(
    score: Score = None,
    kind: PainKind = None,
    at: At = None,
    side: Side = None,
    site: Site = None,
    quality: Quality = None,
    session: SessionId = None,
    provoked_by: ProvokedBy = None,
    load_test: LoadTest = None,
    painkiller: Painkiller = None,
    painkiller_at: PainkillerAt = None,
    limping: Limping = None,
    new_place: NewPlace = False,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Add one pain score (asks for what is missing when you type)."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries
        from tallrun.recovery.model import PAIN_KINDS, PAINKILLERS

        typing_person = score is None or kind is None
        kind = ask(kind, "Which question", "--kind", as_json=as_json, choices=PAIN_KINDS)
        score = ask(score, "Pain now, 0-10", "--score", as_json=as_json)
        if typing_person:
            painkiller = ask_or_skip(
                painkiller, f"Painkiller in the last 24 h ({'/'.join(PAINKILLERS)})", as_json=as_json
            )
            if kind in {"during", "after"}:
                limping = ask_or_skip(
                    limping,
                    "Did you limp (yes/no)",
                    as_json=as_json,
                    check=lambda t: read_yes_no(t, "Limping"),
                )
        entry, warnings = entries.add_pain(
            mine,
            _answers(
                score, painkiller, limping, kind=kind, at=at, side=side, site=site, quality=quality,
                session_id=session, provoked_by=provoked_by, load_test=load_test, painkiller_at=painkiller_at,
            ),
            by=by, new_place=new_place,
        )  # fmt: skip
        show(
            as_json,
            entries.pain_payload(entry) | {"warnings": warnings},
            f"Noted: {_line(entry, mine.zone)}  [{entry.pain_id[:8]}]",
            *warnings,
        )


def list_scores(
    days: Days = 14,
    every: Annotated[
        bool, typer.Option("--all", help="Also entries that were replaced or taken back.")
    ] = False,
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """List pain scores, oldest first."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        found = entries.pain_scores(mine, days, every=every)
        reasons = entries.not_counted(mine, [score for score, _ in found])
        payload = [
            entries.pain_payload(score) | {"in_force": in_force, "not_counted": why}
            for (score, in_force), why in zip(found, reasons, strict=True)
        ]
        lines = []
        for (score, in_force), why in zip(found, reasons, strict=True):
            mark = "" if in_force else "  (not in force)"
            lines.append(f"{score.pain_id[:8]}  {_line(score, mine.zone)}{mark}")
            if in_force and why is not None:
                lines.append(f"          {why}")
        show(as_json, payload, *(lines or [f"No scores in the last {days} days. Add one: tallrun pain add"]))


def fix(
    pain_id: Annotated[str, typer.Argument(help="Id of the score, or its first letters, from pain list.")],
    score: Score = None,
    kind: PainKind = None,
    at: At = None,
    side: Side = None,
    site: Site = None,
    quality: Quality = None,
    session: SessionId = None,
    provoked_by: ProvokedBy = None,
    load_test: LoadTest = None,
    painkiller: Painkiller = None,
    painkiller_at: PainkillerAt = None,
    limping: Limping = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the score back.")] = False,
    new_place: NewPlace = False,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Correct a score. The old row stays in the records, replaced by the new one."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        new, warnings = entries.fix_pain(
            mine,
            pain_id,
            _answers(
                score, painkiller, limping, kind=kind, at=at, side=side, site=site, quality=quality,
                session_id=session, provoked_by=provoked_by, load_test=load_test, painkiller_at=painkiller_at,
            ),
            by=by, withdraw=withdraw, new_place=new_place,
        )  # fmt: skip
        done = "Taken back" if withdraw else "Corrected"
        show(
            as_json,
            entries.pain_payload(new) | {"withdrawn": withdraw, "warnings": warnings},
            f"{done}: {_line(new, mine.zone)}  [{new.pain_id[:8]}, in place of {str(new.supersedes)[:8]}]",
            *warnings,
        )


def import_scores(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header; columns as in the pain row: at,kind,score,...")
    ],
    new_place: NewPlace = False,
    by: EnteredBy = "import",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Import pain scores from a CSV file: all rows or none; skips rows equal in every field to one there."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import check_session, pain_entry
        from tallrun.recovery.model import PainScore
        from tallrun.store.checks import check_pain
        from tallrun.store.models import PainRow
        from tallrun.store.records import from_rows

        found = []
        for line, answers in _csv_rows(file):
            try:
                entry = pain_entry(mine, _answers(**answers))
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
        skipped = len(found) - len(new)
        show(
            as_json,
            {"imported": len(new), "already_there": skipped},
            f"Imported {len(new)} scores; {skipped} skipped, equal in every field to one that was there.",
        )


def _csv_rows(file: Path) -> list[tuple[int, dict[str, str | None]]]:
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
        typer.echo(f"note: not kept, since the records have no place for it: {', '.join(unknown)}", err=True)
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = first_line + reader.line_num - 1
        if any(cell.strip() for cell in cells[len(names) :]):
            raise EntryError(f"{file.name}, line {line}: more values than columns. Nothing was imported.")
        answers: dict[str, str | None] = {
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


def _line(score: PainScore, zone: ZoneInfo) -> str:
    extras = [score.quality, score.load_test, score.provoked_by]
    if score.painkiller != "none":
        extras.append(f"painkiller: {score.painkiller}")
    if score.limping is not None:
        extras.append("limped" if score.limping else "no limp")
    told = ", ".join(visible(text.replace("_", " ")) for text in extras if text)
    place = f"{score.side} {visible(score.site.replace('_', ' '))}"
    return (
        f"{when(score.at, zone)}  {score.kind:<8} {score.score:>2}/10  {place}{f' ({told})' if told else ''}"
    )
