"""Which sensor is worn where: pinned by identity when paired, kept as JSON text by the caller."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from tallrun.errors import EntryError
from tallrun.numerics.recording import PLACEMENTS

WEARABLE = (*PLACEMENTS, "treadmill", "heart_rate", "foot_pod")
VERSION = 1


@dataclass(frozen=True)
class PairedSensor:
    """One sensor and its place. ``address`` is its identity (a UUID on macOS); ``name`` is untrusted text."""

    placement: str
    address: str
    config: str
    name: str = ""
    paired_at: str = ""


@dataclass(frozen=True)
class Pairing:
    """All paired sensors, at most one per place, and each in one place only."""

    sensors: tuple[PairedSensor, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> Pairing:
        """Read what ``to_json`` wrote; raises EntryError when it is something else."""
        try:
            content = json.loads(text)
            if content["version"] != VERSION:
                raise EntryError(
                    f"the pairing file has version {content['version']}, expected {VERSION}: pair again"
                )
            return cls.of(PairedSensor(**entry) for entry in content["sensors"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise EntryError(
                f"the pairing file cannot be read ({error}); delete it and pair again"
            ) from error

    @classmethod
    def of(cls, sensors: Iterable[PairedSensor]) -> Pairing:
        """Build a pairing; a later sensor takes the place, or the identity, of an earlier one."""
        pairing = cls()
        for sensor in sensors:
            pairing = pairing.with_sensor(sensor)
        return pairing

    def to_json(self) -> str:
        """Return the pairing as JSON text."""
        return json.dumps(
            {"version": VERSION, "sensors": [asdict(sensor) for sensor in self.sensors]}, indent=2
        )

    def with_sensor(self, sensor: PairedSensor) -> Pairing:
        """Return this pairing with ``sensor`` in its place; raises EntryError for an unknown place."""
        if sensor.placement not in WEARABLE:
            raise EntryError(f"no place called {sensor.placement!r}; there are {', '.join(WEARABLE)}")
        kept = [
            other
            for other in self.sensors
            if other.placement != sensor.placement and other.address != sensor.address
        ]
        return Pairing(tuple(sorted([*kept, sensor], key=lambda item: WEARABLE.index(item.placement))))

    def without(self, placement: str) -> Pairing:
        """Return this pairing without the sensor worn at ``placement``."""
        return Pairing(tuple(sensor for sensor in self.sensors if sensor.placement != placement))

    def feet_swapped(self) -> Pairing:
        """Return this pairing with the two foot sensors changed over."""
        other = {"foot_left": "foot_right", "foot_right": "foot_left"}
        return Pairing.of(
            replace(sensor, placement=other.get(sensor.placement, sensor.placement))
            for sensor in self.sensors
        )

    def at(self, placement: str) -> PairedSensor | None:
        """Return the sensor worn at ``placement``, None when there is none."""
        return next((sensor for sensor in self.sensors if sensor.placement == placement), None)
