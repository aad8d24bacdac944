"""Keeps a set of paired sensors connected and hands everything they send to one consumer.

Sensors are connected one after another. Each then has a keeper of its own, which notices a lost or silent
sensor, scans for it again and starts it anew, while the others go on and the session's clock runs through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from tallrun.ble.link import Radio, SensorLink, Sighting, scan
from tallrun.ble.packets import CAPACITY, PacketQueue
from tallrun.ble.sequence import run_steps
from tallrun.ble.troubles import AdapterError, LinkError, RefusedError
from tallrun.ble.worn import (
    PLACE_WORDS,
    LinkStatus,
    Notice,
    NoticeKind,
    Worn,
    needed_payload_bytes,
    properties_of,
)
from tallrun.errors import RadioError
from tallrun.sensors.events import Packet

_PAYLOAD_SETTLES_S = 1.5  # some systems learn the packet size a while after connecting
_QUIET_PLACES_S = 15.0  # treadmill, strap and pod send about once a second and may pause


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
        self._failure: BaseException | None = None
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
            addresses = {keeper.worn.paired.address for keeper in self._keepers.values()}
            heard = {
                item.address: item for item in await scan(self._radio, self._radio.limits.find_s, addresses)
            }
            for keeper in self._keepers.values():
                sighting = heard.get(keeper.worn.paired.address)
                task = asyncio.create_task(self._keep(keeper, sighting))
                task.add_done_callback(partial(self._keeper_ended, keeper))
                self._tasks.append(task)
                await keeper.settled.wait()
                if isinstance(keeper.trouble, AdapterError):
                    raise keeper.trouble
                if self._failure is not None:
                    raise self._failure
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
        if self._failure is not None:
            raise self._failure

    def _on_packet(self, packet: Packet) -> None:
        status = self._keepers[packet.sensor].status
        status.packets += 1
        status.last_packet_s = packet.host_time_s
        self._queue.put(packet)

    def _keeper_ended(self, keeper: _Keeper, task: asyncio.Task[None]) -> None:
        """Keep a defect from going unseen: by itself a keeper only ends when its sensor refuses."""
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._queue.close()
        keeper.settled.set()

    def _on_late(self, status: LinkStatus) -> None:
        status.late_packets += 1

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

    async def _keep(self, keeper: _Keeper, sighting: Sighting | None) -> None:
        words = PLACE_WORDS[keeper.worn.sensor]
        failures = 0
        is_first = True
        while True:
            try:
                if not is_first:
                    sighting = await self._look_for(keeper)
                is_first = False
                await self._bring_up(keeper, sighting)
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

    async def _look_for(self, keeper: _Keeper) -> Sighting | None:
        address = keeper.worn.paired.address
        heard = await scan(self._radio, self._radio.limits.find_s, {address})
        return next((item for item in heard if item.address == address), None)

    async def _bring_up(self, keeper: _Keeper, sighting: Sighting | None) -> None:
        worn, status = keeper.worn, keeper.status
        status.state = "connecting"
        keeper.lost.clear()
        if sighting is None:
            raise LinkError(
                worn.sensor,
                f"{worn.config.title} {worn.paired.address} was not heard: "
                "is it switched on, charged, and not connected to a phone?",
            )
        status.rssi_dbm = sighting.rssi_dbm
        keeper.link = SensorLink(
            worn.sensor,
            self._radio,
            self._on_packet,
            keeper.lost.set,
            lambda: self._on_late(status),
            self._start_s,
        )
        await keeper.link.connect(sighting)
        await run_steps(keeper.link, worn.config, worn.config.start)
        await self._read_battery(keeper)
        await self._check_payload(keeper, keeper.link)

    async def _check_payload(self, keeper: _Keeper, link: SensorLink) -> None:
        """Tell when the link's packets are too small for this sensor."""
        needs = needed_payload_bytes(keeper.worn.config)
        if (link.payload_bytes or needs) < needs:
            await asyncio.sleep(_PAYLOAD_SETTLES_S)
        carries = link.payload_bytes
        if carries is not None and carries < needs:
            self._tell(
                keeper,
                "small_packets",
                f"The link to the {PLACE_WORDS[keeper.worn.sensor]} carries {carries} bytes a packet and this sensor "
                f"needs {needs}: reconnect it, or use another Bluetooth adapter.",
            )

    async def _read_battery(self, keeper: _Keeper) -> None:
        link, config = keeper.link, keeper.worn.config
        source = config.battery
        if link is None or source is None:
            return
        try:
            if source.request_to is not None:
                with_response = "write" in properties_of(config, source.request_to)
                await link.write(config.uuid(source.request_to), source.request_hex, with_response)
            elif "read" in properties_of(config, source.characteristic):
                uuid = config.uuid(source.characteristic)
                if link.has(uuid):
                    await link.read(uuid)
        except LinkError:
            pass  # a battery that is not told is unknown; a lost link is noticed by the keeper

    async def _watch(self, keeper: _Keeper, words: str) -> None:
        """Return once the sensor is lost or silent."""
        silence_s = self._radio.limits.silence_s
        if keeper.worn.config.kind != "imu":
            silence_s = max(silence_s, _QUIET_PLACES_S)
        since_s = self.now_s
        battery_due_s = self.now_s + self._radio.limits.battery_every_s
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
                battery_due_s = self.now_s + self._radio.limits.battery_every_s
                await self._read_battery(keeper)

    async def _take_down(self, keeper: _Keeper) -> None:
        link, keeper.link = keeper.link, None
        if link is not None:
            await link.close()

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
