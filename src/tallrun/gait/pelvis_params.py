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
    # slipping of the sensor
    slip_rad: float = 0.14  # 8 deg
    slip_strides: int = 4
    # limits
    # from the sensor to the body's centre, which lies inside the pelvis at the height of the second sacral
    # vertebra; tilting swings the sensor about it
    centre_ahead_m: float = 0.1
    centre_below_m: float = 0.02
    clip_mps2: float = 1e9
    tilt_sigma_deg: float = 0.7
