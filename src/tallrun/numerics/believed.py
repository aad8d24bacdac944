"""What a device may say and be believed; outside these bounds a value is unknown, not clipped."""

from __future__ import annotations

#: Lowest and highest value; devices fill a field they do not know with all ones, or with zero.
BELIEVED = {
    "heart_rate_bpm": (20.0, 250.0),
    "cadence_spm": (0.0, 245.0),
    "speed_mps": (0.0, 15.0),
    "distance_m": (0.0, 1e6),
}


def believed(name: str, value: float | None) -> float | None:
    """Return the value; None when it is None, NaN or beyond what is believed of that name."""
    if value is None:
        return None
    low, high = BELIEVED[name]
    return value if low <= value <= high else None
