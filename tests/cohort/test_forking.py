"""Workers are forked from a process that has loaded, once, what they need: what it loads, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from support import cohort_work
from support.cohort_work import bare_session
from tallrun.cohort import CohortOptions, run_cohort
from tallrun.cohort.cluster import open_pool
from tallrun.cohort.forking import ONE_THREAD, begin_loading

ROOT = Path(__file__).resolve().parents[2]
#: ``pyarrow.compute`` comes with the ways of Arrow that go through pandas, ``numpy.ma`` with numpy's percentiles.
NOT_NEEDED = {"numba", "numpy.ma", "pandas", "pyarrow.compute", "scipy"}
LOADED_ONCE = {
    "distributed.worker",
    "llvmlite.binding",
    "pyarrow.parquet",
    "tallrun.gait.foot",
    "tallrun.cohort.row",
}

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="workers load for themselves elsewhere")


def python(code, *words):
    """Run code in a process of its own; return what it prints as JSON in its last line."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def compiled():
    """Kernels that lie compiled on the disk: what compiles loads numba."""
    python("from tallrun.cli.output import get_engine_ready; get_engine_ready(); print(1)")


@linux_only
def test_a_worker_has_everything_before_its_first_session(compiled):
    code = (
        "import json, sys\n"
        "from support.cohort_work import modules_around\n"
        "from tallrun.cohort.cluster import open_pool\n"
        "with open_pool(1) as pool:\n"
        "    [(_, told, why)] = pool.run(modules_around, [('one', (sys.argv[1],))])\n"
        "print(json.dumps(told))\n"
    )
    before, after = map(set, python(code, ROOT / "recordings" / "one_foot"))
    assert before >= LOADED_ONCE
    assert not after & NOT_NEEDED
    assert not [name for name in after - before if name.startswith("tallrun.gait")]


def test_the_main_process_loads_what_it_needs(compiled, tmp_path):
    code = (
        "import json, sys\n"
        "from tallrun.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(json.dumps([end.code, *sys.modules]))\n"
    )
    (tmp_path / "in").symlink_to(ROOT / "recordings")
    status, *modules = python(code, "cohort", tmp_path / "in", "--out", tmp_path / "out", "--limit", 1)
    assert status == 0
    assert "tallrun.cohort.assemble" in modules
    assert not set(modules) & NOT_NEEDED
    assert (tmp_path / "out" / "sessions.csv").exists()


@linux_only
def test_workers_are_forked_from_a_process_of_one_thread(compiled):
    code = (
        "import json, psutil\n"
        "from tallrun.cohort.cluster import open_pool\n"
        "from tallrun.cohort.forking import ONE_THREAD\n"
        "with open_pool(2):\n"
        "    children = psutil.Process().children()\n"
        "    (home,) = [item for item in children if 'tallrun.cohort.preload' in ' '.join(item.cmdline())]\n"
        "    n_threads, workers = home.num_threads(), home.children()\n"
        "    told = [{name: item.environ().get(name) for name in ONE_THREAD} for item in workers]\n"
        "_, alive = psutil.wait_procs(workers, timeout=10)\n"
        "print(json.dumps([n_threads, told, len(alive)]))\n"
    )
    assert python(code) == [1, [ONE_THREAD] * 2, 0]


@linux_only
def test_a_process_that_forks_for_something_else_already_has_workers_all_the_same(compiled):
    """A process has one fork server; reading a stranger's file beside other threads starts it first, for itself."""
    code = (
        "import json, sys, threading\n"
        "from pathlib import Path\n"
        "from support.cohort_work import modules_around, n_words\n"
        "from tallrun.cohort.cluster import open_pool\n"
        "from tallrun.sessions.door import behind_door\n"
        "wait = threading.Event()\n"
        "threading.Thread(target=wait.wait, daemon=True).start()\n"
        "read = lambda: behind_door(n_words, Path(sys.argv[1]) / 'session.json', most_bytes=10**6)\n"
        "first = read()\n"
        "with open_pool(2) as pool:\n"
        "    [(_, told, why)] = pool.run(modules_around, [('one', (sys.argv[1],))])\n"
        "    print(json.dumps([first, read(), bool(told), why]))\n"
    )
    first, again, told, why = python(code, ROOT / "recordings" / "one_foot")
    assert first == again > 0
    assert told
    assert why is None


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_workers_load_for_themselves(monkeypatch, system):
    monkeypatch.setattr("tallrun.cohort.forking.sys.platform", system)
    monkeypatch.setattr(forkserver, "ensure_running", lambda: pytest.fail("a fork server was started"))
    assert not begin_loading()


def test_where_that_process_cannot_start_workers_load_for_themselves(tmp_path, monkeypatch):
    for number in range(3):
        bare_session(tmp_path / "in" / f"s{number}", n=number)

    def refuse():
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(forkserver, "ensure_running", refuse)
    options = CohortOptions(tmp_path / "in", tmp_path / "out", 2)
    report = run_cohort(options, lambda label: nullcontext(lambda share: None), analyse=cohort_work.made_up)
    assert report["counts"]["ok"] == 3


@linux_only
def test_the_process_that_starts_it_keeps_its_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    assert begin_loading()
    assert dict(os.environ) == before


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.4])
@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
def test_ctrl_c_while_all_is_loaded_is_one_line_and_leaves_nothing_running(compiled, tmp_path, seconds):
    for number in range(40):  # more than can be done meanwhile
        folder = tmp_path / "in" / f"s{number}"
        shutil.copytree(ROOT / "recordings" / "one_foot", folder)
        info = json.loads((folder / "session.json").read_text())
        (folder / "session.json").write_text(json.dumps(info | {"copy": number}))
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job begins without it
        "from tallrun.cli import main\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "cohort", str(tmp_path / "in"), "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    until = time.monotonic() + 30.0
    while not (children := psutil.Process(process.pid).children(recursive=True)):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(seconds)
    children += psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C: every process gets it
    said = process.communicate(timeout=30)[1]
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    assert process.returncode == 130
    assert said.startswith("tallrun: stopped")
    assert said.count("\n") == 1


def test_a_stranger_with_another_certificate_is_not_let_in():
    from distributed import Client
    from distributed.security import Security

    with open_pool(1) as pool:
        address = pool._client.scheduler_info()["address"]
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(OSError, match="TLS certificate does not match"):
            Client(address, security=Security.temporary(), timeout=1.0, set_as_default=False)


def test_a_worker_goes_on_while_the_result_before_is_used_but_not_far(tmp_path):
    paths = [str(tmp_path / str(number)) for number in range(5)]
    with open_pool(1) as pool:
        found = pool.run(cohort_work.begun, ((path, (path,)) for path in paths))
        assert next(found)[1] == paths[0]
        until = time.monotonic() + 10.0
        while not Path(paths[1]).exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.3)
        assert not Path(paths[2]).exists()  # what is done and not yet used must not pile up
        assert [result for _, result, _ in found] == paths[1:]


def test_an_error_of_the_list_of_work_comes_out(tmp_path):
    def work():
        for number in range(4):
            yield str(number), (str(tmp_path / str(number)),)
        raise RuntimeError("no more of it")

    with open_pool(1) as pool, pytest.raises(RuntimeError, match="no more of it"):
        list(pool.run(cohort_work.begun, work()))
