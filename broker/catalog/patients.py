"""Queries about patients and their versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..errors import PatientNotFound
from .engine import Tx, insert_new, upsert
from .tables import patient_versions, patients


@dataclass(frozen=True, slots=True)
class Patient:
    """A person, known by ``issuer`` + ``mrn``. ``birth_date`` is ISO (YYYY-MM-DD); ``version`` counts from 1."""

    id: str
    issuer: str
    mrn: str
    name: str
    birth_date: str
    sex: str | None
    version: int


COLUMNS = [patients.c[name] for name in Patient.__dataclass_fields__]


def find(tx: Tx, patient: str) -> Patient | None:
    """Give the patient with this id."""
    row = tx.execute(sa.select(*COLUMNS).where(patients.c.id == patient)).first()
    return Patient(*row) if row else None


def known(tx: Tx, patient: str) -> Patient:
    """Give the patient with this id. Raises PatientNotFound."""
    found = find(tx, patient)
    if found is None:
        raise PatientNotFound()
    return found


def many(tx: Tx, ids: Iterable[str]) -> dict[str, Patient]:
    """Give patients by id."""
    query = sa.select(*COLUMNS).where(patients.c.id.in_(list(ids)))
    return {row.id: Patient(*row) for row in tx.execute(query)}


def find_by_mrn(tx: Tx, issuer: str, mrn: str) -> Patient | None:
    """Give the patient with this record number of this issuer."""
    where = (patients.c.issuer == issuer) & (patients.c.mrn == mrn)
    row = tx.execute(sa.select(*COLUMNS).where(where)).first()
    return Patient(*row) if row else None


def search(
    tx: Tx, words: list[str], *, birth_date: str | None, after: tuple[str, str] | None, limit: int
) -> list[Patient]:
    """List patients whose every word is in the name or starts the record number; by name, then id.

    ``after`` is (name key, id) of the last one seen. Words must be case-folded.
    """
    query = sa.select(*COLUMNS).order_by(patients.c.name_key, patients.c.id).limit(limit)
    for word in words:
        in_name = patients.c.name_key.contains(word, autoescape=True)
        query = query.where(in_name | sa.func.lower(patients.c.mrn).startswith(word, autoescape=True))
    if birth_date:
        query = query.where(patients.c.birth_date == birth_date)
    if after:
        query = query.where(sa.tuple_(patients.c.name_key, patients.c.id) > sa.tuple_(*map(sa.literal, after)))
    return [Patient(*row) for row in tx.execute(query)]


def named(tx: Tx, *, mrns: Iterable[str], name_keys: Iterable[str], limit: int) -> list[Patient]:
    """List patients with one of these record numbers, or one of these case-folded names; by two indexes."""
    either = patients.c.mrn.in_(list(mrns)) | patients.c.name_key.in_(list(name_keys))
    query = sa.select(*COLUMNS).where(either).order_by(patients.c.name_key, patients.c.id).limit(limit)
    return [Patient(*row) for row in tx.execute(query)]


def like(tx: Tx, *, name_keys: Iterable[str], birth_dates: Iterable[str]) -> list[tuple[str, str, str]]:
    """List (id, case-folded name, birth date) of all with one of these names or birth dates; by two indexes."""
    either = patients.c.name_key.in_(list(name_keys)) | patients.c.birth_date.in_(list(birth_dates))
    query = sa.select(patients.c.id, patients.c.name_key, patients.c.birth_date).where(either)
    return [(row.id, row.name_key, row.birth_date) for row in tx.execute(query)]


def put(tx: Tx, patient: Patient, document: dict[str, Any], changed_at: datetime) -> None:
    """Make ``patient`` the current version, and keep ``document`` as that version; repeating it changes nothing.

    An older version than the current one is only kept. Raises Conflict if another patient has the record number.
    """
    versions = [{"patient_id": patient.id, "number": patient.version, "document": document}]
    insert_new(tx, patient_versions, versions)
    known = tx.execute(sa.select(patients.c.version).where(patients.c.id == patient.id)).scalar()
    if known is None or known <= patient.version:
        values = {name: getattr(patient, name) for name in Patient.__dataclass_fields__}
        values |= {"name_key": patient.name.casefold(), "changed_at": changed_at}
        upsert(tx, patients, values, key=["id"])


def forget(tx: Tx, patient: str) -> bool:
    """Take out a patient who was erased, with all versions. False if there was none."""
    tx.execute(patient_versions.delete().where(patient_versions.c.patient_id == patient))
    return tx.execute(patients.delete().where(patients.c.id == patient)).rowcount == 1


def versions(tx: Tx, patient: str) -> list[dict[str, Any]]:
    """Give every version's document, oldest first."""
    query = sa.select(patient_versions.c.document).where(patient_versions.c.patient_id == patient)
    return list(tx.execute(query.order_by(patient_versions.c.number)).scalars())
