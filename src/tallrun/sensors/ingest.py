"""The one way from payloads to samples, used unchanged by a live run and by a replay from packets.

Everything here depends only on the sequence of calls: same payloads with the same arrival times, same
events, whatever the machine, the clock on the wall or the speed of the replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tallrun.errors import UsageError
from tallrun.numerics.clock_taps import align_taps, find_taps
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.events import SensorEvent, TapAlignment
from tallrun.sensors.port import SensorPort, SensorStatus
from tallrun.sensors.uuids import canonical_uuid


@dataclass(frozen=True)
class Binding:
    """One sensor of the session.

    sensor : placement of an IMU ("foot_left" ...), or "treadmill", "heart_rate", "foot_pod".
    rate_hz : sampling rate agreed with the sensor, None for the config's.
    """

    sensor: str
    config: FirmwareConfig
    rate_hz: float | None = None


class Ingest:
    """Payloads of all sensors in, events on the session's time line out.

    Feed *everything* a sensor sends: notifications, indications and the answers to reads, because scales
    may come in any of them.
    """

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self._ports = {b.sensor: SensorPort(b.sensor, b.config, b.rate_hz) for b in bindings}
        self._has_aligned = False

    def feed(self, host_time_s: float, sensor: str, characteristic: str, payload: bytes) -> list[SensorEvent]:
        """Take one payload that arrived ``host_time_s`` after the session's start (monotonic clock).

        characteristic : UUID, in full or 16-bit.
        Returns what became certain by it, in order; blocks of one sensor have strictly increasing times
        that are never revised. Bytes nobody can read become ``UnknownPacket``.
        Raises UsageError for a sensor without binding.
        """
        if sensor not in self._ports:
            raise UsageError(f"no sensor {sensor!r} in this session; there are {', '.join(self._ports)}")
        out = [event for port in self._ports.values() for event in port.tick(host_time_s)]
        return out + self._ports[sensor].feed(host_time_s, canonical_uuid(characteristic), payload)

    def sync_tap(self, host_time_s: float) -> list[SensorEvent]:
        """Look for taps common to all sensors in the last eight seconds; call it when the tapping is done.

        The first one found corrects the sensors' constant delays (the mapping bends there within seconds);
        later ones, at the end of a run, only tell how well the clocks held together. A replay must make the
        same call at the same place among the payloads.
        """
        events = [event for port in self._ports.values() for event in port.tick(host_time_s)]
        recent = {sensor: port.recent() for sensor, port in self._ports.items()}
        taps = {sensor: find_taps(t_s, acc) for sensor, (t_s, acc) in recent.items() if t_s.size}
        found = align_taps(taps)
        if found is None:
            return [*events, TapAlignment(host_time_s, {}, None, applied=False)]
        applies = not self._has_aligned
        if applies:
            self._has_aligned = True
            for sensor, offset_s in found.offsets_s.items():
                self._ports[sensor].shift(-offset_s)
        return [*events, TapAlignment(host_time_s, found.offsets_s, found.residual_s, applies)]

    def finish(self) -> list[SensorEvent]:
        """Release what is still held back (packets waiting for a missing one)."""
        return [event for port in self._ports.values() for event in port.finish()]

    def status(self) -> dict[str, SensorStatus]:
        """Return loss, clock residual and counts per sensor."""
        return {sensor: port.status() for sensor, port in self._ports.items()}
