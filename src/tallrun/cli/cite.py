"""``tallrun cite``: a methods paragraph about a session, and how to cite the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallrun._version import __version__


def register(app: typer.Typer) -> None:
    """Add ``cite``."""
    app.command("cite")(cite)


def cite(
    session: Annotated[
        Path | None, typer.Argument(help="Session folder; without one only the program is cited.")
    ] = None,
) -> None:
    """Print a methods paragraph with the session's sensors and versions, and the program's citation."""
    if session is not None:
        from tallrun.report.methods import methods_of_session
        from tallrun.sessions import read_session

        typer.echo(methods_of_session(read_session(session)))
        typer.echo("")
    typer.echo(f"tallrun developers. tallrun: running-gait monitor, version {__version__}. Apache-2.0.")
