"""``tallrun clinician``: dated entries that tighten, hold, permit or clear."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from tallrun.cli.output import visible
from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    RunnerCode,
    fields_of,
    records,
    show,
)
from tallrun.errors import EntryError

By = Annotated[str, typer.Option("--by", help="Name of the clinician.")]
ExpiresOn = Annotated[
    str | None,
    typer.Option("--expires-on", help="Last day it holds, 2026-06-30; without it, until replaced."),
]
Note = Annotated[str, typer.Option("--note", help="In words.")]
RungArgument = Annotated[str, typer.Argument(help="Level: V0 ... V9, F1, F2, I1 ... I3, H1 ... H3.")]


def register(app: typer.Typer) -> None:
    """Add ``tallrun clinician``."""
    group = typer.Typer(no_args_is_help=True, help="A clinician's entries: they may tighten anything.")
    for command in (note, diagnose, cap, hold, clear, permit, tighten, end):
        group.command(command.__name__)(command)
    group.command("green-limit")(green_limit)
    group.command("list")(list_entries)
    app.add_typer(group, name="clinician")


def note(
    text: Annotated[str, typer.Argument(help="The note.")],
    at: At = None, by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write a note into the records; it changes no rule."""
    _enter(data_dir, runner, at, None, by, as_json, note=text)


def diagnose(
    text: Annotated[str, typer.Argument(help="The diagnosis in words.")],
    at: At = None, by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Record that a clinician has made the diagnosis."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import clinician

        entry = clinician.diagnose(mine, text, by=by, at=at)
        show(as_json, fields_of(entry), "Noted: diagnosed by a clinician.")


def cap(
    rung: RungArgument, at: At = None, expires_on: ExpiresOn = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Set the highest level that may be advised."""
    _enter(data_dir, runner, at, expires_on, by, as_json, cap=rung.upper(), note=note)


def hold(
    at: At = None, expires_on: ExpiresOn = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """No running until this entry ends or is cleared."""
    _enter(data_dir, runner, at, expires_on, by, as_json, hold=True, note=note)


def clear(
    at: At = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """End every referral and clinician stop that arose before now."""
    _enter(data_dir, runner, at, None, by, as_json, clears=True, note=note)


def permit(
    rung: RungArgument, at: At = None, expires_on: ExpiresOn = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Permit the levels above I1 up to this one."""
    _enter(data_dir, runner, at, expires_on, by, as_json, permits_rung=rung.upper(), note=note)


def green_limit(
    limit: Annotated[int, typer.Argument(help="Highest score that still counts as green, 0-5.")],
    at: At = None, expires_on: ExpiresOn = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Set the green limit; scores above 5 stop a run whatever is entered here."""
    _enter(data_dir, runner, at, expires_on, by, as_json, green_limit=limit, note=note)


def tighten(
    number: Annotated[str, typer.Argument(help="Protocol number and value, ladder.green_streak=3.")],
    at: At = None, expires_on: ExpiresOn = None, note: Note = "", by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make one number of the protocol stricter; a laxer value is refused."""
    from tallrun.cli.recovery_common import load_protocol, read_number

    name, sign, value = number.partition("=")
    if not sign:
        raise EntryError(
            f"Write a protocol number as name=value, such as ladder.green_streak=3; got {number!r}."
        )
    stricter = {name.strip(): read_number(value, name.strip())}
    load_protocol().tightened(stricter)
    _enter(data_dir, runner, at, expires_on, by, as_json, tighten=stricter, note=note)


def list_entries(data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False) -> None:
    """List the clinician's entries, with their ids and whether they hold now."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import clinician

        payload = clinician.entries(mine)
        lines = [
            f"{item['clinician_id'][:8]}  {item['at']:%Y-%m-%d}  {visible(item['entered_by'])}: "
            f"{visible(clinician.in_words(item))}"
            f"{'' if item['in_force'] else '  (ended)'}"
            for item in payload
        ]
        show(as_json, payload, *(lines or ["No clinician entries."]))


def end(
    clinician_id: Annotated[str, typer.Argument(help="Id of the entry, or its first letters.")],
    by: By = "clinician",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """End an entry now; it stays in the records as one that held until now."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import clinician

        full_id = clinician.end(mine, clinician_id, by=by)
        show(as_json, {"ended": full_id, "at": mine.now}, f"Ended: {full_id[:8]}.")


def _enter(
    data_dir: str | None, runner: str | None, at: str | None, expires_on: str | None, by: str, as_json: bool,
    **limits: Any,
) -> None:  # fmt: skip
    with records(data_dir, runner) as mine:
        from tallrun.journal import clinician

        payload = clinician.enter(mine, by=by, at=at, expires_on=_last_day(expires_on), **limits)
        words = visible(clinician.in_words(payload))
        del payload["in_force"]
        show(as_json, payload, f"Noted: {words}  [{payload['clinician_id'][:8]}]")


def _last_day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EntryError(f"The date {text!r} cannot be read; write 2026-06-30.") from error
