"""A live run for a command: pages are served beside it, Ctrl-C ends it, progress goes to the terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallrun.cli.output import progress_bar
from tallrun.cli.radio import tell
from tallrun.kernel_cache import prepare
from tallrun.live.devices import Emulation, run_radio

if TYPE_CHECKING:
    from tallrun.cli.live_server import Served
    from tallrun.live.end import RunResult
    from tallrun.live.loop import LiveLoop
    from tallrun.live.setup import RunWishes

PAGES_STAY_S = 600.0
CALLED_OFF_STAYS_S = 1.0  # so that the pages hear it


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
    tell_result: Callable[[RunResult], None] = lambda result: None,
    pages_stay_s: float = PAGES_STAY_S,
) -> RunResult:
    """Run once, from warm engines to a saved and analysed session.

    companions run beside the live loop (the demo's scripted taps). tell_result : called once everything is saved;
    after it open pages are still served, until they are closed, for ``pages_stay_s`` at most, or until Ctrl-C.
    """
    from tallrun.cli.live_server import make_gate, serving, show_addresses
    from tallrun.cli.sensors_record import stop_on_interrupt
    from tallrun.cli.terminal_view import terminal_view
    from tallrun.gait.warm import warm_up
    from tallrun.live.conclude import conclude
    from tallrun.live.hub import LiveHub
    from tallrun.live.run import CalledOffError, run_once
    from tallrun.live.state import after_state
    from tallrun.web.app import create_app

    done: list[RunResult] = []

    async def go() -> None:
        hub = LiveHub()
        gate = make_gate(lan, tls)
        async with serving(create_app(gate, hub), gate, port, folder) as served:
            show_addresses(served)
            on_served(served)
            try:
                with terminal_view() if terminal else nullcontext(lambda state: None) as show:
                    raw = await run_once(
                        folder, emulation, out, wishes, hub,
                        on_notice=tell, on_trouble=lambda text: typer.echo(text, err=True), on_view=show,
                        stopping=stop_on_interrupt, companions=companions,
                    )  # fmt: skip
            except CalledOffError as error:
                hub.publish(after_state(str(error), (), (), "", None))
                await asyncio.sleep(CALLED_OFF_STAYS_S)
                raise
            with progress_bar("analysing") as progress:
                result = await conclude(folder, out, raw, hub, progress)
            done.append(result)
            tell_result(result)
            until_s = time.monotonic() + pages_stay_s
            while hub.n_pages and time.monotonic() < until_s:
                await asyncio.sleep(0.2)

    prepare(warm_up, load=True)
    try:
        run_radio(go(), emulation)
    except KeyboardInterrupt:
        if not done:
            raise
    return done[0]
