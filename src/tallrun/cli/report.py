"""``tallrun report``: one offline HTML file about a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.output import get_engine_ready, progress_bar

if TYPE_CHECKING:
    from tallrun.insight import SessionBlocks


def register(app: typer.Typer) -> None:
    """Add ``report``."""
    app.command("report")(report)


def report(
    session: Annotated[Path, typer.Argument(help="Session folder.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="HTML file; default: derived/report.html in the session."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the records: adds today's advice and the own baselines."),
    ] = None,
    runner: Annotated[
        str | None, typer.Option("--runner", help="Whose records; needed only with several runners.")
    ] = None,
) -> None:
    """Write a single-file report that opens without a network."""
    from tallrun.journal.desk import current_time, load_protocol, rules_for
    from tallrun.journal.run_plan import from_records
    from tallrun.report import build_report
    from tallrun.report.overlays import overlays_in_force, read_overlays
    from tallrun.report.session_report import analysed, pain_marks
    from tallrun.sessions import read_session, write_text
    from tallrun.sessions._files import refuse_other_page

    target = session / "derived" / "report.html" if out is None else out
    refuse_other_page(target)
    recording = read_session(session)
    entries = overlays_in_force(read_overlays(session))
    history: tuple[SessionBlocks, ...] = ()
    advice = rules = None
    sheet = told = None
    if data_dir is not None:
        from tallrun.cli.clinic import sheet_of_records
        from tallrun.cli.recovery_common import read_earlier_runs
        from tallrun.journal.sessions import runner_of_sessions

        runner = runner or runner_of_sessions(data_dir, session)
        read_earlier_runs(data_dir, runner)
        sheet = sheet_of_records(data_dir, runner, wants_plan=False)
        rules = rules_for(data_dir, runner, current_time())
        session_id, taps = str(recording.info.get("session_id")), pain_marks(recording)
        history, advice, told = from_records(data_dir, runner, session_id, session, taps)
    get_engine_ready()
    with progress_bar("analysing") as show:
        title = session.resolve().name
        source = analysed(
            recording, title, rules or load_protocol(), show, history=history, advice=advice, entries=entries
        )
    source = replace(source, sheet=sheet or source.sheet, told=told or source.told)
    write_text(target, build_report(source))
    typer.echo(str(target))
