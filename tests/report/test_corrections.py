"""Event corrections: a corrected copy of the stride table, never another truth in the one that was detected."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.report_sources import demo_source, one_foot_source
from tallrun.errors import EntryError
from tallrun.reasons import REASONS
from tallrun.report.corrections import check_correction, corrected
from tallrun.report.overlays import Overlay

END_S = 229.0


def entry(
    number: int, kind: str, foot: str, t_s: float, moved_to_s: float | None = None, by: str = "Dr A", **more
):
    return Overlay(f"e{number}", "2026-11-21T09:00:00+00:00", by, kind, t_s, "", foot, moved_to_s, **more)


@pytest.fixture(scope="module")
def strides() -> pd.DataFrame:
    return demo_source().tables.strides


@pytest.fixture(scope="module")
def left(strides) -> list[int]:
    """Rows of four left contacts in a row, in the middle of the run."""
    found = strides[(strides["foot"] == "left") & (strides["initial_contact_s"] > 100.0)].head(4)
    assert (found["reasons"] == "").all()
    return found.index.tolist()


def same_row(a: pd.Series, b: pd.Series) -> bool:
    return all(x is y or x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))


def test_a_moved_contact_changes_three_strides_and_no_other(strides, left):
    before = strides.copy(deep=True)
    row, earlier = left[1], left[0]
    was = strides.loc[row, "initial_contact_s"]
    done = corrected(strides, [entry(1, "contact_moved", "left", was, was + 0.012)], END_S)
    pd.testing.assert_frame_equal(strides, before, check_exact=True)
    assert (done.strides.dtypes == strides.dtypes).all()
    assert list(done.strides.columns) == list(strides.columns)
    touched = [int(done.detected_row[at]) for at, by in enumerate(done.corrected_by) if by]
    between = [at for at in range(earlier, row) if strides.loc[at, "foot"] == "right"]
    assert touched == [earlier, *between[-1:], row]
    assert set(done.corrected_by) == {"", "Dr A"}
    for at in range(len(strides)):
        assert same_row(done.strides.loc[at], strides.loc[at]) == (at not in touched)
    new, old = done.strides, strides
    assert new.loc[row, "initial_contact_s"] == was + 0.012
    assert new.loc[earlier, "stride_time_s"] == pytest.approx(
        old.loc[earlier, "stride_time_s"] + 0.012, abs=1e-9
    )
    assert new.loc[row, "stride_time_s"] == pytest.approx(old.loc[row, "stride_time_s"] - 0.012, abs=1e-9)
    assert new.loc[row, "stance_time_s"] == pytest.approx(old.loc[row, "stance_time_s"] - 0.012, abs=1e-9)
    assert new.loc[between[-1], "flight_time_s"] == pytest.approx(
        old.loc[between[-1], "flight_time_s"] + 0.012, abs=1e-9
    )
    for at in (earlier, row):
        assert new.loc[at, "cadence_spm"] == pytest.approx(120.0 / new.loc[at, "stride_time_s"])
        assert new.loc[at, "duty_factor"] == pytest.approx(
            new.loc[at, "stance_time_s"] / new.loc[at, "stride_time_s"]
        )
        assert np.isnan(new.loc[at, ["stride_length_m", "speed_mps", "overstride_index"]].astype(float)).all()
        assert new.loc[at, "reasons"] == "corrected"
    # the angle at the contact before is still what was measured there
    assert new.loc[earlier, "foot_strike_angle_deg"] == old.loc[earlier, "foot_strike_angle_deg"]
    assert np.isnan(new.loc[row, ["foot_strike_angle_deg", "peak_impact_g"]].astype(float)).all()
    assert "corrected" in REASONS


def test_a_removed_contact_lets_the_stride_before_it_run_on(strides, left):
    row, earlier, later = left[1], left[0], left[2]
    was = strides.loc[row, "initial_contact_s"]
    done = corrected(strides, [entry(1, "contact_removed", "left", was)], END_S)
    assert len(done.strides) == len(strides) - 1
    assert done.removed == (row,)
    found = done.strides[done.strides["initial_contact_s"] == strides.loc[earlier, "initial_contact_s"]].iloc[
        0
    ]
    whole = strides.loc[later, "initial_contact_s"] - strides.loc[earlier, "initial_contact_s"]
    assert found["stride_time_s"] == pytest.approx(whole)
    assert np.isnan(found["stride_length_m"])
    assert done.counts() == {
        "applied": 1,
        "not_applied": 0,
        "strides_changed": 2,
        "contacts_removed": 1,
        "contacts_added": 0,
    }


def test_adding_a_contact_where_one_was_removed_gives_its_times_back(strides, left):
    row = left[1]
    was = strides.loc[row, "initial_contact_s"]
    without = corrected(strides, [entry(1, "contact_removed", "left", was)], END_S).strides
    done = corrected(without, [entry(2, "contact_added", "left", was)], END_S)
    times = ["initial_contact_s", "stride_time_s", "cadence_spm", "step_time_s"]
    np.testing.assert_allclose(
        done.strides.loc[row, times].astype(float), strides.loc[row, times].astype(float)
    )
    np.testing.assert_allclose(
        done.strides[["stride_time_s", "flight_time_s"]].drop(index=row),
        strides[["stride_time_s", "flight_time_s"]].drop(index=row),
    )
    new = done.strides.loc[row]
    assert (new["foot"], new["mode"], done.detected_row[row]) == ("left", "run", -1)
    unknown = [
        "final_contact_s",
        "stance_time_s",
        "stride_length_m",
        "foot_strike_angle_deg",
        "pelvic_tilt_deg",
        "quality",
    ]
    assert np.isnan(new[unknown].astype(float)).all()


def test_the_last_contact_of_a_bout_removed_leaves_an_open_stride(strides):
    rows = strides[(strides["foot"] == "right") & strides["reasons"].str.contains("open_stride")]
    row = rows.index[-1]
    before = strides[(strides["foot"] == "right") & (strides.index < row)].index[-1]
    done = corrected(
        strides, [entry(1, "contact_removed", "right", strides.loc[row, "initial_contact_s"])], END_S
    )
    found = done.strides.loc[before]
    assert np.isnan(found["stride_time_s"])
    assert {"open_stride", "corrected"} <= set(found["reasons"].split(";"))


def test_taking_back_restores_and_the_last_word_counts(strides, left):
    was = strides.loc[left[1], "initial_contact_s"]
    moved = entry(1, "contact_moved", "left", was, was + 0.02)
    back = entry(2, "taken_back", "left", was, about="e1")
    pd.testing.assert_frame_equal(corrected(strides, [moved, back], END_S).strides, strides, check_exact=True)
    again = entry(3, "contact_moved", "left", was, was - 0.02, by="Dr B")
    done = corrected(strides, [moved, again], END_S)
    assert done.strides.loc[left[1], "initial_contact_s"] == was - 0.02
    assert done.corrected_by[left[1]] == "Dr B"
    assert done.n_applied == 1
    only = dataclasses.replace(back, about="e3")
    first = corrected(strides, [moved, again, only], END_S)
    assert first.strides.loc[left[1], "initial_contact_s"] == was + 0.02


@pytest.mark.parametrize(
    ("kind", "shift_s", "to_s", "match"),
    [
        ("contact_moved", 0.1, 0.0, "no detected contact of the left foot within 50 ms"),
        ("contact_removed", 0.1, None, "no detected contact"),
        ("contact_moved", 0.0, 0.3, "leaves the ground at"),
        ("contact_moved", 0.0, -0.65, "apart or more"),
        ("contact_moved", 0.0, -0.45, "is on the ground until|would pass the other foot"),
        ("contact_moved", 0.0, -0.40, "would pass the other foot"),
        ("contact_added", 0.05, None, "apart or more"),
        ("contact_added", 0.21, None, "is on the ground until"),
        ("contact_added", 1e5, None, "outside of the session"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(strides, left, kind, shift_s, to_s, match):
    was = strides.loc[left[1], "initial_contact_s"]
    wish = entry(1, kind, "left", was + shift_s, None if to_s is None else was + to_s)
    with pytest.raises(EntryError, match=match) as caught:
        check_correction(strides, [], wish, END_S)
    assert "\n" not in str(caught.value)
    done = corrected(strides, [wish], END_S)
    pd.testing.assert_frame_equal(done.strides, strides, check_exact=True)
    assert list(done.not_applied) == ["e1"]


def test_a_side_without_sensor_and_an_empty_table_take_no_correction():
    one = one_foot_source().tables.strides
    worn = one["foot"].iloc[0]
    other = "left" if worn == "right" else "right"
    done = corrected(one, [entry(1, "contact_removed", other, float(one["initial_contact_s"].iloc[5]))], 1e6)
    assert "e1" in done.not_applied
    moved = float(one["initial_contact_s"].iloc[5])
    found = corrected(one, [entry(2, "contact_moved", worn, moved, moved + 0.01)], 1e6)
    assert found.n_changed == 2
    assert np.isnan(found.strides.loc[5, "flight_time_s"])
    assert set(found.strides.loc[5, "reasons"].split(";")) >= {"one_foot", "corrected"}
    empty = corrected(one.iloc[:0], [entry(3, "contact_removed", worn, 1.0)], 1e6)
    assert len(empty.strides) == 0
    assert "e3" in empty.not_applied


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["contact_moved", "contact_removed", "contact_added"]),
            st.sampled_from(["left", "right"]),
            st.integers(0, 60),
            st.floats(-0.6, 0.6),
        ),
        max_size=12,
    )
)
def test_any_corrections_leave_a_table_that_holds_together(wishes):
    strides = demo_source().tables.strides.iloc[200:280].reset_index(drop=True)
    entries = []
    for number, (kind, foot, place, shift_s) in enumerate(wishes):
        at = float(strides["initial_contact_s"].iloc[place])
        moved = at + shift_s if kind == "contact_moved" else None
        entries.append(entry(number, kind, foot, at + (shift_s if kind == "contact_added" else 0.0), moved))
    done = corrected(strides, entries, END_S)
    table = done.strides
    assert len(table) == len(strides) - len(done.removed) + int((done.detected_row < 0).sum())
    assert table["initial_contact_s"].is_monotonic_increasing
    for _, rows in table.groupby("foot"):
        times = rows["initial_contact_s"].to_numpy()
        closed = np.isfinite(rows["stride_time_s"].to_numpy())
        whole = np.diff(times)
        np.testing.assert_allclose(
            rows["stride_time_s"].to_numpy()[:-1][closed[:-1]], whole[closed[:-1]], atol=1e-9
        )
        assert (rows["stance_time_s"].dropna() > 0).all()
    for at, name in enumerate(done.corrected_by):
        assert (name != "") == ("corrected" in table["reasons"].iloc[at].split(";"))
