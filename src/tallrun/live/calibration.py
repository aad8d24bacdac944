"""Standing still before a run, for the pelvis's neutral and for straps that moved."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.live.devices import (
    EMULATED_STANDING_FILE,
    STANDING_FILE,
    Emulation,
    open_air,
    read_private,
)

if TYPE_CHECKING:
    from tallrun.ble import Notice, Radio, Worn
    from tallrun.ble.checks import Standing
    from tallrun.numerics.recording import FloatArray

_SETTLE_S = 1.5
Samples = dict[str, "tuple[FloatArray, FloatArray, FloatArray | None]"]


async def calibrate(
    folder: Path, emulation: Emulation | None, seconds: float, on_notice: Callable[[Notice], None]
) -> dict[str, dict[str, Any]]:
    """Have all paired sensors stand still for ``seconds``; store the result if every one passed, and return it."""
    from tallrun.sessions import write_text

    async with open_air(folder, emulation) as air:
        worn = [item for item in air.worn if item.config.kind == "imu"]
        samples = await collect(worn, air.radio, _SETTLE_S, seconds, on_notice)
    is_emulated = emulation is not None
    results = _judge(samples, load_standing(folder, is_emulated))
    if all(row["passed"] for row in results.values()):
        entries = {place: {key: row[key] for key in ("standing", "at")} for place, row in results.items()}
        write_text(_file(folder, is_emulated), json.dumps({"version": 1, "sensors": entries}, indent=2))
    return results


def _judge(samples: Samples, before: dict[str, Standing]) -> dict[str, dict[str, Any]]:
    from tallrun.ble.checks import check_standing, strap_moved_rad

    rows: dict[str, dict[str, Any]] = {}
    for place, (t_s, acc, gyr) in samples.items():
        result = check_standing(t_s, acc, gyr)
        moved = None
        if result.standing is not None and place in before:
            moved = strap_moved_rad(result.standing, before[place])
        rows[place] = {
            "passed": result.standing is not None,
            "reason": result.reason,
            "standing": None if result.standing is None else asdict(result.standing),
            "strap_moved_deg": None if moved is None else math.degrees(moved),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    return rows


def _file(folder: Path, is_emulated: bool) -> Path:
    return folder / (EMULATED_STANDING_FILE if is_emulated else STANDING_FILE)


def load_standing(folder: Path, is_emulated: bool = False) -> dict[str, Standing]:
    """Return the last passed calibration by place; empty when there is none or it cannot be read."""
    from tallrun.ble.checks import Standing

    text = read_private(_file(folder, is_emulated))
    try:
        entries = json.loads(text)["sensors"] if text else {}
        found = {}
        for place, entry in entries.items():
            known = entry["standing"]
            bias = known["gyr_bias_radps"]
            found[place] = Standing(
                tuple(known["up_sensor"]),
                float(known["force_mps2"]),
                None if bias is None else tuple(bias),
                float(known["seconds"]),
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return found


def keep_biases(folder: Path, sensors: dict[str, Any], is_emulated: bool = False) -> None:
    """Keep what a run learned of each gyroscope at rest, for the next one; ``sensors`` is the ledger's.

    A place without a standing calibration, a sensor that never rested, or one that tells no bias keeps what it had.
    """
    from tallrun.sessions import write_text

    path = _file(folder, is_emulated)
    text = read_private(path)
    if not text or not load_standing(folder, is_emulated):
        return
    known = json.loads(text)
    learned = {place: row["gyr_bias_radps"] for place, row in sensors.items() if row.get("n_rests")}
    changed = [place for place in learned if place in known["sensors"]]
    for place in changed:
        known["sensors"][place]["standing"]["gyr_bias_radps"] = list(learned[place])
    if changed:
        write_text(path, json.dumps(known, indent=2))


async def collect(
    worn: list[Worn], radio: Radio, settle_s: float, seconds: float, on_notice: Callable[[Notice], None]
) -> Samples:
    """Return the samples of a few seconds by place, once all sensors are connected and have settled."""
    from tallrun.ble import SensorSession
    from tallrun.ble.checks import joined
    from tallrun.numerics.recording import SampleBlock
    from tallrun.sensors.ingest import Binding, Ingest

    ingest = Ingest([Binding(item.sensor, item.config) for item in worn])
    blocks: dict[str, list[SampleBlock]] = {item.sensor: [] for item in worn}

    async with SensorSession(worn, radio, on_notice) as session:
        from_s = session.now_s + settle_s
        ending = asyncio.get_running_loop().call_later(settle_s + seconds + 0.5, session.stop)
        try:
            async for packet in session.packets():
                for event in ingest.feed(*packet):
                    if isinstance(event, SampleBlock):
                        blocks[event.placement].append(event)
        finally:
            ending.cancel()
    for event in ingest.finish():
        if isinstance(event, SampleBlock):
            blocks[event.placement].append(event)
    samples: Samples = {}
    for place, some in blocks.items():
        t_s, acc, gyr = joined(some)
        keep = (t_s >= from_s) & (t_s < from_s + seconds)
        samples[place] = (t_s[keep], acc[keep], None if gyr is None else gyr[keep])
    return samples
