"""``tallrun simulate``: a session folder with exact truth, for trying things out and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.output import get_engine_ready, print_json, progress_bar

if TYPE_CHECKING:
    from datetime import datetime

    from tallrun.numerics.recording import Recording

PROGRESS_FROM_S = 600.0


def register(app: typer.Typer) -> None:
    """Add this group's commands to ``app``."""
    app.command("simulate")(simulate_session)


def simulate_session(
    out: Annotated[Path | None, typer.Option(help="Session folder to make; it must not exist.")] = None,
    programme: Annotated[
        str | None, typer.Option(help="A programme by name; see --list. Default: demo.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=600.0, help="Instead of a programme: stand, walk, then run this long."),
    ] = None,
    speed_kmh: Annotated[float, typer.Option(help="Running speed with --minutes [km/h].")] = 10.0,
    incline_pct: Annotated[float, typer.Option(help="Incline with --minutes, up positive [%].")] = 0.0,
    surface: Annotated[str, typer.Option(help="treadmill or road, with --minutes.")] = "treadmill",
    overstride: Annotated[
        float, typer.Option(help="Overstriding with --minutes, as a multiple of the published threshold.")
    ] = 0.0,
    cadence_shift_spm: Annotated[
        float, typer.Option(help="Cadence above or below the usual with --minutes [steps/min].")
    ] = 0.0,
    tilt_shift_deg: Annotated[
        float, typer.Option(help="Anterior pelvic tilt above the usual with --minutes [deg].")
    ] = 0.0,
    contact_asymmetry_pct: Annotated[
        float, typer.Option(help="Contact-time asymmetry with --minutes, 200 (R - L)/(R + L) [%].")
    ] = 0.0,
    strike_angle_deg: Annotated[
        float, typer.Option(help="Foot-strike angle of the runner, toe-up positive [deg].")
    ] = 8.0,
    placement: Annotated[
        list[str] | None,
        typer.Option(help="Sensors worn: foot_left, foot_right, pelvis, trunk. Default: feet and pelvis."),
    ] = None,
    rate_hz: Annotated[float, typer.Option(help="Sampling rate [Hz].")] = 200.0,
    acc_range_g: Annotated[float, typer.Option(help="Accelerometer range [g].")] = 16.0,
    gyr_range_dps: Annotated[float, typer.Option(help="Gyroscope range [deg/s].")] = 2000.0,
    gyroscope: Annotated[bool, typer.Option(help="Whether the sensors have a gyroscope.")] = True,
    mounting: Annotated[str, typer.Option(help="random or aligned.")] = "random",
    loss_pct: Annotated[float, typer.Option(help="Packets lost [%].")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(help="SD of the error of each stamp [ms].")] = 0.0,
    skew_ppm: Annotated[float, typer.Option(help="Uncorrected clock error of the sensors [ppm].")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same session.")] = 0,
    bundled: Annotated[
        str | None, typer.Option(help="Make one of the sessions shipped in recordings/ again, by name.")
    ] = None,
    study: Annotated[
        bool,
        typer.Option("--study", help="Three runners with known changes, into a data folder of their own."),
    ] = False,
    start_on: Annotated[
        str | None,
        typer.Option(
            "--start",
            help="When the session or study starts: 2026-03-02 or 2026-03-02T18:00. Default: a session on 1 January "
            "2026, so that the same seed gives the same files; a study so that it ends today.",
        ),
    ] = None,
    time_zone: Annotated[str, typer.Option(help="IANA name, with --start.")] = "UTC",
    weeks: Annotated[int, typer.Option(min=1, max=52, help="Length of the study.")] = 8,
    per_week: Annotated[int, typer.Option(min=1, max=7, help="Sessions a week of the study.")] = 2,
    show_list: Annotated[bool, typer.Option("--list", help="List the programmes and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Simulate a runner with worn sensors; writes a session folder with truth.json beside the signals."""
    from tallrun.errors import UsageError

    if show_list:
        _print_programmes(as_json)
        return
    if out is None:
        raise UsageError("where to? give --out FOLDER (or --list to see the programmes)")
    if study:
        _write_study(out, start_on, time_zone, weeks, per_week, minutes or 4.0, seed, as_json)
        return
    from dataclasses import replace

    from tallrun import simulate
    from tallrun.sessions import write_session

    started = None if start_on is None else _start(start_on, time_zone)
    if bundled is not None:
        recording, truth = simulate.bundled(bundled)
    else:
        if minutes is not None and programme is not None:
            raise UsageError("give --programme or --minutes, not both")
        if minutes is None:
            chosen = simulate.named_programme(programme or "demo")
        else:
            chosen = simulate.steady_run(
                minutes,
                speed_kmh / 3.6,
                surface,
                incline_pct=incline_pct,
                overstride=overstride,
                cadence_shift_spm=cadence_shift_spm,
                tilt_shift_deg=tilt_shift_deg,
                contact_asymmetry_pct=contact_asymmetry_pct,
            )
        sensors = [
            simulate.SensorSetup(
                place,
                rate_hz,
                acc_range_g=acc_range_g,
                gyr_range_dps=gyr_range_dps,
                has_gyroscope=gyroscope,
                mounting_body_from_sensor=mounting,
                loss=loss_pct / 100.0,
                jitter_s=jitter_ms / 1000.0,
                skew_ppm=skew_ppm,
            )
            for place in placement or ("foot_left", "foot_right", "pelvis")
        ]
        runner = simulate.Runner(foot_strike_angle_deg=strike_angle_deg)
        recording, truth = _with_progress(chosen, runner, sensors, seed)
    if started is not None:
        when = {"started_at": started.isoformat(), "time_zone": time_zone}
        recording = replace(recording, info={**recording.info, **when})
    write_session(out, recording, truth=truth)
    _print_result(out, recording, truth, as_json, is_dated=started is not None)


def _start(text: str, time_zone: str) -> datetime:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from tallrun.errors import UsageError
    from tallrun.journal.desk import current_time, read_instant

    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(f"there is no time zone {time_zone!r}; write it as Europe/Amsterdam") from error
    return read_instant(text if "T" in text else f"{text}T17:30", zone, current_time()).astimezone(zone)


def _write_study(
    out: Path, start_on: str | None, time_zone: str, weeks: int, per_week: int, minutes: float, seed: int,
    as_json: bool,
) -> None:  # fmt: skip
    from datetime import timedelta

    from tallrun.journal.desk import current_time
    from tallrun.journal.study import write_study

    now = current_time()
    text = start_on or (now - timedelta(weeks=weeks)).date().isoformat()
    get_engine_ready()
    with progress_bar("simulating the study", not as_json) as bar:
        made = write_study(
            out, _start(text, time_zone), now, weeks=weeks, per_week=per_week, minutes=minutes, seed=seed,
            progress=bar,
        )  # fmt: skip
    if as_json:
        print_json(made.as_json())
        return
    many = ", ".join(f"{code} {count}" for code, count in made.sessions.items())
    typer.echo(
        f"{out}: sessions {many}; {made.scores} scores; "
        f"what was changed, and what each session was made with, is in {out / 'study.json'}"
    )


def _with_progress(
    programme: Any, runner: Any, sensors: list[Any], seed: int
) -> tuple[Recording, dict[str, Any]]:
    """Run the simulation; long ones show how far they are on stderr when it is a terminal."""
    from tallrun import simulate

    if programme.duration_s < PROGRESS_FROM_S:
        return simulate.run(programme, runner, sensors, seed)
    order = {setup.placement: number for number, setup in enumerate(sensors)}
    with progress_bar("simulating") as bar:
        return simulate.run(
            programme, runner, sensors, seed, lambda place, share: bar((order[place] + share) / len(order))
        )


def _print_programmes(as_json: bool) -> None:
    from tallrun import simulate

    names = simulate.programme_names()
    if as_json:
        print_json(names)
        return
    width = max(len(name) for name in names)
    for name, line in names.items():
        typer.echo(f"{name:<{width}}  {line}")


def _print_result(
    out: Path, recording: Recording, truth: dict[str, Any], as_json: bool, is_dated: bool
) -> None:
    from datetime import datetime

    from tallrun.report.pages import day_words

    sensors = {place: len(sensor.t_s) for place, sensor in recording.sensors.items()}
    duration = truth["segments"][-1]["end_s"]
    facts = {
        "session": str(out),
        "duration_s": duration,
        "samples": sensors,
        "contacts": len(truth["strides"]),
        "flags": truth["flags"],
        "seed": truth["seed"],
        "started_at": recording.info["started_at"],
    }
    if as_json:
        print_json(facts)
        return
    typer.echo(
        f"{out}: {duration / 60.0:.1f} min, {len(sensors)} sensor(s), {len(truth['strides'])} contacts, "
        f"{len(truth['flags'])} true flag(s); truth in {out / 'truth.json'}"
    )
    if not is_dated:
        at = datetime.fromisoformat(recording.info["started_at"])
        typer.echo(
            f"It bears the date {day_words(at, with_year=True)}, as every simulated session; --start gives it another."
        )
