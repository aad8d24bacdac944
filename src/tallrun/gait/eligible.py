"""Which values may be judged: each by the uncertainty of its own quantity, on clean level running.

A stride carries three uncertainties: of its times, of its length and of its foot's angle. What was cut off or lost
spoils one of them and leaves the others as they are, so every use asks for the one it needs.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from tallrun.gait.rows import MODE_RUN, reason_bit
from tallrun.gait.table import TableLike
from tallrun.numerics.recording import FloatArray

#: One standard deviation of a contact's times [s]: twice what a good sensor leaves, under half a tenth of a stride.
TIMING_LIMIT_S = 0.02
#: The same of a contact time, which two events decide; of one as long as a walk's, this share of it.
STANCE_LIMIT_S = math.sqrt(2.0) * TIMING_LIMIT_S
STANCE_LIMIT_SHARE = 0.1
#: One standard deviation of a stride's length as a share of it; ``quality`` is 0.6 there.
LENGTH_LIMIT_SHARE = 0.065
QUALITY_LIMIT = 0.6
#: One standard deviation of the foot-strike angle: what tells a heel from a midfoot landing most of the time.
ANGLE_LIMIT_DEG = 3.5
#: ``quality`` falls to a half where the length's sigma is this share of the length.
HALF_QUALITY_SHARE = 0.08
#: Engines that tell no sigma of their times tell a quality; at 0.6 of it the times are at their limit.
TIMING_SIGMA_AT_ONE_S = TIMING_LIMIT_S * QUALITY_LIMIT
#: Steeper than this nothing is judged (sci:D5 g).
STEEP_INCLINE_PCT = 5.0
#: Speed is unsteady when its coefficient of variation over this many strides exceeds the limit (sci:D7).
STEADY_STRIDES = 20
STEADY_CV = 0.05

#: Column of the stride table -> the quantity whose uncertainty decides over it.
QUANTITY_OF = {
    **dict.fromkeys(
        (
            "stride_time_s", "step_time_s", "cadence_spm", "peak_impact_g",
        ),
        "timing",
    ),
    **dict.fromkeys(("stance_time_s", "flight_time_s", "duty_factor"), "stance"),
    **dict.fromkeys(("stride_length_m", "speed_mps", "foot_ahead_m", "slope_deg", "lift_m"), "length"),
    "foot_strike_angle_deg": "angle",
}  # fmt: skip

#: What throws doubt on contact times themselves; what was lost or cut off is in their sigma.
_DOUBTFUL_TIMES = reason_bit("turn") | reason_bit("slip") | reason_bit("inferred")
_DOUBTFUL = _DOUBTFUL_TIMES | reason_bit("slope")
#: The same as codes, for tables.
DOUBTFUL_CODES = ("turn", "slip", "inferred", "slope")


def timing_is_sure(sigma_s: Any) -> Any:
    """Return whether times of this uncertainty may be judged; NaN may not. Numbers or arrays."""
    return sigma_s <= TIMING_LIMIT_S


def length_is_sure(sigma_m: Any, length_m: Any) -> Any:
    """Return whether a length, and with it a speed, of this uncertainty may be judged. Numbers or arrays."""
    return sigma_m <= LENGTH_LIMIT_SHARE * length_m


def angle_is_sure(sigma_deg: Any) -> Any:
    """Return whether a foot-strike angle of this uncertainty may be judged. Numbers or arrays."""
    return sigma_deg <= ANGLE_LIMIT_DEG


def timing_sigma_s(told_s: float, quality: float) -> float:
    """Return the uncertainty of a row's times [s]; from its quality where its engine tells only that (NaN)."""
    if math.isfinite(told_s):
        return told_s
    return TIMING_SIGMA_AT_ONE_S / quality if quality > 0.0 else math.nan


def stance_sigma_s(final_contact_sigma_s: float, timing_sigma_s: float) -> float:
    """Return the uncertainty of a contact time [s]; an engine that tells none of the off (NaN) times both alike."""
    off_s = final_contact_sigma_s if math.isfinite(final_contact_sigma_s) else timing_sigma_s
    return math.hypot(timing_sigma_s, off_s)


