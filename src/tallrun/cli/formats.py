"""Other people's files in, other people's files out, and what belongs to session folders as such."""

from __future__ import annotations

import typer

from tallrun.cli import formats_export, formats_import, formats_recover


def register(app: typer.Typer) -> None:
    """Add ``import``, ``export``, ``recover`` and ``reasons``."""
    formats_import.register(app)
    formats_export.register(app)
    formats_recover.register(app)
