"""Running or walking, from the times of one stride of one foot."""

from __future__ import annotations

import math

import numpy as np

from tallrun.gait.foot_params import FootParams
from tallrun.gait.kernels import as_record, kernel
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.strides import Stride

PARAMS = as_record(FootParams())[0]
#: A stride whose own odds are better than e squared to one shows its gait by itself.
SHOWN_ODDS = 2.0


@kernel
def running_odds(stance_s, stride_s, params):
    """Log odds that a stride was run, not walked, from its duty factor and its stance time.

    A slow jog's duty factor comes close to a walk's, its stance time does not. ``stride_s`` is NaN where a gap may
    hold a contact: then the stance speaks alone. NaN for an unknown stance.
    """
    if not stance_s > 0.0:
        return np.nan
    odds = params.stance_weight * math.log(params.stance_middle_s / stance_s)
    if np.isfinite(stride_s):
        odds += params.duty_weight * (params.duty_middle - stance_s / stride_s)
    return odds


def shows_gait(stride: Stride, mode: int) -> bool:
    """Whether the stride's own times say it was ``mode`` (run or walk), whatever went before it."""
    odds = float(running_odds(stride.stance_time_s, stride.stride_time_s, PARAMS))
    return odds > SHOWN_ODDS if mode == MODE_RUN else odds < -SHOWN_ODDS
