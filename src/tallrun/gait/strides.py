"""One joined stride: what is known about one contact from both feet and the pelvis together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from tallrun.gait.eligible import length_is_sure
from tallrun.gait.rows import MODES, reason_text

NAN = float("nan")


@dataclass(slots=True)
class Stride:
    """One initial contact and the stride it opens.

    Times are seconds since session start, NaN is unknown (``reasons`` says why). ``foot`` is None when only
    a pelvis sensor was worn: the side cannot be told from there (Kiernan 2023, sci:A1). ``reasons`` holds
    bits of ``gait.rows.REASON_CODES``; ``mode`` an index into ``gait.rows.MODES``.
    """

    foot: str | None
    initial_contact_s: float
    final_contact_s: float = NAN
    stride_time_s: float = NAN
    stance_time_s: float = NAN
    flight_time_s: float = NAN
    duty_factor: float = NAN
    cadence_spm: float = NAN
    stride_length_m: float = NAN
    speed_mps: float = NAN
    foot_strike_angle_deg: float = NAN
    peak_impact_g: float = NAN
    overstride_index: float = NAN
    mode: int = 0
    quality: float = 0.0  # of the length: 0.6 at its limit, see gait.eligible
    timing_sigma_s: float = NAN
    length_sigma_m: float = NAN
    angle_sigma_deg: float = NAN
    reasons: int = 0
    emitted_at_s: float = NAN
    foot_flat_s: float = NAN
    step_time_s: float = NAN
    slope_deg: float = NAN
    lift_m: float = NAN
    yaw_deg: float = NAN
    pelvic_tilt_deg: float = NAN
    pelvic_tilt_sigma_deg: float = NAN
    pelvic_obliquity_deg: float = NAN
    pelvic_rotation_deg: float = NAN
    vertical_oscillation_m: float = NAN
    foot_ahead_m: float = NAN
    braking_dv_mps: float = NAN
    peak_braking_g: float = NAN
    overstride_terms: int = 0  # bits of flag_terms.OVERSTRIDE_TERMS that are raised
    belt_speed_mps: float = NAN  # reported by the treadmill or typed
    incline_pct: float = NAN

    @property
    def pace_mps(self) -> float:
        """Speed to judge the stride by: the belt's where there is one, else the stride's own where that is sure."""
        if math.isfinite(self.belt_speed_mps):
            return self.belt_speed_mps
        return self.speed_mps if length_is_sure(self.length_sigma_m, self.stride_length_m) else NAN


STRIDE_COLUMNS = tuple(item.name for item in fields(Stride))


def strides_frame(strides: Sequence[Stride]) -> pd.DataFrame:
    """Return the ``strides`` table of the session contract, sorted by (initial_contact_s, foot).

    Empty input gives an empty table with the same columns and dtypes.
    """
    ordered = sorted(strides, key=lambda item: (item.initial_contact_s, item.foot or ""))
    columns: dict[str, object] = {}
    for name in STRIDE_COLUMNS:
        values = [getattr(item, name) for item in ordered]
        if name == "foot":
            columns[name] = pd.array(values, dtype="string")
        elif name == "mode":
            columns[name] = pd.array([MODES[value] for value in values], dtype="string")
        elif name == "reasons":
            columns[name] = pd.array([reason_text(value) for value in values], dtype="string")
        elif name == "overstride_terms":
            columns[name] = np.array(values, dtype=np.int64)
        else:
            columns[name] = np.array(values, dtype=np.float64)
    return pd.DataFrame(columns)
