"""The same look at the same data is one audit row: a row of a view has a key by which it is found again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("view_key", sa.String(length=64), nullable=True))
    views = sa.text("view_key IS NOT NULL")
    op.create_index("ix_audit_view_key_at", "audit", ["view_key", "at"], sqlite_where=views, postgresql_where=views)


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
