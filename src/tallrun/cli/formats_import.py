"""``tallrun import ...``: other people's files in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.radio import DataDir

if TYPE_CHECKING:
    from tallrun.sessions.activity import Activity
    from tallrun.sessions.assembling import Imported, ImportFacts

MAX_PASSPHRASE_BYTES = 64 * 1024
COLUMNS_HELP = (
    "X,Y,Z columns by name, or by number (1 is the first) in a file without names; - for an axis not recorded. "
    "Once for each --placement when one file holds several sensors."
)
RunZone = Annotated[
    str | None,
    typer.Option("--time-zone", help="Where it was run, such as Europe/Berlin; watches write UTC."),
]
Cadence = Annotated[
    str,
    typer.Option(
        help="What the file counts a minute: strides, steps, or auto (one value over 125 means steps)."
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Session folder to make; it must not exist.")]
Placements = Annotated[
    list[str] | None,
    typer.Option(
        "--placement",
        help="Where each sensor was worn: foot_left, foot_right, pelvis, trunk. One for each FILE.",
    ),
]
RateHz = Annotated[
    float | None, typer.Option("--rate-hz", help="Sampling rate [Hz]; needed when rows carry no time.")
]
Model = Annotated[str | None, typer.Option(help="Sensor model, for the record.")]
AccRange = Annotated[float | None, typer.Option("--acc-range-g", help="Accelerometer range [g], when known.")]
GyrRange = Annotated[
    float | None, typer.Option("--gyr-range-dps", help="Gyroscope range [deg/s], when known.")
]
StartedAt = Annotated[str | None, typer.Option(help="Start of the recording, ISO 8601 with offset.")]
TimeZone = Annotated[str | None, typer.Option(help="Time zone, such as Europe/Berlin.")]
Surface = Annotated[str | None, typer.Option(help="Surface: treadmill, road, trail ...")]
Licence = Annotated[str | None, typer.Option(help="Licence of the data, for the record.")]
HeightM = Annotated[float | None, typer.Option("--height-m", help="Runner's height [m].")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="File whose first line is the passphrase; without it nothing is encrypted."),
]
MassKg = Annotated[float | None, typer.Option("--mass-kg", help="Runner's mass [kg].")]


def register(app: typer.Typer) -> None:
    """Add ``import``."""
    importer = typer.Typer(no_args_is_help=True, help="Make a session from files of other makers.")
    importer.command("csv")(import_csv_files)
    importer.command("matlab")(import_matlab_file)
    importer.command("xdf")(import_xdf_file)
    importer.command("fit")(import_fit_file)
    importer.command("tcx")(import_tcx_file)
    importer.command("gpx")(import_gpx_file)
    importer.command("watch")(import_watch_files)
    importer.command("bundle")(import_bundle_file)
    app.add_typer(importer, name="import")


def import_csv_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV files, one or more.", readable=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Session folder to make; it must not exist.")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Only say what the files seem to hold, and the command for it.")
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="Known layout: gaitmap, tallrun, xio, xsens-dot, movesense, phyphox.")
    ] = None,
    placement: Placements = None,
    time_column: Annotated[
        str | None, typer.Option(help="Column of time or sample number; leave out to count rows.")
    ] = None,
    time_unit: Annotated[
        str | None,
        typer.Option(help="s, ms, us, ns, clock or samples; when left out, as the header says, else s."),
    ] = None,
    acc_columns: Annotated[list[str] | None, typer.Option(help=COLUMNS_HELP)] = None,
    acc_unit: Annotated[str | None, typer.Option(help="mps2, g or mg.")] = None,
    gyr_columns: Annotated[list[str] | None, typer.Option(help=COLUMNS_HELP)] = None,
    gyr_unit: Annotated[str | None, typer.Option(help="radps, dps or mdps.")] = None,
    own_clocks: Annotated[
        bool, typer.Option("--own-clocks", help="Each file has its own clock; all started together.")
    ] = False,
    rate_hz: RateHz = None,
    model: Model = None,
    acc_range_g: AccRange = None,
    gyr_range_dps: GyrRange = None,
    started_at: StartedAt = None,
    time_zone: TimeZone = None,
    surface: Surface = None,
    licence: Licence = None,
    height_m: HeightM = None,
    mass_kg: MassKg = None,
) -> None:
    """Make a session from CSV files, by a preset or by naming columns and units.

    tallrun import csv walk.csv --preset xio --placement foot_left --out WALK
    """
    from tallrun.errors import UsageError
    from tallrun.sessions.csv_import import apart_layouts, column_layout, import_csv
    from tallrun.sessions.csv_layouts import PRESETS, with_units

    if guess:
        _say_guesses(files)
        return
    if out is None:
        raise UsageError("say where to write the session: --out SESSION (or --guess to look only)")
    if preset is not None and (acc_columns or gyr_columns or time_column):
        raise UsageError("give either --preset or columns, not both")
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"--preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    places = placement or []
    if preset is not None:
        layouts = [with_units(layout, acc_unit, gyr_unit, time_unit) for layout in PRESETS[preset]]
    else:
        # Several sensors in one file carry their placements in the layout; one each per file otherwise.
        shared = places if len(files) == 1 and len(places) > 1 else []
        layout = column_layout(acc_columns or [], gyr_columns or [], shared, time_column, time_unit, rate_hz)
        layouts = apart_layouts(with_units(layout, acc_unit, gyr_unit, None), [file.name for file in files])
        places = [] if shared else places
    facts = _facts(
        rate_hz,
        model,
        acc_range_g,
        gyr_range_dps,
        started_at,
        time_zone,
        surface,
        licence,
        height_m,
        mass_kg,
        own_clocks,
    )
    _save(out, import_csv(files, layouts, places, facts))


def _say_guesses(files: list[Path]) -> None:
    from tallrun.sessions.csv_guess import guess_csv

    for file in files:
        guess = guess_csv(file)
        typer.echo(f"{file}:")
        for line in guess.said:
            typer.echo(f"  {line}")
        for line in guess.asked:
            typer.echo(f"  not known: {line}")
        typer.echo(guess.command())


def import_matlab_file(
    file: Annotated[Path, typer.Argument(help="MATLAB file with imu (n x 6) and ts (n).", readable=False)],
    out: Out,
    placement: Annotated[str, typer.Option(help="Where the sensor was worn.")] = "foot_right",
    acc_unit: Annotated[str, typer.Option(help="mps2, g or mg.")] = "mps2",
    gyr_unit: Annotated[str, typer.Option(help="radps, dps or mdps.")] = "radps",
    time_unit: Annotated[str, typer.Option(help="s, ms, us or ns.")] = "s",
    imu_variable: Annotated[
        str,
        typer.Option(
            help="Name of the n x 6 variable; ACC,GYR of two with three axes; data.imu in a structure."
        ),
    ] = "imu",
    time_variable: Annotated[
        str, typer.Option(help="Name of the variable of n stamps; none is needed with --rate-hz.")
    ] = "ts",
    rate_hz: RateHz = None,
    model: Model = None,
    acc_range_g: AccRange = None,
    gyr_range_dps: GyrRange = None,
    started_at: StartedAt = None,
    time_zone: TimeZone = None,
    surface: Surface = None,
    licence: Licence = None,
    height_m: HeightM = None,
    mass_kg: MassKg = None,
) -> None:
    """Make a session from a MATLAB file in the University of Toronto layout."""
    from tallrun.sessions.matlab_import import import_matlab

    facts = _facts(
        rate_hz,
        model,
        acc_range_g,
        gyr_range_dps,
        started_at,
        time_zone,
        surface,
        licence,
        height_m,
        mass_kg,
        False,
    )
    _save(
        out,
        import_matlab(
            file,
            placement,
            facts,
            acc_unit=acc_unit,
            gyr_unit=gyr_unit,
            time_unit=time_unit,
            imu_variable=imu_variable,
            time_variable=time_variable,
        ),
    )


def import_xdf_file(
    file: Annotated[
        Path, typer.Argument(help="XDF file of a Lab Streaming Layer recording.", readable=False)
    ],
    out: Out,
    stream: Annotated[
        list[str],
        typer.Option(
            "--stream",
            help="NAME=PLACEMENT of a stream with IMU channels, such as LeftIMU=foot_left; #2 or a source id for NAME.",
        ),
    ],
    acc_unit: Annotated[str | None, typer.Option(help="mps2, g or mg, when the file does not say.")] = None,
    gyr_unit: Annotated[
        str | None, typer.Option(help="radps, dps or mdps, when the file does not say.")
    ] = None,
    acc_channels: Annotated[
        str | None,
        typer.Option(help="Channels of x, y, z by number (1 is the first), when labels do not tell."),
    ] = None,
    gyr_channels: Annotated[str | None, typer.Option(help="The same for the gyroscope.")] = None,
    started_at: StartedAt = None,
    time_zone: TimeZone = None,
    surface: Surface = None,
    licence: Licence = None,
) -> None:
    """Make a session from the IMU streams of an XDF file."""
    from tallrun.sessions.xdf_import import import_xdf, stream_placements

    facts = _facts(None, None, None, None, started_at, time_zone, surface, licence, None, None, False)
    imported = import_xdf(
        file,
        stream_placements(stream),
        facts,
        acc_unit=acc_unit,
        gyr_unit=gyr_unit,
        acc_channels=acc_channels,
        gyr_channels=gyr_channels,
    )
    _save(out, imported)


def import_fit_file(
    file: Annotated[Path, typer.Argument(help="FIT activity of a watch.", readable=False)],
    out: Out,
    cadence: Cadence = "auto",
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Read a file with a wrong checksum as far as it goes.")
    ] = False,
    time_zone: RunZone = None,
    started_at: StartedAt = None,
    data_dir: DataDir = None,
) -> None:
    """Make a session without sensors from a FIT activity: heart rate, speed, cadence, laps, running dynamics."""
    from tallrun.sessions.fit_import import import_fit

    _save_activity(out, import_fit(file, cadence, damaged=damaged), time_zone, started_at, data_dir)


def import_tcx_file(
    file: Annotated[Path, typer.Argument(help="TCX activity.", readable=False)],
    out: Out,
    cadence: Cadence = "auto",
    time_zone: RunZone = None,
    started_at: StartedAt = None,
    data_dir: DataDir = None,
) -> None:
    """Make a session without sensors from a TCX activity."""
    from tallrun.sessions.xml_import import import_tcx

    _save_activity(out, import_tcx(file, cadence), time_zone, started_at, data_dir)


def import_gpx_file(
    file: Annotated[Path, typer.Argument(help="GPX track.", readable=False)],
    out: Out,
    cadence: Cadence = "auto",
    time_zone: RunZone = None,
    started_at: StartedAt = None,
    data_dir: DataDir = None,
) -> None:
    """Make a session without sensors from a GPX track."""
    from tallrun.sessions.xml_import import import_gpx

    _save_activity(out, import_gpx(file, cadence), time_zone, started_at, data_dir)


def import_watch_files(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Files, folders or archives (.zip, .gz) of watch files.", readable=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder in which each run becomes a session folder.")],
    cadence: Cadence = "auto",
    time_zone: RunZone = None,
    data_dir: DataDir = None,
) -> None:
    """Make a session of every run in a folder or archive: FIT, TCX, GPX, Apple's export.xml, Polar's, Suunto's JSON.

    tallrun import watch strava_export.zip --time-zone Europe/Berlin --out RUNS
    """
    from tallrun.errors import FormatError
    from tallrun.journal.desk import current_time
    from tallrun.sessions.watch_import import import_watch

    counts = {"imported": 0, "there already": 0, "refused": 0, "no watch files": 0}
    for item in import_watch(paths, out, cadence, time_zone, current_time()):
        counts[item.what] += 1
        for line in item.lines:
            typer.echo(line)
    typer.echo(", ".join(f"{n} {what}" for what, n in counts.items() if n or what == "imported"))
    if not counts["imported"] and not counts["there already"]:
        raise FormatError("no run was found to import")
    _hand_off(out, data_dir)


def import_bundle_file(
    file: Annotated[
        Path, typer.Argument(help="Bundle made by: tallrun export SESSION --to bundle.", readable=False)
    ],
    out: Out,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Unpack a session bundle, after checking every name, size and checksum in it."""
    from tallrun.sessions.bundle import import_bundle

    import_bundle(file, out, read_passphrase(passphrase_file))
    typer.echo(f"session written to {out}")


