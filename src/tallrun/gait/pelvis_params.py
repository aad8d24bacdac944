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
    # up without a gyroscope
    up_memory_s: float = 3.0  # mean specific force over this long
    # finding steps in the vertical specific force
    landmark_hz: float = 3.5  # keeps the step frequency, drops the second hump of walking
    least_swing_mps2: float = 0.7  # a slow walk bounces more than this
    swing_share: float = 0.3  # share of the usual bounce a step must reach, either way
    swing_gain: float = 0.2  # how fast the usual bounce follows, per step
    mark_reach_s: float = 0.3  # a landmark lies at most this long before the bounce that confirms it,
    mark_sigma_s: float = 0.01  # and is put where a force smoothed this much rises through 1 g
    bout_pause_s: float = 1.5  # no landmark for this long ends a bout
    lag_gain: float = 0.1  # how fast the usual time from contact to landmark follows, per step
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
    light_sigma_s: float = 0.015  # of the smoothing at which that is read
    # window of a step, and what is read in it
    window_before: float = 0.6  # of a step: from so much before its landmark
    window_after_s: float = 0.1  # to so long after the next
    whole_per_bridged: int = 50  # a step is whole with one bridged sample in so many
    most_lean: float = 1.0  # the load lies no further from upright than this (tangent)
    braking_share: float = 0.6  # of a step: so long after contact the body is slowed down most,
    crossing_share: float = 0.8  # and so long after it braking has ended
    doubtful_share: float = 0.3  # readings of the contact time further apart than this share make it doubtful
    # quality: what each flaw leaves of it
    quality_no_gyroscope: float = 0.85
    quality_axis_missing: float = 0.85
    quality_gap: float = 0.4
    quality_clipped: float = 0.8
    quality_uneven: float = 0.4  # steps of uneven length take their share, up to this much
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
    quiet_offset_mps2: float = 1.0  # mean force over gravity
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
