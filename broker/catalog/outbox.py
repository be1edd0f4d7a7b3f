"""The outbox: documents that the web process made and the worker will publish into the vault.

A row stands here from the act's own transaction until the blob exists. Rows leave in the order they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..names import VaultBlob
from .engine import Tx
from .tables import outbox


@dataclass(frozen=True, slots=True)
class Unpublished:
    """One document and the vault name it is to have."""

    id: int
    name: str
    document: dict[str, Any]


def add(tx: Tx, blob: VaultBlob, document: dict[str, Any], now: datetime) -> None:
    """Put a document in. Raises Conflict if its name is waiting already."""
    tx.execute(outbox.insert(), {"name": blob.name, "document": document, "created_at": now})


def first(tx: Tx, limit: int, *, after: int = 0) -> list[Unpublished]:
    """List the oldest documents that wait, those with a greater id than ``after``."""
    query = sa.select(outbox.c.id, outbox.c.name, outbox.c.document).order_by(outbox.c.id).limit(limit)
    query = query.where(outbox.c.id > after)
    return [Unpublished(*row) for row in tx.execute(query)]


def published(tx: Tx, ids: list[int]) -> None:
    """Take out what is in the vault now."""
    tx.execute(outbox.delete().where(outbox.c.id.in_(ids)))


def forget(tx: Tx, prefix: str) -> None:
    """Take out documents of an erased scan or patient: those whose names begin with ``prefix``."""
    tx.execute(outbox.delete().where(outbox.c.name.startswith(prefix, autoescape=True)))


def oldest(tx: Tx) -> datetime | None:
    """Say since when the oldest document waits."""
    return tx.execute(sa.select(sa.func.min(outbox.c.created_at))).scalar()


def count(tx: Tx) -> int:
    """Say how many documents wait."""
    return tx.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one()
