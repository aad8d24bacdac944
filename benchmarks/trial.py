"""One simulated session held against its truth: contacts, times, lengths, angles, tilt, labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import Recording
from tallrun.pipeline import GaitTables, analyze_recording

Array = NDArray[np.float64]
NEAR_S = 0.04
STEPS = 20
SETTLED_S = 15.0
#: A truth border may fall anywhere inside a step, so the half second around it is nobody's.
BORDER_S = 0.5


@dataclass
class Trial:
    """Errors of one session; arrays are empty where nothing could be compared. Times in s, angles in degrees."""

    name: str
    n_true: int = 0
    n_found: int = 0
    n_right: int = 0
    n_found_measured: int = 0
    n_right_measured: int = 0
    contact_s: list[Array] = field(default_factory=list)
    final_s: list[Array] = field(default_factory=list)
    cadence_spm: Array = field(default_factory=lambda: np.empty(0))
    length_share: Array = field(default_factory=lambda: np.empty(0))
    angle_deg: Array = field(default_factory=lambda: np.empty(0))
    tilt_deg: Array = field(default_factory=lambda: np.empty(0))
    seconds: float = 0.0
    seconds_right: float = 0.0
    seconds_border: float = 0.0
    seconds_border_right: float = 0.0

    @property
    def f1(self) -> float:
        return 2.0 * self.n_right / max(self.n_true + self.n_found, 1)

    @property
    def f1_measured(self) -> float:
        return 2.0 * self.n_right_measured / max(self.n_true + self.n_found_measured, 1)


def pairs(
    true_s: Array, found_s: Array, within_s: float = NEAR_S
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One-to-one matches of two sorted series, nearest first in time; indices into each."""
    left, right = [], []
    place = 0
    for k, t in enumerate(true_s):
        while place < len(found_s) and found_s[place] < t - within_s:
            place += 1
        best, at = within_s, -1
        for j in range(place, len(found_s)):
            if found_s[j] > t + within_s:
                break
            if abs(found_s[j] - t) <= best:
                best, at = abs(found_s[j] - t), j
        if at >= 0:
            left.append(k)
            right.append(at)
            place = at + 1
    return np.array(left, np.int64), np.array(right, np.int64)


def column(rows: list[dict[str, Any]], name: str) -> Array:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], float)


def compare(
    name: str, recording: Recording, truth: dict[str, Any], tables: GaitTables | None = None
) -> Trial:
    """Analyse (unless done) and hold against the truth."""
    tables = tables or analyze_recording(recording)
    trial = Trial(name)
    cadences, lengths, angles = [], [], []
    for foot in ("left", "right"):
        if f"foot_{foot}" not in recording.sensors:
            continue
        rows = [item for item in truth["strides"] if item["foot"] == foot and item["mode"] in ("run", "walk")]
        found = tables.strides[tables.strides["foot"] == foot]
        true_s, found_s = column(rows, "initial_contact_s"), found["initial_contact_s"].to_numpy()
        inferred = found["reasons"].str.contains("inferred").to_numpy(bool)
        at, to = pairs(true_s, found_s)
        at_measured, _ = pairs(true_s, found_s[~inferred])
        trial.n_true += len(true_s)
        trial.n_found += len(found_s)
        trial.n_right += len(at)
        trial.n_found_measured += int((~inferred).sum())
        trial.n_right_measured += len(at_measured)
        running = np.array([item["mode"] == "run" for item in rows])[at] if len(at) else np.empty(0, bool)
        sure = running & ~inferred[to]
        trial.contact_s.append(found_s[to[sure]] - true_s[at[sure]])
        final = found["final_contact_s"].to_numpy()[to[sure]] - column(rows, "final_contact_s")[at[sure]]
        trial.final_s.append(final[np.isfinite(final)])
        good = sure & (found["quality"].to_numpy()[to] >= 0.6)
        length = (
            found["stride_length_m"].to_numpy()[to[good]] / column(rows, "stride_length_m")[at[good]] - 1.0
        )
        lengths.append(length[np.isfinite(length)])
        angle = (
            found["foot_strike_angle_deg"].to_numpy()[to[good]]
            - column(rows, "foot_strike_angle_deg")[at[good]]
        )
        angles.append(angle[np.isfinite(angle)])
        cadences.append(_cadence(true_s[at[running]], found_s[to[running]]))
    trial.cadence_spm = np.concatenate([np.empty(0), *cadences])
    trial.length_share = np.concatenate([np.empty(0), *lengths])
    trial.angle_deg = np.concatenate([np.empty(0), *angles])
    trial.tilt_deg = _tilt(tables, truth)
    _labels(trial, tables, truth)
    return trial


def _cadence(true_s: Array, found_s: Array) -> Array:
    """Difference of cadence over twenty steps (ten strides of this foot) [steps/min]."""
    half = STEPS // 2
    if len(true_s) <= half:
        return np.empty(0)
    spans = true_s[half:] - true_s[:-half]
    whole = spans < 1.3 * np.median(spans)  # a missed contact or a pause is counted elsewhere
    return (STEPS * 60.0 * (1.0 / (found_s[half:] - found_s[:-half]) - 1.0 / spans))[whole]


def _tilt(tables: GaitTables, truth: dict[str, Any]) -> Array:
    """Tilt over each running stride against the true mean, after the filter has settled."""
    strides = tables.strides
    pick = (
        (strides["mode"] == "run")
        & (strides["quality"] >= 0.6)
        & strides["pelvic_tilt_deg"].notna()
        & strides["step_time_s"].notna()
        & (strides["initial_contact_s"] > SETTLED_S)
    )
    begin = strides["initial_contact_s"][pick].to_numpy()
    middle = begin + 0.5 * strides["step_time_s"][pick].to_numpy()
    t, mean = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"])
    return strides["pelvic_tilt_deg"][pick].to_numpy() - np.interp(middle, t, mean)


def _labels(trial: Trial, tables: GaitTables, truth: dict[str, Any]) -> None:
    """Share of time at which the segment says what was done, in steps of 50 ms."""
    step_s = 0.05
    end_s = min(
        float(tables.segments["end_s"].max()) if len(tables.segments) else 0.0, truth["segments"][-1]["end_s"]
    )
    t = np.arange(0.5 * step_s, end_s, step_s)
    true_start = np.array([item["start_s"] for item in truth["segments"]])
    true_mode = np.array([item["mode"] for item in truth["segments"]])
    mode = true_mode[np.searchsorted(true_start, t, side="right") - 1]
    found = tables.segments["mode"].to_numpy(str)[
        np.searchsorted(tables.segments["start_s"].to_numpy(), t, side="right") - 1
    ]
    changes = true_start[1:][true_mode[1:] != true_mode[:-1]]
    near = (
        (np.abs(t[:, None] - changes[None, :]) < BORDER_S).any(axis=1)
        if len(changes)
        else np.zeros(len(t), bool)
    )
    right = mode == found
    trial.seconds, trial.seconds_right = step_s * len(t), step_s * float(right.sum())
    trial.seconds_border, trial.seconds_border_right = (
        step_s * float(near.sum()),
        step_s * float((right & near).sum()),
    )
