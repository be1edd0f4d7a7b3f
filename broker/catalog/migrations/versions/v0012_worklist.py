"""Indexes that hold only what waits: a worklist costs its page, not its backlog."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WORDS = {"sqlite": ("1", "0"), "postgresql": ("true", "false")}


def upgrade() -> None:
    yes, no = _WORDS[op.get_bind().dialect.name]
    waiting, repeat = (f"(review = '{word}') IS {yes} AND withdrawn IS {no}" for word in ("unreviewed", "repeat"))
    for name, columns, rows in (
        ("waiting", "visit_day patient_id urgent flagged captured_at id withdrawn review", waiting),
        ("urgent", "visit_day patient_id urgent withdrawn review", f"{waiting} AND urgent IS {yes}"),
        ("repeat", "captured_at patient_id eye kind id withdrawn review", repeat),
    ):
        which = sa.text(rows)
        op.create_index(f"ix_scans_{name}", "scans", columns.split(), sqlite_where=which, postgresql_where=which)
    series = ["patient_id", "eye", "kind", "captured_at", "withdrawn"]
    op.create_index(op.f(f"ix_scans_{'_'.join(series)}"), "scans", series, unique=False)
    op.drop_index(op.f("ix_scans_review_visit_day_patient_id"), "scans")


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
