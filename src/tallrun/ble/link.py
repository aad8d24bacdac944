"""The one door to bleak: scan, connect, subscribe, read, write.

Notification callbacks stamp the packet with the event loop's clock and put it into the queue, nothing else.
Every call of bleak goes through ``_told`` or ``_ask``, which let nothing out but our own troubles: systems raise
bleak's errors, D-Bus's, ``OSError``, ``EOFError`` and failed assertions when a link or a service dies under a call.
Every wait for the system's Bluetooth has our own limit, and scans and connections take turns under one lock
(BlueZ answers "InProgress" otherwise).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakGATTProtocolError,
)

from tallrun.ble.sequence import Answers
from tallrun.ble.sighting import Sighting
from tallrun.ble.troubles import AdapterError, AdapterState, LinkError, RefusedError, Trouble
from tallrun.ble.watchdog import guarded
from tallrun.errors import TallrunError
from tallrun.sensors.config import Advertisement
from tallrun.sensors.events import Packet

T = TypeVar("T")

_REASONS: dict[BleakBluetoothNotAvailableReason, Trouble] = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "no_adapter",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "no_low_energy",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "powered_off",
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: "permission_denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: "permission_denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "permission_denied",
}
_DBUS: dict[str, Trouble] = {
    "org.freedesktop.DBus.Error.AccessDenied": "permission_denied",
    "org.freedesktop.DBus.Error.ServiceUnknown": "no_service",
    "org.freedesktop.DBus.Error.NameHasNoOwner": "no_service",
    "org.bluez.Error.NotReady": "powered_off",
}
_UNLIKELY_ERROR = 0x0E
_SYSTEM = "Bluetooth"  # stands for the sensor in calls that concern none


@dataclass(frozen=True)
class Limits:
    """Longest waits [s].

    silence_s : how long a streaming inertial sensor may say nothing before it counts as lost.
    battery_every_s : how often the battery is asked for.
    """

    connect_s: float = 20.0
    call_s: float = 8.0
    find_s: float = 12.0
    silence_s: float = 4.0
    retry_s: float = 2.0
    battery_every_s: float = 300.0


FindHeld = Callable[[], Awaitable[list[Sighting]]]


@dataclass
class Radio:
    """Which Bluetooth to use: the system's, or the classes of a virtual one (bleak's ``backend=``).

    find_held : lists the devices the system is connected to; None for the system's own way, where it has one.
    """

    scanner_class: type[BaseBleakScanner] | None = None
    client_class: type[BaseBleakClient] | None = None
    limits: Limits = Limits()
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    find_held: FindHeld | None = None


def adapter_trouble(error: BaseException) -> AdapterError | None:
    """Return what ``error`` says about this machine's Bluetooth; None when it is about one sensor."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        if "authentication failed" in str(error.args[0]):  # the message bus knows another user id
            return AdapterError("user_refused", str(error.args[0]))
        return AdapterError(_REASONS.get(error.reason, "unknown"), str(error.args[0]))
    if isinstance(error, BleakDBusError) and error.dbus_error in _DBUS:
        return AdapterError(_DBUS[error.dbus_error], error.dbus_error)
    if type(error).__name__ in ("AuthError", "AuthTimeoutError"):  # dbus-fast's, which only Linux has
        return AdapterError("user_refused", str(error))
    if isinstance(error, PermissionError):
        return AdapterError("permission_denied", error.strerror or "")
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return AdapterError("no_service", error.strerror or "")  # no system bus socket: no BlueZ to talk to
    return None


@contextmanager
def _told(sensor: str, doing: str) -> Iterator[None]:
    """Let nothing out of a block that calls bleak but our own troubles."""
    try:
        yield
    except TallrunError:
        raise
    except BleakCharacteristicNotFoundError as error:
        raise LinkError(
            sensor,
            f"{sensor}: the sensor no longer offers what its config reads; its firmware may have changed: "
            "pair it again",
            command=f" (tallrun pair {sensor})",
        ) from error
    except Exception as error:
        trouble = adapter_trouble(error)
        why = f"{error}" or type(error).__name__
        raise trouble or LinkError(sensor, f"{sensor}: {doing} failed: {why}") from error


