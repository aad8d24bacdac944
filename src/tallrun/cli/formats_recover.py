"""``tallrun recover`` and ``tallrun reasons``: a cut-off run brought back, and what a reason code means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallrun.cli.radio import DataDir

REASONS_PAGE_HEAD = """# Reason codes

Why a value is unknown or a row is doubtful. One code, one sentence, used in tables, reports and on the page.
This page is made by `tallrun reasons --markdown` and checked by a test.

| code | meaning |
|---|---|
"""


def register(app: typer.Typer) -> None:
    """Add ``recover`` and ``reasons``."""
    app.command("recover")(recover_session)
    app.command("reasons")(reasons)


def recover_session(
    session: Annotated[Path, typer.Argument(help="Folder of a run that was cut off.")],
    data_dir: DataDir = None,
) -> None:
    """Make a session of a run that a crash, a power cut or a full disk ended; at most a second is missing."""
    from tallrun.cli.radio import data_folder
    from tallrun.live.cut_off import bring_back

    recovered = bring_back(session, data_folder(data_dir))
    if recovered is None:
        typer.echo(f"{session} was a session already; now it is in the records")
        return
    until_s = recovered.log.last_host_time_s
    typer.echo(f"{recovered.log.n_packets} packets until {until_s or 0.0:.1f} s brought back to {session}")
    for note in recovered.notes:
        typer.echo(f"note: {note}")


def reasons(
    code: Annotated[str | None, typer.Argument(help="One code; all of them without it.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/reasons.md.")] = False,
) -> None:
    """Say what a reason code in a table or report means."""
    from tallrun.errors import UsageError
    from tallrun.reasons import REASONS

    if markdown:
        typer.echo(reasons_page(), nl=False)
        return
    if code is not None and code not in REASONS:
        raise UsageError(f"no reason code {code!r}; see them all with: tallrun reasons")
    for name, meaning in REASONS.items():
        if code in (None, name):
            typer.echo(f"{name}: {meaning}")


def reasons_page() -> str:
    """Return docs/reasons.md."""
    from tallrun.reasons import REASONS

    rows = (f"| `{code}` | {meaning.replace('|', '/')} |" for code, meaning in sorted(REASONS.items()))
    return REASONS_PAGE_HEAD + "\n".join(rows) + "\n"
