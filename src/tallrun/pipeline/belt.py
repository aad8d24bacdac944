"""What a treadmill's readings tell between and after them: each holds until the next.

A belt that was told of about once a second and then falls silent is another matter: it has stopped telling. A table of
changes (rows minutes apart, or written by hand) is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray, Treadmill
from tallrun.sensors.events import TreadmillReading

#: Of a belt that tells its speed all the time, one that was silent for longer has an unknown speed.
BELT_HOLDS_S = 15.0
#: So many readings in a row, none later than this after the one before, come from such a belt.
STREAM_READINGS = 10
STREAM_STEP_S = 5.0
#: A belt that stands carries nobody who takes strides.
STANDING_MPS = 0.1
#: A climb is told when more than this share of the time on the belt is known.
KNOWN_SHARE = 0.9


def _streams(t_s: FloatArray) -> NDArray[np.bool_]:
    """Return for each reading whether it is the last of ``STREAM_READINGS`` that came in close order, bool (n,)."""
    is_close = np.diff(t_s, prepend=-np.inf) <= STREAM_STEP_S
    n_close: NDArray[np.int64] = np.cumsum(is_close)
    before = np.concatenate((np.zeros(STREAM_READINGS, np.int64), n_close))[: t_s.size]
    return np.asarray(n_close - before >= STREAM_READINGS)


def held(readings: Sequence[TreadmillReading], at_s: float) -> TreadmillReading | None:
    """Return what the last of these readings tells at a later time: nothing once a stream was silent for too long.

    readings : in order, those up to ``at_s``; the last ``STREAM_READINGS`` + 1 are enough. None without any.
    """
    if not readings:
        return None
    last = readings[-1]
    if at_s - last.t_s > BELT_HOLDS_S:
        t_s = np.array([item.t_s for item in readings[-STREAM_READINGS - 1 :]])
        if _streams(t_s)[-1]:
            return replace(last, speed_mps=None, incline_pct=None)
    return last


def carries_mps(reading: TreadmillReading) -> float | None:
    """Return the belt's speed under somebody who takes strides: None where it is unknown or the belt stands."""
    speed = reading.speed_mps
    return None if speed is None or not speed > STANDING_MPS else speed


def held_speed(belt: Treadmill, t_s: FloatArray) -> FloatArray:
    """Return the belt's speed [m/s] at ``t_s`` (n,), NaN before the first reading and in a stream's silence."""
    if not belt.t_s.size:
        return np.full(t_s.size, np.nan)
    at = np.searchsorted(belt.t_s, t_s, side="right") - 1
    place = np.maximum(at, 0)
    is_held = (at >= 0) & (t_s - belt.t_s[place] <= _holds_s(belt)[place])
    return np.where(is_held, belt.speed_mps[place], np.nan)


def _holds_s(belt: Treadmill) -> FloatArray:
    return np.where(_streams(belt.t_s), BELT_HOLDS_S, np.inf)


def climb_m(belt: Treadmill, first_s: float = -np.inf, last_s: float = np.inf) -> float | None:
    """Return the metres climbed on a belt between two times; the last reading closes the last stretch.

    None when it did not move, or speed or incline is unknown for a tenth of the time or more.
    """
    begin_s = np.clip(belt.t_s[:-1], first_s, last_s)
    end_s = np.clip(belt.t_s[1:], first_s, last_s)
    told_s = np.maximum(np.minimum(end_s, belt.t_s[:-1] + _holds_s(belt)[:-1]) - begin_s, 0.0)
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
