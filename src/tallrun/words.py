"""Words that every room puts its sentences together with."""

from __future__ import annotations

import math


def counted(count: int, thing: str) -> str:
    """Return a number with its thing, one or many: "1 run", "3 runs", "0 runs"."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def share_words(share_pct: float) -> str:
    """Return a share in per cent with one digit; 100.0 only where it is all and 0.0 only where it is none."""
    rounded = round(share_pct, 1)
    if rounded == 100.0 and share_pct < 100.0:
        return "99.9"
    return "0.1" if rounded == 0.0 and share_pct > 0.0 else f"{rounded:.1f}"


def clock(seconds: float) -> str:
    """Return a length of time as minutes and seconds, with hours from one hour on: 4:07, 1:02:09.

    The one rounding of a length of time for a person: to the nearest second, half of one up. The pages own scripts
    (``Math.round``) do the same.
    """
    whole = math.floor(seconds + 0.5)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def minute_words(minutes: float) -> str:
    """Return minutes with their unit, with tenths below ten of them: 1.5 min, 12 min."""
    return f"{round(minutes, 1 if minutes < 10.0 else 0):g} min"
