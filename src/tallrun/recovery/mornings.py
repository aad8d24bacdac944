"""Own baseline and trend of the morning load test: pure functions of a few mornings.

Source: decision-table section 1 (baseline), BL1 (trend), art:C3.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallrun.recovery.protocol import Protocol

RISING, STEADY, FALLING, UNKNOWN = "RISING", "STEADY", "FALLING", "UNKNOWN"


def low_median(values: Sequence[int]) -> int:
    """Median of at least one value; the lower middle of an even count."""
    return sorted(values)[(len(values) - 1) // 2]


def baseline(protocol: Protocol, mornings: Sequence[int], setup: int | None = None) -> int | None:
    """Baseline B of unmasked morning scores, None when unknown.

    mornings : scores of the window, bad mornings already left out. setup : the set-up value, None when there
    is none or it is too old. Fewer mornings than needed: the set-up value; the result is capped (art:C3).
    """
    if len(mornings) >= protocol.baseline.min_mornings:
        return min(low_median(mornings), protocol.baseline.highest)
    return None if setup is None else min(setup, protocol.baseline.highest)


def slope_per_day(points: Sequence[tuple[int, int]]) -> float | None:
    """Theil-Sen slope of (day number, score) points; None for fewer than two different days."""
    slopes = sorted(
        (late[1] - early[1]) / (late[0] - early[0])
        for i, early in enumerate(points)
        for late in points[i + 1 :]
        if late[0] != early[0]
    )
    if not slopes:
        return None
    middle = len(slopes) // 2
    return slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2


def trend(protocol: Protocol, points: Sequence[tuple[int, int]]) -> str:
    """RISING, STEADY, FALLING or UNKNOWN of the last days' mornings, as (day number, score) sorted by day."""
    if len(points) < protocol.baseline.trend_min_mornings:
        return UNKNOWN
    slope = slope_per_day(points)
    if slope is None:
        return UNKNOWN
    # Scores are whole numbers, so slopes are small fractions: 1/5 must compare equal to the limit 0.2.
    if slope >= protocol.baseline.rising_per_day - 1e-9:
        return RISING
    return FALLING if slope <= protocol.baseline.falling_per_day + 1e-9 else STEADY
