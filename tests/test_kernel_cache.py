"""Compiled kernels are kept under the text of their sources, for commands and library users alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import tallrun
from tallrun import machine_code
from tallrun.kernel_cache import (
    KERNEL_ROOMS,
    NUMBA_ROOMS,
    is_ready,
    kernel_fingerprint,
    prepare,
    remove_unused,
)
from tallrun.machine_code import version_of

PACKAGE = Path(tallrun.__file__).parent


@pytest.fixture
def clone(tmp_path):
    for room in KERNEL_ROOMS:
        shutil.copytree(PACKAGE / room, tmp_path / room)
    shutil.copy(PACKAGE / "units.py", tmp_path)
    for source in tmp_path.rglob("*.py"):
        os.utime(source, (0, 0))
    return tmp_path


def test_every_room_with_compiled_code_counts():
    with_kernels = {
        path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if "njit" in path.read_text()
    }
    assert with_kernels <= {*NUMBA_ROOMS, "gait"}


def test_a_clone_has_the_same_kernels_whenever_it_was_made(clone):
    assert kernel_fingerprint(KERNEL_ROOMS, clone) == kernel_fingerprint(KERNEL_ROOMS, PACKAGE)


@pytest.mark.parametrize("where", [*(f"{room}/*.py" for room in KERNEL_ROOMS), "units.py"])
def test_an_edited_helper_makes_other_kernels(clone, where):
    source = max(clone.glob(where), key=lambda path: path.stat().st_size)
    text = source.read_text()
    at = next(i for i, letter in enumerate(text) if letter.isdigit())
    source.write_text(text[:at] + str(9 - int(text[at])) + text[at + 1 :])  # same size
    assert kernel_fingerprint(KERNEL_ROOMS, clone) != kernel_fingerprint(KERNEL_ROOMS, PACKAGE)


@pytest.mark.parametrize("order", ["numba, tallrun", "tallrun, numba"])
def test_a_library_user_gets_the_same_cache(order):
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    told = subprocess.run(
        [sys.executable, "-c", f"import {order}; print(numba.config.CACHE_DIR)"],
        env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.strip().endswith(kernel_fingerprint())


def test_a_folder_the_user_chose_wins(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "chosen")
    tallrun.kernel_cache.use_kernel_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "chosen"


def test_half_compiled_is_said_and_not_ready(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tallrun.kernel_cache, "own_folder", lambda: tmp_path / "none")
    calls = []

    def breaks_off():
        (tmp_path / "gait").mkdir(exist_ok=True)
        (tmp_path / "gait" / "foot_kernel._one-1.py311.nbi").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(breaks_off)
    assert not is_ready()
    for load, n_calls in ((False, 1), (False, 1), (True, 2)):
        prepare(lambda: calls.append(1), load)
        assert is_ready()
        assert len(calls) == n_calls
    assert capsys.readouterr().err.count("Preparing") == 2  # broken off, and once more


def test_ready_is_what_is_there(monkeypatch, tmp_path, capsys):
    """A mark names the files it vouches for; one that was cut off, or whose files are gone, vouches for nothing."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tallrun.kernel_cache, "own_folder", lambda: tmp_path / "none")
    kept = tmp_path / "kernel-1.o"
    kept.touch()
    monkeypatch.setattr(machine_code, "LOADED", {kept, tmp_path / "elsewhere" / "kernel-2.o"})
    prepare(lambda: None)
    assert is_ready()
    (mark,) = tmp_path.glob("ready-*")
    whole = mark.read_text()
    for cut in ("", whole[:-1], whole.splitlines()[0]):
        mark.write_text(cut)
        assert not is_ready()
    mark.write_text(whole)
    monkeypatch.setattr(machine_code, "machine", lambda: "another processor")
    assert not is_ready()
    monkeypatch.undo()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert is_ready()
    kept.unlink()
    assert not is_ready()


def test_an_empty_setting_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(tallrun.kernel_cache, "own_folder", lambda: tmp_path)
    tallrun.kernel_cache.use_kernel_cache()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == tmp_path


def test_only_kernels_of_other_versions_that_nothing_uses_go(tmp_path):
    day_s, now_s = 86400.0, 1e9
    places = {"0" * 16: 31.0, "1" * 16: 29.0, "2" * 16: 400.0, "mine": 400.0, "f" * 15: 400.0}
    for name, days in places.items():
        (tmp_path / name / "gait").mkdir(parents=True)
        for item in ((tmp_path / name / "gait" / "kernel.nbi"), tmp_path / name / "gait", tmp_path / name):
            item.touch()
            os.utime(item, (now_s - days * day_s,) * 2)
    (tmp_path / ("a" * 16)).symlink_to(tmp_path / "mine")
    assert remove_unused(tmp_path, "2" * 16, now_s) == ["0" * 16]
    assert {item.name for item in tmp_path.iterdir()} == {*places, "a" * 16} - {"0" * 16}
    assert (tmp_path / "mine" / "gait" / "kernel.nbi").exists()


def test_the_compilers_version_is_that_of_its_package():
    for package in ("numba", "llvmlite"):
        assert version_of(package) == version(package)
    with pytest.raises(PackageNotFoundError):
        version_of("no_such_package")
