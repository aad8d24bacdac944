"""The sigmas of length and time over a grid of ranges, rates and losses, simulated at 2 to 6 m/s.

    python benchmarks/stress_grid.py                 # every cell, a line each
    python benchmarks/stress_grid.py --rates 200     # one rate only

Printed: contacts found and sure of their times, share of strides with a usable length, its error, and how many true
lengths and initial contacts lie within two sigma. An implementation check: the simulated foot is not a person's, and
its true contacts are put up to 15 ms from its landings, evenly, as force plates and kinematics differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


import numpy as np

from support.foot_grid import DEFINITIONS_S, PAIRS_S, cell

SPEEDS_MPS = (2.0, 3.0, 4.0, 5.0, 6.0)
LOSSES = ((0.0, 0.0), (0.02, 0.0), (0.07, 0.0), (0.15, 0.0), (0.02, 0.1), (0.07, 0.1), (0.15, 0.1))


#: What is counted, and the definitions each of them is held against.
QUANTITIES = {
    "in_sigmas": ("lengths", 1), "times_in_sigmas": ("initial contacts", len(DEFINITIONS_S)),
    "offs_in_sigmas": ("final contacts", len(DEFINITIONS_S)), "stances_in_sigmas": ("contact times", len(PAIRS_S)),
}  # fmt: skip


def within(in_sigmas: np.ndarray) -> str:
    return f"{np.mean(np.abs(in_sigmas) < 2.0):.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", nargs="*", type=float, default=[100.0, 200.0, 400.0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--kind", type=int, default=0, help="1: runners of another kind")
    options = parser.parse_args()
    pooled: dict[str, list[np.ndarray]] = {name: [] for name in QUANTITIES}
    print(
        "| rate | range g | range deg/s | lost | found | timed | usable | error % | lengths within 2 sigma | times"
        " | offs | contact times |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for rate in options.rates:
        for acc_g in (16.0, 8.0):
            for gyr_dps in (2000.0, 1000.0, 500.0):
                for lost, hole_s in LOSSES:
                    seeds = tuple(range(1, options.seeds + 1))
                    got = cell(acc_g, gyr_dps, rate, lost, hole_s, SPEEDS_MPS, seeds, options.kind)
                    for name in QUANTITIES:
                        pooled[name].append(got[name])
                    errors = got["errors_pct"]
                    spread = f"{errors.mean():+.1f} ± {errors.std():.1f}" if len(errors) else "–"
                    print(
                        f"| {rate:.0f} | {acc_g:.0f} | {gyr_dps:.0f} | {lost:.0%}{' in holes' if hole_s else ''}"
                        f" | {got['found']:.0%} | {got['timed']:.0%} | {got['usable']:.0%} | {spread}"
                        f" | {within(got['in_sigmas'])} of {len(got['in_sigmas'])}"
                        f" | {within(got['times_in_sigmas'])} | {within(got['offs_in_sigmas'])}"
                        f" | {within(got['stances_in_sigmas'])} |",
                        flush=True,
                    )
    for name, (told, n_definitions) in QUANTITIES.items():
        parts = np.concatenate(pooled[name])
        print(f"\nAll cells: {within(parts)} of {len(parts) // n_definitions} {told} within 2 sigma")


if __name__ == "__main__":
    main()