def read_passphrase(file: Path | None) -> str | None:
    """Return the first line of a file, in one spelling of its letters; None without a file. Raises UsageError."""
    import unicodedata

    from tallrun.errors import UsageError
    from tallrun.sessions._files import size_of_file

    if file is None:
        return None
    try:
        size_of_file(file, MAX_PASSPHRASE_BYTES)
        # Notepad writes a byte-order mark, which is no part of what was typed.
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: the passphrase cannot be read: it is not UTF-8 text") from error
    if not lines or not lines[0].strip():
        raise UsageError(f"{file} is empty; its first line must be the passphrase")
    return unicodedata.normalize("NFC", lines[0].strip())


def _facts(
    rate_hz: float | None,
    model: str | None,
    acc_range_g: float | None,
    gyr_range_dps: float | None,
    started_at: str | None,
    time_zone: str | None,
    surface: str | None,
    licence: str | None,
    height_m: float | None,
    mass_kg: float | None,
    own_clocks: bool,
) -> ImportFacts:
    from tallrun.numerics.recording import RunnerProfile
    from tallrun.sessions.assembling import ImportFacts

    info = {"started_at": started_at, "time_zone": time_zone, "licence": licence}
    return ImportFacts(
        rate_hz=rate_hz,
        model=model,
        acc_range_g=acc_range_g,
        gyr_range_dps=gyr_range_dps,
        runner=RunnerProfile(height_m=height_m, mass_kg=mass_kg),
        info={key: value for key, value in info.items() if value is not None}
        | ({"context": {"surface": surface}} if surface is not None else {}),
        same_clock=not own_clocks,
    )


