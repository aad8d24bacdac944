"""Samples of sensors that send neither stamp nor counter: time is the count of samples, fitted to arrival.

A lost packet shifts the count. It shows as arrivals that stay late, so losses are told as inferred gaps,
two seconds after the fact and only when they exceed one packet and 40 ms; at once after a silence of
three seconds.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from tallrun.numerics.clock import DeviceClock, counted_limits
from tallrun.sensors.batch import Batch
from tallrun.sensors.config import TimeModel
from tallrun.sensors.events import Gap
from tallrun.sensors.stream import StreamCounts, StreamItem, TimedSamples

_START_HOLD_S = 2.0
_WATCH_S = 2.0
_LEAST_LOSS_S = 0.04
#: Silence this long means the link was gone, and what was measured meanwhile with it.
_RECONNECT_S = 3.0
_HELD_MAX = 4096


class CountedStream:
    """Unstamped packets of one kind; owns its clock, because it counts samples of this kind only."""

    def __init__(self, sensor: str, time: TimeModel, rate_hz: float) -> None:
        self._sensor = sensor
        self._tolerance = time.rate_tolerance
        self.clock = DeviceClock(counted_limits(time.rate_tolerance))
        self.period_s = 1.0 / rate_hz
        self.counts = StreamCounts()
        self._count = 0
        self._held: list[tuple[float, Batch]] | None = []
        self._excess: deque[tuple[float, float]] = deque()
        self._watching_since_s = math.nan
        self._last_host_s = math.inf
        self._last_t_s = math.nan

    def feed(self, host_s: float, batch: Batch) -> list[StreamItem]:
        """Take one decoded packet that arrived at ``host_s``; return what is now certain."""
        if self._held is not None:
            self._held.append((host_s, batch))
            waited_s = host_s - self._held[0][0]
            return self.flush() if waited_s >= _START_HOLD_S or len(self._held) >= _HELD_MAX else []
        return self._take(host_s, batch)

    def tick(self, host_s: float) -> list[StreamItem]:
        """Nothing waits for time to pass here: without a counter no packet is known to be missing."""
        return []

    def flush(self) -> list[StreamItem]:
        """Release everything held back."""
        if self._held is None:
            return []
        held, self._held = self._held, None
        self._measure_rate(held)
        count = 0
        for host_s, batch in held:
            count += batch.n_samples
            self.clock.observe(count * self.period_s, host_s)
        return [item for host_s, batch in held for item in self._take(host_s, batch, is_observed=True)]

    def _measure_rate(self, held: list[tuple[float, Batch]]) -> None:
        """Replace the nominal rate when the sensor plainly runs at another one (a refused setting)."""
        span_s = held[-1][0] - held[0][0] if held else 0.0
        if span_s < 0.5 * _START_HOLD_S:
            return
        counts = np.cumsum([batch.n_samples for _, batch in held])
        measured_s = float(np.polyfit(counts, [host_s for host_s, _ in held], 1)[0])
        if abs(measured_s / self.period_s - 1.0) > self._tolerance + 0.05:
            self.period_s = measured_s

    def _take(self, host_s: float, batch: Batch, is_observed: bool = False) -> list[StreamItem]:
        n = batch.n_samples
        out: list[StreamItem] = []
        missing = 0 if is_observed else self._lost_before(host_s, n)
        self._count += missing
        device_s = np.arange(self._count + 1.0, self._count + n + 1.0) * self.period_s
        self._count += n
        if not is_observed:
            self.clock.observe(float(device_s[-1]), host_s)
        t_s = self.clock.map(device_s)
        if missing:
            out.append(Gap(self._sensor, self._last_t_s, float(t_s[0]), missing, inferred=True))
            self.counts.missing_samples += missing
        self.counts.samples += n
        self._last_t_s = float(t_s[-1])
        out.append(TimedSamples(t_s, batch.acc_mps2, batch.gyr_radps))
        return out

    def _lost_before(self, host_s: float, n: int) -> int:
        """Return how many samples must have been lost for the last arrivals to be this late."""
        excess_s = -self.clock.ahead_s((self._count + n) * self.period_s, host_s)
        silence_s = host_s - self._last_host_s
        self._last_host_s = host_s
        if silence_s > _RECONNECT_S:
            self._excess.clear()
            self._watching_since_s = math.nan
            return max(0, round(excess_s / self.period_s))
        # Sliding minimum: an arrival makes all earlier ones with more excess irrelevant.
        while self._excess and self._excess[-1][1] >= excess_s:
            self._excess.pop()
        self._excess.append((host_s, excess_s))
        while self._excess[0][0] < host_s - _WATCH_S:
            self._excess.popleft()
        if math.isnan(self._watching_since_s):
            self._watching_since_s = host_s
        least_s = self._excess[0][1]
        is_early = host_s - self._watching_since_s < _WATCH_S
        if is_early or least_s <= max(_LEAST_LOSS_S, 1.5 * n * self.period_s):
            return 0
        self._excess.clear()
        self._watching_since_s = math.nan
        return round(least_s / self.period_s)
