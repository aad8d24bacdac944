"""``tallrun report``: one offline HTML file about a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallrun.cli.kernel_cache import note_if_cold
from tallrun.cli.output import progress_bar

if TYPE_CHECKING:
    from tallrun.numerics.recording import Recording
    from tallrun.pipeline import GaitTables


def register(app: typer.Typer) -> None:
    """Add ``report``."""
    app.command("report")(report)


def report(
    session: Path = typer.Argument(..., help="Session folder."),
    out: Path | None = typer.Option(
        None, "--out", "-o", help="HTML file; default: derived/report.html in the session."
    ),
) -> None:
    """Write a single-file report that opens without a network."""
    from tallrun.sessions import read_session

    recording = read_session(session)
    note_if_cold()
    target = out or session / "derived" / "report.html"
    with progress_bar("analysing") as show:
        write_report(recording, session.name, target, show)
    typer.echo(str(target))


def write_report(recording: Recording, title: str, target: Path, show: Callable[[float], None]) -> GaitTables:
    """Analyse a recording, write its report to ``target`` and return the tables behind it."""
    from tallrun.pipeline import PipelineSetup, run_recording
    from tallrun.report import ReportInput, build_report
    from tallrun.sessions import write_text

    pipeline = run_recording(recording, PipelineSetup.of(recording, record_waves=True), show)
    tables = pipeline.tables()
    pain = [
        (marker.t_s, int(marker.text))
        for marker in recording.markers
        if marker.kind == "pain" and marker.text.isdigit() and int(marker.text) <= 10
    ]
    page = build_report(ReportInput(recording, tables, title, pain=pain, waves=pipeline.waves()))
    write_text(target, page)
    return tables
