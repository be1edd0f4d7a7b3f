"""Moves and merges of patients, reviews that say what was seen, repeats that are answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0012"
branch_labels = None
depends_on = None

_WORDS = {"sqlite": ("1", "0"), "postgresql": ("true", "false")}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 1000


def upgrade() -> None:
    for name in ("merged_into", "survivor"):
        op.add_column("patients", sa.Column(name, sa.String(length=36), nullable=True))
        op.create_index(op.f(f"ix_patients_{name}"), "patients", [name], unique=False)
    for column in (
        sa.Column("filed_under", sa.String(length=36), nullable=False, server_default=""),
        sa.Column("manifest", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("sent_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("requested_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_by", sa.String(length=36), nullable=True),
        sa.Column("not_possible", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("reopened_for", sa.String(length=36), nullable=True),
    ):
        op.add_column("scans", column)
    _make_tables()
    _fill()
    _change_indexes()


def _make_tables() -> None:
    op.create_table(
        "moves",
        sa.Column("scan_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("act_id", sa.String(length=36), nullable=False),
        sa.Column("from_patient", sa.String(length=36), nullable=False),
        sa.Column("to_patient", sa.String(length=36), nullable=False),
        sa.Column("visit_day", sa.String(length=10), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scan_id", "number"),
    )
    for name in ("from_patient", "to_patient"):
        op.create_index(op.f(f"ix_moves_{name}"), "moves", [name], unique=False)
    op.create_table(
        "opened",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("scan_id", sa.String(length=36), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "scan_id"),
    )
    op.create_index(op.f("ix_opened_scan_id"), "opened", ["scan_id"], unique=False)


def _fill() -> None:
    """Say of the scans that are there what the new columns say of new ones."""
    connection = op.get_bind()
    # Nobody was merged before, so whom a scan is of is what manifest and records say.
    op.execute("UPDATE scans SET filed_under = patient_id")
    # Nothing but ids, days and our own words stands in it, so nothing else can look like this.
    op.execute("""UPDATE scans SET base = replace(base, '"patient_id":', '"filed_under":') WHERE base IS NOT NULL""")
    op.execute(
        "UPDATE scans SET sent_at = (SELECT created_at FROM uploads WHERE uploads.id = scans.upload_id) "
        "WHERE EXISTS (SELECT 1 FROM uploads WHERE uploads.id = scans.upload_id)"
    )
    set_sent = sa.text("UPDATE scans SET sent_at = :at WHERE id = :id")
    while rows := connection.execute(sa.text(f"SELECT id, facts FROM scans WHERE sent_at = 0 LIMIT {_PAGE}")).all():  # noqa: S608
        values = [{"id": row.id, "at": _microseconds(json.loads(row.facts)["sent_at"])} for row in rows]
        connection.execute(set_sent, values)
    wanted = sa.text(
        "SELECT records.scan_id, records.document FROM records JOIN scans ON scans.id = records.scan_id "
        "WHERE scans.review = 'repeat' ORDER BY records.scan_id, records.number"
    )
    asked: dict[str, int] = {}
    for scan, text in connection.execute(wanted).all():
        document = json.loads(text)
        if document["kind"] == "review" and document["status"] == "repeat":
            asked[scan] = _microseconds(document["at"])
    if asked:
        set_asked = sa.text("UPDATE scans SET requested_at = :at WHERE id = :id")
        connection.execute(set_asked, [{"id": scan, "at": at} for scan, at in asked.items()])


def _change_indexes() -> None:
    yes, no = _WORDS[op.get_bind().dialect.name]
    op.drop_index("ix_scans_repeat", "scans")
    op.drop_index(op.f("ix_scans_patient_id_eye_kind_captured_at_withdrawn"), "scans")
    op.create_index(op.f("ix_scans_filed_under"), "scans", ["filed_under"], unique=False)
    series = "patient_id eye kind captured_at withdrawn sent_at captured_source id"
    op.create_index("ix_scans_series", "scans", series.split(), unique=False)
    for name, columns, rows in (
        (
            "repeat",
            "requested_at id patient_id eye kind answer_by not_possible withdrawn review",
            f"(review = 'repeat') IS {yes} AND withdrawn IS {no}",
        ),
        ("reopened", "reopened_for captured_at id withdrawn", "reopened_for IS NOT NULL"),
    ):
        which = sa.text(rows)
        op.create_index(f"ix_scans_{name}", "scans", columns.split(), sqlite_where=which, postgresql_where=which)


def _microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def downgrade() -> None:
    raise NotImplementedError("Go back by restoring a backup, or by rebuilding from the vault.")
