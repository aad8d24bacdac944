"""How what a runner waits for grows with the runs in the records.

Run: ``python benchmarks/growth.py [--runs 60 240 1000] [--minutes 30]``. Prints seconds (median of three) and the time
per run against the smallest count: 1.0 is linear, and what stays near the number of runs would be quadratic.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.many_runs import NOW, many_runs, stride_table
from tallrun.insight import flag_baseline, steady_blocks
from tallrun.insight.blocks import OwnSessions
from tallrun.insight.pain import pain_after
from tallrun.journal.desk import load_protocol
from tallrun.report.history import own_history
from tallrun.report.own import against_own
from tallrun.store import Store


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, nargs="+", default=[60, 240, 1000])
    parser.add_argument("--minutes", type=float, default=30.0)
    args = parser.parse_args()
    protocol, first = load_protocol(), {}
    run = steady_blocks(stride_table(60.0 * args.minutes, 2.6, 9))
    print(f"{platform.machine()}, Python {platform.python_version()}, runs of {args.minutes:g} min")
    print(f"{'runs':>6}  {'what':<44}{'s':>8}{'per run':>9}")
    for count in args.runs:
        with tempfile.TemporaryDirectory() as place:
            runner_id = many_runs(Path(place), count, 60.0 * args.minutes)
            with Store.open(Path(place)) as store:
                began = time.perf_counter()
                known = own_history(store, runner_id, protocol, NOW)
                cold_s = time.perf_counter() - began
                history = store.history(runner_id)
                took = {
                    "first time: blocks cut and kept": cold_s,
                    "records: read and grade": _median(
                        lambda: pain_after(protocol, store.history(runner_id), NOW)  # noqa: B023
                    ),
                    "grades alone": _median(lambda: pain_after(protocol, history, NOW)),  # noqa: B023
                    "own sessions, wholly": _median(
                        lambda: own_history(store, runner_id, protocol, NOW)  # noqa: B023
                    ),
                    "own baselines, for a live run": _median(
                        lambda: flag_baseline(OwnSessions(tuple(known)))  # noqa: B023
                    ),
                    "one run against them, for a report": _median(
                        lambda: against_own(run, OwnSessions(tuple(known)), None)  # noqa: B023
                    ),
                }
        for name, seconds in took.items():
            share = seconds / count
            print(f"{count:>6}  {name:<44}{seconds:>8.3f}{share / first.setdefault(name, share):>9.2f}")


def _median(call: object) -> float:
    found = []
    for _ in range(3):
        began = time.perf_counter()
        call()  # type: ignore[operator]
        found.append(time.perf_counter() - began)
    return median(found)


if __name__ == "__main__":
    main()
