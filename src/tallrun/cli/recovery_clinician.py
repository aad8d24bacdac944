"""``tallrun clinician``: dated entries that tighten, hold, permit or clear."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

import typer

from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    Records,
    RunnerCode,
    fields_of,
    read_instant,
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
        from tallrun.recovery.model import Diagnosis

        entry = Diagnosis(at=_not_ahead(mine, at), by_clinician=True, text=text)
        mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
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
        from tallrun.recovery.model import ClinicianEntry
        from tallrun.store.models import ClinicianRow
        from tallrun.store.records import from_rows

        rows = mine.store.entries(ClinicianRow, mine.runner_id)
        payload = [
            fields_of(entry) | {"clinician_id": row.clinician_id, "in_force": _holds(entry, mine.now)}
            for entry, row in zip(from_rows(ClinicianEntry, rows), rows, strict=True)
        ]
        lines = [
            f"{item['clinician_id'][:8]}  {item['at']:%Y-%m-%d}  {item['entered_by']}: {_words(item)}"
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
        from tallrun.store.models import ClinicianRow

        full_id = mine.store.find_entry(ClinicianRow, mine.runner_id, clinician_id)
        mine.store.supersede(ClinicianRow, mine.runner_id, full_id, by=by, now=mine.now, expires_at=mine.now)
        show(as_json, {"ended": full_id, "at": mine.now}, f"Ended: {full_id[:8]}.")


def _enter(
    data_dir: str | None, runner: str | None, at: str | None, expires_on: str | None, by: str, as_json: bool,
    **limits: Any,
) -> None:  # fmt: skip
    with records(data_dir, runner) as mine:
        from tallrun.recovery.model import ClinicianEntry

        start = _not_ahead(mine, at)
        entry = ClinicianEntry(
            at=start, expires_at=_end_of_day(mine, expires_on, start), entered_by=by, **limits
        )
        clinician_id = mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
        payload = fields_of(entry) | {"clinician_id": clinician_id}
        show(as_json, payload, f"Noted: {_words(payload)}  [{clinician_id[:8]}]")


def _not_ahead(mine: Records, at: str | None) -> datetime:
    from tallrun.store.checks import check_not_future

    start = read_instant(at, mine.zone, mine.now)
    check_not_future(start, mine.now, "A clinician's entry")
    return start


def _end_of_day(mine: Records, text: str | None, start: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        last = date.fromisoformat(text)
    except ValueError as error:
        raise EntryError(f"The date {text!r} cannot be read; write 2026-06-30.") from error
    ends = datetime.combine(last + timedelta(days=1), time(0), mine.zone)
    if ends <= start:
        raise EntryError(f"The entry would end on {text}, before it begins.")
    return ends


def _holds(entry: Any, now: datetime) -> bool:
    return entry.at <= now and (entry.expires_at is None or now < entry.expires_at)


def _words(entry: dict[str, Any]) -> str:
    from tallrun.cli.recovery_common import visible

    parts = []
    if entry["clears"]:
        parts.append("earlier referrals and stops are cleared")
    if entry["hold"]:
        parts.append("no running")
    if entry["cap"]:
        parts.append(f"level at most {entry['cap']}")
    if entry["permits_rung"]:
        parts.append(f"levels up to {entry['permits_rung']} permitted")
    if entry["green_limit"] is not None:
        parts.append(f"green up to {entry['green_limit']}")
    parts += [f"{name} = {value:g}" for name, value in entry["tighten"].items()]
    if entry["note"]:
        parts.append(visible(entry["note"]))
    until = entry["expires_at"]
    return "; ".join(parts) + (
        "" if until is None else f" (until the end of {until - timedelta(seconds=1):%Y-%m-%d})"
    )
