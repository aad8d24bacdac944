"""Distance and pace in the unit a runner thinks in. Inside everything is metres and seconds."""

from __future__ import annotations

from typing import Literal

LengthUnit = Literal["km", "mile"]
METRES: dict[str, float] = {"km": 1000.0, "mile": 1609.344}


def distance_words(distance_m: float | None, unit: LengthUnit = "km") -> str:
    """Return a distance with its unit; "not known" for None."""
    return "not known" if distance_m is None else f"{distance_m / METRES[unit]:.2f} {unit}"


def pace_words(speed_mps: float | None, unit: LengthUnit = "km") -> str:
    """Return minutes and seconds for a unit of way; "not known" for None, "standing" where nothing moves."""
    if speed_mps is None:
        return "not known"
    if speed_mps <= 0.0:
        return "standing"
    minutes, rest = divmod(round(METRES[unit] / speed_mps), 60)
    return f"{minutes}:{rest:02d} min/{unit}"
