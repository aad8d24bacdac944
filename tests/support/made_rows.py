"""Rows as the engines would emit them, made by hand: joins and flags are tested without any signal."""

import numpy as np

from tallrun.gait.rows import FOOT_CONTACT_DTYPE, MODE_RUN, PELVIS_STEP_DTYPE
from tallrun.gait.strides import Stride


def foot_row(ic_s, stride_s=0.72, stance_s=0.26, **changes):
    row = np.zeros(1, FOOT_CONTACT_DTYPE)[0]
    for name in FOOT_CONTACT_DTYPE.names:
        if FOOT_CONTACT_DTYPE[name].kind == "f":
            row[name] = np.nan
    row["initial_contact_s"] = ic_s
    row["final_contact_s"] = ic_s + stance_s
    row["next_initial_contact_s"] = ic_s + stride_s
    row["stride_length_m"] = 2.0
    row["stride_length_sigma_m"] = 0.02
    row["timing_sigma_s"] = row["final_contact_sigma_s"] = 0.004
    row["foot_strike_angle_sigma_deg"] = 1.0
    row["mode"] = MODE_RUN
    row["quality"] = 0.95
    row["emitted_at_s"] = ic_s + stride_s + 0.12
    for name, value in changes.items():
        row[name] = value
    return row


def pelvis_row(step_s, step_time_s=0.36, **changes):
    row = np.zeros(1, PELVIS_STEP_DTYPE)[0]
    for name in PELVIS_STEP_DTYPE.names:
        if PELVIS_STEP_DTYPE[name].kind == "f":
            row[name] = np.nan
    row["step_s"] = step_s
    row["next_step_s"] = step_s + step_time_s
    row["tilt_deg"] = 5.0
    row["contact_time_s"] = 0.25
    row["contact_time_sigma_s"] = 0.02
    row["mode"] = MODE_RUN
    row["quality"] = 0.95
    row["emitted_at_s"] = step_s + step_time_s + 0.1
    for name, value in changes.items():
        row[name] = value
    return row


def running(n, start_s=0.0, step_s=0.36, first="left", **values):
    """Alternating running strides with constant or per-stride values."""
    feet = ("left", "right") if first == "left" else ("right", "left")
    out = []
    for place in range(n):
        at = start_s + place * step_s
        fields = {
            "stride_time_s": 2 * step_s,
            "cadence_spm": 60.0 / step_s,
            "stance_time_s": 0.25,
            "speed_mps": 2.8,
            "mode": MODE_RUN,
            "quality": 0.95,
            "timing_sigma_s": 0.004,
            "stance_sigma_s": 0.006,
            "stride_length_m": 2.8 * 2 * step_s,
            "length_sigma_m": 0.02,
            "angle_sigma_deg": 1.0,
        }
        for name, value in values.items():
            fields[name] = value[place] if np.ndim(value) else value
        out.append(Stride(feet[place % 2], at, emitted_at_s=at + 1.0, **fields))
    return out
