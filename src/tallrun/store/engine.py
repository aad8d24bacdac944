"""Connections: write-ahead log, foreign keys, patience with other processes.

Reads run in a deferred transaction. Writes start with BEGIN IMMEDIATE: a read that later turns into a write
would be refused at once by SQLite, whatever the busy timeout, if another process wrote in between. PostgreSQL
gets the same two rules: a read sees one snapshot, and writers queue for one lock, so what a writer looked up
before it wrote still holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, StatementError

from tallrun.errors import StoreError, TallrunError

BUSY_TIMEOUT_MS = 10_000
#: What records can be kept in: these are tested, whatever else SQLAlchemy knows.
BACKENDS = ("sqlite", "postgresql")
_WRITES = "tallrun_writes"
_AUTOCOMMIT = "AUTOCOMMIT"
#: Any number that no other program on the same database takes; the letters of the name.
_WRITE_LOCK = int.from_bytes(b"tallrun", "big")


def make_engine(url: str) -> Engine:
    """Return an engine for the URL of a SQLite or PostgreSQL database (psycopg unless it names a driver).

    Raises StoreError for a URL that cannot be used, another kind of database, or a driver that is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the database URL cannot be used: {error}; for PostgreSQL: pip install 'tallrun[postgres]'"
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(f"the database URL cannot be used: {error}") from error
    if engine.dialect.name not in BACKENDS:
        raise StoreError(
            f"the database URL cannot be used: records are kept in SQLite or PostgreSQL, not {engine.dialect.name}"
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_postgresql(dbapi_connection: Any, _record: Any) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    dbapi_connection.commit()


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == _AUTOCOMMIT:
        return
    if options.get(_WRITES, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


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


def rewrite_tables(engine: Engine, names: Iterable[str]) -> None:
    """Rewrite tables of a PostgreSQL database without the rows deleted from them; waits for those who read."""
    with _plain_errors(), engine.connect().execution_options(isolation_level=_AUTOCOMMIT) as connection:
        for name in names:
            connection.exec_driver_sql(f'VACUUM FULL "{name}"')


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
    if "locked" in lowered or "busy" in lowered or "lock timeout" in lowered:
        return (
            f"another program has kept the database busy for {BUSY_TIMEOUT_MS // 1000} s; "
            "close it or try again"
        )
    if "connection failed" in lowered or "server closed the connection" in lowered:
        return f"the database server cannot be reached ({' '.join(text.split())[:200]}); nothing was changed"
    if "full" in lowered:
        return f"the disk is full ({text}); nothing was changed"
    if "readonly" in lowered or "read only" in lowered or "unable to open" in lowered:
        return f"the database cannot be written ({text}); check the folder's owner, free space, or use --data-dir"
    if "disk i/o" in lowered:
        return f"the disk cannot be written or read ({text}); check its free space"
    if any(word in lowered for word in ("malformed", "not a database", "decode", "no such", "corrupt")):
        return _damaged(text)
    if any(word in lowered for word in ("constraint", "never edited", "too long", "nul (0x00)")):
        return f"the database refused the change: {text}"
    return f"the database cannot be used: {text}"
