"""Records of a runner with many recorded runs, for what must not grow faster than they do."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tallrun.recovery.model import Advice, PainScore, RunSession
from tallrun.store import Store
from tallrun.store.models import RunnerRow

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def stride_table(seconds: float, speed_mps: float, seed: int) -> pd.DataFrame:
    """Return a stride table of steady running with every metric a block holds."""
    rng = np.random.default_rng(seed)
    n = int(seconds / 0.36)
    at_s = 8.0 + 0.36 * np.arange(n)
    base = {
        "stride_time_s": 0.72, "cadence_spm": 166.0, "stride_length_m": 0.72 * speed_mps, "stance_time_s": 0.25,
        "flight_time_s": 0.11, "duty_factor": 0.35, "foot_strike_angle_deg": 12.0, "peak_impact_g": 8.0,
        "overstride_index": 0.4, "foot_ahead_m": 0.2, "pelvic_tilt_deg": 4.0, "pelvic_obliquity_deg": 3.0,
        "vertical_oscillation_m": 0.08, "braking_dv_mps": 0.2, "speed_mps": speed_mps,
    }  # fmt: skip
    columns = {name: value * (1.0 + rng.normal(0.0, 0.01, n)) for name, value in base.items()}
    return pd.DataFrame(
        {"foot": np.where(np.arange(n) % 2, "right", "left"), "initial_contact_s": at_s, "mode": "run",
         "quality": 0.95, "reasons": "", "belt_speed_mps": np.nan} | columns
    )  # fmt: skip


def many_runs(folder: Path, count: int, run_s: float = 60.0) -> str:
    """Fill the records in ``folder`` with this many runs, half at each of two speeds; return the runner's id."""
    tables = []
    for seed, speed_mps in enumerate((2.6, 3.2)):
        tables.append(folder / f"strides-{seed}.parquet")
        folder.mkdir(parents=True, exist_ok=True)
        stride_table(run_s, speed_mps, seed).to_parquet(tables[-1])
    with Store.open(folder) as store:
        start = NOW - timedelta(days=2 * count + 10)
        runner_id = store.add_runner("me", start)
        store.add_row(
            RunnerRow, runner_id, at=start, by="runner", now=start, time_zone="Europe/Amsterdam", side="right",
            site="sit_bone",
        )  # fmt: skip
        rows: list[object] = []
        for k in range(count):
            begin = NOW - timedelta(days=2 * (count - k))
            end = begin + timedelta(minutes=30)
            rows += [
                RunSession(f"run-{k}", begin, end, rung="V1", run_minutes=8.0, surface="treadmill", speed_mps=2.6,
                           limping=False, advised=Advice("RUN", "V1", 8.0)),
                PainScore("", end + timedelta(hours=1), "after", 1, "right", "sit_bone"),
                PainScore("", end + timedelta(hours=23), "morning", 1, "right", "sit_bone",
                          load_test="single_leg_bridge"),
            ]  # fmt: skip
        store.add_all(runner_id, rows, by="test", now=NOW)
        for k in range(count):
            derived = folder / "sessions" / f"run-{k}" / "derived"
            derived.mkdir(parents=True)
            os.link(tables[k % 2], derived / "strides.parquet")
            store.index_session(
                runner_id, session_id=f"run-{k}", started_at=NOW - timedelta(days=2 * (count - k)),
                folder=derived.parent, duration_s=1800.0, context={}, summary={},
            )  # fmt: skip
    return runner_id
