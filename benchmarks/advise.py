"""How long ``advise`` takes on a year of records, two pain entries a day: python benchmarks/advise.py [--json FILE].

Warm means: process started, store open, modules imported. Measured apart: reading the history, the verdict, both
together with the ladder entry, and the whole command from a cold start. Limit: 100 ms warm. CPU time is printed beside
wall time, because a busy machine stretches the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tallrun.cli.recovery_common import load_protocol
from tallrun.recovery import Diagnosis, ExerciseSession, PainScore, PhaseEntry, RunSession, Screen, verdict
from tallrun.store import Store
from tallrun.store.models import RunnerRow

ZONE = ZoneInfo("Europe/Amsterdam")
LIMIT_MS = 100.0
DAYS = 365


def fill(store: Store, last: datetime) -> str:
    """A year: morning and evening score every day, a run every second day, three exercise sessions a week."""
    start = last - timedelta(days=DAYS)
    runner = store.add_runner("bench", start)
    store.add_row(
        RunnerRow, runner, at=start, by="runner", now=start, side="right", site="sit_bone", time_zone=ZONE.key,
        born_on=datetime(1985, 1, 1).date(), easy_speed_mps=2.7, fast_speed_mps=None, height_m=None, leg_length_m=None,
        mass_kg=None,
    )  # fmt: skip
    asked = {question.id: False for question in load_protocol().screening.questions}
    records: list[object] = [Diagnosis(start, True), PhaseEntry(start, 2)]
    for day in range(DAYS):
        at = (start + timedelta(days=day)).replace(hour=7, minute=10)
        records.append(PainScore("", at, "morning", (day * 7) % 3, side="right"))
        evening = at.replace(hour=20)
        records.append(PainScore("", evening, "after" if day % 2 else "rest", 1 + day % 2, side="right"))
        if day % 2:
            began = at.replace(hour=18)
            records.append(
                RunSession(f"run{day}", began, began + timedelta(minutes=35), limping=False, surface="road",
                           distance_m=5000.0)
            )  # fmt: skip
            records.append(
                PainScore("", began + timedelta(minutes=35), "during", 2, side="right", limping=False)
            )
        if day % 7 in (0, 2, 4):
            records.append(ExerciseSession("", at.replace(hour=12), 2, "bridge", 3, 8, None, 1, 2, 1))
        if day % 20 == 0:
            records.append(Screen(at, asked))
    store.add_all(runner, records, by="runner", now=last)
    return runner


def timed_ms(work: Callable[[], object], repeats: int = 15) -> dict[str, float]:
    work()
    times, cpu = [], []
    for _ in range(repeats):
        began, cpu_began = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - cpu_began) * 1000)
    return {
        "median_ms": round(statistics.median(times), 2), "worst_ms": round(max(times), 2),
        "cpu_median_ms": round(statistics.median(cpu), 2),
    }  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    protocol, now = load_protocol(), datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        runner = fill(store, now)
        history = store.history(runner)

        def advise() -> None:
            store.note_advice(runner, verdict(protocol, store.history(runner), None, now), now)

        found = {
            "history": timed_ms(lambda: store.history(runner)),
            "verdict": timed_ms(lambda: verdict(protocol, history, None, now)),
            "advise": timed_ms(advise),
        }
        command = [
            sys.executable, "-c", "from tallrun.cli import main; main()", "advise", "--json", "--data-dir", folder,
            "--as-of", now.isoformat(),
        ]  # fmt: skip
        found["command_cold"] = timed_ms(
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 5
        )
    result = {
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        "entries": {
            "scores": len(history.scores),
            "runs": len(history.sessions),
            "exercises": len(history.exercises),
        },
        "limit_ms": LIMIT_MS,
        "load_average": os.getloadavg(),
        **found,
    }
    print(json.dumps(result, indent=1))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1))
    return int(found["advise"]["median_ms"] > LIMIT_MS)


if __name__ == "__main__":
    raise SystemExit(main())
