"""What verdict, way out and due list say of a record that is empty, withheld or contradicts itself."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from support.recovery_histories import random_history
from tallrun.insight.crossing import cross
from tallrun.insight.due import questions_due
from tallrun.recovery import Protocol, verdict, wording
from tallrun.recovery.model import History, Runner
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
#: What only a known score, run or morning can carry.
CLAIMS = re.compile(
    r"(Your (last|worst)? ?score|Mornings (did|are|were)|settled\.|(the|your) last (run|session))", re.I
)


def empty(history: History) -> History:
    """Nothing was ever logged."""
    return History(Runner(history.runner.time_zone))


def withheld(history: History) -> History:
    """Every score was given under a painkiller, and nobody answered about limping or the screen."""
    return replace(
        history,
        scores=tuple(replace(row, painkiller="oral", limping=None) for row in history.scores),
        sessions=tuple(replace(row, limping=None) for row in history.sessions),
        screens=tuple(replace(row, answers=dict.fromkeys(row.answers)) for row in history.screens),
    )


def contradictory(history: History) -> History:
    """Runs that end as they begin, without pain and with a limp, and two scores of one instant far apart."""
    twins = tuple(replace(row, pain_id=f"{row.pain_id}-b", score=10 - row.score) for row in history.scores)
    runs = tuple(
        replace(row, ended_at=row.started_at + timedelta(minutes=1), limping=True, stop_reason="none")
        for row in history.sessions
    )
    return replace(history, scores=history.scores + twins, sessions=runs)


def sentences_of(history: History, now, plan) -> list[str]:
    said = verdict(PROTOCOL, history, None, now, plan)
    asked = questions_due(PROTOCOL, history, now)
    return [
        *said.sentences, *said.notices, said.changes_if, said.reason,
        *(item.text for item in said.way_out), *(item.action or "" for item in said.way_out),
        *(item.text for item in asked),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [empty, withheld, contradictory, lambda history: history])
def test_every_sentence_has_words_for_what_the_record_does_not_tell(kind):
    for seed in range(25):
        history, now, plan = random_history(seed, PROTOCOL)
        for sentence in sentences_of(kind(history), now, plan):
            wrong = [item for item in wording.lint(sentence) if "years" not in item and "words" not in item]
            assert wrong == [], (seed, sentence)
            assert "_" not in sentence, (seed, sentence)


@pytest.mark.parametrize("seed", range(10))
def test_an_empty_record_carries_no_claim(seed):
    history, now, plan = random_history(seed, PROTOCOL)
    for sentence in sentences_of(empty(history), now, plan):
        assert not CLAIMS.search(sentence), sentence
    said = verdict(PROTOCOL, empty(history), None, now, plan)
    assert said.state in ("REFER", "CLINICIAN", "LOG_FIRST")
    held = [item.text for item in said.way_out if item.met]
    assert held == ["No session is logged, so none is too recent."], "nothing else was ever shown to hold"


def test_of_no_sessions_no_pattern_is_named():
    assert all(item.sentence.startswith("Too little to look for a pattern") for item in cross([]))
