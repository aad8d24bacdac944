"""Speed of the pelvis engine and its accuracy on simulated and real sacral recordings.

Run: python benchmarks/pelvis_engine.py
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
from vqf import VQF

from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import MODE_RUN
from tallrun.numerics.recording import SensorSpec
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.session import run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def rows_of(spec, t, acc, gyr):
    engine = PelvisEngine(spec)
    return np.concatenate([engine.feed(t, acc, gyr), engine.finish()])


def speed(sensor) -> None:
    rows_of(sensor.spec, sensor.t_s[:8000], sensor.acc_mps2[:8000], sensor.gyr_radps[:8000])
    whole, yardstick = [], []
    for _ in range(3):
        begin = time.process_time()
        rows_of(sensor.spec, sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
        whole.append(time.process_time() - begin)
        begin = time.process_time()
        VQF(1.0 / sensor.spec.rate_hz).updateBatch(
            np.ascontiguousarray(sensor.gyr_radps), np.ascontiguousarray(sensor.acc_mps2)
        )
        yardstick.append(time.process_time() - begin)
    n = len(sensor.t_s)
    print(f"{n} samples: {np.median(whole):.2f} s of processor time, vqf alone {np.median(yardstick):.2f} s")
    engine, blocks = PelvisEngine(sensor.spec), []
    for k in range(0, min(n, 60000), 20):
        cut = slice(k, k + 20)
        begin = time.thread_time()
        engine.feed(sensor.t_s[cut], sensor.acc_mps2[cut], sensor.gyr_radps[cut])
        blocks.append(1e3 * (time.thread_time() - begin))
    print(f"block of 20: p50 {np.median(blocks):.3f} ms, p99 {np.quantile(blocks, 0.99):.3f} ms")


def tilt(sensor, truth) -> None:
    rows = rows_of(sensor.spec, sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
    rows = rows[(rows["mode"] == MODE_RUN) & np.isfinite(rows["tilt_deg"]) & np.isfinite(rows["next_step_s"])]
    t, value = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_deg"], float)
    total = np.concatenate([[0.0], np.cumsum(value)])
    a, b = np.searchsorted(t, rows["step_s"]), np.searchsorted(t, rows["next_step_s"])
    off = rows["tilt_deg"] - (total[b] - total[a]) / np.maximum(b - a, 1)
    print(f"tilt RMSE {np.sqrt((off**2).mean()):.2f} deg, bias {off.mean():.2f}, {len(rows)} steps")


def false_steps(sessions: int) -> None:
    seconds, with_gyroscope, without = 0.0, 0, 0
    for seed in range(sessions):
        recording, _ = run("nuisance", None, (SensorSetup("pelvis"),), seed=100 + seed)
        sensor = recording.sensors["pelvis"]
        rate = sensor.spec.rate_hz
        seconds += float(sensor.t_s[-1])
        with_gyroscope += len(
            rows_of(SensorSpec("pelvis", rate), sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
        )
        bare = SensorSpec("pelvis", rate, has_gyroscope=False)
        without += len(rows_of(bare, sensor.t_s, sensor.acc_mps2, None))
    print(f"false steps in {seconds / 3600:.1f} h standing and driving: {with_gyroscope}, bare {without}")


def sacral_trials() -> None:
    for folder in sorted(DATA.glob("sacrum_treadmill_*")):
        signals = pd.read_parquet(folder / "signals" / "pelvis.parquet")
        contacts = pd.read_csv(folder / "contacts.csv").to_numpy()
        spec = SensorSpec("pelvis", 500.0, 16.0, None, has_gyroscope=False)
        acc = signals[["acc_x", "acc_y", "acc_z"]].to_numpy(float)
        rows = rows_of(spec, signals["t_s"].to_numpy(), acc, None)
        near = [int(np.argmin(np.abs(rows["step_s"] - begin))) for begin in contacts[:, 0]]
        off = 1e3 * (rows["contact_time_s"][near] - (contacts[:, 1] - contacts[:, 0]))
        steps = rows["step_s"][near]
        cadence = 60.0 / np.diff(steps).mean() - 60.0 / np.diff(contacts[:, 0]).mean()
        print(
            f"{folder.name}: contact time mean abs {np.abs(off).mean():.1f} ms, bias {off.mean():+.1f}, "
            f"SD {off.std():.1f}, n {len(off)}; cadence {cadence:+.2f} steps/min"
        )


def main() -> None:
    print(platform.platform(), platform.processor() or platform.machine())
    recording, truth = run("treadmill60", seed=1)
    speed(recording.sensors["pelvis"])
    tilt(recording.sensors["pelvis"], truth)
    false_steps(62)
    sacral_trials()


if __name__ == "__main__":
    main()
