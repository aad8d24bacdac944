"""How fast the simulator is, as a multiple of real time: ``python benchmarks/simulator.py [--minutes 60]``.

Three sensors at each rate, warm cache, median of the repeats. Prints a table; with ``--out FILE`` also writes
JSON with the machine's facts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path


def measure(minutes: float, rate_hz: float, repeats: int) -> dict[str, float]:
    from tallrun import simulate

    programme = simulate.steady_run(minutes, 3.0)
    sensors = simulate.three_sensors(rate_hz)
    simulate.run(simulate.steady_run(0.2, 3.0), sensors=sensors)
    taken = []
    for seed in range(repeats):
        begin = time.perf_counter()
        simulate.run(programme, sensors=sensors, seed=seed)
        taken.append(time.perf_counter() - begin)
    median = statistics.median(taken)
    return {
        "rate_hz": rate_hz,
        "minutes": minutes,
        "median_s": median,
        "times_real_time": programme.duration_s / median,
        "samples_per_s": programme.duration_s * rate_hz * 3 / median,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = [measure(options.minutes, rate, options.repeats) for rate in (50.0, 100.0, 200.0, 400.0, 500.0)]
    print(f"{'rate [Hz]':>10} {'session [min]':>14} {'taken [s]':>10} {'x real time':>12} {'samples/s':>12}")
    for row in rows:
        print(
            f"{row['rate_hz']:10.0f} {row['minutes']:14.1f} {row['median_s']:10.2f} "
            f"{row['times_real_time']:12.0f} {row['samples_per_s']:12.0f}"
        )
    if options.out is not None:
        machine = {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
        }
        options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
