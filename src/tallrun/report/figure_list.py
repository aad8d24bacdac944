"""Every figure of a report in reading order: on the time axis, over the stride, as distributions; or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallrun.gait.summary import Gait, numbers_of, sure_gait
from tallrun.insight import SessionBlocks
from tallrun.numerics.recording import FloatArray, Recording
from tallrun.pipeline import GaitTables
from tallrun.reasons import REASONS
from tallrun.report import figures, lanes
from tallrun.report.cycles import foot_paths, pelvis_cycles, pitch_cycles, stride_cycles
from tallrun.report.earlier import EarlierBand
from tallrun.report.figures import Figure
from tallrun.report.lanes import Marks
from tallrun.report.own import own_spans
from tallrun.report.tables import unknown_reason


@dataclass(frozen=True)
class Shown:
    """One figure. figure None: withheld, and ``reason`` says why in a sentence."""

    name: str
    group: str
    title: str
    text: str
    figure: Figure | None
    reason: str = ""


#: Headings of the groups, in order.
GROUPS = {
    "time": "Over time, all on one axis",
    "stride": "Over the stride, left and right",
    "spread": "How often each value came",
}


def all_figures(
    recording: Recording,
    tables: GaitTables,
    waves: dict[str, Any],
    marks: Marks,
    history: Sequence[SessionBlocks],
    shoe: str | None,
    earlier: Sequence[EarlierBand] = (),
    pelvis: FloatArray | None = None,
    gait: Gait = "run",
) -> list[Shown]:
    """Return every figure the report knows of a gait; those without data carry their reason.

    Own baselines and bands are of running, so a walk is drawn without them.
    """
    strides, numbers = tables.strides, numbers_of(tables.summary, gait)
    rows = sure_gait(strides, gait)
    if gait == "walk":
        history, earlier = (), ()
    own = {
        key: own_spans(strides, key, history, shoe)
        for key in (
            "cadence_spm", "stance_time_s", "flight_time_s", "foot_strike_angle_deg", "pelvic_tilt_deg",
            "vertical_oscillation_m", "asymmetry_contact_pct",
        )
    }  # fmt: skip

    def why(key: str) -> str:
        return REASONS[unknown_reason(numbers, key)]

    stiffness, stiffness_reason = lanes.stiffness(recording, rows, marks)
    out = [
        Shown("speed", "time", "Speed and incline",
              "Speed from the feet."
              if recording.treadmill is None
              else "Speed from the feet and the belt's, with the incline where it changed.",
              lanes.speed_and_incline(recording, rows, marks), why("speed_mps")),
        Shown("pain", "time", "Pain", "Pain scores at the time they were entered.", lanes.pain_lane(marks),
              "No score was entered while it went on. Unknown is not zero."),
        Shown("cadence", "time", "Cadence",
              "Steps a minute. Shaded: low cadence or landing far ahead. Green bar: a cue was on; green box: its band.",
              lanes.cadence(rows, marks, own["cadence_spm"]), why("cadence_spm")),
        Shown("contact", "time", "Ground contact", "Time each foot stays on the ground.",
              lanes.both_feet(rows, "stance_time_s", "Ground contact", "ms", marks, 1000.0, ("asymmetry",),
                              own["stance_time_s"]), why("stance_time_s")),
        Shown("flight", "time", "Flight", "Time in the air after each foot leaves.",
              lanes.both_feet(rows, "flight_time_s", "Flight", "ms", marks, 1000.0, (), own["flight_time_s"]),
              why("flight_time_s"))
        if gait == "run"
        else Shown("double-support", "time", "Double support", "Time both feet are on the ground at each landing.",
                   lanes.both_feet(rows, "flight_time_s", "Double support", "ms", marks, -1000.0),
                   why("flight_time_s")),
        Shown("strike-time", "time", "Foot-strike angle", "Angle of the foot when it lands, toes up positive.",
              lanes.both_feet(rows, "foot_strike_angle_deg", "Foot-strike angle", "°", marks, 1.0,
                              ("overstriding",), own["foot_strike_angle_deg"]), why("foot_strike_angle_deg")),
        Shown("tilt", "time", "Pelvic tilt",
              "Tilt of the pelvis against quiet standing, forward positive. The ribbon is how uncertain it is.",
              lanes.pelvis(rows, "pelvic_tilt_deg", "Pelvic tilt from standing", "°", marks, 1.0,
                           "pelvic_tilt_sigma_deg", ("anterior_pelvic_tilt",), own["pelvic_tilt_deg"]),
              why("pelvic_tilt_deg")),
        Shown("obliquity", "time", "Pelvic obliquity", "How far the pelvis tips sideways over each stride.",
              lanes.pelvis(rows, "pelvic_obliquity_deg", "Pelvic obliquity, range", "°", marks),
              why("pelvic_obliquity_deg")),
        Shown("rotation", "time", "Pelvic rotation", "How far the pelvis turns about the upright over each stride.",
              lanes.pelvis(rows, "pelvic_rotation_deg", "Pelvic rotation, range", "°", marks),
              why("pelvic_rotation_deg")),
        Shown("bounce", "time", "Pelvis bounce", "How far the pelvis goes up and down in a step.",
              lanes.pelvis(rows, "vertical_oscillation_m", "Pelvis bounce", "cm", marks, 100.0,
                           own=own["vertical_oscillation_m"]), why("vertical_oscillation_m")),
        Shown("asymmetry", "time", "Left against right over the run",
              "Contact time of the right foot against the left, in windows of 30 s.",
              lanes.asymmetry(rows, marks, own["asymmetry_contact_pct"]), why("asymmetry_contact_pct")),
    ]  # fmt: skip
    if gait == "run":
        out.append(
            Shown("stiffness", "time", "Stiffness",
                  "Stiffness of the body as a spring, from contact, flight and speed; on level ground only.",
                  stiffness, REASONS[stiffness_reason or "too_few_strides"])
        )  # fmt: skip
    cycles = stride_cycles(recording, strides, gait) + pitch_cycles(waves, strides, gait=gait)
    cycles += [] if pelvis is None else pelvis_cycles(pelvis, strides, gait=gait)
    shapes = (
        ("pitch-wave", "foot pitch", "Foot angle",
         "Angle of the foot over the gait cycle, toes up positive, with toe-off. Green: own earlier sessions at this "
         "speed, ± 2 SD between them, where three are known. There is no norm band: no public set of foot "
         "angles whose licence allows it is at hand.", "foot_strike_angle_deg"),
        ("tilt-wave", "pelvic tilt", "Pelvic tilt over the stride",
         "Angle from standing, anterior (front down) positive. Green as above. No norm band is at hand.",
         "pelvic_tilt_deg"),
        ("obliquity-wave", "pelvic obliquity", "Pelvic obliquity over the stride",
         "Angle from standing, left side up positive: over the right foot's cycle it is the mirror of the left's.",
         "pelvic_obliquity_deg"),
        ("rotation-wave", "pelvic rotation", "Pelvic rotation over the stride",
         "Turn about the upright from the middle of each stride, to the left positive.", "pelvic_rotation_deg"),
        ("force-wave", "specific force", "Acceleration at the foot",
         "Size of the acceleration at the foot over one stride.", "peak_impact_g"),
        ("turn-wave", "angular rate", "Turning rate of the foot", "Size of the foot's turning rate over one stride.",
         "foot_strike_angle_deg"),
    )  # fmt: skip
    for name, signal, title, text, key in shapes:
        out.append(
            Shown(
                name,
                "stride",
                title,
                text,
                figures.waveforms(cycles, signal, earlier),
                why(key),
            )
        )
    out += [
        Shown("path", "stride", "Foot path", "Path of the foot seen from the side.",
              figures.foot_path(foot_paths(waves, strides, gait=gait)), why("stride_length_m")),
        Shown("sides", "spread", "Left against right", "Difference between the feet, with the middle half of strides.",
              figures.left_right(rows), why("asymmetry_contact_pct")),
    ]  # fmt: skip
    for name, key, title, unit, factor in (
        ("cadence-spread", "cadence_spm", "Cadence", "steps a minute", 1.0),
        ("contact-spread", "stance_time_s", "Ground contact", "ms", 1000.0),
        ("strike", "foot_strike_angle_deg", "Foot-strike angle", "°", 1.0),
    ):
        made = figures.distribution(rows, key, f"{title}, all clean strides", unit, factor, own[key])
        out.append(
            Shown(name, "spread", title, f"How often each value of {title.lower()} came.", made, why(key))
        )
    return out