def _save(out: Path, imported: Imported) -> None:
    from contextlib import suppress
    from datetime import datetime

    from tallrun.journal.desk import current_time
    from tallrun.sessions import write_session
    from tallrun.sessions.activity import refuse_future

    with suppress(ValueError, TypeError):  # what is no date at all is refused where the session is written
        started_at = datetime.fromisoformat(str(imported.recording.info.get("started_at")))
        refuse_future(out.name, started_at, current_time())
    write_session(out, imported.recording)
    for line in imported.lines():
        typer.echo(line)
    for note in imported.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"session written to {out}")


def _save_activity(
    out: Path, activity: Activity, time_zone: str | None, started_at: str | None, data_dir: Path | None
) -> None:
    from datetime import datetime

    from tallrun.errors import UsageError
    from tallrun.journal.desk import current_time
    from tallrun.sessions import write_session
    from tallrun.sessions.activity import (
        activity_recording,
        dated,
        in_time_zone,
        notes_to_tell,
        refuse_future,
    )
    from tallrun.sessions.watch_import import activity_line

    if started_at is not None:
        try:
            start = datetime.fromisoformat(started_at)
        except ValueError:
            start = None
        if start is None or start.tzinfo is None:
            raise UsageError(f"--started-at must be ISO 8601 with an offset, got {started_at[:40]!r}")
        activity = dated(activity, start)
    refuse_future(activity.source.partition(": ")[2], activity.started_at, current_time())
    if time_zone is not None:
        activity = in_time_zone(activity, time_zone)
    recording = activity_recording(activity)
    write_session(out, recording)
    typer.echo(activity_line(recording))
    for note in notes_to_tell(activity):
        typer.echo(f"note: {note}")
    typer.echo(f"session written to {out}")
    _hand_off(out, data_dir)


def _hand_off(out: Path, data_dir: Path | None) -> None:
    from tallrun.journal.sessions import hand_off

    if line := hand_off(out, data_dir):
        typer.echo(line)
