"""How good the data was: the quality ledger and the belt calibration of one session."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from statistics import median
from typing import Any

import numpy as np

from tallrun.gait.eligible import length_is_sure, sure_strides
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.strides import Stride
from tallrun.gait.table import GaitTable
from tallrun.numerics.recording import SensorSpec
from tallrun.pipeline.setup import STRIDE_GAIN_BOUNDS, PipelineSetup

#: Strides of steady running on a belt of known speed needed before a calibration is offered.
CALIBRATION_STRIDES = 60
#: Cadence above which two neighbouring belt readings count as a change of speed.
BELT_CHANGE_SHARE = 0.01


def quality_ledger(
    strides: GaitTable, status: Mapping[str, Any], specs: Mapping[str, SensorSpec]
) -> dict[str, Any]:
    """Return the ledger of ``summary.json``: shares of sure times and lengths, reasons counted, each sensor's counters.

    ``implausible_counts`` says of which columns numbers were withheld as implausible.
    Empty tables give None shares, never 100 %.
    """
    moving = strides[np.isin(strides["mode"], ("run", "walk"))]
    share, of_length = (
        float(sure_strides(moving, quantity).mean() * 100.0) if len(moving) else None
        for quantity in ("timing", "length")
    )
    counts, withheld = (_counted(strides[name]) for name in ("reasons", "implausible"))
    sensors = {
        name: {
            "model": spec.model,
            "rate_hz": spec.rate_hz,
            "acc_range_g": spec.acc_range_g,
            "gyr_range_dps": spec.gyr_range_dps,
            "has_gyroscope": spec.has_gyroscope,
            **(dataclasses.asdict(status[name]) if name in status else {}),
        }
        for name, spec in specs.items()
    }
    return {
        "valid_strides_pct": share,
        "valid_lengths_pct": of_length,
        "n_strides": len(strides),
        "reason_counts": counts,
        "implausible_counts": withheld,
        "sensors": sensors,
        "clock_residual_ms": None,
        "clock_residual_reason": "not recorded in this session",
    }


def _counted(texts: Iterable[str]) -> dict[str, int]:
    """Return how often each item of texts joined by ``;`` occurs, sorted, without what follows its ``=``."""
    names = (item.partition("=")[0] for text in texts if text for item in text.split(";"))
    return dict(sorted(Counter(names).items()))


def belt_calibration(strides: Sequence[Stride], setup: PipelineSetup) -> dict[str, Any]:
    """Return the factor between belt and measured speed, applied and newly found.

    ``gain_found`` is the median of belt speed over uncorrected speed on clean steady running strides, kept
    within 0.9-1.1 (sci:A2); None with a reason when there is no belt speed or too little running.
    """
    out: dict[str, Any] = {
        "gain_applied": setup.stride_gain,
        "is_calibrated": setup.is_calibrated,
        "gain_found": None,
        "n_strides": 0,
    }
    belt, mode, sigma, length, speed = (
        np.fromiter(map(attrgetter(name), strides), np.float64, len(strides))
        for name in ("belt_speed_mps", "mode", "length_sigma_m", "stride_length_m", "speed_mps")
    )
    is_steady = np.abs(np.diff(belt, prepend=np.nan)) <= BELT_CHANGE_SHARE * belt
    usable = (mode == MODE_RUN) & is_steady & length_is_sure(sigma, length) & (speed > 0.5)
    ratios = belt[usable] * setup.stride_gain / speed[usable]
    out["n_strides"] = len(ratios)
    if len(ratios) < CALIBRATION_STRIDES:
        out["reason"] = "too_few_strides" if np.isfinite(belt).any() or not strides else "no_belt"
        return out
    found = median(ratios.tolist())
    low, high = STRIDE_GAIN_BOUNDS
    out["gain_found"] = min(high, max(low, found))
    out["is_at_bound"] = not low <= found <= high
    return out
