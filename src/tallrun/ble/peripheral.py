"""One emulated sensor: a bumble device that advertises, answers and streams as its firmware config describes.

What it sends comes from a ``Source``; when and whether it arrives is decided by its ``Delivery``. Answers to
commands are the documented ones of the config (``Reply.example_hex``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from bumble import att
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.gatt import Characteristic, CharacteristicValue, Service

from tallrun.ble.bumble_backend import Ether, PeerState, make_device
from tallrun.ble.faults import Delivery, SensorFaults
from tallrun.sensors.codecs.battery import BatteryState, encode_battery
from tallrun.sensors.config import Characteristic as CharacteristicEntry
from tallrun.sensors.config import FirmwareConfig, Reply, Step

_LOG = logging.getLogger(__name__)
_ADVERTISING_MS = 100.0
_PROPERTIES = {
    "read": Characteristic.Properties.READ,
    "write": Characteristic.Properties.WRITE,
    "write_without_response": Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    "notify": Characteristic.Properties.NOTIFY,
    "indicate": Characteristic.Properties.INDICATE,
}


class Outgoing(NamedTuple):
    """One notification a sensor has ready at ``ready_s`` of the recording."""

    ready_s: float
    role: str
    payload: bytes


class Source(Protocol):
    """What an emulated sensor says."""

    reads: dict[str, bytes]  # values of readable characteristics, by role
    length_s: float  # when the last notification is ready, in the recording's time

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield what is sent from ``from_s`` of the recording on (negative before it starts), in order."""


@dataclass
class Ledger:
    """What became of an emulated sensor's notifications."""

    generated: int = 0
    delivered: int = 0
    lost: int = 0  # destroyed by the fault script
    unheard: int = 0  # cut off when the connection ended
    duplicated: int = 0


class Origin:
    """The loop time at which the recording begins: ``lead_s`` after the first sensor was started.

    Until then every sensor plays its first sample again and again, like a runner who stands and waits.
    """

    def __init__(self, lead_s: float) -> None:
        self._lead_s = lead_s
        self._begin_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def start(self) -> float:
        """Return the loop time of the recording's beginning, fixing it at the first call."""
        if not self._begin_s.done():
            self._begin_s.set_result(asyncio.get_running_loop().time() + self._lead_s)
        return self._begin_s.result()

    async def known(self) -> float:
        """Wait until the first sensor was started and return the same."""
        return await asyncio.shield(self._begin_s)

    def elapsed_s(self) -> float:
        """Return the time since the recording began; 0 before."""
        if not self._begin_s.done():
            return 0.0
        return max(0.0, asyncio.get_running_loop().time() - self._begin_s.result())


