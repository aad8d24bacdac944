"""Plays true samples as a sensor of a config would send them, with its own clock and a radio in between.

Knows the truth, so tests can compare. Stamps, counters and delays are made here, not by the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tallrun.sensors.batch import Batch
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.emulate import packet_encoders


@dataclass
class DeviceTimer:
    """Clock of a sensor: skewed, offset, and set back to ``reset_to_s`` once at ``reset_at_s``."""

    skew_ppm: float = 0.0
    offset_s: float = 100.0
    reset_at_s: float | None = None
    reset_to_s: float = 0.0

    def read(self, true_s: float) -> float:
        if self.reset_at_s is not None and true_s >= self.reset_at_s:
            return self.reset_to_s + (true_s - self.reset_at_s) * (1 + self.skew_ppm * 1e-6)
        return self.offset_s + true_s * (1 + self.skew_ppm * 1e-6)


@dataclass(frozen=True, order=True)
class Arrival:
    host_s: float
    number: int
    sensor: str = field(compare=False)
    uuid: str = field(compare=False)
    payload: bytes = field(compare=False)


def tilting(t_s):
    """A smooth signal with every axis different: acceleration [m/s2] and rotation [rad/s]."""
    w = 2 * np.pi * np.array([0.7, 0.9, 1.1])
    acc = np.sin(np.outer(t_s, w)) * 20.0 + np.array([0.0, 0.0, 9.8])
    gyr = np.cos(np.outer(t_s, w)) * 8.0
    return acc, gyr


def play(
    config: FirmwareConfig,
    sensor: str,
    duration_s: float,
    timer: DeviceTimer,
    rng: np.random.Generator,
    burst_s: float = 0.05,
    min_delay_s: float = 0.01,
    rate_hz: float | None = None,
    keep=lambda number: True,
    signal=tilting,
    mtu: int = 247,
    reset_counter: bool = True,
) -> list[Arrival]:
    """Return the arrivals of one sensor, in order of arrival.

    The radio delivers in bursts: everything ready by one connection event arrives with it, and events are
    7.5 ms to ``burst_s`` apart (0: every packet at once).
    """
    imu = config.imu
    true_rate_hz = (rate_hz or imu.rate_hz) * (1 + timer.skew_ppm * 1e-6)
    unit_s = imu.time.unit_s or 1.0
    wrap = 1 << (imu.time.bits or 64)
    events_s = np.cumsum(rng.uniform(0.0075, max(burst_s, 0.0075), int((duration_s + 2) / 0.0075)))
    out: list[Arrival] = []
    for reply in (r for s in config.start for r in (s.reply, s.start_reply) if r and r.example_hex):
        out.append(
            Arrival(0.0, len(out) - 1000, sensor, config.uuid(reply.characteristic), reply.example_hex)
        )
    for encoder in packet_encoders(config):
        n = encoder.capacity(mtu)
        t_s = np.arange(int(duration_s * true_rate_hz)) / true_rate_hz
        acc, gyr = signal(t_s)
        first_number = 0
        for number in range(t_s.size // n):
            rows = slice(number * n, (number + 1) * n)
            first, last = t_s[rows][0], t_s[rows][-1]
            if reset_counter and timer.reset_at_s is not None and first < timer.reset_at_s <= last:
                first_number = number + 1
                continue  # the packet under construction dies with the restart
            stamped = timer.read(first if imu.time.stamp == "first_sample" else last)
            batch = Batch(
                encoder.stream,
                None if encoder.stream == "gyr" else acc[rows],
                None if encoder.stream == "acc" else gyr[rows],
                stamp_ticks=None if imu.time.stamp == "none" else int(stamped / unit_s) % wrap,
                counter=(number - first_number) % (1 << (imu.time.counter_bits or 16)),
                period_s=1.0 / (rate_hz or imu.rate_hz),
            )
            arrives_s = min_delay_s + (events_s[np.searchsorted(events_s, last)] if burst_s else last)
            if keep(number):
                for role, payload in encoder.encode(batch):
                    out.append(Arrival(float(arrives_s), len(out), sensor, config.uuid(role), payload))
    return sorted(out)
