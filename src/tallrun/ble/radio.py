"""The virtual radio: a recording becomes emulated sensors in the air, for bleak to find, connect and read.

Join it like this::

    async def main():
        radio = VirtualRadio(configs, recording)
        await radio.switch_on()
        async with SensorSession(radio.worn(), radio.radio()) as session: ...

    run_virtual(main(), speed=None)     # or speed=1 on any event loop
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tallrun.ble.bumble_backend import Away, Ether, System
from tallrun.ble.clock import RadioLoop
from tallrun.ble.faults import FaultScript
from tallrun.ble.link import Limits, Radio
from tallrun.ble.pairing import PairedSensor
from tallrun.ble.peripheral import EmulatedSensor, Ledger, Origin
from tallrun.ble.sources import has_pod, make_source
from tallrun.ble.worn import Worn
from tallrun.errors import UsageError
from tallrun.numerics.recording import Recording
from tallrun.sensors.config import ConfigSet

DEFAULT_MODELS = {
    "foot_left": "open-packet",
    "foot_right": "open-packet",
    "pelvis": "open-packet",
    "trunk": "open-packet",
    "treadmill": "sig-treadmill",
    "heart_rate": "sig-heart-rate",
    "foot_pod": "sig-foot-pod",
}
LEAD_S = 3.0


class VirtualRadio:
    """Emulated sensors for everything a recording holds.

    Parameters
    ----------
    configs : the known firmware configs.
    recording : what the sensors play; a placement that is missing there has no sensor.
    faults : what goes wrong; nothing by default.
    models : config name by place, where it differs from ``DEFAULT_MODELS``.
    repeats : how often the recording is played, end to end.
    lead_s : standing still before the recording begins, counted from the first started sensor.
    system : whose Bluetooth the central's side behaves like; see ``bumble_backend``.

    Create it inside a running event loop; that loop's clock is the radio's clock (``ble.clock``).
    """

    def __init__(
        self,
        configs: ConfigSet,
        recording: Recording,
        faults: FaultScript | None = None,
        models: Mapping[str, str] | None = None,
        repeats: int = 1,
        lead_s: float = LEAD_S,
        system: System = "bluez",
    ) -> None:
        faults = faults or FaultScript()
        chosen = {**DEFAULT_MODELS, **(models or {})}
        self._ether = Ether(system=system)
        self._origin = Origin(lead_s)
        self._cuts: set[asyncio.Task[None]] = set()
        self.sensors: dict[str, EmulatedSensor] = {}
        for number, place in enumerate(_places(recording)):
            config = configs.get(chosen[place])
            source = make_source(config, place, recording, faults.of(place), repeats)
            self.sensors[place] = EmulatedSensor(
                place,
                f"C0:DE:00:00:00:{number + 1:02X}",
                config,
                source,
                self._ether,
                faults.of(place),
                faults.dice(place),
                self._origin,
            )
        if not self.sensors:
            raise UsageError("the recording to emulate holds no sensor, no treadmill and no heart rate")

    def radio(self, limits: Limits | None = None) -> Radio:
        """Return what to hand to ``scan`` and ``SensorSession`` in place of the system's Bluetooth."""
        return Radio(
            self._ether.scanner_class(),
            self._ether.client_class(),
            limits or Limits(),
            find_held=self._ether.connected_devices,
        )

    def worn(self) -> list[Worn]:
        """Return every emulated sensor as if it had been paired to its place."""
        return [
            Worn(PairedSensor(place, self._ether.identity(item.address), item.config.name), item.config)
            for place, item in self.sensors.items()
        ]

    @property
    def ledger(self) -> dict[str, Ledger]:
        """What became of every sensor's notifications, by place."""
        return {place: item.ledger for place, item in self.sensors.items()}

    async def cut(self, place: str) -> None:
        """Lose the link to the sensor at ``place``; it advertises again."""
        await self._ether.cut(self.sensors[place].address)

    async def leave(self, away: Away | None) -> None:
        """Switch the computer's Bluetooth off (``powered_off``) or let its service die; None brings it back."""
        await self._ether.leave(away)

    def set_half_open(self, place: str, is_half_open: bool) -> None:
        """Let nothing through on the link to ``place``, which stays up."""
        self._ether.peers[self.sensors[place].address].is_half_open = is_half_open

    async def begin_s(self) -> float:
        """Wait for the first sensor to be started; return the loop time at which the recording begins."""
        return await self._origin.known()

    async def switch_on(self) -> None:
        """Let all sensors advertise."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, RadioLoop):
            loop.on_waking.append(self._wake)
        for item in self.sensors.values():
            await item.switch_on()

    def _wake(self) -> None:
        """Lose every link: the computer was suspended, and what was sent meanwhile went unheard."""
        for item in self.sensors.values():
            item.stop_stream()
            task = asyncio.ensure_future(self._ether.cut(item.address))
            self._cuts.add(task)
            task.add_done_callback(self._cuts.discard)

    async def switch_off(self) -> None:
        """Take all sensors off the air."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, RadioLoop) and self._wake in loop.on_waking:
            loop.on_waking.remove(self._wake)
        for item in self.sensors.values():
            await item.switch_off()

    async def played(self) -> None:
        """Wait until the recording is over and every sensor that still streams has sent all of it."""
        begin_s = await self._origin.known()
        length_s = max(item.length_s for item in self.sensors.values())
        await asyncio.sleep(max(0.0, begin_s + length_s - asyncio.get_running_loop().time()))
        for item in self.sensors.values():
            await item.played()


def _places(recording: Recording) -> list[str]:
    places = [place for place in DEFAULT_MODELS if place in recording.sensors]
    if recording.treadmill is not None and recording.treadmill.t_s.size:
        places.append("treadmill")
    if recording.heart_rate is not None and recording.heart_rate.t_s.size:
        places.append("heart_rate")
    if has_pod(recording):
        places.append("foot_pod")
    return places
