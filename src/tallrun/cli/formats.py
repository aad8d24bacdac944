"""``tallrun import ...`` and ``tallrun export``: other people's files in, other people's files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli import formats_recover

if TYPE_CHECKING:
    from tallrun.sessions.activity import Activity
    from tallrun.sessions.assembling import Imported, ImportFacts

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
    """Add this group's commands to ``app``."""
    importer = typer.Typer(no_args_is_help=True, help="Make a session from files of other makers.")
    importer.command("csv")(import_csv_files)
    importer.command("matlab")(import_matlab_file)
    importer.command("xdf")(import_xdf_file)
    importer.command("fit")(import_fit_file)
    importer.command("tcx")(import_tcx_file)
    importer.command("gpx")(import_gpx_file)
    importer.command("bundle")(import_bundle_file)
    app.add_typer(importer, name="import")
    app.command("export")(export)
    formats_recover.register(app)


def import_csv_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV files, one or more.")],
    out: Out,
    preset: Annotated[
        str | None, typer.Option(help="Known layout: gaitmap, tallrun, xio, xsens-dot, movesense, phyphox.")
    ] = None,
    placement: Placements = None,
    time_column: Annotated[
        str | None, typer.Option(help="Column of time or sample number; leave out to count rows.")
    ] = None,
    time_unit: Annotated[str, typer.Option(help="s, ms, us, ns, or samples.")] = "s",
    acc_columns: Annotated[
        str | None, typer.Option(help="X,Y,Z columns; - for an axis not recorded.")
    ] = None,
    acc_unit: Annotated[str | None, typer.Option(help="mps2, g or mg.")] = None,
    gyr_columns: Annotated[
        str | None, typer.Option(help="X,Y,Z columns; - for an axis not recorded.")
    ] = None,
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
    from tallrun.sessions.csv_import import import_csv, mapped_layout, three_columns
    from tallrun.sessions.csv_layouts import PRESETS, Axes

    if preset is not None and (acc_columns or gyr_columns or time_column):
        raise UsageError("give either --preset or columns, not both")
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"--preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    layouts = (
        PRESETS[preset]
        if preset is not None
        else (
            mapped_layout(
                time_column=time_column,
                time_unit=time_unit,
                acc=Axes(three_columns(acc_columns), acc_unit) if acc_columns else None,
                gyr=Axes(three_columns(gyr_columns), gyr_unit) if gyr_columns else None,
                rate_hz=rate_hz,
            ),
        )
    )
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
    _save(out, import_csv(files, layouts, placement or (), facts))


