"""Safety properties of the verdict over random raw histories (more of them: benchmarks/recovery_histories.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.recovery_histories import check_properties, is_freer, random_history, with_score
from tallrun.recovery import PainScore, Protocol, verdict
from tallrun.recovery.timeline import HOUR_S, Clock
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


@settings(max_examples=400)
@given(st.integers(0, 2**40))
def test_worse_missing_masked_and_red_flags_never_free(seed):
    violations, _ = check_properties(seed, PROTOCOL)
    assert violations == []


@pytest.mark.parametrize(
    "seed",
    [49112, 87628, 98172, 99048, 99508, 109029, 111156, 122225, 138176, 168417, 171513, 184940],
)
def test_histories_that_once_freed_a_worse_score_stay_fixed(seed):
    assert check_properties(seed, PROTOCOL) == ([], 0)


def freed_by(seed: int, index: int) -> str:
    """Whether one score more, of any question but the morning's (which makes B itself), frees anything; else empty."""
    history, now, plan = random_history(seed, PROTOCOL)
    row = history.scores[index % len(history.scores)] if history.scores else None
    if row is None or row.kind == "morning" or row.score == 10:
        return ""
    worse = with_score(history, index % len(history.scores), replace(row, score=row.score + 1))
    one, two = (verdict(PROTOCOL, item, None, now, plan) for item in (worse, history))
    return f"{two.state} {two.rung} became {one.state} {one.rung}" if is_freer(one, two) else ""


@settings(max_examples=150)
@given(st.integers(0, 2**40), st.integers(0, 200))
def test_a_worse_score_outside_the_mornings_never_frees_even_where_it_moves_the_baseline(seed, index):
    assert freed_by(seed, index) == ""


@pytest.mark.parametrize(
    ("seed", "index"),
    [(242, 35), (475, 6), (1565, 33), (2047, 5), (6090, 10), (8176, 3), (9346, 11), (10142, 8), (12699, 7)],
)  # fmt: skip
def test_a_session_made_worse_never_takes_a_red_away_through_the_baseline(seed, index):
    """Its mornings are left out of B: that once raised B, or took it away, and with it the RED of another session."""
    assert freed_by(seed, index) == ""


@settings(max_examples=60)
@given(st.integers(0, 2**40))
def test_a_verdict_is_whole_json_and_the_same_twice(seed):
    history, now, plan = random_history(seed, PROTOCOL)
    first = verdict(PROTOCOL, history, None, now, plan)
    assert first == verdict(PROTOCOL, history, None, now, plan)
    assert set(first.as_json()) >= {
        "state", "rung", "rules", "inputs", "sources", "notices", "changes_if", "protocol", "as_of", "valid_until",
    }  # fmt: skip
    assert first.rules
    assert first.sources
    assert (first.rung is None) == (first.state in ("REFER", "CLINICIAN"))
    if first.rung is None:
        assert first.notices == (), "only the referral text"
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0)
    assert now.timestamp() < first.valid_until.timestamp() <= midnight.timestamp()


@settings(max_examples=60)
@given(st.integers(0, 2**40))
def test_rows_after_now_change_nothing(seed):
    history, now, plan = random_history(seed, PROTOCOL)
    later = PainScore("later", now + timedelta(minutes=1), "rest", 9)
    assert verdict(PROTOCOL, replace(history, scores=(*history.scores, later)), None, now, plan) == verdict(
        PROTOCOL, history, None, now, plan
    )


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Amsterdam", date(2026, 3, 29)), ("Europe/Helsinki", date(2026, 3, 29)),
     ("Australia/Lord_Howe", date(2026, 4, 5)), ("America/New_York", date(2026, 11, 1))],
)  # fmt: skip
def test_days_start_at_three_on_days_the_clocks_change(zone, day):
    clock = Clock(zone, 3)
    starts_s = clock.starts_s(day.toordinal())
    assert clock.day(starts_s - 1) == day.toordinal() - 1
    assert clock.day(starts_s) == day.toordinal()
    length_h = (clock.starts_s(day.toordinal() + 1) - clock.starts_s(day.toordinal() - 1)) / HOUR_S
    assert length_h != 48, "this zone changes its clocks on this day"


def test_the_24_hour_window_is_absolute_hours_across_a_clock_change():
    from oracle.build import VerdictRow

    history, _ = VerdictRow("V3", "G", "", PROTOCOL).build()
    shifted = replace(history, runner=replace(history.runner, time_zone="UTC"))
    now = datetime(2026, 6, 17, 16, tzinfo=UTC)
    one, two = verdict(PROTOCOL, history, None, now), verdict(PROTOCOL, shifted, None, now)
    assert one.inputs["last_grade"] == two.inputs["last_grade"] == "GREEN"
