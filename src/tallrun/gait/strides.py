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
    overstride_against: int = 0  # how many terms lie as far on the other side
    belt_speed_mps: float = NAN  # reported by the treadmill or typed
    incline_pct: float = NAN
    stance_sigma_s: float = NAN  # of the contact time, from both its events
    implausible: str = ""  # what was withheld as such: column=value and the limit it broke, joined by ";"

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
#: Columns that stand alone, with the least and the most each can be.
_LIMITS = (
    ("foot_strike_angle_deg", -STEEPEST_STRIKE_DEG, STEEPEST_STRIKE_DEG),
    ("pelvic_tilt_deg", -GREATEST_TILT_DEG, GREATEST_TILT_DEG),
    ("pelvic_obliquity_deg", 0.0, GREATEST_TILT_DEG),
    ("vertical_oscillation_m", 0.0, GREATEST_OSCILLATION_M),
    ("peak_impact_g", 0.0, math.inf),
    ("duty_factor", 0.0, 1.0),
)

_OF_STANCE = ("final_contact_s", "stance_time_s", "duty_factor", "flight_time_s")
_OF_LENGTH = ("stride_length_m", "speed_mps", "length_sigma_m", "foot_ahead_m", "slope_deg", "lift_m")
_OF_STRIDE = ("stride_time_s", "cadence_spm", "duty_factor", "speed_mps", "foot_ahead_m")


def withhold_implausible(stride: Stride) -> None:
    """Withhold, with the reason ``implausible``, every number of a stride that cannot be true of a person.

    The one place for all engines: contact no shorter than the step while running or than the stride at all, times
    that are not positive, a speed that length and time deny, angles and heights beyond a body. ``implausible`` of the
    stride names the number that broke a limit, with both; what follows from that number is withheld with it.
    """
    told: list[str] = []
    wrong: list[str] = []
    stance, step, whole = stride.stance_time_s, stride.step_time_s, stride.stride_time_s
    share = 0.5 if stride.mode == MODE_RUN else 1.0  # of a stride, contacts that cannot overlap
    if stance <= 0.0 or 0.0 < share * whole <= stance or 0.0 < 2.0 * share * step <= stance:
        most = min(share * item for item in (whole, 2.0 * step, math.inf) if item > 0.0)
        told.append(_broken("stance_time_s", stance, "<=0" if stance <= 0.0 else f">={most:.4g}"))
        wrong += _OF_STANCE
    if step <= 0.0 or stride.flight_time_s >= whole:
        told += [_broken("step_time_s", step, "<=0")] if step <= 0.0 else []
        if stride.flight_time_s >= whole:
            told.append(_broken("flight_time_s", stride.flight_time_s, f">={whole:.4g}"))
        wrong += ("step_time_s", "flight_time_s")
    if whole < SHORTEST_STRIDE_S:
        told.append(_broken("stride_time_s", whole, f"<{SHORTEST_STRIDE_S:g}"))
        wrong += _OF_STRIDE
    length, speed = stride.stride_length_m, stride.speed_mps
    if length < 0.0 or length > LONGEST_STRIDE_M:
        told.append(_broken("stride_length_m", length, "<0" if length < 0.0 else f">{LONGEST_STRIDE_M:g}"))
        wrong += _OF_LENGTH
    elif speed < 0.0 or speed > FASTEST_MPS:
        told.append(_broken("speed_mps", speed, "<0" if speed < 0.0 else f">{FASTEST_MPS:g}"))
        wrong += _OF_LENGTH
    elif speed == speed and not abs(speed * whole - length) <= LENGTH_MISFIT_SHARE * abs(length):
        told.append(_broken("speed_mps", speed, f"!={length / whole:.4g}" if whole > 0.0 else ""))
        wrong += _OF_LENGTH
    for name, least, most in _LIMITS:
        value = getattr(stride, name)
        if value < least or value > most:
            told.append(_broken(name, value, f"<{least:g}" if value < least else f">{most:g}"))
            wrong.append(name)
    known = [name for name in wrong if math.isfinite(getattr(stride, name))]
    for name in known:
        setattr(stride, name, NAN)
    if known:
        stride.reasons |= reason_bit("implausible")
        stride.implausible = ";".join([*filter(None, [stride.implausible]), *told])
        if "stride_length_m" in known:
            stride.quality = 0.0


def _broken(name: str, value: float, limit: str) -> str:
    """Return the text for a number and the limit it broke, as ``Stride.implausible`` tells it."""
    return f"{name}={value:.4g}{limit}"


#: Columns of whole numbers; 0 where ``overstride_index`` is unknown, which says so.
WHOLE_NUMBERS = ("overstride_terms", "overstride_against")
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
        elif name == "implausible":
            columns[name] = text_array(list(values))
        else:
            kind = np.int64 if name in WHOLE_NUMBERS else np.float64
            columns[name] = np.fromiter(values, kind, len(ordered))
    return GaitTable(columns)
