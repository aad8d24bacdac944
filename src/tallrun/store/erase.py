"""Erasing, with a receipt that says only what was found gone by looking afterwards.

Erased are: every row (overwritten inside the file), the database with its side files, session folders,
reports and other files made from the records. Session folders outside the data folder are removed only when
asked for. What could not be removed, or is not ours to remove, is listed as left.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from tallrun.errors import StoreError
from tallrun.store.backup import SAFETY_COPY
from tallrun.store.location import DATABASE_NAME, REPORTS_FOLDER, SESSIONS_FOLDER
from tallrun.store.models import ENTRY_MODELS, AccessRow, Base, DerivedFile, RunnerKey, SessionRow
from tallrun.store.store import Store

SIDE_FILES = ("-wal", "-shm", "-journal")
_TABLES: tuple[type[Base], ...] = (*ENTRY_MODELS, SessionRow, DerivedFile, AccessRow, RunnerKey)


@dataclass
class Receipt:
    """What was erased. ``removed`` and ``left`` hold ``{"what", "path", ...}``; rows are per table."""

    erased_at: str
    scope: str
    rows: dict[str, int] = field(default_factory=dict)
    removed: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing of the asked-for was left behind."""
        return not any(item.get("asked", True) for item in self.left)

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as plain data."""
        return asdict(self) | {"complete": self.complete}


def erase(
    store: Store, now: datetime, *, runner_id: str | None = None, also_outside: bool = False
) -> Receipt:
    """Erase one runner, or everything (``runner_id`` None), and return the receipt.

    The store is closed afterwards when everything is erased. Raises StoreError when the database stays busy.
    """
    receipt = Receipt(erased_at=now.isoformat(), scope="one runner" if runner_id else "everything")
    folders, files = _paths(store, runner_id)
    secrets = _secrets(store, runner_id)
    receipt.rows = _delete_rows(store, runner_id)
    for folder in folders:
        _remove_session(folder, store.folder, also_outside, receipt)
    for path in files:
        _remove(path, "file made from the records", receipt)
    if runner_id is None:
        _remove_store(store, receipt)
    else:
        _verify_rows(store, runner_id, secrets, receipt)
        for path in sorted(store.folder.glob(f"{SAFETY_COPY}*.zip")) if store.folder else []:
            receipt.left.append(
                {"what": "safety copy", "path": str(path), "why": "it holds every runner; delete it yourself"}
            )
    gone = [item["path"] for item in receipt.removed]
    for path in gone:
        if Path(path).exists():
            receipt.removed = [item for item in receipt.removed if item["path"] != path]
            receipt.left.append({"what": "still there after removal", "path": path})
    receipt.verified.append(f"{len(receipt.removed)} files and folders looked for afterwards and not found")
    return receipt


def _paths(store: Store, runner_id: str | None) -> tuple[list[Path], list[Path]]:
    sessions = select(SessionRow.folder).order_by(SessionRow.folder)
    derived = select(DerivedFile.path).order_by(DerivedFile.path)
    if runner_id is not None:
        sessions = sessions.where(SessionRow.runner_id == runner_id)
        derived = derived.where(DerivedFile.runner_id == runner_id)
    with store.read() as connection:
        return (
            [Path(path) for path in connection.execute(sessions).scalars()],
            [Path(path) for path in connection.execute(derived).scalars()],
        )


def _secrets(store: Store, runner_id: str | None) -> list[bytes]:
    """Return byte strings that must not be found in the database file afterwards: ids and the code."""
    if runner_id is None:
        return []
    found = [runner_id]
    with store.read() as connection:
        found += connection.execute(select(RunnerKey.code).where(RunnerKey.runner_id == runner_id)).scalars()
        for model in ENTRY_MODELS:
            key = model.__table__.c[model.key]
            found += connection.execute(select(key).where(model.runner_id == runner_id)).scalars()
    return [text.encode() for text in found if len(text) >= 8]  # a short code could stand there by chance


def _delete_rows(store: Store, runner_id: str | None) -> dict[str, int]:
    counts = {}
    with store.write() as connection:
        for model in _TABLES:
            command = delete(model)
            if runner_id is not None:
                command = command.where(model.__table__.c.runner_id == runner_id)
            counts[model.__tablename__] = connection.execute(command).rowcount
    if store.engine.dialect.name == "sqlite":
        # Rebuilt, and the write-ahead log emptied, so that no old page keeps a copy.
        raw = store.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.close()
        if busy:
            raise StoreError(
                "the rows are deleted, but another program keeps the log file open; close it and repeat"
            )
    return {name: count for name, count in counts.items() if count}


def _remove_session(folder: Path, home: Path | None, also_outside: bool, receipt: Receipt) -> None:
    if not folder.exists():
        return
    inside = home is not None and folder.resolve().is_relative_to(home.resolve())
    if not inside and not also_outside:
        receipt.left.append(
            {"what": "session folder outside the data folder", "path": str(folder), "asked": False,
             "why": "not removed unless asked with --also-outside"}
        )  # fmt: skip
        return
    if not _is_session(folder):
        receipt.left.append({"what": "folder that is not a session", "path": str(folder), "asked": False,
                             "why": "it has no session.json of ours"})  # fmt: skip
        return
    _remove(folder, "session folder", receipt)


def _is_session(folder: Path) -> bool:
    try:
        return bool(
            json.loads((folder / "session.json").read_text(encoding="utf-8"))["format"] == "tallrun-session"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remove_store(store: Store, receipt: Receipt) -> None:
    database, home = store.database_path, store.folder
    store.close()
    if database is None:
        receipt.left.append(
            {"what": "database server", "path": store.engine.url.render_as_string(hide_password=True),
             "asked": False, "why": "the rows are deleted; its own logs and backups are the server's"}
        )  # fmt: skip
        return
    for path in (database, *(database.with_name(database.name + end) for end in SIDE_FILES)):
        _remove(path, "database" if path == database else "database side file", receipt)
    if home is None or database != home / DATABASE_NAME:
        return  # a database at a URL of its own: the folder around it is not ours
    for name in (SESSIONS_FOLDER, REPORTS_FOLDER):
        _remove(home / name, f"{name} folder", receipt)
    for path in sorted(home.glob(f"{SAFETY_COPY}*.zip")):
        _remove(path, "safety copy", receipt)
    try:
        home.rmdir()
        receipt.removed.append({"what": "data folder", "path": str(home)})
    except OSError:
        for path in sorted(home.iterdir()):
            receipt.left.append(
                {"what": "other file", "path": str(path), "asked": False, "why": "not part of the records"}
            )


def _verify_rows(store: Store, runner_id: str, secrets: Iterable[bytes], receipt: Receipt) -> None:
    with store.read() as connection:
        for model in _TABLES:
            table = model.__table__
            count = connection.execute(
                select(func.count()).select_from(table).where(table.c.runner_id == runner_id)
            ).scalar_one()
            if count:
                receipt.left.append({"what": f"{count} rows", "path": model.__tablename__})
    receipt.verified.append(f"{len(_TABLES)} tables hold no row of this runner")
    if store.database_path is None:
        return
    files = [
        store.database_path,
        *(store.database_path.with_name(store.database_path.name + end) for end in SIDE_FILES),
    ]
    looked = 0
    for path in files:
        if path.exists():
            looked += 1
            content = path.read_bytes()
            if any(secret in content for secret in secrets):
                receipt.left.append({"what": "traces of the rows", "path": str(path)})
    receipt.verified.append(f"{looked} database files searched byte by byte for this runner's ids")


def _remove(path: Path, what: str, receipt: Receipt) -> None:
    if not path.exists() and not path.is_symlink():
        return
    try:
        size = _size(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        receipt.left.append({"what": what, "path": str(path), "why": error.strerror or str(error)})
        return
    receipt.removed.append({"what": what, "path": str(path), "bytes": size})


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(
            item.stat().st_size for item in path.rglob("*") if item.is_file() and not item.is_symlink()
        )
    return path.lstat().st_size
