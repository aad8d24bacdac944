"""What every column of every table is: unit and one sentence. For data frames, Parquet, BIDS and docs."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Unit of a column by how its name ends; the longest ending wins.
_UNITS = {
    "_s": "s",
    "_m": "m",
    "_ms": "ms",
    "_kg": "kg",
    "_hz": "Hz",
    "_mps": "m/s",
    "_mps2": "m/s^2",
    "_radps": "rad/s",
    "_dps": "deg/s",
    "_deg": "deg",
    "_spm": "steps/min",
    "_bpm": "beats/min",
    "_g": "standard gravity",
    "_pct": "%",
}

STRIDES = {
    "foot": "Foot of the contact: left or right; empty where only the pelvis saw the step.",
    "initial_contact_s": "Initial contact, from the start of the session.",
    "final_contact_s": "Final contact (foot off), from the start of the session.",
    "stride_time_s": "From this contact to the next of the same foot.",
    "stance_time_s": "From initial to final contact of one foot.",
    "flight_time_s": "From final contact to the next contact of the other foot; negative is double support.",
    "duty_factor": "Stance time over stride time.",
    "cadence_spm": "Steps of both feet in a minute: 120 over the stride time.",
    "stride_length_m": "From one foot-flat to the next of the same foot, over the ground or the belt.",
    "speed_mps": "Stride length over stride time.",
    "foot_strike_angle_deg": "Foot against the ground at initial contact, from its flat position; toes up positive.",
    "peak_impact_g": "Largest acceleration at the shoe from 10 ms before to 50 ms after contact.",
    "overstride_index": "Strike angle, foot ahead, braking and cadence deficit together, each from its reference; "
    "0 is at the reference, and a flag needs 0.75 beyond its sigma and two terms more raised than against it. A term "
    "counts the less, the less certain it is: foot ahead, against other people, by what counts as contact.",
    "mode": "What the runner did: run, walk, stand or other.",
    "quality": "Of the stride length, 0 to 1; 0.6 is the limit for use.",
    "timing_sigma_s": "Standard uncertainty of the initial contact and of the one that closes the stride.",
    "stance_sigma_s": "Standard uncertainty of the contact time, from both its events.",
    "length_sigma_m": "Standard uncertainty of the stride length.",
    "angle_sigma_deg": "Standard uncertainty of the strike angle.",
    "reasons": "Codes of what is unknown or doubtful about the row, joined by semicolons (docs/reasons.md).",
    "emitted_at_s": "Session time at which the row was complete when it was detected live.",
    "foot_flat_s": "The quietest instant of stance, where the foot is flat, from the start of the session.",
    "step_time_s": "From this contact to the next of the other foot.",
    "slope_deg": "Slope of the ground along the stride; up positive.",
    "lift_m": "Greatest height of the foot sensor over the stride's chord.",
    "yaw_deg": "Turn of the foot over the stride; left positive.",
    "pelvic_tilt_deg": "Mean pelvic tilt of the step against own quiet standing; forward positive.",
    "pelvic_tilt_sigma_deg": "Standard uncertainty of the pelvic tilt.",
    "pelvic_obliquity_deg": "Range of the pelvis's sideways tilt over the step.",
    "pelvic_rotation_deg": "Range of the pelvis's turn about the vertical over the step.",
    "vertical_oscillation_m": "Up-and-down travel of the pelvis in a step.",
    "foot_ahead_m": "How far ahead of the pelvis the foot lands, from speed and braking time.",
    "braking_dv_mps": "Forward speed the pelvis loses at the landing; positive.",
    "peak_braking_g": "Largest braking acceleration of the pelvis in the step; positive.",
    "overstride_sigma": "Standard uncertainty of the overstride index, from that of each term for a whole run.",
    "overstride_terms": "Terms of the overstride index that are raised, as bits: 1 strike angle, 2 foot ahead, "
    "4 braking, 8 cadence deficit; 0 also where the index is unknown.",
    "overstride_against": "How many terms of the overstride index lie as far on the other side; 0 also where the index "
    "is unknown.",
    "belt_speed_mps": "Speed the treadmill reported, or that was typed.",
    "incline_pct": "Incline the treadmill reported, or that was typed.",
    "implausible": "Numbers withheld with the reason implausible, joined by semicolons: the column, its value and the "
    "limit it broke, as stance_time_s=0.39>=0.28; only the column where an engine withheld it. Empty: none.",
}
SEGMENTS = {
    "start_s": "Begin, from the start of the session.",
    "end_s": "End, from the start of the session; not included.",
    "mode": STRIDES["mode"],
}
TIMELINE = {
    "t_s": "Begin of the five-second window, from the start of the session.",
    "mode": "What covers most of the window: run, walk, stand or other.",
} | {
    name: f"Median over the strides that begin in the window. {STRIDES[name]}"
    for name in ("cadence_spm", "speed_mps", "pelvic_tilt_deg", "vertical_oscillation_m", "quality")
}
FLAGS = {
    "flag": "low_cadence, overstriding, anterior_pelvic_tilt or asymmetry.",
    "start_s": SEGMENTS["start_s"],
    "end_s": SEGMENTS["end_s"],
    "window_s": "Length of the window the value is of.",
    "n_strides": "Strides the value is of.",
    "value": "What was found, in the unit of the quantity the flag is about.",
    "reference": "What it was held against, in the same unit.",
    "reference_kind": "own_baseline or population.",
    "uncertainty": "Standard uncertainty of the value; empty where it is not known.",
    "terms": "Terms that were raised, joined by semicolons.",
}
_KEYS = {
    "session": "Path of the session below the folder searched.",
    "subject_id": "Code of the runner, or the name when not de-identified.",
}
_SESSIONS = _KEYS | {
    "status": "ok, refused (the input cannot be right) or failed (may go better next time).",
    "reason": "Why the session was refused or failed.",
    "subject_day": "Whole days from the subject's first session with a known start.",
    "session_id": "Id the session carries.",
    "started_at": "Local start with its offset.",
    "time_zone": "Time zone of the recording.",
    "source": "Where the recording came from.",
    "licence": "Licence of the recording.",
    "duration_s": "From the start of the session to the last sample.",
    "placements": "Sensors that were worn, joined by semicolons.",
    "surface": "What was run on.",
    "session_kind": "Kind of session.",
    "height_m": "Body height.",
    "leg_length_m": "Leg length.",
    "mass_kg": "Body mass.",
    "n_contacts": "Initial contacts found.",
    "n_steps": "Steps of both feet.",
    "n_steps_reason": "Why steps are a guess from one side or the pelvis.",
    "run_time_s": "Time running.",
    "walk_time_s": "Time walking.",
    "asymmetry_contact_pct": "200 (R - L)/(R + L) of the median stance time; above 0 the right foot stays longer.",
    "asymmetry_contact_pct_reason": "Why the asymmetry is unknown (docs/reasons.md).",
    "valid_strides_pct": "Share of strides without a doubtful length.",
    "n_strides": "Rows of the strides table.",
    "clock_residual_ms": "What is left of the difference of the sensors' clocks.",
    "stride_gain_applied": "Factor from the runner's calibration that stride lengths were multiplied by.",
    "stride_gain_found": "Factor this session's belt would give.",
    "algorithm_version": "Version of the gait algorithms.",
    "input_sha256": "Hash of everything read.",
    "config_sha256": "Hash of every parameter.",
    "code_sha256": "Hash of the source that makes the numbers.",
    "content_sha256": "Hash of the four above together.",
}
_SENSOR = {
    "rate_hz": "nominal sampling rate",
    "acc_range_g": "full scale of the accelerometer",
    "gyr_range_dps": "full scale of the gyroscope",
    "has_gyroscope": "whether it has a gyroscope",
    "n_samples": "samples",
    "n_damaged": "samples that are no numbers",
    "n_duplicates": "samples of an instant that was there already",
    "n_gaps": "gaps",
    "lost_pct": "share of samples lost",
    "n_acc_clipped": "samples at the accelerometer's limit",
    "n_gyr_clipped": "samples at the gyroscope's limit",
    "is_mounting_known": "whether the mounting was learned",
}
_PARTS = {
    "median": "Median over the running strides that are sure.",
    "p05": "5th percentile over the running strides that are sure.",
    "p95": "95th percentile over the running strides that are sure.",
    "sd": "Standard deviation from stride to stride over the running strides that are sure.",
    "left_median": "Median of the left foot's running strides that are sure.",
    "right_median": "Median of the right foot's running strides that are sure.",
    "n": "Number of running strides that are sure.",
    "reason": "Why it is unknown (docs/reasons.md).",
}
_PART = re.compile(rf"(.+?)_({'|'.join(_PARTS)})")
_PLACE = re.compile(r"(foot_left|foot_right|pelvis|trunk)_(.+)")
_FLAG = re.compile(r"flag_(.+)_(n|s)")
#: The tables that are described here, by name.
TABLES = {
    "strides": STRIDES,
    "segments": SEGMENTS,
    "timeline": TIMELINE,
    "flags": FLAGS,
    "sessions": _SESSIONS,
}


def unit_of(column: str) -> str | None:
    """Return the unit a column's name carries, of a distribution that of its quantity; None: no unit, or a text."""
    if (place := _PLACE.fullmatch(column)) and place[2] in _SENSOR:
        column = place[2]
    elif (part := _PART.fullmatch(column)) and part[1] in STRIDES:
        if part[2] in ("n", "reason"):
            return None
        column = part[1]
    if column.startswith("n_") or column.endswith(("_reason", "_n")):
        return None
    endings = [ending for ending in _UNITS if column.endswith(ending)]
    return _UNITS[max(endings, key=len)] if endings else None


def definition_of(table: str, column: str) -> str:
    """Return what a column is in one sentence. Raises KeyError for a column nobody has defined."""
    known = TABLES[table]
    if column in known:
        return known[column]
    if column in _KEYS:
        return _KEYS[column]
    if table == "sessions":
        if (place := _PLACE.fullmatch(column)) and place[2] in _SENSOR:
            return f"Sensor {place[1]}: {_SENSOR[place[2]]}."
        if (part := _PART.fullmatch(column)) and part[1] in STRIDES:
            return f"{_PARTS[part[2]]} {STRIDES[part[1]]}"
        if flag := _FLAG.fullmatch(column):
            what = "How often" if flag[2] == "n" else "How long together"
            return f"{what} the flag {flag[1]} was up; empty where it could not be judged."
        if column.startswith("n_strides_"):
            return f"Strides that carry the reason {column.removeprefix('n_strides_')} (docs/reasons.md)."
    raise KeyError(f"{table}.{column}")


def described(table: str, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return ``{column: {"definition": ..., "unit": ...}}``; a column without a unit has no ``unit``."""
    return {
        name: {"definition": definition_of(table, name)} | ({"unit": unit} if (unit := unit_of(name)) else {})
        for name in columns
    }
