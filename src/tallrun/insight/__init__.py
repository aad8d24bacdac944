"""What the runner's own history says: usual values, real changes, trends, load, and pain beside gait.

Pure functions over plain data; nothing here advises (that is ``recovery``) and nothing claims a cause.

* ``steady_blocks`` cuts a stride table into blocks; ``own_baseline(s)`` and ``flag_baseline`` say what is usual;
* ``typical_error`` and ``compare_blocks`` say whether a change is real;
* ``morning_trend`` says rising, steady or falling, and how sure;
* ``exposure_of_run`` and ``load_by_day`` describe what was asked;
* ``cross`` puts pain beside gait and load at three lags;
* ``questions_due`` lists which answers are still wanted.
"""

from tallrun.insight.baselines import Baseline, flag_baseline, own_baseline, own_baselines, usual_speeds
from tallrun.insight.blocks import METRICS, Block, SessionBlocks, steady_blocks
from tallrun.insight.change import Change, TypicalError, by_weight, compare_blocks, typical_error
from tallrun.insight.crossing import CAVEAT, LAGS, CrossRow, LagResult, cross, flag_minutes, row_of
from tallrun.insight.due import Due, questions_due
from tallrun.insight.exposure import (
    Exposure,
    LoadDay,
    exposure_of_run,
    load_by_day,
)
from tallrun.insight.pain import pain_after, unmasked_mornings
from tallrun.insight.trends import Trend, morning_trend

__all__ = [
    "CAVEAT",
    "LAGS",
    "METRICS",
    "Baseline",
    "Block",
    "Change",
    "CrossRow",
    "Due",
    "Exposure",
    "LagResult",
    "LoadDay",
    "SessionBlocks",
    "Trend",
    "TypicalError",
    "by_weight",
    "compare_blocks",
    "cross",
    "exposure_of_run",
    "flag_baseline",
    "flag_minutes",
    "load_by_day",
    "morning_trend",
    "own_baseline",
    "own_baselines",
    "pain_after",
    "questions_due",
    "row_of",
    "steady_blocks",
    "typical_error",
    "unmasked_mornings",
    "usual_speeds",
]
