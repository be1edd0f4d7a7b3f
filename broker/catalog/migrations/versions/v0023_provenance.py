"""What a header said is told from what a person said, from now on.

Tables stay as they are. Rows of scans follow from manifests in another way than before (``ingest.provenance``), and
only the vault has all that is needed for it; so the next worker, or the next rebuild, reads it once more. Declarations
made until now may hold what the browser had read in a header: their uploads get manifests of version 1 all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    now = (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    marks = sa.table("marks", sa.column("name", sa.String), sa.column("at", sa.BigInteger))
    for table, mark in (("scans", "vault_rows_outdated"), ("uploads", "declared_by_persons")):
        if bind.execute(sa.select(sa.column("id")).select_from(sa.table(table)).limit(1)).first() is not None:
            bind.execute(sa.insert(marks).values(name=mark, at=now))


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
