"""Is a change larger than what happens anyway? Typical error and detectable change from the runner's own blocks.

Typical error: standard deviation of one measurement when nothing has changed, pooled within groups of repeats.
Between sessions it holds re-mounting, day and shoe; within a session it does not, so a change seen only
against the latter is "cannot tell". Minimal detectable change = t(0.975, dof) · √2 · typical error, the usual
definition with Student's t because own repeats are few. Source: peers 3.2 (7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.insight.blocks import METRICS, Block, OwnSessions, SessionBlocks, metric_values

FloatArray = NDArray[np.float64]
ChangeWord = Literal["real change", "no real change", "cannot tell"]
ErrorKind = Literal["next_sessions", "within_session"]

#: How often something unchanged may be called changed.
LEVEL = 0.05
#: With fewer repeats than this a typical error is not worth the name.
LEAST_DOF = 2
#: Sessions that are to repeat each other lie no further apart than this.
NEXT_DAYS = 14
#: Differences further out than this many standard deviations are cut to it (Huber 1964); the median size of a normal
#: one, and what is left of its mean square after cutting.
_FAR, _MEDIAN_SIZE, _LEFT_OF_SQUARE = 2.5, 0.67449, 0.97756
#: Fewer pairs of blocks than this give no 95 % interval: the signed-rank test cannot reach it.
LEAST_PAIRS = 6


@dataclass(frozen=True)
class TypicalError:
    """Error of one metric, in its unit. kind : between sessions or between blocks. dof : degrees of freedom."""

    metric: str
    kind: ErrorKind
    value: float
    dof: float

    def detectable(self, level: float) -> float:
        """Difference of two measurements that all but this share of unchanged pairs stay below.

        Who looks at m quantities at once takes ``LEVEL`` / m, so that of 20 unchanged sessions one shows any change.
        """
        return float(stdtrit(self.dof, 1.0 - level / 2.0)) * float(np.sqrt(2.0)) * self.value


class HasDetectable(Protocol):
    """An error that can say what two measurements may differ by."""

    def detectable(self, level: float) -> float:
        """Difference that all but this share of unchanged pairs stay below."""
        ...


@dataclass(frozen=True)
class Change:
    """A metric in two sessions at matched speed, in its unit; None is unknown (reason).

    before, after : medians of the paired blocks. difference : middle of the paired differences (after minus before).
    interval : 95 % of that middle, None with fewer than ``LEAST_PAIRS`` pairs. detectable : what two measurements may
    differ by when nothing has changed.
    """

    metric: str
    before: float | None
    after: float | None
    difference: float | None
    detectable: float | None
    word: ChangeWord
    reason: str | None
    interval: tuple[float, float] | None = None
    n_pairs: int = 0

    @property
    def ratio(self) -> float:
        """|difference| / detectable change, to sort by; 0 when either is unknown."""
        if self.difference is None or not self.detectable:
            return 0.0
        return abs(self.difference) / self.detectable


def by_weight(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return changes as a reader wants them: real ones, then those that cannot be told, each by size over error."""
    order = {"real change": 0, "cannot tell": 1, "no real change": 2}
    return tuple(sorted(changes, key=lambda item: (order[item.word], -item.ratio)))


def typical_error(
    sessions: Iterable[SessionBlocks], metric: str, speed_mps: float, tolerance: float = SPEED_TOLERANCE
) -> TypicalError | None:
    """Return how far a metric moves from one session to the next at one speed, None when there are too few repeats.

    From the differences of each GREEN session from the one before it in the same shoe and strap, so that neither a
    change over weeks nor one step counts as error (mean square successive difference, von Neumann 1941, far ones cut).
    """
    own = OwnSessions.of(sessions)
    medians = own.medians_at(speed_mps, tolerance)[:, METRICS.index(metric)].tolist()
    dated: dict[object, list[tuple[datetime, float]]] = {}
    for session, median in zip(own, medians, strict=True):
        if session.grade == "GREEN" and median == median:
            dated.setdefault((session.shoe, session.strap), []).append((session.started_at, median))
    return _successive(metric, dated.values())


def _successive(metric: str, groups: Iterable[list[tuple[datetime, float]]]) -> TypicalError | None:
    steps = [
        new - old
        for group in groups
        for (before, old), (after, new) in pairwise(sorted(group))
        if (after - before).days <= NEXT_DAYS
    ]
    n = len(steps)
    if n < LEAST_DOF:
        return None
    sizes = np.abs(steps)
    # a change made in one step is one large difference: it counts as a large one and not by its square
    cut = _FAR * float(np.median(sizes)) / _MEDIAN_SIZE
    square = float(np.mean(np.minimum(sizes, cut) ** 2)) / _LEFT_OF_SQUARE
    # neighbouring differences share a session: so much do they count for
    dof = 2.0 * n * n / (3.0 * n - 1.0)
    return TypicalError(metric, "next_sessions", float(np.sqrt(square / 2.0)), dof)


