"""Backup to one file, and back.

The file is a zip: ``manifest.json`` (what is inside, with hashes), ``tallrun.sqlite`` (a consistent copy taken
while others may be writing) and the session folders. Restoring writes through SQLite's own copying, so a
program that has the records open sees either the old or the new ones, never a mixture.

A backup may have been made or changed by a stranger: what it says is copied row by row into a new database of
ours, every value is checked, and no path in it is believed (``takeover``).
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from tallrun.bounded_file import BoundedFile
from tallrun.errors import StoreError
from tallrun.store.location import (
    DATABASE_NAME,
    SESSIONS_FOLDER,
    is_safe_name,
    kept_place,
    make_private_file,
    make_private_folder,
    open_new,
)
from tallrun.store.schema import HEAD, ensure_schema
from tallrun.store.store import Store
from tallrun.store.takeover import Places, session_places, take_over
from tallrun.store.work import ARCHIVE, work_folder

FORMAT = "tallrun-backup"
VERSION = 1
MANIFEST = "manifest.json"
SAFETY_COPY = "before-restore-"
MAX_TOTAL_BYTES = 200 * 2**30
MAX_FILES = 200_000
MAX_MANIFEST_BYTES = 64 * 2**20
#: Text of a database shrinks about eight times, signals hardly; a file that grows more than this is no backup.
MAX_RATIO = 40
FREE_BYTES = 8 * 2**20
_CHUNK = 2**20
_MAX_READ_BYTES = 64 * 2**20
_BROKEN = (
    OSError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, ValueError, TypeError, AttributeError,
    RuntimeError, NotImplementedError, OverflowError, RecursionError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class BackupResult:
    """What a backup or restore moved: the file, bytes, and number of session files."""

    path: Path
    size_bytes: int
    session_files: int
    safety_copy: Path | None = None


def back_up(store: Store, target: Path, now: datetime, *, with_sessions: bool = True) -> BackupResult:
    """Write everything to one file readable by its owner only.

    target : must not exist yet. The file appears under its name only when it is complete.
    Raises StoreError when it exists, cannot be written, or the records are on a database server.
    """
    database = _database_of(store)
    home = store.folder or database.parent
    if os.path.lexists(target):
        raise StoreError(f"{target} exists already; a backup never overwrites, choose another name")
    try:
        with work_folder(home, target.absolute().parent) as folder:
            copy = folder / DATABASE_NAME
            make_private_file(copy)
            _copy_records(store, copy)
            _rebuild(copy)
            files = {DATABASE_NAME: copy}
            if with_sessions and store.folder is not None:
                files |= dict(_session_files(store.folder))
            write_archive(folder / ARCHIVE, files, now)
            _publish(folder / ARCHIVE, target)
    except FileExistsError as error:
        raise StoreError(
            f"{target} exists already; a backup never overwrites, choose another name"
        ) from error
    except OSError as error:
        raise StoreError(f"the backup could not be written to {target}: {error.strerror or error}") from error
    return BackupResult(target, target.stat().st_size, len(files) - 1)


def write_archive(path: Path, files: Mapping[str, Path], now: datetime) -> None:
    """Write a new archive of these files with its manifest, and force it to disk. Raises OSError."""
    with os.fdopen(open_new(path), "wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            hashes = {name: _add(archive, name, source) for name, source in files.items()}
            manifest = {
                "format": FORMAT, "version": VERSION, "schema": HEAD, "made_at": now.isoformat(), "files": hashes,
            }  # fmt: skip
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        out.flush()
        os.fsync(out.fileno())


def _free_name(folder: Path, stem: str) -> Path:
    """Return an archive's path that nothing has yet: two restores in one second keep both safety copies."""
    names = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
    return next(
        path for name in names if not (path := folder / f"{name}.zip").is_symlink() and not path.exists()
    )


