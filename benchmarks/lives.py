"""Simulated lives: ``python benchmarks/lives.py [COUNT] [FIRST_SEED] [--days 60] [--workers N]``.

Each life is a runner of a kind drawn at random (steady, flare, silence, holiday, painkillers, evenings ...) who answers
what is due and does what is planned, by the rules alone. Prints for each kind how many lives there were, on which
day the first run, V9 and F2 were reached (median and last), the longest wait for a running day, and every state that
had no true way out; exit 1 when there is one. 10,000 lives take about two hours of processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median_low

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.lives import LONGEST_WAIT_DAYS, in_memory, varied

RUNGS = ("V1", "V9", "F2")


def one(task: tuple[int, int]) -> tuple[str, list[int | None], int, list[str], float]:
    """Live one life: its kind, days of the rungs, longest wait, faults, processor seconds."""
    seed, days = task
    began = time.process_time()
    life = in_memory(varied(seed), seed).live(days)
    faults = list(life.faults)
    if life.longest_wait() > LONGEST_WAIT_DAYS:
        faults.append(f"{life.kind.name}, seed {seed}: {life.longest_wait()} days without a running day")
    reached = [life.reached(rung) for rung in RUNGS]
    return life.kind.name, reached, life.longest_wait(), faults, time.process_time() - began


def main() -> int:
    """Live the lives and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("first_seed", nargs="?", type=int, default=0)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--workers", type=int, default=None)
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.count)
    found = defaultdict(list)
    faults: list[str] = []
    spent_s = 0.0
    with ProcessPoolExecutor(args.workers) as pool:
        for kind, reached, wait, wrong, seconds in pool.map(
            one, [(seed, args.days) for seed in seeds], chunksize=4
        ):
            found[kind].append((reached, wait))
            faults += wrong
            spent_s += seconds
    print(
        f"{args.count} lives of {args.days} days from seed {args.first_seed}, {spent_s:.0f} s of processor time"
    )
    print(
        f"{'kind':<28}{'lives':>6}  {'V1 (last)':>10}  {'V9 (last)':>10}  {'F2 (last)':>10}  {'longest wait':>12}"
    )
    for kind, rows in sorted(found.items()):
        told = []
        for place in range(len(RUNGS)):
            days = [reached[place] for reached, _ in rows if reached[place] is not None]
            told.append(f"{median_low(days)} ({max(days)})" if days else "–")
        longest = max(wait for _, wait in rows)
        print(f"{kind:<28}{len(rows):>6}  {told[0]:>10}  {told[1]:>10}  {told[2]:>10}  {longest:>12}")
    for line in faults[:50]:
        print(line)
    print(f"states without a true way out: {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
