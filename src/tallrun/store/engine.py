"""Connections: write-ahead log, foreign keys, patience with other processes.

Reads run in a deferred transaction. Writes start with BEGIN IMMEDIATE: a read that later turns into a write
would be refused at once by SQLite, whatever the busy timeout, if another process wrote in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, StatementError

from tallrun.errors import StoreError, TallrunError

BUSY_TIMEOUT_MS = 10_000
_WRITES = "tallrun_writes"


def make_engine(url: str) -> Engine:
    """Return an engine for any SQLAlchemy URL; SQLite gets its pragmas.

    Raises StoreError for a URL that cannot be used or a driver that is not installed.
    """
    try:
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"the database URL cannot be used: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # Transactions are begun by us (below), so that schema changes roll back too.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",  # first: switching to WAL itself may have to wait
        "journal_mode=WAL",
        "foreign_keys=ON",
        "synchronous=FULL",  # a committed row survives a power cut, not only a killed process
        "secure_delete=ON",  # erased rows are overwritten inside the file
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def make_reading_engine(database: Path) -> Engine:
    """Return an engine that only reads a SQLite file, for a disk that is full or may not be written.

    SQLite's usual way needs room for a file of shared memory. Without a log beside the database it is read as it lies
    there; with one, what was committed last is in the log, so one connection alone reads both.
    """
    log = database.with_name(f"{database.name}-wal")
    has_log = log.is_file() and log.stat().st_size > 0

    def connect() -> sqlite3.Connection:
        path = quote(str(database.absolute()))
        uri = f"file:{path}?mode=rw" if has_log else f"file:{path}?immutable=1"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)
        connection.isolation_level = None
        if has_log:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA query_only=ON")
        return connection

    engine = create_engine(
        "sqlite:///" + str(database), creator=connect, poolclass=QueuePool, pool_size=1 if has_log else 5,
        max_overflow=0 if has_log else 10,
    )  # fmt: skip
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in one consistent snapshot."""
    with _plain_errors(), _readable(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection inside one transaction: all of it is kept, or nothing."""
    with (
        _plain_errors(),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except StatementError as error:
        if isinstance(error.orig, TallrunError):  # raised by a column type, already plain
            raise error.orig from None
        raise StoreError(_explain(str(error.orig))) from error
    except UnicodeDecodeError as error:  # from the driver, for text that is none
        raise StoreError(_damaged(str(error))) from error


@contextmanager
def _readable() -> Iterator[None]:
    """Say of values that cannot be what they were written as, that the file is damaged: nothing is guessed for them."""
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise StoreError(_damaged(str(error))) from error


def _damaged(reason: str) -> str:
    return (
        f"the database is damaged ({' '.join(reason.split())[:100]}); keep a copy of the file, then bring a backup "
        "back with: tallrun data restore FILE --replace"
    )


def _explain(text: str) -> str:
    lowered = text.lower()
    if "locked" in lowered or "busy" in lowered:
        return (
            f"another program has kept the database busy for {BUSY_TIMEOUT_MS // 1000} s; "
            "close it or try again"
        )
    if "full" in lowered:
        return f"the disk is full ({text}); nothing was changed"
    if "readonly" in lowered or "read only" in lowered or "unable to open" in lowered:
        return f"the database cannot be written ({text}); check the folder's owner, free space, or use --data-dir"
    if "disk i/o" in lowered:
        return f"the disk cannot be written or read ({text}); check its free space"
    if any(word in lowered for word in ("malformed", "not a database", "decode", "no such", "corrupt")):
        return _damaged(text)
    if "constraint" in lowered or "never edited" in lowered:
        return f"the database refused the change: {text}"
    return f"the database cannot be used: {text}"
