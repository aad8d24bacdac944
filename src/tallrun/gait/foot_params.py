"""Every number the foot engine can be tuned by, with its unit and the reason for its size.

None of them is fitted to a recording: they are sizes of physical things (how high a sensor sits over the
ball of the foot, how still a foot can stand) or of sensor errors.
"""

from __future__ import annotations

from typing import NamedTuple


class FootParams(NamedTuple):
    """Tunables of the foot engine (`sci:A1`-`sci:A3`, `sci:D3`-`sci:D5`)."""

    rate_hz: float = 200.0
    # cycles
    rotation_rad: float = 0.45  # a foot turns toe-up by more than this in every swing, even in a tight turn
    ask_rad: float = 0.6  # and is asked whether it has landed once it has turned back toe-down by this
    fall_rad: float = 0.25  # and toe-down by more than this before it, even in a tight turn
    leak_s: float = 2.0  # memory of the leaky pitch angle: gyroscope bias cannot add up to a swing
    swing_peak_radps: float = 1.5  # a foot turning slower than this at its fastest makes no step
    longest_stride_s: float = 2.5  # a longer pause ends the bout
    row_wait_strides: float = 1.5  # a row waits so many of them for the contact that closes its stride
    landing_timeout_s: float = 0.802  # a foot that does not push off after this has come to stand
    ask_share: float = (
        0.5  # and is asked again whether it pushes off each time it turned on by this share of its fall
    )
    least_travel_m: float = (
        0.05  # a swing that ends where it began is not a step; without impact, so many times that:
    )
    doubtful_travel: float = 3.0
    # events
    landmark_half_s: float = 0.01  # pitch rate is averaged over twice this for the final contact
    impact_search_s: float = 0.302  # the foot strikes at most this long after its highest toe-up angle
    impact_rise_s: float = 0.025  # no impact takes longer from its onset to a third of its sharpness
    hit_share: float = 0.35  # of the window's greatest sharpness: an impact
    hit_over_calm: float = 3.0  # and as many times its swing's; also where its onset begins,
    onset_share: float = 0.1  # or at this share of the impact's own sharpness,
    most_onset_share: float = 0.34  # but always below the impact itself
    touch_over_calm: float = 6.0  # a forefoot's first touch is this many times as sharp as the swing
    least_touch_share: float = 0.06  # and has this share of the heel's sharpness
    usual_hit_share: float = 0.5  # an impact has at least this share of the usual sharpness
    soft_hit_share: float = 0.15  # and what has less than this beside a hole is none
    slowed_share: float = 0.5  # a foot strikes once its swing has slowed to this share of its fastest
    heel_down_s: float = 0.07  # a forefoot lands at most this long before its heel
    touch_share: float = (
        0.7  # and strikes at least this share as hard as what follows, if it came before the swing slowed
    )
    ball_down_s: float = 0.2  # a foot that lands on its ball lies down on its heel within this;
    touch_rest_mps: float = 0.2  # meanwhile its ball is slower than this
    ball_sigma_m: float = 0.015  # beside what its place, known to this, makes of the turn,
    touch_turn_rad: float = 0.05  # and the foot turns toe-up by more than this;
    touch_fall_share: float = 0.5  # it touched where the ball had lost this share of the speed it landed with
    timing_touch_s: float = 0.0125  # seen by its speed alone
    settle_s: float = 0.15  # at the end of a recording, a foot this long past its top has landed
    usual_share: float = 0.2  # how fast usual stride and delay follow, per stride
    # what times may be off by: published features of a foot sensor lie 5 to 12 ms from a force plate's threshold, and
    # up to 15 ms in some runner, alike in all strides: twice this is all of that,
    timing_floor_s: float = 0.0075
    timing_step_share: float = (
        0.8  # and the same real steps at a half or a quarter of the rate this share of a step from themselves
    )
    timing_doubtful_s: float = 0.025  # no impact was seen: the foot's own turn tells, roughly
    timing_inferred_s: float = 0.03  # not measured at all
    # leaving: the point about which a planted foot turns, seen over these shares of its turn up to the fastest one,
    roll_from: float = 0.1
    roll_until: float = 0.55
    least_roll_samples: int = 2  # and so many steps, rests to within this:
    pivot_rest_mps: float = 0.08
    pivot_scatter: float = 2.0  # or so many times its scatter there
    rolling_share: float = (
        0.58  # of the time since it rested is left open: anywhere in it the foot may have left
    )
    off_alone_s: float = (
        0.0145  # without a trajectory: as much of the 25 ms for which real feet roll over their toes
    )
    off_early_share: float = (
        0.6  # of its own sigma: a pivot that rested longer is followed beyond one of them only
    )
    least_fall_share: float = (
        0.6  # where time is missing, a foot leaves with this share of its usual toe-down turn rate
    )
    off_withheld_s: float = 0.06  # a final contact less certain than this is not told
    # a force plate's threshold comes before the foot leaves, for the force fades out: published offs lie to 12 ms early
    off_floor_s: float = 0.01
    off_step_share: float = (
        0.5  # on real recordings thinned to a quarter, offs stay within this share of a step
    )
    # the angle at contact may be off by this much; more without a flat, more without an impact
    angle_sigma_deg: float = 1.0
    flat_when_share: float = (
        0.3  # of the time since contact, the foot lay flat so much before or after its stillest;
    )
    angle_no_flat_deg: float = 2.0
    angle_doubtful_deg: float = 3.0
    # greatest force of a landing
    impact_before_s: float = 0.01
    impact_after_s: float = 0.05
    impact_clip_g: float = 3.0  # without a range: two readings alike above this,
    impact_top: float = 0.999  # this near to the highest ever seen, were cut off
    # sliding after landing: faster than this, and than a foot that rolls about a lever as long
    slip_mps: float = 0.4
    slip_lever_m: float = 0.2
    slip_s: float = 0.03  # for this long in all
    # foot-flat
    flat_rate_radps: float = 1.0
    flat_acc_mps2: float = 2.0
    flat_half_s: float = 0.0312
    flat_after_contact_s: float = 0.04
    flat_search_s: float = 0.802
    late_flat_s: float = (
        0.4  # a foot is flat sooner after it struck, unless it stands; the next stance is later
    )
    most_usual_share: float = 1.5  # a stride shorter than so many usual ones is one,
    longest_stance_share: float = 0.8  # walkers stand on a foot for less of a stride
    swing_s: float = 0.35  # and no foot that swings is seen to lie still for so long
    unrest_share: float = (
        0.3  # of the force beside a hole times its length: it fades to somewhere in the hole
    )
    flat_cost: float = 12.0  # below it a foot is flat beyond doubt
    no_flat_cost: float = 60.0  # above it the foot never came to rest
    flat_cost_mps: float = 0.015  # velocity left per root of the cost of both flats, a flat's at most;
    no_flat_cost_mps: float = 0.01  # where there is none, as much per root of all of it, if that is more
    scale_share: float = 0.006  # accelerometers are this true to scale
    wander_share: float = 0.1  # velocity taken off without a known cause: when it came is not known
    lobe_share: float = 0.015  # what a cut-off turn leaves open
    sigma_share: float = (
        0.7  # each size below is taken amply; a whole length errs by this share of their sum,
    )
    misfit_usual: float = (
        6.0  # while chi-square is no more than usual: above it the sigma grows with its root
    )
    withheld_share: float = 0.2  # and one less certain than this share of itself is withheld
    quality_least_m: float = 0.1  # quality of shorter strides is that of one this long
    # trajectory: standard deviations of what may be wrong
    sensor_height_m: float = (
        0.08  # height over the ball of the foot, about which a planted foot turns: at first
    )
    least_height_m: float = 0.02  # what is learned is held within what shoes allow
    most_height_m: float = 0.15
    height_weight: float = (
        0.5  # how much turning [rad2/s] outweighs that first guess; a stride brings about 0.1
    )
    rolling_s: float = 0.152  # part of the push-off in which the foot still turns about its ball
    rolling_radps: float = 3.5
    bias_radps: float = 0.01
    unlearned_bias_radps: float = 0.03  # while the foot was never seen at rest
    rate_share: float = 0.01  # share of the turn rate (scale, cross axis)
    acc_floor_mps2: float = 0.35
    acc_step_share: float = 0.03  # share of the change between samples 5 ms apart: impacts are under-sampled,
    step_s: float = 0.005  # in proportion to the step between samples,
    most_step_share: float = 0.5  # up to half of the change
    lost_steps: float = 1.6  # a step longer than so many sample periods has lost samples in it
    gap_bend: float = (
        1800.0  # what lost samples hide grows with their cube: share of the stride's own spread per s3
    )
    gap_slope_s: float = 0.012  # slopes at the edges of a gap are taken over this long
    small_turn_rad: float = 0.1  # cosines of larger tilts and turn errors count: solved again from there
    ground_share: float = 0.06  # ground rises or falls by about this share of a stride,
    ground_floor_m: float = 0.03  # or a kerb; stairs, which fit everything else, are left as they are
    ground_most_m: float = 4.0  # of a stride no longer than this
    ground_limit: float = 12.0
    stair_share: float = (
        0.5  # chi-square that stays without level ground: above it the ground is not to blame
    )
    correlation_s: float = 0.05
    lobe_spread: float = 0.4  # what a cut-off turn hides is known to this share
    flat_velocity_mps: float = 0.025
    gravity_tilt_rad: float = 0.009
    misfit_limit: float = 30.0  # chi-square of the end conditions (6 degrees of freedom)
    peak_share: float = 1.0  # what a cut-off force hides may be as much again as its edges say,
    peak_floor: float = 0.35  # and this share of the range more: impacts are steep
    # sensor ranges
    clip_share: float = 0.97  # a sensor's own offset is taken off its readings
    clip_least_radps: float = 7.0  # 400 deg/s: no sensor of use here clips below
    plateau_share: float = 0.03  # a plateau stays within this share of its peak
    plateau_edge: float = 1.4  # has edges this many times steeper than a natural peak as wide
    plateau_s: float = 0.1  # and is short: where a swing's long lobe is cut, the range shows by itself
    plateau_samples: int = 3  # of as many samples at least
    plateau_top_share: float = 0.8  # its level is the median of what reaches this share of its peak
    level_share: float = 0.0005  # readings that stay within this share of one level
    level_s: float = 0.06  # for this long
    level_samples: float = 4.0  # and so many samples,
    range_top: float = 0.98  # this near to the greatest reading so far: the range,
    range_beyond: float = 1.02  # until one goes beyond it
    acc_level_least_mps2: float = 35.0  # above 3.6 g, three alike at the top
    level_least_radps: float = 4.2  # above 240 deg/s show the range
    # mounting
    moved_deg: float = 8.0  # gravity at foot-flat this far off
    moved_flats: int = 8  # for so many flats in a row: the sensor slipped on the shoe
    doubted_flats: int = 5  # after so many already angles are withheld
    # learning the mounting
    sure_travel: float = 6.0  # strides this many times the least travel tell forward
    first_turn_share: float = 0.4  # of a stride's fastest turn: heel off, not a wobble
    # gaps
    stamp_gain: float = 0.1  # how fast even stamps follow the given ones, per sample
    period_gain: float = 0.0025  # and the period; a quarter of the square above damps critically
    jitter_gain: float = 0.02  # how fast the jitter's variance is learned, per sample
    loss_odds: float = 4.6  # log odds against a lost sample: one in a hundred is
    phase_samples: float = 20.0  # a period known to 0.1 % keeps its phase over so many lost samples
    period_reach: float = 0.05  # the true rate is this near to the stated one
    reset_periods: float = 2.0  # a stamp earlier than that shows a clock set back, not jitter;
    least_step: float = 0.1  # then time goes on by this share of a period
    bridged_s: float = 0.025  # as short ones are bridged without a trace,
    bridged_least_samples: float = 1.5  # and one sample always
    void_gap_s: float = 0.06  # a longer one may hide a contact,
    length_gap_s: float = 0.11  # and this one the stride's whole swing
    event_guard_s: float = 0.06
    gap_edge_s: float = 0.01  # a contact this near to a gap may lie in it,
    due_guards: float = 1.5  # and one found so many times farther than that from where it was due is another
    due_reach: float = 0.5  # and was lost in a hole this share of that off from where it was due, too
    off_gap_edge_s: float = 0.02  # the same for final contact
    most_lost_strides: int = 5  # contacts lost in a gap are put in evenly where so many usual strides at most
    lost_misfit: float = 0.12  # fill it this evenly
    # rest, for the gyroscope's bias
    rest_s: float = 0.5
    rest_gain: float = 0.3  # share by which a later rest corrects an earlier one
    rest_filled: float = 0.6  # share of its samples that must have come
    rest_rate_radps: float = 0.12
    rest_acc_mps2: float = 0.5
    rest_spread_radps: float = 0.06  # before anything is known of the sensor, rest is what holds still:
    rest_acc_spread_mps2: float = 0.6
    most_bias_radps: float = 0.2  # with a bias below 12 deg/s
    most_offset_mps2: float = 1.0  # and an offset below 0.1 g
    # modes
    duty_middle: float = 0.515  # runners stand on a foot for up to half a stride, walkers for 0.53 and more,
    stance_middle_s: float = 0.46  # and no longer than 0.4 s, where a fast walk still takes 0.5 s
    duty_weight: float = 30.0  # log odds for running per unit of duty factor below its middle
    stance_weight: float = 14.0  # and per factor e of stance time below its own
    mode_bound: float = 6.0  # log odds are held within this; a bout changes its gait at the other bound
    mode_settled: float = 3.0  # until they were this clear once, a new bout's gait follows their sign
    turn_deg: float = 20.0
    slope_share: float = 0.05  # of the stride; and more than
    slope_least_m: float = 0.05
    slope_most_m: float = 0.1  # or more than this whatever its length
