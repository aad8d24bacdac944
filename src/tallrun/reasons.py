"""Reason codes: why a value is unknown or a row is doubtful. One code, one sentence, used everywhere.

docs/reasons.md is generated from this table and checked by a test.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "open_stride": "The last contact of a bout: no next contact of this foot closes the stride.",
    "one_foot": "Only one foot wore a sensor, so the other foot's contacts are unknown.",
    "inferred": "The contact was filled in across a gap and not measured.",
    "gap": "Samples are missing inside this stride.",
    "clipped": "The sensor reached its range, so the peak was cut off.",
    "gyro_clipped": "The gyroscope reached its range inside this stride; the turn was rebuilt or marked.",
    "no_flat": "No quiet foot-flat instant was found in stance.",
    "velocity_drift": "Velocity did not return to zero at foot-flat; length and speed are not trusted.",
    "turn": "The foot turned by more than 20 degrees in this stride.",
    "slope": "Stairs, a step or a slope of more than 5 percent.",
    "slip": "The foot moved on the ground while it should have stood still.",
    "mounting_unknown": "The sensor's mounting is not learned, so angles are unknown.",
    "mounting_changed": "The sensor's flat angle jumped; angles are withheld until it is learned again.",
    "flat_angle_unknown": "The foot's flat angle is not learned yet.",
    "no_gyroscope": "The sensor has no gyroscope, so angles and lengths are unknown.",
    "no_pelvis": "No pelvis sensor was worn.",
    "no_feet": "No foot sensor was worn.",
    "no_standing": "No quiet standing was recorded, so there is no neutral position.",
    "settling": "The orientation filter is still settling.",
    "low_quality": "Quality is below the limit for this number.",
    "not_running": "There was no running at sufficient quality.",
    "too_few_strides": "Too few clean strides.",
    "no_body_mass": "Body mass is not known.",
    "no_leg_length": "Neither leg length nor height is known.",
    "speed_unsteady": "Speed changed too much inside the window.",
    "low_rate": "The sampling rate is too low for this number.",
    "no_samples": "The sensor delivered no usable samples.",
    "axis_missing": "An axis this number needs was not recorded.",
    "event_doubtful": "Two ways of finding this event disagree by more than 25 ms.",
    "strap_doubtful": "The pelvis angle changed quickly: posture or a moved strap; shown with what it may be off by.",
    "no_baseline": "There is no own baseline yet.",
    "no_incline": "The incline is not known.",
    "no_speed": "The speed, or the runner's best pace, is not known.",
    "no_effort": "The effort of the session (session RPE) was not given.",
    "no_distance": "The distance is not known.",
    "no_variation": "The value hardly varies between sessions.",
    "speed_unmatched": "The two were run at different speeds, so a difference may be the speed.",
    "too_few_values": "The value is known in too few sessions.",
}
