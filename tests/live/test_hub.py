"""The door for taps: what is exactly a tap acts once and is answered; anything else costs its own answer only."""

from __future__ import annotations

import asyncio
import json

import pytest

from tallrun.live.hub import BACKLOG, TAP_BURST, LiveHub, Page, Source
from tallrun.pipeline.taps import Tap

FLAGS = ("pop_or_tear", "numbness")


class Run:
    def __init__(self, outcome="done"):
        self.hub, self.taps, self.undone, self.outcome = LiveHub(), [], [], outcome
        self.hub.begin(self.act, self.undo, FLAGS)

    def act(self, tap, tap_id, at_once):
        self.taps.append((tap, at_once))
        return self.outcome

    def undo(self, of):
        self.undone.append(of)
        return of == "held-tap"

    def send(self, source=None, **message):
        return self.hub.take(json.dumps({"tap_id": "abcdef12"} | message), source)


NO_TAPS = [
    "", "null", "[]", "7", '"stop"', "{}", "{" * 900, "[" * 2000, "1" * 2040, '{"type":NaN}', "{\"type\": \"pain\"",
    json.dumps({"type": "pain"}), json.dumps({"type": ["stop"], "tap_id": "abcdef"}),
    *(json.dumps({"type": "pain", "score": score, "tap_id": f"score-{place}"})
      for place, score in enumerate([11, -1, True, None, "3", 3.0, 1e999, 10**400, [3], {"a": 3}])),
    *(json.dumps({"type": "red_flag", "item": item, "tap_id": f"item-{place}0"})
      for place, item in enumerate(["", None, 3, "\ud800", f"{FLAGS[0]}\ud800", "x" * 500, [FLAGS[0]], "nothing"])),
    *(json.dumps({"type": "limping", "tap_id": tap_id})
      for tap_id in [None, "", 5, "\ud800\ud800\ud800", "x" * 65, "a b c d e f", "ёёёёёё", ["abcdef"], "abc"]),
    json.dumps({"type": "sensor_lost", "tap_id": "abcdef12"}), json.dumps({"type": "held", "tap_id": "abcdef12"}),
    json.dumps({"type": "limping", "tap_id": "abcdef12", "pad": "x" * 2048}),
    json.dumps({"type": "limping", "tap_id": "abcdef12", "run": "another"}), b"\x00\xff", b'{"type":"limping"}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TAPS, ids=range(len(NO_TAPS)))
def test_what_is_not_exactly_a_tap_does_nothing_but_be_refused(text):
    run = Run()
    answer = run.hub.take(text, Source())
    assert answer["outcome"] == "refused"
    assert run.taps == []
    assert run.send(type="limping", tap_id="the-next-one")["outcome"] == "done"
    assert run.taps == [(Tap("limping"), False)]


def test_taps_are_read():
    run = Run()
    run.send(type="pain", score=0, tap_id="tap-01")
    run.send(type="limping", tap_id="tap-02")
    run.send(type="red_flag", item="pop_or_tear", tap_id="tap-03")
    run.send(type="stop", now=True, tap_id="tap-04")
    assert [tap for tap, _ in run.taps] == [
        Tap("pain", score=0), Tap("limping"), Tap("red_flag", item="pop_or_tear"), Tap("stop")]  # fmt: skip
    assert [at_once for _, at_once in run.taps] == [False, False, False, True]


def test_a_tap_sent_again_acts_once_and_is_answered_alike():
    run = Run("held")
    answers = [run.send(type="pain", score=3) for _ in range(5)]
    assert len(run.taps) == 1
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["outcome"] == "held"


@pytest.mark.parametrize("extra", [{}, {"tap_id": None}, {"tap_id": "\ud800"}, {"score": "x"}, {"item": [1]}])
def test_a_stop_is_a_stop_however_badly_it_is_written(extra):
    run = Run()
    run.send(**({"type": "stop"} | extra))
    assert run.taps == [(Tap("stop"), False)]


def test_a_flood_is_put_off_and_stop_is_not():
    run, flood, other = Run(), Source(), Source()
    outcomes = [run.send(flood, type="pain", score=1, tap_id=f"flood-{n}")["outcome"] for n in range(300)]
    assert outcomes.count("done") <= TAP_BURST + 2
    assert set(outcomes[-100:]) == {"later"}
    for number in range(15):
        assert run.send(flood, type="stop", tap_id=f"stop-{number:03d}")["outcome"] == "done"
    assert run.send(other, type="pain", score=9, tap_id="other-page")["outcome"] == "done"
    flood.tokens = 1.0
    assert run.send(flood, type="pain", score=1, tap_id="flood-299")["outcome"] == "done", (
        "put off is not lost"
    )


def test_undo_reaches_the_run_and_is_refused_when_late():
    run = Run()
    assert run.send(type="undo", of="held-tap", tap_id="undo-1")["outcome"] == "done"
    assert run.send(type="undo", of="gone", tap_id="undo-2")["outcome"] == "refused"
    assert run.send(type="undo", of=["x"], tap_id="undo-3")["outcome"] == "refused"
    assert run.undone == ["held-tap", "gone"]


def test_before_the_run_a_tap_waits_and_after_it_is_told_so():
    hub = LiveHub()
    text = json.dumps({"type": "stop", "tap_id": "abcdef12"})
    assert hub.take(text)["outcome"] == "later"
    run = Run()
    run.hub.end()
    answer = run.hub.take(text)
    assert (answer["outcome"], answer["text"]) == ("refused", "The run had ended. Add it on Today.")


async def test_a_page_that_does_not_read_costs_nothing_and_gets_the_newest():
    hub = LiveHub()
    slow = hub.join()
    for number in range(5 * BACKLOG):
        hub.publish({"type": "step", "n": number})
        hub.publish({"type": "state", "n": number})
    got = [await slow.next() for _ in range(BACKLOG + 1)]
    assert got[-1] == {"type": "state", "n": 5 * BACKLOG - 1}
    assert hub.n_pages == 1
    hub.leave(slow)
    assert await slow.next() is None


async def test_a_page_that_joins_late_is_told_all_that_holds():
    hub = LiveHub()
    for kind in ("state", "trouble", "after"):
        hub.publish({"type": kind})
    page: Page = hub.join()
    async with asyncio.timeout(1):
        assert {(await page.next())["type"] for _ in range(3)} == {"state", "trouble", "after"}