def restore(store: Store, source: Path, now: datetime, *, replace: bool = False) -> BackupResult:
    """Put a backup in the place of the records; all of its contents are checked before anything is touched.

    replace : needed when there are records already; they are first saved beside the database as
    ``before-restore-*.zip``. Session folders are added; one that exists already is left as it is.
    Raises StoreError when the file is not a backup, is damaged, or comes from a newer version.
    """
    database = _database_of(store)
    if store.folder is None:
        raise StoreError("these records have no folder to restore session folders into")
    has_records = bool(store.runner_codes())
    if has_records and not replace:
        raise StoreError("there are records here already; add --replace to put the backup in their place")
    added: list[Path] = []
    try:
        with work_folder(store.folder) as folder:
            size, _ = _unpack(source, folder)
            sessions = store.folder / SESSIONS_FOLDER
            moves = _planned_moves(folder / SESSIONS_FOLDER, sessions)
            unpacked = session_places(folder / SESSIONS_FOLDER)
            places = {
                key: kept_place(moves.get(top := _top(place, folder), sessions / top.name) / place.relative_to(top),
                                store.folder)
                for key, place in unpacked.items()
            }  # fmt: skip
            fresh = take_over(folder / DATABASE_NAME, folder, source.name, Places(store.folder, places))
            safety = None
            if has_records:
                safety = _free_name(store.folder, f"{SAFETY_COPY}{now.strftime('%Y%m%dT%H%M%S')}")
                back_up(store, safety, now, with_sessions=False)
            try:
                # Session folders first: if this is killed in between, the old records are still there.
                n_files = _move(moves, sessions, added)
                store.engine.dispose()
                _copy_database(fresh, database)
            except BaseException:
                for path in added:
                    shutil.rmtree(path, ignore_errors=True)
                raise
            ensure_schema(store.engine, store.folder)
    except OSError as error:
        raise StoreError(
            f"{source} could not be restored: {error.strerror or error}; nothing was changed"
        ) from error
    return BackupResult(source, size, n_files, safety)


def _database_of(store: Store) -> Path:
    if store.database_path is None:
        raise StoreError(
            "records on a database server are backed up with the server's own tools "
            "(pg_dump --format=custom, pg_restore --clean), the session folders by copying them; or use data export"
        )
    return store.database_path


def _copy_database(source: Path, target: Path) -> None:
    try:
        with _connected(source) as old, _connected(target) as new:
            old.backup(new)
            if new.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StoreError(
            f"the records could not be copied from {source.name} to {target}: {error}"
        ) from error


def _copy_records(store: Store, target: Path) -> None:
    """Copy the open records; also where the disk they are on is full."""
    source = store.engine.raw_connection()
    try:
        with _connected(target) as new:
            source.driver_connection.backup(new)  # type: ignore[union-attr]  # it is SQLite's
    except sqlite3.Error as error:
        raise StoreError(f"the records could not be copied to {target.parent.parent}: {error}") from error
    finally:
        source.close()


def _rebuild(database: Path) -> None:
    """Leave free pages out of a copy: they may hold what was deleted, and only make it larger."""
    try:
        with _connected(database) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise StoreError(f"the records could not be copied: {error}") from error


