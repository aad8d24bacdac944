"""Joins acceleration and rotation that come in packets of their own into six-axis blocks.

Rotation is interpolated linearly at the acceleration's times, between two rotation samples no further
apart than 2.5 periods; acceleration outside such pairs is left out and counted.
"""

from __future__ import annotations

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.sensors.stream import TimedSamples

#: Rotation that stays away this long will not come (the sensor refused it): go on without.
_WAIT_S = 1.0


class AccGyrJoiner:
    """Takes both streams in order of time; returns blocks whose times are those of the acceleration."""

    def __init__(self) -> None:
        self._acc_t = np.empty(0)
        self._acc = np.empty((0, 3))
        self._gyr_t = np.empty(0)
        self._gyr = np.empty((0, 3))
        self.unpaired_samples = 0

    def feed(self, samples: TimedSamples, gyr_period_s: float) -> TimedSamples | None:
        """Take samples of either stream; return what can be joined now, None when nothing can."""
        if samples.acc_mps2 is not None:
            self._acc_t = np.concatenate([self._acc_t, samples.t_s])
            self._acc = np.concatenate([self._acc, samples.acc_mps2])
        elif samples.gyr_radps is not None:
            self._gyr_t = np.concatenate([self._gyr_t, samples.t_s])
            self._gyr = np.concatenate([self._gyr, samples.gyr_radps])
        if not self._acc_t.size:
            recent = self._gyr_t >= samples.t_s[-1] - 2 * _WAIT_S
            self._gyr_t, self._gyr = self._gyr_t[recent], self._gyr[recent]
            return None
        reach_s = self._gyr_t[-1] if self._gyr_t.size else -np.inf
        joined = self._take(int(np.searchsorted(self._acc_t, reach_s, side="right")), gyr_period_s)
        if joined is None and self._acc_t.size and self._acc_t[-1] - max(reach_s, self._acc_t[0]) > _WAIT_S:
            return self._take_alone(int(np.searchsorted(self._acc_t, self._acc_t[-1] - _WAIT_S)))
        return joined

    def flush(self) -> None:
        """Count what is left without a partner."""
        self.unpaired_samples += self._acc_t.size
        self._acc_t, self._acc = self._acc_t[:0], self._acc[:0]

    def _take(self, n: int, gyr_period_s: float) -> TimedSamples | None:
        if n == 0:
            return None
        t_s, acc = self._acc_t[:n], self._acc[:n]
        self._acc_t, self._acc = self._acc_t[n:], self._acc[n:]
        after = np.clip(np.searchsorted(self._gyr_t, t_s, side="left"), 1, max(self._gyr_t.size - 1, 1))
        if self._gyr_t.size < 2:
            self.unpaired_samples += n
            return None
        before_t, after_t = self._gyr_t[after - 1], self._gyr_t[after]
        is_paired = (before_t <= t_s) & (t_s <= after_t) & (after_t - before_t <= 2.5 * gyr_period_s)
        share = ((t_s - before_t) / (after_t - before_t))[:, None]
        gyr: FloatArray = self._gyr[after - 1] * (1.0 - share) + self._gyr[after] * share
        keep = max(int(after[-1]) - 1, 0)
        self._gyr_t, self._gyr = self._gyr_t[keep:], self._gyr[keep:]
        self.unpaired_samples += int(n - is_paired.sum())
        return TimedSamples(t_s[is_paired], acc[is_paired], gyr[is_paired]) if is_paired.any() else None

    def _take_alone(self, n: int) -> TimedSamples | None:
        t_s, acc = self._acc_t[:n], self._acc[:n]
        self._acc_t, self._acc = self._acc_t[n:], self._acc[n:]
        return TimedSamples(t_s, acc, np.full((n, 3), np.nan)) if n else None