async def _ask(call: Callable[[], Awaitable[T]], timeout_s: float, sensor: str, doing: str) -> T:
    """Make one call of bleak, and wait for it no longer than ``timeout_s``. Raises our own troubles only."""
    with _told(sensor, doing):
        return await guarded(call(), timeout_s, sensor, doing)


async def scan(radio: Radio, duration_s: float, until_heard: Collection[str] = ()) -> list[Sighting]:
    """Return the devices heard within ``duration_s``, strongest first.

    Ends early once all addresses of ``until_heard`` were heard. Those of them that the system is connected to
    (an earlier program ended without closing its links) cannot be heard; they are returned without one.

    Raises AdapterError when Bluetooth cannot be used.
    """
    heard: dict[str, Sighting] = {}
    found = asyncio.Event()
    wanted = set(until_heard)

    def hear(device: BLEDevice, data: AdvertisementData) -> None:
        earlier = heard.get(device.address)
        name = data.local_name or device.name or (earlier.advertisement.name if earlier else None)
        advertisement = Advertisement(name, tuple(data.service_uuids), tuple(data.manufacturer_data))
        heard[device.address] = Sighting(device.address, advertisement, data.rssi, device)
        if wanted and heard.keys() >= wanted:
            found.set()

    call_s = radio.limits.call_s
    async with radio.lock:
        taken = [item for item in await held(radio) if item.address in wanted] if wanted else []
        wanted -= {item.address for item in taken}
        if taken and not wanted:
            return taken
        with _told(_SYSTEM, "the scan"):
            scanner = BleakScanner(hear, backend=radio.scanner_class)
        await _ask(scanner.start, call_s, _SYSTEM, "starting a scan")
        try:
            async with asyncio.timeout(duration_s):
                await found.wait()
        except TimeoutError:
            pass
        finally:
            try:
                await _ask(scanner.stop, call_s, _SYSTEM, "ending a scan")
            except (LinkError, AdapterError):
                pass  # what was heard was heard; what is wrong with Bluetooth the next call says
    return sorted([*heard.values(), *taken], key=lambda sighting: -(sighting.rssi_dbm or 0))


async def held(radio: Radio) -> list[Sighting]:
    """Return the devices this system holds a connection to; empty where the system does not tell. Never raises."""
    if radio.find_held is not None:
        find = radio.find_held
    elif radio.scanner_class is None and sys.platform.startswith("linux"):
        from tallrun.ble.bluez import connected_devices

        find = connected_devices
    else:
        return []
    try:
        return await _ask(find, radio.limits.call_s, _SYSTEM, "asking for open connections")
    except (LinkError, AdapterError):
        return []  # the scan that follows says what is wrong


async def adapter_state(radio: Radio) -> AdapterState:
    """Say whether Bluetooth can be used, by starting a very short scan."""
    try:
        await scan(radio, 0.2)
    except AdapterError as error:
        return AdapterState(False, str(error).split(". What to do")[0] + ".", error.remedy)
    except LinkError as error:
        return AdapterState(False, str(error), "switch Bluetooth off and on, then try again")
    return AdapterState(True, "Bluetooth is there and can scan.")


