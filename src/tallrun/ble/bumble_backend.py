"""A bleak backend whose radio is bumble's local link: scanner and client talk to emulated peripherals.

Passed through bleak's public ``backend=`` argument, so everything above runs the same bleak calls as with a real
adapter: advertising, connection, MTU exchange, service discovery and notifications go through bumble's stack.

It is as rude as the real backends are, by their sources. All: the services are gone at a disconnect, calls that were
under way fail, and a link may be half open (nothing comes, nothing is answered). ``bluez``: 20 bytes a packet are told
whatever the link carries, and a link the program did not close stays with the system. ``corebluetooth``: identities
are UUIDs, not addresses. All, when told so: Bluetooth is switched off or its service dies, links and calls with it,
and it may come back. ``winrt``: services come from the system's cache, and a lost link is told late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid5

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bumble import att, core, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy
from bumble.host import Host
from bumble.link import LocalLink

from tallrun.ble.sighting import Sighting
from tallrun.sensors.config import Advertisement

T = TypeVar("T")
System = Literal["bluez", "corebluetooth", "winrt"]
Away = Literal["powered_off", "no_service"]

_TOLD_LATE_S = 3.0  # how long Windows takes to tell that a link is lost
_IDENTITIES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
ATT_MTU = 247  # 244-byte notifications, what data length extension carries in one link-layer packet
SIG_BASE = "-0000-1000-8000-00805f9b34fb"

# bumble reports a closed connection's pending requests as warnings; the callers here raise them as errors
logging.getLogger("bumble").setLevel(logging.CRITICAL)


def make_device(name: str, address: str, link: LocalLink) -> Device:
    """Return a bumble device with its own host and controller on ``link``; not yet powered on."""
    controller = Controller(name, link=link)
    # one link-layer packet per notification instead of ten 27-byte fragments
    controller.le_acl_data_packet_length = 251
    controller.acl_data_packet_length = 251
    host = Host()
    host.controller = controller
    config = DeviceConfiguration(name=name, address=hci.Address(address), gatt_service_enabled=False)
    return Device(config=config, host=host)


@dataclass
class PeerState:
    """What the air between the central and one peripheral does; set by the emulated peripheral."""

    address: str
    rssi_dbm: int = -55
    connect_delay_s: float = 0.0
    hanging_connects: int = 0  # so many connection attempts never return
    is_half_open: bool = False  # connected, but nothing comes and nothing is answered


@dataclass
class Ether:
    """One shared local link with the central's adapter on it, and the state of the air to each peripheral."""

    link: LocalLink = field(default_factory=LocalLink)
    peers: dict[str, PeerState] = field(default_factory=dict)
    system: System = "bluez"
    central: Device = field(init=False)
    clients: dict[str, _BumbleClient] = field(default_factory=dict)  # connected ones, by address
    cache: dict[str, list[ServiceProxy]] = field(default_factory=dict)
    away: Away | None = None
    _powered: bool = False

    def __post_init__(self) -> None:
        self.central = make_device("tallrun-host", "F0:F0:F0:F0:F0:F0", self.link)

    async def leave(self, away: Away | None) -> None:
        """Switch Bluetooth off or let its service die, links and calls under way with it; None brings it back."""
        self.away = away
        if away is not None:
            for client in list(self.clients.values()):
                await client.lose()

    def require_there(self) -> None:
        """Raise what this system's bleak raises while Bluetooth is away."""
        if self.away == "powered_off":
            raise BleakBluetoothNotAvailableError(
                "switched off", BleakBluetoothNotAvailableReason.POWERED_OFF
            )
        if self.away == "no_service":
            raise BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["org.bluez is not there"])

    async def power_on(self) -> None:
        """Switch the central's adapter on; calling again does nothing. Raises what bleak does while it is away."""
        self.require_there()
        if not self._powered:
            self._powered = True
            await self.central.power_on()

    def identity(self, address: str) -> str:
        """Return what this system calls the device with ``address``."""
        return str(uuid5(_IDENTITIES, address)).upper() if self.system == "corebluetooth" else address

    def address(self, identity: str) -> str:
        """Return the address behind an identity."""
        return next((known for known in self.peers if self.identity(known) == identity), identity)

    async def connected_devices(self) -> list[Sighting]:
        """Return the devices the system is connected to: the virtual radio's ``find_held``."""
        if self.system != "bluez":
            return []
        return [
            Sighting(address, Advertisement(None), None, BLEDevice(address, None, None))
            for address in self.peers
            if self.connection(address) is not None
        ]

    def connection(self, address: str) -> Connection | None:
        """Return the central's open connection to ``address``."""
        return next(
            (
                item
                for item in self.central.connections.values()
                if item.peer_address.to_string(False) == address
            ),
            None,
        )

    async def cut(self, address: str) -> None:
        """Lose the link to ``address``: the client knows at once, as at a supervision timeout."""
        client = self.clients.get(address)
        if client is not None:
            await client.lose()

    def scanner_class(self) -> type[BaseBleakScanner]:
        """Return the scanner class to hand to bleak's ``backend=``."""
        return type("VirtualScanner", (_BumbleScanner,), {"ether": self})

    def client_class(self) -> type[BaseBleakClient]:
        """Return the client class to hand to bleak's ``backend=``."""
        return type("VirtualClient", (_BumbleClient,), {"ether": self})


