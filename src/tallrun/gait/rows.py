"""Rows the engines emit: one per contact of one foot, one per step seen at the pelvis.

Kernels write plain numbers; reasons travel as bits and become codes only in the stride table.
NaN means unknown. Times are seconds since session start; ``emitted_at_s`` is the time of the sample at
which the engine could decide, so it does not depend on how the signal was cut into blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallrun.reasons import REASONS

#: Order fixed for good: a bit's number is its place here. Append only.
REASON_CODES = (
    "open_stride", "one_foot", "inferred", "gap", "clipped", "gyro_clipped", "no_flat", "velocity_drift",
    "turn", "slope", "slip", "mounting_unknown", "mounting_changed", "flat_angle_unknown", "no_gyroscope",
    "no_pelvis", "no_feet", "no_standing", "settling", "low_quality", "not_running", "too_few_strides",
    "no_body_mass", "no_leg_length", "speed_unsteady", "low_rate", "no_samples", "axis_missing",
    "event_doubtful", "no_baseline", "strap_doubtful", "implausible", "short_steps",
)  # fmt: skip

MODES = ("other", "stand", "walk", "run")
MODE_OTHER, MODE_STAND, MODE_WALK, MODE_RUN = range(4)

#: One row as plain numbers by field name.
Row = dict[str, Any]

FOOT_CONTACT_DTYPE = np.dtype(
    [
        ("initial_contact_s", "f8"),
        ("final_contact_s", "f8"),
        ("foot_flat_s", "f8"),
        ("next_initial_contact_s", "f8"),  # NaN: open stride
        ("stride_length_m", "f8"),
        ("stride_length_sigma_m", "f8"),
        ("foot_strike_angle_deg", "f8"),
        ("foot_strike_angle_sigma_deg", "f8"),
        (
            "timing_sigma_s",
            "f8",
        ),  # of the contact and the closing one; NaN: the engine tells a quality only
        ("final_contact_sigma_s", "f8"),  # NaN as above
        ("peak_impact_g", "f8"),
        ("slope_deg", "f8"),  # ground slope along the stride, up positive
        ("lift_m", "f8"),  # greatest height of the sensor over the stride's chord
        ("yaw_deg", "f8"),  # turn of the foot over the stride, left positive
        ("swing_peak_radps", "f8"),
        ("velocity_residual_mps", "f8"),  # |velocity| left at the closing foot-flat before correction
        ("mode", "i8"),  # index into MODES
        ("quality", "f8"),
        ("reasons", "i8"),  # bits, see REASON_CODES
        ("emitted_at_s", "f8"),
    ]
)

PELVIS_STEP_DTYPE = np.dtype(
    [
        (
            "step_s",
            "f8",
        ),  # contact instant seen at the pelvis (biased against the foot; never used as contact)
        ("next_step_s", "f8"),
        ("contact_time_s", "f8"),  # stance from sacral acceleration alone; NaN when it cannot be told
        ("contact_time_sigma_s", "f8"),
        ("tilt_deg", "f8"),  # mean over the step, anterior positive, from standing neutral
        ("tilt_sigma_deg", "f8"),
        ("obliquity_deg", "f8"),  # range over the step
        ("rotation_deg", "f8"),  # range over the step
        ("vertical_oscillation_m", "f8"),
        ("braking_dv_mps", "f8"),  # forward speed lost per step, positive
        ("peak_braking_g", "f8"),
        ("crossing_s", "f8"),  # braking turns into propulsion
        ("mode", "i8"),
        ("quality", "f8"),
        ("reasons", "i8"),
        ("emitted_at_s", "f8"),
    ]
)


def plain_rows(rows: np.ndarray) -> list[Row]:
    """Return structured rows as dicts of plain numbers by field name; many times quicker to read one by one."""
    names = rows.dtype.names or ()
    return [dict(zip(names, values, strict=True)) for values in rows.tolist()]


def reason_bit(code: str) -> int:
    """Return the bit of a reason code."""
    return 1 << REASON_CODES.index(code)


def reason_text(bits: int) -> str:
    """Join the codes of all set bits by ';' in bit order; empty for none."""
    return ";".join(code for place, code in enumerate(REASON_CODES) if bits >> place & 1)


if set(REASON_CODES) - set(REASONS):  # a code without a sentence could not be explained to anyone
    raise RuntimeError("gait.rows.REASON_CODES names codes that tallrun.reasons does not explain")
