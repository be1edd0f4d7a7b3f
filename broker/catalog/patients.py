"""Queries about patients and their versions.

Two records may turn out to be one person's. Then the newest version of one, the absorbed, names the other in
``merged_into``, and where that ends, for it may have been merged too, is its ``survivor``: the record that everything
shows. What is asked for by an absorbed record's id or number leads there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..errors import PatientNotFound
from .engine import Tx, insert_new, upsert
from .tables import patient_versions, patients, scans


@dataclass(frozen=True, slots=True)
class Patient:
    """A person, known by ``issuer`` + ``mrn``. ``birth_date`` is ISO (YYYY-MM-DD); ``version`` counts from 1.

    ``merged_into``: the id of another record of the same person, into which this one was merged.
    """

    id: str
    issuer: str
    mrn: str
    name: str
    birth_date: str
    sex: str | None
    version: int
    merged_into: str | None = None


LONGEST_KEY = 200
#: PostgreSQL's advisory lock of whoever changes what records stand for.
_MERGES = 0x6D657267
COLUMNS = [patients.c[name] for name in Patient.__dataclass_fields__]
#: The id of the record that a record stands for: its own, or its survivor's.
STANDS_FOR = sa.func.coalesce(patients.c.survivor, patients.c.id)


def find(tx: Tx, patient: str) -> Patient | None:
    """Give the record with this id, absorbed or not."""
    row = tx.execute(sa.select(*COLUMNS).where(patients.c.id == patient)).first()
    return Patient(*row) if row else None


def known(tx: Tx, patient: str) -> Patient:
    """Give the patient with this id; of an absorbed record, the one it was merged into. Raises PatientNotFound."""
    found = many(tx, [patient]).get(patient)
    if found is None:
        raise PatientNotFound()
    return found


def many(tx: Tx, ids: Iterable[str]) -> dict[str, Patient]:
    """Give patients by the ids that were asked for; for an absorbed record the one it was merged into."""
    asked = patients.alias("asked")
    query = sa.select(asked.c.id.label("asked_id"), *COLUMNS).where(asked.c.id.in_(list(ids)))
    query = query.join(patients, patients.c.id == sa.func.coalesce(asked.c.survivor, asked.c.id))
    return {row[0]: Patient(*tuple[Any, ...](row)[1:]) for row in tx.execute(query)}


def stands_for(tx: Tx, ids: Iterable[str], *, hold: bool = False) -> dict[str, str]:
    """Give for each record the id of the one that it stands for; an id that nobody knows stands for itself.

    With ``hold`` nobody merges one of them, or takes a merge back, until this transaction ends.
    """
    which = set(ids)
    query = sa.select(patients.c.id, STANDS_FOR).where(patients.c.id.in_(which)).order_by(patients.c.id)
    found = {row[0]: row[1] for row in tx.execute(query.with_for_update(read=True) if hold else query)}
    return {one: found.get(one, one) for one in which}


def lock(tx: Tx, ids: Iterable[str]) -> dict[str, Patient]:
    """Give records by id, absorbed or not, and let nobody else change them until this transaction ends."""
    query = sa.select(*COLUMNS).where(patients.c.id.in_(list(ids))).order_by(patients.c.id)
    return {row.id: Patient(*row) for row in tx.execute(query.with_for_update())}


def alone(tx: Tx) -> None:
    """Let nobody else merge records, or take a merge back, until this transaction ends.

    Which records stand for which is read along whole chains before it is written, so it is one matter for all of them.
    To be called before any row of a patient is held: who holds one and waits here may wait for ever.
    """
    if tx.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_MERGES)))


def absorbed(tx: Tx, patient: str, *, directly: bool = False) -> list[Patient]:
    """List the records that were merged into a patient, by id; also through others, unless ``directly``."""
    named = patients.c.merged_into if directly else patients.c.survivor
    query = sa.select(*COLUMNS).where(named == patient).order_by(patients.c.id)
    return [Patient(*row) for row in tx.execute(query)]


def former(tx: Tx, ids: Iterable[str]) -> dict[str, list[Patient]]:
    """List, for each of these patients, the records that were merged into it, also through others; by id."""
    query = sa.select(patients.c.survivor, *COLUMNS).where(patients.c.survivor.in_(list(ids))).order_by(patients.c.id)
    found: dict[str, list[Patient]] = {}
    for row in tx.execute(query):
        found.setdefault(row[0], []).append(Patient(*tuple[Any, ...](row)[1:]))
    return found


def of_person(tx: Tx, patient: str) -> list[Patient]:
    """List all records of the person of whom this is one: this first, then the others; none if nobody knows it."""
    asked = patients.alias("asked")
    end = sa.select(sa.func.coalesce(asked.c.survivor, asked.c.id)).where(asked.c.id == patient).scalar_subquery()
    query = sa.select(*COLUMNS).where((patients.c.id == end) | (patients.c.survivor == end))
    return [Patient(*row) for row in tx.execute(query.order_by(patients.c.id != patient, patients.c.id))]


def ids_of_person(patient: str) -> sa.Select[Any]:
    """Select the ids of all records of the person of whom this is one."""
    asked = patients.alias("asked")
    end = sa.select(sa.func.coalesce(asked.c.survivor, asked.c.id)).where(asked.c.id == patient).scalar_subquery()
    return sa.select(patients.c.id).where((patients.c.id == end) | (patients.c.survivor == end))


def find_by_mrn(tx: Tx, issuer: str, mrn: str) -> Patient | None:
    """Give the record with this number of this issuer, absorbed or not."""
    where = (patients.c.issuer == issuer) & (patients.c.mrn == mrn)
    row = tx.execute(sa.select(*COLUMNS).where(where)).first()
    return Patient(*row) if row else None


def place(patient: Patient) -> tuple[str, str]:
    """Where a search's page ends that ends with this patient: the name's key, and the id."""
    # Folded, a letter can become three: more of them than the column takes are no help in a search.
    return patient.name.casefold()[:LONGEST_KEY], patient.id


def search(
    tx: Tx, words: list[str], *, birth_date: str | None, after: tuple[str, str] | None, limit: int
) -> list[Patient]:
    """List patients whose every word is in the name or starts the record number; by name, then id.

    ``after`` is (name key, id) of the last one seen. Words must be case-folded.
    """
    query = sa.select(*COLUMNS).where(patients.c.survivor.is_(None))
    query = query.order_by(patients.c.name_key, patients.c.id).limit(limit)
    if words or birth_date:
        old = patients.alias("old")
        merged = sa.select(old.c.survivor).where(old.c.survivor.is_not(None), *_matches(old, words, birth_date))
        query = query.where(sa.and_(*_matches(patients, words, birth_date)) | patients.c.id.in_(merged))
    if after:
        query = query.where(sa.tuple_(patients.c.name_key, patients.c.id) > sa.tuple_(*map(sa.literal, after)))
    return [Patient(*row) for row in tx.execute(query)]


def named(tx: Tx, *, mrns: Iterable[str], name_keys: Iterable[str], limit: int) -> list[Patient]:
    """List records, absorbed or not, with one of these numbers or case-folded names; by two indexes."""
    either = patients.c.mrn.in_(list(mrns)) | patients.c.name_key.in_(list(name_keys))
    query = sa.select(*COLUMNS).where(either).order_by(patients.c.name_key, patients.c.id).limit(limit)
    return [Patient(*row) for row in tx.execute(query)]


def like(tx: Tx, *, name_keys: Iterable[str], birth_dates: Iterable[str]) -> list[tuple[str, str, str]]:
    """List (id, case-folded name, birth date) of all with one of these names or birth dates; by two indexes.

    Records that were merged into another one are nobody else, and left out.
    """
    either = patients.c.name_key.in_(list(name_keys)) | patients.c.birth_date.in_(list(birth_dates))
    query = sa.select(patients.c.id, patients.c.name_key, patients.c.birth_date)
    query = query.where(either, patients.c.survivor.is_(None))
    return [(row.id, row.name_key, row.birth_date) for row in tx.execute(query)]


def put(tx: Tx, patient: Patient, document: dict[str, Any], changed_at: datetime) -> None:
    """Make ``patient`` the current version, and keep ``document`` as that version; repeating it changes nothing.

    An older version than the current one is only kept. Raises Conflict if another patient has the record number.
    """
    versions = [{"patient_id": patient.id, "number": patient.version, "document": document}]
    insert_new(tx, patient_versions, versions)
    known = tx.execute(sa.select(patients.c.version, patients.c.merged_into).where(patients.c.id == patient.id)).first()
    if known is None or known.version <= patient.version:
        values = {name: getattr(patient, name) for name in Patient.__dataclass_fields__}
        values |= {"name_key": place(patient)[0], "changed_at": changed_at}
        upsert(tx, patients, values, key=["id"])
        if (known.merged_into if known else None) != patient.merged_into or (known is None and _named(tx, patient.id)):
            settle(tx, patient.id)


def settle(tx: Tx, patient: str) -> None:
    """Make a record, all that were merged into it, and all their scans, be of whom it stands for by now.

    It looks at nothing but what the newest versions say, so it does not matter in which order they came. Records that
    were merged in a circle, which nobody can do, stand for the one with the smallest id.
    """
    members = _below(tx, patient)
    end = _end(tx, patient)
    for survivor, which in ((None, members & {end}), (end, members - {end})):
        if which:
            tx.execute(patients.update().where(patients.c.id.in_(which)).values(survivor=survivor))
    theirs = scans.c.filed_under.in_(members) & (scans.c.patient_id != end)
    tx.execute(scans.update().where(theirs).values(patient_id=end))


def stands_right(tx: Tx, patient: str) -> bool:
    """Say whether a known record stands for the one where its way ends."""
    return stands_for(tx, [patient])[patient] == _end(tx, patient)


def settle_all(tx: Tx) -> None:
    """Make every record that does not stand for whom it should, do so."""
    alone(tx)
    into = patients.alias("into")
    # Where all agree with the record that they were merged into, all are right; the topmost wrong one does not agree.
    should = sa.func.nullif(sa.func.coalesce(into.c.survivor, into.c.id), patients.c.id)
    query = sa.select(patients.c.id).outerjoin(into, into.c.id == patients.c.merged_into)
    for one in tx.execute(query.where(patients.c.survivor.is_distinct_from(should))).scalars().all():
        settle(tx, one)


def forget(tx: Tx, patient: str) -> bool:
    """Take out a patient who was erased, with all versions. False if there was none."""
    alone(tx)
    tx.execute(patient_versions.delete().where(patient_versions.c.patient_id == patient))
    gone = tx.execute(patients.delete().where(patients.c.id == patient)).rowcount == 1
    for orphan in tx.execute(sa.select(patients.c.id).where(patients.c.merged_into == patient)).scalars().all():
        settle(tx, orphan)
    return gone


def versions(tx: Tx, *ids: str) -> list[dict[str, Any]]:
    """Give every version's document of one patient, or of several one after the other, oldest first."""
    query = sa.select(patient_versions.c.document).where(patient_versions.c.patient_id.in_(ids))
    return list(tx.execute(query.order_by(patient_versions.c.patient_id, patient_versions.c.number)).scalars())


