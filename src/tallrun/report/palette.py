"""Colours and marks of the figures: a side is never told by colour alone (design: tokens)."""

from __future__ import annotations

SIDE_COLOUR = {"left": "#0072B2", "right": "#D55E00"}
SIDE_SYMBOL = {"left": "circle", "right": "square"}
SIDE_DASH = {"left": "solid", "right": "dash"}
SIDE_LETTER = {"left": "L", "right": "R"}
PELVIS_COLOUR = "#6A5FA0"
NEUTRAL_COLOUR = "#4A5260"
FLAG_FILL = {
    "low_cadence": "rgba(178,107,0,0.16)",
    "overstriding": "rgba(213,94,0,0.16)",
    "anterior_pelvic_tilt": "rgba(106,95,160,0.18)",
    "asymmetry": "rgba(179,38,30,0.14)",
}
FLAG_NAME = {
    "low_cadence": "low cadence",
    "overstriding": "landing far ahead",
    "anterior_pelvic_tilt": "pelvis tilted forward",
    "asymmetry": "left-right difference",
}
CUE_COLOUR = "#1B7F5C"
PAIN_COLOUR = "#B3261E"


def translucent(colour: str, opacity: float) -> str:
    """Return a ``#rrggbb`` colour as rgba with this opacity."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
