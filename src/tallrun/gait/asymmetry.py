"""Left against right contact time: the index, and the sudden jump that is a safety signal (J)."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tallrun.gait.eligible import has_sure_times
from tallrun.gait.strides import NAN, Stride

#: (strides, points beyond the own baseline). First and last are the decision table's J; the middle one is ours:
#: a 15-point limp must be told within 20 s, which neither 100 strides nor "> 15 points" can promise.
JUMP_WINDOWS = ((100, 4.0), (30, 10.0), (20, 15.0))
#: Without an own baseline a sound runner's own left-right difference must not count as a jump.
NO_BASELINE_MARGIN_POINTS = 2.0
LEAST_PER_FOOT = 3


@dataclass(frozen=True)
class AsymmetryJump:
    """Contact-time asymmetry moved away from the runner's own; positive: longer on the right."""

    at_s: float
    index_pct: float
    reference_pct: float
    n_strides: int


def contact_asymmetry_pct(stances: Sequence[tuple[str, float]]) -> float:
    """200 (R - L) / (R + L) of the median contact times [%]; NaN unless both feet have at least three.

    stances : (foot, stance_time_s) pairs; NaN times and unknown feet are left out.
    """
    left = [value for foot, value in stances if foot == "left" and math.isfinite(value)]
    right = [value for foot, value in stances if foot == "right" and math.isfinite(value)]
    if len(left) < LEAST_PER_FOOT or len(right) < LEAST_PER_FOOT:
        return NAN
    left_s, right_s = median(left), median(right)
    return 200.0 * (right_s - left_s) / (right_s + left_s)


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
            difference = stance_s - last[1] if foot == "right" else last[1] - stance_s
            index = 200.0 * difference / (stance_s + last[1])
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
        windows: tuple[tuple[int, float], ...] = JUMP_WINDOWS,
    ) -> None:
        self._windows = tuple((RollingAsymmetry(count), points) for count, points in windows)
        self._longest = max(count for count, _ in windows)
        self._shortest = min(count for count, _ in windows)
        self._baseline_pct = baseline_pct
        self._baseline_sd_pct = baseline_sd_pct

    def reset(self) -> None:
        """Forget the recent strides (after a walk break or a stop)."""
        for window, _ in self._windows:
            window.clear()

    def feed(self, stride: Stride, now_s: float) -> AsymmetryJump | None:
        """Take one stride; return the jump it completes. Strides of unsure times or of one foot change nothing."""
        if not has_sure_times(stride.mode, stride.timing_sigma_s, stride.reasons):
            return None
        if stride.foot is None or not math.isfinite(stride.stance_time_s):
            return None
        has_baseline = math.isfinite(self._baseline_pct)
        reference = self._baseline_pct if has_baseline else 0.0
        seen = [
            (window.add(stride.foot, stride.stance_time_s), window.count, points)
            for window, points in self._windows
        ]
        for index, count, points in seen:
            if not math.isfinite(index):
                continue
            if count == self._longest:
                if not has_baseline:
                    continue
                spread = self._baseline_sd_pct if math.isfinite(self._baseline_sd_pct) else 0.0
                limit = max(points, 2.0 * spread)
            else:
                limit = (
                    points if has_baseline or count == self._shortest else points + NO_BASELINE_MARGIN_POINTS
                )
            if abs(index - reference) > limit:
                self.reset()
                return AsymmetryJump(now_s, index, reference, count)
        return None
