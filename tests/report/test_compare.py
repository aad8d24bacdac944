"""Comparison: matched speed, real change only beyond the own error, unmatched labelled, hostile names escaped."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from support.html_reader import Page
from support.report_sources import HOSTILE, PROTOCOL, RECORDINGS, demo_source, steady_side
from tallrun import simulate
from tallrun.cli.app import build_app
from tallrun.errors import UsageError
from tallrun.insight import Block, SessionBlocks, steady_blocks
from tallrun.pipeline import analyse
from tallrun.recovery import wording
from tallrun.report.compare import Side, compare, paths_of, side_of, waveforms_of
from tallrun.report.compare_page import build_compare_page, build_handout, shown_row, text_lines
from tallrun.report.history import WALKED_FILE, stored_blocks
from tallrun.report.stop_signs import stop_signs
from tallrun.report.tables import METRIC_BY_KEY_OF
from tallrun.sessions import write_tables


def repeats(side, n=12, wobble=0.2):
    """Earlier green sessions that differ from this one only by day-to-day scatter."""
    return tuple(
        SessionBlocks(
            f"h{k}", datetime(2026, 1, 1 + k, tzinfo=UTC), "GREEN",
            tuple(Block(b.start_s, b.end_s, b.speed_mps, b.n_strides,
                        {name: value * (1.0 + 0.002 * wobble * (-1) ** k * (1 + k % 3))
                         + (0.5 * (-1) ** k if name == "asymmetry_contact_pct" else 0.0)
                         for name, value in b.values.items()})
                  for b in side.blocks),
        )
        for k in range(n)
    )  # fmt: skip


def words(found):
    return {row.metric: row.word for row in found.rows}


def test_a_run_against_itself_has_no_real_change():
    side = steady_side(3.0, 1)
    found = compare(side, side, repeats(side))
    assert set(words(found).values()) == {"no real change"}
    assert all(row.difference == 0.0 for row in found.rows)


def test_a_true_shift_is_a_real_change_with_an_interval_around_it():
    before, after = steady_side(3.0, 1), steady_side(3.0, 2, 10.0)
    found = compare(before, after, repeats(before))
    top = {row.metric: row for row in found.rows}["cadence_spm"]
    assert top.word == "real change"
    assert top.interval[0] <= top.difference <= top.interval[1]
    assert 7.0 < top.difference < 13.0
    ranks = [("real change", "cannot tell", "no real change").index(row.word) for row in found.rows]
    assert ranks == sorted(ranks)


def test_without_own_repeats_a_figure_with_its_source_stands_in_and_says_so():
    small, large = (
        compare(steady_side(3.0, 1), steady_side(3.0, 2, 10.0)),
        compare(steady_side(3.0, 1), steady_side(3.0, 2, -24.0)),
    )
    assert words(small)["cadence_spm"] == "no real change", (
        "10 steps are inside what days differ by, all rows together"
    )
    assert words(large)["cadence_spm"] == "real change"
    assert words(large)["vertical_oscillation_m"] == "cannot tell", "no figure is known for it"
    assert {item.kind for item in large.errors.values()} == {"published", "design", "validation"}
    page = build_compare_page(large)
    assert "published" in page
    assert "no trial stands behind it" in page


def test_unmatched_speeds_are_labelled_and_never_real():
    found = compare(steady_side(2.6, 3), steady_side(3.4, 4), repeats(steady_side(2.6, 3)))
    assert found.speed_mps is None
    assert found.rows == ()
    assert {row.word for row in found.unmatched} == {"cannot tell"}
    page = Page(build_compare_page(found))
    assert page.count("details") == 1
    assert any("The speeds do not match" in text for _, text in page.blocks)
    assert "may be the speed" in "\n".join(text_lines(found))
    with pytest.raises(UsageError, match="both must have steady running"):
        compare(steady_side(2.6, 3), steady_side(3.4, 4), speed_mps=2.6)


def test_table_prints_the_numbers_it_is_given_with_a_reason_for_each_dash():
    found = compare(steady_side(3.0, 1), steady_side(3.0, 2, 10.0))
    page = Page(build_compare_page(found))
    (rows,) = (item[1:] for item in page.tables.values())
    assert len(rows) == len(found.rows)
    for row, cells in zip(found.rows, rows, strict=True):
        assert row.word in cells[1]
        if "–" in cells[2:-1]:
            assert len(cells[1]) > len(row.word) + 10
    cadence = next(cells for cells in rows if cells[0] == "Cadence")
    change = next(row for row in found.rows if row.metric == "cadence_spm")
    assert cadence[2:4] == [f"{change.before:.0f}", f"{change.after:.0f}"]


def test_left_charts_hold_left_feet_and_b_is_dashed():
    text = build_compare_page(compare(steady_side(3.0, 1), steady_side(3.0, 2)))
    charts = text.split('<svg viewBox="0 0 460 250"')[1:]
    left = [item for item in charts if "left foot" in item.split(">")[0]]
    told = [item.split('aria-label="')[1].split('"')[0] for item in left]
    assert [name.split(",")[0] for name in told] == [
        "Angle of the left foot over the gait cycle",
        "Pelvic tilt over the left foot&#x27;s cycle",
        "Pelvic obliquity over the left foot&#x27;s cycle",
        "Pelvic rotation over the left foot&#x27;s cycle",
        "Path of the left foot from the side",
    ]
    for item in left:
        assert "#0072B2" in item
        assert "#D55E00" not in item
        assert 'stroke-dasharray="7 4"' in item


def test_hostile_names_and_notes_stay_text():
    side = replace(steady_side(3.0, 1), name=HOSTILE, context={"surface": HOSTILE})
    found = compare(side, side)
    for text in (build_compare_page(found), build_handout(found, HOSTILE, HOSTILE)):
        page = Page(text)
        assert page.count("script") == 0
        assert page.count("img") == 0
        assert "{{7*7}}" in text


def test_the_hand_out_is_plain_and_passes_the_lint():
    before, after = steady_side(3.0, 1), steady_side(3.0, 2, 10.0)
    for found in (
        compare(before, after, repeats(before)),
        compare(before, before, repeats(before)),
        compare(before, after),
        compare(steady_side(2.6, 3), steady_side(3.4, 4)),
    ):
        page = Page(build_handout(found, stop_signs=stop_signs(PROTOCOL)))
        body = [text for tag, text in page.blocks if tag in ("p", "li")]
        wrong = {text: bad for text in body[1:-1] if (bad := wording.lint(text))}
        assert wrong == {}
    told = Page(build_handout(compare(before, after, repeats(before)))).blocks
    changed = [text for tag, text in told if tag == "p" and " before, " in text]
    assert 1 <= len(changed) <= 3
    assert any(text.startswith("You go up and down less: ") for text in changed), changed


def test_two_parts_of_one_session():
    source = demo_source()
    whole = replace(steady_side(3.0, 1), tables=source.tables, blocks=steady_blocks(source.tables.strides))

    def part(start_s, end_s):
        cut = replace(whole, part_s=(start_s, end_s))
        return replace(cut, blocks=steady_blocks(cut.strides.reset_index(drop=True)))

    found = compare(part(35.0, 95.0), part(95.0, 165.0))
    change = {row.metric: row for row in found.rows or found.unmatched}["cadence_spm"]
    assert change.difference < -8.0, "the slow-step part of the demo must show"


def test_the_command_compares_parts_and_refuses_a_turned_one(tmp_path):
    session = str(RECORDINGS / "demo_treadmill")
    run = CliRunner().invoke(
        build_app(),
        ["compare", session, session, "--part-a", "0:35-1:35", "--part-b", "1:35-2:45", "--json",
         "-o", str(tmp_path / "c.html"), "--handout", str(tmp_path / "h.html")],
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert {row["metric"] for row in told["changes"] + told["unmatched"]} >= {"cadence_spm", "stance_time_s"}
    assert (tmp_path / "c.html").exists()
    assert (tmp_path / "h.html").exists()
    bad = CliRunner().invoke(build_app(), ["compare", session, session, "--part-a", "2:00-1:00"])
    assert isinstance(bad.exception, UsageError)


def test_a_session_without_running_compares_as_nothing():
    from tallrun.pipeline import analyse

    empty = replace(demo_source().recording, sensors={}, treadmill=None, heart_rate=None)
    side = side_of(analyse(empty), "empty")
    found = compare(side, side)
    assert found.rows == found.unmatched == ()
    assert any("Nothing to compare" in text for _, text in Page(build_compare_page(found)).blocks)


def test_curves_are_of_strides_at_the_compared_speed_alone():
    side = side_of_demo()
    strides = side.tables.strides.copy()
    early = strides["initial_contact_s"] < 95.0
    strides["belt_speed_mps"] = np.where(early, 2.0, 3.0)
    mixed = replace(side, tables=replace(side.tables, strides=strides))
    by_part = replace(mixed, part_s=(0.0, 95.0))
    at_speed = waveforms_of(mixed, 2.0)
    assert {item.signal for item in at_speed} == {
        "foot pitch", "pelvic tilt", "pelvic obliquity", "pelvic rotation"
    }  # fmt: skip
    for one, other in zip(at_speed, waveforms_of(by_part), strict=True):
        assert one.n_strides == other.n_strides
        assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(paths_of(mixed, 2.0)["left"][1], paths_of(by_part)["left"][1])
    assert waveforms_of(mixed, 4.0) == []


def test_stop_signs_are_sorted_by_how_soon_to_call_and_hold_every_sign_that_can_come_up():
    groups = stop_signs(PROTOCOL)
    told = [sign for group in groups for sign in group.signs]
    questions = {item.id: item for item in PROTOCOL.screening.questions}
    assert questions["saddle_numbness"].text in groups[0].signs
    assert questions["pop_or_tear"].text in groups[1].signs
    assert questions["fever"].text in groups[2].signs
    left_out = {item.id for item in questions.values() if item.text not in told}
    assert left_out == {item.id for item in questions.values() if item.role == "with"} | {"cancer_history"}


def test_curves_of_a_part_are_those_of_its_own_strides():
    side = side_of_demo()
    first, second = (replace(side, part_s=part) for part in ((35.0, 95.0), (95.0, 165.0)))
    a, b = (next(item for item in waveforms_of(part) if item.foot == "left") for part in (first, second))
    assert a.n_strides + b.n_strides < next(i for i in waveforms_of(side) if i.foot == "left").n_strides
    assert abs(a.mean - b.mean).max() > 3.0, "the demo's middle part lands with the toes 7 degrees higher"
    assert (paths_of(first)["left"][0] != paths_of(second)["left"][0]).any()


def side_of_demo():
    source = demo_source()
    return Side(
        "demo",
        source.tables,
        steady_blocks(source.tables.strides),
        waves=source.waves,
        pelvis_angles=source.pelvis,
        session_id="demo",
    )


@cache
def walked(seconds, speed_mps, seed=1):
    """Made-up walking as one side of a comparison."""
    programme = simulate.Programme((simulate.Bout("stand", 6.0), simulate.Bout("walk", seconds, speed_mps)))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=seed)
    return side_of(analyse(recording, record_waves=True), f"walk {seed}")


def test_two_walks_are_compared_in_numbers_of_walking_at_one_speed():
    a, b = walked(150.0, 1.4), walked(150.0, 1.4, 2)
    found = compare(a, b)
    assert found.gait == "walk"
    assert found.speed_mps == pytest.approx(1.4, rel=0.05)
    assert {row.metric for row in found.rows} <= METRIC_BY_KEY_OF["walk"].keys()
    assert not any(row.word == "real change" for row in found.rows), (
        "no error between days of walking is known"
    )
    assert not found.errors
    double = next(row for row in found.rows if row.metric == "flight_time_s")
    assert double.before < 0.0
    shown = shown_row(double, gait="walk")
    assert (shown.label, float(shown.before) > 0.0) == ("Double support", True)
    low, high = (float(end.replace("−", "-")) for end in shown.interval.split(" to "))
    assert low <= float(shown.difference.replace("−", "-")) <= high
    page = build_compare_page(found)
    assert "Two walks compared" in page
    assert "minutes of clean walking" in page
    assert "Overstride" not in page
    assert page.count("<figure>") >= 12, "cycles, paths and lines over the walk are drawn"
    assert "Your two walks" in build_handout(found)
    assert compare(a, walked(40.0, 1.0)).speed_mps is None


def test_own_walks_that_repeat_each_other_tell_what_two_days_may_differ_by():
    a, b = walked(150.0, 1.4), walked(150.0, 1.4, 2)
    day = datetime(2026, 3, 1, tzinfo=UTC)
    history = [
        SessionBlocks(str(k), day + timedelta(days=2 * k), "GREEN", (a if k % 2 else b).blocks)
        for k in range(8)
    ]
    found = compare(a, b, history)
    assert {item.kind for item in found.errors.values()} == {"own"}
    assert found.errors.keys() <= {row.metric for row in found.rows}, "a limit is shared by what is shown"
    assert found.over_time


def test_blocks_of_a_walk_are_kept_beside_those_of_running(tmp_path):
    side = walked(150.0, 1.4)
    write_tables(tmp_path / "derived", side.tables)
    assert not len(stored_blocks(tmp_path / "derived"))
    for _ in range(2):
        assert tuple(stored_blocks(tmp_path / "derived", "walk")) == side.blocks
    assert (tmp_path / "derived" / WALKED_FILE).is_file()


def test_a_walk_is_not_held_against_a_run():
    one = text_lines(compare(steady_side(3.0, 1), walked(150.0, 1.4)))
    assert any("B was a walk and the other a run" in line for line in one)
    assert "Compared: A run and a walk." in one
    assert not any("every difference below" in line or "detectable" in line for line in one)


def test_a_part_past_the_end_is_refused_in_one_line():
    side = steady_side(3.0, 1)
    found = SimpleNamespace(recording=side.recording, tables=side.tables, waves={}, pelvis_angles=None)
    with pytest.raises(
        UsageError, match=r"the part from 5:00 on lies past the end of one, which is 2:36 long"
    ):
        side_of(found, "one", (300.0, 360.0))
