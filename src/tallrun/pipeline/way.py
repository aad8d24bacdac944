"""From strides to distance: the one way it is told, for reports, the record and files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tallrun.gait.eligible import LENGTH_LIMIT_SHARE, paces_mps, sure_values
from tallrun.gait.rows import FootContact
from tallrun.numerics.recording import FloatArray
from tallrun.units import STEPS_PER_STRIDE

#: Distance is the integral of speed over strides on this grid; unknown when more than this share of them has no speed.
GRID_S = 0.05
MOST_UNKNOWN_SHARE = 0.1
#: No stride's length counts as surer than this share of it.
_LEAST_SHARE = 0.005
#: A run that goes on is added up anew after so many strides.
_EVERY_STRIDES = 8


def way_along(strides: pd.DataFrame, t_s: FloatArray) -> FloatArray:
    """Return the distance [m] covered at ``t_s`` (n,), rising, by closed strides; all NaN when it cannot be known.

    The speed of a stride is the belt's where known, else its own where sure. Feet are averaged by what their lengths'
    uncertainty weighs. Medians around each second would count a second and a half before and after every bout.
    """
    speeds = paces_mps(sure_values(strides))
    grid_s = np.arange(0.0, t_s[-1] + GRID_S, GRID_S)
    total_mps, weight, covered = np.zeros((3, grid_s.size))
    closed = strides.assign(speed_mps=speeds).dropna(subset=["initial_contact_s", "cadence_spm"])
    # steps that only the pelvis saw have no foot and stand for themselves
    for _, side in closed.sort_values("initial_contact_s").groupby(closed["foot"].fillna("")):
        start_s = side["initial_contact_s"].to_numpy(np.float64)
        end_s = start_s + 60.0 * STEPS_PER_STRIDE / side["cadence_spm"].to_numpy(np.float64)
        at = np.searchsorted(start_s, grid_s, side="right") - 1
        inside = (at >= 0) & (grid_s < end_s[np.maximum(at, 0)])
        speed_mps = side["speed_mps"].to_numpy(np.float64)[np.maximum(at, 0)]
        weighs = np.where(inside & np.isfinite(speed_mps), _weights(side)[np.maximum(at, 0)], 0.0)
        covered += inside
        weight += weighs
        total_mps += weighs * np.nan_to_num(speed_mps)
    known = weight > 0.0
    unknown = (covered > 0) & ~known
    if not known.any() or np.count_nonzero(unknown) > MOST_UNKNOWN_SHARE * np.count_nonzero(covered):
        return np.full(t_s.size, np.nan)
    mean_mps = np.divide(total_mps, weight, out=np.zeros_like(total_mps), where=known)
    mean_mps[unknown] = np.median(mean_mps[known])
    distance_m = np.concatenate(([0.0], np.cumsum(mean_mps[:-1] * GRID_S)))
    return np.interp(t_s, grid_s, distance_m)


def way_m(strides: pd.DataFrame, modes: tuple[str, ...] = ("run", "walk")) -> float | None:
    """Return the distance [m] of the strides of these modes, None when it cannot be known."""
    rows = strides[strides["mode"].isin(modes)].dropna(subset=["initial_contact_s"])
    if rows.empty:
        return None
    end_s = float(rows["initial_contact_s"].max()) + 2.0 * GRID_S + _longest_s(rows)
    found = float(way_along(rows, np.array([0.0, end_s]))[-1])
    return None if np.isnan(found) else found


class WaySoFar:
    """The way of the running strides of a run that goes on, told as ``way_m`` tells that of a table."""

    def __init__(self) -> None:
        self._rows: list[tuple[str | float, ...]] = []
        self._told: tuple[int, float | None] = (0, None)

    def add(self, foot: str, row: FootContact, own_mps: float, belt_mps: float | None) -> None:
        """Take the row of a running stride that has closed. own_mps : NaN where not sure; belt_mps : None unknown."""
        start_s = row.initial_contact_s
        cadence_spm = 60.0 * STEPS_PER_STRIDE / (row.next_initial_contact_s - start_s)
        belt = np.nan if belt_mps is None else belt_mps
        length_m, sigma_m = row.stride_length_m, row.stride_length_sigma_m
        self._rows.append((foot, start_s, cadence_spm, length_m, sigma_m, own_mps, belt))

    @property
    def metres(self) -> float | None:
        """The whole [m], up to the last few strides; None before any, and when it cannot be known."""
        if len(self._rows) - self._told[0] >= _EVERY_STRIDES:
            strides = pd.DataFrame(self._rows, columns=list(_COLUMNS)).assign(mode="run")
            self._told = len(self._rows), way_m(strides)
        return self._told[1]


_COLUMNS = (
    "foot", "initial_contact_s", "cadence_spm", "stride_length_m", "length_sigma_m", "speed_mps", "belt_speed_mps",
)  # fmt: skip


def _longest_s(strides: pd.DataFrame) -> float:
    slowest_spm = float(strides["cadence_spm"].min())
    return 60.0 * STEPS_PER_STRIDE / slowest_spm if slowest_spm > 0.0 else 0.0


def _weights(strides: pd.DataFrame) -> FloatArray:
    """Return what each stride's speed weighs: its length over its sigma, squared; 1 in tables that tell no sigma.

    A stride of unknown length, whose speed is the belt's, weighs as one that is just sure enough.
    """
    if "length_sigma_m" not in strides:
        return np.ones(len(strides))
    share = (strides["length_sigma_m"] / strides["stride_length_m"]).to_numpy(np.float64)
    share = np.where(np.isfinite(share), share, LENGTH_LIMIT_SHARE)
    return np.asarray(1.0 / np.maximum(share, _LEAST_SHARE) ** 2)
