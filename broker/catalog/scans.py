"""Queries about scans: what the gallery shows, newest capture first, in keyset pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NotRequired, TypedDict

import sqlalchemy as sa

from ..words import Attention, CaptureSource, Eye, Kind, Review
from . import patients as patient_rows
from . import records
from .engine import Tx, micros, moment, upsert
from .patients import COLUMNS as PATIENT
from .patients import Patient
from .tables import REOPENED, patients, scans, uploads


class RenditionFacts(TypedDict):
    """One rendition: sizes in pixels and bytes."""

    media_type: str
    width: int
    height: int
    bytes: int


class Claims(TypedDict):
    """What somebody (the technician, or the file) said about a scan; None where nothing was said.

    ``captured_source`` is the value of a ``CaptureSource``. ``perhaps_file`` names what a browser may have read in the
    file and sent as the technician's word; only in scans of old, and only where there is such a claim.
    """

    eye: str | None
    kind: str | None
    captured_at: str | None
    captured_source: str | None
    device: str | None
    patient: dict[str, str] | None
    perhaps_file: NotRequired[list[str]]


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
    """One picture, volume or document. ``visit_day`` is ISO; ``patient_id`` is whose it is after merges.

    ``review``, ``records`` (how many there are), ``requested_at`` and ``answer`` of a wanted repeat, and
    ``reopened_for``, the account whose review a correction reopened, follow from its records.
    """

    id: str
    upload_id: str
    position: int
    patient_id: str
    eye: Eye
    kind: Kind
    captured_at: datetime
    captured_source: CaptureSource
    visit_day: str
    device: str
    facts: Facts
    placeholder: str
    attention: list[Attention]
    urgent: bool
    withdrawn: bool
    review: Review = Review.UNREVIEWED
    records: int = 0
    manifest: int = 1
    requested_at: datetime | None = None
    answer: dict[str, Any] | None = None
    reopened_for: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which scans a page shows; None means any. Days are the clinic's, both ends included."""

    patient: str | None = None
    eye: Eye | None = None
    kind: Kind | None = None
    first_day: date | None = None
    last_day: date | None = None
    attention: bool | None = None
    device: str | None = None
    review: Review | None = None
    withdrawn: bool = False


#: A day of the clinic's lies within these hours around the same day in UTC, wherever the clinic is.
_KEY = re.compile(r"(-?[0-9]{1,18})\.([0-9a-f-]{36})")
_BEFORE, _AFTER = timedelta(hours=14), timedelta(hours=36)
_ENUMS: list[tuple[str, type[StrEnum]]] = [
    ("eye", Eye),
    ("kind", Kind),
    ("review", Review),
    ("captured_source", CaptureSource),
]
_COLUMNS = [scans.c[name] for name in Scan.__dataclass_fields__]
_WORDS = [(list(Scan.__dataclass_fields__).index(name), {word.value: word for word in words}) for name, words in _ENUMS]
_ATTENTION = list(Scan.__dataclass_fields__).index("attention")
_PATIENT = [column.label(f"patient__{column.name}") for column in PATIENT]


def write_key(key: Key) -> str:
    """Write where a page ends: microseconds since 1970, a dot, the scan's id."""
    return f"{micros(key[0])}.{key[1]}"


def read_key(text: str | None) -> Key | None:
    """Read what ``write_key`` wrote; None, the beginning, where it cannot be read."""
    match = _KEY.fullmatch(text or "")
    return (moment(int(match[1])), match[2]) if match else None


def put(tx: Tx, rows: list[Scan]) -> None:
    """Add scans, or make them what their manifest and the records that are known say."""
    kept = [name for name in Scan.__dataclass_fields__ if name not in records.FOLLOWS]
    whose = patient_rows.stands_for(tx, {row.patient_id for row in rows}, hold=True)
    values = [
        {name: getattr(row, name) for name in kept}
        | {"flagged": bool(row.attention), "filed_under": row.patient_id, "patient_id": whose[row.patient_id]}
        | {"sent_at": datetime.fromisoformat(row.facts["sent_at"])}
        for row in rows
    ]
    upsert(tx, scans, values, key=["id"])
    records.fold(tx, [row.id for row in rows], anew=True)


