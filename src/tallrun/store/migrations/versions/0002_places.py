"""Places of sessions and files are kept relative to the data folder; absolute only outside it.

Revision 0002, after 0001.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import context, op

from tallrun.errors import StoreError
from tallrun.store.location import kept_place

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    home = context.config.attributes.get("home")
    if home is None:
        return
    _rewrite("sessions", "session_id", "folder", home)
    _rewrite("derived_files", "path", "path", home)


def _rewrite(table: str, key: str, column: str, home: Path) -> None:
    """Rewrite the places of one table; a second entry for the same place is dropped."""
    connection = op.get_bind()
    rows = sa.table(table, *(sa.column(name, sa.Text()) for name in {key, column}))
    taken: set[str] = set()
    for found, place in list(connection.execute(sa.select(rows.c[key], rows.c[column]))):
        kept = kept_place(Path(place), home)
        if key == column and kept in taken:
            connection.execute(sa.delete(rows).where(rows.c[key] == found))
            continue
        taken.add(kept)
        if kept != place:
            connection.execute(sa.update(rows).where(rows.c[key] == found).values({column: kept}))


def downgrade() -> None:
    raise StoreError("an older tallrun cannot read relative places; restore a backup made by it instead")
