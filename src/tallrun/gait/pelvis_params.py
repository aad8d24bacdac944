"""Every number the pelvis engine can be tuned by, with its unit and the reason for its size."""

from __future__ import annotations

from typing import NamedTuple


class PelvisParams(NamedTuple):
    """Tunables of the pelvis engine (`sci:A4`, `sci:A5`, `sci:D6`).

    Physical sizes; only the regularity asked of a new bout was tightened until simulated car rides gave no
    step (checked on other seeds).
    """

    rate_hz: float
    has_gyroscope: bool
    # finding steps in the vertical specific force
    landmark_hz: float = 3.5  # keeps the step frequency, drops the second hump of walking
    least_swing_mps2: float = 0.7  # a slow walk bounces more than this
    swing_share: float = 0.3  # share of the usual bounce a step must reach, either way
    shortest_step_s: float = 0.2
    longest_step_s: float = 1.1
    step_ratio: float = 1.8  # neighbouring step times differ by less than this, also in a limp
    stride_share: float = 0.25  # neighbouring stride times agree within this share
    confirm_marks: int = 8  # landmarks in a regular row before a bout counts
    least_repeat: float = (
        0.8  # correlation of their strides: real runners 0.94 and more, simulated cars to 0.65
    )
    first_step_ratio: float = 1.25  # until then steps must be more alike: bumps of a car are not
    first_stride_share: float = 0.09
    # running or walking: how light the runner gets
    run_below_g: float = 0.35
    walk_above_g: float = 0.45
    # axes
    axis_strides: float = 3.5  # weighted strides seen before forward is trusted
    axis_memory: float = 0.985  # per stride
    # settling of the attitude
    settle_s: float = 15.0
    start_settle_s: float = 8.0
    speed_change_mps: float = 1.0
    speed_window_s: float = 5.0
    # quiet standing
    quiet_rate_radps: float = 0.09  # 5 deg/s: people sway
    quiet_force_mps2: float = 0.25
    quiet_least_s: int = 3
    quiet_most_s: int = 10
    # a moved strap or another posture
    level_share: float = 0.25  # latest attitude: a mean over about two strides
    usual_share: float = 0.0125  # usual attitude of a gait: over about half a minute
    usual_steps: int = 10
    gait_settle_s: float = 8.0  # a new gait or pace finds its posture
    pause_s: float = 3.0
    doubt_rad: float = 0.052  # 3 deg: the least change that is believed at all (`sci:A6`)
    back_rad: float = 0.026
    sure_steps: int = 6  # two to three seconds: a stumble is over by then
    slip_side_rad: float = 0.14  # 8 deg: no runner leans that much further to a side, but in a bend
    slip_rad: float = 0.35  # 20 deg: about all that hips can tip
    least_tilt_rad: float = -0.26  # from upright standing, running or walking: -15 to +30 deg
    most_tilt_rad: float = 0.52
    most_side_rad: float = 0.21  # 12 deg
    bend_speed_mps: float = 6.0  # nobody takes a bend faster
    lean_memory_s: float = 4.0  # the filter's own memory is 3 s
    # limits
    # from the sensor to the body's centre, which lies inside the pelvis at the height of the second sacral
    # vertebra; tilting swings the sensor about it
    centre_ahead_m: float = 0.1
    centre_below_m: float = 0.02
    clip_mps2: float = 1e9
    tilt_sigma_deg: float = 0.7
