"""How flat the foot engine's result on the public recordings is around each of its tunables.

    python benchmarks/sensitivity_foot.py           # every tunable times 0.8 and 1.2, one at a time

Prints the tunables that change more than noise would, and how many change nothing. A tunable on the edge of a
cliff would be one that fits these recordings by luck.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


import numpy as np

from stress_real import Signals, trials
from support.foot_runs import optical_errors, rows_of
from tallrun.gait import foot
from tallrun.gait.foot_params import FootParams
from tallrun.gait.rows import MODES

FACTORS = (0.8, 1.2)
#: Changes smaller than these are told as none: percentage points.
NOISE_PCT = 0.1


class Result(NamedTuple):
    """Contacts missed and extra, rows with a wrong mode, length errors of the jogs, share of rows of quality."""

    missed: int
    extra: int
    mislabelled: int
    median_pct: float
    worst_pct: float
    good_pct: float


def measure(recordings: list[tuple[str, str, Signals]]) -> Result:
    """Run the engine over all recordings as its tunables stand."""
    missed = extra = wrong = 0
    errors, means, good = [], [], []
    for _, mode, s in recordings:
        rows, _ = rows_of(s.t, s.acc, s.gyr)
        per, error = optical_errors(rows, s.optical)
        missed += int((per == 0).sum())
        extra += len(rows) - int((per > 0).sum())
        wrong += sum(MODES[k] != mode for k in rows["mode"])
        good.append(rows["quality"] >= 0.6)
        if mode == "run":
            errors.append(error)
            means.append(error.mean() if len(error) else np.inf)
    return Result(
        missed,
        extra,
        wrong,
        float(np.median(np.abs(np.concatenate(errors)))),
        float(max(means, key=abs)),
        100.0 * float(np.concatenate(good).mean()),
    )


def main() -> None:
    recordings = list(trials())
    plain = measure(recordings)
    print("as it is", *(f"{k}={v:.3g}" for k, v in plain._asdict().items()))
    flat = []
    for name, value in FootParams()._asdict().items():
        if name == "rate_hz":
            continue
        results = []
        for factor in FACTORS:
            changed = type(value)(round(value * factor) if isinstance(value, int) else value * factor)
            foot.FootParams = lambda rate_hz, name=name, to=changed: FootParams(rate_hz)._replace(
                **{name: to}
            )
            results.append(measure(recordings))
        foot.FootParams = FootParams
        moved = any(
            item[:3] != plain[:3]
            or max(abs(a - b) for a, b in zip(item[3:5], plain[3:5], strict=True)) > NOISE_PCT
            or abs(item.good_pct - plain.good_pct) > 3.0
            for item in results
        )
        if not moved:
            flat.append(name)
            continue
        for factor, item in zip(FACTORS, results, strict=True):
            print(f"{name:<22} x {factor}", *(f"{k}={v:.3g}" for k, v in item._asdict().items()))
    print(f"{len(flat)} without effect:", ", ".join(flat))


if __name__ == "__main__":
    main()
