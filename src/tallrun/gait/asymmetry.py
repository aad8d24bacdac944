"""Left against right contact time: the index, and the sudden jump that is a safety signal (J)."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tallrun.gait.eligible import QUALITY_LIMIT, has_sure_times
from tallrun.gait.strides import NAN, Stride

#: (strides, points beyond the own baseline), between the decision table's two windows of J. It is ours: a 15-point
#: limp must be told within 20 s, which neither 100 strides nor "> 15 points" can promise.
MIDDLE_WINDOW = (30, 10.0)
#: Without an own baseline a sound runner's own left-right difference must not count as a jump.
NO_BASELINE_MARGIN_POINTS = 2.0
LEAST_PER_FOOT = 3


@dataclass(frozen=True)
class JumpLimits:
    """When left and right have moved apart (J): the protocol's numbers of the same names, by default as shipped.

    points, sd, strides : more than this many points and this many own SD beyond the own baseline, over this many
    strides. big_points, big_strides : the same without the SD. quality_min : strides below it tell nothing (LV7).
    """

    points: float = 4.0
    sd: float = 2.0
    strides: int = 100
    big_points: float = 15.0
    big_strides: int = 20
    quality_min: float = QUALITY_LIMIT


@dataclass(frozen=True)
class AsymmetryJump:
    """Contact-time asymmetry moved away from the runner's own; positive: longer on the right."""

    at_s: float
    index_pct: float
    n_strides: int


def asymmetry_pct(right: Any, left: Any) -> Any:
    """Return the symmetry index 200 (R - L) / (R + L) [%] of numbers or arrays; positive: right larger."""
    return 200.0 * (right - left) / (right + left)


def contact_asymmetry_pct(stances: Sequence[tuple[str, float]]) -> float:
    """200 (R - L) / (R + L) of the median contact times [%]; NaN unless both feet have at least three.

    stances : (foot, stance_time_s) pairs; NaN times and unknown feet are left out.
    """
    left = [value for foot, value in stances if foot == "left" and math.isfinite(value)]
    right = [value for foot, value in stances if foot == "right" and math.isfinite(value)]
    if len(left) < LEAST_PER_FOOT or len(right) < LEAST_PER_FOOT:
        return NAN
    return asymmetry_pct(median(right), median(left))


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


class RollingAsymmetry:
    """Asymmetry of the last ``count`` strides, kept up to date stride by stride.

    Every contact is held against the one before it of the other foot, 200 (R - L) / (R + L), and the median of
    these is the index: a change of speed lengthens both contacts of a pair, while medians taken foot by foot over
    strides at two speeds may fall on different speeds.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._last: tuple[str, float] | None = None
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def clear(self) -> None:
        """Forget all strides."""
        self._last = None
        self._recent.clear()
        self._sorted.clear()

    def add(self, foot: str, stance_s: float) -> float:
        """Take one finite contact time; return the index [%], NaN before ``count`` strides were paired."""
        last, self._last = self._last, (foot, stance_s)
        if last is not None and last[0] != foot:
            index = asymmetry_pct(stance_s, last[1]) if foot == "right" else asymmetry_pct(last[1], stance_s)
            self._recent.append(index)
            insort(self._sorted, index)
            if len(self._recent) >= self.count:  # n strides make n - 1 pairs
                del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        return _middle(self._sorted) if len(self._recent) == self.count - 1 else NAN


class AsymmetryMonitor:
    """Watches for J. The baseline is the runner's own (points, own SD); NaN when there is none yet.

    The long window needs a baseline: 4 points alone may be how a sound runner has always run. After a jump the
    windows start afresh, so a limp that goes on is told again.
    """

    def __init__(
        self,
        baseline_pct: float = NAN,
        baseline_sd_pct: float = NAN,
        limits: JumpLimits | None = None,
    ) -> None:
        self.limits = limits or JumpLimits()
        self._slow = RollingAsymmetry(self.limits.strides)
        self._middle = RollingAsymmetry(MIDDLE_WINDOW[0])
        self._quick = RollingAsymmetry(self.limits.big_strides)
        self._baseline_pct = baseline_pct
        self._baseline_sd_pct = baseline_sd_pct

    def reset(self) -> None:
        """Forget the recent strides (after a walk break or a stop)."""
        for window in (self._slow, self._middle, self._quick):
            window.clear()

    def feed(self, stride: Stride, now_s: float) -> AsymmetryJump | None:
        """Take one stride; return the jump it completes. Strides of unsure times or of one foot change nothing."""
        limits = self.limits
        if not has_sure_times(stride.mode, stride.stance_sigma_s, stride.reasons, limits.quality_min):
            return None
        if stride.foot is None or not math.isfinite(stride.stance_time_s):
            return None
        has_baseline = math.isfinite(self._baseline_pct)
        reference = self._baseline_pct if has_baseline else 0.0
        spread = self._baseline_sd_pct if math.isfinite(self._baseline_sd_pct) else 0.0
        slow_points = max(limits.points, limits.sd * spread) if has_baseline else math.inf
        middle_points = MIDDLE_WINDOW[1] + (0.0 if has_baseline else NO_BASELINE_MARGIN_POINTS)
        seen = [
            (window.add(stride.foot, stride.stance_time_s), window.count, points)
            for window, points in (
                (self._slow, slow_points), (self._middle, middle_points), (self._quick, limits.big_points),
            )
        ]  # fmt: skip
        for index, count, points in seen:
            if math.isfinite(index) and abs(index - reference) > points:
                self.reset()
                return AsymmetryJump(now_s, index, count)
        return None
