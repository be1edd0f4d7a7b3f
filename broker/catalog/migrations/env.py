"""Alembic's entry: runs on the connection that ``migrate`` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from broker.catalog.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transaction_per_migration=False
)
context.run_migrations()
