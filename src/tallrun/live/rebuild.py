"""From the radio to a session on disk: record packets, decode them, and build the recording from the packets.

A finished run and one brought back after a crash go the same way: the recording is always decoded from
``packets.arrow``, so it equals what the live run saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np

from tallrun.errors import ConfigError
from tallrun.numerics.recording import (
    HeartRate,
    Recording,
    RunnerProfile,
    SampleBlock,
    SensorRecording,
    SensorSpec,
    Treadmill,
    WatchData,
)

if TYPE_CHECKING:
    from tallrun.ble import SensorSession, Worn
    from tallrun.ble.checks import Standing
    from tallrun.sensors.config import ConfigSet, FirmwareConfig
    from tallrun.sensors.events import FootPodReading, Packet, SensorEvent
    from tallrun.sensors.ingest import Ingest
    from tallrun.sensors.port import SensorStatus
    from tallrun.sessions.recorder import FlightRecorder

FLUSH_EVERY_S = 0.5


class Readings(NamedTuple):
    """Rows of a treadmill or a strap while they come in."""

    t_s: list[float]
    first: list[float]
    second: list[float]


@dataclass
class RecordingBuilder:
    """Collects decoded events into a ``Recording``; memory grows with the run."""

    configs: dict[str, FirmwareConfig]
    info: dict[str, Any] = field(default_factory=dict)
    runner: RunnerProfile = field(default_factory=RunnerProfile)
    _blocks: dict[str, list[SampleBlock]] = field(default_factory=dict)
    _belt: Readings = field(default_factory=lambda: Readings([], [], []))
    _heart: Readings = field(default_factory=lambda: Readings([], [], []))
    _pod: list[FootPodReading] = field(default_factory=list)

    def add(self, events: Iterable[SensorEvent]) -> None:
        """Take what ingest told."""
        from tallrun.sensors.events import FootPodReading, HeartRateReading, TreadmillReading

        for event in events:
            if isinstance(event, SampleBlock):
                self._blocks.setdefault(event.placement, []).append(event)
            elif isinstance(event, TreadmillReading) and event.speed_mps is not None:
                incline = np.nan if event.incline_pct is None else event.incline_pct
                _add_row(self._belt, event.t_s, event.speed_mps, incline)
            elif isinstance(event, HeartRateReading):
                _add_row(self._heart, event.t_s, event.bpm, np.nan)
            elif isinstance(event, FootPodReading):
                self._pod.append(event)

    def recording(self, status: dict[str, SensorStatus]) -> Recording:
        """Return what came; a sensor without samples is absent. A foot pod's readings stand where a watch's do."""
        from tallrun.sensors.foot_pod import foot_pod_rows, run_facts

        sensors = {
            place: _joined_sensor(place, blocks, self.configs[place], status.get(place))
            for place, blocks in self._blocks.items()
        }
        belt = Treadmill(*map(np.array, self._belt)) if self._belt.t_s else None
        heart = HeartRate(np.array(self._heart.t_s), np.array(self._heart.first)) if self._heart.t_s else None
        pod = WatchData(foot_pod_rows(self._pod)) if self._pod else None
        info = self.info if pod is None else {**self.info, "activity": run_facts(pod.rows)}
        return Recording(sensors, belt, heart, (), self.runner, info, pod)


def _add_row(rows: Readings, t_s: float, first: float, second: float) -> None:
    # two readings can arrive in one burst at the same instant: the later one holds
    if rows.t_s and t_s <= rows.t_s[-1]:
        rows.first[-1], rows.second[-1] = first, second
        return
    rows.t_s.append(t_s)
    rows.first.append(first)
    rows.second.append(second)


def _joined_sensor(
    place: str, blocks: list[SampleBlock], config: FirmwareConfig, status: SensorStatus | None
) -> SensorRecording:
    imu = config.imu
    gyr = [block.gyr_radps for block in blocks if block.gyr_radps is not None]
    whole_gyr = np.concatenate(gyr) if len(gyr) == len(blocks) else None
    measured_hz = status.rate_hz if status is not None else None
    spec = SensorSpec(
        place,
        measured_hz or (imu.rate_hz if imu else 0.0),
        imu.acc_range_g if imu else None,
        imu.gyr_range_dps if imu and whole_gyr is not None else None,
        whole_gyr is not None,
        config.name,
    )
    t_s = np.concatenate([block.t_s for block in blocks])
    return SensorRecording(spec, t_s, np.concatenate([block.acc_mps2 for block in blocks]), whole_gyr)


def start_info(
    worn: list[Worn],
    context: dict[str, Any],
    standing: dict[str, Standing],
    elapsed_s: float,
    runner: RunnerProfile | None = None,
    source: str = "tallrun record",
    away: timedelta = timedelta(0),
) -> dict[str, Any]:
    """Return what is known when a run starts: the keys of ``session.json`` and what decoding will need.

    ``elapsed_s`` is how long ago the session's clock was started; ``standing`` the last calibration.
    ``away`` : as in ``Emulation``.
    """
    started_at = datetime.now(UTC).astimezone() + away - timedelta(seconds=elapsed_s)
    return {
        "session_id": str(uuid4()),
        "started_at": started_at.isoformat(timespec="milliseconds"),
        "time_zone": local_time_zone(),
        "context": context,
        "source": source,
        "runner": {
            key: value for key, value in asdict(runner or RunnerProfile()).items() if value is not None
        },
        "bindings": {
            item.sensor: {"config": item.config.name, "sha256": item.config.sha256} for item in worn
        },
        "standing": {item.sensor: asdict(standing[item.sensor]) for item in worn if item.sensor in standing},
    }


def local_time_zone() -> str:
    """Return this machine's IANA time zone name, "UTC" when it cannot be told."""
    import os
    from pathlib import Path
    from zoneinfo import available_timezones

    named = os.environ.get("TZ", "").removeprefix(":")
    if named in available_timezones():
        return named
    try:
        parts = Path("/etc/localtime").resolve().parts
    except OSError:
        return "UTC"
    joined = "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else ""
    return joined if joined in available_timezones() else "UTC"