def _matches(table: sa.FromClause, words: Sequence[str], birth_date: str | None) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [
        table.c.name_key.contains(word, autoescape=True) | sa.func.lower(table.c.mrn).startswith(word, autoescape=True)
        for word in words
    ]
    return [*found, table.c.birth_date == birth_date] if birth_date else found


def _named(tx: Tx, patient: str) -> bool:
    """Say whether a record was merged into this one, which nobody knew before."""
    return tx.execute(sa.select(patients.c.id).where(patients.c.merged_into == patient).limit(1)).first() is not None


def _below(tx: Tx, patient: str) -> set[str]:
    """A record and all that were merged into it, also through others."""
    found = newest = {patient}
    while newest:
        query = sa.select(patients.c.id).where(patients.c.merged_into.in_(newest))
        newest = set(tx.execute(query).scalars()) - found
        found = found | newest
    return found


def _end(tx: Tx, patient: str) -> str:
    """Where the way from record to record ends: at one that was not merged, or whose survivor nobody knows."""
    way = [patient]
    while True:
        row = tx.execute(sa.select(patients.c.merged_into).where(patients.c.id == way[-1])).first()
        if row is None:  # only the last one can be unknown
            return way[-2] if len(way) > 1 else patient
        if row.merged_into is None:
            return way[-1]
        if row.merged_into in way:
            return min(way[way.index(row.merged_into) :])
        way.append(row.merged_into)
