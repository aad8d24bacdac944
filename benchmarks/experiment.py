"""Error rates of an experiment of one: ``python benchmarks/experiment.py [RUNNERS]``.

Simulated runners whose mornings wander, drift and are rounded to whole scores; the true effect of way B is known. A
runner's length comes from the power calculation over 12 mornings of the same runner, as for a real one. Prints, per
effect, how many experiments could be opened, how long they are, how often an effect was told, how often in the wrong
direction, and how often the interval held the true effect. Exit 1 when no effect is told in more than 7 of 100.
"""

from __future__ import annotations

import argparse
from statistics import median_low

import numpy as np

from tallrun.insight.experiment import Outcome, judge, pairs_needed, register

EFFECTS = (0.0, -0.5, -1.0, -2.0, 1.0)


def mornings(ways: str, effect: float, rng: np.random.Generator) -> list[int]:
    """Next-morning scores of runs of the ways given; B is shifted by ``effect``."""
    wander, found = 0.0, []
    for k, way in enumerate(ways):
        wander = 0.4 * wander + rng.normal(0.0, 0.6)
        found.append(int(np.clip(round(4.0 + wander - 0.02 * k + effect * (way == "B")), 0, 10)))
    return found


def main() -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runners", nargs="?", type=int, default=1000)
    count = parser.parse_args().runners
    print(
        f"{'effect':>6}  {'opened':>6}  {'pairs':>5}  {'told %':>6}  {'wrong way %':>11}  {'interval holds %':>16}"
    )
    false_share = 0.0
    for effect in EFFECTS:
        rng = np.random.default_rng(11)
        lengths, told, wrong, held = [], 0, 0, 0
        for seed in range(count):
            n_pairs = pairs_needed(mornings("A" * 12, 0.0, rng), seed=seed)
            if n_pairs is None:
                continue
            plan = register("own", "cued", n_pairs, seed)
            scores = mornings("".join(plan.order), effect, rng)
            outcomes = [Outcome(way, score) for way, score in zip(plan.order, scores, strict=True)]
            found = judge(plan, outcomes, stopped_for_pain=False)
            lengths.append(n_pairs)
            told += found.word != "cannot tell"
            wrong += found.word != "cannot tell" and (found.word == "lower") != (effect < 0.0)
            held += found.interval is not None and found.interval[0] <= effect <= found.interval[1]
        n = len(lengths)
        rows = [100.0 * value / n for value in (told, wrong, held)]
        print(
            f"{effect:>6}  {n:>6}  {median_low(lengths):>5}  {rows[0]:>6.1f}  {rows[1]:>11.1f}  {rows[2]:>16.1f}"
        )
        if effect == 0.0:
            false_share = rows[0]
    return 1 if false_share > 7.0 else 0


if __name__ == "__main__":
    raise SystemExit(main())
