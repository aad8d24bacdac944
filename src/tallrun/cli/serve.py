"""``tallrun serve``: the web app over the records on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.output import say
from tallrun.cli.radio import Faults, Model, Speed
from tallrun.cli.recovery_common import DataDir

if TYPE_CHECKING:
    from tallrun.live.devices import Emulation
    from tallrun.live.stage import Emulator, Stage
    from tallrun.web.desk import Desk
    from tallrun.web.security import Gate

#: For --emulate: no recording but a simulated runner.
SIMULATED = "runner"
DEFAULT_PORT = 8377


def register(app: typer.Typer) -> None:
    """Add ``serve``."""
    app.command("serve")(serve)


def serve(
    data_dir: DataDir = None,
    sessions: Annotated[
        Path | None,
        typer.Option("--sessions", help="Folder that holds recorded sessions; default: that of the records."),
    ] = None,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let one paired phone on this network open the pages.")
    ] = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="With --lan: https with a certificate made here.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = DEFAULT_PORT,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the app in the browser.")
    ] = True,
    emulate: Annotated[
        str | None,
        typer.Option(
            "--emulate",
            help="Emulated sensors instead of real ones: a session to play, or the word runner for a simulated "
            "runner who does the plan of the day and answers cues.",
        ),
    ] = None,
    faults: Faults = None,
    model: Model = None,
    speed: Speed = None,
) -> None:
    """Serve the web app: today, a run with sensors, sessions, reports, recovery, plan, settings. Ctrl-C ends it."""
    from tallrun.cli.live_server import make_gate
    from tallrun.cli.recovery_common import read_earlier_runs
    from tallrun.errors import UsageError
    from tallrun.live.cut_off import finish_interrupted
    from tallrun.live.demo import is_invented, last_moment
    from tallrun.live.devices import run_radio
    from tallrun.live.stage import Stage
    from tallrun.store.location import SESSIONS_FOLDER, data_folder
    from tallrun.web.desk import Desk, look_for_sessions

    if sessions is not None and not sessions.is_dir():
        raise UsageError(f"--sessions must name a folder that holds sessions, {sessions} is none")
    emulator, emulation = _emulator(emulate, faults, model, speed)
    desk = Desk(data_dir, sessions)
    gate = make_gate(lan, tls)
    try:
        folder = desk.store.folder or data_folder()
        runs = desk.sessions_folder or folder / SESSIONS_FOLDER
        finish_interrupted(runs, folder, say)
        read_earlier_runs(desk.where)
        line = look_for_sessions(desk)
        if line:
            say(line)
        stage = Stage(folder, runs, emulator, say)
        if emulator is not None:
            desk.clock = stage.now  # its questions are asked although the run went faster than life
            if is_invented(desk.store):
                stage.live_at(last_moment(desk.store))
        run_radio(_serve(desk, folder, gate, port, browser, stage), emulation)
    finally:
        desk.close()


def _emulator(
    emulate: str | None, faults: Path | None, model: list[str] | None, speed: float | None
) -> tuple[Emulator | None, Emulation | None]:
    """Return where emulated sensors come from, and one of them for the clock; nothing without ``--emulate``."""
    from tallrun.cli.radio import load_emulation
    from tallrun.errors import UsageError
    from tallrun.live.answering import AnsweringEmulator, RecordedEmulator
    from tallrun.live.devices import require_emulator

    pace = (speed or 1.0) if emulate else speed
    if emulate == SIMULATED:
        if faults is not None or model:
            raise UsageError(
                f"--faults and --model belong to a session to play, not to --emulate {SIMULATED}"
            )
        require_emulator()
        simulated = AnsweringEmulator(pace)
        return simulated, simulated.standing(False)
    emulation = load_emulation(None if emulate is None else Path(emulate), faults, model, pace)
    return (None, None) if emulation is None else (RecordedEmulator(emulation), emulation)


async def _serve(desk: Desk, folder: Path, gate: Gate, port: int, browser: bool, stage: Stage) -> None:
    from tallrun.cli.live_server import serving, show_addresses
    from tallrun.web.site import create_site

    gate.keep_phones_in(folder)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C then comes as KeyboardInterrupt
            loop.add_signal_handler(name, ended.set)
    async with serving(create_site(desk, gate, stage), gate, port, folder) as served:
        show_addresses(served, "/")
        say("Ctrl-C ends it.")
        if browser:
            served.open_browser("/")
        # Compiling takes about a minute after an update; the first report should not have to wait for it.
        threading.Thread(target=_warm_up, daemon=True).start()
        try:
            await ended.wait()
        finally:
            await stage.close()


def _warm_up() -> None:
    from tallrun.gait.warm import warm_up
    from tallrun.kernel_cache import prepare

    prepare(warm_up, load=True)
