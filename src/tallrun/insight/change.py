"""Is a change larger than what happens anyway? Typical error and detectable change from the runner's own blocks.

Typical error: standard deviation of one measurement when nothing has changed, pooled within groups of repeats.
Between sessions it holds re-mounting, day and shoe; within a session it does not, so a change seen only
against the latter is "cannot tell". Minimal detectable change = t(0.975, dof) · √2 · typical error, the usual
definition with Student's t because own repeats are few. Source: peers 3.2 (7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.insight.blocks import Block, SessionBlocks, metric_values

FloatArray = NDArray[np.float64]
ChangeWord = Literal["real change", "no real change", "cannot tell"]

#: With fewer repeats than this a typical error is not worth the name.
LEAST_DOF = 2


@dataclass(frozen=True)
class TypicalError:
    """Error of one metric, in its unit. kind : between_sessions or within_session. dof : degrees of freedom."""

    metric: str
    kind: Literal["between_sessions", "within_session"]
    value: float
    dof: int

    @property
    def detectable_change(self) -> float:
        """Smallest difference of two measurements that 95 % of unchanged pairs stay below."""
        return float(student_t.ppf(0.975, self.dof)) * float(np.sqrt(2.0)) * self.value


@dataclass(frozen=True)
class Change:
    """A metric in two sessions at matched speed. detectable None: the own error is not known (reason)."""

    metric: str
    before: float | None
    after: float | None
    difference: float | None
    detectable: float | None
    word: ChangeWord
    reason: str | None

    @property
    def ratio(self) -> float:
        """|difference| / detectable change, to sort by; 0 when either is unknown."""
        if self.difference is None or not self.detectable:
            return 0.0
        return abs(self.difference) / self.detectable


def typical_error(
    sessions: Iterable[SessionBlocks],
    metric: str,
    speed_mps: float,
    *,
    kind: Literal["between_sessions", "within_session"] = "between_sessions",
    tolerance: float = SPEED_TOLERANCE,
) -> TypicalError | None:
    """Return the typical error of a metric at one speed, None when there are too few repeats.

    between_sessions : session medians of GREEN sessions, grouped by shoe and strap. within_session : blocks
    of one session, pooled over all sessions.
    """
    groups: dict[object, list[float]] = {}
    for session in sessions:
        values = metric_values(session.at_speed(speed_mps, tolerance), metric)
        if not len(values):
            continue
        if kind == "within_session":
            groups[session.session_id] = list(values)
        elif session.grade == "GREEN":
            groups.setdefault((session.shoe, session.strap), []).append(float(np.median(values)))
    return _pooled(metric, kind, [np.array(group) for group in groups.values()])


def _pooled(
    metric: str, kind: Literal["between_sessions", "within_session"], groups: Sequence[FloatArray]
) -> TypicalError | None:
    dof = sum(len(group) - 1 for group in groups)
    if dof < LEAST_DOF:
        return None
    squares = sum(float(np.sum((group - np.mean(group)) ** 2)) for group in groups)
    return TypicalError(metric, kind, float(np.sqrt(squares / dof)), dof)


def compare_blocks(
    metric: str,
    before: Sequence[Block],
    after: Sequence[Block],
    history: Sequence[SessionBlocks],
    speed_mps: float,
) -> Change:
    """Compare one metric of two sessions at matched speed.

    before, after : the blocks of each session inside the matched window. history : the runner's sessions,
    whose repeats give the error. Unknown values give ``cannot tell`` with a reason code.
    """
    old, new = metric_values(before, metric), metric_values(after, metric)
    if not len(old) or not len(new):
        return Change(metric, _median(old), _median(new), None, None, "cannot tell", "too_few_strides")
    first, second = float(np.median(old)), float(np.median(new))
    difference = second - first
    error = typical_error(history, metric, speed_mps)
    if error is not None:
        limit = error.detectable_change
        word: ChangeWord = "real change" if abs(difference) > limit else "no real change"
        return Change(metric, first, second, difference, limit, word, None)
    within = _pooled(metric, "within_session", [old, new])
    if within is None:
        return Change(metric, first, second, difference, None, "cannot tell", "no_baseline")
    # Day-to-day error is not known: a difference inside the scatter of one run is certainly no real change,
    # a larger one may be the day.
    limit = within.detectable_change
    word = "no real change" if abs(difference) <= limit else "cannot tell"
    return Change(
        metric, first, second, difference, limit, word, None if word == "no real change" else "no_baseline"
    )


def compare_sessions(
    before: SessionBlocks,
    after: SessionBlocks,
    history: Sequence[SessionBlocks],
    speed_mps: float,
    metrics: Sequence[str],
) -> tuple[Change, ...]:
    """Compare two sessions at ±5 % of a speed, changes largest against their error first."""
    changes = [
        compare_blocks(
            metric, before.at_speed(speed_mps, SPEED_TOLERANCE), after.at_speed(speed_mps, SPEED_TOLERANCE),
            history, speed_mps,
        )
        for metric in metrics
    ]  # fmt: skip
    order = {"real change": 0, "no real change": 1, "cannot tell": 2}
    return tuple(sorted(changes, key=lambda item: (order[item.word], -item.ratio)))


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if len(values) else None
