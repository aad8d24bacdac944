"""Keeps a set of paired sensors connected and hands everything they send to one consumer.

Sensors are connected one after another. Each then has a keeper of its own, which notices a lost or silent
sensor, scans for it again and starts it anew, while the others go on and the session's clock runs through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from tallrun.ble.link import Radio, SensorLink, scan
from tallrun.ble.packets import CAPACITY, Packet, PacketQueue
from tallrun.ble.pairing import PairedSensor
from tallrun.ble.sequence import run_steps
from tallrun.ble.troubles import AdapterError, LinkError, RefusedError
from tallrun.errors import RadioError
from tallrun.sensors.config import FirmwareConfig

LinkState = Literal["waiting", "connecting", "streaming", "lost", "refused", "closed"]
NoticeKind = Literal[
    "connected", "missing", "lost", "silent", "returned", "refused", "small_packets", "dropped"
]

PLACE_WORDS = {
    "foot_left": "left foot sensor",
    "foot_right": "right foot sensor",
    "pelvis": "pelvis sensor",
    "trunk": "trunk sensor",
    "treadmill": "treadmill",
    "heart_rate": "heart-rate strap",
    "foot_pod": "foot pod",
}
_BATTERY_EVERY_S = 300.0
_QUIET_PLACES_S = 15.0  # treadmill, strap and pod send about once a second and may pause


@dataclass(frozen=True)
class Worn:
    """A paired sensor with the firmware config that reads it."""

    paired: PairedSensor
    config: FirmwareConfig

    @property
    def sensor(self) -> str:
        """The name this sensor's packets carry: its place."""
        return self.paired.placement


@dataclass(frozen=True)
class Notice:
    """Something the runner may want to know about a sensor, as one plain sentence."""

    host_time_s: float
    sensor: str
    kind: NoticeKind
    text: str


@dataclass
class LinkStatus:
    """How one sensor's link is doing; times are session seconds, None before the first packet."""

    state: LinkState = "waiting"
    packets: int = 0
    last_packet_s: float | None = None
    reconnects: int = 0
    late_packets: int = 0
    rssi_dbm: int | None = None


def needed_payload_bytes(config: FirmwareConfig) -> int:
    """Return the fewest bytes a notification of this sensor needs: header and one sample; 0 when unknown."""
    from tallrun.sensors.codecs.open_packet import HEADER_BYTES, SAMPLE_BYTES
    from tallrun.sensors.codecs.wire import SIZES

    needed = 0
    for packet in config.packets:
        if packet.codec == "open_packet":
            needed = max(needed, HEADER_BYTES + SAMPLE_BYTES)
        elif packet.codec == "fixed" and packet.framing == "none":
            sample = sum(SIZES[item.type] * len(item.axes) + item.skip_bytes for item in packet.fields)
            needed = max(needed, packet.samples_at + sample + packet.trailing_bytes)
    return needed


def _properties(config: FirmwareConfig, role: str) -> tuple[str, ...]:
    return next(
        (
            item.properties
            for service in config.services
            for item in service.characteristics
            if item.role == role
        ),
        (),
    )


@dataclass
class _Keeper:
    """What the session knows about one sensor."""

    worn: Worn
    status: LinkStatus = field(default_factory=LinkStatus)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    link: SensorLink | None = None
    trouble: RadioError | None = None