def uuid_text(uuid: core.UUID) -> str:
    """Return a bumble UUID as bleak writes it: 128 bits, lower case, with dashes."""
    text = uuid.to_hex_str("-").lower()
    if len(text) == 4:
        return f"0000{text}{SIG_BASE}"
    return f"{text}{SIG_BASE}" if len(text) == 8 else text


class _BumbleScanner(BaseBleakScanner):
    ether: Ether

    def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: Any, **_: Any) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.seen_devices = {}
        await self.ether.power_on()
        self.ether.central.on("advertisement", self._on_advertisement)
        await self.ether.central.start_scanning(active=False)

    async def stop(self) -> None:
        self.ether.central.remove_listener("advertisement", self._on_advertisement)
        await self.ether.central.stop_scanning()
        self.ether.require_there()

    def _on_advertisement(self, advertisement: Any) -> None:
        address = advertisement.address.to_string(False)
        peer = self.ether.peers.get(address)
        if peer is None or self.ether.away is not None:
            return
        data = advertisement.data
        uuids: list[str] = []
        for kind in (
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        ):
            for group in data.get_all(kind):
                uuids.extend(uuid_text(uuid) for uuid in group)
        manufacturer: dict[int, bytes] = dict(data.get_all(AdvertisingData.MANUFACTURER_SPECIFIC_DATA))
        service_data = {
            uuid_text(uuid): bytes(value)
            for uuid, value in data.get_all(AdvertisingData.SERVICE_DATA_16_BIT_UUID)
        }
        name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
        found = AdvertisementData(
            local_name=name,
            manufacturer_data=manufacturer,
            service_data=service_data,
            service_uuids=uuids,
            tx_power=None,
            rssi=peer.rssi_dbm,
            platform_data=(),
        )
        if not self.is_allowed_uuid(uuids):
            return
        identity = self.ether.identity(address)
        device = self.create_or_update_device(identity, identity, name, advertisement.address, found)
        self.call_detection_callbacks(device, found)


