"""``tallrun import ...`` and ``tallrun export``: other people's files in, other people's files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
MassKg = Annotated[float | None, typer.Option("--mass-kg", help="Runner's mass [kg].")]


def register(app: typer.Typer) -> None:
    """Add this group's commands to ``app``."""
    importer = typer.Typer(no_args_is_help=True, help="Make a session from files of other makers.")
    importer.command("csv")(import_csv_files)
    importer.command("matlab")(import_matlab_file)
    app.add_typer(importer, name="import")


def import_csv_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV files, one or more.")],
    out: Out,
    preset: Annotated[
        str | None, typer.Option(help="Known layout: gaitmap, xio, xsens-dot, movesense, phyphox.")
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