class SensorSession:
    """Several sensors, one stream of packets, one clock.

    Use as ``async with SensorSession(...) as session: async for packet in session.packets(): ...``. Entering
    connects every sensor once and raises RadioError when Bluetooth cannot be used or no sensor answers;
    sensors that are missing then are looked for until the end. ``stop()`` ends ``packets()``.
    """

    def __init__(
        self,
        sensors: Sequence[Worn],
        radio: Radio,
        on_notice: Callable[[Notice], None] = lambda notice: None,
        capacity: int = CAPACITY,
    ) -> None:
        self._radio = radio
        self._on_notice = on_notice
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._keepers = {worn.sensor: _Keeper(worn) for worn in sensors}
        self._queue = PacketQueue(capacity)
        self._tasks: list[asyncio.Task[None]] = []
        self._told_dropped: dict[str, int] = {}

    @property
    def now_s(self) -> float:
        """Seconds since the session's start, on the clock that stamps the packets."""
        return self._loop.time() - self._start_s

    @property
    def status(self) -> dict[str, LinkStatus]:
        """State of every sensor by place; the objects are live."""
        return {sensor: keeper.status for sensor, keeper in self._keepers.items()}

    @property
    def dropped(self) -> dict[str, int]:
        """Packets dropped because the consumer was too far behind, by sensor."""
        return dict(self._queue.dropped)

    async def __aenter__(self) -> SensorSession:
        if not self._keepers:
            raise RadioError("no sensor is paired: run 'tallrun scan', then 'tallrun pair'")
        try:
            for keeper in self._keepers.values():
                self._tasks.append(asyncio.create_task(self._keep(keeper)))
                await keeper.settled.wait()
                if isinstance(keeper.trouble, AdapterError):
                    raise keeper.trouble
            troubles = [keeper.trouble for keeper in self._keepers.values() if keeper.trouble]
            if len(troubles) == len(self._keepers):
                raise RadioError(f"no sensor answered; the first said: {troubles[0]}")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def stop(self) -> None:
        """End the stream of packets; what is queued is still handed out."""
        self._queue.close()

    async def packets(self) -> AsyncIterator[Packet]:
        """Yield packets in order of arrival until ``stop``."""
        while taken := await self._queue.take():
            for packet in taken:
                yield packet
            self._tell_dropped()

    def _on_packet(self, packet: Packet) -> None:
        status = self._keepers[packet.sensor].status
        status.packets += 1
        status.last_packet_s = packet.host_time_s
        self._queue.put(packet)

    def _tell(self, keeper: _Keeper, kind: NoticeKind, text: str) -> None:
        self._on_notice(Notice(self.now_s, keeper.worn.sensor, kind, text))

    def _tell_dropped(self) -> None:
        for sensor, count in self._queue.dropped.items():
            if count != self._told_dropped.get(sensor, 0):
                self._told_dropped[sensor] = count
                self._tell(
                    self._keepers[sensor],
                    "dropped",
                    f"This computer is too busy: {count} packets of {sensor} were lost.",
                )

    async def _keep(self, keeper: _Keeper) -> None:
        words = PLACE_WORDS[keeper.worn.sensor]
        failures = 0
        while True:
            try:
                await self._bring_up(keeper)
            except RefusedError as error:
                keeper.status.state, keeper.trouble = "refused", error
                self._tell(keeper, "refused", f"The {words} refuses its settings and is left out: {error}")
                await self._take_down(keeper)
                keeper.settled.set()
                return
            except RadioError as error:
                keeper.status.state, keeper.trouble = "lost", error
                if failures == 0:
                    self._tell(
                        keeper, "missing", f"The {words} cannot be reached ({error}). Still looking for it."
                    )
                failures += 1
                await self._take_down(keeper)
                keeper.settled.set()
                await asyncio.sleep(self._radio.limits.retry_s * min(failures, 5))
                continue
            keeper.status.state, keeper.trouble, failures = "streaming", None, 0
            is_return = keeper.settled.is_set()
            keeper.status.reconnects += is_return
            self._tell(
                keeper,
                "returned" if is_return else "connected",
                f"The {words} is back." if is_return else f"The {words} is connected.",
            )
            keeper.settled.set()
            await self._watch(keeper, words)
            keeper.status.state = "lost"
            await self._take_down(keeper)

    async def _bring_up(self, keeper: _Keeper) -> None:
        worn, status = keeper.worn, keeper.status
        status.state = "connecting"
        keeper.lost.clear()
        seen = await scan(self._radio, self._radio.limits.find_s, until_address=worn.paired.address)
        sighting = next((item for item in seen if item.address == worn.paired.address), None)
        if sighting is None:
            raise LinkError(
                worn.sensor,
                f"{worn.config.title} {worn.paired.address} was not heard within {self._radio.limits.find_s:g} s: "
                "is it switched on, charged, and not connected to a phone?",
            )
        status.rssi_dbm = sighting.rssi_dbm
        keeper.link = SensorLink(worn.sensor, self._radio, self._on_packet, keeper.lost.set, self._start_s)
        await keeper.link.connect(sighting)
        carries, needs = keeper.link.payload_bytes, needed_payload_bytes(worn.config)
        if carries is not None and carries < needs:
            self._tell(
                keeper,
                "small_packets",
                f"The link to the {PLACE_WORDS[worn.sensor]} carries {carries} bytes a packet and this sensor needs "
                f"{needs}: reconnect it, or use another Bluetooth adapter.",
            )
        await run_steps(keeper.link, worn.config, worn.config.start)
        await self._read_battery(keeper)

    async def _read_battery(self, keeper: _Keeper) -> None:
        link, config = keeper.link, keeper.worn.config
        source = config.battery
        if link is None or source is None:
            return
        if source.request_to is not None:
            with_response = "write" in _properties(config, source.request_to)
            await link.write(config.uuid(source.request_to), source.request_hex, with_response)
        elif "read" in _properties(config, source.characteristic) and link.has(
            config.uuid(source.characteristic)
        ):
            await link.read(config.uuid(source.characteristic))

    async def _watch(self, keeper: _Keeper, words: str) -> None:
        """Return once the sensor is lost or silent."""
        silence_s = self._radio.limits.silence_s
        if keeper.worn.config.kind != "imu":
            silence_s = max(silence_s, _QUIET_PLACES_S)
        since_s = self.now_s
        battery_due_s = self.now_s + _BATTERY_EVERY_S
        while True:
            heard_s = max(since_s, keeper.status.last_packet_s or since_s)
            try:
                async with asyncio.timeout(max(0.05, heard_s + silence_s - self.now_s)):
                    await keeper.lost.wait()
                self._tell(keeper, "lost", f"The {words} lost its connection. Looking for it.")
                return
            except TimeoutError:
                pass
            if (keeper.status.last_packet_s or since_s) <= heard_s:
                self._tell(
                    keeper,
                    "silent",
                    f"The {words} has sent nothing for {silence_s:g} s. Reconnecting. The rest goes on being recorded.",
                )
                return
            if self.now_s >= battery_due_s:
                battery_due_s = self.now_s + _BATTERY_EVERY_S
                try:
                    await self._read_battery(keeper)
                except RadioError:
                    return

    async def _take_down(self, keeper: _Keeper) -> None:
        link, keeper.link = keeper.link, None
        if link is not None:
            await link.close()
            keeper.status.late_packets += link.late_packets

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for keeper in self._keepers.values():
            if keeper.link is not None and keeper.status.state == "streaming":
                try:
                    await run_steps(keeper.link, keeper.worn.config, keeper.worn.config.stop)
                except RadioError:
                    pass  # the sensor stops by itself when the connection ends
            await self._take_down(keeper)
            keeper.status.state = "closed"
        self._queue.close()
