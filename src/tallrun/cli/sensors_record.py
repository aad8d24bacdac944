"""``tallrun record``: sensors to a session folder, without cues."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.output import print_json, say
from tallrun.cli.radio import DataDir, Emulate, Faults, Model, Speed, data_folder, load_emulation, tell
from tallrun.errors import UsageError
from tallrun.live.devices import ENDING_SIGNALS, run_radio

if TYPE_CHECKING:
    from tallrun.ble import SensorSession


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
    from tallrun.live.record import record_sensors

    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UsageError(f"{out} exists already; choose another folder for --out")
    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, faults, model, speed)
    finish_interrupted(out.parent, folder, say)
    summary = run_radio(
        record_sensors(
            folder, emulation, out, minutes, surface,
            on_notice=tell, on_trouble=say, stopping=stop_on_interrupt,
        ),
        emulation,
    )  # fmt: skip
    if as_json:
        print_json(summary)
        return
    for place, row in summary["sensors"].items():
        loss = "–" if row["loss_pct"] is None else f"{row['loss_pct']:.1f} %"
        typer.echo(f"{place:<11} {row['samples']} samples, {loss} lost, {row['reconnects']} reconnections")
    for note in summary["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"Saved: {out}")


@contextmanager
def stop_on_interrupt(session: SensorSession) -> Iterator[None]:
    """Let Ctrl-C, a closed terminal or a system going down end the run in good order; a second one breaks it off."""
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: Any) -> None:
        for other, handler in before.items():
            signal.signal(other, handler)
        if number == signal.SIGINT:
            say("Stopping. Ctrl-C again breaks off; the packets are kept either way.")
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
