"""Accuracy over a grid of simulated sessions and every public recording, against the bars of the design.

    python benchmarks/accuracy.py             # everything, about 40 minutes on one core
    python benchmarks/accuracy.py --quick     # a few sessions of each kind, about five minutes
    python benchmarks/accuracy.py --only real

Writes results/accuracy.json and .md. Simulated rows check the implementation; they say nothing about people.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from accuracy_flags import flag_rows, habit_rows, layered_limp_rows, limp_rows, sound_rows
from accuracy_real import real_rows
from accuracy_simulated import belt_rows, grid_rows, label_rows, nuisance_rows, simulated_mounting_rows
from tables import Row, load, print_rows, save


def parts(is_quick: bool) -> dict[str, Callable[[], list[Row]]]:
    """Part -> what measures it, in the order of the tables."""
    return {
        "real": real_rows,
        "grid": lambda: grid_rows(is_quick),
        "belt": lambda: belt_rows(is_quick),
        "labels": lambda: label_rows(is_quick),
        "mounting": simulated_mounting_rows,
        "flags": lambda: flag_rows(4 if is_quick else 24),
        "habits": lambda: habit_rows(4 if is_quick else 16),
        "sound": lambda: sound_rows(1.0 if is_quick else 10.0),
        "limp": lambda: limp_rows(20 if is_quick else 200),
        "jumps": lambda: layered_limp_rows(5.0 if is_quick else 50.0),
        "nuisance": lambda: nuisance_rows(0.5 if is_quick else 10.0),
    }


def measure(is_quick: bool, only: list[str]) -> list[Row]:
    """Measure the chosen parts, all by default; print each as it is done."""
    rows: list[Row] = []
    for name, part in parts(is_quick).items():
        if not only or name in only:
            done = part()
            print_rows(done)
            rows += done
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--only", nargs="*", default=[], choices=list(parts(True)), help="keeps the other parts' rows"
    )
    options = parser.parse_args()
    rows = measure(options.quick, options.only)
    if options.only and (before := load("accuracy")) is not None:
        new = {row.section for row in rows}
        rows = [row for row in before[1] if row.section not in new] + rows
    save("accuracy", rows, is_quick=options.quick)
    missed = [row for row in rows if row.is_met is False]
    print(f"\n{len(rows)} figures, {sum(row.is_met is True for row in rows)} bars met, {len(missed)} not:")
    for row in missed:
        print(f"  {row.section}: {row.figure} {row.value} {row.unit} (bar {row.bar})")


if __name__ == "__main__":
    main()
