"""What was not stored stays open until somebody settles it; duplicates name the upload that has their bytes."""

from __future__ import annotations

import json
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
    bind = op.get_bind()
    # Until today a person's giving up was known by its reason only. Who that was, the sender or an administrator, only
    # the audit says; where its row is gone, nobody is named.
    bind.execute(
        sa.text(
            "UPDATE uploads SET settled_at = coalesce(ended_at, created_at), settled_name = '', "
            "settled_how = 'given_up', settled_reason = '' WHERE state = 'expired' AND reason = 'abandoned'"
        )
    )
    if givers := _givers(bind):
        named = sa.text(
            "UPDATE uploads SET settled_by = :account, settled_name = :name "
            "WHERE id = :upload AND state = 'expired' AND reason = 'abandoned'"
        )
        bind.execute(named, givers)
    ended = sa.text(
        "UPDATE uploads SET settled_at = coalesce(ended_at, created_at), settled_name = '', settled_how = 'before', "
        "settled_reason = '' WHERE settled_at IS NULL AND state IN ('rejected', 'expired', 'missing') "
        "AND coalesce(ended_at, created_at) < :asked"
    )
    bind.execute(ended, {"asked": asked})
    yes = {"sqlite": "1", "postgresql": "true"}[bind.dialect.name]
    which = sa.text(f"settled_at IS NULL AND (state IN ('rejected', 'expired', 'missing')) IS {yes}")
    op.create_index("ix_uploads_unsettled", "uploads", ["id"], sqlite_where=which, postgresql_where=which)


def _givers(bind: sa.Connection) -> list[dict[str, object]]:
    """Who gave which upload up, by the audit."""
    names = ("act", "outcome", "account_id", "account_name")
    audit = sa.table("audit", *(sa.column(name, sa.String) for name in names), sa.column("subjects", sa.Text))
    query = sa.select(audit.c.account_id, audit.c.account_name, audit.c.subjects)
    rows = bind.execute(query.where((audit.c.act == "upload.abandon") & (audit.c.outcome == "done"))).all()
    return [
        {"upload": upload, "account": row.account_id, "name": row.account_name}
        for row in rows
        for upload in json.loads(row.subjects)
    ]


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
