from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.records import NOW, run_at
from tallrun.cli.recovery_common import load_protocol
from tallrun.insight import exposure_of_run, exposure_of_session, load_by_day, morning_trend, spike
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
    assert found.flagged_strides is None
    bare = exposure_of_run(run_at(minutes=40))
    assert (bare.run_minutes, bare.load, bare.fast_minutes, bare.uphill_minutes) == (40.0, None, None, None)
    assert dict(bare.reasons) == {
        "flagged_strides": "no_feet", "uphill_minutes": "no_incline", "fast_minutes": "no_speed", "load": "no_effort",
        "distance_m": "no_distance",
    }  # fmt: skip
    assert (
        exposure_of_run(run_at(speed_mps=3.9), 4.0).fast_minutes is None
    )  # some fast minutes, unknown how many


def table(n: int = 1000) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "initial_contact_s": np.arange(n) * 0.36,
            "foot": ["left", "right"] * (n // 2),
            "mode": ["run"] * n,
            "stride_time_s": np.full(n, 0.72),
            "speed_mps": np.where(np.arange(n) < n / 4, 3.5, 2.6),
            "stride_length_m": np.full(n, 1.9),
            "incline_pct": np.where(np.arange(n) < n / 2, 4.0, 0.0),
        }
    )


def test_a_recorded_session_counts_minutes_fast_uphill_and_flagged() -> None:
    flags = [
        {"flag": "overstriding", "start_s": 10.0, "end_s": 46.0},
        {"flag": "overstriding", "start_s": 300.0, "end_s": None},
    ]
    found = exposure_of_session(run_at(minutes=6, session_rpe=5.0), table(), flags, best_speed_mps=4.0)
    assert found.run_minutes == pytest.approx(6.0)
    assert found.fast_minutes == pytest.approx(1.5)
    assert found.uphill_minutes == pytest.approx(3.0)
    assert found.distance_m == pytest.approx(950.0)
    assert found.flagged_strides == {"overstriding": 100 + 166}
    assert found.load == 30.0
    one_foot = exposure_of_session(run_at(minutes=6), table().iloc[::2], [], 4.0)
    assert one_foot.run_minutes == pytest.approx(6.0)


def test_without_running_there_is_nothing_to_count() -> None:
    walking = table().assign(mode="walk")
    found = exposure_of_session(run_at(minutes=6), walking, [], 4.0)
    assert (found.run_minutes, found.fast_minutes, found.uphill_minutes) == (0.0, None, None)


def test_load_averages_follow_the_formula() -> None:
    days = load_by_day([(date(2026, 3, 1), 100.0), (date(2026, 3, 3), None)], date(2026, 3, 4))
    assert [item.load for item in days] == [100.0, 0.0, 0.0, 0.0]
    assert [item.unknown for item in days] == [0, 0, 1, 0]
    assert days[0].ewma_7d == pytest.approx(25.0)
    assert days[1].ewma_7d == pytest.approx(18.75)
    assert days[0].ewma_28d == pytest.approx(200 / 29)
    assert load_by_day([], date(2026, 3, 4)) == ()


def test_steady_load_is_reached_by_both_averages() -> None:
    days = load_by_day([(date(2026, 1, 1) + timedelta(days=i), 50.0) for i in range(300)], date(2026, 10, 27))
    assert days[-1].ewma_7d == pytest.approx(50.0)
    assert days[-1].ewma_28d == pytest.approx(50.0, rel=1e-6)


def test_a_spike_is_measured_against_the_thirty_days_before() -> None:
    earlier = [
        run_at(NOW - timedelta(days=31), distance_m=9000.0),
        run_at(NOW - timedelta(days=10), distance_m=5000.0),
        run_at(NOW - timedelta(days=5)),
        run_at(NOW + timedelta(days=1), distance_m=20000.0),
    ]
    assert spike(6000.0, NOW, earlier).ratio == pytest.approx(1.2)
    assert spike(6000.0, NOW, earlier[:1]).ratio is None
