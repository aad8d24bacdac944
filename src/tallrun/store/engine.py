"""Connections: write-ahead log, foreign keys, patience with other processes.

Reads run in a deferred transaction. Writes start with BEGIN IMMEDIATE: a read that later turns into a write
would be refused at once by SQLite, whatever the busy timeout, if another process wrote in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, StatementError

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


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in one consistent snapshot."""
    with _plain_errors(), engine.connect() as connection, connection.begin():
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
    except OperationalError as error:
        raise StoreError(_explain(str(error.orig))) from error
    except StatementError as error:
        if isinstance(error.orig, TallrunError):  # raised by a column type, already plain
            raise error.orig from None
        raise StoreError(f"the database refused the change: {error.orig}") from error


def _explain(text: str) -> str:
    lowered = text.lower()
    if "locked" in lowered or "busy" in lowered:
        return (
            f"another program has kept the database busy for {BUSY_TIMEOUT_MS // 1000} s; "
            "close it or try again"
        )
    if "readonly" in lowered or "unable to open" in lowered:
        return f"the database cannot be written ({text}); check the folder's owner or use --data-dir"
    if "full" in lowered:
        return f"the disk is full ({text}); nothing was changed"
    return f"the database cannot be used: {text}"