class _connected:  # noqa: N801  (used as a verb)
    """A plain SQLite connection that is really closed at the end (sqlite3's own only ends the transaction)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        self._connection = sqlite3.connect(self._path, timeout=10)
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _session_files(folder: Path) -> Iterator[tuple[str, Path]]:
    sessions = folder / SESSIONS_FOLDER
    for path in sorted(sessions.rglob("*")) if sessions.is_dir() else []:
        if path.is_file() and not path.is_symlink():
            name = f"{SESSIONS_FOLDER}/{path.relative_to(sessions).as_posix()}"
            if "/." in name:
                continue  # a draft that was never finished
            try:
                is_fit = is_safe_name(name) and name.encode("utf-8") != b""
            except UnicodeEncodeError:
                is_fit = False
            if not is_fit:
                raise StoreError(
                    f"a file in the sessions folder has a name that no backup can keep ({name!r}); rename it"
                )
            yield name, path


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, archive.open(name, "w", force_zip64=True) as member:
        while block := file.read(_CHUNK):
            digest.update(block)
            member.write(block)
    return digest.hexdigest()


def _publish(archive: Path, target: Path) -> None:
    """Give a finished archive its name, never in the place of something else."""
    try:
        os.link(archive, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        archive.rename(target)


# reading an archive


def _unpack(source: Path, folder: Path, only: str | None = None) -> tuple[int, int]:
    """Write the members into ``folder`` after checking names, sizes and hashes; return bytes and number of files."""
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{source} is no file on disk; name a backup made by tallrun data backup")
        with source.open("rb") as file, zipfile.ZipFile(BoundedFile(file, _MAX_READ_BYTES)) as archive:  # type: ignore[call-overload]
            files = _checked_files(archive, source, found.st_size)
            free = shutil.disk_usage(folder).free
            needed = sum(archive.getinfo(name).file_size for name in files)
            if needed > free:
                raise StoreError(
                    f"{source} needs {needed:,} bytes and the disk has {free:,} left; nothing was changed"
                )
            total = 0
            for name, expected in files.items():
                if only is None or name == only:
                    total += _extract(archive, name, folder / name, expected, source)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.filename is not None and not _is_about(error, source):
            raise
        reason = " ".join(str(error).split())[:100]
        raise StoreError(f"{source} is not a whole tallrun backup: {reason}; nothing was changed") from error
    return total, len(files)


def _is_about(error: OSError, source: Path) -> bool:
    return str(error.filename) == str(source)


def unpack_database(source: Path, folder: Path) -> Path:
    """Write only the database of a backup into ``folder`` and return it. Raises StoreError, OSError."""
    _unpack(source, folder, DATABASE_NAME)
    return folder / DATABASE_NAME


def _checked_files(archive: zipfile.ZipFile, source: Path, size: int) -> dict[str, str]:
    manifest = _manifest(archive, source)
    files = {str(name): str(digest) for name, digest in manifest["files"].items()}
    if len(files) > MAX_FILES:
        raise StoreError(
            f"{source} lists {len(files)} files, at most {MAX_FILES} are taken; nothing was changed"
        )
    folded: set[str] = set()
    total = 0
    for name in files:
        _check_name(name, source)
        if name.casefold() in folded:
            raise StoreError(f"{source} holds two files called {name!r}; nothing was changed")
        folded.add(name.casefold())
        total += archive.getinfo(name).file_size
    if DATABASE_NAME not in files:
        raise StoreError(f"{source} holds no database; nothing was changed")
    if total > min(MAX_TOTAL_BYTES, FREE_BYTES + MAX_RATIO * size):
        raise StoreError(
            f"{source} has {size:,} bytes and would write {total:,}, which no backup does; nothing was changed"
        )
    return files


def _manifest(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise StoreError(f"{source} has an impossible manifest; nothing was changed")
    with archive.open(MANIFEST) as file:
        manifest = json.loads(file.read(MAX_MANIFEST_BYTES))
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        raise StoreError(f"{source} is not a tallrun backup; nothing was changed")
    if manifest.get("version") != VERSION:
        raise StoreError(
            f"{source} is a backup of version {str(manifest.get('version'))[:20]}, this tallrun reads {VERSION}; "
            "nothing was changed"
        )
    return manifest


def _check_name(name: str, source: Path) -> None:
    if name == DATABASE_NAME:
        return
    if not (name.startswith(f"{SESSIONS_FOLDER}/") and is_safe_name(name)):
        raise StoreError(
            f"{source} holds a file that would land outside its folder, or whose name cannot be "
            f"({name[:80]!r}); nothing was changed"
        )


def _extract(archive: zipfile.ZipFile, name: str, target: Path, expected: str, source: Path) -> int:
    make_private_folder(target.parent)
    digest, size, told = hashlib.sha256(), 0, archive.getinfo(name).file_size
    with archive.open(name) as member, os.fdopen(open_new(target), "wb") as file:
        while block := member.read(_CHUNK):
            size += len(block)
            if size > told:
                raise StoreError(f"{name} in {source} is longer than it says; nothing was changed")
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != expected:
        raise StoreError(f"{name} in {source} is damaged (its hash differs); nothing was changed")
    return size


# session folders of a backup


def _top(place: Path, folder: Path) -> Path:
    """Return the folder directly under the unpacked ``sessions`` that holds a place."""
    return folder / SESSIONS_FOLDER / place.relative_to(folder / SESSIONS_FOLDER).parts[0]


def _planned_moves(source: Path, target: Path) -> dict[Path, Path]:
    """Return where each folder of the backup goes; one that is here already, the same session, is left out.

    A different session under the same name gets a number after its name.
    """
    moves: dict[Path, Path] = {}
    for folder in sorted(source.iterdir()) if source.is_dir() else []:
        goal, number = target / folder.name, 1
        while (os.path.lexists(goal) and not _is_same(folder, goal)) or goal in moves.values():
            number += 1
            goal = target / f"{folder.name}-{number}"
        moves[folder] = goal
    return moves


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two places hold the same session, by its id, or by its text where it has none."""
    if not (one.is_dir() and other.is_dir()):
        return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
    ids = [set(session_places(folder.parent, glob.escape(folder.name))) for folder in (one, other)]
    if ids[0] or ids[1]:
        return ids[0] == ids[1]
    heads = [folder / "session.json" for folder in (one, other)]
    if all(head.is_file() for head in heads):
        return heads[0].read_bytes() == heads[1].read_bytes()
    return not any(head.is_file() for head in heads)


def _move(moves: Mapping[Path, Path], target: Path, added: list[Path]) -> int:
    count = 0
    if moves:
        make_private_folder(target)
    for folder, goal in moves.items():
        if os.path.lexists(goal):
            continue
        count += sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 1
        folder.rename(goal)
        added.append(goal)
    return count
