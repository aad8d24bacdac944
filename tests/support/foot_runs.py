"""Feeding recordings to the foot engine, and what the tests compare."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd

from reference import match_events
from tallrun import simulate
from tallrun.gait.foot import FootEngine
from tallrun.gait.rows import reason_bit
from tallrun.numerics.recording import SensorSpec

STAND, WALK, RUN = (
    simulate.Bout("stand", 8.0),
    simulate.Bout("walk", 10.0, 1.4),
    simulate.Bout("run", 20.0, 3.0),
)


def read_pyshoe(folder):
    """Samples of one real recording: t_s, acc, gyr, optical zero-velocity instants (t, x, y)."""
    rate = json.loads((folder / "session.json").read_text())["sensors"]["foot_right"]["rate_hz"]
    frame = pd.read_parquet(folder / "signals" / "foot_right.parquet")
    acc = frame[["acc_x", "acc_y", "acc_z"]].to_numpy(float)
    gyr = frame[["gyr_x", "gyr_y", "gyr_z"]].to_numpy(float)
    instants = pd.read_csv(folder / "zero_velocity_instants.csv").to_numpy()
    return frame["t_s"].to_numpy(float), acc, gyr, instants, float(rate)


def rows_of(t_s, acc, gyr, rate_hz=200.0, foot="right", chunk=None, **spec):
    """All rows of one recording, fed in blocks of ``chunk`` (an int, an iterable of sizes, or None for all)."""
    engine = FootEngine(SensorSpec(f"foot_{foot}", rate_hz, **spec), foot)
    parts = []
    if chunk is None:
        edges = [0, len(t_s)]
    elif isinstance(chunk, int):
        edges = [*range(0, len(t_s), chunk), len(t_s)]
    else:
        edges = [0, *np.minimum(np.cumsum(list(chunk)), len(t_s)), len(t_s)]
    for start, stop in itertools.pairwise(edges):
        parts.append(engine.feed(t_s[start:stop], acc[start:stop], gyr[start:stop]))
    parts.append(engine.finish())
    return np.concatenate(parts), engine


def optical_errors(rows, instants):
    """Contacts per optical stride, and stride length error [%] of each row that has one."""
    reference = np.hypot(*np.diff(instants[:, 1:], axis=0).T)
    per_stride = np.histogram(rows["initial_contact_s"], instants[:, 0])[0]
    errors = []
    for row in rows[np.isfinite(rows["stride_length_m"])]:
        middle = row["foot_flat_s"] + 0.5 * (row["next_initial_contact_s"] - row["initial_contact_s"])
        at = np.searchsorted(instants[:, 0], middle) - 1
        if 0 <= at < len(reference):
            errors.append(100.0 * (row["stride_length_m"] / reference[at] - 1.0))
    return per_stride, np.array(errors)


def simulated(
    bouts=(STAND, WALK, RUN), runner=None, seed=1, rate_hz=200.0, foot="left", surface="road", **sensor
):
    """One simulated foot: its recording and its true strides."""
    programme = simulate.Programme(tuple(bouts), surface=surface)
    setup = simulate.SensorSetup(f"foot_{foot}", rate_hz, **sensor)
    recording, truth = simulate.run(programme, runner, [setup], seed=seed)
    return recording.sensors[f"foot_{foot}"], [row for row in truth["strides"] if row["foot"] == foot]


def compare(rows, truth):
    """F1 (all rows, measured rows), and errors of matched measured rows against the truth."""
    true_s = [row["initial_contact_s"] for row in truth]
    pairs = match_events(rows["initial_contact_s"], true_s)
    measured = rows[(rows["reasons"] & reason_bit("inferred")) == 0]
    measured_pairs = match_events(measured["initial_contact_s"], true_s)

    def truth_of(name):
        return np.array([np.nan if truth[i][name] is None else truth[i][name] for i, _ in measured_pairs])

    matched = measured[[j for _, j in measured_pairs]]
    return {
        "f1": 2 * len(pairs) / max(len(rows) + len(truth), 1),
        "f1_measured": 2 * len(measured_pairs) / max(len(measured) + len(truth), 1),
        "rows": matched,
        "ic_s": matched["initial_contact_s"] - truth_of("initial_contact_s"),
        "fc_s": matched["final_contact_s"] - truth_of("final_contact_s"),
        "length_pct": 100.0 * (matched["stride_length_m"] / truth_of("stride_length_m") - 1.0),
        "angle_deg": matched["foot_strike_angle_deg"] - truth_of("foot_strike_angle_deg"),
        "mode": np.array([truth[i]["mode"] for i, _ in measured_pairs]),
    }


def limping(speed_mps, limp_pct, seed=1, rate_hz=200.0, arms_m=(None, None), **habits):
    """Median contact times of both feet of a limping runner, found and true; each (left, right) [s]."""
    bouts = simulate.Bout("stand", 4.0), simulate.Bout("run", 20.0, speed_mps, contact_asymmetry_pct=limp_pct)
    setups = [
        simulate.SensorSetup(f"foot_{foot}", rate_hz, arm_m=arm)
        for foot, arm in zip(("left", "right"), arms_m, strict=True)
    ]
    runner = simulate.Runner(contact_offsets_s=(0.0, 0.0), **habits)
    recording, truth = simulate.run(simulate.Programme(bouts, surface="road"), runner, setups, seed=seed)
    found_s, true_s = [], []
    for foot in ("left", "right"):
        sensor = recording.sensors[f"foot_{foot}"]
        rows, _ = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, rate_hz, foot)
        pairs = compare(rows, [row for row in truth["strides"] if row["foot"] == foot])
        stance_s = (pairs["rows"]["final_contact_s"] - pairs["rows"]["initial_contact_s"])[5:-1]
        found_s.append(np.nanmedian(stance_s))
        true_s.append(np.nanmedian(stance_s - (pairs["fc_s"] - pairs["ic_s"])[5:-1]))
    return tuple(found_s), tuple(true_s)
