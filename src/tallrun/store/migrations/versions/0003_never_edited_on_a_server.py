"""PostgreSQL refuses an UPDATE of an entry too; SQLite has done so since the first schema.

Revision 0003, after 0002.
"""

from __future__ import annotations

from alembic import op

from tallrun.errors import StoreError
from tallrun.store.entry_table import SERVER_FUNCTION, guard_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ENTRY_TABLES = (
    "advice", "baselines", "clinician_entries", "cues", "diagnoses", "exercises", "gait_changes", "pain", "phases",
    "plans", "questionnaires", "runner_profiles", "runs", "screens", "setup_baselines",
)  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        f"CREATE FUNCTION {SERVER_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'entries are never edited, only superseded'; END $$"
    )
    for name in ENTRY_TABLES:
        guard_table(name)


def downgrade() -> None:
    raise StoreError("an older tallrun cannot read a newer schema; restore a backup made by it instead")
