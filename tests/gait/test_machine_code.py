"""Kernels as machine code in files: what it follows from, what it may do, and that nothing compiles in a run."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tallrun import machine_code
from tallrun.gait import compiling
from tallrun.gait.entry import Entry, Held
from tallrun.gait.kernel_key import key_of
from tallrun.gait.kernels import inlined, kernel, matrix, new_record, vector

ROOT = Path(__file__).resolve().parents[2]
FACTOR = 3.0


class _Box(NamedTuple):
    known: np.recarray
    table: np.ndarray
    share: float
    n: int


@inlined
def _scaled(value):
    return FACTOR * value


@kernel
def _work_on(values, box, weight, is_twice):
    """Uses all that an entry may be handed."""
    total, seen = vector(3), matrix(2, 2)
    for i in range(values.shape[0]):
        total[i % 3] += weight * _scaled(values[i])
    for _ in range(2):
        again = vector(2)
        again[0] += 1.0
        seen[1, 1] += again[0]
    box.known[0].count += box.n
    box.known[0].top = total[0]
    box.table[1, 0] = box.share + seen[1, 1]
    box.table[0, 1] = total[1] / (total[2] - total[2])
    return total[2] * (2.0 if is_twice else 1.0)


def boxed():
    return _Box(new_record(floats="top", ints="count"), np.zeros((2, 2)), 0.25, 7)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_machine_code_does_what_python_does(folder):
    ours, theirs, values = boxed(), boxed(), np.arange(8.0)
    found = Entry(_work_on, float)(values, Held(ours), 0.5, True)
    assert found == _work_on(values, theirs, 0.5, True) == 21.0
    assert (ours.known[0].count, ours.known[0].top) == (7, theirs.known[0].top)
    assert ours.table.tolist() == theirs.table.tolist() == [[0.0, math.inf], [2.25, 0.0]]


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch):
    monkeypatch.setattr(Path, "replace", lambda *names: (_ for _ in ()).throw(OSError("full")))
    assert Entry(_work_on, float)(np.arange(8.0), boxed(), 0.5, True) == 21.0
    assert not list(folder.iterdir())


def test_a_file_is_loaded_and_a_damaged_one_made_anew(folder, monkeypatch):
    made = []
    real = compiling.compiled
    monkeypatch.setattr(compiling, "compiled", lambda *given: made.append(1) or real(*given))

    def run():
        return Entry(_work_on, float)(np.arange(8.0), boxed(), 0.5, True)

    assert (run(), run(), len(made)) == (21.0, 21.0, 1)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    other = hashlib.sha256(b"another.o" + whole[32:]).digest() + whole[32:]  # right for another name
    for damaged in (b"", whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], other):
        file.write_bytes(damaged)
        assert run() == 21.0
        assert machine_code._read(file) is not None
    assert len(made) == 5
    assert [item.suffix for item in folder.iterdir()] == [".o"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(file / "no folder"))
    assert run() == 21.0


def test_other_types_are_other_machine_code(folder):
    for values in (np.arange(8.0), np.arange(8)):
        assert Entry(_work_on, float)(values, boxed(), 0.5, True) == 21.0
    assert len(list(folder.iterdir())) == 2
    with pytest.raises(TypeError, match="C order"):
        Entry(_work_on, float)(np.arange(16.0)[::2], boxed(), 0.5, True)
    with pytest.raises(TypeError, match="returns float64"):
        Entry(_work_on, int)(np.arange(8.0), boxed(), 0.5, True)


def test_the_key_follows_what_is_compiled_in_and_nothing_else(monkeypatch):
    before = key_of(_work_on)
    assert FACTOR == 3.0
    monkeypatch.setitem(globals(), "FACTOR", 4.0)  # named by a kernel that it calls
    assert key_of(_work_on) != before


class _One(NamedTuple):
    first: np.ndarray
    second: np.ndarray


class _Other(NamedTuple):
    second: np.ndarray
    first: np.ndarray


_Other.__qualname__ = _One.__qualname__


@kernel
def _first_of_two(pair):
    return pair.first[0]


def test_fields_in_another_order_are_other_machine_code(folder):
    one, two = np.ones(1), np.full(1, 2.0)
    assert Entry(_first_of_two, float)(_One(one, two)) == Entry(_first_of_two, float)(_Other(two, one)) == 1.0
    assert len(list(folder.iterdir())) == 2


def test_numbers_of_numpy_and_arrays_that_are_kept_from_writing_are_no_other_machine_code(folder):
    frozen = np.arange(8.0)
    frozen.flags.writeable = False
    for values, weight in ((np.arange(8.0), 0.5), (frozen, np.float64(0.5))):
        assert Entry(_work_on, float)(values, boxed(), weight, True) == 21.0
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(TypeError, match="not str"):
        Entry(_work_on, float)(np.arange(8.0), boxed(), "0.5", True)


def test_words_are_no_machine_code():
    functions = []
    for text in ('"""Words."""', '"""Others."""\n    # and more'):
        room = {"__name__": "room"}
        exec(f"def one(a):\n    {text}\n    return a + 1.0\n", room)
        functions.append(kernel(room["one"]))
    assert key_of(functions[0]) == key_of(functions[1])


@kernel
def _raises(values):
    if values[0] > 0.0:
        raise ValueError("no")


@kernel
def _calls_out(values):
    print(values[0])


def test_a_kernel_that_raises_is_noticed(folder):
    entry = Entry(_raises)
    entry(np.zeros(8))
    with pytest.raises(RuntimeError, match=r"_raises.* failed with status 1"):
        entry(np.ones(8))


def test_what_needs_numba_to_run_is_refused_when_it_is_compiled(folder):
    with pytest.raises(TypeError, match="not there without numba"):
        Entry(_calls_out)(np.arange(8.0))
    assert not list(folder.iterdir())


def test_scratch_is_bounded():
    assert matrix(2, 3).shape == (2, 3)
    for shape in ((40,), (2, 2)):
        with pytest.raises(ValueError, match="at most 32 numbers"):
            vector(*shape)


def test_numba_goes_on_as_before_after_an_entry_was_compiled(tmp_path):
    """Nothing half made is left in its engine, which would be finished by whoever compiles next."""
    code = """
