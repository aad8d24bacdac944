"""Backup to one file, and back.

The file is a zip: ``manifest.json`` (what is inside, with hashes), ``tallrun.sqlite`` (a consistent copy taken
while others may be writing) and the session folders. Restoring writes through SQLite's own copying, so a
program that has the records open sees either the old or the new ones, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from tallrun.errors import StoreError
from tallrun.store.location import DATABASE_NAME, SESSIONS_FOLDER, make_private_file, make_private_folder
from tallrun.store.schema import HEAD, REVISIONS, ensure_schema
from tallrun.store.store import Store

FORMAT = "tallrun-backup"
VERSION = 1
MANIFEST = "manifest.json"
SAFETY_COPY = "before-restore-"
MAX_TOTAL_BYTES = 200 * 2**30
_CHUNK = 2**20


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
    if target.exists():
        raise StoreError(f"{target} exists already; a backup never overwrites, choose another name")
    partial = target.with_name(f"{target.name}.tmp")
    try:
        with tempfile.TemporaryDirectory(prefix=".tallrun-", dir=target.absolute().parent) as folder:
            copy = Path(folder) / DATABASE_NAME
            make_private_file(copy)
            _copy_database(database, copy)
            files = {DATABASE_NAME: copy}
            if with_sessions and store.folder is not None:
                files |= dict(_session_files(store.folder))
            make_private_file(partial)
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                hashes = {name: _add(archive, name, path) for name, path in files.items()}
                manifest = {
                    "format": FORMAT, "version": VERSION, "schema": HEAD, "made_at": now.isoformat(),
                    "files": hashes,
                }  # fmt: skip
                archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        _flush(partial)
        partial.rename(target)
    except OSError as error:
        raise StoreError(f"the backup could not be written to {target}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return BackupResult(target, target.stat().st_size, len(files) - 1)


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
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=store.folder) as folder:
        names = _unpack(source, Path(folder))
        copy = Path(folder) / DATABASE_NAME
        _check_database(copy, source)
        safety = None
        if has_records:
            safety = store.folder / f"{SAFETY_COPY}{now.strftime('%Y%m%dT%H%M%S')}.zip"
            back_up(store, safety, now, with_sessions=False)
        store.engine.dispose()
        _copy_database(copy, database)
        ensure_schema(store.engine)
        added = _move_sessions(Path(folder) / SESSIONS_FOLDER, store.folder / SESSIONS_FOLDER)
    return BackupResult(source, sum(names.values()), added, safety)


def _database_of(store: Store) -> Path:
    if store.database_path is None:
        raise StoreError(
            "records on a database server are backed up with the server's own tools, or use data export"
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


class _connected:  # noqa: N801  (used as a verb)
    """A plain SQLite connection that is really closed at the end (sqlite3's own only ends the transaction)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        self._connection = sqlite3.connect(self._path, timeout=10)
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _check_database(path: Path, source: Path) -> None:
    try:
        with _connected(path) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{source.name} holds a damaged database: {error}; nothing was changed") from error
    if verdict != "ok":
        raise StoreError(f"{source.name} holds a damaged database: {verdict}; nothing was changed")
    if row is None or row[0] not in REVISIONS:
        raise StoreError(
            f"{source.name} was made by a newer tallrun (schema {row[0] if row else 'none'}); "
            "install that version, nothing was changed"
        )


def _session_files(folder: Path) -> Iterator[tuple[str, Path]]:
    sessions = folder / SESSIONS_FOLDER
    for path in sorted(sessions.rglob("*")) if sessions.is_dir() else []:
        if path.is_file() and not path.is_symlink():
            yield f"{SESSIONS_FOLDER}/{path.relative_to(sessions).as_posix()}", path


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, archive.open(name, "w", force_zip64=True) as member:
        while block := file.read(_CHUNK):
            digest.update(block)
            member.write(block)
    return digest.hexdigest()


def _unpack(source: Path, folder: Path) -> dict[str, int]:
    """Write the members into ``folder`` after checking names, total size and hashes; return their sizes."""
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive, source)
            sizes: dict[str, int] = {}
            for name, expected in manifest["files"].items():
                _check_name(name, source)
                sizes[name] = _extract(
                    archive, name, folder / name, str(expected), source, sum(sizes.values())
                )
    except (OSError, zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise StoreError(f"{source} is not a whole tallrun backup: {error}; nothing was changed") from error
    if DATABASE_NAME not in sizes:
        raise StoreError(f"{source} holds no database; nothing was changed")
    return sizes


def _manifest(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    if archive.getinfo(MANIFEST).file_size > 50 * _CHUNK:
        raise StoreError(f"{source} has an impossible manifest; nothing was changed")
    manifest = json.loads(archive.read(MANIFEST))
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        raise StoreError(f"{source} is not a tallrun backup; nothing was changed")
    if manifest.get("version") != VERSION:
        raise StoreError(
            f"{source} is a backup of version {manifest.get('version')}, this tallrun reads {VERSION}; "
            "nothing was changed"
        )
    return manifest


def _check_name(name: str, source: Path) -> None:
    parts = PurePosixPath(name).parts
    inside = name == DATABASE_NAME or (len(parts) > 1 and parts[0] == SESSIONS_FOLDER and ".." not in parts)
    if not inside or "\\" in name or ":" in name or name.startswith("/"):
        raise StoreError(
            f"{source} holds a file that would land outside its folder ({name!r}); nothing was changed"
        )


def _extract(
    archive: zipfile.ZipFile, name: str, target: Path, expected: str, source: Path, so_far: int
) -> int:
    make_private_folder(target.parent)
    make_private_file(target)
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as member, target.open("wb") as file:
        while block := member.read(_CHUNK):
            size += len(block)
            if so_far + size > MAX_TOTAL_BYTES:
                raise StoreError(
                    f"{source} unpacks to more than {MAX_TOTAL_BYTES // 2**30} GB; nothing was changed"
                )
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != expected:
        raise StoreError(f"{name} in {source} is damaged (its hash differs); nothing was changed")
    return size


def _move_sessions(source: Path, target: Path) -> int:
    if not source.is_dir():
        return 0
    make_private_folder(target)
    added = 0
    for folder in sorted(source.iterdir()):
        if not (target / folder.name).exists():
            added += sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 1
            shutil.move(str(folder), target / folder.name)
    return added


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
