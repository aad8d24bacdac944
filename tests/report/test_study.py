"""The study with seeded changes: the comparison finds each of them and no other, and says when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest

from tallrun import simulate
from tallrun.errors import UsageError
from tallrun.insight import SessionBlocks, steady_blocks
from tallrun.pipeline import analyse
from tallrun.report.compare import compare, side_of
from tallrun.report.compare_page import build_compare_page, build_handout, text_lines
from tallrun.report.stiffness import with_stiffness
from tallrun.simulate import study

START = datetime(2026, 1, 5, 17, 30, tzinfo=UTC)
#: What each seeded change moves with it in the simulator's physics; checked against runs without any day's scatter.
MOVES = {
    "cadence_spm": {
        "cadence_spm", "stride_length_m", "stance_time_s", "flight_time_s", "duty_factor", "vertical_oscillation_m",
        "leg_stiffness_npm", "overstride_index",
    },
    "tilt_deg": {"pelvic_tilt_deg"},
    "contact_share": {
        "stance_time_s", "flight_time_s", "duty_factor", "vertical_oscillation_m", "leg_stiffness_npm", "peak_impact_g",
        "pelvic_rotation_deg",
    },
    "asymmetry_pct": {"asymmetry_contact_pct"},
}  # fmt: skip
#: The row of the table that shows each seeded change.
ROW = {"cadence_spm": "cadence_spm", "tilt_deg": "pelvic_tilt_deg", "contact_share": "stance_time_s",
       "asymmetry_pct": "asymmetry_contact_pct"}  # fmt: skip


def side_of_visit(visit):
    sensors = simulate.three_sensors(100.0)
    recording, _ = simulate.run(visit.programme, visit.body, sensors, visit.seed)
    info = recording.info | {
        "started_at": visit.started_at.isoformat(),
        "session_id": f"{visit.person.code}-{visit.number}",
    }
    return side_of(
        analyse(replace(recording, info=info), record_waves=True), f"{visit.person.code} {visit.number}"
    )


def blocks_of(side):
    strides = with_stiffness(side.tables.strides, side.recording.runner).reset_index(drop=True)
    return SessionBlocks(side.session_id, side.started_at, "GREEN", steady_blocks(strides), "blue", "belt")


@pytest.fixture(scope="module")
def compared():
    """The whole study; sessions between the first and the last are short, a median needs no more."""
    out = {}
    for person in study.PEOPLE:
        short, whole = (
            list(study.visits(START, minutes=minutes, people=(person,))) for minutes in (0.45, 1.7)
        )
        sides = [side_of_visit(item) for item in (whole[0], *short[1:-1], whole[-1])]
        out[person.code] = (person, compare(sides[-1], sides[0], tuple(blocks_of(side) for side in sides)))
    return out


def test_each_seeded_change_is_found_and_no_other(compared):
    found_rows, seeded_rows = 0, 0
    for person, found in compared.values():
        real = {row.metric for row in found.rows if row.word == "real change"}
        seeded = {ROW[item.quantity] for item in person.changes}
        assert seeded <= real, person.code
        assert real <= set().union(*(MOVES[item.quantity] for item in person.changes)), person.code
        found_rows, seeded_rows = found_rows + len(real), seeded_rows + len(seeded)
        told = "\n".join(text_lines(found))
        assert f"{len(real)} of {len(found.rows)} changed" in told or (not real and "No real change" in told)
    print(f"{seeded_rows} seeded changes, all found; {found_rows} rows real, none without a cause")
    assert seeded_rows == 4


def test_over_all_sessions_the_change_its_interval_and_when_it_happened(compared):
    person, found = compared["P-014"]
    over = {item.metric: item for item in found.over_time}
    tilt, cadence = over["pelvic_tilt_deg"], over["cadence_spm"]
    assert tilt.interval[0] < -3.7 < tilt.interval[1] < 0.0
    assert cadence.interval[0] < 17.0 < cadence.interval[1]
    assert abs((tilt.half - START).days - 28) <= 4, "in one step after four weeks"
    assert timedelta(weeks=2) <= cadence.began - START <= cadence.done - START <= timedelta(weeks=6)
    assert not any(item.word == "real change" for item in compared["P-027"][1].over_time)
    for code, (person, found) in compared.items():
        moved = {item.metric for item in found.over_time if item.word == "real change"}
        assert moved <= set().union(*(MOVES[item.quantity] for item in person.changes)), code


def test_dates_decide_which_is_a_and_the_error_is_the_own(compared):
    _, found = compared["P-014"]
    assert found.a.started_at < found.b.started_at, "the sides were given the other way round"
    assert {item.kind for item in found.errors.values()} == {"own"}
    assert found.n_tests == len(found.errors)


def test_curves_run_from_initial_contact_with_toe_off_at_the_end_of_contact(compared):
    from tallrun.report.compare import waveforms_of

    side = compared["P-031"][1].a
    for cycle in waveforms_of(side):
        if cycle.signal != "foot pitch":
            continue
        at, scatter = cycle.toe_off_pct
        running = side.strides[(side.strides["mode"] == "run") & (side.strides["foot"] == cycle.foot)]
        assert abs(at - 100.0 * running["duty_factor"].median()) < 1.0
        assert 0.0 < scatter < 4.0
        assert abs(cycle.mean[0] - cycle.mean[-1]) < 1.5, "a cycle ends as the next begins"
        assert (
            abs(cycle.mean[0] - (running["foot_strike_angle_deg"].median() + cycle.mean[10:25].mean())) < 6.0
        )
        assert cycle.mean[int(at) :].min() < cycle.mean[: int(at)].min() - 10.0, (
            "the heel is highest in the swing"
        )


def test_pages_say_how_many_and_where_each_limit_is_from(compared):
    _, found = compared["P-014"]
    page = build_compare_page(found)
    assert "own days" in page
    assert "Over 16 sessions" in page
    assert "initial contact" in page
    assert "No norm band" in page
    handout = build_handout(found)
    assert handout.count('<svg viewBox="0 0 460 250"') == 3, (
        "a small picture for each of the three changes told"
    )


def test_what_is_announced_is_what_was_made():
    from tallrun.journal.study import announced

    planned = list(study.visits(START, weeks=3, per_week=1, minutes=0.5))
    told = announced(planned, study.PEOPLE)
    assert [row["at_last_session"] for row in told["people"]["P-014"]] == [147.0, 8.7], (
        "no change in three weeks"
    )
    rows = {row["session"]: row for row in told["sessions"]}
    assert len(rows) == len(planned) == 9
    visit = next(item for item in planned if (item.person.code, item.number) == ("P-014", 2))
    _, truth = simulate.run(visit.programme, visit.body, [], visit.seed)
    steps = [row["initial_contact_s"] for row in truth["strides"] if row["mode"] == "run"]
    made = rows["P-014-03"]
    assert made["seeded"]["cadence_spm"] == 147.0
    assert made["made_with"]["cadence_spm"] < 143.0, "a day far from what was seeded"
    assert abs(60.0 / median(b - a for a, b in pairwise(steps[4:])) - made["made_with"]["cadence_spm"]) < 1.5


def test_a_study_with_impossible_numbers_is_refused(tmp_path):
    from tallrun.journal.study import write_study

    with pytest.raises(UsageError, match="at least one week"):
        list(study.visits(START, weeks=0))
    (tmp_path / "old").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        write_study(tmp_path, START, START + timedelta(days=90))
    with pytest.raises(UsageError, match="still to come"):
        write_study(tmp_path / "new", START, START + timedelta(days=20))
