"""How many sessions a second a cohort does with one worker and with two, and how much memory that takes.

    python benchmarks/cohort.py [--sessions 24] [--minutes 10] [--repeats 3] [--scheduler]

Each run is the whole command in a process of its own, with compiled kernels in the cache: starting up, hashing,
workers, tables. Worker counts take turns, so that a busy machine hurts all alike. Start-up is told apart: each worker
count also does one session for each worker, and what the others add to that is the work itself. Processor seconds
hardly feel a busy machine: where a session costs as many with two workers as with one, two free cores do two at a time.

With ``--scheduler`` the workers are those of a running Dask cluster, of one worker and of two, that have loaded the
kernels; the processor seconds are the main process's own.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tallrun import simulate
from tallrun.sessions import write_session

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
COMMAND = (sys.executable, "-c", "from tallrun.cli import main; main()", "cohort")


def make_sessions(root: Path, n: int, minutes: float) -> None:
    """One simulated session of three sensors, ``n`` times with another id each: other bytes, the same work."""
    programme = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 60.0 * minutes, 2.8)))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0), seed=1)
    write_session(root / "s000", recording)
    for number in range(1, n):
        folder = root / f"s{number:03d}"
        shutil.copytree(root / "s000", folder)
        info = json.loads((folder / "session.json").read_text())
        (folder / "session.json").write_text(json.dumps(info | {"copy": number}))


def run(root: Path, out: Path, *options: str) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds of it and its workers, and the main process's peak memory in MB."""
    adopt_orphans()
    before = {child.pid for child in psutil.Process().children()}
    began = time.perf_counter()
    process = subprocess.Popen([*COMMAND, str(root), "--out", str(out), *options], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - began
    if status:
        raise SystemExit(f"the command failed with status {status}")
    busy_s = usage.ru_utime + usage.ru_stime
    for orphan in psutil.Process().children():  # what its workers were forked from tells what they took
        if orphan.pid not in before:
            _, _, theirs = os.wait4(orphan.pid, 0)
            busy_s += theirs.ru_utime + theirs.ru_stime
    return took_s, busy_s, usage.ru_maxrss / 1024.0


def adopt_orphans() -> None:
    """Let Linux give us the children of a child that has ended; elsewhere the command waits for all of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextmanager
def cluster(n_workers: int) -> Iterator[tuple[str, str]]:
    """A Dask cluster of its own processes, as a lab has one running; gives the command's options for it."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=n_workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as lab:
        yield "--scheduler", lab.scheduler_address


@contextmanager
def own_workers(n_workers: int) -> Iterator[tuple[str, str]]:
    """The options for worker processes of the command's own."""
    yield "--workers", str(n_workers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=24)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scheduler", action="store_true")
    given = parser.parse_args()
    workers_of = cluster if given.scheduler else own_workers
    load_before = os.getloadavg()[0]
    runs = {
        ("one worker", "few"): 1,
        ("one worker", "all"): 1,
        ("two workers", "few"): 2,
        ("two workers", "all"): 2,
    }
    walls: dict[tuple[str, str], list[float]] = {name: [] for name in (*runs, ("nothing to do", "all"))}
    busy: dict[tuple[str, str], list[float]] = {name: [] for name in walls}
    memory_mb = 0.0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "in"
        make_sessions(root, given.sessions, given.minutes)
        run(root, Path(place) / "warm", "--limit", "1", "--workers", "1")
        for turn in range(given.repeats):
            for number, (name, n_workers) in enumerate((*runs.items(), (("nothing to do", "all"), 2))):
                out = Path(place) / f"out-{turn}-{min(number, 3)}"
                limit = ("--limit", str(n_workers)) if name[1] == "few" else ()
                with workers_of(n_workers) as options:
                    if given.scheduler:
                        run(root, Path(place) / f"warm-{turn}-{number}", "--limit", "2", *options)
                    wall_s, busy_s, used_mb = run(root, out, *options, *limit)
                walls[name].append(wall_s)
                busy[name].append(busy_s)
                memory_mb = max(memory_mb, used_mb)
    wall_s = {name: statistics.median(values) for name, values in walls.items()}
    busy_s = {name: statistics.median(values) for name, values in busy.items()}
    workers = {"one worker": 1, "two workers": 2}
    more = {name: given.sessions - n for name, n in workers.items()}
    each_s = {name: (wall_s[name, "all"] - wall_s[name, "few"]) / more[name] for name in workers}
    costs_s = {name: (busy_s[name, "all"] - busy_s[name, "few"]) / more[name] for name in workers}
    result = {
        "sessions": given.sessions,
        "minutes_each": given.minutes,
        "wall_s": {" ".join(name): [round(value, 2) for value in values] for name, values in walls.items()},
        "processor_s": {" ".join(name): round(value, 2) for name, value in busy_s.items()},
        "start_up_s": {name: round(wall_s[name, "few"] - each_s["one worker"], 2) for name in workers},
        "wall_s_a_session_after_start_up": {name: round(value, 3) for name, value in each_s.items()},
        "processor_s_a_session_after_start_up": {name: round(value, 3) for name, value in costs_s.items()},
        "speed_up_1_to_2": round(wall_s["one worker", "all"] / wall_s["two workers", "all"], 2),
        "speed_up_1_to_2_after_start_up": round(each_s["one worker"] / each_s["two workers"], 2),
        "main_process_peak_mb": round(memory_mb),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before_and_after": [round(load_before, 1), round(os.getloadavg()[0], 1)],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