class SensorLink:
    """A connection to one sensor; the ``Port`` a start sequence runs on.

    Its callbacks are called from the event loop's thread: ``on_packet`` with everything received, ``on_lost``
    when the sensor is gone, ``on_late`` for each notification that still came after that and was ignored.
    """

    def __init__(
        self,
        sensor: str,
        radio: Radio,
        on_packet: Callable[[Packet], None],
        on_lost: Callable[[], None],
        on_late: Callable[[], None] = lambda: None,
        start_s: float = 0.0,
    ) -> None:
        self.sensor = sensor
        self._radio = radio
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._on_late = on_late
        self._start_s = start_s
        self._loop = asyncio.get_running_loop()
        self._client: BleakClient | None = None
        self._is_open = False
        self._waiting: dict[str, Answers] = {}

    async def connect(self, sighting: Sighting) -> None:
        """Connect and discover services. Raises LinkError, or AdapterError when it is Bluetooth itself."""
        limits = self._radio.limits
        with _told(self.sensor, "connecting"):
            client = self._client = BleakClient(
                sighting.device,
                disconnected_callback=self._disconnected,
                timeout=limits.connect_s,
                backend=self._radio.client_class,
            )
        async with self._radio.lock:
            try:
                await self._call(client.connect, limits.connect_s, "connecting")
            except LinkError:
                # a connection that comes up after we gave up would keep the sensor from advertising again
                await self._quietly(client.disconnect)
                raise
        with _told(self.sensor, "connecting"):
            is_connected = client.is_connected
        if not is_connected:
            raise self._was_lost()
        self._is_open = True

    def has(self, uuid: str) -> bool:
        """Say whether the sensor offers the characteristic ``uuid``. Raises LinkError once the link is gone."""
        with _told(self.sensor, "looking at its services"):
            return self._require().services.get_characteristic(uuid) is not None

    async def subscribe(self, uuid: str) -> None:
        """Switch notifications on; each one is stamped and queued."""

        def notified(_: Any, data: bytearray) -> None:
            if not self._is_open:
                self._on_late()
                return
            self._deliver(uuid, bytes(data))

        client = self._require()
        await self._call(
            lambda: client.start_notify(uuid, notified), self._radio.limits.call_s, "subscribing"
        )

    async def unsubscribe(self, uuid: str) -> None:
        """Switch notifications off."""
        client = self._require()
        await self._call(lambda: client.stop_notify(uuid), self._radio.limits.call_s, "unsubscribing")

    async def read(self, uuid: str) -> bytes:
        """Read a value and queue it like a notification."""
        client = self._require()
        value = await self._call(lambda: client.read_gatt_char(uuid), self._radio.limits.call_s, "reading")
        self._deliver(uuid, bytes(value))
        return bytes(value)

    async def write(self, uuid: str, value: bytes, with_response: bool) -> None:
        """Write a value; raises RefusedError when the sensor answers with an error."""
        client = self._require()
        try:
            await self._call(
                lambda: client.write_gatt_char(uuid, value, response=with_response),
                self._radio.limits.call_s,
                "writing",
            )
        except LinkError as error:
            cause = error.__cause__
            # BlueZ answers "unlikely error" for the sensor when the link breaks under a write
            is_answer = isinstance(cause, BleakGATTProtocolError) and cause.args[0] != _UNLIKELY_ERROR
            if is_answer and self._is_open and cause is not None:
                told = f"{self.sensor}: the sensor refused '{value[:16].hex(' ')}' ({cause.args[1]})"
                raise RefusedError(self.sensor, told) from error
            raise

    @contextmanager
    def answers(self, uuid: str) -> Iterator[Answers]:
        """Collect the notifications of ``uuid`` while open, beside the queue."""
        collected = self._waiting[uuid] = Answers()
        try:
            yield collected
        finally:
            del self._waiting[uuid]

    async def close(self) -> None:
        """Disconnect; notifications that still come are ignored. Never raises."""
        self._is_open = False
        client, self._client = self._client, None
        if client is not None:
            await self._quietly(client.disconnect)

    def _deliver(self, uuid: str, payload: bytes) -> None:
        self._on_packet(Packet(self._loop.time() - self._start_s, self.sensor, uuid, payload))
        waiting = self._waiting.get(uuid)
        if waiting is not None:
            waiting.add(payload)

    def _disconnected(self, client: BleakClient) -> None:
        if client is self._client and self._is_open:
            self._is_open = False
            self._on_lost()

    def _require(self) -> BleakClient:
        if self._client is None or not self._is_open:
            raise self._was_lost()
        return self._client

    def _was_lost(self) -> LinkError:
        return LinkError(self.sensor, f"{self.sensor}: the connection was lost")

    async def _call(self, call: Callable[[], Awaitable[T]], timeout_s: float, doing: str) -> T:
        return await _ask(call, timeout_s, self.sensor, doing)

    async def _quietly(self, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await self._call(call, self._radio.limits.call_s, "disconnecting")
        except (LinkError, AdapterError):
            pass  # it is gone either way; the next connection starts from a fresh scan


@asynccontextmanager
async def connected(link: SensorLink, sighting: Sighting) -> AsyncIterator[SensorLink]:
    """Connect ``link`` for the length of a block."""
    try:
        await link.connect(sighting)
        yield link
    finally:
        await link.close()