def bindings_of(start: dict[str, Any], configs: ConfigSet) -> dict[str, FirmwareConfig]:
    """Return the firmware config of each sensor of a recorded run; raises ConfigError for one that is gone."""
    try:
        return {sensor: configs.get(entry["config"]) for sensor, entry in start.get("bindings", {}).items()}
    except (TypeError, KeyError) as error:
        raise ConfigError(f"the recording does not say which sensor configs it used ({error})") from error


def rebuild(start: dict[str, Any], packets: Iterator[Packet], configs: ConfigSet) -> Recording:
    """Decode recorded packets into a recording, exactly as the live run decoded them."""
    from tallrun.sensors.ingest import Binding, Ingest

    used = bindings_of(start, configs)
    ingest = Ingest(Binding(sensor, config) for sensor, config in used.items())
    info = {key: value for key, value in start.items() if key != "runner"}
    builder = RecordingBuilder(used, info, RunnerProfile(**start.get("runner", {})))
    for packet in packets:
        if packet.sensor in used:
            builder.add(ingest.feed(packet.host_time_s, packet.sensor, packet.characteristic, packet.payload))
    builder.add(ingest.finish())
    return builder.recording(ingest.status())


def _raise(part: str, error: Exception) -> None:
    raise error


async def consume(
    session: SensorSession,
    recorder: FlightRecorder,
    ingest: Ingest,
    on_events: Callable[[float, list[SensorEvent]], None],
    flush_in_thread: bool = True,
    on_failure: Callable[[str, Exception], None] = _raise,
) -> None:
    """Take packets until ``session.stop()``: to disk, through ``ingest``, and their events to ``on_events``.

    The disk is waited for in a thread, so that a slow card never holds up the radio; on the virtual radio's own
    clock (``flush_in_thread=False``) it is waited for in place. The recorder must have ``auto_flush`` off.
    on_failure : told which part failed; whatever it returns from costs the one packet only.
    """

    async def keep_flushing() -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            try:
                if flush_in_thread:
                    await asyncio.to_thread(recorder.flush, session.now_s)
                else:
                    recorder.flush(session.now_s)
            except Exception as error:
                on_failure("recorder", error)

    flushing = asyncio.create_task(keep_flushing())
    try:
        async for packet in session.packets():
            try:
                recorder.append(*packet)
            except Exception as error:
                on_failure("recorder", error)
            try:
                events = ingest.feed(*packet)
            except Exception as error:
                on_failure(f"decoding of {packet.sensor}", error)
                continue
            if events:
                on_events(packet.host_time_s, events)
        events = ingest.finish()
        if events:
            on_events(session.now_s, events)
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        recorder.flush(session.now_s)