def import_matlab_file(
    file: Annotated[Path, typer.Argument(help="MATLAB file with imu (n x 6) and ts (n).")],
    out: Out,
    placement: Annotated[str, typer.Option(help="Where the sensor was worn.")] = "foot_right",
    acc_unit: Annotated[str, typer.Option(help="mps2, g or mg.")] = "mps2",
    gyr_unit: Annotated[str, typer.Option(help="radps, dps or mdps.")] = "radps",
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
    _save(out, import_matlab(file, placement, facts, acc_unit=acc_unit, gyr_unit=gyr_unit))


def import_xdf_file(
    file: Annotated[Path, typer.Argument(help="XDF file of a Lab Streaming Layer recording.")],
    out: Out,
    stream: Annotated[
        list[str],
        typer.Option(
            "--stream", help="NAME=PLACEMENT of a stream with IMU channels, such as LeftIMU=foot_left."
        ),
    ],
    acc_unit: Annotated[str | None, typer.Option(help="mps2, g or mg, when the file does not say.")] = None,
    gyr_unit: Annotated[
        str | None, typer.Option(help="radps, dps or mdps, when the file does not say.")
    ] = None,
    started_at: StartedAt = None,
    time_zone: TimeZone = None,
    surface: Surface = None,
    licence: Licence = None,
) -> None:
    """Make a session from the IMU streams of an XDF file."""
    from tallrun.sessions.xdf_import import import_xdf, stream_placements

    facts = _facts(None, None, None, None, started_at, time_zone, surface, licence, None, None, False)
    _save(out, import_xdf(file, stream_placements(stream), facts, acc_unit=acc_unit, gyr_unit=gyr_unit))


def import_fit_file(file: Annotated[Path, typer.Argument(help="FIT activity of a watch.")], out: Out) -> None:
    """Make a session without sensors from a FIT activity: heart rate, speed, cadence, running dynamics."""
    from tallrun.sessions.fit_import import import_fit

    _save_activity(out, import_fit(file))


def import_tcx_file(file: Annotated[Path, typer.Argument(help="TCX activity.")], out: Out) -> None:
    """Make a session without sensors from a TCX activity."""
    from tallrun.sessions.xml_import import import_tcx

    _save_activity(out, import_tcx(file))


def import_gpx_file(file: Annotated[Path, typer.Argument(help="GPX track.")], out: Out) -> None:
    """Make a session without sensors from a GPX track."""
    from tallrun.sessions.xml_import import import_gpx

    _save_activity(out, import_gpx(file))


def import_bundle_file(
    file: Annotated[Path, typer.Argument(help="Bundle made by: tallrun export SESSION --to bundle.")],
    out: Out,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Unpack a session bundle, after checking every name, size and checksum in it."""
    from tallrun.sessions.bundle import import_bundle

    import_bundle(file, out, _passphrase(passphrase_file))
    typer.echo(f"session written to {out}")


def export(
    session: Annotated[Path, typer.Argument(help="Session folder.")],
    to: Annotated[str, typer.Option("--to", help="csv, parquet, fit, bids, fhir or bundle.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; a folder for csv, parquet and bids.")
    ],
    subject: Annotated[str, typer.Option(help="Participant label (bids).")] = "01",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write a session in another format: tables, watch activity, clinic record, data set, or one sealed file."""
    from tallrun.errors import UsageError

    exporters = {
        "csv": lambda: _export_tables(session, out, "csv"),
        "parquet": lambda: _export_tables(session, out, "parquet"),
        "fit": lambda: _export_fit(session, out),
        "bids": lambda: _export_bids(session, out, subject),
        "fhir": lambda: _export_fhir(session, out),
        "bundle": lambda: _export_bundle(session, out, _passphrase(passphrase_file)),
    }
    if to not in exporters:
        raise UsageError(f"--to must be one of {', '.join(exporters)}, got {to!r}")
    typer.echo(f"{exporters[to]()} written to {out}")


def _export_tables(session: Path, out: Path, kind: str) -> str:
    from tallrun.pipeline import analyze_recording
    from tallrun.sessions import read_session
    from tallrun.sessions._files import refuse_existing
    from tallrun.sessions.table_export import export_tables

    recording = read_session(session)
    refuse_existing(out)
    tables = analyze_recording(recording)
    frames = {"strides": tables.strides, "segments": tables.segments, "timeline": tables.timeline}
    return ", ".join(export_tables(recording, frames, out, kind))


def _export_fit(session: Path, out: Path) -> str:
    from tallrun.pipeline import analyze_recording
    from tallrun.sessions import read_session
    from tallrun.sessions.fit_export import export_fit

    recording = read_session(session)
    return f"{export_fit(recording, analyze_recording(recording).strides, out)} records"


def _export_bids(session: Path, out: Path, subject: str) -> str:
    from tallrun.sessions import read_session
    from tallrun.sessions.bids_export import export_bids

    return f"{export_bids(read_session(session), out, subject)} tracking systems"


def _export_fhir(session: Path, out: Path) -> str:
    import numpy as np

    from tallrun.errors import FormatError
    from tallrun.pipeline import analyze_recording
    from tallrun.sessions import read_session
    from tallrun.sessions._files import write_json
    from tallrun.sessions.fhir_export import fhir_bundle

    if out.exists():
        raise FormatError(f"{out} exists already; choose another name")
    recording = read_session(session)
    heart = recording.heart_rate
    mean_bpm = float(np.nanmean(heart.bpm)) if heart is not None and np.isfinite(heart.bpm).any() else None
    bundle = fhir_bundle(analyze_recording(recording).summary, recording.info, heart_rate_bpm=mean_bpm)
    write_json(out, bundle)
    return f"{len(bundle['entry'])} resources"


def _export_bundle(session: Path, out: Path, passphrase: str | None) -> str:
    from tallrun.sessions.bundle import export_bundle

    sealed = "encrypted" if passphrase is not None else "not encrypted"
    return f"{export_bundle(session, out, passphrase)} files, {sealed},"


def _passphrase(file: Path | None) -> str | None:
    from tallrun.errors import UsageError

    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the passphrase cannot be read ({error})") from error
    if not lines or not lines[0].strip():
        raise UsageError(f"{file} is empty; its first line must be the passphrase")
    return lines[0].strip()


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
    from tallrun.sessions import write_session

    write_session(out, imported.recording)
    for placement, sensor in imported.recording.sensors.items():
        span_s = float(sensor.t_s[-1] - sensor.t_s[0]) if sensor.t_s.size else 0.0
        signals = "accelerometer and gyroscope" if sensor.gyr_radps is not None else "accelerometer only"
        typer.echo(
            f"{placement}: {sensor.t_s.size} samples, {span_s:.1f} s at {sensor.spec.rate_hz:g} Hz, {signals}"
        )
    for note in imported.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"session written to {out}")


def _save_activity(out: Path, activity: Activity) -> None:
    from tallrun.sessions import write_session
    from tallrun.sessions.activity import activity_recording

    recording = activity_recording(activity)
    write_session(out, recording, tables={"watch": activity.rows})
    facts = recording.info["activity"]
    shown = {"duration_s": "s", "distance_m": "m", "cadence_spm": "steps/min"}
    parts = [f"{facts[key]:.0f} {unit}" for key, unit in shown.items() if facts[key] is not None]
    typer.echo(f"{len(activity.rows)} rows: {', '.join(parts)}")
    typer.echo(f"session written to {out}")
