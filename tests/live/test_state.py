"""Whatever a safety rule asks for stands on the page, with and without parts of a plan."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tallrun.coaching import Part
from tallrun.journal.desk import load_protocol
from tallrun.live.state import live_state
from tallrun.pipeline.live_run import IntervalView, LiveView
from tallrun.recovery.live import LiveEvent, LiveRules

PROTOCOL = load_protocol()
PART = IntervalView(Part("run", 0.0, 60.0, 1, 8), 0, 30.0, None, False, False, None)


def actions():
    """One action of each kind and rule that is not "go on"."""
    stories = [
        [("score", 4), ("tick", None)],
        [("jump", None), ("score", 0)],
        [("score", 7)],
        [("limping", 1)],
        [("red_flag", None)],
    ]
    found = {}
    for story in stories:
        rules = LiveRules(PROTOCOL)
        for place, (kind, value) in enumerate(story):
            for action in rules.feed(LiveEvent(10.0 + 200.0 * place, kind, value)):
                found[action.action, action.rule] = action
    return [action for (kind, _), action in found.items() if kind != "GO_ON"]


@pytest.mark.parametrize("part", [None, PART], ids=["free", "parts"])
@pytest.mark.parametrize("action", actions(), ids=lambda action: f"{action.action}-{action.rule}")
def test_what_a_rule_asks_for_is_shown(action, part):
    is_end = action.action in ("STOP", "REFER")
    # a run that was stopped shows no other word of the rules
    view = LiveView(
        None, None, None, None, None, None, None, 1, None, False,
        action if is_end else None, None, None if is_end else action, 0, interval=part,
    )  # fmt: skip
    state = live_state(view, PROTOCOL, [], action.t_s + 5.0, "running")
    told = {name: state[name] for name in ("interval", "question", "stop")}
    assert action.sentence.split(".")[0] in json.dumps(told), told
    if action.action == "WALK":
        assert state["interval"]["now"] == "WALK"
        assert state["interval"]["left_s"] == pytest.approx(action.walk_s - 5.0)


def test_every_kind_is_among_them():
    assert {action.action for action in actions()} == {"ASK", "WALK", "STOP", "REFER"}


@pytest.mark.parametrize(
    ("kind", "told"), [("walk", "only running steps are counted"), ("run", "no running steps just now")]
)
def test_on_a_walk_nobody_waits_for_running_steps(kind, told):
    part = replace(PART, part=replace(PART.part, kind=kind))
    view = LiveView(
        None, None, None, None, None, None, None, 1, None, False, None, None, None, 5, interval=part
    )  # fmt: skip
    assert live_state(view, PROTOCOL, [], 5.0, "running")["cadence_text"] == told


def test_the_way_on_the_page_says_that_it_is_of_the_running():
    view = LiveView(
        None, None, None, None, None, None, None, 1, None, False, None, None, None, 0, run_m=1234.0
    )
    assert live_state(view, PROTOCOL, [], 60.0, "running")["so_far"] == ["ran 1.23 km"]
