"""Queries about scans: what the gallery shows, newest capture first, in keyset pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict

import sqlalchemy as sa

from ..words import Eye, Kind
from .engine import Tx, upsert
from .patients import COLUMNS as PATIENT
from .patients import Patient
from .tables import patients, scans


class RenditionFacts(TypedDict):
    """One rendition: sizes in pixels and bytes."""

    media_type: str
    width: int
    height: int
    bytes: int


class Claims(TypedDict):
    """What somebody (the technician, or the file) said about a scan; None where nothing was said."""

    eye: str | None
    kind: str | None
    captured_at: str | None
    captured_source: str | None
    device: str | None
    patient: dict[str, str] | None


class Facts(TypedDict):
    """Everything else about a scan that pages show: its part of the manifest, kept as one JSON document.

    ``digest`` is the declared form, ``sha256`` the plain one of the original; ``size`` is the original's bytes.
    ``spacing_mm`` is millimetres per pixel along [row, column], ``no_preview`` the reason when nothing can be shown.
    Times are ISO 8601.
    """

    filename: str
    ending: str  # of the original's name, lower case, without the dot; '' if it has none that is safe
    format: str
    media_type: str
    size: int
    digest: str
    sha256: str
    width: int
    height: int
    frames: int
    spacing_mm: list[float] | None
    renditions: dict[str, RenditionFacts]  # by the rendition's name
    no_preview: str | None
    declared: Claims
    detected: Claims
    note: str
    sent_by: str
    sent_at: str
    received_at: str
    stored_at: str


#: Where a page ends: the capture time and id of its last scan.
Key = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """One picture, volume or document. ``visit_day`` is ISO."""

    id: str
    upload_id: str
    position: int
    patient_id: str
    eye: Eye
    kind: Kind
    captured_at: datetime
    captured_source: str
    visit_day: str
    device: str
    facts: Facts
    placeholder: str
    attention: list[str]
    urgent: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Which scans a page shows; None means any. Days are the clinic's, both ends included."""

    patient: str | None = None
    eye: Eye | None = None
    kind: Kind | None = None
    first_day: date | None = None
    last_day: date | None = None
    attention: bool | None = None


_COLUMNS = [scans.c[name] for name in Scan.__dataclass_fields__]
_PATIENT = [column.label(f"patient__{column.name}") for column in PATIENT]


def put(tx: Tx, rows: list[Scan]) -> None:
    """Add scans, or make them what they are in the manifest."""
    values = [{name: getattr(row, name) for name in Scan.__dataclass_fields__} for row in rows]
    upsert(tx, scans, values, key=["id"])


def page(tx: Tx, which: Filter, *, after: Key | None, limit: int) -> list[tuple[Scan, Patient]]:
    """List scans with their patients, newest capture first, those behind ``after``."""
    query = _joined(which).order_by(scans.c.captured_at.desc(), scans.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(_place() < _at(after))
    return [_made(row) for row in tx.execute(query)]


def newer(tx: Tx, which: Filter, *, than: Key, limit: int) -> list[tuple[Scan, Patient]]:
    """List scans captured after ``than``, the nearest first: the way back from a page or a scan."""
    query = _joined(which).order_by(scans.c.captured_at, scans.c.id).limit(limit).where(_place() > _at(than))
    return [_made(row) for row in tx.execute(query)]


def find(tx: Tx, ids: Iterable[str]) -> dict[str, tuple[Scan, Patient]]:
    """Give scans that are not withdrawn, with their patients, by id."""
    query = _joined(Filter()).where(scans.c.id.in_(list(ids)))
    return {row.id: _made(row) for row in tx.execute(query)}


def upload_of(tx: Tx, scan: str) -> str | None:
    """Give the upload that a scan came out of, withdrawn or not."""
    return tx.execute(sa.select(scans.c.upload_id).where(scans.c.id == scan)).scalar()


def facts_of(tx: Tx, ids: Iterable[str]) -> dict[str, dict[str, Facts]]:
    """Give the facts of the scans of these uploads, withdrawn ones too, by upload and scan."""
    query = sa.select(scans.c.upload_id, scans.c.id, scans.c.facts).where(scans.c.upload_id.in_(list(ids)))
    found: dict[str, dict[str, Facts]] = {}
    for upload, scan, facts in tx.execute(query):
        found.setdefault(upload, {})[scan] = facts
    return found


def is_empty(tx: Tx) -> bool:
    """Say whether the catalog knows no scan at all."""
    return tx.execute(sa.select(scans.c.id).limit(1)).first() is None


def _joined(which: Filter) -> sa.Select[Any]:
    query = sa.select(*_COLUMNS, *_PATIENT).join(patients, patients.c.id == scans.c.patient_id)
    query = query.where(scans.c.withdrawn.is_(False))
    if which.patient is not None:
        query = query.where(scans.c.patient_id == which.patient)
    if which.eye is not None:
        query = query.where(scans.c.eye == which.eye)
    if which.kind is not None:
        query = query.where(scans.c.kind == which.kind)
    if which.first_day is not None:
        query = query.where(scans.c.visit_day >= which.first_day.isoformat())
    if which.last_day is not None:
        query = query.where(scans.c.visit_day <= which.last_day.isoformat())
    if which.attention is not None:
        query = query.where((scans.c.attention != []) if which.attention else (scans.c.attention == []))
    return query


def _place() -> sa.Tuple:
    return sa.tuple_(scans.c.captured_at, scans.c.id)


def _at(key: Key) -> sa.Tuple:
    return sa.tuple_(sa.literal(key[0], scans.c.captured_at.type), sa.literal(key[1]))


def _made(row: sa.Row[Any]) -> tuple[Scan, Patient]:
    values = row._asdict()
    scan = {name: values[name] for name in Scan.__dataclass_fields__}
    patient = {name: values[f"patient__{name}"] for name in Patient.__dataclass_fields__}
    return Scan(**scan | {"eye": Eye(row.eye), "kind": Kind(row.kind)}), Patient(**patient)
