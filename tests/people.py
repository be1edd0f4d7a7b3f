"""Actors and small makers that many tests share."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

from broker.access.actor import Actor
from broker.catalog.patients import Patient
from broker.declaration import Declaration, FileDeclaration
from broker.ids import new_id
from broker.patients import Patients
from broker.words import Eye, Kind, Role

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def actor(*roles: Role, name: str = "Tess Technician") -> Actor:
    """Somebody with these roles and an account id of its own."""
    return Actor(new_id(NOW), name, frozenset(roles or {Role.TECHNICIAN}), "127.0.0.1", "request-1")


def patient(patients: Patients, *, mrn: str = "0012345", name: str = "Ada Example") -> Patient:
    """Make a patient through the use case."""
    by = actor(Role.TECHNICIAN)
    return patients.make(by, mrn=mrn, name=name, birth_date=date(1957, 3, 21), now=NOW)[0]


def file(ref: str = "1", **changes: object) -> FileDeclaration:
    """Declare one JPEG of a thousand bytes."""
    values: dict[str, object] = {
        "ref": ref,
        "filename": f"{ref}.jpg",
        "size": 1000,
        "media_type": "image/jpeg",
        "eye": Eye.OD,
        "kind": Kind.COLOR_FUNDUS,
        "captured_at": None,
        "digest": sha256(ref.encode()),
    }
    return FileDeclaration(**values | changes)  # type: ignore[arg-type]


def declaration(patient_id: str, *files: FileDeclaration, batch: str = "", urgent: bool = False) -> Declaration:
    """Declare files (one, if none are given) under a new batch id."""
    return Declaration(batch or new_id(NOW), patient_id, "", urgent, files or (file(),))


def sha256(data: bytes) -> str:
    """The digest of a file sent in one piece."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
