"""Which strides may be judged: running, of good quality, level, straight, at steady speed."""

from __future__ import annotations

import math
from collections import deque

from tallrun.gait.rows import MODE_RUN, reason_bit

QUALITY_LIMIT = 0.6
#: Steeper than this nothing is judged (sci:D5 g).
STEEP_INCLINE_PCT = 5.0
#: Speed is unsteady when its coefficient of variation over this many strides exceeds the limit (sci:D7).
STEADY_STRIDES = 20
STEADY_CV = 0.05

_DOUBTFUL = 0
for _code in ("turn", "slope", "slip", "inferred", "gap", "low_quality"):
    _DOUBTFUL |= reason_bit(_code)

#: What throws doubt on contact times themselves. A force cut off at the sensor's range leaves the times as they are
#: and costs the length and the quality, which has its own limit; a slope changes both feet alike.
_DOUBTFUL_TIMES = 0
for _code in ("turn", "slip", "inferred", "gap"):
    _DOUBTFUL_TIMES |= reason_bit(_code)


def has_sure_times(mode: int, quality: float, reasons: int, quality_min: float = QUALITY_LIMIT) -> bool:
    """Return whether left and right contact times of running may be compared for safety (LV7).

    Wider than ``is_clean_run``: a hard landing that exceeds the accelerometer's range, or a hill, must not hide a limp.
    """
    return mode == MODE_RUN and quality >= quality_min and not reasons & _DOUBTFUL_TIMES


def is_clean_run(mode: int, quality: float, reasons: int, incline_pct: float) -> bool:
    """Return whether a stride is clean level running; an unknown incline (NaN) counts as level."""
    return (
        mode == MODE_RUN
        and quality >= QUALITY_LIMIT
        and not reasons & _DOUBTFUL
        and not abs(incline_pct) > STEEP_INCLINE_PCT
    )


class SteadySpeed:
    """Tells whether the last twenty strides kept one speed."""

    def __init__(self) -> None:
        self._speeds: deque[float] = deque(maxlen=STEADY_STRIDES)

    def clear(self) -> None:
        """Forget, after a break."""
        self._speeds.clear()

    def add(self, speed_mps: float) -> bool:
        """Take the speed of one stride (NaN unknown); return whether speed is steady now.

        With no known speed at all five strides of running count as steady: nothing then speaks against it.
        """
        self._speeds.append(speed_mps)
        known = [value for value in self._speeds if math.isfinite(value)]
        if len(known) < 5:
            return not known and len(self._speeds) >= 5
        mean = sum(known) / len(known)
        spread = math.sqrt(sum((value - mean) ** 2 for value in known) / len(known))
        return mean > 0.0 and spread <= STEADY_CV * mean
