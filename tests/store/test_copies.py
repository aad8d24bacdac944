"""Copies of the records do not outlive the program that made them, are nobody's to guess, and lead nowhere else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from support.records import NOW, open_store, score
from tallrun.errors import StoreError
from tallrun.sessions import write_text
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
from tallrun.store.erase import erase
from tallrun.store.location import open_new
from tallrun.store.work import clean_leftovers, work_folder

KILLS = int(os.environ.get("TALLRUN_KILLS", "8"))
WORKER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
what, home, file = sys.argv[1:4]
with Store.open(home) as store:
    print("ready", flush=True)
    for number in range(10_000):
        if what == "backup":
            back_up(store, Path(f"{file}-{number}"), datetime(2026, 3, 1, tzinfo=UTC))
        else:
            restore(store, Path(file), datetime(2026, 3, 1, tzinfo=UTC), replace=True)
"""
SECRET = "Lindenlaan 4, a secret"


def everything_in(folder: Path) -> bytes:
    out = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            out.append(path.read_bytes())
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    out += [archive.read(name) for name in archive.namelist()]
    return b"\n".join(out)


def filled(folder: Path) -> str:
    store, runner = open_store(folder)
    with store:
        for _ in range(30):
            store.add(runner, score(2, provoked_by=SECRET), by="runner", now=NOW)
    for number in range(3):
        session = folder / "sessions" / f"s{number}"
        session.mkdir(parents=True)
        (session / "session.json").write_text(f'{{"format": "tallrun-session", "session_id": "{uuid4()}"}}')
        (session / "packets.arrow").write_bytes(SECRET.encode() + random.Random(number).randbytes(200_000))
    return runner


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_what_a_killed_backup_or_restore_left_is_cleaned_and_erased(tmp_path: Path, what: str) -> None:
    home, vault = tmp_path / "records", tmp_path / "vault"
    vault.mkdir()
    filled(home)
    with Store.open(home) as store:
        back_up(store, vault / "b.zip", NOW)
    instants = random.Random(5)
    left_over = 0
    for kill in range(KILLS):
        target = vault / f"k{kill}" if what == "backup" else vault / "b.zip"
        child = subprocess.Popen([sys.executable, "-c", WORKER, what, str(home), str(target)],
                                 stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(instants.uniform(0.0, 0.4))
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=20)
        left_over += len(list(tmp_path.rglob(".tallrun-*")))
        if kill % 2:
            with Store.open(home) as store:
                assert len(store.history(store.find_runner()).scores) == 30
            assert list(tmp_path.rglob(".tallrun-*")) == []
        for copy in home.glob("before-restore-*.zip"):
            assert zipfile.ZipFile(copy).testzip() is None
            copy.unlink()
    print(f"{left_over} leftovers in {KILLS} kills")
    assert all((home / "sessions" / f"s{number}" / "session.json").is_file() for number in range(3))
    for path in vault.glob("k*"):
        assert zipfile.ZipFile(path).testzip() is None, "a backup has its name only when it is whole"
    with Store.open(home) as store:
        receipt = erase(store, NOW)
    assert receipt.complete
    assert SECRET.encode() not in (everything_in(home) if home.exists() else b"")
    assert list(tmp_path.rglob(".tallrun-*")) == []


def test_a_copy_in_use_is_left_alone_and_the_receipt_says_so(tmp_path: Path) -> None:
    home = tmp_path / "records"
    filled(home)
    with work_folder(home) as folder:
        with Store.open(home) as store:
            assert folder.is_dir()
            receipt = erase(store, NOW)
        assert not receipt.complete
        assert [item["path"] for item in receipt.left if item["asked"]] == [str(folder)]
    assert not folder.exists()


