"""What BlueZ tells and bleak does not: which sensors this computer is connected to already.

A program that is killed leaves its links open in BlueZ. Such a sensor does not advertise, so no scan finds it, but a
client made with BlueZ's own path of the device takes the link over at once.
"""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from tallrun.ble.sighting import Sighting
from tallrun.sensors.config import Advertisement

_DEVICE = "org.bluez.Device1"


async def connected_devices() -> list[Sighting]:
    """Return every device BlueZ is connected to. Raises what D-Bus raises."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/",
                interface="org.freedesktop.DBus.ObjectManager",
                member="GetManagedObjects",
            )
        )
    finally:
        bus.disconnect()
    if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
        return []
    found = []
    for path, interfaces in reply.body[0].items():
        if _DEVICE not in interfaces:
            continue
        props = {key: variant.value for key, variant in interfaces[_DEVICE].items()}
        if not props.get("Connected"):
            continue
        name = props.get("Name")
        advertisement = Advertisement(
            name, tuple(props.get("UUIDs", ())), tuple(props.get("ManufacturerData", ()))
        )
        device = BLEDevice(props["Address"], name, {"path": path, "props": props})
        found.append(Sighting(props["Address"], advertisement, None, device))
    return found
