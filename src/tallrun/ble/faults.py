"""What the virtual radio does wrong, and when: a script per sensor, and its seeded dice.

Times are seconds of the emulated recording. A script is data: TOML with one table per sensor, and ``[all]``
for what holds for every sensor that does not say otherwise.
"""

from __future__ import annotations

import tomllib
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallrun.errors import ConfigError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=1e6)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Absence(_Strict):
    """The sensor drops its connection at ``at_s`` and advertises again ``for_s`` later."""

    at_s: Seconds
    for_s: Seconds


class SensorFaults(_Strict):
    """Everything one emulated sensor and its radio path do wrong; the defaults are a good day.

    loss, duplicates : fraction of notifications never delivered, or delivered twice.
    latency_s, jitter_s : every notification takes the first plus up to the second, evenly spread.
    burst_every_s, burst_hold_s : mean time between stalls of the radio, and how long a stall lasts; what
        becomes ready meanwhile arrives together at its end.
    skew_ppm : how much too fast the sensor's clock runs.
    wrap_at_s : the sensor's clock and packet counter are set so that both wrap here.
    clock_reset_at_s : the sensor's clock starts again from zero here.
    mtu : the largest ATT packet the sensor agrees to.
    keep_every : only every n-th sample is sent, without saying so (2: half rate).
    absences : disconnections in mid-run and returns.
    battery_pct, battery_fall_pct_per_h : battery level at the start, and how fast it falls.
    refuse_settings : the sensor answers its start command with an error.
    """

    loss: Fraction = 0.0
    duplicates: Fraction = 0.0
    latency_s: Seconds = 0.008
    jitter_s: Seconds = 0.007
    burst_every_s: Annotated[float, Field(gt=0)] | None = None
    burst_hold_s: tuple[Seconds, Seconds] = (0.06, 0.2)
    skew_ppm: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    wrap_at_s: Seconds | None = None
    clock_reset_at_s: Seconds | None = None
    mtu: Annotated[int, Field(ge=23, le=517)] = 247
    connect_delay_s: Seconds = 0.0
    hanging_connects: Annotated[int, Field(ge=0)] = 0
    keep_every: Annotated[int, Field(ge=1, le=8)] = 1
    absences: tuple[Absence, ...] = ()
    battery_pct: Annotated[float, Field(ge=0, le=100)] = 90.0
    battery_fall_pct_per_h: Annotated[float, Field(ge=0)] = 5.0
    refuse_settings: bool = False
    rssi_dbm: Annotated[int, Field(ge=-120, le=0)] = -55


class FaultScript:
    """Faults by sensor; a sensor that is not named gets ``default``. ``seed`` fixes every throw of the dice."""

    def __init__(
        self,
        sensors: dict[str, SensorFaults] | None = None,
        default: SensorFaults | None = None,
        seed: int = 1,
    ) -> None:
        self.sensors = dict(sensors or {})
        self.default = default or SensorFaults()
        self.seed = seed

    @classmethod
    def from_toml(cls, text: str) -> FaultScript:
        """Read a script: ``seed``, ``[all]`` and one table per sensor, which inherits from ``[all]``.

        Raises ConfigError naming the first key that is unknown or out of bounds.
        """
        try:
            tables = tomllib.loads(text)
            seed = int(tables.pop("seed", 1))
            shared = dict(tables.pop("all", {}))
            default = SensorFaults(**shared)
            sensors = {name: SensorFaults(**{**shared, **table}) for name, table in tables.items()}
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"fault script: {place}: {first['msg']}") from error
        except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
            raise ConfigError(f"fault script: expected TOML tables per sensor: {error}") from error
        return cls(sensors, default, seed)

    def of(self, sensor: str) -> SensorFaults:
        """Return the faults of ``sensor``."""
        return self.sensors.get(sensor, self.default)

    def dice(self, sensor: str) -> np.random.Generator:
        """Return this sensor's own random numbers, the same in every run of the script."""
        return np.random.default_rng([self.seed, *sensor.encode()])


class Delivery:
    """The radio path of one sensor: decides when each notification arrives, how often, or not at all.

    The link keeps the order of notifications, so none arrives before the one sent before it.
    """

    def __init__(self, faults: SensorFaults, dice: np.random.Generator) -> None:
        self._faults = faults
        self._dice = dice
        self._last_arrival_s = -np.inf
        self._stall_from_s = np.inf
        self._stall_until_s = -np.inf
        self._burst_every_s = faults.burst_every_s or np.inf
        if faults.burst_every_s is not None:
            self._stall_from_s = float(dice.exponential(faults.burst_every_s))

    def arrivals(self, ready_s: float) -> list[float]:
        """Return when a notification ready at ``ready_s`` arrives: no time, one, or two equal times."""
        faults, dice = self._faults, self._dice
        lost = dice.random() < faults.loss
        twice = dice.random() < faults.duplicates
        arrival_s = ready_s + faults.latency_s + faults.jitter_s * float(dice.random())
        arrival_s = max(arrival_s, self._last_arrival_s, self._end_of_stall(ready_s))
        if lost:
            return []
        self._last_arrival_s = arrival_s
        return [arrival_s, arrival_s] if twice else [arrival_s]

    def _end_of_stall(self, ready_s: float) -> float:
        while ready_s >= self._stall_from_s:
            self._stall_until_s = self._stall_from_s + float(self._dice.uniform(*self._faults.burst_hold_s))
            self._stall_from_s = self._stall_until_s + float(self._dice.exponential(self._burst_every_s))
        return self._stall_until_s
