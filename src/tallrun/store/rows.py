"""Statements behind ``Store``: entries read and inserted through an open connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, Select, bindparam, exists, insert, select

from tallrun.store.models import ENTRY_MODELS, sort_key
from tallrun.store.records import KINDS, Kind, kind_of, to_columns


def entries(
    connection: Connection,
    model: type[Any],
    runner_id: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    every: bool = False,
    newest: int | None = None,
) -> list[Row[Any]]:
    """Read entries in order of time; see ``Store.entries``."""
    table = model.__table__
    query = select(table).where(table.c.runner_id == bindparam("of_runner")) if every else in_force(model)
    if since is not None:
        query = query.where(table.c.at_utc >= sort_key(since))
    if until is not None:
        query = query.where(table.c.at_utc <= sort_key(until))
    if newest is not None:
        query = query.order_by(table.c.at_utc.desc(), table.c.entered_at.desc()).limit(newest)
        return list(connection.execute(query, {"of_runner": runner_id}))[::-1]
    return list(
        connection.execute(query.order_by(table.c.at_utc, table.c.entered_at), {"of_runner": runner_id})
    )


def records(connection: Connection, record: type[Any], runner_id: str) -> tuple[Any, ...]:
    """Read every entry in force of one kind as its data class, in order of time, and only its columns."""
    kind = kind_of(record)
    found = connection.execute(_COLUMNS[record], {"of_runner": runner_id})
    places = {name: place for place, name in enumerate(kind.fields())}
    unpack = [(places[name], back) for name, (_, back) in kind.packed.items()]
    if not unpack:
        return tuple(record(*row) for row in found)
    rows = []
    for row in found:
        values = list(row)
        for place, back in unpack:
            values[place] = back(values[place])
        rows.append(record(*values))
    return tuple(rows)


def in_force(model: type[Any]) -> Select[Any]:
    """Select what nothing supersedes and nobody took back, of the runner bound to ``of_runner``."""
    return _IN_FORCE[model]


def _build_in_force(model: type[Any]) -> Select[Any]:
    table = model.__table__
    later = table.alias()
    return select(table).where(
        table.c.runner_id == bindparam("of_runner"),
        table.c.withdrawn.is_(False),
        ~exists(select(later.c.supersedes).where(later.c.supersedes == table.c[model.key])),
    )


def _build_columns(kind: Kind) -> Select[Any]:
    table = kind.table.__table__
    columns = [table.c["at" if name == kind.at_field else name] for name in kind.fields()]
    return _IN_FORCE[kind.table].with_only_columns(*columns).order_by(table.c.at_utc, table.c.entered_at)


#: Built once: putting a statement together costs more than running it.
_IN_FORCE = {model: _build_in_force(model) for model in ENTRY_MODELS}
_COLUMNS = {kind.record: _build_columns(kind) for kind in KINDS}


def insert_record(
    connection: Connection,
    runner_id: str,
    record: Any,
    *,
    by: str,
    now: datetime,
    more: dict[str, Any] | None = None,
) -> str:
    """Insert a data class of ``recovery.model`` with more columns beside it; returns the new id."""
    columns = to_columns(record) | (more or {})
    table = kind_of(type(record)).table
    return insert_row(connection, table, runner_id, at=columns.pop("at"), by=by, now=now, columns=columns)


def insert_row(
    connection: Connection,
    model: type[Any],
    runner_id: str,
    *,
    at: datetime,
    by: str,
    now: datetime,
    columns: dict[str, Any],
    supersedes: str | None = None,
) -> str:
    """Insert one entry and return its id; ``entered_at`` is ``now``."""
    entry_id = str(uuid4())
    values = {
        model.key: entry_id, "runner_id": runner_id, "at": at, "at_utc": sort_key(at), "entered_at": now,
        "entered_by": by, "supersedes": supersedes, "withdrawn": False,
    } | columns  # fmt: skip
    connection.execute(insert(model).values(**values))
    return entry_id
