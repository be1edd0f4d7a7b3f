"""The catalog's tables. Times are microseconds since 1970 (UTC); documents are JSON text.

Everything here can be rebuilt from the vault, but accounts, sessions, tokens, pending uploads, the newest audit rows,
and what was opened.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from .engine import Instant, Json

METADATA = sa.MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})

accounts = Table(
    "accounts",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("name", String(200), nullable=False),
    Column(
        "key", String(200), nullable=False, unique=True
    ),  # the name, case-folded: two people cannot differ by case only
    Column("roles", Json, nullable=False),
    Column("password_hash", Text),
    Column("disabled_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("issuer", String(300)),  # who vouches for this account, and under which name; both or none
    Column("subject", String(255)),
    Column("totp_secret", String(64)),
    Column("totp_step", BigInteger),  # the newest one-time code that was taken: each is good once
    Index("uq_accounts_issuer_subject", "issuer", "subject", unique=True),
)

invites = Table(
    "invites",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("account_id", String(36), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id_hash", String(64), primary_key=True),
    Column("id", String(36), nullable=False, unique=True),  # by which administrators name it; opens nothing
    Column("account_id", String(36), nullable=False, index=True),
    Column("way", String(12), nullable=False),  # password, invite, provider, demo
    Column("address", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),  # the last request
    Column("active_at", Instant, nullable=False),  # the last key or pointer: what the lock goes by
    Column("expires_at", Instant, nullable=False),
)

browsers = Table(
    "browsers",
    METADATA,
    Column("id_hash", String(64), primary_key=True),
    Column("account_id", String(36), primary_key=True),
    Column("expires_at", Instant, nullable=False),
)

failures = Table(
    "failures",
    METADATA,
    Column("key", String(120), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("count", Integer, nullable=False),
)

spent = Table(
    "spent",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("until", Instant, nullable=False),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("account_id", String(36), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

patients = Table(
    "patients",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("issuer", String(64), nullable=False),
    Column("mrn", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("name_key", String(200), nullable=False, index=True),  # case-folded, for the search
    Column("birth_date", String(10), nullable=False, index=True),
    Column("sex", String(1)),
    Column("version", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("merged_into", String(36), index=True),  # the record of the same person that its newest version names
    Column("survivor", String(36), index=True),  # where that ends, for it may have been merged too: see patients.settle
    sa.UniqueConstraint("issuer", "mrn", name="uq_patients_issuer_mrn"),
    Index(None, "mrn"),
)

patient_versions = Table(
    "patient_versions",
    METADATA,
    Column("patient_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Json, nullable=False),
)

batches = Table(
    "batches",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("account_id", String(36), nullable=False),
    Column("patient_id", String(36), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("batch_id", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    Column("ref", String(200), nullable=False),
    Column("account_id", String(36), nullable=False),
    Column("account_name", String(200), nullable=False),
    Column("patient_id", String(36), nullable=False),
    Column("filename", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("block_size", BigInteger, nullable=False),  # 0: one Put Blob
    Column("media_type", String(200)),
    Column("eye", String(8), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("captured_at", String(40)),  # ISO 8601 as the technician gave it
    Column("digest", String(100)),
    Column("note", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(20)),
    Column("detail", Text),
    Column("created_at", Instant, nullable=False),
    Column("keep_until", Instant, nullable=False),
    Column("received_at", Instant),
    Column("ended_at", Instant),
    Column("not_before", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("duplicate_of", String(36)),  # the stored upload that has the very bytes, if this one need not be sent
    Column("settled_at", Instant),  # when somebody settled what became of a file that was not stored
    Column("settled_by", String(36)),  # the account; none: the service itself
    Column("settled_name", String(200)),
    Column("settled_how", String(12)),
    Column("settled_reason", Text),
    Column("settled_twin", String(36)),  # the upload that has its bytes by now, if one is known
    Column("settled_act", String(36)),  # made by the client: said again, it is the same act
    sa.UniqueConstraint("batch_id", "position", name="uq_uploads_batch_position"),
    Index(None, "state", "not_before"),
    Index(None, "account_id", "state"),
    Index(None, "digest"),
    Index(None, "patient_id"),
)

#: What ended without being stored, and nobody has settled. Statements say it in the very words of the index. ``IS``
#: keeps SQLite, which has no statistics, from taking another index because that begins with ``state``.
UNSETTLED = uploads.c.settled_at.is_(None) & uploads.c.state.in_(
    [sa.literal_column(f"'{word}'") for word in ("rejected", "expired", "missing")]
).is_(sa.true())
Index("ix_uploads_unsettled", uploads.c.id, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)

scans = Table(
    "scans",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("upload_id", String(36), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("patient_id", String(36), nullable=False),  # whose it is after merges: what everything goes by
    Column("eye", String(8), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("captured_at", Instant, nullable=False),  # capture time, else the time of receipt: what the gallery sorts by
    Column("captured_source", String(40), nullable=False),
    Column("visit_day", String(10), nullable=False),
    Column("device", String(200), nullable=False),
    Column("facts", Json, nullable=False),  # sizes, renditions, declared and detected values, as in the manifest
    Column("placeholder", Text, nullable=False),
    Column("attention", Json, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("flagged", Boolean, nullable=False, server_default=sa.false()),  # whether attention names anything
    Column("review", String(12), nullable=False, server_default="unreviewed"),
    Column("records", Integer, nullable=False, server_default="0"),  # how many there are
    Column("base", Json),  # what the manifest says, where a record has changed it
    Column("filed_under", String(36), nullable=False, server_default="", index=True),  # what manifest and records say
    Column("manifest", Integer, nullable=False, server_default="1"),  # the number of its manifest
    Column("sent_at", Instant, nullable=False, server_default="0"),  # when its upload was declared
    Column("requested_at", Instant),  # since when a repeat is wanted
    Column("answer", Json),  # what a person answered to that
    Column("answer_by", String(36)),  # the scan that a person linked to it
    Column("not_possible", Boolean, nullable=False, server_default=sa.false()),  # a person said that there can be none
    Column("reopened_for", String(36)),  # the account whose review was reopened by a correction
    Index(None, "captured_at", "id"),
    Index(None, "patient_id", "captured_at", "id"),
    Index(None, "eye", "captured_at", "id"),
    Index(None, "eye", "kind", "captured_at", "id"),
    Index(None, "kind", "captured_at", "id"),
    Index(None, "device", "captured_at", "id"),
    Index(None, "review", "captured_at", "id"),
    Index(None, "flagged", "captured_at", "id"),
    # All that tells whether a scan answers a wanted repeat.
    Index(
        "ix_scans_series", "patient_id", "eye", "kind", "captured_at", "withdrawn", "sent_at", "captured_source", "id"
    ),
    Index(None, "visit_day"),
)


# What waits, and nothing else: each is as long as the backlog, and holds all that the worklist shows. Statements say
# what waits in the very words of the indexes. ``IS`` keeps SQLite, which has no statistics, from taking another index
# because that begins with ``review``; a parameter in the place of the word would hide from both that the index fits.
def _are(word: str) -> sa.ColumnElement[bool]:
    return (scans.c.review == sa.literal_column(f"'{word}'")).is_(sa.true()) & scans.c.withdrawn.is_(sa.false())


WAITING, REPEAT = _are("unreviewed"), _are("repeat")
URGENT = WAITING & scans.c.urgent.is_(sa.true())
REOPENED = scans.c.reopened_for.is_not(None)
for _name, _which, _order in (
    ("waiting", WAITING, "visit_day patient_id urgent flagged captured_at id withdrawn review"),
    ("urgent", URGENT, "visit_day patient_id urgent withdrawn review"),
    ("repeat", REPEAT, "requested_at id patient_id eye kind answer_by not_possible withdrawn review"),
    ("reopened", REOPENED, "reopened_for captured_at id withdrawn"),
):
    _columns = [scans.c[_column] for _column in _order.split()]
    Index(f"ix_scans_{_name}", *_columns, sqlite_where=_which, postgresql_where=_which)

records = Table(
    "records",
    METADATA,
    Column("scan_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("act_id", String(36), nullable=False, index=True),  # made by the client: one act, a record for each scan
    Column("document", Json, nullable=False),
)

# A row for each record that gave a scan to another patient; it follows from the records, as the scan's columns do.
moves = Table(
    "moves",
    METADATA,
    Column("scan_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("act_id", String(36), nullable=False),
    Column("from_patient", String(36), nullable=False, index=True),
    Column("to_patient", String(36), nullable=False, index=True),
    Column("visit_day", String(10), nullable=False),  # on which it stood when it was moved
    Column("at", Instant, nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
)

# Which pictures an account has had before its eyes. Not in the vault: what counts of it stands in the reviews.
opened = Table(
    "opened",
    METADATA,
    Column("account_id", String(36), primary_key=True),
    Column("scan_id", String(36), primary_key=True, index=True),
    Column("slices", Integer, nullable=False),  # the most that were seen at one time
    Column("at", Instant, nullable=False),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("document", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("act", String(40), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("account_id", String(36)),
    Column("account_name", String(200), nullable=False),
    Column("address", String(64), nullable=False),
    Column("request", String(64), nullable=False),
    Column("subjects", Json, nullable=False),
    Column("detail", Json, nullable=False),
    Column("segment", Integer),
    Column("position", Integer),  # in its segment, counted from 0
    Column("view_key", String(64)),  # of a view: who saw what, as one digest; the catalog's own, in no segment
    Index(None, "segment", "id"),
    Index(None, "at"),
)
_VIEWS = audit.c.view_key.is_not(None)
Index("ix_audit_view_key_at", audit.c.view_key, audit.c.at, sqlite_where=_VIEWS, postgresql_where=_VIEWS)

audit_segments = Table(
    "audit_segments",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),  # of the segment's bytes: what the next one repeats
    Column("rows", Integer, nullable=False),
    Column("sealed_at", Instant, nullable=False),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", Instant, nullable=False),
)

marks = Table(
    "marks",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("at", Instant, nullable=False),
)
