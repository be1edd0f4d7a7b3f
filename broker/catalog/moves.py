"""Queries about moves: which scans were given to another patient, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .engine import Tx
from .tables import moves, patients, scans


@dataclass(frozen=True, slots=True)
class Move:
    """Scans that one act moved from one record to another; ``scan_id`` is one of the ``count``.

    ``day``: of the visit they left or, where they came to, of the visit they are in by now.
    """

    scan_id: str
    number: int
    act_id: str
    from_patient: str
    to_patient: str
    day: str
    at: datetime
    by: str
    reason: str
    count: int = 1


def of_patient(tx: Tx, patient: str, *, limit: int) -> list[Move]:
    """List the moves away from and to a patient, and to what was merged into it, by act, newest first.

    Patients are named by the records that they were filed under then.
    """
    theirs = sa.select(patients.c.id).where((patients.c.id == patient) | (patients.c.survivor == patient))
    here = moves.c.to_patient.in_(theirs) & (scans.c.patient_id == patient)
    day = sa.case((here, scans.c.visit_day), else_=moves.c.visit_day).label("day")
    names = ("scan_id", "number", "act_id", "from_patient", "to_patient", "at", "by", "reason")
    each = sa.select(*(moves.c[name] for name in names), day).join(scans, scans.c.id == moves.c.scan_id)
    one = each.where(moves.c.from_patient.in_(theirs) | moves.c.to_patient.in_(theirs)).subquery().c
    act = [one[name] for name in Move.__dataclass_fields__ if name not in ("scan_id", "number", "count")]
    first, newest = sa.func.min(one.scan_id), sa.func.max(one.number)
    query = sa.select(first, newest, *act, sa.func.count()).group_by(*act)
    query = query.order_by(one.at.desc(), first, newest.desc()).limit(limit)
    return [Move(*tuple[Any, ...](row)) for row in tx.execute(query)]
