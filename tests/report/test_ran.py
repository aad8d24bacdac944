"""Distance, pace, heart rate and climb: known, partly known, unknown; in kilometres and miles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.report_sources import demo_source
from tallrun.numerics.recording import HeartRate, Treadmill
from tallrun.report import build_report
from tallrun.report.lengths import distance_words, pace_words
from tallrun.report.ran import Ran, belt_climb_m, ran, ran_of, ran_rows


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
    assert belt_climb_m(Treadmill(t_s, speed, up)) == pytest.approx(100.0 * np.sin(np.arctan(0.1)))
    assert belt_climb_m(Treadmill(t_s, speed, np.zeros(t_s.size))) == 0.0
    assert belt_climb_m(Treadmill(t_s, speed, np.full(t_s.size, np.nan))) is None
    assert belt_climb_m(Treadmill(t_s, 0.0 * speed, up)) is None


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
