"""How long a report of one hour of three sensors takes, how large it is, and how soon it opens.

Run: ``python benchmarks/report.py [--minutes 60]``. Engines are compiled before the clock starts.
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

from support.browser import DESKTOP, chromium
from tallrun import simulate
from tallrun.recovery import Protocol
from tallrun.report import build_report
from tallrun.report.session_report import analysed
from tallrun.resources import protocol_texts
from tallrun.sessions import read_session, write_session


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    protocol = Protocol.from_toml(protocol_texts()["pht"])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "hour"
        programme = simulate.Programme(
            (simulate.Bout("stand", 8.0), simulate.Bout("run", 60.0 * minutes, 2.8))
        )
        recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0), seed=1)
        write_session(folder, recording)
        short = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 60.0, 2.8)))
        warm, _ = simulate.run(short, simulate.Runner(), simulate.three_sensors(200.0), seed=1)
        build_report(analysed(warm, "warm", protocol))
        began, cpu = time.perf_counter(), time.process_time()
        page = build_report(analysed(read_session(folder), "hour", protocol))
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        target = Path(place) / "report.html"
        target.write_text(page, encoding="utf-8")
        opens_s = []
        with chromium() as browser:
            for _ in range(3):
                tab = browser.new_page(viewport=DESKTOP)
                began = time.perf_counter()
                tab.goto(target.as_uri())
                tab.evaluate("document.querySelector('.plot').scrollIntoView()")
                tab.wait_for_function("document.querySelector('.plot svg') !== null")
                opens_s.append(time.perf_counter() - began)
                tab.close()
    result = {
        "minutes": minutes,
        "report_wall_s": round(took_s, 2),
        "report_cpu_s": round(cpu_s, 2),
        "size_mb": round(len(page.encode()) / 1e6, 2),
        "opens_s": [round(item, 2) for item in sorted(opens_s)],
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
