"""A bleak backend whose radio is bumble's local link: scanner and client talk to emulated peripherals.

Passed through bleak's public ``backend=`` argument, so everything above runs the same bleak calls as with a real
adapter: advertising, connection, MTU exchange, service discovery and notifications go through bumble's stack.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.host import Host
from bumble.link import LocalLink

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


@dataclass
class Ether:
    """One shared local link with the central's adapter on it, and the state of the air to each peripheral."""

    link: LocalLink = field(default_factory=LocalLink)
    peers: dict[str, PeerState] = field(default_factory=dict)
    central: Device = field(init=False)
    _powered: bool = False

    def __post_init__(self) -> None:
        self.central = make_device("tallrun-host", "F0:F0:F0:F0:F0:F0", self.link)

    async def power_on(self) -> None:
        """Switch the central's adapter on; calling again does nothing."""
        if not self._powered:
            self._powered = True
            await self.central.power_on()

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

    def _on_advertisement(self, advertisement: Any) -> None:
        address = advertisement.address.to_string(False)
        peer = self.ether.peers.get(address)
        if peer is None:
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
        device = self.create_or_update_device(address, address, name, advertisement.address, found)
        self.call_detection_callbacks(device, found)


class _BumbleClient(BaseBleakClient):
    ether: Ether

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._leaving = False
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return self._connection.att_mtu if self._connection is not None else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        peer_state = self.ether.peers.get(self.address)
        if peer_state is None:
            raise BleakDeviceNotFoundError(self.address, f"no emulated sensor has the address {self.address}")
        await self.ether.power_on()
        if peer_state.hanging_connects > 0:
            peer_state.hanging_connects -= 1
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(peer_state.connect_delay_s)
        try:
            connection = await self.ether.central.connect(hci.Address(self.address), timeout=self._timeout)
        except (core.BaseBumbleError, TimeoutError) as error:
            raise BleakError(f"no connection to {self.address}: {error}") from error
        self._connection = connection
        self._leaving = False
        connection.on("disconnection", self._on_disconnection)
        try:
            self._peer = Peer(connection)
            await self._peer.request_mtu(ATT_MTU)
            self.services = await self._discover(self._peer)
        except core.BaseBumbleError as error:
            raise BleakError(f"no services from {self.address}: {error}") from error

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        await peer.discover_services()
        collection = BleakGATTServiceCollection()
        for service in peer.services:
            await service.discover_characteristics()
            ours = BleakGATTService(service, service.handle, uuid_text(service.uuid))
            collection.add_service(ours)
            for characteristic in service.characteristics:
                theirs = BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    uuid_text(characteristic.uuid),
                    list(gatt_char_props_to_strs(characteristic.properties)),
                    lambda: self.mtu_size - 3,
                    ours,
                )
                collection.add_characteristic(theirs)
        return collection

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._peer = None
        if not self._leaving and self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        connection = self._connection
        if connection is not None:
            self._leaving = True
            await connection.disconnect()
            self._connection = None

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise BleakError("the virtual radio has no bonding")

    async def unpair(self) -> None:
        raise BleakError("the virtual radio has no bonding")

    def _require_peer(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        self._require_peer()
        try:
            return bytearray(await characteristic.obj.read_value())
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        self._require_peer()
        try:
            await characteristic.obj.write_value(bytes(data), with_response=response)
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **kwargs: Any
    ) -> None:
        self._require_peer()

        def deliver(value: bytes) -> None:
            callback(bytearray(value))

        self._subscribers[characteristic.handle] = deliver
        await characteristic.obj.subscribe(deliver)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._require_peer()
        await characteristic.obj.unsubscribe(self._subscribers.pop(characteristic.handle, None))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        raise BleakError("the virtual radio serves no descriptors")

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        raise BleakError("the virtual radio serves no descriptors")
