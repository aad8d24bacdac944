"""Foot engine: throughput, block latency, cold start, accuracy on the simulator and on the real jogs.

Run: python benchmarks/foot_engine.py [--data FOLDER] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


import numpy as np

from support.foot_grid import RUNNERS
from support.foot_runs import compare, limping, optical_errors, read_pyshoe, rows_of, simulated
from tallrun import simulate
from tallrun.gait.asymmetry import asymmetry_pct
from tallrun.gait.foot import FootEngine, warm_up
from tallrun.numerics.recording import SensorSpec

STAND, WALK = simulate.Bout("stand", 8.0), simulate.Bout("walk", 10.0, 1.4)


def speed() -> dict[str, float]:
    sensor, _ = simulated((STAND, simulate.Bout("run", 1800.0, 3.0)))
    t, acc, gyr = sensor.t_s, sensor.acc_mps2, sensor.gyr_radps
    first = 6000  # the mounting is learned by then
    rates = []
    for _ in range(5):
        engine = FootEngine(SensorSpec("foot_left", 200.0), "left")
        engine.feed(t[:first], acc[:first], gyr[:first])
        begin = time.process_time()
        engine.feed(t[first:], acc[first:], gyr[first:])
        rates.append((len(t) - first) / (time.process_time() - begin))
    out = {"samples_per_s": float(np.median(rates)), "times_real_time": float(np.median(rates)) / 200.0}
    for size in (1, 20, 200):
        engine = FootEngine(SensorSpec("foot_left", 200.0), "left")
        engine.feed(t[:first], acc[:first], gyr[:first])
        spent = []
        for i in range(first, min(first + 4000 * size, len(t) - size), size):
            block = t[i : i + size], acc[i : i + size], gyr[i : i + size]
            begin = time.thread_time()  # of this thread: other work on the machine is not ours
            engine.feed(*block)
            spent.append(time.thread_time() - begin)
        out[f"block_{size}_p50_ms"] = 1e3 * float(np.percentile(spent, 50))
        out[f"block_{size}_p99_ms"] = 1e3 * float(np.percentile(spent, 99))
    return out


def simulated_accuracy() -> list[dict[str, float]]:
    table = []
    for strike in (14.0, 2.0, -8.0):
        for mps in (2.3, 3.0, 4.0, 5.5):
            runner = simulate.Runner(foot_strike_angle_deg=strike)
            sensor, truth = simulated(
                (STAND, WALK, simulate.Bout("run", 60.0, mps)), runner, seed=int(10 * mps)
            )
            found = compare(rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, foot="left")[0], truth)
            run = np.flatnonzero(found["mode"] == "run")[2:]
            table.append(
                {
                    "strike_deg": strike,
                    "speed_mps": mps,
                    "f1": found["f1"],
                    "ic_bias_ms": 1e3 * float(np.nanmean(found["ic_s"][run])),
                    "ic_sd_ms": 1e3 * float(np.nanstd(found["ic_s"][run])),
                    "fc_sd_ms": 1e3 * float(np.nanstd(found["fc_s"][run])),
                    "length_bias_pct": float(np.nanmean(found["length_pct"][run])),
                    "length_sd_pct": float(np.nanstd(found["length_pct"][run])),
                    "angle_bias_deg": float(np.nanmean(found["angle_deg"][run])),
                    "angle_rmse_deg": float(np.sqrt(np.nanmean(found["angle_deg"][run] ** 2))),
                }
            )
    return table


def limps() -> list[dict[str, float]]:
    """How much of a limp of 10 % is read, and what is read of none, by feet of unlike mounting."""
    table, arms_m = [], ((0.0, 0.0, 0.05), (0.05, 0.02, 0.09))
    for kind, (habits, _) in enumerate(RUNNERS):
        for rate_hz in (100.0, 200.0):
            for mps in (2.2, 3.0, 4.0, 5.0):
                found, true = [], []
                for limp_pct in (-10.0, 10.0):
                    for seed, strike_deg in ((1, 8.0), (2, -4.0)):
                        own = habits | {"foot_strike_angle_deg": strike_deg}
                        sides = limping(mps, limp_pct, seed, rate_hz, arms_m, **own)
                        for into, (left_s, right_s) in zip((found, true), sides, strict=True):
                            into.append(asymmetry_pct(right_s, left_s))
                share, offset_pct = np.polyfit(true, found, 1)
                table.append(
                    {
                        "runners": kind,
                        "rate_hz": rate_hz,
                        "speed_mps": mps,
                        "share": share,
                        "offset_pct": offset_pct,
                    }
                )
    return table


def lost_packets(seeds: int = 6) -> dict[str, float]:
    scores = []
    for seed in range(seeds):
        sensor, truth = simulated((STAND, WALK, simulate.Bout("run", 240.0, 3.0)), seed=seed, loss=0.02)
        found = compare(rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, foot="left")[0], truth)
        scores.append((found["f1_measured"], found["f1"]))
    measured, filled = np.mean(scores, axis=0)
    return {"f1_measured": float(measured), "f1_with_inferred": float(filled)}


def false_contacts(hours: float) -> dict[str, float]:
    """Contacts made up while standing, fidgeting or sitting in a car, after a run that taught the mounting."""
    part_s = hours * 3600.0 / 3.0  # the simulator takes most of the time: about 20 minutes for 10 hours
    out: dict[str, float] = {"hours": hours}
    for name, bout in (
        ("stand", simulate.Bout("stand", part_s)),
        ("fidget", simulate.Bout("stand", part_s, is_fidgeting=True)),
        ("car", simulate.Bout("car", part_s)),
    ):
        sensor, _ = simulated((simulate.Bout("run", 20.0, 3.0), bout))
        rows, _ = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, foot="left")
        out[name] = int((rows["initial_contact_s"] > 21.0).sum())
    return out


def real_jogs(folder: Path) -> list[dict[str, float | str]]:
    table: list[dict[str, float | str]] = []
    for trial in sorted(folder.glob("pyshoe_*")):
        t, acc, gyr, instants, rate = read_pyshoe(trial)
        rows, _ = rows_of(t, acc, gyr, rate)
        per_stride, errors = optical_errors(rows, instants)
        clipped = (rows["reasons"][np.isfinite(rows["stride_length_m"])] >> 5 & 1).astype(bool)[: len(errors)]
        table.append(
            {
                "trial": trial.name,
                "strides": len(per_stride),
                "missed": int((per_stride == 0).sum()),
                "extra": len(rows) - int((per_stride > 0).sum()),
                "mean_pct": float(errors.mean()),
                "median_abs_pct": float(np.median(np.abs(errors))),
                "sd_pct": float(errors.std()),
                "n_clipped": int(clipped.sum()),
                "clipped_median_abs_pct": float(np.median(np.abs(errors[clipped])))
                if clipped.any()
                else float("nan"),
            }
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    begin = time.perf_counter()
    warm_up()
    report = {
        "machine": {"processor": platform.processor(), "python": platform.python_version()},
        "warm_up_s": time.perf_counter() - begin,
        "speed": speed(),
        "simulated": simulated_accuracy(),
        "limps": limps(),
        "lost_packets": lost_packets(),
        "false_contacts": false_contacts(args.hours),
        "real": real_jogs(args.data) if args.data.is_dir() else [],
    }
    for name, part in report.items():
        print(name)
        for line in part if isinstance(part, list) else [part]:
            if isinstance(line, dict):
                print(
                    "  "
                    + "  ".join(
                        f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items()
                    )
                )
            else:
                print(f"  {line:.2f}" if isinstance(line, float) else f"  {line}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
