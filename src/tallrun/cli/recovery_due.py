"""``tallrun due``: the questions that are open and the next ones, as a list or as calendar reminders."""

from __future__ import annotations

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
    pass


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
        from tallrun.journal.offers import brought_back_first
        from tallrun.journal.reminders import calendar
        from tallrun.journal.today import all_due, due_at

        now = read_instant(as_of, mine.zone, mine.now)
        found = all_due(mine, now)
        rows = due_at(mine, now)
        first = brought_back_first(mine, now)
        zone = mine.zone
    lines = [] if first is None else [f"now    {'recover':<13} {first.text} {first.action}"]
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
