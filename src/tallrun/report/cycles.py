"""Stride-normalised waveforms: each stride stretched to 101 points, then mean and spread of each foot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tallrun.gait.eligible import paces_mps
from tallrun.gait.summary import Gait, sure_gait
from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.numerics.recording import FloatArray, Recording
from tallrun.units import DEG_PER_RAD, STANDARD_GRAVITY_MPS2

N_POINTS = 101
#: Enough strides for a stable mean and spread; more would only cost time.
MOST_STRIDES = 400
LEAST_STRIDES = 10


@dataclass(frozen=True)
class Cycle:
    """Mean and standard deviation over the strides of one foot, float64 (101,) each, from initial contact to the next.

    toe_off_pct : mean and standard deviation of toe-off in % of the stride, None where it is not known.
    """

    foot: str
    signal: str
    unit: str
    mean: FloatArray
    sd: FloatArray
    n_strides: int
    toe_off_pct: tuple[float, float] | None = None


def stride_cycles(recording: Recording, strides: pd.DataFrame, gait: Gait = "run") -> list[Cycle]:
    """Return the waveforms of every foot that has at least ten clean strides of a gait.

    Specific force [g] and angular rate [deg/s] are taken as magnitudes, so they do not depend on how the sensor
    sat on the shoe. Feet without enough strides are left out.
    """
    out: list[Cycle] = []
    for foot in ("left", "right"):
        sensor = recording.sensors.get(f"foot_{foot}")
        if sensor is None:
            continue
        rows = clean_strides(strides, gait, foot)
        if len(rows) < LEAST_STRIDES:
            continue
        rows = rows.iloc[:: max(1, len(rows) // MOST_STRIDES)]
        start = rows["initial_contact_s"].to_numpy()
        length = rows["stride_time_s"].to_numpy()
        signals = [("specific force", "g", _norm(sensor.acc_mps2) / STANDARD_GRAVITY_MPS2)]
        if sensor.gyr_radps is not None:
            signals.append(("angular rate", "°/s", _norm(sensor.gyr_radps) * DEG_PER_RAD))
        for name, unit, values in signals:
            stack = resample_cycles(sensor.t_s, values, start, length)
            out.append(
                Cycle(foot, name, unit, stack.mean(axis=0), stack.std(axis=0), len(stack), _toe_off(rows))
            )
    return out


def pitch_cycles(
    waves: dict[str, np.ndarray],
    strides: pd.DataFrame,
    part_s: tuple[float, float] | None = None,
    speed_mps: float | None = None,
    gait: Gait = "run",
) -> list[Cycle]:
    """Return the foot's pitch over the gait cycle, from initial contact to the next of that foot, with its toe-off.

    strides : the whole table the shapes belong to. part_s : only strides whose contact lies in [start, end).
    speed_mps : only strides within 5 % of it. Shapes run from foot-flat to foot-flat; a cycle is the end of one and the
    beginning of the next. Feet with fewer than ten whole cycles are left out.
    """
    out = []
    for foot, (shapes, rows, clean) in _shapes(waves, strides, part_s, speed_mps, gait).items():
        contact = rows["initial_contact_s"].to_numpy(dtype=np.float64)
        flat = rows["foot_flat_s"].to_numpy(dtype=np.float64)
        whole = np.flatnonzero(clean[1:-1] & np.isfinite(flat[:-2] + flat[1:-1] + flat[2:])) + 1
        whole = whole[np.isfinite(shapes[whole - 1, :, 0] + shapes[whole, :, 0]).all(axis=1)]
        whole = whole[(flat[whole - 1] < contact[whole]) & (contact[whole + 1] < flat[whole + 1])]
        whole = whole[:: max(1, len(whole) // MOST_STRIDES)]
        if len(whole) < LEAST_STRIDES:
            continue
        share = np.linspace(0.0, 1.0, N_POINTS)
        pitch = np.array(
            [
                np.interp(
                    contact[k] + share * (contact[k + 1] - contact[k]),
                    np.concatenate(
                        [
                            flat[k - 1] + share[:-1] * (flat[k] - flat[k - 1]),
                            flat[k] + share * (flat[k + 1] - flat[k]),
                        ]
                    ),
                    np.concatenate([shapes[k - 1, :-1, 0], shapes[k, :, 0]]),
                )
                for k in whole
            ]
        )
        pitch *= DEG_PER_RAD
        used = rows.iloc[whole]
        out.append(
            Cycle(
                foot,
                "foot pitch",
                "°",
                pitch.mean(axis=0),
                pitch.std(axis=0),
                len(pitch),
                toe_off_pct=_toe_off(used),
            )
        )
    return out


#: What is drawn of the pelvis, and the stride table's number that must be sure for a stride to count.
PELVIS_SIGNALS = (
    ("pelvic tilt", "pelvic_tilt_deg"), ("pelvic obliquity", "pelvic_obliquity_deg"),
    ("pelvic rotation", "pelvic_rotation_deg"),
)  # fmt: skip


def pelvis_cycles(
    angles: FloatArray,
    strides: pd.DataFrame,
    part_s: tuple[float, float] | None = None,
    speed_mps: float | None = None,
    gait: Gait = "run",
) -> list[Cycle]:
    """Return tilt, obliquity and rotation of the pelvis over the cycle of each foot, from initial contact to the next.

    angles : (n, 4) as the pipeline keeps them. Tilt and obliquity are measured from standing, rotation from the mean of
    its own cycle (where the pelvis points is not known without a compass). A stride counts for an angle where its own
    number in the table is sure; feet with fewer than ten are left out. part_s, speed_mps as above.
    """
    out = []
    t_s = angles[:, 0]
    turned_deg = np.concatenate(([0.0], np.cumsum(np.diff(t_s) * angles[:-1, 3]))) if len(t_s) else t_s
    values = dict(zip(PELVIS_SIGNALS, (angles[:, 1], angles[:, 2], turned_deg), strict=True))
    for foot in ("left", "right") if len(t_s) else ():
        rows = clean_strides(strides, gait, foot)
        rows = rows[_wanted(rows, part_s, speed_mps)]
        for (signal, column), series in values.items():
            used = rows[rows[column].notna()] if column in rows else rows.iloc[:0]
            start, length = (
                used[name].to_numpy(np.float64) for name in ("initial_contact_s", "stride_time_s")
            )
            inside = (start >= t_s[0]) & (start + length <= t_s[-1])
            used, start, length = used[inside], start[inside], length[inside]
            if len(used) < LEAST_STRIDES or not np.isfinite(series).any():
                continue
            every = slice(None, None, max(1, len(used) // MOST_STRIDES))
            stack = resample_cycles(t_s, series, start[every], length[every])
            if signal == "pelvic rotation":
                # Over one straight stride the turn comes back to where it began; what is left is a bend.
                stack -= np.linspace(0.0, 1.0, N_POINTS) * (stack[:, -1:] - stack[:, :1])
                stack -= stack[:, :-1].mean(axis=1, keepdims=True)
            out.append(
                Cycle(foot, signal, "°", stack.mean(axis=0), stack.std(axis=0), len(stack), _toe_off(used))
            )
    return out


def _toe_off(rows: pd.DataFrame) -> tuple[float, float] | None:
    """Return mean and standard deviation of toe-off in % of the stride; None where it is not known."""
    share = 100.0 * (rows["final_contact_s"] - rows["initial_contact_s"]) / rows["stride_time_s"]
    known = share.to_numpy(dtype=np.float64)
    known = known[np.isfinite(known)]
    return (float(known.mean()), float(known.std())) if len(known) >= LEAST_STRIDES else None


def foot_paths(
    waves: dict[str, np.ndarray],
    strides: pd.DataFrame,
    part_s: tuple[float, float] | None = None,
    speed_mps: float | None = None,
    gait: Gait = "run",
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return each foot's median path over a stride, (forward_m, up_m), float64 (101,) each; the rest as above."""
    return {
        foot: (np.median(shapes[:, :, 2], axis=0), np.median(shapes[:, :, 3], axis=0))
        for foot, shapes in _clean_shapes(waves, strides, part_s, speed_mps, gait).items()
    }


