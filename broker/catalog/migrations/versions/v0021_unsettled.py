"""What was not stored stays open until somebody settles it; duplicates name the upload that has their bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

#: What ended longer ago than this is not asked about any more: whoever had the files has done something about them.
_ASKED = timedelta(days=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    ("duplicate_of", sa.String(36)),
    ("settled_at", sa.BigInteger()),
    ("settled_by", sa.String(36)),
    ("settled_name", sa.String(200)),
    ("settled_how", sa.String(12)),
    ("settled_reason", sa.Text()),
    ("settled_twin", sa.String(36)),
    ("settled_act", sa.String(36)),
)


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("uploads", sa.Column(name, kind, nullable=True))
    asked = (datetime.now(UTC) - _ASKED - _EPOCH) // timedelta(microseconds=1)
    # Until today a person's giving up was known by its reason only, and what expired had lost its bytes at once.
    op.execute(
        "UPDATE uploads SET settled_at = ended_at, settled_by = account_id, settled_name = account_name, "
        "settled_how = 'given_up', settled_reason = '' WHERE state = 'expired' AND reason = 'abandoned'"
    )
    ended = sa.text(
        "UPDATE uploads SET settled_at = coalesce(ended_at, created_at), settled_name = '', settled_how = 'before', "
        "settled_reason = '' WHERE settled_at IS NULL AND (state = 'expired' OR (state IN ('rejected', 'missing') "
        "AND coalesce(ended_at, created_at) < :asked))"
    )
    op.get_bind().execute(ended, {"asked": asked})
    yes = {"sqlite": "1", "postgresql": "true"}[op.get_bind().dialect.name]
    which = sa.text(f"settled_at IS NULL AND (state IN ('rejected', 'expired', 'missing')) IS {yes}")
    op.create_index("ix_uploads_unsettled", "uploads", ["id"], sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
