"""``tallrun serve``: the web app over the records on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallrun.web.desk import Desk
    from tallrun.web.security import Gate

DEFAULT_PORT = 8377


def register(app: typer.Typer) -> None:
    """Add ``serve``."""
    app.command("serve")(serve)


def serve(
    data_dir: Annotated[
        str | None,
        typer.Option(
            "--data-dir",
            help="Folder of the records or a database URL; else TALLRUN_DATA_DIR, else the platform's folder.",
        ),
    ] = None,
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
) -> None:
    """Serve the web app: today, sessions, reports, recovery, plan, settings. Ctrl-C ends it."""
    from tallrun.cli.live_server import make_gate
    from tallrun.errors import UsageError
    from tallrun.web.desk import Desk

    if sessions is not None and not sessions.is_dir():
        raise UsageError(f"--sessions must name a folder that holds sessions, {sessions} is none")
    desk = Desk(data_dir, sessions)
    gate = make_gate(lan, tls)
    try:
        line = look_for_sessions(desk)
        if line:
            sys.stderr.write(f"{line}\n")
        asyncio.run(_serve(desk, gate, port, browser))
    finally:
        desk.close()


def look_for_sessions(desk: Desk) -> str:
    """Index what lies in the sessions folder, so that the first page is not empty; nothing is analysed.

    Returns one line to print, empty where nothing new was found. With no runner, or several, nothing is done: the
    page asks, for only a person knows whose recordings they are.
    """
    from tallrun.journal.sessions import scan

    folder = desk.sessions_folder
    if folder is None or not folder.is_dir() or len(desk.store.runner_codes()) != 1:
        return ""
    found = scan(desk.records(None), folder)
    parts = []
    if found.added:
        parts.append(f"{len(found.added)} new")
    if found.moved:
        parts.append(f"{len(found.moved)} found again in another folder")
    if found.refused:
        parts.append(f"{len(found.refused)} left out (Sessions says why)")
    return f"Sessions in {folder}: {', '.join(parts)}." if parts else ""


async def _serve(desk: Desk, gate: Gate, port: int, browser: bool) -> None:
    from tallrun.cli.live_server import serving, show_addresses
    from tallrun.store.location import data_folder
    from tallrun.web.site import create_site

    folder = desk.store.folder or data_folder()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C then comes as KeyboardInterrupt
            loop.add_signal_handler(name, ended.set)
    async with serving(create_site(desk, gate), gate, port, folder) as served:
        show_addresses(served, "/")
        sys.stderr.write("Ctrl-C ends it.\n")
        if browser:
            served.open_browser("/")
        # Compiling takes about a minute after an update; the first report should not have to wait for it.
        threading.Thread(target=_warm_up, daemon=True).start()
        await ended.wait()


def _warm_up() -> None:
    from tallrun.gait.warm import warm_up

    warm_up()
