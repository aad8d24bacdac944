"""Distance, pace, heart rate and climb: known, partly known, unknown; in kilometres and miles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.report_sources import demo_source
from tallrun.numerics.recording import HeartRate, Treadmill
from tallrun.pipeline import analyse
from tallrun.pipeline.belt import BELT_HOLDS_S, climb_m, held, held_speed
from tallrun.pipeline.way import way_m
from tallrun.report import build_report
from tallrun.report.lengths import distance_words, pace_words
from tallrun.report.ran import Ran, ran, ran_of, ran_rows
from tallrun.sensors.events import TreadmillReading


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
    reading = TreadmillReading("treadmill", 60.0, 2.0, 5.0)
    assert held(reading, 60.0 + BELT_HOLDS_S) == reading
    assert (held(reading, 80.0).speed_mps, held(reading, 80.0).incline_pct) == (None, None)


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
