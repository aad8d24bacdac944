"""From a sensor's own clock to the session's time line, while the run goes on.

Bluetooth delay is never negative and comes in bursts, so the true line lies *under* the points (device
time, arrival time): it is fitted to their lower envelope, per sensor, and fitted again as minutes pass
(V. Paxson, SIGMETRICS 1998; S. Moon et al., INFOCOM 1999: the edge of the lower convex hull below the
mean minimises the sum of distances). Differs in: per-second minima instead of all points, a bounded
skew, and a slope pulled towards its last value while the window is short.

What was once mapped stays: a new fit only bends the line ahead, slowly.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tallrun.numerics.recording import FloatArray

_BUCKET_S = 1.0
_WINDOW_BUCKETS = 60
_SETTLING_S = 10.0
_KNOTS = 256
_OUTLIER_S = 0.010


@dataclass(frozen=True)
class ClockLimits:
    """How far a clock may run off and how fast the mapping may be bent.

    max_skew : largest |true rate / nominal rate - 1|.
    skew_span_s : window length at which a fitted skew counts half, the last known one the other half.
    slew_settling, slew : largest correction [s per s] in the first ten seconds of a segment, and later.
    """

    max_skew: float = 150e-6
    skew_span_s: float = 20.0
    slew_settling: float = 0.02
    slew: float = 0.001


def counted_limits(rate_tolerance: float) -> ClockLimits:
    """Limits for a sensor without stamps, whose clock is its sample count at the nominal rate."""
    return ClockLimits(max_skew=rate_tolerance, skew_span_s=2.0, slew_settling=0.05, slew=0.005)


class EnvelopeFit:
    """Lower envelope of arrival minus device time over a sliding minute.

    ``observe`` takes (device_s, host_s) in any order within a second; ``lag_s(device_s)`` is the fitted
    host minus device time. NaN before the first point.
    """

    def __init__(self, limits: ClockLimits, skew: float = 0.0) -> None:
        self._limits = limits
        self._minima: deque[tuple[int, float, float]] = deque(maxlen=_WINDOW_BUCKETS)
        self._origin_s = math.nan
        self._intercept_s = math.nan
        self._prior_skew = skew
        self.skew = skew

    def observe(self, device_s: float, host_s: float) -> None:
        """Take one packet's last-sample device time and its arrival."""
        if math.isnan(self._origin_s):
            self._origin_s = device_s
        x, lag = device_s - self._origin_s, host_s - device_s
        bucket = math.floor(x / _BUCKET_S)
        if not self._minima or bucket > self._minima[-1][0]:
            self._minima.append((bucket, x, lag))
            self._fit()
            return
        last_bucket, last_x, last_lag = self._minima[-1]
        if bucket == last_bucket and lag - self.skew * x < last_lag - self.skew * last_x:
            self._minima[-1] = (bucket, x, lag)
            if lag < self.lag_s(device_s):
                self._fit()

    def lag_s(self, device_s: float) -> float:
        """Return fitted host minus device time at ``device_s``."""
        return self._intercept_s + self.skew * (device_s - self._origin_s)

    def residual_p95_s(self) -> float:
        """95th percentile of the per-second minima above the line: how well the line is known. NaN when empty."""
        if not self._minima:
            return math.nan
        above = [lag - self._intercept_s - self.skew * x for _, x, lag in self._minima]
        return float(np.percentile(above, 95))

    def _fit(self) -> None:
        points = [(x, lag) for _, x, lag in self._minima]
        heights = self._fit_line(points)
        # One stamp far below all others is a glitch, not a fast packet: those come in numbers.
        is_glitch = len(heights) >= 10 and heights[1] - heights[0] > max(
            _OUTLIER_S, 4 * (heights[5] - heights[1])
        )
        if is_glitch:
            lowest = min(points, key=lambda point: point[1] - self.skew * point[0])
            heights = self._fit_line([point for point in points if point is not lowest])
        self._intercept_s = heights[0]

    def _fit_line(self, points: list[tuple[float, float]]) -> list[float]:
        """Set the skew from ``points`` and return their heights over it, lowest first."""
        span = points[-1][0] - points[0][0]
        if span > 0:
            fitted = min(max(_hull_slope(points), -self._limits.max_skew), self._limits.max_skew)
            weight = span**2 / (span**2 + self._limits.skew_span_s**2)
            self.skew = self._prior_skew + weight * (fitted - self._prior_skew)
        return sorted(lag - self.skew * x for x, lag in points)


def _hull_slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the lower convex hull's edge below the mean of ``points`` (sorted by x, at least two)."""
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) >= 2:
            (x1, y1), (x2, y2) = hull[-2], hull[-1]
            if (y2 - y1) * (x - x1) < (y - y1) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
    middle = sum(x for x, _ in points) / len(points)
    for (x1, y1), (x2, y2) in pairwise(hull):
        if x2 >= middle:
            return (y2 - y1) / (x2 - x1)
    return 0.0


