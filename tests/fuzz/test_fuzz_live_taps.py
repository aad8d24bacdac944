"""Hostile messages on the live socket during an emulated run: after each thousand STOP works, and nothing is lost.

python tests/fuzz/test_fuzz_live_taps.py [100000]      the long version
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

if __name__ == "__main__":  # the long version runs without pytest's paths
    sys.path.insert(0, str(Path(__file__).parents[1]))

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.live_run import LiveThread, long_run
from tallrun.sessions.recorder import read_packets

pytestmark = [pytest.mark.radio, pytest.mark.xdist_group("live")]

KINDS = (
    "stop!",
    "pain",
    "limping!",
    "red_flag",
    "undo",
    "held",
    "sensor_lost",
    "state",
    "",
    None,
    3,
    ["stop"],
    {"a": 1},
)
VALUES = (
    None,
    True,
    -1,
    11,
    5.5,
    10**300,
    1e308,
    "5",
    "\ud800",
    "\x00",
    "x" * 300,
    [],
    {},
    [[[]]],
    "pop_or_tear\ud800",
)


def hostile(rnd: random.Random) -> str | bytes:
    """One message that must never act: bytes, broken or deep JSON, wrong types, too long, ids that are none."""
    pick = rnd.randrange(1, 10)
    if rnd.random() < 0.01:
        return rnd.randbytes(rnd.choice((0, 1, 50, 3000)))
    if pick == 1:
        return rnd.choice("[{") * rnd.randint(1, 2000)
    if pick == 2:
        return rnd.choice(
            ("NaN", "Infinity", "9" * 2000, "-0", "1e999", '"\\ud800"', "\u2028", "\x00", "'stop'")
        )
    if pick == 3:
        return json.dumps(
            {"type": "limping", "tap_id": "x" * 12, "pad": "y" * rnd.choice((2048, 2100, 4000, 60000))}
        )
    if pick == 4:
        text = json.dumps({"type": "pain", "score": 9, "tap_id": "cut-in-half"})
        return text[: rnd.randrange(len(text) - 1)]
    message = {"type": rnd.choice(KINDS), "tap_id": rnd.choice((*VALUES, "good-enough"))}
    for key in ("score", "item", "of", "now", "run"):
        if rnd.random() < 0.6:
            message[key] = rnd.choice(VALUES)
    return json.dumps(message)


def joined(live: LiveThread) -> ClientConnection:
    address, key = f"ws://127.0.0.1:{live.port}/ws/live", {"Authorization": f"Bearer {live.key}"}
    return connect(address, max_size=None, additional_headers=key).__enter__()


def posted(live: LiveThread, message: dict) -> dict:
    body = json.dumps(message).encode()
    request = urllib.request.Request(f"{live.url}/live/tap", body, {"Authorization": f"Bearer {live.key}"})
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


def answer_to(page: ClientConnection, tap_id: str, longest_s: float = 20.0) -> dict:
    until_s = time.monotonic() + longest_s
    while time.monotonic() < until_s:
        message = json.loads(page.recv(timeout=longest_s))
        if message["type"] == "answer" and message["tap_id"] == tap_id:
            return message
    raise AssertionError(f"{tap_id} was not answered")


def shown(page: ClientConnection, wanted, longest_s: float = 5.0) -> dict:
    until_s = time.monotonic() + longest_s
    while time.monotonic() < until_s:
        message = json.loads(page.recv(timeout=longest_s))
        if message["type"] == "state" and wanted(message):
            return message
    raise AssertionError("no such state came")


def attack(folder: Path, n_messages: int, each: int, seed: int = 1) -> dict[str, float]:
    """Send messages from two pages by turns; after ``each`` press STOP on one page and take it back on the other."""
    rnd = random.Random(seed)
    slowest_s, n_stops = 0.0, 0
    with LiveThread(folder, long_run(60.0 + n_messages / 500.0)) as live:
        pages = [joined(live) for _ in range(2)]
        for sent in range(1, n_messages + 1):
            place = sent % 2
            try:
                pages[place].send(hostile(rnd))
            except ConnectionClosed:
                pages[place] = joined(live)
            if rnd.random() < 0.001:  # a reload
                with suppress(ConnectionClosed):
                    pages[place].close()
                pages[place] = joined(live)
            if sent % each == 0:
                tap_id, n_stops = f"stop-{n_stops:06d}", n_stops + 1
                at_s = time.monotonic()
                with suppress(ConnectionClosed):
                    pages[0].send(json.dumps({"type": "stop", "tap_id": tap_id}))
                # the page sends STOP by its second way at once, too
                assert posted(live, {"type": "stop", "tap_id": tap_id})["outcome"] == "held"
                slowest_s = max(slowest_s, time.monotonic() - at_s)
                with suppress(ConnectionClosed):
                    pages[1].close()
                pages[1] = joined(live)
                shown(pages[1], lambda state: [item["kind"] for item in state["held"]] == ["stop"])
                undo = {"type": "undo", "of": tap_id, "tap_id": f"undo-{n_stops:06d}"}
                pages[1].send(json.dumps(undo))
                assert answer_to(pages[1], undo["tap_id"])["outcome"] == "done"
        assert live.error is None
        assert live.loop.failures == {}
        assert not live.loop.session._queue._closed, "the run was ended by a message that is no tap"
        assert posted(live, {"type": "stop", "now": True, "tap_id": "the-last-one"})["outcome"] == "done"
        assert live.wait_ended()
        assert live.error is None
        assert live.raw is not None
        live.raw.recorder.close()
        assert [item.action for item in live.raw.run.safety_events] == [], (
            "a hostile message reached the rules"
        )
        texts = [item.text for item in live.raw.run.markers]
        assert texts.count("held: stop") == n_stops == texts.count("released: stop")
        kept = [
            json.loads(item.payload)["text"] for item in read_packets(live.out) if item.sensor == "tallrun"
        ]
        assert kept.count("stopped by the runner") == 1
        for page in pages:
            with suppress(ConnectionClosed):
                page.close()
    return {"messages": n_messages, "stops": n_stops, "slowest_answer_s": slowest_s}


def test_stop_works_after_every_five_hundred_hostile_messages(tmp_path):
    found = attack(tmp_path, 3000, 500)
    assert found["slowest_answer_s"] < 1.0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(f"{attack(Path(name), count, 1000)}\n")
