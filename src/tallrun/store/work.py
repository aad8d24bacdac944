"""Temporary folders that hold copies of the records: private, unguessable, and found again after a crash.

A copy of the database must not outlive the program that made it, for a later erase would not know of it. Each such
folder holds a lock that only a living process keeps; one made outside the data folder is noted in the data folder
first. What a killed process left is removed when the records are opened the next time, and by an erase.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from tallrun.store.location import DATABASE_NAME, SIDE_FILES, open_new

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: a file that is open cannot be removed there, which serves as the lock
    fcntl = None

LOCK = "lock"
ARCHIVE = "archive.zip"
_ROOM_BYTES = 128 * 1024
_FOLDER = re.compile(r"\.tallrun-[0-9a-f]{32}")
_NOTE = re.compile(r"\.tallrun-[0-9a-f]{32}\.note")
#: What versions before this one left behind when they were killed.
_OLD_FOLDER = re.compile(r"\.(restore|tallrun)-[a-z0-9_]{8}")
_OLD_FILE = re.compile(r".+\.zip\.tmp|(pairing|standing(-emulated)?)\.tmp")
#: A work folder beside a backup holds nothing else; more is not touched there.
_BESIDE = frozenset({LOCK, ARCHIVE, DATABASE_NAME, *(DATABASE_NAME + end for end in SIDE_FILES)})


@dataclass
class Leftovers:
    """What a look for them found. busy : in use by a living process."""

    removed: list[Path] = field(default_factory=list)
    busy: list[Path] = field(default_factory=list)


@contextmanager
def work_folder(home: Path, beside: Path | None = None) -> Iterator[Path]:
    """Give a new private folder in the data folder, or in ``beside``; it is removed at the end. Raises OSError."""
    name = f".tallrun-{token_hex(16)}"
    folder = (beside or home).absolute() / name
    note = home / f"{name}.note" if beside is not None and not _same(beside, home) else None
    if note is not None:
        # A disk that is full may refuse it; a backup to another disk must still be possible.
        with suppress(OSError), os.fdopen(open_new(note), "wb") as file:
            file.write(os.fsencode(folder))
    lock = None
    try:
        lock = _claim(folder)
        yield folder
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)
        if note is not None:
            with suppress(OSError):
                note.unlink(missing_ok=True)


def _claim(folder: Path) -> int:
    """Make the folder and lock it; another program that cleans up may see it in between, so look again."""
    for _ in range(5):
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = open_new(folder / LOCK)
        except FileNotFoundError:
            continue
        with suppress(OSError):
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (folder / LOCK).exists():
                return lock
        os.close(lock)
    raise OSError(16, "the temporary folder cannot be locked", str(folder))


def clean_leftovers(home: Path) -> Leftovers:
    """Remove what killed processes left of their copies in the data folder and in places noted there."""
    found = Leftovers()
    try:
        with os.scandir(home) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(".") or "." in entry.name)
    except OSError:
        return found
    for name in names:
        path = home / name
        if path.is_symlink():
            continue
        if _FOLDER.fullmatch(name) or _OLD_FOLDER.fullmatch(name):
            _remove_folder(path, found)
        elif _NOTE.fullmatch(name):
            _follow(path, found)
        elif _OLD_FILE.fullmatch(name) and path.is_file():
            with suppress(OSError):
                path.unlink()
                found.removed.append(path)
    return found


def _follow(note: Path, found: Leftovers) -> None:
    """Remove the work folder a note names, if it is one of ours, and the note."""
    try:
        folder = Path(os.fsdecode(note.read_bytes()))
    except OSError:
        return
    is_ours = folder.is_absolute() and f"{folder.name}.note" == note.name and not folder.is_symlink()
    if is_ours and folder.is_dir():
        try:
            if not {path.name for path in folder.iterdir()} <= _BESIDE:
                return
        except OSError:
            return
        _remove_folder(folder, found)
        if folder.exists():
            return
    with suppress(OSError):
        note.unlink()


def _remove_folder(folder: Path, found: Leftovers) -> None:
    if not folder.is_dir():
        return
    if _is_in_use(folder):
        found.busy.append(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        found.removed.append(folder)


def _is_in_use(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def has_room(folder: Path) -> bool:
    """Tell whether a disk takes the few pages SQLite needs beside a database, by trying."""
    probe = folder / f".tallrun-{token_hex(16)}.note"
    try:
        with os.fdopen(open_new(probe), "wb") as file:
            file.write(bytes(_ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink()
    return True