class _BumbleClient(BaseBleakClient):
    ether: Ether

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._air = PeerState("")
        self._lost: asyncio.Future[None]
        self._leaving = False
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        if self._connection is None or self.ether.system == "bluez":
            return att.ATT_DEFAULT_MTU
        return self._connection.att_mtu

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        address = self.ether.address(self.address)
        peer_state = self.ether.peers.get(address)
        if peer_state is None:
            raise BleakDeviceNotFoundError(self.address, f"no emulated sensor is called {self.address}")
        await self.ether.power_on()
        if peer_state.hanging_connects > 0:
            peer_state.hanging_connects -= 1
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(peer_state.connect_delay_s)
        self.ether.require_there()
        connection = self.ether.connection(address)
        try:
            if connection is None:
                connection = await self.ether.central.connect(hci.Address(address), timeout=self._timeout)
        except (core.BaseBumbleError, TimeoutError) as error:
            raise BleakError(f"no connection to {self.address}: {error}") from error
        self._connection, self._air = connection, peer_state
        self._lost = asyncio.get_running_loop().create_future()
        self._leaving = False
        self.ether.clients[address] = self
        connection.on("disconnection", self._on_disconnection)
        self._peer = peer = Peer(connection)
        if connection.att_mtu == att.ATT_DEFAULT_MTU:
            await self._answered(peer.request_mtu(ATT_MTU))
        known = self.ether.cache.get(address) if self.ether.system == "winrt" else None
        if known is None:
            known = self.ether.cache[address] = await self._answered(self._discover(peer))
        services = self._collection(peer, known)
        if self._connection is not None:
            self.services = services

    async def _answered(self, call: Awaitable[T]) -> T:
        """Return what the peer answers; as on real systems the call fails when the link is lost meanwhile."""
        task = asyncio.ensure_future(call)
        try:
            if self._air.is_half_open:
                await asyncio.wait({self._lost})
            both: set[asyncio.Future[Any]] = {task, self._lost}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if not task.done() or task.cancelled():
            self.ether.require_there()
            raise BleakError("Not connected")
        try:
            return task.result()
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.BaseBumbleError as error:
            raise BleakError(f"{self.address}: {error}") from error

    async def _discover(self, peer: Peer) -> list[ServiceProxy]:
        await peer.discover_services()
        for service in peer.services:
            await service.discover_characteristics()
        return peer.services

    def _collection(self, peer: Peer, known: list[ServiceProxy]) -> BleakGATTServiceCollection:
        """Return bleak's view of ``known`` services, which may have been found over an earlier connection."""
        collection = BleakGATTServiceCollection()
        for service in known:
            ours = BleakGATTService(service, service.handle, uuid_text(service.uuid))
            collection.add_service(ours)
            for found in service.characteristics:
                proxy: CharacteristicProxy[bytes] = CharacteristicProxy(
                    peer.gatt_client, found.handle, found.end_group_handle, found.uuid, found.properties
                )
                theirs = BleakGATTCharacteristic(
                    proxy,
                    found.handle,
                    uuid_text(found.uuid),
                    list(gatt_char_props_to_strs(found.properties)),
                    lambda: self.mtu_size - 3,
                    ours,
                )
                collection.add_characteristic(theirs)
        return collection

    def _on_disconnection(self, _reason: int) -> None:
        if self._connection is None:
            return
        self._connection = self._peer = None
        self.services = None
        self.ether.clients.pop(self.ether.address(self.address), None)
        if not self._lost.done():
            self._lost.set_result(None)
        if self._leaving or self._disconnected_callback is None:
            return
        late_s = _TOLD_LATE_S if self.ether.system == "winrt" else 0.0
        asyncio.get_running_loop().call_later(late_s, self._disconnected_callback)

    async def lose(self) -> None:
        """Lose the link as at a supervision timeout."""
        connection = self._connection
        if connection is not None:
            self._on_disconnection(0x08)
            await connection.disconnect()

    async def disconnect(self) -> None:
        connection = self._connection
        if connection is not None:
            self._leaving = True
            await connection.disconnect()
            self._on_disconnection(0x16)

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise BleakError("the virtual radio has no bonding")

    async def unpair(self) -> None:
        raise BleakError("the virtual radio has no bonding")

    def _require(self, call: Awaitable[T]) -> Awaitable[T]:
        if self._connection is None:
            asyncio.ensure_future(call).cancel()
            raise BleakError("Not connected")
        return self._answered(call)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray(await self._require(characteristic.obj.read_value()))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        await self._require(characteristic.obj.write_value(bytes(data), with_response=response))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **kwargs: Any
    ) -> None:
        def deliver(value: bytes) -> None:
            if self._connection is not None and not self._air.is_half_open:
                callback(bytearray(value))

        self._subscribers[characteristic.handle] = deliver
        await self._require(characteristic.obj.subscribe(deliver))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        subscriber = self._subscribers.pop(characteristic.handle, None)
        await self._require(characteristic.obj.unsubscribe(subscriber))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        raise BleakError("the virtual radio serves no descriptors")

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        raise BleakError("the virtual radio serves no descriptors")
