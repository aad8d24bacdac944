"""Plays a made recording on the virtual radio as fast as possible and keeps all that came out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tallrun.ble import Limits, LinkStatus, Notice, SensorSession, Worn
from tallrun.ble.clock import run_virtual
from tallrun.ble.faults import FaultScript, SensorFaults
from tallrun.ble.peripheral import Ledger
from tallrun.ble.radio import VirtualRadio
from tallrun.numerics.recording import Recording, SampleBlock, SensorRecording, SensorSpec
from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import ConfigSet
from tallrun.sensors.events import Packet, SensorEvent
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sensors.port import SensorStatus

RATE_HZ = 200.0
GYR_LSB_RADPS = np.deg2rad(0.07)
CONFIGS = ConfigSet.from_texts(firmware_config_texts())


def numbered_sensor(place: str, seconds: float, rate_hz: float = RATE_HZ) -> SensorRecording:
    """A sensor whose rotation about x is the sample's number, in counts of the open packet at 2000 dps."""
    n = round(seconds * rate_hz)
    number = np.arange(n)
    acc = np.column_stack([np.sin(number / 30.0), np.cos(number / 17.0), np.full(n, 9.80665)])
    gyr = np.column_stack([(number % 60000 - 30000) * GYR_LSB_RADPS, np.zeros(n), np.zeros(n)])
    return SensorRecording(SensorSpec(place, rate_hz, 16.0, 2000.0), number / rate_hz, acc, gyr)


def numbered_recording(
    seconds: float, places: tuple[str, ...] = ("foot_left", "foot_right", "pelvis")
) -> Recording:
    return Recording({place: numbered_sensor(place, seconds) for place in places})


def sample_numbers(blocks: list[SampleBlock]) -> tuple[np.ndarray, np.ndarray]:
    """Time and number of every sample after the standing lead-in, in which number 0 is repeated."""
    t_s = np.concatenate([block.t_s for block in blocks])
    x = np.concatenate([block.gyr_radps[:, 0] for block in blocks])
    number = np.rint(x / GYR_LSB_RADPS).astype(int) + 30000
    return t_s[number > 0], number[number > 0]


@dataclass
class Played:
    packets: list[Packet] = field(default_factory=list)
    events: list[SensorEvent] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    ledger: dict[str, Ledger] = field(default_factory=dict)
    link: dict[str, LinkStatus] = field(default_factory=dict)
    status: dict[str, SensorStatus] = field(default_factory=dict)
    worn: list[Worn] = field(default_factory=list)
    begin_s: float = 0.0  # session time at which the recording begins
    radio: VirtualRadio | None = None

    def kinds(self, sensor: str) -> list[str]:
        return [notice.kind for notice in self.notices if notice.sensor == sensor]

    def blocks(self, sensor: str) -> list[SampleBlock]:
        return [
            event for event in self.events if isinstance(event, SampleBlock) and event.placement == sensor
        ]

    def of(self, kind: type, sensor: str) -> list:
        return [event for event in self.events if isinstance(event, kind) and event.sensor == sensor]

    def numbers(self, sensor: str) -> tuple[np.ndarray, np.ndarray]:
        """Session time and number of every sample after the standing lead-in."""
        blocks = self.blocks(sensor)
        return sample_numbers(blocks)

    def time_error_s(self, sensor: str) -> np.ndarray:
        """How late samples are placed; the radio's constant least delay is part of it."""
        t_s, number = self.numbers(sensor)
        return t_s - (number / RATE_HZ + self.begin_s)


def ingest(played: Played) -> tuple[list[SensorEvent], dict[str, SensorStatus]]:
    reader = Ingest([Binding(worn.sensor, worn.config) for worn in played.worn])
    events = [event for packet in played.packets for event in reader.feed(*packet)]
    return events + reader.finish(), reader.status()


def play(
    recording: Recording,
    faults: Mapping[str, SensorFaults] | None = None,
    *,
    default: SensorFaults | None = None,
    models: Mapping[str, str] | None = None,
    configs: ConfigSet = CONFIGS,
    limits: Limits | None = None,
    seed: int = 1,
    stop_at_s: float | None = None,
) -> Played:
    """Play ``recording`` to its end, or until ``stop_at_s`` of it."""
    played = Played()
    script = FaultScript(dict(faults or {}), default, seed)

    async def main() -> None:
        radio = VirtualRadio(configs, recording, script, models)
        played.radio, played.worn = radio, radio.worn()
        await radio.switch_on()
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        async with SensorSession(played.worn, radio.radio(limits), played.notices.append) as session:

            async def stop() -> None:
                if stop_at_s is None:
                    await radio.played()
                    await asyncio.sleep(0.5)
                else:
                    await asyncio.sleep(await radio.begin_s() + stop_at_s - loop.time())
                session.stop()

            stopping = asyncio.create_task(stop())
            played.packets = [packet async for packet in session.packets()]
            await stopping
            played.begin_s = await radio.begin_s() - start_s
            played.ledger = radio.ledger
            played.link = session.status
        await radio.switch_off()

    run_virtual(main())
    played.events, played.status = ingest(played)
    return played
