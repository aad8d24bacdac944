"""A table of entries as a migration makes it: its head is the same for every kind of entry and every revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

INSTANT = sa.String(40)
_NEVER = "entries are never edited, only superseded"
#: Made by revision 0003, which gives it to the tables that were there before.
SERVER_FUNCTION = "tallrun_never_edited"


def create_entry_table(name: str, key: str, *columns: SchemaItem, guard_on_server: bool) -> None:
    """Create a table of entries that are only superseded, with its indexes and the trigger that refuses edits.

    guard_on_server : False before revision 0003, which made PostgreSQL's function.
    """
    op.create_table(
        name,
        sa.Column(key, sa.String(36), nullable=False),
        *columns,
        sa.Column("runner_id", sa.String(36), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("at_utc", sa.String(32), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("entered_by", sa.String(80), nullable=False),
        sa.Column("supersedes", sa.String(36)),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["runner_id"], ["runners.runner_id"], name=f"fk_{name}_runner_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("supersedes", name=f"uq_{name}_supersedes"),
    )
    op.create_index(f"ix_{name}_runner_id", name, ["runner_id"])
    op.create_index(f"ix_{name}_at_utc", name, ["at_utc"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name}_never_edited BEFORE UPDATE ON {name} BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
        )
    elif guard_on_server:
        guard_table(name)


def guard_table(name: str) -> None:
    """Let PostgreSQL refuse an UPDATE of a table of entries."""
    op.execute(
        f"CREATE TRIGGER {name}_never_edited BEFORE UPDATE ON {name} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SERVER_FUNCTION}()"
    )
