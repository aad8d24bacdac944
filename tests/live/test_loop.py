"""A run in which one part after the other fails: what a person tells keeps its effect, and the packets are kept."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from tallrun.ble import LinkStatus
from tallrun.coaching import plan_session
from tallrun.journal.desk import load_protocol
from tallrun.live.hub import LiveHub
from tallrun.live.loop import UNDO_S, LiveLoop
from tallrun.numerics.recording import SampleBlock, SensorSpec
from tallrun.pipeline import PipelineSetup
from tallrun.pipeline.live_run import LiveRun, LiveSetup
from tallrun.pipeline.taps import Tap
from tallrun.sensors.events import Packet
from tallrun.sessions.recorder import FlightRecorder, read_packets

FLAG = "pop_or_tear"


class BrokenError(Exception):
    pass


def broken(*args, **kwargs):
    raise BrokenError("broken on purpose")


class FakeSession:
    """Sends a packet every 20 ms of a clock of its own until it is stopped."""

    def __init__(self):
        self.began_s = asyncio.get_running_loop().time()
        self.stopped = asyncio.Event()
        self.n_sent = 0

    @property
    def now_s(self):
        return asyncio.get_running_loop().time() - self.began_s

    @property
    def status(self):
        return {"foot_left": LinkStatus(state="streaming", last_packet_s=self.now_s)}

    def stop(self):
        self.stopped.set()

    async def packets(self):
        while not self.stopped.is_set():
            self.n_sent += 1
            yield Packet(self.now_s, "foot_left", "6e400003", bytes([self.n_sent % 256]))
            await asyncio.sleep(0.02)


class FakeIngest:
    """Makes each packet a block of quiet samples."""

    def __init__(self):
        self.last_s = 0.0

    def status(self):
        return {}

    def feed(self, host_time_s, sensor, characteristic, payload):
        t_s = np.linspace(self.last_s + 1e-4, max(host_time_s, self.last_s + 2e-4), 4)
        self.last_s = float(t_s[-1])
        still = np.tile([0.0, 0.0, 9.81], (4, 1))
        return [SampleBlock(sensor, t_s, still, np.zeros((4, 3)))]

    def finish(self):
        return []


def break_coach(loop):
    for name in ("see", "advance", "stop", "resume", "finish"):
        setattr(loop.run._coach, name, broken)


def break_flush(loop):
    flush = loop.recorder.flush
    loop.recorder.flush = lambda now_s: broken() if now_s < 0.6 else flush(now_s)


def made_loop(folder):
    spec = SensorSpec("foot_left", 200.0, 16.0, 2000.0)
    setup = LiveSetup(PipelineSetup(specs=(spec,), keep_strides=False), plan_session(600.0), load_protocol())
    loop = LiveLoop(
        LiveRun(setup),
        FakeSession(),
        FlightRecorder(folder / "run", {}, auto_flush=False),
        FakeIngest(),
        LiveHub(),
    )
    loop.shown, loop.told = [], []
    loop.on_view, loop.on_failure = loop.shown.append, loop.told.append
    return loop


def tap(loop, tap_id, **message):
    return loop.hub.take(json.dumps({"tap_id": tap_id} | message))["outcome"]


def marks(folder):
    found = [json.loads(item.payload) for item in read_packets(folder / "run") if item.sensor == "tallrun"]
    return [(item["kind"], item["text"]) for item in found]


async def go(loop, script):
    async def play():
        await asyncio.sleep(0.15)
        try:
            await script(loop)
        finally:
            loop.session.stop()

    async with asyncio.timeout(20):
        await asyncio.gather(loop.go(flush_in_thread=False), play())
    loop.recorder.close()


PARTS = {
    "gait": lambda loop: setattr(loop.run.gait, "_see", broken),
    "joining": lambda loop: setattr(loop.run.gait, "_join", broken),
    "coach": break_coach,
    "ingest": lambda loop: setattr(loop.ingest, "feed", broken),
    "ingest status": lambda loop: setattr(loop.ingest, "status", broken),
    "view": lambda loop: setattr(loop.run, "view", broken),
    "terminal": lambda loop: setattr(loop, "on_view", broken),
    "told": lambda loop: setattr(loop, "on_failure", broken),
    "publisher": lambda loop: setattr(loop.hub, "publish", broken),
    "marks": lambda loop: setattr(loop.recorder, "append_marker", broken),
    "flush": break_flush,
    "feed": lambda loop: setattr(loop.run, "feed", broken),
    "tick": lambda loop: setattr(loop.run, "tick", broken),
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_fails_takes_nothing_a_person_tells_with_it(part, tmp_path, monkeypatch):
    monkeypatch.setitem(UNDO_S, "limping", 0.3)
    loop = made_loop(tmp_path)
    PARTS[part](loop)

    async def script(loop):
        assert tap(loop, "pain-four", type="pain", score=4) == "done"
        await asyncio.sleep(0.4)
        assert tap(loop, "limp-one", type="limping") == "held"
        assert tap(loop, "stop-one", type="stop") == "held"
        assert tap(loop, "undo-one", type="undo", of="stop-one") == "done"
        await asyncio.sleep(0.6)
        assert tap(loop, "stop-two", type="stop", now=True) == "done"
        assert loop.session.stopped.is_set()

    await go(loop, script)
    rules = [item.action.rule for item in loop.run.safety_events]
    assert "LV6" in rules, "the score of 4 was judged"
    assert "LV3" in rules, "limping was judged"
    kept = [item for item in read_packets(tmp_path / "run") if item.sensor == "foot_left"]
    assert len(kept) == loop.session.n_sent
    if part != "marks":
        assert {("pain", "4"), ("note", "limping")} <= set(marks(tmp_path))
    if part in ("gait", "coach", "ingest", "feed", "tick", "marks", "flush", "publisher", "view"):
        assert loop.failures, "nobody was told"
        assert part == "marks" or any("failed" in text for _, text in marks(tmp_path))
        assert len(loop.told) == len(loop.failures)


async def test_the_rules_themselves_may_fail_and_stop_still_stops(tmp_path):
    loop = made_loop(tmp_path)
    loop.run.tap = broken

    async def script(loop):
        tap(loop, "pain-nine", type="pain", score=9)
        tap(loop, "stop-one", type="stop", now=True)
        assert loop.session.stopped.is_set()

    await go(loop, script)
    assert ("pain", "9") in marks(tmp_path)
    assert "live rules" in loop.failures


async def test_a_held_tap_acts_though_every_page_is_gone(tmp_path, monkeypatch):
    monkeypatch.setitem(UNDO_S, "red_flag", 0.3)
    loop = made_loop(tmp_path)

    async def script(loop):
        page = loop.hub.join()
        assert tap(loop, "flag-one", type="red_flag", item=FLAG) == "held"
        loop.hub.leave(page)
        assert loop.run.safety_events == []
        assert loop.shown[-1]["held"][0]["kind"] == "red_flag"
        await asyncio.sleep(0.5)
        assert [item.action.action for item in loop.run.safety_events] == ["REFER"]

    await go(loop, script)
    assert ("note", f"red flag: {FLAG}") in marks(tmp_path)


async def test_a_held_tap_acts_when_the_run_ends_and_not_when_it_was_undone(tmp_path):
    for is_undone in (False, True):
        folder = tmp_path / str(is_undone)
        folder.mkdir()
        loop = made_loop(folder)

        async def script(loop, is_undone=is_undone):
            tap(loop, "limp-one", type="limping")
            if is_undone:
                assert tap(loop, "undo-one", type="undo", of="limp-one") == "done"

        await go(loop, script)
        assert (("note", "limping") in marks(folder)) is not is_undone
        assert [item.action.rule for item in loop.run.safety_events] == ([] if is_undone else ["LV3"])


def test_a_held_tap_silences_at_once_and_an_undone_one_lets_go_on(tmp_path):
    setup = LiveSetup(PipelineSetup(specs=()), plan_session(600.0), load_protocol())
    run = LiveRun(setup)
    run.tap(Tap("held", item="limping"))
    assert run._coach._stopped
    run.tap(Tap("pain", score=0))
    assert run._coach._stopped, "an answer must not let cues back while a tap is held"
    run.tap(Tap("released", item="limping"))
    assert not run._coach._stopped


async def test_many_stops_at_once_are_one_and_pressing_twice_keeps_the_undo(tmp_path):
    loop = made_loop(tmp_path)

    async def script(loop):
        assert {tap(loop, f"stop-{n:04d}", type="stop") for n in range(300)} == {"held"}
        assert not loop.session.stopped.is_set()
        assert tap(loop, "undo-one", type="undo", of="stop-0000") == "done"
        assert loop.run.markers[-1].text == "released: stop"
        assert tap(loop, "stop-last", type="stop", now=True) == "done"
        assert loop.session.stopped.is_set()

    await go(loop, script)
