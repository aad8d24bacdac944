"""A table for experiments of one runner.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallrun.errors import StoreError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.String(36), nullable=False),
        sa.Column("registration", sa.JSON(), nullable=False),
        sa.Column("runs", sa.JSON(), nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("closed_why", sa.Text()),
        sa.Column("runner_id", sa.String(36), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("at_utc", sa.String(32), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("entered_by", sa.String(80), nullable=False),
        sa.Column("supersedes", sa.String(36)),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", name="pk_experiments"),
        sa.ForeignKeyConstraint(
            ["runner_id"], ["runners.runner_id"], name="fk_experiments_runner_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("supersedes", name="uq_experiments_supersedes"),
    )
    op.create_index("ix_experiments_runner_id", "experiments", ["runner_id"])
    op.create_index("ix_experiments_at_utc", "experiments", ["at_utc"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER experiments_never_edited BEFORE UPDATE ON experiments "
            "BEGIN SELECT RAISE(ABORT, 'entries are never edited, only superseded'); END"
        )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER experiments_never_edited BEFORE UPDATE ON experiments "
            "FOR EACH STATEMENT EXECUTE FUNCTION tallrun_never_edited()"
        )


def downgrade() -> None:
    raise StoreError("an older tallrun has no table for experiments; restore a backup made by it instead")
