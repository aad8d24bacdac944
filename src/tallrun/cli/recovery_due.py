"""``tallrun due``: the questions that are open and the next ones, as a list or as calendar reminders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.recovery_common import (
    AsJson,
    DataDir,
    RunnerCode,
    read_instant,
    records,
    show,
    when,
)
from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.insight.due import Due


def register(app: typer.Typer) -> None:
    """Add ``tallrun due``."""
    app.command("due")(due)


def due(
    as_of: Annotated[str | None, typer.Option("--as-of", help="At another moment than now.")] = None,
    ics: Annotated[Path | None, typer.Option("--ics", help="Write reminders to this calendar file.")] = None,
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """List which questions are open and which come next (morning, after, 24 h, 48 h, screen)."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.today import all_due, due_at

        now = read_instant(as_of, mine.zone, mine.now)
        found = all_due(mine, now)
        rows = due_at(mine, now)
        zone = mine.zone
    lines = []
    for item in found:
        state = "now  " if item.is_open(now) else "later"
        lines.append(
            f"{state}  {item.question:<13} {when(item.opens_at, zone)} – {when(item.closes_at, zone)}  {item.text}"
        )
    if ics is not None:
        try:
            ics.write_text(calendar(found, now), encoding="utf-8", newline="")
        except OSError as error:
            raise EntryError(
                f"the calendar could not be written to {ics}: {error.strerror or error}"
            ) from error
        lines.append(f"Reminders written to {ics}; the texts say no more than 'a score is due'.")
    show(
        as_json,
        rows,
        *(lines or ["Nothing is due."]),
    )


def calendar(found: tuple[Due, ...], now: datetime) -> str:
    """Return an iCalendar text (RFC 5545): one reminder per coming question, mornings daily for four weeks.

    Calendars are often shared, so the reminders name no pain, side or score.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tallrun//due//EN", "CALSCALE:GREGORIAN"]
    for item in found:
        at = max(item.best_at, now)
        if item.closes_at < at or item.question == "count":
            continue  # a run to count waits until somebody looks; it has no hour
        # The morning has no zone ("floating"): it is morning wherever the runner wakes up.
        if item.question == "morning":
            times = [f"DTSTART:{item.best_at:%Y%m%dT%H%M%S}", "RRULE:FREQ=DAILY;COUNT=28"]
        else:
            times = [f"DTSTART:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{item.question}-{item.session_id or f'{item.opens_at:%Y%m%d}'}@tallrun",
            f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            *times,
            "DURATION:PT5M",
            f"SUMMARY:tallrun: {item.question} answer is due",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "DESCRIPTION:tallrun: an answer is due",
            "TRIGGER:PT0S",
            "END:VALARM",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    """Fold a line at 75 octets; continuation lines start with a space."""
    parts, rest = [], line
    while len(rest.encode()) > 75:
        cut = 74
        while len(rest[:cut].encode()) > 74:
            cut -= 1
        parts.append(rest[:cut])
        rest = f" {rest[cut:]}"
    return "\r\n".join([*parts, rest])