class EmulatedSensor:
    """A peripheral on the ether, playing its part of a recording."""

    def __init__(
        self,
        sensor: str,
        address: str,
        config: FirmwareConfig,
        source: Source,
        ether: Ether,
        faults: SensorFaults,
        dice: np.random.Generator,
        origin: Origin,
    ) -> None:
        self.sensor = sensor
        self.address = address
        self.config = config
        self.ledger = Ledger()
        self._source = source
        self._ether = ether
        self._faults = faults
        self._dice = dice
        self._origin = origin
        self._loop = asyncio.get_running_loop()
        self._air = PeerState(address, faults.rssi_dbm, faults.connect_delay_s, faults.hanging_connects)
        self._by_role: dict[str, Characteristic] = {}
        self._connection: Any = None
        self._subscribed: set[str] = set()
        self._written: set[bytes] = set()
        self._advertising = asyncio.Lock()
        self._delivery = Delivery(faults, dice)
        self._sent_until_s = -np.inf
        self._stream: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._device = make_device(self._name(), address, ether.link)

    # -- life ----------------------------------------------------------------------------------------------

    async def switch_on(self) -> None:
        """Offer the services and start advertising."""
        for service in self.config.services:
            self._device.add_service(
                Service(service.uuid, [self._characteristic(c) for c in service.characteristics])
            )
        self._device.gatt_server.max_mtu = self._faults.mtu
        self._device.on("connection", self._connected)
        self._device.advertising_data = self._advertising_data()
        await self._device.power_on()
        self._ether.peers[self.address] = self._air
        await self._advertise()
        for absence in self._faults.absences:
            self._spawn(self._be_absent(absence.at_s, absence.for_s))

    async def switch_off(self) -> None:
        """Stop everything, as if the battery were taken out."""
        for task in [*self._tasks, *([self._stream] if self._stream else [])]:
            task.cancel()
        await self._leave_the_air()

    async def _advertise(self) -> None:
        # bumble loses count of its advertising sets when a start overtakes a stop
        async with self._advertising:
            if self.address in self._ether.peers and self._connection is None:
                await self._device.start_advertising(
                    auto_restart=False,
                    advertising_interval_min=_ADVERTISING_MS,
                    advertising_interval_max=_ADVERTISING_MS,
                )

    async def _leave_the_air(self) -> None:
        self._ether.peers.pop(self.address, None)
        async with self._advertising:
            await self._device.stop_advertising()
        if self._connection is not None:
            await self._connection.disconnect()

    async def _be_absent(self, at_s: float, for_s: float) -> None:
        await asyncio.sleep(max(0.0, await self._origin.known() + at_s - self._loop.time()))
        await self._leave_the_air()
        await asyncio.sleep(for_s)
        self._ether.peers[self.address] = self._air
        await self._advertise()

    def _connected(self, connection: Any) -> None:
        self._connection = connection
        connection.on("disconnection", self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self._subscribed.clear()
        self._written.clear()
        self.stop_stream()
        if self.address in self._ether.peers:
            self._spawn(self._advertise())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def source(self) -> Source:
        """What this sensor says."""
        return self._source

    @property
    def length_s(self) -> float:
        """How long this sensor plays, from the recording's beginning."""
        return self._source.length_s

    async def played(self) -> None:
        """Wait until a stream that is running has sent everything; returns at once without one."""
        if self._stream is not None:
            await asyncio.wait({self._stream})

    # -- what it offers ------------------------------------------------------------------------------------

    def _name(self) -> str:
        prefix = next((rule.name_prefix for rule in self.config.match if rule.name_prefix), None)
        return (
            f"{prefix}{self.address[-5:].replace(':', '')}"
            if prefix
            else f"{self.config.name} {self.address[-2:]}"
        )

    def _advertising_data(self) -> bytes:
        fields: list[tuple[int, bytes]] = [(AdvertisingData.COMPLETE_LOCAL_NAME, self._name().encode())]
        for rule in self.config.match:
            if rule.service_uuid is not None:
                uuid = UUID(rule.service_uuid)
                fields.append((AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, uuid.to_bytes()))
            if rule.company_id is not None:
                company = rule.company_id.to_bytes(2, "little")
                fields.append((AdvertisingData.MANUFACTURER_SPECIFIC_DATA, company))
        return bytes(AdvertisingData(fields))

    def _characteristic(self, entry: CharacteristicEntry) -> Characteristic:
        properties = Characteristic.Properties(0)
        for name in entry.properties:
            properties |= _PROPERTIES[name]
        characteristic = Characteristic(
            entry.uuid,
            properties,
            Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(
                read=lambda _connection: self._read(entry),
                write=lambda _connection, value: self._write(entry, bytes(value)),
            ),
        )
        characteristic.on(
            "subscription",
            lambda _bearer, notify, indicate: self._subscription(entry.role, notify or indicate),
        )
        self._by_role[entry.role] = characteristic
        return characteristic

    # -- what it answers -----------------------------------------------------------------------------------

    def _read(self, entry: CharacteristicEntry) -> bytes:
        battery = self.config.battery
        if battery is not None and entry.role == battery.characteristic:
            return self._battery(battery.format)
        return self._source.reads.get(entry.role, b"")

    def _battery(self, format_: str) -> bytes:
        fallen_pct = self._faults.battery_fall_pct_per_h * self._origin.elapsed_s() / 3600.0
        level_pct = max(0.0, self._faults.battery_pct - fallen_pct)
        # a lithium cell falls from about 4.2 to 3.3 V
        return encode_battery(format_, BatteryState(int(level_pct), 3.3 + 0.009 * level_pct, False))

    def _subscription(self, role: str, is_on: bool) -> None:
        (self._subscribed.add if is_on else self._subscribed.discard)(role)
        if not is_on and role in self._data_roles():
            self.stop_stream()
        self._start_when_ready()

    def _write(self, entry: CharacteristicEntry, value: bytes) -> None:
        for step in self.config.start:
            if step.characteristic != entry.role or step.action not in ("write", "negotiate"):
                continue
            refuse = self._faults.refuse_settings and step is self._commands()[-1]
            if step.action == "negotiate" and value.startswith(step.start_hex) and value != step.value:
                self._answer(step.start_reply, refuse)
                self._written.add(step.value)
            elif value == step.value:
                self._answer(step.reply, refuse and step.action == "write")
                if step.action == "write":
                    self._written.add(step.value)
        for step in self.config.stop:
            if step.characteristic == entry.role and step.action == "write" and value == step.value:
                self._answer(step.reply, False)
                self._written.clear()
                self.stop_stream()
        battery = self.config.battery
        if battery is not None and entry.role == battery.request_to and value == battery.request_hex:
            self._spawn(self._send(self._by_role[battery.characteristic], self._battery(battery.format)))
        self._start_when_ready()

    def _commands(self) -> list[Step]:
        return [step for step in self.config.start if step.action in ("write", "negotiate")]

    def _answer(self, reply: Reply | None, refuse: bool) -> None:
        if reply is None:
            if refuse:
                raise att.ATT_Error(error_code=att.ErrorCode.VALUE_NOT_ALLOWED)
            return
        answer = reply.example_hex or reply.prefix_hex
        if refuse and reply.prefix_hex:
            # the expected answer ends in its status; any other status is a refusal
            answer = reply.prefix_hex[:-1] + bytes([reply.prefix_hex[-1] ^ 0x05])
        characteristic = self._by_role[reply.characteristic]
        self._spawn(self._send(characteristic, answer))

    # -- what it streams -----------------------------------------------------------------------------------

    def _start_when_ready(self) -> None:
        commands = {step.value for step in self._commands()}
        if self._stream is None and self._data_roles() <= self._subscribed and commands <= self._written:
            if self._faults.refuse_settings and commands:
                return
            self._stream = asyncio.ensure_future(self._run_stream())

    def _data_roles(self) -> set[str]:
        return {packet.characteristic for packet in self.config.packets}

    def stop_stream(self) -> None:
        """Send nothing more on the link there is."""
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _run_stream(self) -> None:
        origin_s = self._origin.start()
        now_s = self._loop.time() - origin_s
        for outgoing in self._source.notifications(max(now_s, self._sent_until_s)):
            self.ledger.generated += 1
            self._sent_until_s = outgoing.ready_s
            arrivals = self._delivery.arrivals(outgoing.ready_s)
            try:
                for arrival_s in arrivals:
                    await asyncio.sleep(max(0.0, origin_s + arrival_s - self._loop.time()))
                    await self._send(self._by_role[outgoing.role], outgoing.payload)
            except asyncio.CancelledError:
                self.ledger.unheard += 1
                raise
            self.ledger.lost += not arrivals
            self.ledger.duplicated += len(arrivals) > 1
            self.ledger.delivered += bool(arrivals)

    async def _send(self, characteristic: Characteristic, payload: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if characteristic.properties & Characteristic.Properties.NOTIFY:
                await self._device.notify_subscriber(connection, characteristic, payload)
            else:
                await self._device.indicate_subscriber(connection, characteristic, payload)
        except (BaseBumbleError, TimeoutError):
            if self._connection is not None:
                raise
            _LOG.debug("%s: the connection ended while sending", self.sensor)
