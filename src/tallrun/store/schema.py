"""Brings a database to this version's schema; refuses one that a newer tallrun wrote."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from tallrun.errors import StoreError
from tallrun.store.engine import reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

#: Revisions in order; the last is this version's. Knowing them here keeps alembic out of an ordinary start.
REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]


def schema_revision(connection: Connection) -> str | None:
    """Return the database's revision, or None for an empty database.

    Raises StoreError when the database holds tables but not tallrun's.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])
    if tables:
        raise StoreError(
            f"this database belongs to another program (tables: {', '.join(sorted(tables)[:3])}); "
            "choose another place with --data-dir"
        )
    return None


def ensure_schema(engine: Engine, home: Path | None = None) -> None:
    """Upgrade the database to ``HEAD`` in one transaction; nothing happens if it is there already.

    home : the data folder, which places in the records are relative to; None where there is none.
    Raises StoreError when the database is from a newer version.
    """
    with reading(engine) as connection:
        if schema_revision(connection) == HEAD:
            return
    with writing(engine) as connection:
        # Looked at again under the write lock: another process may have upgraded in between.
        found = schema_revision(connection)
        if found == HEAD:
            return
        if found is not None and found not in REVISIONS:
            raise StoreError(
                f"the records were written by a newer tallrun (schema {found}, this version knows up to "
                f"{HEAD}); install the newer version, nothing was changed"
            )
        _upgrade(connection, home)


def _upgrade(connection: Connection, home: Path | None) -> None:
    from alembic import command

    with as_file(files("tallrun.store") / "migrations") as folder:
        command.upgrade(alembic_config(str(folder), connection, home), "head")


def alembic_config(folder: str, connection: Connection, home: Path | None = None) -> Config:
    """Return the settings alembic needs; the connection (and its transaction) is ours."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["home"] = home
    return config