def test_leftovers_of_earlier_versions_go_and_look_alikes_stay(tmp_path: Path) -> None:
    home, outside = tmp_path / "records", tmp_path / "outside"
    filled(home)
    outside.mkdir()
    (outside / "tallrun.sqlite").write_text("mine")
    for name in (".restore-abc_1234", ".tallrun-abcd1234"):
        (home / name).mkdir()
        (home / name / "tallrun.sqlite").write_bytes((home / "tallrun.sqlite").read_bytes())
    (home / "b.zip.tmp").write_text("half")
    keep = [home / ".restore-notes", home / "my.zip", home / ".tallrun-config"]
    for path in keep:
        path.write_text("mine")
    links = [home / f".tallrun-{'a' * 32}", home / ".restore-abcd1234"]
    for link in links:
        link.symlink_to(outside)
    forged = home / f".tallrun-{'b' * 32}.note"
    forged.write_text(str(outside))
    far = tmp_path / "elsewhere" / f".tallrun-{'c' * 32}"
    far.mkdir(parents=True)
    (far / "holiday.jpg").write_text("mine")
    (home / f"{far.name}.note").write_text(str(far))
    removed = {path.name for path in clean_leftovers(home).removed}
    assert removed == {".restore-abc_1234", ".tallrun-abcd1234", "b.zip.tmp"}
    assert all(path.exists() for path in (*keep, outside / "tallrun.sqlite", far / "holiday.jpg"))
    assert all(link.is_symlink() for link in links)


def test_temporary_files_are_made_anew_for_their_owner_and_never_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling", "victim"):
        with pytest.raises(FileExistsError):
            open_new(tmp_path / name)
    write_text(tmp_path / "link", "ours")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").stat().st_mode & 0o077 == 0
    names = set()
    for _ in range(20):
        with work_folder(tmp_path) as folder:
            assert folder.stat().st_mode & 0o077 == 0
            names.add(folder.name)
    assert len(names) == 20


def test_a_backup_does_not_write_through_a_link(tmp_path: Path) -> None:
    home = tmp_path / "records"
    filled(home)
    (tmp_path / "b.zip").symlink_to(tmp_path / "nowhere")
    with Store.open(home) as store, pytest.raises(StoreError, match="exists already"):
        back_up(store, tmp_path / "b.zip", NOW)
    assert not (tmp_path / "nowhere").exists()


def test_a_restored_copy_elsewhere_opens_every_session(tmp_path: Path) -> None:
    home = tmp_path / "records"
    runner = filled(home)
    with Store.open(home) as store:
        for number in range(3):
            folder = home / "sessions" / f"s{number}"
            from tallrun.store.takeover import session_id_in

            store.index_session(runner, session_id=session_id_in(folder) or "", started_at=NOW, folder=folder,
                                duration_s=1.0, context={}, summary={})  # fmt: skip
        back_up(store, tmp_path / "b.zip", NOW)
    # Another machine: the old folder is not there, and one name is taken by another session.
    home.rename(tmp_path / "gone")
    (tmp_path / "new" / "sessions" / "s1").mkdir(parents=True)
    (tmp_path / "new" / "sessions" / "s1" / "session.json").write_text(
        f'{{"format": "tallrun-session", "session_id": "{uuid4()}"}}'
    )
    with Store.open(tmp_path / "new") as store:
        restore(store, tmp_path / "b.zip", NOW)
        rows = store.sessions(runner)
        assert len(rows) == 3
        for row in rows:
            assert session_id_in(row.folder) == row.session_id
        assert {row.folder.name for row in rows} == {"s0", "s1-2", "s2"}
        receipt = erase(store, NOW, runner_id=runner)
    assert receipt.complete
    assert [path.name for path in (tmp_path / "new" / "sessions").iterdir()] == ["s1"]
    assert (tmp_path / "gone" / "sessions" / "s0" / "session.json").is_file()


def test_restores_in_one_second_each_keep_their_safety_copy(tmp_path: Path) -> None:
    filled(tmp_path / "records")
    with Store.open(tmp_path / "records") as store:
        back_up(store, tmp_path / "b.zip", NOW)
        for _ in range(3):
            restore(store, tmp_path / "b.zip", NOW, replace=True)
    assert len(list((tmp_path / "records").glob("before-restore-*.zip"))) == 3
