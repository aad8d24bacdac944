"""What a treadmill's readings tell between and after them: each holds until the next, but not for ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallrun.numerics.recording import FloatArray, Treadmill
from tallrun.sensors.events import TreadmillReading

#: A belt tells its speed about once a second; one that was silent for longer has an unknown speed.
BELT_HOLDS_S = 15.0
#: A climb is told when more than this share of the time on the belt is known.
KNOWN_SHARE = 0.9


def held(reading: TreadmillReading, at_s: float) -> TreadmillReading:
    """Return what a reading tells at a later time: nothing once it is older than ``BELT_HOLDS_S``."""
    if at_s - reading.t_s <= BELT_HOLDS_S:
        return reading
    return replace(reading, speed_mps=None, incline_pct=None)


def held_speed(belt: Treadmill, t_s: FloatArray) -> FloatArray:
    """Return the belt's speed [m/s] at ``t_s`` (n,), NaN before the first reading and in a silence."""
    if not belt.t_s.size:
        return np.full(t_s.size, np.nan)
    at = np.searchsorted(belt.t_s, t_s, side="right") - 1
    is_held = (at >= 0) & (t_s - belt.t_s[np.maximum(at, 0)] <= BELT_HOLDS_S)
    return np.where(is_held, belt.speed_mps[np.maximum(at, 0)], np.nan)


def climb_m(belt: Treadmill, first_s: float = -np.inf, last_s: float = np.inf) -> float | None:
    """Return the metres climbed on a belt between two times; the last reading closes the last stretch.

    None when it did not move, or speed or incline is unknown for a tenth of the time or more.
    """
    begin_s = np.clip(belt.t_s[:-1], first_s, last_s)
    end_s = np.clip(belt.t_s[1:], first_s, last_s)
    told_s = np.maximum(np.minimum(end_s, belt.t_s[:-1] + BELT_HOLDS_S) - begin_s, 0.0)
    speed, incline = belt.speed_mps[:-1], belt.incline_pct[:-1]
    # a standing belt climbs nothing, whatever its incline
    is_known = np.isfinite(speed) & (np.isfinite(incline) | (speed == 0.0))
    moving = ~(speed == 0.0)
    span_s = float((end_s - begin_s)[moving].sum())
    if span_s <= 0.0 or float(told_s[moving & is_known].sum()) <= KNOWN_SHARE * span_s:
        return None
    way_m = speed[is_known] * told_s[is_known]
    rise = np.maximum(np.sin(np.arctan(np.nan_to_num(incline[is_known]) / 100.0)), 0.0)
    return float((way_m * rise).sum())
