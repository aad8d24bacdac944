"""Real processes, really killed: what was committed stays, what was not is gone whole, nobody waits long."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.records import open_store
from tallrun.store import Store
from tallrun.store.models import PainRow, RunRow

WRITER = """
import sys, time
from datetime import datetime, timedelta, UTC
from tallrun.recovery.model import PainScore, RunSession
from tallrun.store import Store
folder, runner, name, count = sys.argv[1:5]
start = datetime(2026, 3, 1, tzinfo=UTC)
with Store.open(folder) as store:
    print("ready", flush=True)
    for i in range(int(count)):
        at = start + timedelta(minutes=i)
        run = RunSession(f"{name}-{i}", at, at + timedelta(seconds=30))
        scores = [PainScore("", at, "during", 2, side="right", session_id=run.session_id) for _ in range(3)]
        began = time.perf_counter()
        store.add_run(runner, run, scores, by=name, now=at)
        print(run.session_id, round(time.perf_counter() - began, 4), flush=True)
"""
OPENER = (
    "import sys; from tallrun.store import Store; print('go', flush=True); Store.open(sys.argv[1]).close()"
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def _start(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)


def _is_sound(folder: Path) -> bool:
    connection = sqlite3.connect(folder / "tallrun.sqlite")
    try:
        return (
            connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            and connection.execute("PRAGMA foreign_key_check").fetchall() == []
        )
    finally:
        connection.close()


def test_a_killed_process_loses_nothing_committed(tmp_path: Path) -> None:
    seed = 20260301
    print(f"seed {seed}")
    instants = random.Random(seed)
    store, runner = open_store(tmp_path)
    store.close()
    committed: set[str] = set()
    for life in range(6):
        child = _start(WRITER, str(tmp_path), runner, f"life{life}", "100000")
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(instants.uniform(0.005, 0.2))
        child.send_signal(signal.SIGKILL)
        said, _ = child.communicate(timeout=20)
        assert child.returncode == -signal.SIGKILL
        # The last line may be torn; a run is committed before its line is written.
        committed |= {line.split()[0] for line in said.splitlines() if len(line.split()) == 2}
        assert _is_sound(tmp_path)
        with Store.open(tmp_path) as store:
            runs = {row.session_id for row in store.entries(RunRow, runner)}
            scores = [row.session_id for row in store.entries(PainRow, runner)]
        assert committed <= runs
        # A run and its three scores are one user action: never one without the others.
        assert sorted(scores) == sorted(list(runs) * 3)
    assert len(committed) > 20


def test_a_process_killed_while_the_database_is_made_leaves_one_that_opens(tmp_path: Path) -> None:
    for trial, delay_s in enumerate((0.0, 0.01, 0.02, 0.04, 0.08)):
        folder = tmp_path / str(trial)
        child = _start(OPENER, str(folder))
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=20)
        with Store.open(folder) as store:
            assert store.runner_codes() == {}
        assert _is_sound(folder)


def test_two_processes_write_side_by_side(tmp_path: Path) -> None:
    count = 40
    folder = tmp_path / "records"
    first_open = [_start(OPENER, str(folder)) for _ in range(2)]  # both make the same new database
    for child in first_open:
        child.communicate(timeout=20)
        assert child.returncode == 0
    store, runner = open_store(folder)
    with store:
        writers = [_start(WRITER, str(folder), runner, name, str(count)) for name in ("phone", "desk")]
        slowest_read_s = 0.0
        while any(child.poll() is None for child in writers):
            began = time.perf_counter()
            runs = store.runs(runner)
            scores = store.entries(PainRow, runner)
            slowest_read_s = max(slowest_read_s, time.perf_counter() - began)
            assert len(scores) >= 3 * len(runs)
            time.sleep(0.02)
        said = [child.communicate(timeout=20)[0] for child in writers]
        assert [child.returncode for child in writers] == [0, 0]
        assert len(store.runs(runner)) == 2 * count
        assert len(store.entries(PainRow, runner)) == 6 * count
    waits_s = [float(line.split()[1]) for text in said for line in text.splitlines()[1:]]
    print(f"slowest write {max(waits_s):.3f} s, slowest read {slowest_read_s:.3f} s")
    assert max(waits_s) < 2.0
    assert slowest_read_s < 2.0
    assert _is_sound(folder)
