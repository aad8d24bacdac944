"""A damaged file, a full disk, a disk that may not be written: one clear line, and reading goes on where it can."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.records import NOW, open_store, run_at, score
from tallrun.errors import StoreError
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
from tallrun.store.erase import erase
from tallrun.store.models import ENTRY_MODELS

SPOILT = int(os.environ.get("TALLRUN_FUZZ_EXAMPLES", "40"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with some rows, closed."""
    folder = tmp_path_factory.mktemp("whole") / "records"
    store, runner = open_store(folder)
    with store:
        for number in range(40):
            store.add(
                runner, score(number % 5, provoked_by=f"stairs {number} \u00e9\u4e2d"), by="runner", now=NOW
            )
        store.add(runner, run_at(), by="runner", now=NOW)
        store.log_access(runner, "Dr Quill", "look", NOW)
    return folder


def read_all(store: Store) -> None:
    for runner in store.runner_codes().values():
        store.history(runner)
        store.access_log(runner)
        store.sessions(runner)
        for model in ENTRY_MODELS:
            store.entries(model, runner, every=True)


def spoilt(content: bytes, dice: random.Random) -> bytes:
    out = bytearray(content)
    page = 4096
    at = dice.randrange(len(out))
    match dice.randrange(5):
        case 0:
            del out[at:]
        case 1:
            for _ in range(dice.choice([1, 10, 300])):
                out[dice.randrange(len(out))] = dice.randrange(256)
        case 2:
            at -= at % page
            out[at : at + page] = dice.randbytes(page)
        case 3:
            length = dice.randrange(1, 3000)
            out[at : at + length] = bytes([dice.choice([0, 255, 0xC3, 65])]) * len(out[at : at + length])
        case _:
            # Text of the rows, which the file's structure does not notice.
            for word in (b"stairs", b"2026-03-02T", b"sit_bone", b"morning", b"Europe"):
                place = out.find(word, at)
                if place >= 0:
                    out[place : place + len(word)] = dice.randbytes(len(word))
    return bytes(out)


def test_whatever_is_damaged_is_one_line(whole: Path, tmp_path: Path) -> None:
    dice = random.Random(11)
    told = set()
    for trial in range(SPOILT):
        folder = tmp_path / str(trial)
        folder.mkdir()
        (folder / "tallrun.sqlite").write_bytes(spoilt((whole / "tallrun.sqlite").read_bytes(), dice))
        for act in (read_all, lambda store: back_up(store, tmp_path / "b.zip", NOW)):
            try:
                with Store.open(folder) as store:
                    act(store)
            except StoreError as error:
                told.add(str(error)[:24] if "\n" not in str(error) else "many lines")
            (tmp_path / "b.zip").unlink(missing_ok=True)
        try:
            with Store.open(folder) as store:
                receipt = erase(store, NOW)
        except StoreError as error:
            told.add(str(error)[:24])
        else:
            assert receipt.complete
            assert not folder.exists()
    assert any("damaged" in line for line in told)
    assert "many lines" not in told


def test_a_value_that_cannot_be_read_is_never_guessed(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "records")
    connection = sqlite3.connect(tmp_path / "records" / "tallrun.sqlite")
    connection.execute("DROP TRIGGER runs_never_edited")
    connection.execute("UPDATE runs SET live_rules = '{', at = 'soon'")
    connection.commit()
    connection.close()
    with Store.open(tmp_path / "records") as store:
        runner = store.find_runner()
        with pytest.raises(StoreError, match="damaged"):
            store.runs(runner)
        assert store.access_log(runner), "what is whole can still be read"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB, where this machine lets us make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = sys.platform == "linux" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3000k", "tmpfs", str(disk)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    if not made:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill_up(disk: Path) -> None:
    with (disk / "fill").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@pytest.mark.parametrize("has_log", [False, True])
def test_with_a_full_disk_reading_goes_on(
    whole: Path, small_disk: Path, tmp_path: Path, has_log: bool
) -> None:
    home = small_disk / "records"
    shutil.copytree(whole, home)
    expected = 40
    if has_log:  # a program was killed: what it committed last is in the log beside the database
        code = (
            "import os, sys; from support.records import NOW, score; from tallrun.store import Store\n"
            "store = Store.open(sys.argv[1])\n"
            "store.add(store.find_runner(), score(9), by='runner', now=NOW)\n"
            "os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", code, str(home)], check=True, cwd=Path(__file__).parents[1])
        (home / "tallrun.sqlite-shm").unlink()
        expected = 41
    fill_up(small_disk)
    with Store.open(home) as store:
        assert store.is_read_only
        runner = store.find_runner()
        assert len(store.history(runner).scores) == expected
        with pytest.raises(StoreError, match="disk is full"):
            store.add(runner, score(3), by="runner", now=NOW)
        assert len(store.history(runner).scores) == expected
        back_up(store, tmp_path / "b.zip", NOW)
    (small_disk / "fill").unlink()
    with Store.open(home) as store:
        assert not store.is_read_only
        store.add(runner, score(3), by="runner", now=NOW)
        assert len(store.history(runner).scores) == expected + 1
    with Store.open(tmp_path / "elsewhere") as other:
        restore(other, tmp_path / "b.zip", NOW)
        assert len(other.history(runner).scores) == expected
