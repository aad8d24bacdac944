"""How good the data was: the quality ledger and the belt calibration of one session."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
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

    Empty tables give None shares, never 100 %.
    """
    moving = strides[np.isin(strides["mode"], ("run", "walk"))]
    share, of_length = (
        float(sure_strides(moving, quantity).mean() * 100.0) if len(moving) else None
        for quantity in ("timing", "length")
    )
    counts: dict[str, int] = {}
    for text in strides["reasons"]:
        for code in text.split(";") if text else ():
            counts[code] = counts.get(code, 0) + 1
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
        "reason_counts": dict(sorted(counts.items())),
        "sensors": sensors,
        "clock_residual_ms": None,
        "clock_residual_reason": "not recorded in this session",
    }


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
    ratios = []
    has_belt = False
    before: float | None = None
    for item in strides:
        belt = item.belt_speed_mps
        has_belt = has_belt or math.isfinite(belt)
        steady = before is not None and abs(belt - before) <= BELT_CHANGE_SHARE * belt
        before = belt
        sure = length_is_sure(item.length_sigma_m, item.stride_length_m)
        if item.mode == MODE_RUN and steady and sure and item.speed_mps > 0.5:
            ratio = belt * setup.stride_gain / item.speed_mps
            if math.isfinite(ratio):
                ratios.append(ratio)
    out["n_strides"] = len(ratios)
    if len(ratios) < CALIBRATION_STRIDES:
        out["reason"] = "too_few_strides" if has_belt or not strides else "no_belt"
        return out
    found = median(ratios)
    low, high = STRIDE_GAIN_BOUNDS
    out["gain_found"] = min(high, max(low, found))
    out["is_at_bound"] = not low <= found <= high
    return out
