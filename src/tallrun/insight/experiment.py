"""Does it help *this* runner? Two ways of running in turn, at one dose, in an order fixed and sealed beforehand.

Pairs of runs, one of each way, which comes first drawn per pair. The outcome of a run is its next-morning score; a
pair's difference is way B minus way A. Judged as registered: the share of all 2^n sign patterns of the pair
differences whose mean is as far from zero (the randomisation test of this very design: it needs no shape of
distribution and holds for tied scores), and the interval of shifts that the same test does not refuse. Nothing is told
before the registered number of pairs is complete, so that looking early cannot find what is not there. Pain rules
outrank the experiment: a stop ends it, and its end is told as "cannot tell".

Source: single-case randomisation tests (Edgington and Onghena, Randomization Tests, 4th ed. 2007); sci:B6 (why a change
of gait must be tried on the runner in question).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Way = Literal["A", "B"]

#: Five pairs cannot reach 5 % two-sided (2 of 32 patterns), so no experiment is shorter.
LEAST_PAIRS = 6
#: Beyond this an answer would come too late to be of use; a larger scatter is told as "too long to be worth it".
MOST_PAIRS = 14
LEVEL = 0.05
POWER = 0.80


@dataclass(frozen=True)
class Registration:
    """What is fixed before the first run; nothing of it changes afterwards.

    way_a, way_b : the two ways of running, in words. order : the way of each run, pair after pair. n_pairs : pairs to
    be completed. washout_runs : runs after each change of way that are run and not counted. worthwhile : least
    difference worth finding [points]. key : the seed the order was drawn from; told with the order at the end.
    seal : SHA-256 over all of it, to be shown and kept by whoever must trust it; the key keeps the order from being
    found by trying all there are.
    """

    way_a: str
    way_b: str
    order: tuple[Way, ...]
    n_pairs: int
    washout_runs: int
    worthwhile: float
    key: int
    seal: str

    @property
    def steps(self) -> tuple[tuple[Way, bool], ...]:
        """Every run to be made, in order: its way, and whether it counts (a run of the wash-out does not)."""
        found: list[tuple[Way, bool]] = []
        for before, way in zip((None, *self.order), self.order, strict=False):
            if way != before:
                found += [(way, False)] * self.washout_runs
            found.append((way, True))
        return tuple(found)


@dataclass(frozen=True)
class Outcome:
    """One counted run: its way and its next-morning score [0-10], None where missing or masked by a painkiller."""

    way: Way
    score: int | None


@dataclass(frozen=True)
class Finding:
    """What the finished experiment says, way B minus way A in points of the next-morning score.

    word : ``lower`` or ``higher`` (of B), ``cannot tell``. interval : shifts the test does not refuse at 5 %, None with
    a reason. reason : ``not_finished``, ``closed_early``, ``stopped_for_pain``, ``missing_scores``,
    ``within_chance``. n_pairs : pairs with both scores.
    """

    word: Literal["lower", "higher", "cannot tell"]
    difference: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    n_pairs: int
    reason: str | None


def pairs_needed(mornings: Sequence[int], worthwhile: float = 1.0, *, seed: int = 0) -> int | None:
    """Return how many pairs find a difference of ``worthwhile`` points in 80 of 100 experiments.

    mornings : this runner's own next-morning scores at one dose, oldest first; their scatter from one to the next is
    the scatter of a pair, by resampling. None when fewer than 6 scores are known, when they do not scatter at all
    (nothing can be reckoned from that), or when more than ``MOST_PAIRS`` pairs would be needed.
    """
    steps = np.diff(np.asarray(mornings, dtype=np.float64))
    if len(steps) < 5 or not np.any(steps):
        return None
    rng = np.random.default_rng(seed)
    spread = np.concatenate([steps, -steps])  # a pair is as likely to fall either way when nothing helps
    for n_pairs in range(LEAST_PAIRS, MOST_PAIRS + 1):
        drawn = rng.choice(spread, size=(200, n_pairs)) - worthwhile
        if np.mean([randomisation_p(row) <= LEVEL for row in drawn]) >= POWER:
            return n_pairs
    return None


def register(
    way_a: str,
    way_b: str,
    n_pairs: int,
    seed: int,
    *,
    washout_runs: int = 0,
    worthwhile: float = 1.0,
) -> Registration:
    """Fix an experiment; the order is drawn from ``seed`` and sealed.

    Raises ValueError when ``n_pairs`` lies outside 6 to 14 or ``washout_runs`` is negative.
    """
    if not LEAST_PAIRS <= n_pairs <= MOST_PAIRS:
        raise ValueError(f"an experiment has {LEAST_PAIRS} to {MOST_PAIRS} pairs of runs, got {n_pairs}")
    if washout_runs < 0:
        raise ValueError(f"washout_runs must be 0 or more, got {washout_runs}")
    flips = np.random.default_rng(seed).integers(0, 2, n_pairs)
    order = tuple(way for flip in flips for way in (("A", "B") if flip else ("B", "A")))
    fixed = {
        "way_a": way_a,
        "way_b": way_b,
        "order": "".join(order),
        "n_pairs": n_pairs,
        "washout_runs": washout_runs,
        "worthwhile": worthwhile,
        "key": str(seed),
    }
    seal = sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()
    return Registration(way_a, way_b, order, n_pairs, washout_runs, worthwhile, seed, seal)  # type: ignore[arg-type]


def judge(
    registration: Registration, outcomes: Sequence[Outcome], *, stopped_for_pain: bool, closed: bool = False
) -> Finding:
    """Judge the counted runs as registered.

    outcomes : counted runs in the order they were run; run k belongs to pair k // 2. A pair with a missing score tells
    nothing; with fewer than ``LEAST_PAIRS`` whole pairs nothing is told. Raises ValueError when a run was not of the
    registered way: such a run must not be handed over as a counted one.
    """
    for index, item in enumerate(outcomes):
        if index >= len(registration.order) or item.way != registration.order[index]:
            raise ValueError(f"run {index + 1} of the experiment is not of the registered way")
    differences = _differences(outcomes)
    n_pairs = len(differences)
    if stopped_for_pain:
        return Finding("cannot tell", None, None, None, n_pairs, "stopped_for_pain")
    if len(outcomes) < 2 * registration.n_pairs:
        return Finding("cannot tell", None, None, None, n_pairs, "closed_early" if closed else "not_finished")
    if n_pairs < LEAST_PAIRS:
        return Finding("cannot tell", None, None, None, n_pairs, "missing_scores")
    middle = float(np.mean(differences))
    p_value = randomisation_p(differences)
    interval = _shifts_not_refused(differences)
    if p_value > LEVEL:
        return Finding("cannot tell", middle, interval, p_value, n_pairs, "within_chance")
    return Finding("lower" if middle < 0.0 else "higher", middle, interval, p_value, n_pairs, None)


def words_of(registration: Registration, finding: Finding) -> str:
    """Return the finding in one sentence that claims no more than the data carry."""
    if finding.reason == "stopped_for_pain":
        return "The trial ended early because of pain, so it cannot tell which way suits you."
    if finding.reason == "not_finished":
        return "The trial is not finished. Nothing is told before all its runs are done."
    if finding.reason == "closed_early":
        return "The trial was closed before all its runs were done, so it cannot tell which way suits you."
    if finding.reason == "missing_scores" or finding.interval is None or finding.difference is None:
        return "Too many next-morning scores are missing, so the trial cannot tell which way suits you."
    low, high = finding.interval
    span = f"between {low:+.1f} and {high:+.1f} points"
    way = f'"{registration.way_b}" against "{registration.way_a}"'
    if finding.word == "cannot tell":
        return f"Cannot tell. In your case, {way}: next-morning scores {span}. That includes no difference."
    return (
        f"In your case, {way}: next-morning scores were {finding.word}, {span}. "
        f"Seen over {finding.n_pairs} pairs of runs at one dose."
    )


def randomisation_p(differences: FloatArray) -> float:
    """Return the share of all sign patterns whose mean is at least as far from zero.

    differences : float64 (n,), 1 <= n <= 14, finite. Exact: all 2^n patterns that the draw could have given.
    """
    return float(np.mean(np.abs(_patterns(len(differences)) @ differences) >= abs(differences.sum()) - 1e-9))


def _patterns(n: int) -> FloatArray:
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return 1.0 - 2.0 * bits.astype(np.float64)


def _shifts_not_refused(differences: FloatArray) -> tuple[float, float]:
    """Return the least and the largest shift that the randomisation test keeps at 5 %.

    Whether a shift is kept changes only where the mean of some subset of the differences equals it, so the ends are the
    k-th smallest and largest of all subset means, k = 2.5 % of the patterns.
    """
    n = len(differences)
    chosen = (_patterns(n)[1:] < 0.0).astype(np.float64)  # every subset but the empty one
    means = np.sort((chosen @ differences) / chosen.sum(axis=1))
    cut = max(int(np.floor(LEVEL / 2.0 * 2**n)) - 1, 0)
    return float(means[cut]), float(means[-1 - cut])


def _differences(outcomes: Sequence[Outcome]) -> FloatArray:
    """Return B minus A of each pair that has both scores, in order."""
    found = []
    for first, second in zip(outcomes[::2], outcomes[1::2], strict=False):
        scores: Mapping[str, int | None] = {first.way: first.score, second.way: second.score}
        a, b = scores["A"], scores["B"]
        if a is not None and b is not None:
            found.append(float(b - a))
    return np.array(found, dtype=np.float64)
