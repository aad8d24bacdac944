"""Distance, pace, heart rate and climb: known, partly known, unknown; in kilometres and miles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.report_sources import demo_source
from tallrun.insight import steady_blocks
from tallrun.numerics.recording import HeartRate, Treadmill
from tallrun.pipeline import analyse
from tallrun.pipeline.belt import BELT_HOLDS_S, STREAM_READINGS, climb_m, held, held_speed
from tallrun.pipeline.way import way_m
from tallrun.report import build_report
from tallrun.report.lengths import distance_words, pace_words
from tallrun.report.measured import measured_error, pace_mps
from tallrun.report.ran import Ran, ran, ran_of, ran_rows, way_error
from tallrun.sensors.events import TreadmillReading
from tallrun.sessions.activity import activity_rows


@pytest.mark.parametrize(
    ("metres", "unit", "told"),
    [
        (None, "km", "not known"),
        (5000.0, "km", "5.00 km"),
        (1609.344, "mile", "1.00 mile"),
        (0.0, "km", "0.00 km"),
    ],
)
def test_a_distance_has_its_unit_and_unknown_is_no_number(metres, unit, told):
    assert distance_words(metres, unit) == told


@pytest.mark.parametrize(
    ("speed_mps", "unit", "told"),
    [(None, "km", "not known"), (0.0, "km", "standing"), (1000 / 359.7, "km", "6:00 min/km"),
     (1609.344 / 540, "mile", "9:00 min/mile")],
)  # fmt: skip
def test_a_pace_is_minutes_for_a_unit(speed_mps, unit, told):
    assert pace_words(speed_mps, unit) == told


def test_a_belt_climbs_where_its_incline_is_known():
    t_s = np.arange(0.0, 101.0)
    speed = np.full(t_s.size, 2.0)
    up = np.where(t_s < 50, 10.0, -10.0)  # what goes down again was climbed all the same
    assert climb_m(Treadmill(t_s, speed, up)) == pytest.approx(100.0 * np.sin(np.arctan(0.1)))
    assert climb_m(Treadmill(t_s, speed, np.zeros(t_s.size))) == 0.0
    assert climb_m(Treadmill(t_s, speed, np.full(t_s.size, np.nan))) is None
    assert climb_m(Treadmill(t_s, 0.0 * speed, up)) is None
    assert climb_m(Treadmill(t_s, speed, up), 0.0, 25.0) == pytest.approx(50.0 * np.sin(np.arctan(0.1)))


def test_a_silent_belt_is_unknown_after_a_while_and_so_is_what_it_climbed():
    t_s = np.append(np.arange(0.0, 61.0), 120.0)
    belt = Treadmill(t_s, np.full(t_s.size, 2.0), np.full(t_s.size, 5.0))
    at_s = np.array([-1.0, 0.0, 60.0, 60.0 + BELT_HOLDS_S, 60.1 + BELT_HOLDS_S, 120.0])
    assert np.array_equal(held_speed(belt, at_s), [np.nan, 2.0, 2.0, 2.0, np.nan, 2.0], equal_nan=True)
    assert climb_m(belt) is None, "45 of 120 s are not known"
    assert climb_m(belt, 0.0, 60.0) == pytest.approx(120.0 * np.sin(np.arctan(0.05)))
    readings = [TreadmillReading("treadmill", t, 2.0, 5.0) for t in belt.t_s[:-1].tolist()]
    assert held(readings, 60.0 + BELT_HOLDS_S) == readings[-1]
    assert (held(readings, 80.0).speed_mps, held(readings, 80.0).incline_pct) == (None, None)


@pytest.mark.parametrize("t_s", [[0.0], [0.0, 60.0, 300.0], [0.0, 1.0, 2.0, 3.0, 200.0]])
def test_a_table_of_changes_holds_until_the_next_row(t_s):
    belt = Treadmill(np.array(t_s), np.full(len(t_s), 2.0), np.zeros(len(t_s)))
    assert np.all(held_speed(belt, np.arange(0.0, 400.0)) == 2.0)
    readings = [TreadmillReading("treadmill", t, 2.0, 0.0) for t in t_s]
    assert held(readings, 1000.0) == readings[-1]
    assert held([], 1.0) is None


@given(
    gaps_s=st.lists(st.sampled_from([0.5, 1.0, 5.0, 6.0, 20.0]), min_size=1, max_size=40),
    late_s=st.floats(0.0, 30.0),
)
def test_what_is_held_live_is_what_is_held_afterwards(gaps_s, late_s):
    t_s = np.cumsum(gaps_s)
    belt = Treadmill(t_s, 1.0 + np.arange(t_s.size), np.zeros(t_s.size))
    readings = [TreadmillReading("treadmill", t, v, 0.0) for t, v in zip(t_s, belt.speed_mps, strict=True)]
    for n in range(1, t_s.size + 1):
        at_s = float(t_s[n - 1] + late_s)
        if n < t_s.size and at_s >= t_s[n]:
            continue
        live = held(readings[max(0, n - STREAM_READINGS - 1) : n], at_s).speed_mps
        after = held_speed(belt, np.array([at_s]))[0]
        assert (live is None and np.isnan(after)) or live == after


def test_a_standing_belt_carries_nobody_who_runs():
    source = demo_source()
    belt = source.recording.treadmill
    stands = replace(source.recording, treadmill=replace(belt, speed_mps=np.zeros(belt.t_s.size)))
    none = replace(source.recording, treadmill=None)
    with_zero, without = (analyse(item).tables for item in (stands, none))
    assert with_zero.strides["belt_speed_mps"].isna().all()
    assert way_m(with_zero.strides) == way_m(without.strides)
    rows = activity_rows(stands, with_zero.strides, float(with_zero.strides["initial_contact_s"].max()))
    running = rows["t_s"].between(100.0, 120.0)
    assert rows.loc[running, "speed_mps"].min() > 2.0, "a file for watches tells no standing runner either"
    assert [item["flag"] for item in with_zero.flags] == [item["flag"] for item in without.flags]


def test_strides_that_only_the_pelvis_saw_count_for_the_way_by_their_belt():
    source = demo_source()
    cut = {
        place: item if place == "pelvis" else _without(item, 60.0, 110.0)
        for place, item in source.recording.sensors.items()
    }
    recording = replace(source.recording, sensors=cut)
    strides = analyse(recording).tables.strides
    assert strides["foot"].isna().sum() > 50
    assert way_m(strides) == pytest.approx(way_m(source.tables.strides), rel=0.03)
    alone = analyse(replace(recording, treadmill=None)).tables.strides
    assert way_m(alone) is None, "of a fifth of the way nothing is known"
    assert not any(np.isnan(item.start_s) for item in steady_blocks(strides))


def _without(sensor, from_s, until_s):
    keep = (sensor.t_s < from_s) | (sensor.t_s > until_s)
    gyr = None if sensor.gyr_radps is None else sensor.gyr_radps[keep]
    return replace(sensor, t_s=sensor.t_s[keep], acc_mps2=sensor.acc_mps2[keep], gyr_radps=gyr)


def test_strides_in_a_silence_of_the_belt_have_no_belt_speed_and_the_distance_is_that_of_strides():
    source = demo_source()
    belt = source.recording.treadmill
    early = belt.t_s < 60.0
    cut = replace(
        source.recording, treadmill=Treadmill(belt.t_s[early], belt.speed_mps[early], belt.incline_pct[early])
    )
    strides = analyse(cut).tables.strides
    late = strides["initial_contact_s"] > 60.0 + BELT_HOLDS_S
    assert late.any()
    assert strides.loc[late, "belt_speed_mps"].isna().all()
    whole = source.tables.strides
    assert way_m(strides) == pytest.approx(way_m(whole), rel=0.05)
    assert way_m(whole, ("run",)) < way_m(whole)
    assert way_m(whole.iloc[:0]) is None


def test_nothing_known_is_said_in_words_everywhere():
    rows = ran_rows(Ran(), "km")
    assert all(value.startswith("not known") for _, value in rows)
    assert ran_of({}) == Ran()
    assert ran_of({"watch": {"distance_m": 5000.0, "climb_m": None}}) == Ran(distance_m=5000.0)


def test_a_recorded_run_tells_them_in_the_unit_that_was_set():
    source = demo_source()
    beats = HeartRate(np.arange(3.0), np.array([0.0, 140.0, 142.0]))
    source = replace(source, recording=replace(source.recording, heart_rate=beats), length_unit="mile")
    known = ran(source.recording, source.tables)
    assert known.heart_rate_bpm == 141.0
    run_s = source.tables.summary["run_time_s"]
    assert known.distance_m == pytest.approx(known.speed_mps * run_s)
    page = build_report(source)
    assert distance_words(known.distance_m, "mile") in page
    assert "min/mile" in page
    assert "min/km" not in page


def test_a_distance_of_strides_has_the_error_of_their_length_and_no_other():
    source = demo_source()
    on_a_belt = ran(source.recording, source.tables)
    assert on_a_belt.distance_error_m is None, "nothing is known of the belt's own error"
    assert dict(ran_rows(on_a_belt, "km"))["Distance run"].endswith("km, error not known")
    info = source.recording.info | {"context": {}}
    recording = replace(source.recording, treadmill=None, info=info)
    tables = analyse(recording).tables
    known = ran(recording, tables)
    share = measured_error("stride_length_m", recording, pace_mps(tables.strides)).value / 100.0
    assert known.distance_error_m == pytest.approx(share * known.distance_m)
    assert 1.0 < known.distance_error_m < 10.0
    size, kind = f"{known.distance_error_m:.0f} m", known.distance_error_kind
    words = f"{distance_words(known.distance_m)} ± {size} measurement error ({kind})"
    assert dict(ran_rows(known, "km"))["Distance run"] == words
    walked = replace(tables, strides=tables.strides.assign(mode="walk"))
    assert way_error(recording, walked, "walk") is None


@pytest.mark.parametrize(
    ("metres", "error_m", "unit", "told"),
    [
        (5200.0, 124.0, "km", "5.20 km ± 0.12 km measurement error (real)"),
        (5200.0, 124.0, "mile", "3.23 mile ± 0.08 mile measurement error (real)"),
        (40.0, 0.9, "km", "0.04 km ± 1 m measurement error (real)"),
        (5200.0, None, "km", "5.20 km, error not known"),
    ],
)
def test_the_error_of_a_distance_is_never_nothing(metres, error_m, unit, told):
    known = Ran(distance_m=metres, distance_error_m=error_m, distance_error_kind="real")
    assert dict(ran_rows(known, unit))["Distance run"] == told


def test_cues_are_told_with_what_they_were_given_for_and_what_answered():
    cue = {
        "at_s": 60.0,
        "end_s": 90.0,
        "value": 168.6,
        "low": 169.2,
        "high": 176.1,
        "sentence": "quick, light steps",
    }
    answer = {
        "at_s": 80.0,
        "n_strides": 30,
        "before": 168.0,
        "after": 171.0,
        "in_band_share": 0.9,
        "back_s": 8.0,
    }
    tilt = cue | {"at_s": 100.0, "end_s": 130.0, "value": 18.0, "low": None, "high": 14.0, "answer": None}
    page = " ".join(build_report(replace(demo_source(), cues=[cue | {"answer": answer}, tilt])).split())
    assert "168.6 against 169.2–176.1. Back in band after 8 s. From 168 to 171" in page
    assert "18 against at most 14. Too few clean strides came after it to tell." in page
