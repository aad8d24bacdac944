"""Entry point alembic runs for every migration; the connection is handed in by ``tallrun.store.schema``."""

from __future__ import annotations

from alembic import context

from tallrun.store.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