class DeviceClock:
    """Maps one sensor's device time to session time, strictly increasing, never revised.

    ``restart`` begins a new segment after the device's clock jumped; the learned skew is kept.
    """

    def __init__(self, limits: ClockLimits | None = None) -> None:
        self._limits = limits or ClockLimits()
        self._fit = EnvelopeFit(self._limits)
        self._knots: deque[tuple[float, float]] = deque(maxlen=_KNOTS)
        self._first_device_s = math.nan
        self._last_t_s = -math.inf
        self._shift_s = 0.0
        self.restarts = 0

    def observe(self, device_s: float, host_s: float) -> None:
        """Take one packet's last-sample device time and its arrival (session seconds)."""
        if math.isnan(self._first_device_s):
            self._first_device_s = device_s
        self._fit.observe(device_s, host_s)

    def ahead_s(self, device_s: float, host_s: float) -> float:
        """How far ``device_s`` lies ahead of what the fit expects at this arrival (late packets: negative).

        NaN before the first observation.
        """
        return device_s + self._fit.lag_s(device_s) - host_s

    def age_s(self, device_s: float) -> float:
        """Device time passed in this segment; 0 before its first packet."""
        return 0.0 if math.isnan(self._first_device_s) else device_s - self._first_device_s

    def expected_device_s(self, host_s: float) -> float:
        """Device time the fit expects at this arrival with no delay; NaN before the first observation."""
        guess = host_s - self._fit.lag_s(self._first_device_s)
        return host_s - self._fit.lag_s(guess)

    def session_s(self, device_s: float) -> float:
        """Where the current fit puts ``device_s`` on the session's time line; NaN before the first observation."""
        return device_s + self._fit.lag_s(device_s) + self._shift_s

    @property
    def skew(self) -> float:
        """Fitted rate of session time against device time, minus 1."""
        return self._fit.skew

    @property
    def residual_p95_s(self) -> float:
        """See ``EnvelopeFit.residual_p95_s``."""
        return self._fit.residual_p95_s()

    def shift(self, offset_s: float) -> None:
        """Correct the constant latency (found by a common tap); the mapping bends towards it from here on."""
        self._shift_s += offset_s

    def restart(self) -> None:
        """Begin a new segment after the device's clock jumped: forget offset and window, keep the skew."""
        self.forget()
        self.restarts += 1

    def forget(self) -> None:
        """Drop what was observed in this segment (it was wrong); nothing mapped is revised."""
        self._fit = EnvelopeFit(self._limits, self._fit.skew)
        self._first_device_s = math.nan
        self._knots.clear()

    def map(self, device_s: FloatArray) -> FloatArray:
        """Return session times of sample times ``device_s`` (float64 (n,), increasing, n >= 1).

        Must be called after ``observe`` and, per stream, in order of time; two streams of one clock may
        overlap, because a part of the line once used is kept.
        """
        if not self._knots:
            start = float(device_s[0])
            self._knots.append((start, max(self.session_s(start), self._last_t_s + 1e-4)))
        self._extend(float(device_s[-1]))
        at, t_s = self._knots_from(float(device_s[0]))
        out = np.interp(device_s, at, t_s)
        early = device_s < at[0]
        if early.any():
            out[early] = t_s[0] + (device_s[early] - at[0]) * (1.0 + self._fit.skew)
        return out

    def _knots_from(self, device_s: float) -> tuple[list[float], list[float]]:
        """Return the part of the line from the last knot at or before ``device_s`` on (all, if there is none)."""
        at: list[float] = []
        t_s: list[float] = []
        for knot_device_s, knot_t_s in reversed(self._knots):
            at.append(knot_device_s)
            t_s.append(knot_t_s)
            if knot_device_s <= device_s:
                break
        return at[::-1], t_s[::-1]

    def _extend(self, device_s: float) -> None:
        last_device_s, last_t_s = self._knots[-1]
        step_s = device_s - last_device_s
        if step_s > 0:
            error_s = self.session_s(last_device_s) - last_t_s
            is_settling = device_s - self._first_device_s < _SETTLING_S
            limit = self._limits.slew_settling if is_settling else self._limits.slew
            if abs(error_s) > 0.005:
                limit = max(limit, 0.005)
            wanted = abs(error_s) * -math.expm1(-step_s / (1.0 if is_settling else 4.0))
            bend_s = math.copysign(min(wanted, limit * step_s), error_s)
            last_t_s += step_s * (1.0 + self._fit.skew) + bend_s
            self._knots.append((device_s, last_t_s))
        self._last_t_s = max(self._last_t_s, last_t_s)
