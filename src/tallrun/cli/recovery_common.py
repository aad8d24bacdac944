"""What the record-keeping commands share: options, opening the records, reading times, asking, printing."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tallrun.cli.output import progress_bar
from tallrun.errors import EntryError, TallrunError
from tallrun.journal.desk import Records, current_time, load_protocol, read_instant

DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Folder of the records or a database URL; else TALLRUN_DATA_DIR, else the platform's folder.",
    ),
]
RunnerCode = Annotated[
    str | None, typer.Option("--runner", help="Whose records; needed only when there are several runners.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How far back.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, ask nothing.")]
EnteredBy = Annotated[str, typer.Option("--by", help="Who enters this.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", help="When: 2026-03-01T07:30+01:00, '2026-03-01 07:30', or 07:30 for today. Default: now."
    ),
]
#: What every record-keeping command takes from here.
__all__ = ["Records", "current_time", "load_protocol", "read_instant"]
NOT_A_DEVICE = (
    "Not a medical device. It goes by your entries and your clinician's plan; it cannot examine you."
)


@contextmanager
def records(data_dir: str | None, runner: str | None) -> Iterator[Records]:
    """Open the records of one runner for one command."""
    from tallrun.store import Store

    with Store.open(data_dir) as store:
        yield Records(store, store.find_runner(runner), current_time())


def read_score(text: str | None, what: str = "A pain score") -> int | None:
    """Turn typed text into a score; raises EntryError unless it is a whole number from 0 to 10."""
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,2}", text.strip()) or int(text) > 10:
        raise EntryError(f"{what} must be a whole number from 0 to 10, got {text!r}.")
    return int(text)


def read_number(text: str, what: str) -> float:
    """Turn typed text into a number above 0; raises EntryError."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise EntryError(f"{what} must be a number above 0, got {text!r}.")
    return number


def read_yes_no(text: str | None, what: str) -> bool | None:
    """Turn yes/no into a truth value; None and '?' stay unknown. Raises EntryError for anything else."""
    if text is None or text.strip() in {"", "?"}:
        return None
    word = text.strip().lower()
    if word in {"y", "yes"}:
        return True
    if word in {"n", "no"}:
        return False
    raise EntryError(f"{what} must be answered yes or no, got {text!r}.")


def read_pace(text: str | None) -> float | None:
    """Turn minutes per kilometre (6:30) into m/s; raises EntryError if it cannot be read."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text.strip())
    seconds = int(match[1]) * 60 + int(match[2]) if match else 0
    if not 120 <= seconds <= 1800:
        raise EntryError(f"A pace is minutes and seconds per kilometre between 2:00 and 30:00, got {text!r}.")
    return 1000 / seconds


def person_types() -> bool:
    """Tell whether somebody sits at the keyboard."""
    return sys.stdin.isatty()


def ask(value: str | None, question: str, flag: str, *, as_json: bool, choices: tuple[str, ...] = ()) -> str:
    """Return ``value``, or ask for it when a person types; a script that left it out gets a usage error.

    Raises EntryError for a value that is none of ``choices``.
    """
    hint = f" ({'/'.join(choices)})" if choices else ""
    while value is None:
        if as_json or not person_types():
            raise typer.BadParameter(f"{flag} is missing{hint}")
        typed = str(typer.prompt(question + hint)).strip()
        if not choices or typed in choices:
            return typed
        typer.echo(f"Please answer one of {', '.join(choices)}.")
    if choices and value not in choices:
        # before anything else is asked for: the next line must not hide what is wrong with this one
        raise EntryError(f"{flag} must be one of {', '.join(choices)}, got {value!r}.")
    return value


def ask_or_skip(
    value: str | None, question: str, *, as_json: bool, check: Callable[[str], Any] | None = None
) -> str | None:
    """Return ``value``; else ask when a person types, Enter skipping; None in a script.

    check : called with the answer; an EntryError is shown and the question asked again.
    """
    while value is None and not as_json and person_types():
        typed = str(typer.prompt(f"{question} (Enter to skip)", default="", show_default=False)).strip()
        if not typed:
            return None
        try:
            if check:
                check(typed)
        except EntryError as error:
            typer.echo(str(error))
            continue
        return typed
    return value


def read_earlier_runs(where: Path | str | None, *codes: str | None) -> None:
    """Cut what runs are compared by, where it is not kept yet: once after an update, with a bar on a terminal.

    codes : whose runs; None is the only runner there is. Nothing is done where it is not known who is meant.
    """
    from tallrun.report.history import stored_blocks, uncut
    from tallrun.store import Store

    waiting: list[Path] = []
    with suppress(TallrunError), Store.open(where) as store:
        known = store.runner_codes()
        ids = [store.find_runner(code) for code in codes or known] if known else []
        waiting = [place for runner_id in ids for place in uncut(store, runner_id)]
    if not waiting:
        return
    with progress_bar("reading earlier runs") as tell:
        for n, place in enumerate(waiting, 1):
            stored_blocks(place)
            tell(n / len(waiting))


def show(as_json: bool, payload: Any, *lines: str) -> None:
    """Print the payload as JSON (no NaN), or the lines for a person."""
    if as_json:
        typer.echo(json.dumps(payload, ensure_ascii=False, allow_nan=False, default=_plain))
    else:
        for line in lines:
            typer.echo(line)


def fields_of(record: Any) -> dict[str, Any]:
    """Return a data class's fields by name (mappings and nested classes as they are; ``show`` prints them)."""
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return fields_of(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def when(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as a person reads it, in the runner's zone."""
    return at.astimezone(zone).strftime("%a %d %b %Y %H:%M")