def page(tx: Tx, which: Filter, *, after: Key | None, limit: int) -> list[tuple[Scan, Patient]]:
    """List scans with their patients, newest capture first, those behind ``after``."""
    query = _page(_shape(which), after is not None, False)
    return [_made(row) for row in tx.execute(query, _values(which, after, limit))]


def newer(tx: Tx, which: Filter, *, than: Key, limit: int) -> list[tuple[Scan, Patient]]:
    """List scans captured after ``than``, the nearest first: the way back from a page or a scan."""
    query = _page(_shape(which), True, True)
    return [_made(row) for row in tx.execute(query, _values(which, than, limit))]


def find(tx: Tx, ids: Iterable[str], *, withdrawn: bool = False) -> dict[str, tuple[Scan, Patient]]:
    """Give scans with their patients, by id: those that are not withdrawn, or those that are."""
    query = _found(withdrawn)
    return {row.id: _made(row) for row in tx.execute(query, {"ids": list(ids)})}


def filed(tx: Tx, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Give the record that each scan is filed under, and the one that this stands for by now."""
    stands = sa.func.coalesce(patients.c.survivor, scans.c.filed_under)
    query = sa.select(scans.c.id, scans.c.filed_under, stands).where(scans.c.id.in_(list(ids)))
    query = query.select_from(scans.outerjoin(patients, patients.c.id == scans.c.filed_under))
    return {row[0]: (row[1], row[2]) for row in tx.execute(query)}


def reopened(tx: Tx, account: str, *, limit: int) -> list[str]:
    """List the scans that this account had reviewed before a correction reopened them, newest capture first."""
    query = sa.select(scans.c.id).where(REOPENED, scans.c.reopened_for == account, scans.c.withdrawn.is_(False))
    return list(tx.execute(query.order_by(scans.c.captured_at.desc(), scans.c.id.desc()).limit(limit)).scalars())


def upload_of(tx: Tx, scan: str) -> str | None:
    """Give the upload that a scan came out of, withdrawn or not."""
    return tx.execute(sa.select(scans.c.upload_id).where(scans.c.id == scan)).scalar()


def ids_of(tx: Tx, *, batch: str | None = None, patient: str | None = None) -> list[str]:
    """List the scans of one batch, or of one patient, that are not withdrawn."""
    query = sa.select(scans.c.id).where(scans.c.withdrawn.is_(False)).order_by(scans.c.id)
    if batch is not None:
        query = query.join(uploads, uploads.c.id == scans.c.upload_id).where(uploads.c.batch_id == batch)
    if patient is not None:
        query = query.where(scans.c.patient_id == _stands_for(sa.literal(patient)))
    return list(tx.execute(query).scalars())


def months(tx: Tx, which: Filter) -> list[tuple[str, int]]:
    """Count scans by month of their visit (YYYY-MM), newest first."""
    month = sa.func.substr(scans.c.visit_day, 1, 7)
    query = _narrowed(sa.select(month, sa.func.count()), _shape(which)).group_by(month).order_by(month.desc())
    return [(row[0], row[1]) for row in tx.execute(query, _values(which, None, 0))]


def devices(tx: Tx, limit: int = 100) -> list[str]:
    """List the devices that scans came from, by name; a step through the index each, however many scans there are."""
    steps = sa.text(
        "WITH RECURSIVE known(name) AS (SELECT min(device) FROM scans WHERE device > '' UNION ALL "
        "SELECT (SELECT min(device) FROM scans WHERE device > known.name) FROM known WHERE known.name IS NOT NULL) "
        "SELECT name FROM known WHERE name IS NOT NULL LIMIT :limit"
    )
    return list(tx.execute(steps, {"limit": limit}).scalars())


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


#: Statements are built once for each shape of a filter and run with values: building one costs as much as running it.
_SHAPES = 512


def _shape(which: Filter) -> Filter:
    """The filter without its values: what is asked, not for what. Its flags stay, for they are part of the SQL."""
    return replace(which, **{name: _ASKED for name in _VALUES if getattr(which, name) is not None})


_VALUES = ("patient", "eye", "kind", "first_day", "last_day", "device", "review")
_ASKED: Any = "?"


def _values(which: Filter, place: Key | None, limit: int) -> dict[str, Any]:
    """What a statement of this shape is run with."""
    values = {name: value for name in _VALUES if (value := getattr(which, name)) is not None}
    if which.first_day is not None:
        # The day decides; the time lets the index skip what is far from it.
        values |= {"first_day": which.first_day.isoformat(), "first": _midnight(which.first_day) - _BEFORE}
    if which.last_day is not None:
        values |= {"last_day": which.last_day.isoformat(), "last": _midnight(which.last_day) + _AFTER}
    if place is not None:
        values |= {"at": place[0], "id": place[1]}
    return values | {"limit": limit}


@lru_cache(maxsize=_SHAPES)
def _page(shape: Filter, place: bool, forwards: bool) -> sa.Select[Any]:
    query, order = _joined(shape), (scans.c.captured_at, scans.c.id)
    if place:
        key = sa.tuple_(sa.bindparam("at", type_=scans.c.captured_at.type), sa.bindparam("id", type_=scans.c.id.type))
        here = sa.tuple_(*order)
        query = query.where(here > key if forwards else here < key)
    query = query.order_by(*(order if forwards else (column.desc() for column in order)))
    return query.limit(sa.bindparam("limit", type_=sa.Integer))


@lru_cache(maxsize=2)
def _found(withdrawn: bool) -> sa.Select[Any]:
    return _joined(Filter(withdrawn=withdrawn)).where(scans.c.id.in_(sa.bindparam("ids", expanding=True)))


def _joined(shape: Filter) -> sa.Select[Any]:
    query = sa.select(*_COLUMNS, *_PATIENT).join(patients, patients.c.id == scans.c.patient_id)
    return _narrowed(query, shape)


def _narrowed(query: sa.Select[Any], shape: Filter) -> sa.Select[Any]:
    query = query.where(scans.c.withdrawn.is_(shape.withdrawn))
    if shape.attention is not None:
        query = query.where(scans.c.flagged == (sa.true() if shape.attention else sa.false()))
    columns = {name: scans.c[f"{name}_id" if name == "patient" else name] for name in _VALUES if "_day" not in name}
    for name, column in columns.items():
        if getattr(shape, name) is not None:
            asked: sa.ColumnElement[Any] = sa.bindparam(name, type_=column.type)
            query = query.where(column == (_stands_for(asked) if name == "patient" else asked))
    day, at = scans.c.visit_day, scans.c.captured_at
    if shape.first_day is not None:
        query = query.where(day >= sa.bindparam("first_day"), at >= sa.bindparam("first", type_=at.type))
    if shape.last_day is not None:
        query = query.where(day <= sa.bindparam("last_day"), at <= sa.bindparam("last", type_=at.type))
    return query


def _stands_for(patient: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Whom the record with this id stands for."""
    record = patients.alias("asked")
    stands = sa.func.coalesce(record.c.survivor, record.c.id)
    return sa.select(stands).where(record.c.id == patient).scalar_subquery()


def _midnight(day: date) -> datetime:
    # Far from both ends of what a datetime can be, and from both ends of what a capture time can be.
    return datetime.combine(min(max(day, date(1800, 1, 1)), date(9000, 1, 1)), time(), UTC)


def _made(row: sa.Row[Any]) -> tuple[Scan, Patient]:
    # By place and not by name: a page makes hundreds.
    values = list(row)
    for place, words in _WORDS:
        values[place] = words[values[place]]
    if values[_ATTENTION]:  # most have none
        values[_ATTENTION] = [Attention(code) for code in values[_ATTENTION]]
    return Scan(*values[: len(_COLUMNS)]), Patient(*values[len(_COLUMNS) :])
