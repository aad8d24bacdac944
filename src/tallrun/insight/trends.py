"""Rising, steady or falling, and how sure: trends in words a runner can use.

The slope is Theil-Sen, as in rule BL1; over the rule's seven days the word is the rule's own, so that report and
advice never disagree. How sure: the share of re-orderings of the same scores that would look as steep
(a permutation test of Kendall's S). Source: art:C3, decision-table BL1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np

from tallrun.recovery.mornings import FALLING, RISING, slope_per_day, trend
from tallrun.recovery.protocol import Protocol

Sureness = Literal["clear", "likely", "unsure"]

_RANDOM_ORDERS = 4000
_ALL_ORDERS_UP_TO = 7
CLEAR_P, LIKELY_P = 0.05, 0.20
_HOW = {"clear": "that is clear", "likely": "that is likely", "unsure": "that is not sure"}
WEEK_DAYS = 7
#: Over several weeks this many mornings are needed for each week.
MORNINGS_PER_WEEK = 3


@dataclass(frozen=True)
class Trend:
    """What the mornings do. word : rising, steady, falling, or not enough mornings.

    slope_per_week : score points per week, None with too few mornings. sure : None then as well.
    p : share of re-orderings at least as steep.
    """

    word: str
    sure: Sureness | None
    slope_per_week: float | None
    p: float | None
    n_mornings: int
    days: int

    @property
    def sentence(self) -> str:
        """One plain sentence."""
        if self.slope_per_week is None:
            return f"Not enough mornings to say: {self.n_mornings} in {self.days} days."
        how = {"clear": "that is clear", "likely": "that is likely", "unsure": "that is not sure"}[
            self.sure or "unsure"
        ]
        if self.word == "steady":
            return f"Your mornings over {self.days} days are steady ({self.n_mornings} mornings)."
        return (
            f"Your mornings over {self.days} days are {self.word} by {abs(self.slope_per_week):.1f} a week; "
            f"{how} ({self.n_mornings} mornings)."
        )


def morning_trend(
    protocol: Protocol,
    mornings: Sequence[tuple[int, int]],
    today: int,
    *,
    days: int = WEEK_DAYS,
    seed: int = 0,
) -> Trend:
    """Describe the trend of morning scores over the last ``days`` local dates up to ``today``.

    mornings : (day number, score) with unmasked load tests of one kind, any order, one a day. seed : for the
    random re-orderings when there are too many to try all.
    """
    points = sorted(point for point in mornings if today - days < point[0] <= today)
    needed = (
        protocol.baseline.trend_min_mornings if days <= WEEK_DAYS else MORNINGS_PER_WEEK * (days // WEEK_DAYS)
    )
    slope = slope_per_day(points)
    if len(points) < needed or slope is None:
        return Trend("not enough mornings", None, None, None, len(points), days)
    if days == protocol.baseline.trend_days:
        word = {RISING: "rising", FALLING: "falling"}.get(trend(protocol, points), "steady")
    else:
        # Half a point over the whole span is the least that means anything on a whole-number scale.
        moved = slope * (points[-1][0] - points[0][0])
        word = "rising" if moved >= 0.5 else "falling" if moved <= -0.5 else "steady"
    p = _permutation_p([score for _, score in points], seed)
    sure: Sureness = "clear" if p < CLEAR_P else "likely" if p < LIKELY_P else "unsure"
    return Trend(word, sure, slope * 7, p, len(points), days)


def _permutation_p(scores: list[int], seed: int) -> float:
    """Two-sided share of orders with |S| at least as large; every order is tried when there are few."""
    observed = abs(_kendall_s(np.array([scores]))[0])
    if len(scores) <= _ALL_ORDERS_UP_TO:
        orders = np.array(list(permutations(scores)))
        return float(np.mean(np.abs(_kendall_s(orders)) >= observed))
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(scores, (_RANDOM_ORDERS, 1)), axis=1)
    return float((np.sum(np.abs(_kendall_s(orders)) >= observed) + 1) / (_RANDOM_ORDERS + 1))


def _kendall_s(orders: np.ndarray) -> np.ndarray:
    """Concordant minus discordant pairs of each row."""
    total = np.zeros(len(orders))
    for lag in range(1, orders.shape[1]):
        total += np.sum(np.sign(orders[:, lag:] - orders[:, :-lag]), axis=1)
    return total
