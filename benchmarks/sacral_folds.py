"""Contact time from the sacrum with each trial left out of what the method was set by.

    python benchmarks/sacral_folds.py

For each trial the tail and the shape of the force, the gain of the sacrum and the errors of the three readings are
learned anew from the other trials, then that trial is read with them. Printed beside it: the reading as it ships, and
the raw recording (no truth) as it is and low-passed, which must not move it.
"""

# ruff: noqa: E402 - the kernel cache must be chosen before numba is imported
from __future__ import annotations

from pathlib import Path

from tallrun.kernel_cache import use_kernel_cache

use_kernel_cache()

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from tables import REAL_DATA
from tallrun.gait import sacral
from tallrun.gait.pelvis import PelvisEngine
from tallrun.numerics.recording import SensorSpec
from tallrun.units import STANDARD_GRAVITY_MPS2

Array = NDArray[np.float64]
RATE_HZ = 500.0
LEAST_SIGMA = 0.02
READINGS = slice(sacral.S_SWING, sacral.S_FLANK + 1)


def read_steps(load_g: Array, contacts: Array) -> Array:
    """Readings of swing, peak and flanks, true contact and step time of each step [s], (n, 5)."""
    smooth = sosfiltfilt(butter(2, 8.0, fs=RATE_HZ, output="sos"), load_g)
    up = np.flatnonzero((smooth[:-1] < 1.0) & (smooth[1:] >= 1.0))
    marks = up + (1.0 - smooth[up]) / (smooth[up + 1] - smooth[up])
    found = sacral.contact_times(load_g, marks, RATE_HZ)
    rows = []
    for begin, end in contacts:
        k = int(np.argmin(np.abs(marks - RATE_HZ * (begin + 0.06))))
        if k < found.shape[1] and abs(marks[k] / RATE_HZ - begin - 0.06) < 0.08:
            rows.append([*found[READINGS, k], end - begin, (marks[k + 1] - marks[k]) / RATE_HZ])
    return np.array(rows)


def along_load(acc_mps2: Array) -> Array:
    """Force [g] along the direction in which it swings in step with its vertical part, as the pelvis engine takes it.

    acc_mps2 : (n, 2), forward and vertical.
    """
    up = acc_mps2.mean(axis=0) / np.linalg.norm(acc_mps2.mean(axis=0))
    upright, level = acc_mps2 @ up, acc_mps2 @ np.array([up[1], -up[0]])
    swing = butter(2, 5.0, fs=RATE_HZ, output="sos")
    upright_swing = sosfiltfilt(swing, upright - upright.mean())
    slope = sosfiltfilt(swing, level - level.mean()) @ upright_swing / (upright_swing @ upright_swing)
    return (upright + slope * level) / np.sqrt(1.0 + slope * slope) / STANDARD_GRAVITY_MPS2


def factors(trials: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """What to multiply the three readings by, and their errors in step times, as these trials say.

    trials : readings of the sacral signal and of the force plate, (n, 5) each.
    """
    per_trial = []
    for load, plate in trials:
        tail = np.nanmedian(plate[:, 3] / plate[:, 0])
        shape = np.nanmedian(plate[:, 3] * sacral.SACRAL_GAIN / plate[:, 1])  # shipped over true shape
        gain = np.nanmedian(plate[:, 1]) / np.nanmedian(load[:, 1]) / sacral.SACRAL_GAIN
        flank = np.nanmedian(plate[:, 3] / plate[:, 2])
        per_trial.append([tail, shape * gain, flank])
    scale = np.mean(per_trial, axis=0)
    off = [np.nanmean((load[:, :3] * scale - load[:, 3:4]) / load[:, 4:5], axis=0) for load, _ in trials]
    return scale, np.maximum(np.sqrt(np.mean(np.square(off), axis=0)), LEAST_SIGMA)


def read_with(load: Array, scale: Array, sigma: Array | None) -> Array:
    """Contact times [s] of the steps of one trial, read with these factors and errors (None: those that ship)."""
    shipped = sacral.READING_SIGMA
    out = np.empty(sacral.S_WIDTH)
    times = []
    try:
        if sigma is not None:
            sacral.READING_SIGMA = tuple(sigma)  # type: ignore[assignment]
        for row in load:
            out[READINGS] = row[:3] * scale
            sacral._weigh(out, row[4])
            times.append(out[sacral.S_CONTACT])
    finally:
        sacral.READING_SIGMA = shipped
    return np.array(times)


def left_out() -> None:
    names, trials = [], []
    for folder in sorted(REAL_DATA.glob("sacrum_treadmill_*")):
        acc = pd.read_parquet(folder / "signals" / "pelvis.parquet")[["acc_x", "acc_z"]].to_numpy(float)
        force = pd.read_csv(folder / "grf.csv")["normal_grf_bw"].to_numpy(float)
        contacts = pd.read_csv(folder / "contacts.csv").to_numpy()
        names.append(folder.name)
        trials.append((read_steps(along_load(acc), contacts), read_steps(force, contacts)))
    one = np.ones(3)
    print(
        "| trial | as it ships ms | left out ms | left out, errors too ms | most contact over step |\n"
        "|---|---|---|---|---|"
    )
    table = []
    for k, name in enumerate(names):
        load = trials[k][0]
        scale, sigma = factors(trials[:k] + trials[k + 1 :])
        reads = [read_with(load, one, None), read_with(load, scale, None), read_with(load, scale, sigma)]
        off = [1e3 * float(np.nanmean(read - load[:, 3])) for read in reads]
        most = max(float(np.nanmax(read / load[:, 4])) for read in reads)
        table.append(off)
        print(f"| {name} | {off[0]:+.1f} | {off[1]:+.1f} | {off[2]:+.1f} | {most:.2f} |")
    mean = np.abs(table).mean(axis=0)
    print(f"| mean size of a trial's error | {mean[0]:.1f} | {mean[1]:.1f} | {mean[2]:.1f} | |")


def filtered() -> None:
    frame = pd.read_csv(_raw_file(), skiprows=0)
    t_s = frame["System_Timestamp_Plot_Zeroed"].to_numpy(float) / 1e3
    acc = -frame[["Accel_LN_Z", "Accel_LN_Y", "Accel_LN_X"]].to_numpy(float)
    rate_hz = 1.0 / float(np.median(np.diff(t_s)))
    print("\n| raw recording | steps | contact, median ms | contact over step, most |\n|---|---|---|---|")
    for label, cut_hz, floor in (
        ("as it is", None, -np.inf), ("low-passed at 100 Hz", 100.0, -np.inf), ("at 20 Hz", 20.0, -np.inf),
        ("at 20 Hz, nothing below zero", 20.0, 0.0),
    ):  # fmt: skip
        signal = acc
        if cut_hz is not None:
            signal = sosfiltfilt(butter(4, cut_hz, fs=rate_hz, output="sos"), acc, axis=0)
        signal = signal.copy()
        signal[:, 2] = np.maximum(signal[:, 2], floor)
        engine = PelvisEngine(
            SensorSpec("pelvis", rate_hz, 16.0, None, has_gyroscope=False),
        )
        rows = np.concatenate([engine.feed(t_s, signal, None), engine.finish()])
        contact = rows["contact_time_s"]
        step = np.append(np.diff(rows["step_s"]), np.nan)
        print(
            f"| {label} | {len(rows)} | {1e3 * np.nanmedian(contact):.0f} | {np.nanmax(contact / step):.2f} |"
        )


def _raw_file() -> Path:
    return REAL_DATA / "sacrum_raw_sample" / "sacrum_512hz.csv"


if __name__ == "__main__":
    left_out()
    filtered()
