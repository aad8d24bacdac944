"""A RED counts at its own time, also when a run with older advice began after it (TD1, MV6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oracle.build import VerdictRow, at, clear_answers
from support.recovery_histories import is_freer, random_history, yardsticks
from tallrun.recovery import Advice, History, PainScore, Protocol, RunSession, Screen, verdict
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
TEST = "single_leg_bridge"


def with_run_today(score: int, score_at, advised: Advice | None, walk_between: bool = False) -> History:
    """Two GREEN runs at V3, then a GREEN run today 14:00-15:00 with a score logged some time before it."""
    history = VerdictRow("V3", "G G", "", PROTOCOL).build()[0]
    run = replace(
        history.sessions[-1], session_id="t", started_at=at(0, 14), ended_at=at(0, 15), advised=advised
    )
    sessions = [*history.sessions, run]
    rows = [
        PainScore("f", score_at, "before", score),
        PainScore("d", at(0, 14, 30), "during", 1),
        PainScore("a", at(0, 15, 30), "after", 1),
        PainScore("m", at(-1, 11), "morning", 1, load_test=TEST),
        PainScore("h", at(-1, 15), "h24", 1),
        PainScore("n", at(-2, 11), "morning", 1, load_test=TEST),
    ]
    if walk_between:
        sessions.append(RunSession("w", at(0, 13, 40), at(0, 13, 50), rung="V0", run_minutes=0, surface="treadmill",
                                   limping=False, advised=Advice("RUN", "V3", 15)))  # fmt: skip
    screen = Screen(at(0, 16), clear_answers(PROTOCOL), frozenset({"ache"}))
    return replace(
        history, sessions=tuple(sessions), scores=(*history.scores, *rows), screens=(*history.screens, screen)
    )


@pytest.mark.parametrize("advised", [Advice("RUN", "V3", 15), Advice("REST48", "V1", 8), None])
@pytest.mark.parametrize("minutes_before", [1, 30, 59, 61, 300])
@pytest.mark.parametrize("walk_between", [False, True])
def test_a_six_before_a_run_still_takes_two_levels_afterwards(advised, minutes_before, walk_between):
    history = with_run_today(6, at(0, 14) - timedelta(minutes=minutes_before), advised, walk_between)
    said = [verdict(PROTOCOL, history, None, at(-ahead, 18)) for ahead in range(3)]
    assert [(one.state, one.rung) for one in said] == [("REST48", "V1"), ("REST48", "V1"), ("RUN", "V1")]
    assert all("MV6" in one.rules for one in said)


def test_the_same_run_after_a_low_score_advances():
    history = with_run_today(1, at(0, 13, 30), Advice("RUN", "V3", 15))
    assert verdict(PROTOCOL, history, None, at(-2, 18)).rung == "V4"


def test_a_six_days_before_a_run_is_in_its_base_whatever_the_kept_advice_says():
    history = VerdictRow("V3", "G G", "gap=1", PROTOCOL).build()[0]
    last, previous = history.sessions[-1], history.sessions[-2]
    moved = timedelta(days=20)
    scores = tuple(
        replace(row, at=row.at - moved) if row.at < previous.ended_at + timedelta(hours=40) else row
        for row in history.scores
    )
    older = tuple(
        replace(s, started_at=s.started_at - moved, ended_at=s.ended_at - moved)
        for s in history.sessions if s.session_id != last.session_id
    )  # fmt: skip
    history = replace(history, sessions=(*older, last), scores=scores)
    six = PainScore("six", last.started_at - timedelta(days=6), "rest", 6)
    assert verdict(PROTOCOL, history, None, at(0, 18)).inputs["base_rung"] == "V3"
    hurt = replace(history, scores=(*history.scores, six))
    assert verdict(PROTOCOL, hurt, None, at(0, 18)).inputs["base_rung"] == "V1"


def keep_advice(history: History) -> History:
    """The history as an app keeps it: every run with the advice the rules gave in the morning before it."""
    kept: list[RunSession] = []
    for run in sorted(history.sessions, key=lambda row: row.started_at):
        said = verdict(
            PROTOCOL, replace(history, sessions=tuple(kept)), None, run.started_at - timedelta(hours=2)
        )
        advised = run.advised or Advice(said.state, said.rung, said.run_minutes)
        kept.append(replace(run, advised=advised))
    return replace(history, sessions=tuple(kept))


@settings(max_examples=150)
@given(st.integers(0, 2**40))
@example(1023)
def test_a_score_of_six_or_more_anywhere_never_raises_a_later_level(seed):
    rnd = Random(seed)
    history, now, plan = random_history(seed, PROTOCOL)
    if rnd.random() < 0.6:
        history = keep_advice(history)
    when = now - timedelta(minutes=rnd.randrange(60 * 24 * 12))
    if history.sessions and rnd.random() < 0.5:
        when = rnd.choice(history.sessions).started_at - timedelta(minutes=rnd.randrange(1, 90))
    row = PainScore("six", when, rnd.choice(("before", "rest", "after")), rnd.randrange(6, 11))
    hurt = replace(history, scores=(*history.scores, row))
    for days in range(5):
        then = now + timedelta(days=days)
        one, two = verdict(PROTOCOL, hurt, None, then, plan), verdict(PROTOCOL, history, None, then, plan)
        if is_freer(one, two):
            assert yardsticks(PROTOCOL, hurt, then) != yardsticks(PROTOCOL, history, then), (seed, days)
