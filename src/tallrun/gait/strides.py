"""One joined stride: what is known about one contact from both feet and the pelvis together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.eligible import belt_or_own, length_is_sure
from tallrun.gait.rows import MODE_RUN, MODES, reason_bit, reason_text
from tallrun.gait.table import GaitTable, text_array

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
    overstride_sigma: float = NAN  # of the index, from what each known term can be off by
    overstride_terms: int = 0  # bits of flag_terms.OVERSTRIDE_TERMS that are raised
    belt_speed_mps: float = NAN  # reported by the treadmill or typed
    incline_pct: float = NAN
    stance_sigma_s: float = NAN  # of the contact time, from both its events

    @property
    def pace_mps(self) -> float:
        """Speed to judge the stride by: the belt's where there is one, else the stride's own where that is sure."""
        own_mps = self.speed_mps if length_is_sure(self.length_sigma_m, self.stride_length_m) else NAN
        return float(belt_or_own(self.belt_speed_mps, own_mps))


#: Beyond these no person's gait goes; sprinters reach 12.4 m/s, 5.5 m and 300 steps/min.
FASTEST_MPS = 13.0
LONGEST_STRIDE_M = 6.0
SHORTEST_STRIDE_S = 0.3
STEEPEST_STRIKE_DEG = 60.0
#: Speed times time is the length within this share of it, else one of them is wrong.
LENGTH_MISFIT_SHARE = 0.01
GREATEST_TILT_DEG = 60.0
GREATEST_OSCILLATION_M = 0.4

_OF_STANCE = ("final_contact_s", "stance_time_s", "duty_factor", "flight_time_s")
_OF_LENGTH = ("stride_length_m", "speed_mps", "length_sigma_m", "foot_ahead_m", "slope_deg", "lift_m")
_OF_STRIDE = ("stride_time_s", "cadence_spm", "duty_factor", "speed_mps", "foot_ahead_m")


def withhold_implausible(stride: Stride) -> None:
    """Withhold, with the reason ``implausible``, every number of a stride that cannot be true of a person.

    The one place for all engines: contact no shorter than the step while running or than the stride at all, times
    that are not positive, a speed that length and time deny, angles and heights beyond a body.
    """
    wrong: list[str] = []
    stance, step, whole = stride.stance_time_s, stride.step_time_s, stride.stride_time_s
    both = 2.0 * stance if stride.mode == MODE_RUN else stance  # contacts that cannot overlap
    if stance <= 0.0 or 0.0 < whole <= both or 0.0 < 2.0 * step <= both:
        wrong += _OF_STANCE
    if step <= 0.0 or stride.flight_time_s >= whole:
        wrong += ("step_time_s", "flight_time_s")
    if whole < SHORTEST_STRIDE_S:
        wrong += _OF_STRIDE
    length, speed = stride.stride_length_m, stride.speed_mps
    if not 0.0 <= length <= LONGEST_STRIDE_M and length == length:
        wrong += _OF_LENGTH
    if speed == speed and not (
        0.0 <= speed <= FASTEST_MPS and abs(speed * whole - length) <= LENGTH_MISFIT_SHARE * abs(length)
    ):
        wrong += _OF_LENGTH
    if abs(stride.foot_strike_angle_deg) > STEEPEST_STRIKE_DEG:
        wrong.append("foot_strike_angle_deg")
    if abs(stride.pelvic_tilt_deg) > GREATEST_TILT_DEG:
        wrong.append("pelvic_tilt_deg")
    if stride.pelvic_obliquity_deg < 0.0 or stride.pelvic_obliquity_deg > GREATEST_TILT_DEG:
        wrong.append("pelvic_obliquity_deg")
    if stride.vertical_oscillation_m < 0.0 or stride.vertical_oscillation_m > GREATEST_OSCILLATION_M:
        wrong.append("vertical_oscillation_m")
    if stride.peak_impact_g < 0.0:
        wrong.append("peak_impact_g")
    if stride.duty_factor < 0.0 or stride.duty_factor > 1.0:
        wrong.append("duty_factor")
    known = [name for name in wrong if math.isfinite(getattr(stride, name))]
    for name in known:
        setattr(stride, name, NAN)
    if known:
        stride.reasons |= reason_bit("implausible")
        if "stride_length_m" in known:
            stride.quality = 0.0


STRIDE_COLUMNS = tuple(item.name for item in fields(Stride))


def stride_table(strides: Sequence[Stride]) -> GaitTable:
    """Return the ``strides`` table of the session contract, sorted by (initial_contact_s, foot).

    Empty input gives an empty table with the same columns and types.
    """
    ordered = sorted(strides, key=lambda item: (item.initial_contact_s, item.foot or ""))
    columns: dict[str, NDArray[Any]] = {}
    for name in STRIDE_COLUMNS:
        values = map(attrgetter(name), ordered)
        if name == "foot":
            columns[name] = text_array(list(values))
        elif name == "mode":
            columns[name] = text_array([MODES[value] for value in values])
        elif name == "reasons":
            bits = list(values)
            texts = {value: reason_text(value) for value in set(bits)}
            columns[name] = text_array([texts[value] for value in bits])
        else:
            kind = np.int64 if name == "overstride_terms" else np.float64
            columns[name] = np.fromiter(values, kind, len(ordered))
    return GaitTable(columns)
