"""The door to bleak, with a client that does what the worst systems do."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast.errors import AuthError

import tallrun.ble
from tallrun.ble import (
    AdapterError,
    Limits,
    LinkError,
    Packet,
    Radio,
    RefusedError,
    Sighting,
    adapter_state,
    scan,
)
from tallrun.ble.clock import run_virtual
from tallrun.ble.link import SensorLink, adapter_trouble
from tallrun.ble.packets import PacketQueue
from tallrun.ble.troubles import REMEDY, WHAT, this_system
from tallrun.ble.watchdog import guarded
from tallrun.sensors.config import Advertisement

UUID = "00002a37-0000-1000-8000-00805f9b34fb"
LIMITS = Limits(connect_s=3.0, call_s=1.0)


class StubClient(BaseBleakClient):
    """A client with one characteristic; class attributes say what goes wrong."""

    connect_error: BaseException | None = None
    hang: str = ""
    write_error: BaseException | None = None
    made: ClassVar[list[StubClient]] = []

    def __init__(self, device: BLEDevice, **kwargs: Any) -> None:
        super().__init__(device, **kwargs)
        self.up = False
        self.callback: Any = None
        type(self).made.append(self)

    @property
    def mtu_size(self) -> int:
        return 23

    @property
    def is_connected(self) -> bool:
        return self.up

    async def _maybe_hang(self, name: str) -> None:
        while self.hang == name:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                if name != "connect":
                    raise  # a hanging connect ignores being cancelled, as on Windows

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        await self._maybe_hang("connect")
        if self.connect_error:
            raise self.connect_error
        self.up = True
        self.services = BleakGATTServiceCollection()
        service = BleakGATTService(None, 1, "0000180d-0000-1000-8000-00805f9b34fb")
        self.services.add_service(service)
        self.services.add_characteristic(
            BleakGATTCharacteristic(None, 2, UUID, ["read", "notify"], lambda: 20, service)
        )

    async def disconnect(self) -> None:
        self.up = False

    async def pair(self, *args: Any, **kwargs: Any) -> None: ...

    async def unpair(self) -> None: ...

    async def read_gatt_char(self, characteristic: Any, **kwargs: Any) -> bytearray:
        await self._maybe_hang("read")
        return bytearray(b"\x57")

    async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
        if self.write_error:
            raise self.write_error

    async def start_notify(self, characteristic: Any, callback: Any, **kwargs: Any) -> None:
        self.callback = callback

    async def stop_notify(self, characteristic: Any) -> None: ...

    async def read_gatt_descriptor(self, descriptor: Any, **kwargs: Any) -> bytearray:
        return bytearray()

    async def write_gatt_descriptor(self, descriptor: Any, data: Any) -> None: ...


class StubScanner(BaseBleakScanner):
    error: BaseException | None = None

    def __init__(self, callback: Any, uuids: Any, mode: Any, **kwargs: Any) -> None:
        super().__init__(callback, uuids)

    async def start(self) -> None:
        if self.error:
            raise self.error

    async def stop(self) -> None: ...


def stub(**attributes: Any) -> type[StubClient]:
    return type("Stub", (StubClient,), {"made": [], **attributes})


SIGHTING = Sighting("AA", Advertisement("strap"), -60, BLEDevice("AA", "strap", None))


def run_link(client_class: type[StubClient], use: Any) -> tuple[list[Packet], list[str]]:
    got: list[Packet] = []
    told: list[str] = []

    async def main() -> None:
        radio = Radio(None, client_class, LIMITS)
        link = SensorLink(
            "heart_rate", radio, got.append, lambda: told.append("lost"), lambda: told.append("late")
        )
        await use(link, client_class)

    run_virtual(main())
    return got, told


def test_notifications_are_stamped_and_handed_on_and_late_ones_ignored() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        await link.subscribe(UUID)
        await asyncio.sleep(2.5)
        client = made.made[0]
        client.callback(bytearray(b"\x00\x50"))
        await link.close()
        client.callback(bytearray(b"\x00\x51"))

    got, told = run_link(stub(), use)
    assert [(packet.sensor, packet.characteristic, packet.payload) for packet in got] == [
        ("heart_rate", UUID, b"\x00\x50")
    ]
    assert got[0].host_time_s == pytest.approx(1002.5)
    assert told == ["late"]


def test_a_lost_connection_is_told_once_and_later_calls_say_so() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        made.made[0]._disconnected_callback()
        made.made[0]._disconnected_callback()
        with pytest.raises(LinkError, match="connection was lost"):
            await link.read(UUID)

    assert run_link(stub(), use)[1] == ["lost"]


def test_a_connect_that_ignores_cancelling_is_still_given_up() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        with pytest.raises(LinkError, match="connecting took longer than 3 s"):
            await link.connect(SIGHTING)
        assert loop.time() - begin_s == pytest.approx(3.0)
        made.hang = ""  # let the abandoned call end

    run_link(stub(hang="connect"), use)


def test_who_is_broken_off_while_connecting_lets_the_system_close_what_was_coming_up() -> None:
    """As a signal that ends the program does: bleak closes a link that is half up when its call is cancelled."""
    closed: list[float] = []

    async def connect(self: StubClient, pair: bool, **kwargs: Any) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0.5)
            closed.append(asyncio.get_running_loop().time())

    async def use(link: SensorLink, made: type[StubClient]) -> None:
        task = asyncio.ensure_future(link.connect(SIGHTING))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(closed) == 1

    run_link(stub(connect=connect), use)


def test_who_is_broken_off_waits_for_no_call_that_never_gives_in() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(link.connect(SIGHTING))
        await asyncio.sleep(1.0)
        begin_s = loop.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() - begin_s == pytest.approx(2.0)
        made.hang = ""

    run_link(stub(hang="connect"), use)


def test_a_call_that_hangs_does_not_hold_up_others() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        with pytest.raises(LinkError, match="reading took longer than 1 s"):
            await link.read(UUID)

    run_link(stub(hang="read"), use)


def test_errors_of_one_sensor_are_told_apart_from_errors_of_bluetooth() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        with pytest.raises(LinkError, match="connecting failed: gone"):
            await link.connect(SIGHTING)

    run_link(stub(connect_error=BleakError("gone")), use)

    async def use_off(link: SensorLink, made: type[StubClient]) -> None:
        with pytest.raises(AdapterError, match="switched off"):
            await link.connect(SIGHTING)

    off = BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF)
    run_link(stub(connect_error=off), use_off)


def test_a_refused_write_is_a_refusal() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        with pytest.raises(RefusedError, match="refused '01 02'"):
            await link.write(UUID, b"\x01\x02", True)

    run_link(stub(write_error=BleakGATTProtocolError(0x13)), use)


@pytest.mark.parametrize(
    ("error", "ends_link"),
    [
        (BleakGATTProtocolError(0x0E), False),  # BlueZ's word for a link that breaks, before it says so
        (BleakGATTProtocolError(0x0E), True),
        (BleakGATTProtocolError(0x13), True),
        (BleakDBusError("org.bluez.Error.Failed", ["Not connected"]), False),
        (EOFError(), True),
    ],
)
def test_a_link_that_breaks_under_a_write_is_no_refusal(error: BaseException, ends_link: bool) -> None:
    class Breaking(StubClient):
        made: ClassVar[list[StubClient]] = []

        async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
            if ends_link:
                self._disconnected_callback()
            raise error

    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        with pytest.raises(LinkError) as told:
            await link.write(UUID, b"\x01", True)
        assert not isinstance(told.value, RefusedError)  # it is tried again

    run_link(Breaking, use)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.NO_BLUETOOTH), "no_adapter"),
        (
            BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE),
            "no_low_energy",
        ),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.POWERED_OFF), "powered_off"),
        (
            BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.DENIED_BY_USER),
            "permission_denied",
        ),
        (
            BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM),
            "permission_denied",
        ),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.UNKNOWN), "unknown"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", []), "permission_denied"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), "no_service"),
        (BleakDBusError("org.bluez.Error.NotReady", []), "powered_off"),
        (
            BleakBluetoothNotAvailableError(
                "authentication failed: REJECTED", BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN
            ),
            "user_refused",
        ),
        (AuthError("authentication failed: REJECTED"), "user_refused"),
        (PermissionError(13, "Permission denied"), "permission_denied"),
        (FileNotFoundError(2, "No such file or directory"), "no_service"),
    ],
)
def test_each_trouble_of_the_adapter_has_a_remedy_on_each_system(error: Exception, trouble: str) -> None:
    radio = Radio(type("Scanner", (StubScanner,), {"error": error}))
    with pytest.raises(AdapterError) as caught:
        run_virtual(scan(radio, 1.0))
    assert caught.value.trouble == trouble
    assert WHAT[trouble] in str(caught.value)
    assert REMEDY[trouble][this_system()] in str(caught.value)
    state = run_virtual(adapter_state(Radio(radio.scanner_class)))
    assert not state.is_usable
    assert state.remedy == REMEDY[trouble][this_system()]
    for system in ("linux", "macos", "windows"):
        assert REMEDY[trouble][system]


def test_errors_that_are_not_about_the_adapter_are_not_taken_for_it() -> None:
    assert adapter_trouble(BleakError("Not connected")) is None
    assert adapter_trouble(BleakDBusError("org.bluez.Error.Failed", [])) is None


def test_systems_are_told_apart() -> None:
    assert [this_system(name) for name in ("linux", "darwin", "win32", "freebsd14")] == [
        "linux", "macos", "windows", "linux",
    ]  # fmt: skip


def test_an_adapter_that_works_needs_no_remedy() -> None:
    state = run_virtual(adapter_state(Radio(StubScanner)))
    assert state.is_usable
    assert not state.remedy


def test_guarded_returns_results_and_passes_errors_on() -> None:
    async def five() -> int:
        return 5

    async def broken() -> int:
        raise BleakError("broken")

    assert run_virtual(guarded(five(), 1.0, "x", "doing")) == 5
    with pytest.raises(BleakError, match="broken"):
        run_virtual(guarded(broken(), 1.0, "x", "doing"))


def test_a_full_queue_drops_the_newest_and_counts_them_by_sensor() -> None:
    async def main() -> None:
        queue = PacketQueue(capacity=3)
        for number in range(5):
            queue.put(Packet(float(number), "pelvis" if number < 4 else "trunk", UUID, b""))
        assert queue.dropped == {"pelvis": 1, "trunk": 1}
        assert [packet.host_time_s for packet in await queue.take()] == [0.0, 1.0, 2.0]
        queue.put(Packet(9.0, "pelvis", UUID, b""))
        queue.close()
        queue.put(Packet(10.0, "pelvis", UUID, b""))
        assert [packet.host_time_s for packet in await queue.take()] == [9.0]
        assert await queue.take() == []

    run_virtual(main())


def every_error() -> list[BaseException]:
    """Whatever a call of bleak was seen to raise, or may by its sources."""
    from bleak import exc
    from dbus_fast import errors as dbus

    own = [
        exc.BleakError("x"),
        BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.UNKNOWN),
        exc.BleakCharacteristicNotFoundError(UUID),
        exc.BleakDeviceNotFoundError("AA", "x"),
        BleakDBusError("org.bluez.Error.Failed", ["x"]),
        BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["x"]),
        BleakGATTProtocolError(0x0E),
    ]
    missing = {
        name
        for name, kind in vars(exc).items()
        if isinstance(kind, type) and issubclass(kind, exc.BleakError) and kind not in map(type, own)
    }
    assert missing <= {"BleakGATTProtocolError"}, f"bleak has errors this test does not raise: {missing}"
    bus = [dbus.AuthError("x"), dbus.InterfaceNotFoundError("x"), dbus.DBusError("org.x.Y", "x")]
    system = [kind(5, "x") for kind in (OSError, ConnectionResetError, BrokenPipeError, PermissionError)]
    plain = [kind("x") for kind in (AssertionError, KeyError, AttributeError, RuntimeError, ValueError)]
    return [*own, *bus, *system, *plain, EOFError(), TimeoutError(), asyncio.CancelledError()]


CALLS = ("find_held", "scan start", "scan stop", "connect", "services", "subscribe", "unsubscribe", "read", "write",
         "disconnect", "is_connected")  # fmt: skip


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_no_error_of_bleak_leaves_in_any_form_but_our_own(call: str, error: BaseException) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error if isinstance(error, Exception) else BleakError("x")  # a property cannot be cancelled

    async def fail_later(*args: Any, **kwargs: Any) -> Any:
        raise error

    methods = {"subscribe": "start_notify", "unsubscribe": "stop_notify"}
    methods |= {"read": "read_gatt_char", "write": "write_gatt_char"}
    changed = {methods.get(call, call): property(fail) if call == "is_connected" else fail_later}
    client_class = type("Rude", (stub(),), {} if call in ("services", "find_held", "scan start") else changed)
    scans = {call.removeprefix("scan "): fail_later} if call.startswith("scan ") else {}
    scanner = type("Scanner", (StubScanner,), scans)

    async def main() -> None:
        radio = Radio(scanner, client_class, LIMITS, find_held=fail_later if call == "find_held" else None)
        link = SensorLink("pelvis", radio, lambda packet: None, lambda: None)
        steps = [
            lambda: scan(radio, 0.1, {"AA"}),
            lambda: link.connect(SIGHTING),
            lambda: link.subscribe(UUID),
            lambda: link.read(UUID),
            lambda: link.write(UUID, b"1", True),
            lambda: link.unsubscribe(UUID),
        ]
        for step in steps:
            try:
                await step()
            except (LinkError, AdapterError):
                pass
        if call == "services":
            client_class.made[0].services = None  # as after a disconnect
        try:
            link.has(UUID)
        except (LinkError, AdapterError):
            pass
        await link.close()

    run_virtual(main())


def test_only_the_door_and_the_virtual_radio_know_bleak() -> None:
    folder = Path(tallrun.ble.__file__).parent
    knowing = {path.name for path in folder.glob("*.py") if "bleak" in imported(path)}
    assert knowing == {"link.py", "bluez.py", "bumble_backend.py"}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[0] for name in names}


def test_changed_firmware_asks_to_pair_again() -> None:
    async def use(link: SensorLink, made: type[StubClient]) -> None:
        await link.connect(SIGHTING)
        with pytest.raises(LinkError, match=r"firmware may have changed: pair it again \(tallrun pair"):
            await link.subscribe("00002a38-0000-1000-8000-00805f9b34fb")

    run_link(stub(), use)


def test_a_sensor_the_system_is_connected_to_is_taken_without_a_scan() -> None:
    held = Sighting("AA", Advertisement("strap"), None, BLEDevice("AA", "strap", None))

    async def find() -> list[Sighting]:
        return [held]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        radio = Radio(StubScanner, stub(), LIMITS, find_held=find)
        begin_s = loop.time()
        assert await scan(radio, 5.0, {"AA"}) == [held]
        assert loop.time() == begin_s
        assert await scan(radio, 1.0) == []  # not asked for: not in the air
        assert await scan(radio, 1.0, {"AA", "BB"}) == [held]
        assert loop.time() == begin_s + 2.0

    run_virtual(main())
