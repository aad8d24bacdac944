"""Constants of unit conversion. Inside, everything is SI and radians; conversion happens once, at an edge."""

from __future__ import annotations

import math

STANDARD_GRAVITY_MPS2 = 9.80665
DEG_PER_RAD = 180.0 / math.pi
RAD_PER_DEG = math.pi / 180.0
#: Steps are counted for both feet, strides for one (FIT and TCX store strides per minute).
STEPS_PER_STRIDE = 2