def sure_strides(strides: TableLike, quantity: str) -> np.ndarray:
    """Return where ``quantity`` (timing, stance, length or angle) may be judged, bool (n,).

    A table from before each quantity had its own sigma is judged by its ``quality`` alone, one without that is taken
    as it stands; one from before contact times had theirs judges them by that of its times.
    """
    if quantity == "stance" and "stance_sigma_s" not in strides:
        quantity = "timing"
    column = {
        "timing": "timing_sigma_s", "stance": "stance_sigma_s", "length": "length_sigma_m", "angle": "angle_sigma_deg",
    }[quantity]  # fmt: skip
    if column not in strides and "quality" not in strides:
        return np.ones(len(strides), np.bool_)
    if column not in strides:
        return np.asarray(np.nan_to_num(np.asarray(strides["quality"], np.float64)) >= QUALITY_LIMIT)
    sigma = np.asarray(strides[column], np.float64)
    if quantity == "timing":
        return np.asarray(timing_is_sure(sigma))
    if quantity == "stance":
        least_s = STANCE_LIMIT_SHARE * np.asarray(strides["stance_time_s"], np.float64)
        return np.asarray(sigma <= np.fmax(STANCE_LIMIT_S, least_s))
    if quantity == "angle":
        return np.asarray(angle_is_sure(sigma))
    return np.asarray(length_is_sure(sigma, np.asarray(strides["stride_length_m"], np.float64)))


def sure_values(strides: TableLike) -> TableLike:
    """Return the table with every value that is not sure by its own quantity unknown (NaN)."""
    sure = {quantity: sure_strides(strides, quantity) for quantity in ("timing", "stance", "length", "angle")}
    return strides.assign(
        **{
            name: np.where(sure[quantity], np.asarray(strides[name], np.float64), np.nan)
            for name, quantity in QUANTITY_OF.items()
            if name in strides
        }
    )


def paces_mps(sure: TableLike) -> FloatArray:
    """Return the speed each row of ``sure_values`` is judged by [m/s]: belt's where known, else own; NaN unknown."""
    belt, own = (
        np.asarray(sure[name], np.float64) if name in sure else np.full(len(sure), np.nan)
        for name in ("belt_speed_mps", "speed_mps")
    )
    return np.asarray(belt_or_own(belt, own))


def belt_or_own(belt_mps: Any, own_mps: Any) -> Any:
    """Return the belt's speed where there is one, else the stride's own, NaN where that is not sure; any shape."""
    if isinstance(belt_mps, float):  # a stride at a time numpy would take ten times as long
        return belt_mps if math.isfinite(belt_mps) else own_mps
    return np.where(np.isfinite(belt_mps), belt_mps, own_mps)


def has_sure_times(
    mode: int, stance_sigma_s: float, reasons: int, quality_min: float = QUALITY_LIMIT
) -> bool:
    """Return whether left and right contact times of running may be compared for safety (LV7).

    Wider than ``is_clean_run``: a hard landing that exceeds the accelerometer's range, or a hill, must not hide a limp.
    quality_min : the protocol's least quality, of times here.
    """
    is_sure = quality_min * stance_sigma_s <= QUALITY_LIMIT * STANCE_LIMIT_S
    return mode == MODE_RUN and is_sure and not reasons & _DOUBTFUL_TIMES


def is_clean_run(mode: int, timing_sigma_s: float, reasons: int, incline_pct: float) -> bool:
    """Return whether a stride is level, straight running of sure times; an unknown incline (NaN) counts as level.

    Its length and angle may still be unsure: who uses them asks for them.
    """
    return (
        mode == MODE_RUN
        and bool(timing_is_sure(timing_sigma_s))
        and not reasons & _DOUBTFUL
        and not abs(incline_pct) > STEEP_INCLINE_PCT
    )


class SteadySpeed:
    """Tells whether the last twenty strides kept one speed."""

    def __init__(self) -> None:
        self._speeds: deque[float] = deque()
        self.clear()

    def clear(self) -> None:
        """Forget, after a break."""
        self._speeds.clear()
        self._n_known, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, speed_mps: float) -> bool:
        """Take the speed of one stride (NaN unknown); return whether speed is steady now.

        With no known speed at all five strides of running count as steady: nothing then speaks against it.
        """
        self._speeds.append(speed_mps)
        self._count(speed_mps, 1)
        if len(self._speeds) > STEADY_STRIDES:
            self._count(self._speeds.popleft(), -1)
        if self._n_known < 5:
            return not self._n_known and len(self._speeds) >= 5
        mean = self._sum / self._n_known
        return mean > 0.0 and self._squares / self._n_known - mean * mean <= (STEADY_CV * mean) ** 2

    def _count(self, speed_mps: float, sign: int) -> None:
        if math.isfinite(speed_mps):
            self._n_known += sign
            self._sum += sign * speed_mps
            self._squares += sign * speed_mps * speed_mps
