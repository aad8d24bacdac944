"""``tallrun export``: a session in the formats of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tallrun.cli.formats_import import PassphraseFile, read_passphrase
from tallrun.cli.output import get_engine_ready
from tallrun.cli.recovery_common import DataDir


def register(app: typer.Typer) -> None:
    """Add ``export``."""
    app.command("export")(export)


def export(
    session: Annotated[
        Path, typer.Argument(help="Session folder; for bids also one of many.", readable=False)
    ],
    to: Annotated[str, typer.Option("--to", help="csv, parquet, fit, bids, fhir or bundle.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; a folder for csv, parquet and bids.")
    ],
    subject: Annotated[str, typer.Option(help="Participant label (bids, one session).")] = "01",
    subject_level: Annotated[
        int | None,
        typer.Option(
            "--subject-level",
            min=1,
            help="Folder level that names the subject where session.json and --data-dir do not (bids of a folder).",
        ),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", help="An author of the data set (bids); repeat for more.")
    ] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Licence of the data set (bids).")] = None,
    title: Annotated[str | None, typer.Option("--title", help="Name of the data set (bids).")] = None,
    passphrase_file: PassphraseFile = None,
    records: Annotated[
        str,
        typer.Option(
            help="Pain, exercises and forms to put into fhir: session (a day before to two days after), all, none."
        ),
    ] = "session",
    runner: Annotated[
        str | None,
        typer.Option(
            "--runner",
            help="Whose records (fhir); needed with several runners for a session they do not know.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a session in another format: tables, watch activity, clinic record, data set, or one sealed file."""
    from tallrun.errors import UsageError
    from tallrun.sessions._files import refuse_existing

    exporters: dict[str, Callable[[], str]] = {
        "csv": lambda: _export_tables(session, out, "csv"),
        "parquet": lambda: _export_tables(session, out, "parquet"),
        "fit": lambda: _export_fit(session, out),
        "bids": lambda: _export_bids(session, out, subject, subject_level, author, licence, title, data_dir),
        "fhir": lambda: _export_fhir(session, out, records, runner, data_dir),
        "bundle": lambda: _export_bundle(session, out, read_passphrase(passphrase_file)),
    }
    if to not in exporters:
        raise UsageError(f"--to must be one of {', '.join(exporters)}, got {to!r}")
    # Before the analysis, which takes its time.
    refuse_existing(out)
    typer.echo(f"{exporters[to]()} written to {out}")


def _export_tables(session: Path, out: Path, kind: str) -> str:
    from tallrun.pipeline import analyse
    from tallrun.sessions import read_session
    from tallrun.sessions.table_export import export_tables

    recording = read_session(session)
    get_engine_ready()
    tables = analyse(recording).tables
    frames = {"strides": tables.strides, "segments": tables.segments, "timeline": tables.timeline}
    return ", ".join(export_tables(recording, frames, out, kind))


def _export_fit(session: Path, out: Path) -> str:
    from tallrun.gait.summary import told_gait
    from tallrun.pipeline import analyse
    from tallrun.sessions import read_session
    from tallrun.sessions.fit_export import export_fit, require_fit_tool

    require_fit_tool()  # before the analysis, which takes its time
    recording = read_session(session)
    get_engine_ready()
    tables = analyse(recording).tables
    return f"{export_fit(recording, tables.strides, out, told_gait(tables.summary))} records"


def _export_bids(
    place: Path, out: Path, subject: str, subject_level: int | None, authors: list[str] | None, licence: str | None,
    title: str | None, data_dir: str | None,
) -> str:  # fmt: skip
    from tallrun.cohort.bids_study import study_runs, task_of
    from tallrun.pipeline import analyse
    from tallrun.sessions import read_session
    from tallrun.sessions.bids_export import StudyFacts, StudyRun, export_bids_study
    from tallrun.words import counted

    facts = StudyFacts(title or StudyFacts.name, tuple(authors or ()), licence)
    get_engine_ready()
    if (place / "session.json").is_file() or not place.is_dir():
        recording = read_session(place)
        tables = analyse(recording).tables
        runs = iter([StudyRun(recording, subject, strides=tables.strides, task=task_of(tables.summary))])
    else:
        whose = None if data_dir is None else _whose(data_dir)
        runs = study_runs(place, subject_level, whose, lambda line: typer.echo(f"note: {line}"))
    n_systems, n_subjects = export_bids_study(runs, out, facts)
    return f"{counted(n_systems, 'tracking system')} of {counted(n_subjects, 'subject')}"


def _whose(data_dir: str) -> dict[str, str]:
    """Return session id -> runner's id, of every session the records list."""
    from tallrun.store import Store

    with Store.open(data_dir) as store:
        return {row.session_id: row.runner_id for row in store.sessions(None)}


def _export_fhir(session: Path, out: Path, wanted: str, runner: str | None, data_dir: str | None) -> str:
    from tallrun.errors import UsageError
    from tallrun.journal.desk import current_time
    from tallrun.journal.session_rows import WHICH, records_of_session
    from tallrun.pipeline import analyse
    from tallrun.sessions import read_session
    from tallrun.sessions._files import write_json
    from tallrun.sessions.fhir_export import fhir_bundle, mean_heart_rate_bpm
    from tallrun.sessions.fit_export import recording_duration_s

    if wanted not in WHICH:
        raise UsageError(f"--records must be one of {', '.join(WHICH)}, got {wanted!r}")
    recording = read_session(session)
    found = records_of_session(
        recording.info, recording_duration_s(recording), wanted, runner, data_dir, str(out)
    )
    get_engine_ready()
    bundle = fhir_bundle(
        analyse(recording).tables.summary,
        recording.info,
        records=found.rows,
        heart_rate_bpm=mean_heart_rate_bpm(recording.heart_rate),
        made_at=current_time(),
    )
    write_json(out, bundle)
    for note in found.notes:
        typer.echo(f"note: {note}")
    return f"{len(bundle['entry'])} resources"


def _export_bundle(session: Path, out: Path, passphrase: str | None) -> str:
    from tallrun.sessions.bundle import export_bundle

    sealed = "encrypted" if passphrase is not None else "not encrypted"
    members, left_out = export_bundle(session, out, passphrase)
    if left_out:
        shown = ", ".join(ascii(name)[:60] for name in left_out[:5]) + (" ..." if len(left_out) > 5 else "")
        typer.echo(f"note: left out, being links or named with other than letters, digits, _ . -: {shown}")
    return f"{len(members)} files, {sealed},"