def _clean_shapes(
    waves: dict[str, np.ndarray],
    strides: pd.DataFrame,
    part_s: tuple[float, float] | None,
    speed_mps: float | None,
    gait: Gait,
) -> dict[str, np.ndarray]:
    """Shapes of a gait's clean strides by foot; feet with fewer than ten are left out."""
    out = {}
    for foot, (shapes, _, clean) in _shapes(waves, strides, part_s, speed_mps, gait).items():
        kept = shapes[clean]
        kept = kept[np.isfinite(kept).all(axis=(1, 2))]
        if len(kept) >= LEAST_STRIDES:
            out[foot] = kept
    return out


def _shapes(
    waves: dict[str, np.ndarray],
    strides: pd.DataFrame,
    part_s: tuple[float, float] | None,
    speed_mps: float | None,
    gait: Gait,
) -> dict[str, tuple[np.ndarray, pd.DataFrame, np.ndarray]]:
    """Return by foot the shapes, the rows they belong to, and which of them are of the gait, clean and wanted."""
    out = {}
    for foot, shapes in waves.items():
        rows = strides[strides["foot"] == foot]
        if len(rows) != len(shapes):
            continue
        clean = rows.index.isin(clean_strides(rows, gait).index)
        clean &= _wanted(rows, part_s, speed_mps)
        out[foot] = (shapes, rows, clean)
    return out


def _wanted(rows: pd.DataFrame, part_s: tuple[float, float] | None, speed_mps: float | None) -> np.ndarray:
    """Return which rows lie in the part and near the speed, bool (n,); a limit that is None keeps all."""
    keep = np.ones(len(rows), np.bool_)
    if part_s is not None:
        keep &= rows["initial_contact_s"].between(*part_s, inclusive="left").to_numpy()
    if speed_mps is not None:
        keep &= near_speed(rows, speed_mps)
    return keep


def near_speed(rows: pd.DataFrame, speed_mps: float) -> np.ndarray:
    """Return which strides were run within 5 % of a speed, bool (n,): by the belt where it tells, else by their own."""
    return np.asarray(np.abs(paces_mps(rows) - speed_mps) <= SPEED_TOLERANCE * speed_mps)


def clean_strides(strides: pd.DataFrame, gait: Gait = "run", foot: str | None = None) -> pd.DataFrame:
    """Return a gait's closed strides of sure times, of one foot or all; of these cycles and lines over time are made.

    Middles are made of ``sure_gait``, with the last contact of a bout as well. A length or angle that is not sure
    by its own uncertainty is unknown (NaN) in what is returned.
    """
    rows = sure_gait(strides, gait)
    use = np.isfinite(rows["stride_time_s"])
    if foot is not None:
        use &= rows["foot"] == foot
    return rows[use]


def resample_cycles(
    t_s: FloatArray, values: FloatArray, start_s: FloatArray, length_s: FloatArray
) -> FloatArray:
    """Stretch each cycle [start, start + length] to 101 points; float64 (n_cycles, 101)."""
    known = np.isfinite(values) & np.isfinite(t_s)
    at = start_s[:, None] + length_s[:, None] * np.linspace(0.0, 1.0, N_POINTS)[None, :]
    return np.interp(at.ravel(), t_s[known], values[known]).reshape(at.shape)


def _norm(vectors: FloatArray) -> FloatArray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