def _within(metric: str, groups: Sequence[FloatArray]) -> TypicalError | None:
    """Scatter of blocks within their own run, pooled."""
    dof = sum(len(group) - 1 for group in groups)
    if dof < LEAST_DOF:
        return None
    squares = sum(float(np.sum((group - np.mean(group)) ** 2)) for group in groups)
    return TypicalError(metric, "within_session", float(np.sqrt(squares / dof)), dof)


def compare_blocks(
    metric: str,
    before: Sequence[Block],
    after: Sequence[Block],
    history: Sequence[SessionBlocks],
    speed_mps: float,
    *,
    is_one_session: bool = False,
    least_pairs: int = 1,
    level: float = LEVEL,
    between: HasDetectable | None = None,
) -> Change:
    """Compare one metric of two sessions, or of two parts of one, at matched speed.

    before, after : the blocks of each inside the matched window, in order of time; the k-th is held against the k-th,
    so that both are equally far into the running. history : the runner's sessions, whose repeats give the error between
    sessions. is_one_session : nothing was taken off in between, so the scatter of the blocks is the right error.
    least_pairs : with fewer pairs of blocks no change is called real. level : see ``TypicalError.detectable``.
    between : the error between days, where it is known already; it takes the place of that of ``history``.
    A change is real when it exceeds the detectable one and its interval, where there is one, leaves out zero.
    Unknown values give ``cannot tell`` with a reason code.
    """
    pairs = np.array(
        [
            (old.values[metric], new.values[metric])
            for old, new in zip(before, after, strict=False)
            if metric in old.values and metric in new.values
        ]
    )
    all_old, all_new = metric_values(before, metric), metric_values(after, metric)
    if not len(pairs):
        return Change(
            metric, _median(all_old), _median(all_new), None, None, "cannot tell", "too_few_strides"
        )
    first, second = (float(value) for value in np.median(pairs, axis=0))
    difference, interval = paired_difference(pairs[:, 1] - pairs[:, 0])
    if is_one_session:
        between = None
    elif between is None:
        between = typical_error(history, metric, speed_mps)
    error = between or _within(metric, [all_old, all_new])

    def found(word: ChangeWord, reason: str | None) -> Change:
        limit = None if error is None else error.detectable(level)
        return Change(metric, first, second, difference, limit, word, reason, interval, len(pairs))

    if error is None:
        return found("cannot tell", "no_baseline")
    if abs(difference) <= error.detectable(level):
        return found("no real change", None)
    if len(pairs) < least_pairs:
        return found("cannot tell", "too_few_blocks")
    if interval is not None and interval[0] <= 0.0 <= interval[1]:
        return found("cannot tell", "blocks_disagree")
    if between is None and not is_one_session:
        # larger than the scatter inside one run, but it may be the day: that error is not known
        return found("cannot tell", "no_own_error")
    return found("real change", None)


def paired_difference(differences: FloatArray) -> tuple[float, tuple[float, float] | None]:
    """Return the middle of paired differences and its 95 % interval.

    differences : float64 (n,), n >= 1, finite. The middle is the median of all pairwise means (Hodges and Lehmann
    1963), the interval the one that inverts Wilcoxon's signed-rank test, exact for n up to 50: it always holds its own
    middle and leans on no shape of distribution. None below ``LEAST_PAIRS`` pairs, where 95 % cannot be reached.
    """
    n = len(differences)
    means = np.sort(np.add.outer(differences, differences)[np.triu_indices(n)] / 2.0)
    middle = float(np.median(means))
    if n < LEAST_PAIRS:
        return middle, None
    cut = _signed_rank_cut(n)
    return middle, (float(means[cut]), float(means[-1 - cut]))


def _signed_rank_cut(n: int) -> int:
    """Return how many of the sorted pairwise means lie outside the interval on each side."""
    total = n * (n + 1) // 2
    if n > 50:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24.0)
        return max(int(np.floor(total / 2.0 - 1.959964 * spread)), 0)
    ways = np.zeros(total + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    return int(np.searchsorted(np.cumsum(ways) / 2.0**n, 0.025, side="right")) - 1


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if len(values) else None
