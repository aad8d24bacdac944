from dataclasses import replace

import numpy as np
import pytest

from support.made_rows import running
from tallrun.gait.rows import MODE_RUN, MODE_STAND, MODE_WALK, reason_bit
from tallrun.gait.segments import Segment
from tallrun.gait.strides import stride_table
from tallrun.gait.summary import distribution, summarise, timeline_table

BOTH = {"foot_left": True, "foot_right": True}
SEGMENTS = [Segment(0.0, 10.0, MODE_STAND), Segment(10.0, 46.0, MODE_RUN), Segment(46.0, 50.0, MODE_WALK)]


def summary_of(strides, worn=BOTH, segments=SEGMENTS):
    return summarise(stride_table(strides), segments, [], {}, worn)


def test_times_are_those_of_the_segments():
    summary = summary_of(running(100, start_s=10.0))
    assert (summary["run_time_s"], summary["walk_time_s"]) == (36.0, 4.0)


def test_only_running_of_good_quality_counts():
    strides = running(40, cadence_spm=170.0) + running(
        40, start_s=20.0, cadence_spm=120.0, timing_sigma_s=0.021
    )
    strides += running(40, start_s=40.0, cadence_spm=100.0, mode=MODE_WALK)
    cadence = summary_of(strides)["cadence_spm"]
    assert (cadence["median"], cadence["n"]) == (170.0, 40)


def test_a_distribution_needs_five_values():
    assert distribution(np.array([1.0, 2.0, np.nan, 3.0, 4.0]), "gap") == {"value": None, "reason": "gap"}
    spread = distribution(np.arange(101.0), "gap")
    assert spread == {"median": 50.0, "p05": 5.0, "p95": 95.0, "n": 101}


@pytest.mark.parametrize(
    ("worn", "name", "reason"),
    [
        ({}, "cadence_spm", "no_samples"),
        ({"pelvis": True}, "stride_length_m", "no_feet"),
        ({"foot_left": True}, "flight_time_s", "one_foot"),
        ({"foot_left": True}, "pelvic_tilt_deg", "no_pelvis"),
        ({"foot_left": False, "foot_right": False}, "foot_strike_angle_deg", "no_gyroscope"),
        (BOTH, "cadence_spm", "not_running"),
    ],
)
def test_what_is_unknown_says_why(worn, name, reason):
    assert summary_of([], worn)[name] == {"value": None, "reason": reason}


def test_a_pelvis_alone_cannot_tell_the_contacts_of_a_walk():
    def seen(mode, **values):
        steps = [replace(item, foot=None, **values) for item in running(40, mode=mode)]
        return summary_of(steps, {"pelvis": True})

    unknown = dict.fromkeys(("stance_time_s", "stance_sigma_s", "flight_time_s"), np.nan)
    walked = seen(MODE_WALK, **unknown)["walking"]
    assert walked["cadence_spm"]["n"] == 40
    for name in ("stance_time_s", "flight_time_s", "peak_impact_g"):
        assert walked[name] == {"value": None, "reason": "no_feet"}
    assert seen(MODE_RUN)["stance_time_s"]["n"] == 40
    assert seen(MODE_RUN, **unknown)["stance_time_s"] == {"value": None, "reason": "low_quality"}


def test_poor_quality_is_told_as_such():
    strides = running(40, length_sigma_m=0.3, stride_length_m=2.0)
    assert summary_of(strides)["stride_length_m"] == {"value": None, "reason": "low_quality"}
    cut = running(40, length_sigma_m=0.3, stride_length_m=2.0, reasons=reason_bit("clipped"))
    summary = summary_of(cut)
    assert summary["speed_mps"] == {"value": None, "reason": "clipped"}
    assert summary["cadence_spm"]["n"] == summary["stance_time_s"]["n"] == 40
    no_standing = summary_of(running(40), {**BOTH, "pelvis": True})
    assert no_standing["pelvic_tilt_deg"]["reason"] == "no_standing"


@pytest.mark.parametrize("code", ["mounting_changed", "settling", "no_standing"])
def test_an_unknown_tilt_carries_the_reason_of_most_strides(code):
    three = {**BOTH, "pelvis": True}
    strides = running(40, pelvic_tilt_deg=np.nan, reasons=reason_bit(code))
    strides += running(4, pelvic_tilt_deg=np.nan, reasons=reason_bit("axis_missing"))
    assert summary_of(strides, three)["pelvic_tilt_deg"]["reason"] == code
    assert summary_of(strides, {**BOTH, "pelvis": False})["pelvic_tilt_deg"]["reason"] == "no_gyroscope"


def test_steps_are_doubled_for_one_foot_only():
    left = [item for item in running(20) if item.foot == "left"]
    one = summary_of(left, {"foot_left": True})
    assert (one["n_contacts"], one["n_steps"], one["n_steps_reason"]) == (10, 20, "one_foot")
    both = summary_of(running(20))
    assert (both["n_contacts"], both["n_steps"], both["n_steps_reason"]) == (20, 20, None)


def test_asymmetry_is_right_minus_left():
    stance = np.where(np.arange(40) % 2 == 0, 0.24, 0.26)
    assert summary_of(running(40, stance_time_s=stance))["asymmetry_contact_pct"] == pytest.approx(8.0)


def test_windows_hold_the_medians_of_their_contacts():
    strides = running(100, start_s=10.0, cadence_spm=np.r_[np.full(50, 160.0), np.full(50, 170.0)])
    table = timeline_table(stride_table(strides), SEGMENTS, 50.0)
    assert table["t_s"].tolist() == [5.0 * k for k in range(10)]
    assert table["mode"].tolist() == ["stand"] * 2 + ["run"] * 7 + ["walk"]
    assert np.isnan(table["cadence_spm"][0])
    assert table["cadence_spm"][3] == 160.0
    assert table["cadence_spm"][7] == 170.0


def test_an_empty_session_has_no_window():
    assert len(timeline_table(stride_table([]), [], 0.0)) == 0
