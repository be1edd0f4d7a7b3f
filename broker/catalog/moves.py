"""Queries about moves: which scans were given to another patient, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from .engine import Tx
from .tables import moves, patients, scans


@dataclass(frozen=True, slots=True)
class Move:
    """A scan that was moved. ``day``: of the visit it left or, where it came to, of the visit it is in by now."""

    scan_id: str
    number: int
    act_id: str
    from_patient: str
    to_patient: str
    day: str
    at: datetime
    by: str
    reason: str


def of_patient(tx: Tx, patient: str, *, limit: int) -> list[Move]:
    """List the moves away from and to a patient, and to what was merged into it, newest first.

    Patients are named by the records that they were filed under then.
    """
    theirs = sa.select(patients.c.id).where((patients.c.id == patient) | (patients.c.survivor == patient))
    here = moves.c.to_patient.in_(theirs) & (scans.c.patient_id == patient)
    day = sa.case((here, scans.c.visit_day), else_=moves.c.visit_day)
    columns = [moves.c[name] if name != "day" else day.label("day") for name in Move.__dataclass_fields__]
    query = sa.select(*columns).join(scans, scans.c.id == moves.c.scan_id)
    query = query.where(moves.c.from_patient.in_(theirs) | moves.c.to_patient.in_(theirs))
    query = query.order_by(moves.c.at.desc(), moves.c.scan_id, moves.c.number.desc()).limit(limit)
    return [Move(*row) for row in tx.execute(query)]
