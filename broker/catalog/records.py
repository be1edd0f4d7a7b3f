"""Records about scans: append-only documents, and what they make of their scans.

A record is one JSON document, the same in the catalog and in the vault under ``scans/<tt>/<scan>/records/<n>.json``:

    version 2, scan, number (from 1 for each scan), act (id of the act, made by the client), kind, at, account, by,
    body (SHA-256 of what was asked, so that a retry is known from another act with the same id), and of a
    review       status: reviewed or repeat; note; seen: {records, manifest}, the numbers of what had been said and of
                 the manifest that was shown; opened: whether this account had the picture before its eyes; slices:
                 [seen, of] of a volume or run, else null
    addendum     note; closes: whether it settles a wanted repeat; answers: upon which scans, each with link, the
                 scan, and seen, opened, slices as of a review
    correction   set: for each of eye, kind, captured_at, captured_source, visit_day, patient: {from, to}; reason
    withdrawal   withdrawn: true, or false for a restored scan; reason
    answer       to a wanted repeat: possible; link: the scan that answers it, or null; reason
    retraction   retracts: the act that is taken back whole

Version 1, written before there was more than one reading of a scan, has no answers and retractions, its reviews do not
say what was seen, and its corrections reopen nothing.

What a scan is now follows from its manifest and its records alone, whatever order they came in: ``apply`` is the one
way for an act and for a rebuild. Whose it is follows from that and from which patients were merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from . import patients
from .engine import Tx, insert_new, upsert
from .folding import DECIDED, FOLLOWS, Document
from .folding import fold as folded
from .tables import moves, records, scans

__all__ = ["DECIDED", "FOLLOWS", "Document", "apply", "fold", "lock", "of_act", "of_scans", "unknown"]


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
    rows = tx.execute(sa.select(*columns).where(scans.c.id.in_(list(kept)))).mappings().all()
    bases = {row["id"]: _base(row, anew=anew) for row in rows}
    made = {scan: folded(base, kept[scan]) for scan, base in bases.items()}
    refiled = {row["id"] for row in rows if made[row["id"]][0]["filed_under"] != row["filed_under"]}
    whose = patients.stands_for(tx, {made[scan][0]["filed_under"] for scan in refiled}, hold=True) if refiled else {}
    for scan, (values, _) in made.items():
        # Whose it is moves with what it is filed under; else a merge has seen to it.
        moved = {"patient_id": whose[values["filed_under"]]} if scan in refiled else {}
        tx.execute(scans.update().where(scans.c.id == scan).values(base=bases[scan], **values, **moved))
    upsert(tx, moves, [move for _, told in made.values() for move in told], key=["scan_id", "number"])


def _base(row: sa.RowMapping, *, anew: bool) -> Document:
    now = {name: row[name] for name in DECIDED} | {"captured_at": row["captured_at"].isoformat()}
    return now if anew else row["base"] or now


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
