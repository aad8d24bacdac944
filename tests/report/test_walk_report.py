"""A walk has the numbers of a walk: rung V0 is one, and so are the first sessions of everybody who comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest

from tallrun import simulate
from tallrun.cli.analyze import summary_lines
from tallrun.gait.summary import DISTRIBUTIONS, told_gait
from tallrun.journal.sessions import entry
from tallrun.pipeline import analyse
from tallrun.reasons import REASONS
from tallrun.report import build_report
from tallrun.report.build import ReportInput
from tallrun.report.ran import ran
from tallrun.report.tables import METRICS_OF, metric_rows
from tallrun.sessions.fit_export import _sport
from tallrun.store.store import IndexedSession


@cache
def walked(*parts: tuple[str, float, float]):
    """Record and analyse made-up parts (mode, seconds, m/s); the truth beside it."""
    programme = simulate.Programme(
        tuple(simulate.Bout(mode, seconds, speed) for mode, seconds, speed in (("stand", 12.0, 0.0), *parts))
    )
    recording, truth = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=3)
    return recording, analyse(recording, record_waves=True), truth


WALK = (("walk", 60.0, 1.4),)
RUN_WALK = (("walk", 40.0, 1.4), ("run", 40.0, 2.8), ("walk", 20.0, 1.4))


def test_a_walk_is_told_in_numbers_of_walking():
    recording, found, truth = walked(*WALK)
    summary = found.tables.summary
    assert told_gait(summary) == "walk"
    walking = summary["walking"]
    assert walking["speed_mps"]["median"] == pytest.approx(1.4, rel=0.03)
    closed = [item for item in truth["strides"] if item["final_contact_s"] is not None]
    contact_s = np.median([item["final_contact_s"] - item["initial_contact_s"] for item in closed])
    assert walking["stance_time_s"]["median"] == pytest.approx(contact_s, abs=0.06)
    assert walking["flight_time_s"]["p95"] < 0.0, "one foot lands before the other leaves"
    text = "\n".join(summary_lines(summary))
    assert "While walking" in text
    assert "While running" not in text
    assert "Double support" in text
    assert "Flight" not in text
    assert "this was a walk" in text
    assert REASONS["not_running"] not in text
    source = ReportInput(
        recording, found.tables, "Saturday's walk", waves=found.waves, pelvis=found.pelvis_angles
    )
    page = build_report(source)
    assert "min walking" in page
    assert "0.0 min" not in page, "of running there is nothing to tell"
    assert "The walk in numbers" in page
    assert ran(recording, found.tables).distance_m == pytest.approx(60.0 * 1.4, rel=0.08), (
        "it starts and ends at rest"
    )
    assert "Distance walked" in page
    assert "This was a walk; its numbers are below." in page
    assert page.count('class="withheld"') + page.count("withheld: ") <= 3, (
        "of a walk that was seen whole little is withheld"
    )
    assert REASONS["not_running"] not in page
    assert 'id="fig-double-support"' in page
    assert 'id="fig-flight"' not in page


def test_running_numbers_hold_no_walking_and_the_other_way_round():
    recording, found, _ = walked(*RUN_WALK)
    summary = found.tables.summary
    assert told_gait(summary) == "run"
    assert summary["speed_mps"]["median"] == pytest.approx(2.8, rel=0.05)
    assert summary["walking"]["speed_mps"]["median"] == pytest.approx(1.4, rel=0.05)
    text = "\n".join(summary_lines(summary))
    assert text.index("While running") < text.index("While walking")
    page = build_report(ReportInput(recording, found.tables, "run and walk", waves=found.waves))
    assert 'id="metrics"' in page
    assert 'id="walked"' in page
    assert "The run in numbers" in page


def test_running_too_short_to_judge_does_not_hide_a_walk():
    _, found, _ = walked(("walk", 50.0, 1.4), ("run", 2.0, 2.6), ("walk", 20.0, 1.4))
    assert told_gait(found.tables.summary) == "walk"


@pytest.mark.parametrize("parts", [WALK, RUN_WALK])
def test_every_number_of_a_walk_is_known_or_says_why(parts):
    recording, found, _ = walked(*parts)
    summary = found.tables.summary
    for name in DISTRIBUTIONS:
        assert "median" in summary["walking"][name] or summary["walking"][name]["reason"] in REASONS
    rows = metric_rows(summary, found.tables.strides, recording, "walk")
    assert [row["key"] for row in rows] == [item.key for item in METRICS_OF["walk"]]
    for row in rows:
        assert bool(row["why"]) != ("median" in row and row["median"] != "–")
        assert row.get("error", "not known") == "not known", "no error was measured of walking"
    support = next(row for row in rows if row["label"] == "Double support")
    low, high = (float(part) for part in support["range"].split(" to "))
    assert 0.0 < low <= float(support["median"]) <= high


def test_standing_alone_is_neither():
    _, found, _ = walked()
    summary = found.tables.summary
    assert told_gait(summary) == "run"
    assert summary["walking"]["cadence_spm"] == {"value": None, "reason": "not_walking"}


@pytest.mark.parametrize(
    ("parts", "title", "words"),
    [
        (WALK, "walking report", ("No goal was recorded with this walk.", "This walk was not coached here",
                                  "No score was entered for this walk.", "This walk gave no new calibration: No belt")),
        ((), "session report", ("No goal was recorded with this session.", "no steps were seen")),
    ],
)  # fmt: skip
def test_a_report_calls_a_session_what_it_was(parts, title, words):
    recording = replace(walked(*parts)[0], treadmill=None)
    page = build_report(ReportInput(recording, analyse(recording).tables, "Saturday"))
    assert f"{title}</title>" in page
    assert [item for item in words if item not in page] == []
    shown = page.split("<script")[0]
    assert "this run" not in shown.lower()
    assert "too few steps of known length" not in shown
    assert "the belt's, with" not in shown


@pytest.mark.parametrize(("parts", "sport"), [(WALK, "walking"), (RUN_WALK, "running")])
def test_a_walk_begun_as_a_run_is_exported_as_a_walk(parts, sport):
    from fit_tool.profile.profile_type import Sport

    recording, found, _ = walked(*parts)
    info = recording.info | {"context": {"session_kind": "run"}}
    begun = replace(recording, info=info)
    assert _sport(begun, told_gait(found.tables.summary)) == Sport[sport.upper()]
    assert (
        _sport(replace(recording, info=info | {"context": {"session_kind": "hike"}}), "walk") == Sport.HIKING
    )


def test_the_list_of_sessions_tells_a_walk_in_minutes_and_steps_of_walking(tmp_path):
    _, found, _ = walked(*WALK)
    row = IndexedSession(
        "s", "r", datetime(2026, 3, 1, tzinfo=UTC), 72.0, tmp_path, {}, dict(found.tables.summary)
    )
    shown = entry(row, False, {}, UTC)
    assert (shown["gait"], round(shown["gait_time_s"])) == ("walk", 60)
    assert shown["cadence_spm"] == pytest.approx(112.0, abs=3.0)
