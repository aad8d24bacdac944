from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.records import run_at
from tallrun.cli.recovery_common import load_protocol
from tallrun.insight import exposure_of_run, load_by_day, morning_trend
from tallrun.recovery.mornings import trend
from tallrun.recovery.wording import lint

PROTOCOL = load_protocol()


def week(*scores: int | None) -> list[tuple[int, int]]:
    return [(100 - len(scores) + 1 + i, score) for i, score in enumerate(scores) if score is not None]


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ((1, 1, 1, 2, 2, 2, 2), "rising"),
        ((1, 2, 1, 2, 1, 2, 1), "steady"),
        ((2, 2, 1, 1, 1, 1, 0), "falling"),
        ((1, 1, 2), "not enough mornings"),
    ],
)
def test_the_words_are_those_of_the_table(scores: tuple[int, ...], word: str) -> None:
    assert morning_trend(PROTOCOL, week(*scores), 100).word == word


@given(st.lists(st.one_of(st.none(), st.integers(0, 10)), min_size=7, max_size=7))
def test_over_seven_days_report_and_rule_never_disagree(scores: list[int | None]) -> None:
    points = week(*scores)
    rule = trend(PROTOCOL, points)
    word = morning_trend(PROTOCOL, points, 100).word
    assert (
        word
        == {"RISING": "rising", "FALLING": "falling", "STEADY": "steady", "UNKNOWN": "not enough mornings"}[
            rule
        ]
    )


def test_sureness_follows_the_evidence() -> None:
    clear = morning_trend(PROTOCOL, week(0, 1, 2, 3, 4, 5, 6), 100)
    assert (clear.word, clear.sure, clear.n_mornings) == ("rising", "clear", 7)
    assert clear.slope_per_week == pytest.approx(7.0)
    few = morning_trend(PROTOCOL, week(1, None, 2, None, 3, None, 4), 100)
    assert few.sure == "likely"  # four mornings in order: 2 of 24 orders look as steep
    assert few.p == pytest.approx(2 / 24)
    assert morning_trend(PROTOCOL, week(1, 2, 1, 2, 1, 2, 2), 100).sure == "unsure"


def test_p_is_that_of_trying_every_order() -> None:
    scores = [1, 3, 2, 2, 4, 1]

    def s(order: tuple[int, ...]) -> int:
        return sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :])

    orders = list(permutations(scores))
    expected = sum(abs(s(order)) >= abs(s(tuple(scores))) for order in orders) / len(orders)
    assert morning_trend(PROTOCOL, week(*scores), 100).p == pytest.approx(expected)


def test_a_month_shows_a_creep_that_a_week_cannot() -> None:
    creep = [(day, 1 + (day - 73) // 14) for day in range(73, 101)]
    month = morning_trend(PROTOCOL, creep, 100, days=28)
    assert (month.word, month.sure) == ("rising", "clear")
    assert morning_trend(PROTOCOL, creep, 100).word == "steady"
    assert morning_trend(PROTOCOL, creep[:5], 100, days=28).word == "not enough mornings"


def test_a_flat_month_is_steady() -> None:
    flat = [(day, 3) for day in range(73, 101)]
    found = morning_trend(PROTOCOL, flat, 100, days=28)
    assert (found.word, found.sure, found.p) == ("steady", "unsure", 1.0)


def test_sentences_are_plain() -> None:
    for scores in ((1, 1, 1, 2, 2, 2, 2), (1, 2, 1, 2, 1, 2, 1), (2, 2, 1, 1, 1, 1, 0), (1, 1, 2)):
        sentence = morning_trend(PROTOCOL, week(*scores), 100).sentence
        assert lint(sentence) == (), sentence


def test_a_typed_run_tells_what_it_can_and_why_not() -> None:
    known = run_at(minutes=40, run_minutes=30.0, distance_m=5000.0, session_rpe=4.0, incline_min_pct=0.0,
                   incline_max_pct=0.0, speed_mps=2.6)  # fmt: skip
    found = exposure_of_run(known, best_speed_mps=4.0)
    assert (found.run_minutes, found.load, found.fast_minutes, found.uphill_minutes) == (
        30.0,
        160.0,
        0.0,
        0.0,
    )
    bare = exposure_of_run(run_at(minutes=40))
    assert (bare.run_minutes, bare.load, bare.fast_minutes, bare.uphill_minutes) == (40.0, None, None, None)
    assert dict(bare.reasons) == {
        "uphill_minutes": "no_incline", "fast_minutes": "no_speed", "load": "no_effort",
        "distance_m": "no_distance",
    }  # fmt: skip
    assert (
        exposure_of_run(run_at(speed_mps=3.9), 4.0).fast_minutes is None
    )  # some fast minutes, unknown how many


def test_load_averages_follow_the_formula() -> None:
    days = load_by_day([(date(2026, 3, 1), 100.0), (date(2026, 3, 3), None)], date(2026, 3, 4))
    assert [item.load for item in days] == [100.0, 0.0, None, 0.0]
    assert [item.unknown for item in days] == [0, 0, 1, 0]
    assert days[0].ewma_7d == pytest.approx(25.0)
    assert days[1].ewma_7d == pytest.approx(18.75)
    assert days[0].ewma_28d == pytest.approx(200 / 29)
    assert load_by_day([], date(2026, 3, 4)) == ()


def test_an_unknown_load_is_not_a_rest_day() -> None:
    """Whatever is unknown, the average of the rest stands, or there is none; never is it pulled down."""
    begin = date(2026, 3, 1)
    for unknown in ([40], [40, 42], [40, 41], list(range(30, 60))):
        days = [(begin + timedelta(days=i), None if i in unknown else 50.0) for i in range(60)]
        found = load_by_day(days, begin + timedelta(days=59))
        full = load_by_day([(day, 50.0) for day, _ in days], begin + timedelta(days=59))
        for got, was in zip(found, full, strict=True):
            for name in ("ewma_7d", "ewma_28d"):
                value = getattr(got, name)
                assert value is None or value == pytest.approx(getattr(was, name), rel=0.06)
    assert found[-1].ewma_7d is None
    # two sessions on one day, one of them unknown: the day is unknown
    both = load_by_day([(begin, 30.0), (begin, None)], begin)
    assert (both[0].load, both[0].unknown) == (None, 1)


def test_a_walk_is_no_run_anywhere() -> None:
    walk = exposure_of_run(run_at(minutes=30, rung="V0", session_rpe=3.0), 4.0)
    assert (walk.run_minutes, walk.load, walk.fast_minutes, walk.uphill_minutes) == (0.0, 0.0, 0.0, 0.0)
    mixed = exposure_of_run(run_at(minutes=30, rung="V2", run_minutes=10.0, session_rpe=3.0))
    assert (mixed.run_minutes, mixed.load) == (10.0, 90.0)


def test_steady_load_is_reached_by_both_averages() -> None:
    days = load_by_day([(date(2026, 1, 1) + timedelta(days=i), 50.0) for i in range(300)], date(2026, 10, 27))
    assert days[-1].ewma_7d == pytest.approx(50.0)
    assert days[-1].ewma_28d == pytest.approx(50.0, rel=1e-6)
