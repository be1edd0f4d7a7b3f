"""Queries about audit rows: append and read; nothing changes or deletes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .engine import Tx
from .tables import audit


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act: when, what, by whom, from where, about what. ``segment`` is None until it is sealed."""

    id: int
    at: datetime
    act: str
    outcome: str
    account_id: str | None
    account_name: str
    address: str
    request: str
    subjects: list[str]
    detail: dict[str, Any]
    segment: int | None


def add(tx: Tx, values: dict[str, Any]) -> None:
    """Append one row; ``values`` are the columns but ``id`` and ``segment``."""
    tx.execute(audit.insert(), values)


def newest(tx: Tx, *, before: int | None, limit: int) -> list[AuditRow]:
    """List rows newest first, those with a smaller id than ``before``."""
    query = (
        sa.select(*(audit.c[name] for name in AuditRow.__dataclass_fields__)).order_by(audit.c.id.desc()).limit(limit)
    )
    if before is not None:
        query = query.where(audit.c.id < before)
    return [AuditRow(*row) for row in tx.execute(query)]