import gc
import numpy as np
from numba import njit
from tallrun.gait.entry import Entry
from tallrun.gait.kernels import kernel
@kernel
def double(values):
    return 2.0 * values[0]
entry = Entry(double, float)
assert entry(np.ones(3)) == 2.0
del entry, double
gc.collect()
print(njit(lambda a: a + 1)(3))
"""
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("4", "")


def test_no_run_waits_for_a_compiler_and_none_loads_numba():
    """All kinds of sensors, once everything is warm: nothing is compiled, whatever the engines are handed."""
    code = """
import sys
from pathlib import Path
from dataclasses import replace
from tallrun.gait import kernels
from tallrun.gait.warm import warm_up
warm_up()
sys.modules["tallrun.gait.compiling"] = None
from tallrun.pipeline import analyse
from tallrun.sessions import read_session
for name in ("demo_treadmill", "one_foot"):
    recording = read_session(Path(sys.argv[1]) / name)
    analyse(recording, record_waves=True).tables
    bare = {
        key: replace(item, gyr_radps=None, spec=replace(item.spec, has_gyroscope=False))
        for key, item in recording.sensors.items()
    }
    analyse(replace(recording, sensors=bare)).tables
print(sorted({"numba", "scipy.linalg"} & set(sys.modules)))
"""
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    subprocess.run(
        [sys.executable, "-c", "from tallrun.gait.warm import warm_up; warm_up()"], env=env, check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "recordings")],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_switched_off_is_plain_python(monkeypatch):
    monkeypatch.setattr(machine_code, "IS_OFF", True)
    monkeypatch.setattr(machine_code, "load", None)
    with np.errstate(divide="ignore"):
        assert Entry(_work_on, float)(np.arange(8.0), Held(boxed()), 0.5, True) == 21.0
