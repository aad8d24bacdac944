"""Plays a recording as a sensor would measure it: batches on a fixed grid, with stamps of the sensor's own clock.

A batch is a pure function of its number, so a sensor that was away goes on with the right samples, stamps and
counter, and a run can be started anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallrun.ble.faults import SensorFaults
from tallrun.numerics.recording import FloatArray, SensorRecording
from tallrun.sensors.batch import Batch
from tallrun.sensors.config import TimeModel

_POWERED_ON_BEFORE_S = 600.0  # the sensor's clock at the recording's start, unless it must wrap somewhere


class SensorTimer:
    """The clock inside an emulated sensor: skewed, wrapping, and once set back to zero if the script says so."""

    def __init__(self, model: TimeModel, faults: SensorFaults) -> None:
        self._unit_s = model.unit_s or 1.0
        self._ticks = 1 << (model.bits or 64)
        self._rate = 1.0 + faults.skew_ppm * 1e-6
        self._offset_s = _POWERED_ON_BEFORE_S
        if faults.wrap_at_s is not None:
            self._offset_s = self._ticks * self._unit_s - faults.wrap_at_s * self._rate
        self._reset_at_s = faults.clock_reset_at_s

    def ticks(self, t_s: float) -> int:
        """Return the stamp at recording time ``t_s``."""
        if self._reset_at_s is not None and t_s >= self._reset_at_s:
            device_s = (t_s - self._reset_at_s) * self._rate
        else:
            device_s = self._offset_s + t_s * self._rate
        return int(np.floor(device_s / self._unit_s)) % self._ticks


@dataclass(frozen=True)
class Track:
    """One sensor's samples on an even grid that can be read at any sample number.

    Numbers below 0 give the first sample again (standing before the start), numbers past the end start
    over up to ``repeats`` times. A sample the recording does not have is NaN.
    """

    start_s: float
    period_s: float
    acc_mps2: FloatArray
    gyr_radps: FloatArray | None
    repeats: int

    @property
    def n_samples(self) -> int:
        """Number of samples over all repeats."""
        return self.acc_mps2.shape[0] * self.repeats

    def rows(self, first: int, stop: int) -> tuple[FloatArray, FloatArray | None]:
        """Return acceleration and rotation of the samples ``first`` to ``stop`` - 1."""
        index = np.maximum(np.arange(first, stop), 0) % self.acc_mps2.shape[0]
        return self.acc_mps2[index], None if self.gyr_radps is None else self.gyr_radps[index]


def make_track(recording: SensorRecording, rate_hz: float | None, keep_every: int, repeats: int) -> Track:
    """Lay a recording on an even grid.

    ``rate_hz`` None keeps the recording's own rate; another rate is reached by linear interpolation, which
    is what a sensor with less bandwidth loses anyway. Spans without samples stay without.
    """
    t_s, acc, gyr = recording.t_s, recording.acc_mps2, recording.gyr_radps
    places, start_s, own_s = _even_places(t_s, recording.spec.rate_hz)
    if rate_hz is None or abs(own_s * rate_hz - 1.0) < 0.005:
        period_s = own_s
        grid_acc = np.full((int(places[-1]) + 1, 3), np.nan)
        grid_acc[places] = acc
        grid_gyr = None
        if gyr is not None:
            grid_gyr = np.full_like(grid_acc, np.nan)
            grid_gyr[places] = gyr
    else:
        start_s, period_s = float(t_s[0]), 1.0 / rate_hz
        grid_s = np.arange(start_s, t_s[-1], period_s)
        grid_acc = _interpolated(grid_s, t_s, acc)
        grid_gyr = None if gyr is None else _interpolated(grid_s, t_s, gyr)
        before = np.searchsorted(t_s, grid_s, side="right") - 1
        after = np.minimum(before + 1, t_s.size - 1)
        grid_acc[t_s[after] - t_s[before] > 2.5 * own_s] = np.nan
    if keep_every > 1:
        grid_acc = grid_acc[::keep_every]
        grid_gyr = None if grid_gyr is None else grid_gyr[::keep_every]
        period_s *= keep_every
    return Track(start_s, period_s, grid_acc, grid_gyr, repeats)


def _even_places(t_s: FloatArray, rate_hz: float) -> tuple[NDArray[np.int64], float, float]:
    """Return (number of each sample on an even grid, time of number 0, period).

    Each sample is counted on from the one before it; the grid is then the line through all of them, because
    a period taken from jittering neighbours would drift away over a whole run.
    """
    if t_s.size < 2:
        return np.zeros(t_s.size, dtype=np.int64), float(t_s[0]) if t_s.size else 0.0, 1.0 / rate_hz
    steps_s = np.diff(t_s)
    steps = np.maximum(1, np.rint(steps_s / np.median(steps_s))).astype(np.int64)
    places = np.concatenate([[0], np.cumsum(steps)])
    period_s, start_s = np.polyfit(places, t_s, 1)
    return places, float(start_s), float(period_s)


def _interpolated(at_s: FloatArray, t_s: FloatArray, values: FloatArray) -> FloatArray:
    return np.column_stack([np.interp(at_s, t_s, values[:, axis]) for axis in range(values.shape[1])])


@dataclass(frozen=True)
class Player:
    """Cuts a track into batches of ``n_batch`` samples with stamps and counters.

    stream : "imu" for acceleration and rotation together, or "acc" or "gyr" alone.
    """

    track: Track
    timer: SensorTimer
    time: TimeModel
    faults: SensorFaults
    n_batch: int
    stream: str = "imu"

    def batches(self, from_s: float) -> Iterator[tuple[float, Batch]]:
        """Yield (time of the batch's last sample, batch) for all batches that end after ``from_s``.

        A batch with a sample the recording lacks is left out; its counter value is not used.
        """
        track, n = self.track, self.n_batch
        first = int(np.floor((from_s - track.start_s) / track.period_s)) // n
        counter_mod = 1 << (self.time.counter_bits or 16)
        counter_zero = 0
        if self.faults.wrap_at_s is not None:
            counter_zero = -int((self.faults.wrap_at_s - track.start_s) / (track.period_s * n))
        for number in range(first, track.n_samples // n):
            begin = number * n
            last_s = track.start_s + (begin + n - 1) * track.period_s
            if last_s <= from_s:
                continue
            acc, gyr = track.rows(begin, begin + n)
            if np.isnan(acc).any() or (gyr is not None and np.isnan(gyr).any()):
                continue
            stamped_s = last_s if self.time.stamp == "last_sample" else track.start_s + begin * track.period_s
            yield (
                last_s,
                Batch(
                    self.stream,
                    None if self.stream == "gyr" else acc,
                    None if self.stream == "acc" else gyr,
                    stamp_ticks=None if self.time.stamp == "none" else self.timer.ticks(stamped_s),
                    counter=(number + counter_zero) % counter_mod,
                    period_s=track.period_s,
                ),
            )
