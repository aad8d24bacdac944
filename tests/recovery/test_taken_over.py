"""What an assessor takes over from an earlier one of the same record changes no answer, only how long it takes."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from random import Random

import pytest

from support.recovery_histories import random_history
from tallrun.insight.due import due_of
from tallrun.recovery import Protocol
from tallrun.recovery.model import History
from tallrun.recovery.verdicts import assessed, worded
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


def as_it_stood(history: History, rnd: Random) -> History:
    """The record before some of its rows were entered (any of them: people enter late), corrected or answered."""
    rows = {}
    for field in fields(History):
        if field.name != "runner":
            share = rnd.choice((0.0, 0.0, 0.05, 0.3))
            rows[field.name] = tuple(row for row in getattr(history, field.name) if rnd.random() >= share)
    scores = [replace(row, score=rnd.randrange(11)) if rnd.random() < 0.03 else row for row in rows["scores"]]
    runs = [replace(row, limping=None) if rnd.random() < 0.1 else row for row in rows["sessions"]]
    return replace(history, **rows | {"scores": tuple(scores), "sessions": tuple(runs)})


@pytest.mark.parametrize("first_seed", range(0, 60, 20))
def test_an_earlier_assessor_of_the_same_record_changes_no_answer(first_seed):
    for seed in range(first_seed, first_seed + 20):
        history, now, plan = random_history(seed, PROTOCOL)
        rnd, earlier = Random(seed), None
        for ago_h in (70.0, 20.0, 5.0, -30.0, 1.0):
            then = now - timedelta(hours=ago_h)
            was = as_it_stood(history, rnd)
            earlier, found = assessed(PROTOCOL, was, then, None, plan, earlier)
            worded(earlier, found, then)
        taken, found = assessed(PROTOCOL, history, now, None, plan, earlier)
        fresh, alone = assessed(PROTOCOL, history, now, None, plan)
        assert worded(taken, found, now) == worded(fresh, alone, now), seed
        assert due_of(taken, found, now) == due_of(fresh, alone, now), seed


def test_much_is_taken_over_of_a_record_that_only_grew():
    history, now, _ = random_history(3, PROTOCOL)
    earlier = assessed(PROTOCOL, history, now - timedelta(hours=1))[0]
    taken = assessed(PROTOCOL, history, now, earlier=earlier)[0]
    assert taken.timeline.same_until_s(earlier.timeline) >= earlier.timeline.until_s
    stranger = assessed(PROTOCOL, replace(history, runner=replace(history.runner, side="left")), now)[0]
    assert taken.timeline.same_until_s(stranger.timeline) == float("-inf")
