"""Records about scans: append-only documents, and what they make of their scans.

A record is one JSON document, the same in the catalog and in the vault under ``scans/<tt>/<scan>/records/<n>.json``:

    version 1, scan, number (from 1 for each scan), act (id of the act, made by the client), kind, at, account, by,
    body (SHA-256 of what was asked, so that a retry is known from another act with the same id), and of a
    review       status: reviewed or repeat; note
    addendum     note; closes: whether it settles a wanted repeat
    correction   set: for each of eye, kind, captured_at, captured_source, visit_day, patient: {from, to}; reason
    withdrawal   withdrawn: true, or false for a restored scan; reason

What a scan is now follows from its manifest and its records alone, whatever order they came in: ``apply`` is the one
way for an act and for a rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..words import Attention, RecordKind, Review
from .engine import Tx, insert_new
from .tables import records, scans

Document = dict[str, Any]
#: What a correction can set -> the column it sets, and which claims for attention it settles.
CORRECTED: dict[str, tuple[str, frozenset[Attention]]] = {
    "eye": ("eye", frozenset({Attention.EYE})),
    "kind": ("kind", frozenset()),
    "captured_at": ("captured_at", frozenset({Attention.CAPTURED_AT})),
    "captured_source": ("captured_source", frozenset()),
    "visit_day": ("visit_day", frozenset()),
    "patient": ("patient_id", frozenset({Attention.PATIENT, Attention.STORED_ELSEWHERE})),
}
#: What records can make other than the manifest says.
DECIDED = ("eye", "kind", "captured_at", "captured_source", "visit_day", "patient_id", "attention")


def apply(tx: Tx, documents: Sequence[Document]) -> None:
    """Keep records, and make their scans what follows from them; repeating it changes nothing.

    A record whose scan is not known yet waits for it.
    """
    rows = [
        {"scan_id": one["scan"], "number": one["number"], "act_id": one["act"], "document": one} for one in documents
    ]
    insert_new(tx, records, rows)
    fold(tx, {row["scan_id"] for row in rows}, anew=False)


def fold(tx: Tx, ids: Iterable[str], *, anew: bool) -> None:
    """Make scans what follows from their records. ``anew``: their rows have just been made what the manifest says."""
    kept = of_scans(tx, ids)
    if not kept:
        return
    columns = [scans.c.id, scans.c.base, *(scans.c[name] for name in DECIDED)]
    for row in tx.execute(sa.select(*columns).where(scans.c.id.in_(list(kept)))).mappings():
        base = None if anew else row["base"]
        base = base or {name: row[name] for name in DECIDED} | {"captured_at": row["captured_at"].isoformat()}
        values = _folded(base, kept[row["id"]])
        tx.execute(scans.update().where(scans.c.id == row["id"]).values(base=base, **values))


def unknown(tx: Tx, documents: Sequence[Document]) -> int:
    """Count those that are not kept, or not so."""
    kept = of_scans(tx, {one["scan"] for one in documents})
    return sum(one not in kept.get(one["scan"], ()) for one in documents)


def of_scans(tx: Tx, ids: Iterable[str]) -> dict[str, list[Document]]:
    """Give the records of scans, oldest first; scans without any are left out."""
    query = sa.select(records.c.scan_id, records.c.document).where(records.c.scan_id.in_(list(ids)))
    found: dict[str, list[Document]] = {}
    for scan, document in tx.execute(query.order_by(records.c.scan_id, records.c.number)):
        found.setdefault(scan, []).append(document)
    return found


def patients_in(documents: Iterable[Document]) -> list[str]:
    """Give the patients whom corrections name: whose a scan was said to be before, and whose since then."""
    moves = (one["set"]["patient"] for one in documents if "patient" in one.get("set", {}))
    return list(dict.fromkeys(patient for move in moves for patient in (move["from"], move["to"])))


def of_act(tx: Tx, act: str) -> list[Document]:
    """Give the records that one act made."""
    return list(tx.execute(sa.select(records.c.document).where(records.c.act_id == act)).scalars())


def lock(tx: Tx, ids: Iterable[str]) -> None:
    """Let nobody else add records to these scans until this transaction ends."""
    query = sa.select(scans.c.id).where(scans.c.id.in_(list(ids))).order_by(scans.c.id)
    tx.execute(query.with_for_update()).all()


def _folded(base: Document, documents: Sequence[Document]) -> dict[str, Any]:
    """The columns of a scan: ``base`` as its records, one after the other, have changed it."""
    values: dict[str, Any] = dict(base) | {"review": Review.UNREVIEWED.value, "withdrawn": False}
    for one in documents:
        if one["kind"] == RecordKind.REVIEW:
            values["review"] = one["status"]
        elif one["kind"] == RecordKind.WITHDRAWAL:
            values["withdrawn"] = one["withdrawn"]
        elif one["kind"] == RecordKind.ADDENDUM and one["closes"] and values["review"] == Review.REPEAT:
            values["review"] = Review.CLOSED.value
        elif one["kind"] == RecordKind.CORRECTION:
            for what, change in one["set"].items():
                column, settles = CORRECTED[what]
                values[column] = change["to"]
                values["attention"] = [code for code in values["attention"] if code not in settles]
    values["captured_at"] = datetime.fromisoformat(values["captured_at"]).astimezone(UTC)
    return values | {"flagged": bool(values["attention"]), "records": documents[-1]["number"]}
