"""How far a quantity moves from one day to another when nothing has changed: the runner's own repeats, else a figure.

Own repeats count once there are enough of them; before that a figure from elsewhere stands in, and says where it is
from. A figure is the standard deviation of one session, in the metric's unit. Sources: sci:A4, sci:A8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit  # scipy.stats has it too, and takes a second to import

from tallrun.insight.blocks import ASYMMETRY, SessionBlocks
from tallrun.insight.change import LEVEL, typical_error

Kind = Literal["own", "published", "design", "validation"]

#: Own repeats are preferred from this many degrees of freedom on; fewer say too little about their own size.
ENOUGH_DOF = 6.0
#: Lumbar sensor, 18 runners, two treadmill tests 7-10 days apart at 9-21 km/h: times and lengths below 2.3 % of
#: themselves, forward impulses below 6.8 % (sci:A8). The upper end is taken.
TIMES_SHARE, IMPULSE_SHARE = 0.023, 0.068
#: 19 runners, two treadmill runs seven days apart: 0.525 percentage points are the least detectable (sci:A8).
STRIDE_TIME_CV_MDC_PCT = 0.525
#: Of a re-mounted pelvis sensor up to 3 degrees are not to be believed (sci:A4); no trial stands behind it.
TILT_MDC_DEG = 3.0
#: Of what is measured again, 95 % differs by less than this many standard deviations of one measurement.
_MDC_SDS = 1.959964 * float(np.sqrt(2.0))


@dataclass(frozen=True)
class DayError:
    """Standard deviation of one session of a metric, in its unit; ``dof`` is infinite for a figure from elsewhere."""

    metric: str
    sd: float
    dof: float
    kind: Kind

    def detectable(self, level: float = LEVEL) -> float:
        """Difference of two sessions that all but this share of unchanged pairs stay below."""
        return self.half_width(float(np.sqrt(2.0)), level)

    def half_width(self, share: float, level: float) -> float:
        """Half the interval of something whose standard deviation is ``share`` times that of one session."""
        return float(stdtrit(self.dof, 1.0 - level / 2.0)) * share * self.sd


def day_error(
    history: Iterable[SessionBlocks],
    metric: str,
    speed_mps: float,
    usual: Mapping[str, float],
    measured: float | None = None,
) -> DayError | None:
    """Return the error between days of a metric at one speed, None where nothing is known.

    history : own sessions; GREEN ones count. usual : middle values of this runner (metric -> value in its unit), for
    figures that are shares. measured : largest error of a session in the program's own tests, in the metric's unit: it
    holds no day, and stands in last.
    """
    own = own_error(history, metric, speed_mps)
    if own is not None and own.dof >= ENOUGH_DOF:
        return own
    found = published(metric, usual)
    if found is not None:
        return found
    if own is not None:
        return own
    # the largest of many tests is taken as what 95 % of sessions stay below
    return None if measured is None else DayError(metric, measured / 1.959964, float("inf"), "validation")


def own_error(history: Iterable[SessionBlocks], metric: str, speed_mps: float) -> DayError | None:
    """Return the error between days from own GREEN sessions alone: all there is for walking, where no figure is."""
    found = typical_error(history, metric, speed_mps)
    return None if found is None else DayError(metric, found.value, found.dof, "own")


def published(metric: str, usual: Mapping[str, float]) -> DayError | None:
    """Return what is written about a metric, None where nothing is or the value it is a share of is not known."""
    if metric == "pelvic_tilt_deg":
        return DayError(metric, TILT_MDC_DEG / _MDC_SDS, float("inf"), "design")
    sd = _published_sd(metric, usual)
    return None if sd is None or not np.isfinite(sd) else DayError(metric, sd, float("inf"), "published")


def _published_sd(metric: str, usual: Mapping[str, float]) -> float | None:
    value = usual.get(metric)
    if metric == "stride_time_cv_pct":
        return STRIDE_TIME_CV_MDC_PCT / _MDC_SDS
    if metric == ASYMMETRY:  # a difference of two times, each with its own error
        return 100.0 * float(np.sqrt(2.0)) * TIMES_SHARE
    if metric == "flight_time_s":  # step time less contact time
        if not {"cadence_spm", "stance_time_s"} <= usual.keys():
            return None
        return TIMES_SHARE * float(np.hypot(60.0 / usual["cadence_spm"], usual["stance_time_s"]))
    if value is None:
        return None
    if metric in ("cadence_spm", "stride_length_m", "stance_time_s"):
        return TIMES_SHARE * abs(value)
    if metric == "duty_factor":
        return float(np.sqrt(2.0)) * TIMES_SHARE * abs(value)
    return IMPULSE_SHARE * abs(value) if metric == "braking_dv_mps" else None
