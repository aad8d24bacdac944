"""What a person can type wrong: far dates, numbers that are none, corrections that go in circles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from oracle.build import NOW, VerdictRow, at
from tallrun.errors import EntryError
from tallrun.recovery import (
    Advice,
    PainScore,
    PlannedSession,
    Protocol,
    Runner,
    RunSession,
    Screen,
    verdict,
)
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
HISTORY = VerdictRow("V3", "G G", "", PROTOCOL).build()[0]
RUN = HISTORY.sessions[-1]


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_far_dates_are_refused_in_one_line(year):
    far = datetime(year, 12 if year > 2000 else 1, 31 if year > 2000 else 1, tzinfo=UTC)
    makers = (
        lambda: verdict(PROTOCOL, HISTORY, None, far),
        lambda: PainScore("x", far, "rest", 1),
        lambda: PainScore("x", NOW, "rest", 1, painkiller="oral", painkiller_at=far),
        lambda: replace(RUN, started_at=far, ended_at=far),
        lambda: Screen(NOW, {}, operation_on=far.date()),
        lambda: Runner(born_on=far.date()),
        lambda: PlannedSession(far),
    )
    for make in makers:
        with pytest.raises(EntryError, match=r"^.*years 1900 to 2200, got.*$"):
            make()


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2200, 12, 31)])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_first_and_last_date_give_a_verdict(day, zone):
    history = replace(HISTORY, runner=replace(HISTORY.runner, time_zone=zone))
    assert verdict(PROTOCOL, history, None, datetime(day.year, day.month, day.day, 12, tzinfo=UTC)).rules


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(EntryError, match="time zone"):
        verdict(PROTOCOL, HISTORY, None, datetime(2026, 6, 17, 18))


NUMBERS = ("run_minutes", "planned_run_minutes", "distance_m", "speed_mps", "incline_min_pct", "incline_max_pct",
           "session_rpe")  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -101.0, 2e6, "5"])
def test_numbers_of_a_run_that_are_none_are_refused(name, value):
    with pytest.raises(EntryError, match=f"^{name} must be a number from -?[0-9]+ to [0-9]+, got"):
        replace(RUN, **{name: value})


def test_downhill_is_a_number_and_advice_and_plans_are_checked_too():
    assert replace(RUN, incline_min_pct=-6.0).incline_min_pct == -6.0
    for make in (
        lambda: replace(RUN, session_rpe=-1.0),
        lambda: Advice("RUN", "V3", float("nan")),
        lambda: PlannedSession(NOW, run_minutes=float("nan")),
        lambda: Runner(easy_speed_mps=float("nan")),
    ):
        with pytest.raises(EntryError, match="must be a number from 0 to"):
            make()
    assert isinstance(RUN, RunSession)


def state_with(*corrections: tuple[str, int, str | None, timedelta]) -> str:
    rows = tuple(
        PainScore(i, at(0, 16) + after, "rest", s, supersedes=old) for i, s, old, after in corrections
    )
    return verdict(PROTOCOL, replace(HISTORY, scores=(*HISTORY.scores, *rows)), None, NOW).state


NONE, LATER = timedelta(0), timedelta(hours=3)


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([("a", 6, None, NONE), ("b", 1, "a", NONE)], "RUN"),
        ([("a", 6, None, NONE), ("b", 6, "a", NONE), ("c", 1, "b", NONE)], "RUN"),
        ([("a", 1, None, NONE), ("b", 6, "a", NONE)], "REST48"),
        ([("a", 6, None, NONE), ("b", 1, "a", LATER)], "REST48"),
        ([("a", 6, "a", NONE)], "REST48"),
        ([("a", 6, "b", NONE), ("b", 6, "a", NONE)], "REST48"),
        ([("a", 6, "c", NONE), ("b", 1, "a", NONE), ("c", 1, "b", NONE)], "REST48"),
        ([("a", 6, "b", NONE), ("b", 1, "a", NONE), ("c", 1, "a", NONE)], "RUN"),
    ],
)
def test_only_a_row_in_force_hides_another(rows, state):
    assert state_with(*rows) == state
