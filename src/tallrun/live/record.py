"""A recording without cues: sensors to a session folder, until somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.live.devices import load_configs, open_air

if TYPE_CHECKING:
    from tallrun.ble import Notice, SensorSession
    from tallrun.live.devices import Emulation
    from tallrun.numerics.recording import RunnerProfile


async def record_sensors(
    folder: Path,
    emulation: Emulation | None,
    out: Path,
    minutes: float | None,
    surface: str | None,
    *,
    on_notice: Callable[[Notice], None],
    on_trouble: Callable[[str], None],
    stopping: Callable[[SensorSession], AbstractContextManager[None]],
) -> dict[str, Any]:
    """Record until the session is stopped; return what each sensor gave, and notes.

    on_notice, on_trouble : told what happens to sensors, and to the disk. stopping : lets a person end it.
    """
    from tallrun.ble import SensorSession
    from tallrun.live.calibration import load_standing
    from tallrun.live.rebuild import consume, rebuild, start_info
    from tallrun.live.run import endings
    from tallrun.sensors.ingest import Binding, Ingest
    from tallrun.sessions.recorder import FlightRecorder, read_packets

    async with open_air(folder, emulation) as air, SensorSession(air.worn, air.radio, on_notice) as session:
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
            out, start, on_trouble=lambda trouble: on_trouble(trouble.message), auto_flush=False
        )
        ingest = Ingest([Binding(worn.sensor, worn.config) for worn in air.worn])
        tasks = [asyncio.create_task(item) for item in endings(session, air, minutes)]
        with stopping(session):
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
