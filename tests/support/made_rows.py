"""Rows as the engines would emit them, made by hand: joins and flags are tested without any signal."""

import numpy as np

from tallrun.gait.rows import MODE_RUN, FootContact, PelvisStep
from tallrun.gait.strides import Stride


def _unknown(kind):
    known = {"mode": MODE_RUN, "reasons": 0, "impossible": 0, "quality": 0.95}
    return dict.fromkeys(kind._fields, np.nan) | {
        name: value for name, value in known.items() if name in kind._fields
    }


def foot_row(ic_s, stride_s=0.72, stance_s=0.26, **changes):
    known = {
        "initial_contact_s": ic_s,
        "final_contact_s": ic_s + stance_s,
        "next_initial_contact_s": ic_s + stride_s,
        "stride_length_m": 2.0,
        "stride_length_sigma_m": 0.02,
        "timing_sigma_s": 0.004,
        "final_contact_sigma_s": 0.004,
        "foot_strike_angle_sigma_deg": 1.0,
        "emitted_at_s": ic_s + stride_s + 0.12,
    }
    return FootContact(**_unknown(FootContact) | known | changes)


def pelvis_row(step_s, step_time_s=0.36, **changes):
    known = {
        "step_s": step_s,
        "next_step_s": step_s + step_time_s,
        "tilt_deg": 5.0,
        "contact_time_s": 0.25,
        "contact_time_sigma_s": 0.02,
        "emitted_at_s": step_s + step_time_s + 0.1,
    }
    return PelvisStep(**_unknown(PelvisStep) | known | changes)


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
