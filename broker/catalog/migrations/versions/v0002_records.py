"""Records about scans, and what the gallery filters by because of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("scan_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("act_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scan_id", "number"),
    )
    op.create_index(op.f("ix_records_act_id"), "records", ["act_id"], unique=False)
    op.add_column("scans", sa.Column("flagged", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("scans", sa.Column("review", sa.String(length=12), nullable=False, server_default="unreviewed"))
    op.add_column("scans", sa.Column("records", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("scans", sa.Column("base", sa.Text(), nullable=True))
    op.execute(sa.text("UPDATE scans SET flagged = :yes WHERE attention <> '[]'").bindparams(yes=True))
    for columns in (
        ["eye", "kind", "captured_at", "id"],
        ["device", "captured_at", "id"],
        ["review", "captured_at", "id"],
        ["flagged", "captured_at", "id"],
        ["review", "visit_day", "patient_id"],
        ["visit_day"],
    ):
        op.create_index(op.f(f"ix_scans_{'_'.join(columns)}"), "scans", columns, unique=False)


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
