"""The air around the guest: emulated sensors, and a bumble controller that is the guest's Bluetooth adapter.

    python tests/bluez/air.py FOLDER HCI_PORT BUS_PORT OTHER_BUS_PORT SESSION

Serves the guest's system bus as the unix sockets FOLDER/bus (root) and FOLDER/other_bus (user 1000), and obeys lines on
FOLDER/air: ``cut PLACE``, ``cut_after PLACE PACKETS``, ``swap PLACE CONFIG``, ``mtu PLACE BYTES``,
``shift PLACE``, ``unplug``, ``plug``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from bumble import hci, ll
from bumble.controller import Controller
from bumble.gatt import Characteristic, Service
from bumble.transport.tcp_client import open_tcp_client_transport

from tallrun.ble.faults import FaultScript, SensorFaults
from tallrun.ble.peripheral import EmulatedSensor
from tallrun.ble.radio import VirtualRadio
from tallrun.ble.sources import make_source
from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import ConfigSet
from tallrun.sessions import read_session

REPEATS = 20


class Adapter(Controller):
    """bumble's controller with what Linux expects of one and it lacks, and links that can be cut after n packets."""

    cut_after: dict[str, int]

    # bumble sends from the random address only; BlueZ connects from the public one
    random_address = property(lambda self: self.public_address, lambda self, address: None)

    def send_hci_packet(self, packet: Any) -> None:
        """Send the enhanced event, which Linux waits for with a controller that can advertise in the extended way."""
        if isinstance(packet, hci.HCI_LE_Connection_Complete_Event):
            same = (
                "status connection_handle role peer_address_type peer_address connection_interval "
                "peripheral_latency supervision_timeout central_clock_accuracy"
            )
            packet = hci.HCI_LE_Enhanced_Connection_Complete_Event(
                local_resolvable_private_address=hci.Address.ANY,
                peer_resolvable_private_address=hci.Address.ANY,
                **{name: getattr(packet, name) for name in same.split()},
            )
        super().send_hci_packet(packet)

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> Any:
        """End the connection that was being made, too; bumble only says that it will."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        ended = hci.HCI_LE_Connection_Complete_Event(
            status=0x02,
            connection_handle=0,
            role=0,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_link_acl_data(self, sender_address: Any, transport: Any, data: bytes) -> None:
        """Pass a packet on to the host, and lose the link when it was the last one allowed."""
        super().on_link_acl_data(sender_address, transport, data)
        address = sender_address.to_string(False)
        if address in self.cut_after:
            self.cut_after[address] -= 1
            if self.cut_after[address] <= 0:
                del self.cut_after[address]
                connection = self.le_connections.get(sender_address)
                if connection is not None:
                    self.on_le_disconnected(connection, 0x08)  # supervision timeout
                    connection.send_ll_control_pdu(ll.TerminateInd(0x13))


class Air:
    """The sensors and the adapter, and what the tests do to them."""

    def __init__(self, hci_port: int, session: Path) -> None:
        self._hci_port = hci_port
        self._configs = ConfigSet.from_texts(firmware_config_texts())
        self._recording = read_session(session)
        self._radio = VirtualRadio(self._configs, self._recording, repeats=REPEATS)
        self._cut_after: dict[str, int] = {}
        self._adapter: Adapter
        self._transport: Any

    async def start(self) -> None:
        """Switch the sensors on and plug the adapter in."""
        await self._radio.switch_on()
        await self.plug()

    async def plug(self) -> None:
        """Plug the adapter into the guest."""
        self._transport = await open_tcp_client_transport(f"127.0.0.1:{self._hci_port}")
        link = self._radio._ether.link
        self._adapter = Adapter(
            "guest", self._transport.source, self._transport.sink, link, "00:1B:DC:00:00:01"
        )
        self._adapter.le_acl_data_packet_length = self._adapter.acl_data_packet_length = 251
        self._adapter.cut_after = self._cut_after

    async def unplug(self) -> None:
        """Pull the adapter out; its links end."""
        for connection in list(self._adapter.le_connections.values()):
            command = hci.HCI_Disconnect_Command(connection_handle=connection.handle, reason=0x13)
            self._adapter.on_hci_disconnect_command(command)
        await asyncio.sleep(0.05)
        self._radio._ether.link.remove_controller(self._adapter)
        await self._transport.close()

    async def hush(self) -> None:
        """Let no sensor advertise."""
        for sensor in self._radio.sensors.values():
            await sensor._device.stop_advertising()

    async def wake(self) -> None:
        """Let the sensors advertise again."""
        for sensor in self._radio.sensors.values():
            await sensor._advertise()

    async def cut(self, place: str) -> None:
        """Let the sensor drop its link."""
        connection = self._radio.sensors[place]._connection
        if connection is not None:
            await connection.disconnect()

    async def cut_after(self, place: str, packets: str) -> None:
        """Lose the next link to the sensor after so many packets."""
        self._cut_after[self._radio.sensors[place].address] = int(packets)

    async def swap(self, place: str, config: str) -> None:
        """Give the sensor another firmware, at the same address."""
        await self._replace(place, config, SensorFaults())

    async def mtu(self, place: str, size: str) -> None:
        """Let the sensor agree to packets of ``size`` bytes only.

        Small packets hold one sample: at the full rate they keep a slow guest so busy that it reaches no other sensor.
        """
        faults = SensorFaults(mtu=int(size), keep_every=8 if int(size) < 100 else 1)
        await self._replace(place, self._radio.sensors[place].config.name, faults)

    async def shift(self, place: str) -> None:
        """Give the sensor a service more, before its others: all their handles move, the address stays."""
        more = Service("FEED", [Characteristic("FEEE", Characteristic.READ, Characteristic.READABLE, b"1")])
        await self._replace(place, self._radio.sensors[place].config.name, SensorFaults(), (more,))

    async def _replace(
        self, place: str, config_name: str, faults: SensorFaults, first: tuple[Service, ...] = ()
    ) -> None:
        radio, old = self._radio, self._radio.sensors[place]
        await old.switch_off()
        radio._ether.link.remove_controller(old._device.host.controller)
        config = self._configs.get(config_name)
        source = make_source(config, place, self._recording, faults, REPEATS)
        dice = FaultScript().dice(place)
        new = EmulatedSensor(place, old.address, config, source, radio._ether, faults, dice, radio._origin)
        radio.sensors[place] = new
        for service in first:
            new._device.add_service(service)
        await new.switch_on()


async def serve_bus(path: Path, port: int) -> None:
    """Serve a TCP port of the guest as a unix socket, which is what bleak asks for."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest_reader, guest_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, guest_writer), pump(guest_reader, writer))

    await asyncio.start_unix_server(join, path)


async def main(folder: Path, hci_port: int, bus_port: int, other_bus_port: int, session: Path) -> None:
    """Serve until the process is ended."""
    air = Air(hci_port, session)
    await serve_bus(folder / "bus", bus_port)
    await serve_bus(folder / "other_bus", other_bus_port)

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, *words = (await reader.readline()).decode().split()
        try:
            await asyncio.wait_for(getattr(air, name)(*words), 10)
            writer.write(b"ok\n")
        except Exception as error:
            writer.write(f"{error!r}\n".encode())
        writer.close()

    await air.start()
    await asyncio.start_unix_server(obey, folder / "air")
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), Path(sys.argv[5])))
