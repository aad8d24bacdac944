"""Frames per second and memory of the replay page on an hour of three sensors, in headless Chromium.

Run: ``python benchmarks/replay_page.py [--minutes 60]``. Headless Chromium draws without a graphics card, so a
machine with one does better.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.browser import DESKTOP, PHONE, ServerThread, chromium
from tallrun import simulate
from tallrun.recovery import Protocol
from tallrun.report.replay_data import replay
from tallrun.resources import protocol_texts
from tallrun.sessions import write_session
from tallrun.web.app import create_app
from tallrun.web.problems import add_problem_handlers
from tallrun.web.replay_api import replay_router

PLAY_S = 10.0
SCRUB_S = 6.0
COUNT = """() => { window.gaps = []; let last = performance.now();
  const tick = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick); }"""

#: From end to end of the hour and back, another time in every frame, as a hand on the lanes does.
SCRUB = """(seconds) => new Promise((done) => { const gaps = []; const began = performance.now(); let last = began;
  const end = window.tallrunReplay.session.duration_s;
  const tick = (now) => { gaps.push(now - last); last = now;
    window.tallrunReplay.goTo(end * (0.5 + 0.5 * Math.sin((now - began) / 900)));
    if (now - began < 1000 * seconds) requestAnimationFrame(tick); else done(gaps.slice(1)); };
  requestAnimationFrame(tick); })"""


def frames(gaps: list[float]) -> dict[str, float]:
    ordered = sorted(gaps)
    return {
        "frames_per_s": round(1000.0 * len(gaps) / sum(gaps), 1),
        "frame_p99_ms": round(ordered[int(0.99 * (len(gaps) - 1))], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    protocol = Protocol.from_toml(protocol_texts()["pht"])
    results = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "hour"
        programme = simulate.Programme(
            (simulate.Bout("stand", 8.0), simulate.Bout("run", 60.0 * minutes, 2.8))
        )
        recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0), seed=1)
        write_session(folder, recording)
        short = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 60.0, 2.8)))
        replay(simulate.run(short, simulate.Runner(), simulate.three_sensors(200.0), seed=1)[0], protocol)

        def make():
            app = create_app(routers=[replay_router(lambda session_id: folder, lambda: protocol)])
            add_problem_handlers(app)
            return app

        with ServerThread(make) as server, chromium() as browser:
            for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
                page = browser.new_page(viewport=size, bypass_csp=True)
                tools = page.context.new_cdp_session(page)
                began = time.perf_counter()
                page.goto(f"{server.url}/replay/hour", timeout=120_000)
                page.wait_for_function(
                    "document.getElementById('page').dataset.state === 'ready'", timeout=120_000
                )
                opens_s = time.perf_counter() - began
                page.evaluate("window.tallrunReplay.goTo(600)")
                page.keyboard.press("5")
                page.evaluate(COUNT)
                page.click("#play")
                page.wait_for_timeout(1000 * PLAY_S)
                played = frames(page.evaluate("window.gaps.slice()"))
                page.click("#play")
                scrubbed = frames(page.evaluate(SCRUB, SCRUB_S))
                tools.send("HeapProfiler.collectGarbage")
                heap = tools.send("Runtime.getHeapUsage")
                results[name] = {
                    "opens_s": round(opens_s, 2),
                    "play_16x": played,
                    "scrub": scrubbed,
                    "heap_mb": round(heap["usedSize"] / 1e6, 1),
                    "buffers_mb": round(heap.get("backingStorageSize", 0) / 1e6, 1),
                }
                page.close()
    results["machine"] = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
