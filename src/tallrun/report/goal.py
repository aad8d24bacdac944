"""What the run aimed at and how much of it was there: the goal, time in band, what the cues did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tallrun.coaching.ledger import against_band
from tallrun.gait.eligible import paces_mps
from tallrun.report.cycles import clean_strides
from tallrun.words import counted

#: What each focus is about, in the runner's words.
FOCUS_WORDS = {
    "cadence": "quick, light steps",
    "tall": "running tall",
    "tilt": "belt buckle up a touch",
}
LEAST_STRIDES = 30


@dataclass(frozen=True)
class Goal:
    """The goal of a coached run. band : (low, high) at the speed most run at, None unknown.

    in_band_share : share of judged strides inside the band, None with fewer than thirty of them.
    """

    focus: str
    band: tuple[float, float] | None
    unit: str
    in_band_share: float | None
    n_strides: int


def cadence_goal(
    strides: pd.DataFrame, band_at: Callable[[float], tuple[float, float]], from_s: float
) -> Goal:
    """Return the cadence goal and the share of clean running strides inside it after the learning block.

    band_at : speed [m/s] -> (low, high) [steps/min], NaN where there is no target.
    """
    rows = clean_strides(strides)
    rows = rows[rows["initial_contact_s"] >= from_s]
    cadence = rows["cadence_spm"].to_numpy(dtype=np.float64)
    bands = np.array([band_at(item) for item in paces_mps(rows).tolist()]).reshape(-1, 2)
    judged = np.isfinite(bands).all(axis=1) & np.isfinite(cadence)
    if judged.sum() < LEAST_STRIDES:
        return Goal("cadence", None, "steps a minute", None, int(judged.sum()))
    inside = (cadence[judged] >= bands[judged, 0]) & (cadence[judged] <= bands[judged, 1])
    low, high = np.median(bands[judged], axis=0)
    return Goal(
        "cadence", (float(low), float(high)), "steps a minute", float(inside.mean()), int(judged.sum())
    )


def cue_value(row: dict[str, Any]) -> str:
    """Say what a cue was given for: the value against its band, or against the limit of one that has only an upper."""
    if row["low"] is None:
        return f"{row['value']:.0f} against at most {row['high']:.0f}"
    return against_band(row["value"], row["low"], row["high"])


def cue_sentences(cues: Sequence[dict[str, Any]]) -> list[str]:
    """Say what the runner's steps did after each cue; unknown answers say why."""
    out = []
    for row in cues:
        answer = row.get("answer") or {}
        before, after, share = answer.get("before"), answer.get("after"), answer.get("in_band_share")
        if before is None or after is None:
            out.append("Too few clean strides came after it to tell.")
            continue
        back_s = answer.get("back_s")
        head = "" if back_s is None else f"Back in band after {back_s:.0f} s. "
        # sessions of before tell no back_s: their strides are those right after the cue
        which = f"{counted(answer['n_strides'], 'stride')} {'that answered' if 'back_s' in answer else 'after it'}"
        told = f"{head}From {before:.0f} to {after:.0f} in {which}"
        out.append(told + ("." if share is None else f", {100 * share:.0f} % of them in band."))
    return out
