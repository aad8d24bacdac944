"""Takes the rows of a database that may come from a stranger into a new database of ours.

Nothing of the foreign file is kept but values: its tables, triggers and views stay behind. Every value is of its
column's kind, times can be read, and places of sessions and files are set anew: into the data folder where the same
session is found there, elsewhere only where the same session really is.
"""

from __future__ import annotations

import json
import math
import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Boolean, Date, Float, Integer, String, insert, select

from tallrun.errors import StoreError, TallrunError
from tallrun.store.engine import make_engine, reading, writing
from tallrun.store.location import (
    REPORTS_FOLDER,
    SESSIONS_FOLDER,
    found_place,
    is_safe_name,
    is_within,
    kept_place,
    make_private_file,
)
from tallrun.store.models import ENTRY_MODELS, AccessRow, Base, DerivedFile, RunnerKey, SessionRow
from tallrun.store.schema import REVISIONS, ensure_schema
from tallrun.store.store import Store

TABLES: tuple[type[Base], ...] = (RunnerKey, *ENTRY_MODELS, SessionRow, DerivedFile, AccessRow)
_FRESH = "fresh.sqlite"
_BATCH = 500
_DEEPEST_JSON = 40
_LONGEST_VALUE_BYTES = 32 * 2**20
_MOST_HEAD_BYTES = 4 * 2**20
_PLAIN_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON \w+ \(\w+(, \w+)*\)")


@dataclass(frozen=True)
class Places:
    """Where sessions are: ``by_id`` gives, for each session that will be in the data folder, its kept place."""

    home: Path
    by_id: Mapping[str, str] = field(default_factory=dict)


def session_id_in(folder: Path) -> str | None:
    """Return the id a session folder carries, if it is a UUID; None for anything else. Follows no link."""
    head = folder / "session.json"
    try:
        if head.is_symlink() or head.stat().st_size > _MOST_HEAD_BYTES:
            return None
        info = json.loads(head.read_bytes())
        return str(UUID(str(info["session_id"]))) if info.get("format") == "tallrun-session" else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def session_places(folder: Path, name: str = "*") -> dict[str, Path]:
    """Return the session folders in ``folder`` (children called ``name`` and theirs) by the ids they carry."""
    found: dict[str, Path] = {}
    for pattern in (name, f"{name}/*") if folder.is_dir() else ():
        for place in sorted(folder.glob(pattern)):
            if not place.is_symlink() and (session_id := session_id_in(place)) is not None:
                found.setdefault(session_id, place)
    return found


def take_over(foreign: Path, work: Path, name: str, places: Places) -> Path:
    """Return a new database in ``work`` with the rows of ``foreign``; raises StoreError when they cannot be right.

    name : what the person calls the file, for the message.
    """
    try:
        _check_shape(foreign, name)
        target = make_private_file(work / _FRESH)
        old, new = make_engine(f"sqlite:///{foreign}"), make_engine(f"sqlite:///{target}")
        try:
            ensure_schema(old)
            ensure_schema(new, places.home)
            with reading(old) as source, writing(new) as sink:
                for model in TABLES:
                    table = model.__table__
                    rows = source.execution_options(yield_per=_BATCH).execute(select(table))
                    for part in rows.mappings().partitions(_BATCH):
                        kept = [
                            row for found in part if (row := _taken(model, dict(found), places)) is not None
                        ]
                        if kept:
                            sink.execute(insert(model), kept)
            _try_out(Store(new, places.home))
        finally:
            old.dispose()
            new.dispose()
    except StoreError as error:
        text = str(error)
        if "nothing was changed" in text:
            raise
        raise StoreError(f"{name} holds a damaged database: {text}; nothing was changed") from error
    except (
        TallrunError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
        sqlite3.Error,
    ) as error:
        reason = " ".join(str(error).split())[:120]
        raise StoreError(f"{name} holds a damaged database: {reason}; nothing was changed") from error
    return target


