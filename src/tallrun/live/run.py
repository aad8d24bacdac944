"""One run from the sensors' first packet to the last: the same for a command, a page and a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.errors import TallrunError
from tallrun.live.answering import answer
from tallrun.live.calibration import load_standing
from tallrun.live.cut_off import note_begun
from tallrun.live.devices import RUN_IN_USE, Air, Emulation, open_air, sensors_in_use
from tallrun.live.end import RawRun
from tallrun.live.loop import LiveLoop
from tallrun.live.rebuild import start_info
from tallrun.live.setup import RunWishes, check_focus, live_setup, run_context

if TYPE_CHECKING:
    from tallrun.ble import Notice, SensorSession
    from tallrun.live.hub import LiveHub

CALLED_OFF = (
    "STOP was tapped before the sensors were connected: the run did not begin and nothing was recorded."
)
_AFTER_END_S = 0.6  # longer than the reorder window and any burst


class CalledOffError(TallrunError):
    """STOP came before the run began."""


async def run_once(
    folder: Path,
    emulation: Emulation | None,
    out: Path,
    wishes: RunWishes,
    hub: LiveHub,
    *,
    on_notice: Callable[[Notice], None],
    on_trouble: Callable[[str], None],
    on_view: Callable[[dict[str, Any]], None] = lambda state: None,
    stopping: Callable[[SensorSession], AbstractContextManager[None]] = lambda session: nullcontext(),
    companions: tuple[Callable[[LiveLoop], Coroutine[Any, Any, None]], ...] = (),
) -> RawRun:
    """Record and coach until STOP; return what ``end.finish_run`` makes a session of.

    Parameters
    ----------
    on_notice, on_trouble, on_view
        Told news of the sensors, troubles of the disk, and each state as pages get it.
    stopping
        Entered for as long as the run goes on; may stop the session from outside (Ctrl-C).
    companions
        Run beside the loop (scripted taps).

    Raises CalledOffError when STOP is tapped while the sensors are still being connected.
    """
    from tallrun.ble import SensorSession
    from tallrun.journal.shown import shown_in
    from tallrun.pipeline.live_run import LiveRun
    from tallrun.pipeline.setup_record import KEY as SETUP_KEY
    from tallrun.pipeline.setup_record import setup_record
    from tallrun.sensors.ingest import Binding, Ingest
    from tallrun.sessions.recorder import FlightRecorder

    async with AsyncExitStack() as stack:
        if emulation is not None:  # real sensors are kept for one run by ``open_air``
            stack.enter_context(sensors_in_use(folder, RUN_IN_USE))
        with _called_off_by(hub):
            air = await stack.enter_async_context(open_air(folder, emulation))
            check_focus(wishes.focus, air.worn)
            session = await stack.enter_async_context(SensorSession(air.worn, air.radio, on_notice))
        is_emulated = emulation is not None
        away = timedelta(0) if emulation is None else emulation.away
        setup = live_setup(folder, air.worn, wishes, datetime.now(UTC) + away, is_emulated)
        standing = load_standing(folder, is_emulated)
        start = start_info(air.worn, run_context(wishes), standing, session.now_s, away=away)
        start[SETUP_KEY] = setup_record(setup)
        recorder = FlightRecorder(
            out, start, on_trouble=lambda trouble: on_trouble(trouble.message), auto_flush=False
        )
        note_begun(folder, out, wishes.runner)
        loop = LiveLoop(
            run=LiveRun(setup),
            session=session,
            recorder=recorder,
            ingest=Ingest([Binding(worn.sensor, worn.config) for worn in air.worn]),
            hub=hub,
            on_view=on_view,
            on_failure=on_trouble,
            length_unit=shown_in(folder).length,
        )
        tasks = [asyncio.create_task(item) for item in endings(session, air, None)]
        tasks += [asyncio.create_task(item(loop)) for item in companions]
        if emulation is not None and emulation.answering is not None and air.virtual is not None:
            tasks.append(asyncio.create_task(answer(loop, air.virtual, emulation.answering)))
        with stopping(session):
            try:
                await loop.go(flush_in_thread=not is_emulated)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    return RawRun(start, recorder, loop.run, setup, loop.latencies_s, wishes, is_emulated, away)


@contextmanager
def _called_off_by(hub: LiveHub) -> Iterator[None]:
    """Let STOP break off what is waited for inside, however long a sensor takes to answer."""
    task, is_off = asyncio.current_task(), False

    def call_off() -> None:
        nonlocal is_off
        if not is_off and task is not None:
            is_off = True
            task.cancel()

    hub.expect(call_off)
    try:
        yield
    except asyncio.CancelledError:
        if not is_off or task is None or task.uncancel() > 0:  # somebody else's, too
            raise
    finally:
        hub.expect(None)
    if is_off:
        raise CalledOffError(CALLED_OFF)


def endings(session: SensorSession, air: Air, minutes: float | None) -> list[Coroutine[Any, Any, None]]:
    """Return what ends the run by itself: the time asked for, and the end of an emulated session."""

    async def after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        session.stop()

    async def after_playing() -> None:
        if air.virtual is not None:
            await air.virtual.played()
            await after(_AFTER_END_S)

    known = [] if minutes is None else [after(minutes * 60.0)]
    return known if air.virtual is None else [*known, after_playing()]
