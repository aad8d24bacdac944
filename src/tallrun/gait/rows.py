"""Rows the engines emit: one per contact of one foot, one per step seen at the pelvis.

Kernels write plain numbers; reasons travel as bits and become codes only in the stride table.
NaN means unknown. Times are seconds since session start; ``emitted_at_s`` is the time of the sample at
which the engine could decide, so it does not depend on how the signal was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_type_hints

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


class FootContact(NamedTuple):
    """One contact of one foot, with the stride it begins; ``FOOT_CONTACT_DTYPE`` has the same fields."""

    initial_contact_s: float
    final_contact_s: float
    foot_flat_s: float
    next_initial_contact_s: float  # NaN: open stride
    stride_length_m: float
    stride_length_sigma_m: float
    foot_strike_angle_deg: float
    foot_strike_angle_sigma_deg: float
    timing_sigma_s: float  # of the contact and the closing one; NaN: the engine tells a quality only
    final_contact_sigma_s: float  # NaN as above
    peak_impact_g: float
    slope_deg: float  # ground slope along the stride, up positive
    lift_m: float  # greatest height of the sensor over the stride's chord
    yaw_deg: float  # turn of the foot over the stride, left positive
    swing_peak_radps: float
    velocity_residual_mps: float  # |velocity| left at the closing foot-flat before correction
    mode: int  # index into MODES
    quality: float
    reasons: int  # bits, see REASON_CODES
    emitted_at_s: float


#: Columns of the stride table a pelvis engine may have withheld, in the order of the bits of ``PelvisStep.impossible``.
PELVIS_WITHHELD = (
    "step_time_s", "stance_time_s", "pelvic_tilt_deg", "pelvic_obliquity_deg", "pelvic_rotation_deg",
    "vertical_oscillation_m", "braking_dv_mps", "peak_braking_g",
)  # fmt: skip


class PelvisStep(NamedTuple):
    """One step seen at the pelvis; ``PELVIS_STEP_DTYPE`` has the same fields."""

    step_s: float  # contact instant seen at the pelvis (biased against the foot; never used as contact)
    next_step_s: float
    contact_time_s: float  # stance from sacral acceleration alone; NaN when it cannot be told
    contact_time_sigma_s: float
    tilt_deg: float  # mean over the step, anterior positive, from standing neutral
    tilt_sigma_deg: float
    obliquity_deg: float  # range over the step
    rotation_deg: float  # range over the step
    vertical_oscillation_m: float
    braking_dv_mps: float  # forward speed lost per step, positive
    peak_braking_g: float
    crossing_s: float  # braking turns into propulsion
    mode: int
    quality: float
    reasons: int
    impossible: int  # bits of what was withheld as ``implausible``, see PELVIS_WITHHELD
    emitted_at_s: float


def _dtype_of(row: type) -> np.dtype:
    return np.dtype([(name, "i8" if kind is int else "f8") for name, kind in get_type_hints(row).items()])


FOOT_CONTACT_DTYPE = _dtype_of(FootContact)
PELVIS_STEP_DTYPE = _dtype_of(PelvisStep)


def joined(parts: Sequence[np.ndarray], kind: np.dtype) -> np.ndarray:
    """Return rows of one kind in one array; numpy by itself would ask all fields what they are together."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, dtype=kind) if parts else np.empty(0, kind)


def foot_contacts(rows: np.ndarray) -> list[FootContact]:
    """Return rows of a foot engine as plain numbers, which are many times quicker to read one by one."""
    return [*map(FootContact._make, rows.tolist())]


def pelvis_steps(rows: np.ndarray) -> list[PelvisStep]:
    """Return rows of the pelvis engine as plain numbers."""
    return [*map(PelvisStep._make, rows.tolist())]


def reason_bit(code: str) -> int:
    """Return the bit of a reason code."""
    return 1 << REASON_CODES.index(code)


def reason_text(bits: int) -> str:
    """Join the codes of all set bits by ';' in bit order; empty for none."""
    return ";".join(code for place, code in enumerate(REASON_CODES) if bits >> place & 1)


if set(REASON_CODES) - set(REASONS):  # a code without a sentence could not be explained to anyone
    raise RuntimeError("gait.rows.REASON_CODES names codes that tallrun.reasons does not explain")