def _check_shape(path: Path, name: str) -> None:
    """Refuse a file that is damaged, newer, or that would run something of its own when it is read."""
    connection = sqlite3.connect(path, timeout=10)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
        known = {model.__tablename__ for model in TABLES} | {"alembic_version", "sqlite_sequence"}
        for kind, title, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            own_trigger = kind == "trigger" and str(title).endswith("_never_edited")
            plain = (kind == "table" and title in known and "VIRTUAL" not in str(sql).upper()[:40]) or (
                kind == "index" and (sql is None or _PLAIN_INDEX.fullmatch(str(sql)))
            )
            if not (plain or own_trigger):
                raise StoreError(
                    f"{name} is not a tallrun backup (its database holds {kind} {str(title)[:40]!r}); "
                    "nothing was changed"
                )
            if kind == "table" and any(
                column[6] for column in connection.execute(f'PRAGMA table_xinfo("{title}")').fetchall()
            ):
                raise StoreError(f"{name} is not a tallrun backup (computed columns); nothing was changed")
        for trigger in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            connection.execute('DROP TRIGGER "{}"'.format(str(trigger[0]).replace('"', '""')))
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.commit()
    finally:
        connection.close()
    if verdict != "ok":
        raise StoreError(f"{name} holds a damaged database: {verdict}; nothing was changed")
    if row is None or row[0] not in REVISIONS:
        raise StoreError(
            f"{name} was made by a newer tallrun (schema {str(row[0])[:20] if row else 'none'}); "
            "install that version, nothing was changed"
        )


def _taken(model: type[Base], row: dict[str, Any], places: Places) -> dict[str, Any] | None:
    """Return a row with its places set anew; None for a note of a file that is not here. Raises StoreError."""
    for column in model.__table__.columns:
        _check_value(model.__tablename__, column.name, column.type, row[column.name])
    if model is SessionRow:
        row["folder"] = _session_place(row["session_id"], row["folder"], places)
    elif model is DerivedFile:
        kept = _file_place(row["path"], places)
        return None if kept is None else row | {"path": kept}
    return row


def _check_value(table: str, name: str, kind: Any, value: Any) -> None:
    if value is None:
        return
    wanted: tuple[type, ...]
    if isinstance(kind, JSON):
        wanted = (dict, list)
        _check_json(value)
    elif isinstance(kind, Boolean):
        wanted = (bool,)
    elif isinstance(kind, Integer):
        wanted = (int,)
    elif isinstance(kind, Float):
        wanted = (int, float)
        if isinstance(value, int | float) and not math.isfinite(value):
            raise StoreError(f"{table}.{name} is not a number")
    elif isinstance(kind, Date):
        wanted = (date,)
    else:
        wanted = (str, datetime)
        longest = getattr(kind, "length", None) if isinstance(kind, String) else None
        if isinstance(value, str) and ("\x00" in value or (longest and len(value) > longest)):
            raise StoreError(f"{table}.{name} is too long or holds a NUL")
        if isinstance(value, datetime) and value.tzinfo is None:
            raise StoreError(f"{table}.{name} has no UTC offset")
    if not isinstance(value, wanted):
        raise StoreError(f"{table}.{name} is a {type(value).__name__}")


def _check_json(value: Any, depth: int = 0) -> None:
    if depth > _DEEPEST_JSON:
        raise StoreError("values are nested too deep")
    if isinstance(value, dict):
        for item in value.values():
            _check_json(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise StoreError("a value is not a number")


def _session_place(session_id: str, kept: str, places: Places) -> str:
    """Return where a session is on this machine; the place it will be looked for when it is nowhere."""
    try:
        canonical = str(UUID(session_id))
    except ValueError:
        canonical = ""
    if canonical in places.by_id:
        return places.by_id[canonical]
    old = found_place(kept, places.home)
    if canonical and session_id_in(old) == canonical:
        return kept_place(old, places.home)
    name = _last_part(kept)
    here = places.home / SESSIONS_FOLDER / name
    if session_id_in(here) not in (None, canonical):
        name = f"{name} (gone)"
    return f"{SESSIONS_FOLDER}/{name}"


def _file_place(kept: str, places: Places) -> str | None:
    """Return where a file made from the records is, if it can be one of ours in the data folder."""
    parts = [part for part in re.split(r"[/\\]", kept) if part]
    for folder in (SESSIONS_FOLDER, REPORTS_FOLDER):
        if folder in parts[:-1]:
            name = "/".join(parts[len(parts) - 1 - parts[::-1].index(folder) :])
            place = places.home / name
            if is_safe_name(name) and (not place.exists() or is_within(place, places.home / folder)):
                return name
    return None


def _last_part(kept: str) -> str:
    name = PureWindowsPath(kept).name if "\\" in kept else PurePosixPath(kept).name
    name = "".join(letter for letter in name if letter.isprintable() and letter not in "/\\")[:120]
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        name = ""
    return "session" if name in ("", ".", "..") else name


def _try_out(store: Store) -> None:
    """Read every runner's records as the rules do; what cannot be read then must not be put in place now."""
    for runner_id in store.runner_codes().values():
        with_profile = store.latest(_PROFILE, runner_id) is not None
        if with_profile:
            ZoneInfo(store.runner(runner_id).time_zone)
            store.history(runner_id)
        store.sessions(runner_id)


_PROFILE = next(model for model in ENTRY_MODELS if model.__tablename__ == "runner_profiles")
