"""Keeps a set of paired sensors connected and hands everything they send to one consumer.

Sensors are connected one after another. Each then has a keeper of its own, which notices a lost or silent
sensor, scans for it again and starts it anew, while the others go on and the session's clock runs through.
Whatever goes wrong with a sensor, in whatever way, stays with its keeper; only Bluetooth that could not be used from
the first, or no answer from any sensor, keeps a session from starting. Bluetooth that goes away while the sensors are
being connected (switched off, its service restarted) is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from tallrun.ble.link import Radio, SensorLink, scan
from tallrun.ble.packets import CAPACITY, PacketQueue
from tallrun.ble.sequence import run_steps
from tallrun.ble.sighting import Sighting
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

_LOG = logging.getLogger(__name__)
_JUDGED_PACKETS = 5  # so many packets, all too short, say that the link cuts them
_LEAST_PAYLOAD_BYTES = 20  # every link carries these; shorter packets were not cut
_LOOK_S, _TRIES_AFTER = (
    0.2,
    3,
)  # how long to ask whether Bluetooth is there; waits for a sensor once it is back
_QUIET_PLACES_S = 15.0  # treadmill, strap and pod send about once a second and may pause


@dataclass
class _Keeper:
    """What the session knows about one sensor."""

    worn: Worn
    status: LinkStatus = field(default_factory=LinkStatus)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    needs_bytes: dict[str, int] = field(default_factory=dict)  # by characteristic
    lengths: dict[str, list[int]] = field(default_factory=dict)  # of the first packets on this link, likewise
    link: SensorLink | None = None
    trouble: RadioError | None = None


class SensorSession:
    """Several sensors, one stream of packets, one clock.

    Use as ``async with SensorSession(...) as session: async for packet in session.packets(): ...``. Entering
    connects every sensor once and raises RadioError when Bluetooth cannot be used or no sensor answers; it waits for
    Bluetooth that went away meanwhile. Sensors that are missing then are looked for until the end. ``stop()`` ends
    ``packets()``.
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
        self._reached = asyncio.Event()

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
            raise RadioError("no sensor is paired", command=": run 'tallrun scan', then 'tallrun pair'")
        try:
            addresses = {keeper.worn.paired.address for keeper in self._keepers.values()}
            heard = {
                item.address: item for item in await scan(self._radio, self._radio.limits.find_s, addresses)
            }
            for keeper in self._keepers.values():
                sighting = heard.get(keeper.worn.paired.address)
                self._tasks.append(asyncio.create_task(self._keep(keeper, sighting)))
                await keeper.settled.wait()
            if not self._has_reached_any():
                await self._wait_for_bluetooth()
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

    async def _wait_for_bluetooth(self) -> None:
        """Return once a sensor streams; wait as long as Bluetooth itself is away.

        Raises RadioError when Bluetooth is there and no sensor answers, AdapterError when it is there to scan but not
        to connect.
        """
        limits = self._radio.limits
        first = next(keeper.trouble for keeper in self._keepers.values() if keeper.trouble)
        was_away, tries = isinstance(first, AdapterError), 0
        if was_away:
            self._tell_away(str(first))
        while not self._has_reached_any():
            try:
                await scan(self._radio, _LOOK_S)
                if not was_away:
                    raise RadioError(f"no sensor answered; the first said: {first}") from first
                if tries == 0 and not self._has_reached_any():
                    self._tell_all("bluetooth_back", "Bluetooth is there. Looking for the sensors.")
                tries += 1
                if tries > _TRIES_AFTER:
                    raise first
            except AdapterError as error:
                if error is first:
                    raise
                if not was_away or tries:
                    self._tell_away(str(error))
                was_away, tries = True, 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.retry_s if tries == 0 else limits.find_s + limits.retry_s):
                    await self._reached.wait()

    def _tell_away(self, why: str) -> None:
        self._tell_all("bluetooth_away", f"Bluetooth went away: {why} Waiting for it.")

    def _tell_all(self, kind: NoticeKind, text: str) -> None:
        self._tell(next(iter(self._keepers.values())), kind, text)

    def _has_reached_any(self) -> bool:
        return any(keeper.status.has_streamed for keeper in self._keepers.values())

    def _on_packet(self, packet: Packet) -> None:
        keeper = self._keepers[packet.sensor]
        keeper.status.packets += 1
        keeper.status.last_packet_s = packet.host_time_s
        self._queue.put(packet)
        if packet.characteristic in keeper.needs_bytes:
            self._check_length(keeper, packet)

    def _on_late(self, status: LinkStatus) -> None:
        status.late_packets += 1

    def _tell(self, keeper: _Keeper, kind: NoticeKind, text: str) -> None:
        try:
            self._on_notice(Notice(self.now_s, keeper.worn.sensor, kind, text))
        except Exception:  # a page or a terminal that is gone must not cost the sensor
            _LOG.exception("a notice of %s could not be told", keeper.worn.sensor)

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
        failures = 0
        is_first = True
        while True:
            try:
                if not is_first:
                    sighting = await self._look_for(keeper)
                is_first = False
                await self._bring_up(keeper, sighting)
                failures = 0
                self._tell_reached(keeper)
                await self._watch(keeper)
                keeper.status.state = "lost"
                await self._take_down(keeper)
                continue
            except RefusedError as error:
                keeper.status.state, keeper.trouble = "refused", error
                words = PLACE_WORDS[keeper.worn.sensor]
                self._tell(keeper, "refused", f"The {words} refuses its settings and is left out: {error}")
                await self._take_down(keeper)
                keeper.settled.set()
                return
            except RadioError as error:
                trouble = error
            except Exception as error:
                _LOG.exception("%s: an error inside tallrun", keeper.worn.sensor)
                trouble = RadioError(f"an error inside tallrun: {type(error).__name__}: {error}")
                trouble.__cause__ = error
            keeper.status.state, keeper.trouble = "lost", trouble
            if failures == 0:
                words = PLACE_WORDS[keeper.worn.sensor]
                self._tell(
                    keeper, "missing", f"The {words} cannot be reached ({trouble}). Still looking for it."
                )
            failures += 1
            await self._take_down(keeper)
            keeper.settled.set()
            await asyncio.sleep(self._radio.limits.retry_s * min(failures, 5))

    def _tell_reached(self, keeper: _Keeper) -> None:
        keeper.status.state, keeper.status.has_streamed, keeper.trouble = "streaming", True, None
        self._reached.set()
        is_return = keeper.settled.is_set()
        keeper.status.reconnects += is_return
        words = PLACE_WORDS[keeper.worn.sensor]
        self._tell(
            keeper,
            "returned" if is_return else "connected",
            f"The {words} is back." if is_return else f"The {words} is connected.",
        )
        keeper.settled.set()

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
        keeper.needs_bytes, keeper.lengths = needed_payload_bytes(worn.config), {}
        await keeper.link.connect(sighting)
        await run_steps(keeper.link, worn.config, worn.config.start)
        await self._read_battery(keeper)

    def _check_length(self, keeper: _Keeper, packet: Packet) -> None:
        """Tell when the link cuts this sensor's packets.

        Judged by what arrives: what systems say about the size of packets is often wrong (BlueZ's minimum of 20
        bytes is reported for links that carry 244).
        """
        lengths = keeper.lengths.setdefault(packet.characteristic, [])
        if len(lengths) >= _JUDGED_PACKETS:
            return
        lengths.append(len(packet.payload))
        longest, needs = max(lengths), keeper.needs_bytes[packet.characteristic]
        if len(lengths) == _JUDGED_PACKETS and _LEAST_PAYLOAD_BYTES <= longest < needs:
            self._tell(
                keeper,
                "small_packets",
                f"The packets of the {PLACE_WORDS[keeper.worn.sensor]} arrive cut to {longest} bytes, and "
                f"this sensor needs {needs}: reconnect it, or use another Bluetooth adapter.",
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
        except (LinkError, AdapterError):
            pass  # a battery that is not told is unknown; a lost link is noticed by the keeper

    async def _watch(self, keeper: _Keeper) -> None:
        """Return once the sensor is lost or silent."""
        words = PLACE_WORDS[keeper.worn.sensor]
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
        self._queue.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # all at once: a link that no longer answers must not hold up the others
        await asyncio.gather(*(self._end(keeper) for keeper in self._keepers.values()))

    async def _end(self, keeper: _Keeper) -> None:
        if keeper.link is not None and keeper.status.state == "streaming":
            try:
                async with asyncio.timeout(self._radio.limits.call_s):
                    await run_steps(keeper.link, keeper.worn.config, keeper.worn.config.stop)
            except (RadioError, TimeoutError):
                pass  # the sensor stops by itself when the connection ends
            except Exception:
                _LOG.exception("%s: an error inside tallrun", keeper.worn.sensor)
        await self._take_down(keeper)
        keeper.status.state = "closed"
