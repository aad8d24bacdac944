"""A live run for a command: pages are served beside it, Ctrl-C ends it, progress goes to the terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallrun.cli.kernel_cache import note_if_cold
from tallrun.cli.output import progress_bar
from tallrun.cli.radio import tell
from tallrun.live.devices import Emulation, run_radio

if TYPE_CHECKING:
    from tallrun.cli.live_server import Served
    from tallrun.live.end import RawRun, RunResult
    from tallrun.live.hub import LiveHub
    from tallrun.live.loop import LiveLoop
    from tallrun.live.setup import RunWishes


def live_run(
    folder: Path,
    emulation: Emulation | None,
    out: Path,
    wishes: RunWishes,
    *,
    lan: bool = False,
    tls: bool = False,
    port: int = 0,
    terminal: bool = False,
    companions: tuple[Callable[[LiveLoop], Coroutine[Any, Any, None]], ...] = (),
    on_served: Callable[[Served], None] = lambda served: None,
    after: Callable[[LiveHub], Awaitable[None]] | None = None,
) -> RunResult:
    """Run once, from warm engines to a saved and analysed session.

    companions run beside the live loop (the demo's scripted taps); ``after`` is awaited while pages are still served.
    """
    from tallrun.cli.live_server import make_gate, serving, show_addresses
    from tallrun.cli.sensors_record import stop_on_interrupt
    from tallrun.cli.terminal_view import terminal_view
    from tallrun.gait.warm import warm_up
    from tallrun.live.end import finish_run
    from tallrun.live.hub import LiveHub
    from tallrun.live.run import run_once
    from tallrun.web.app import create_app

    async def go() -> RawRun:
        hub = LiveHub()
        gate = make_gate(lan, tls)
        async with serving(create_app(gate, hub), gate, port, folder) as served:
            show_addresses(served)
            on_served(served)
            with terminal_view() if terminal else nullcontext(lambda state: None) as show:
                raw = await run_once(
                    folder, emulation, out, wishes, hub,
                    on_notice=tell, on_trouble=lambda text: typer.echo(text, err=True), on_view=show,
                    stopping=stop_on_interrupt, companions=companions,
                )  # fmt: skip
            if after is not None:
                await after(hub)
            return raw

    note_if_cold()
    warm_up()
    raw = run_radio(go(), emulation)
    with progress_bar("analysing") as show:
        return finish_run(folder, out, raw, show)
