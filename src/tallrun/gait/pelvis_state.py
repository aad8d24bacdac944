"""Places in the two state arrays of the pelvis engine; every kernel of it reads and writes the same ones."""

from __future__ import annotations

#: Float state. Places of three are vectors in sensor axes, places of six one such vector for each gait.
(
    F_UP, F_Z1, F_Z2, F_SWING, F_LOW, F_LAST_MARK_S, F_DISTURBED_S, F_STARTED_S, F_LAG, F_LAG_N,
    F_QUIET_N, F_QUIET_SUM, F_QUIET_SQ, F_QUIET_RATE, F_QUIET_F, F_STANDING, F_NEUTRAL, F_AXIS,
    F_LEVEL, F_USUAL, F_ANCHOR, F_LATEST, F_USUAL_N, F_GAIT_S, F_SEEN_S, F_LEAN, F_DOUBT,
) = (
    0, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16, 19, 22, 25,
    28, 31, 37, 43, 49, 51, 52, 53, 54,
)  # fmt: skip
F_WIDTH = 55

#: Whole-number state.
(
    I_SEEN, I_ARMED, I_MARKS, I_NEXT, I_CONFIRMED, I_MODE, I_AXIS_KNOWN, I_NEUTRAL_KNOWN, I_NEUTRAL_GIVEN,
    I_QUIET_SECONDS, I_STANDING, I_MOUNT, I_OFF, I_BACK, I_MOVED, I_GAIT, I_DOUBT_GAIT, I_ODD_STANDING,
    I_STEPS, I_GIVEN, I_CLIPPED,
) = range(21)  # fmt: skip
I_WIDTH = 21

#: What is held of the strap (I_MOUNT): it has not moved, it may have, it has.
HELD, DOUBTED, SLIPPED = 0, 1, 2
