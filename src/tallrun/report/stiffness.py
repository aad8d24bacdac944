"""Leg and vertical stiffness of each stride by the spring-mass model, where body mass and level ground are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tallrun.gait.eligible import paces_mps, sure_values
from tallrun.gait.flag_terms import leg_length_m
from tallrun.gait.spring_mass import spring_mass
from tallrun.numerics.recording import RunnerProfile

if TYPE_CHECKING:
    import pandas as pd

#: Ground steeper than this is no level running for the spring-mass model (sci:A5).
LEVEL_INCLINE_PCT = 1.0


def with_stiffness(strides: pd.DataFrame, runner: RunnerProfile) -> pd.DataFrame:
    """Return the stride table with ``leg_stiffness_npm`` and ``vertical_stiffness_npm`` [N/m]; NaN is not known.

    The belt's speed where it is known, else the stride's own where that is sure. Without body mass, on a slope, walking
    or with one foot nothing is known.
    """
    sure = sure_values(strides)
    found = spring_mass(
        sure["stance_time_s"].to_numpy(dtype=np.float64), sure["flight_time_s"].to_numpy(dtype=np.float64),
        paces_mps(sure), np.nan if runner.mass_kg is None else runner.mass_kg,
        leg_length_m(runner),
    )  # fmt: skip
    level = np.ones(len(strides), dtype=bool)
    if "incline_pct" in strides:
        level = ~(strides["incline_pct"].abs() > LEVEL_INCLINE_PCT).to_numpy(dtype=bool)
    return strides.assign(
        leg_stiffness_npm=np.where(level, found.leg_stiffness_npm, np.nan),
        vertical_stiffness_npm=np.where(level, found.vertical_stiffness_npm, np.nan),
    )
