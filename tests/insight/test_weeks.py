"""The calendar of weeks: planned and done, pain, and the running in plain words."""

from __future__ import annotations

from datetime import date, timedelta

from tallrun.insight.weeks import WeekDay, week_start, weeks
from tallrun.recovery.wording import lint

TODAY = date(2026, 3, 4)  # a Wednesday


def known(**by_day):
    """Days by their number in March (2 is a Monday), earlier ones as d-1."""
    return {(found := WeekDay(date(2026, 3, 1) + timedelta(days=int(name[1:]) - 1), **what)).day: found
            for name, what in by_day.items()}  # fmt: skip


def told(days, count=1, starts="monday"):
    return [item.sentences for item in weeks(days, TODAY, count, starts)]


def test_a_week_begins_on_the_day_that_was_set():
    assert week_start(TODAY) == date(2026, 3, 2)
    assert week_start(TODAY, "sunday") == date(2026, 3, 1)
    assert week_start(date(2026, 3, 1)) == date(2026, 2, 23)
    assert week_start(date(2026, 3, 1), "sunday") == date(2026, 3, 1)
    found = weeks({}, TODAY, 3, "sunday")
    assert [item.days[0].day.day for item in found] == [15, 22, 1]
    assert [item.is_ahead for item in found[-1].days] == [False] * 4 + [True] * 3


def test_a_walk_is_no_planned_run_nor_a_run_a_planned_walk():
    assert told(known(d2={"planned": ("V1",), "n_walks": 1}))[0][0] == "You did 0 of 1 planned so far."
    assert told(known(d2={"planned": ("V0",), "n_runs": 1}))[0][0] == "You did 0 of 1 planned so far."
    assert (
        told(known(d2={"planned": ("V0", "V1"), "n_runs": 1, "n_walks": 1}))[0][0]
        == "You did 2 of 2 planned so far."
    )


def test_what_was_advised_and_done_counts_without_a_plan_and_what_was_not_done_is_no_failure():
    days = known(d2={"n_runs": 1, "n_advised": 1}, d3={"n_runs": 1}, d4={"planned": ("V1",), "n_runs": 1})
    assert told(days)[0][:2] == ("You did 1 of 1 planned so far.", "1 session more as advised so far.")
    alone = told(known(d2={"n_runs": 1, "n_advised": 1}))[0]
    assert alone[0] == "1 session as advised so far."
    assert not any(" of " in line for line in alone[:1]), "no share of what nobody planned"


def test_done_of_planned_counts_a_session_on_its_day_only():
    days = known(
        d2={"planned": ("V1",), "n_runs": 1, "run_minutes": 8.0, "worst": 2},
        d3={"n_walks": 1},
        d4={"planned": ("V1",)},
        d6={"planned": ("V1",), "is_ahead": True},
    )
    assert told(days) == [
        ("You did 1 of 3 planned so far.", "1 run and 1 walk.", "8 min of running.", "Worst pain 2 of 10.")
    ]


def test_a_week_that_is_over_is_held_against_the_one_before_where_that_is_known():
    last = {f"d{day}": {"n_runs": 1, "run_minutes": 12.0} for day in (-5, -3, -1)}  # 23 February is d-5
    days = known(**last)
    assert told(days, 2)[0][:2] == ("3 runs.", "36 min of running.")
    empty = {
        date(2026, 2, 16) + timedelta(days=n): WeekDay(date(2026, 2, 16) + timedelta(days=n))
        for n in range(7)
    }
    assert told(empty | days, 2)[0][1] == "36 min of running, 36 more than the week before."
    assert "less" not in " ".join(told(empty | days, 2)[1]), (
        "a week that goes on is not held against a whole one"
    )


def test_no_score_is_said_and_never_a_nought():
    assert told({}) == [("No run logged.", "No pain score.")]
    masked = known(d2={"worst": 0, "n_masked": 2})
    assert [lint(text) for text in (*told(masked)[0], *told({})[0])] == [()] * 4
    assert told(masked)[0][-1] == "Worst pain 0 of 10, 2 scores with a painkiller."
