"""Scanners that fail the way systems do."""

from __future__ import annotations

from typing import Any

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError


def broken_scanner() -> type[BaseBleakScanner]:
    """A scanner on a machine whose Bluetooth is switched off."""

    class Broken(BaseBleakScanner):
        def __init__(self, callback: Any, uuids: Any, mode: Any, **kwargs: Any) -> None:
            super().__init__(callback, uuids)

        async def start(self) -> None:
            raise BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF)

        async def stop(self) -> None: ...

    return Broken


def dead_client() -> Any:
    """A client on a machine whose Bluetooth service has died."""

    def dead(*args: Any, **kwargs: Any) -> BaseBleakClient:
        raise BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["org.bluez is not there"])

    return dead
