"""Queries over visits: what waits to be read.

A worklist is read from indexes that hold only what waits, in the order in which it is shown, and no further than its
page: a backlog of any length costs the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .engine import Tx
from .patients import COLUMNS as PATIENT
from .patients import Patient
from .tables import URGENT, WAITING, patients, scans


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visit with scans that nobody has reviewed; ``day`` is ISO, ``first`` its earliest such scan's id."""

    patient: Patient
    day: str
    scans: int
    urgent: bool
    flagged: bool
    first: str
    captured_at: datetime


def waiting(tx: Tx, *, limit: int, but: tuple[str, str] = ("", "")) -> list[Waiting]:
    """List visits to read: urgent ones first, then those that have waited longest. ``but``: (patient, day) to skip."""
    other = {"but_patient": but[0], "but_day": but[1]}
    urgent = tx.execute(_URGENT, other | {"limit": limit}).all()
    found = _urgent(tx, [tuple(row) for row in urgent]) if urgent else []
    return found + _made(tx, _REST, other | {"limit": limit - len(found)}) if len(found) < limit else found


def count_waiting(tx: Tx, *, most: int) -> tuple[int, int]:
    """Count the visits to read, and the urgent ones among them, up to ``most`` each."""
    counts = [sa.select(*_VISIT).where(which).group_by(*_VISIT).limit(most).subquery() for which in (WAITING, URGENT)]
    row = tx.execute(
        sa.select(*(sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in counts))
    ).one()
    return row[0], row[1]


def _made(tx: Tx, query: sa.Select[Any], values: dict[str, Any]) -> list[Waiting]:
    return [
        Waiting(Patient(*row[7:]), row.visit_day, row.scans, bool(row.urgent), bool(row.flagged), *row[5:7])
        for row in tx.execute(query, values)
    ]


def _urgent(tx: Tx, these: list[tuple[Any, ...]]) -> list[Waiting]:
    """The visits with these days and patients.

    Summed up here, and sought by their days too: asked to group them, or for the pairs alone, SQLite reads all that
    waits.
    """
    visits: dict[tuple[str, str], list[sa.Row[Any]]] = {}
    for row in tx.execute(_THESE, {"these": these, "days": sorted({day for day, _ in these})}):
        visits.setdefault((row.visit_day, row.patient_id), []).append(row)
    return [
        Waiting(
            Patient(*tuple[Any, ...](rows[0])[5:]),
            day,
            len(rows),
            True,
            any(row.flagged for row in rows),
            min(row.first for row in rows),
            min(row.captured_at for row in rows),
        )
        for (day, _), rows in sorted(visits.items())
    ]


def _with_patients(grouped: sa.Select[Any]) -> sa.Select[Any]:
    inner = grouped.subquery()
    query = sa.select(inner, *_PATIENT)
    return query.join(patients, patients.c.id == inner.c.patient_id).order_by(inner.c.visit_day, inner.c.patient_id)


# Built once: building them costs more than running them.
_VISIT = (scans.c.visit_day, scans.c.patient_id)
_PATIENT = [column.label(f"p_{column.name}") for column in PATIENT]
_OTHER = (scans.c.patient_id != sa.bindparam("but_patient")) | (scans.c.visit_day != sa.bindparam("but_day"))
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_IS_URGENT = sa.func.max(sa.case((scans.c.urgent, 1), else_=0))
_SUMMED = (
    sa.select(
        *_VISIT,
        sa.func.count().label("scans"),
        _IS_URGENT.label("urgent"),
        sa.func.max(sa.case((scans.c.flagged, 1), else_=0)).label("flagged"),
        sa.func.min(scans.c.id).label("first"),
        sa.func.min(scans.c.captured_at).label("captured_at"),
    )
    .where(WAITING)
    .group_by(*_VISIT)
)
_URGENT = sa.select(*_VISIT).where(URGENT, _OTHER).distinct().order_by(*_VISIT).limit(_LIMIT)
_THESE = (
    sa.select(*_VISIT, scans.c.flagged, scans.c.id.label("first"), scans.c.captured_at, *_PATIENT)
    .join(patients, patients.c.id == scans.c.patient_id)
    .where(WAITING, scans.c.visit_day.in_(sa.bindparam("days", expanding=True)))
    .where(sa.tuple_(*_VISIT).in_(sa.bindparam("these", expanding=True)))
)
_REST = _with_patients(_SUMMED.where(_OTHER).having(_IS_URGENT == 0).order_by(*_VISIT).limit(_LIMIT))
