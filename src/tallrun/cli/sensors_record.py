"""``tallrun record``: sensors to a session folder, without cues."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.output import print_json
from tallrun.cli.radio import DataDir, Emulate, Faults, Model, Speed, data_folder, load_emulation, tell
from tallrun.errors import UsageError
from tallrun.live.devices import ENDING_SIGNALS, load_configs, open_air, run_radio

if TYPE_CHECKING:
    from tallrun.ble import SensorSession
    from tallrun.live.devices import Emulation
    from tallrun.numerics.recording import RunnerProfile


def record(
    out: Annotated[Path, typer.Option("--out", help="Session folder to make; it must not exist.")],
    minutes: Annotated[
        float | None, typer.Option(min=0.05, help="Stop by itself after so long. Default: Ctrl-C.")
    ] = None,
    surface: Annotated[str | None, typer.Option(help="treadmill, road, track or trail.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
    emulate: Emulate = None,
    faults: Faults = None,
    model: Model = None,
    speed: Speed = None,
    data_dir: DataDir = None,
) -> None:
    """Record the paired sensors until Ctrl-C. Finishes runs that were cut off before, too."""
    from tallrun.live.cut_off import finish_interrupted

    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UsageError(f"{out} exists already; choose another folder for --out")
    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, faults, model, speed)
    finish_interrupted(out.parent, folder, _say)
    summary = run_radio(_record(folder, emulation, out, minutes, surface), emulation)
    if as_json:
        print_json(summary)
        return
    for place, row in summary["sensors"].items():
        loss = "–" if row["loss_pct"] is None else f"{row['loss_pct']:.1f} %"
        typer.echo(f"{place:<11} {row['samples']} samples, {loss} lost, {row['reconnects']} reconnections")
    for note in summary["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"Saved: {out}")


async def _record(
    folder: Path, emulation: Emulation | None, out: Path, minutes: float | None, surface: str | None
) -> dict[str, Any]:
    from tallrun.ble import SensorSession
    from tallrun.live.calibration import load_standing
    from tallrun.live.rebuild import consume, rebuild, start_info
    from tallrun.live.run import endings
    from tallrun.sensors.ingest import Binding, Ingest
    from tallrun.sessions.recorder import FlightRecorder, read_packets

    async with open_air(folder, emulation) as air, SensorSession(air.worn, air.radio, tell) as session:
        context = {"surface": surface} if surface else {}
        source = "tallrun record"
        if emulation is not None:
            context, source = (
                {**emulation.recording.context, **context},
                "tallrun record, emulated sensors",
            )
        runner = _runner(folder) if emulation is None else emulation.recording.runner
        standing = load_standing(folder, emulation is not None)
        start = start_info(air.worn, context, standing, session.now_s, runner, source)
        recorder = FlightRecorder(
            out, start, on_trouble=lambda trouble: _say(trouble.message), auto_flush=False
        )
        ingest = Ingest([Binding(worn.sensor, worn.config) for worn in air.worn])
        tasks = [asyncio.create_task(item) for item in endings(session, air, minutes)]
        with stop_on_interrupt(session):
            try:
                await consume(session, recorder, ingest, lambda now_s, events: None, emulation is None)
            finally:
                for task in tasks:
                    task.cancel()
        links, status = session.status, ingest.status()
    recording = rebuild(start, read_packets(out), load_configs(folder))
    notes = recorder.finalise(recording)
    rows = {
        place: {
            "samples": status[place].samples,
            "loss_pct": status[place].loss_pct,
            "clock_residual_p95_ms": _milli(status[place].residual_p95_s),
            "reconnects": links[place].reconnects,
            "unknown_packets": status[place].unknown_packets,
        }
        for place in links
    }
    return {"session": str(out), "sensors": rows, "notes": [*notes, *_dropped(session)]}


@contextmanager
def stop_on_interrupt(session: SensorSession) -> Iterator[None]:
    """Let Ctrl-C, a closed terminal or a system going down end the run in good order; a second one breaks it off."""
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: Any) -> None:
        for other, handler in before.items():
            signal.signal(other, handler)
        if number == signal.SIGINT:
            _say("Stopping. Ctrl-C again breaks off; the packets are kept either way.")
        loop.call_soon_threadsafe(session.stop)

    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, *ENDING_SIGNALS):
            before[number] = signal.signal(number, stop)
    except ValueError:  # not the main thread: whoever started us handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _runner(folder: Path) -> RunnerProfile:
    """Return the measures of the one runner in the records; nothing when there are none, or several."""
    from tallrun.errors import TallrunError
    from tallrun.numerics.recording import RunnerProfile
    from tallrun.store import Store
    from tallrun.store.location import DATABASE_NAME

    if not (folder / DATABASE_NAME).exists():
        return RunnerProfile()
    try:
        with Store.open(folder) as store:
            known = store.profile(store.find_runner())
    except TallrunError:
        return RunnerProfile()
    return RunnerProfile(known.height_m, known.leg_length_m, known.mass_kg)


def _dropped(session: SensorSession) -> list[str]:
    return [
        f"{count} packets of {place} came faster than they were taken"
        for place, count in session.dropped.items()
    ]


def _milli(value_s: float | None) -> float | None:
    return None if value_s is None or value_s == float("inf") else value_s * 1000.0


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be closed while the run goes on
        sys.stderr.write(f"{text}\n")
