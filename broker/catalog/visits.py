"""Queries over visits: what waits to be read, and the repeats that were wanted and have not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ..words import Review
from .engine import Tx
from .patients import COLUMNS as PATIENT
from .patients import Patient
from .tables import patients, scans


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visit with scans that nobody has reviewed; ``day`` is ISO, ``first`` its earliest such scan's id."""

    patient: Patient
    day: str
    scans: int
    urgent: bool
    flagged: bool
    first: str
    stored_at: datetime


def waiting(tx: Tx, *, limit: int, but: tuple[str, str] | None = None) -> list[Waiting]:
    """List visits to read: urgent ones first, then those that have waited longest. ``but``: (patient, day) to skip."""
    visit = (scans.c.patient_id, scans.c.visit_day)
    urgent = sa.func.max(sa.case((scans.c.urgent, 1), else_=0))
    grouped = (
        sa.select(
            *visit,
            sa.func.count().label("scans"),
            urgent.label("urgent"),
            sa.func.max(sa.case((scans.c.flagged, 1), else_=0)).label("flagged"),
            sa.func.min(scans.c.id).label("first"),
            sa.func.min(scans.c.captured_at).label("captured_at"),
        )
        .where(scans.c.review == Review.UNREVIEWED, scans.c.withdrawn.is_(False))
        .group_by(*visit)
        .order_by(urgent.desc(), scans.c.visit_day, scans.c.patient_id)
        .limit(limit)
    )
    if but is not None:
        grouped = grouped.where(sa.or_(scans.c.patient_id != but[0], scans.c.visit_day != but[1]))
    inner = grouped.subquery()
    query = sa.select(inner, *(column.label(f"p_{column.name}") for column in PATIENT))
    query = query.join(patients, patients.c.id == inner.c.patient_id)
    query = query.order_by(inner.c.urgent.desc(), inner.c.visit_day, inner.c.patient_id)
    return [
        Waiting(
            Patient(**{name: getattr(row, f"p_{name}") for name in Patient.__dataclass_fields__}),
            row.visit_day,
            row.scans,
            bool(row.urgent),
            bool(row.flagged),
            row.first,
            row.captured_at,
        )
        for row in tx.execute(query)
    ]


def count_waiting(tx: Tx) -> tuple[int, int]:
    """Count the visits to read, and the urgent ones among them."""
    unread = (scans.c.review == Review.UNREVIEWED) & scans.c.withdrawn.is_(False)
    urgent = sa.func.max(sa.case((scans.c.urgent, 1), else_=0)).label("urgent")
    grouped = sa.select(urgent).where(unread).group_by(scans.c.patient_id, scans.c.visit_day).subquery()
    row = tx.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(grouped.c.urgent), 0))).one()
    return row[0], int(row[1])


def repeats(tx: Tx, *, limit: int) -> list[str]:
    """List scans for which a repeat is wanted and nothing newer of that patient, eye and kind has been stored."""
    newer = scans.alias("newer")
    came = sa.exists().where(
        newer.c.patient_id == scans.c.patient_id,
        newer.c.eye == scans.c.eye,
        newer.c.kind == scans.c.kind,
        newer.c.captured_at > scans.c.captured_at,
        newer.c.withdrawn.is_(False),
    )
    query = sa.select(scans.c.id).where(scans.c.review == Review.REPEAT, scans.c.withdrawn.is_(False), ~came)
    return list(tx.execute(query.order_by(scans.c.captured_at.desc()).limit(limit)).scalars())
