"""A table for experiments of one runner.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa

from tallrun.errors import StoreError
from tallrun.store.entry_table import INSTANT, create_entry_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_entry_table(
        "experiments",
        "experiment_id",
        sa.Column("registration", sa.JSON(), nullable=False),
        sa.Column("runs", sa.JSON(), nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("closed_why", sa.Text()),
        guard_on_server=True,
    )


def downgrade() -> None:
    raise StoreError("an older tallrun has no table for experiments; restore a backup made by it instead")
