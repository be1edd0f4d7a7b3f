"""Leases and marks: who does a job that only one may do, and what was done when.

A lease runs out by the database's clock, so it needs no process id and no clean stop. Each new holder gets a
higher fence number; whoever comes back late with a lower one finds that nothing is his any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from .engine import Catalog, Tx, upsert
from .tables import leases, marks


def take(catalog: Catalog, tx: Tx, name: str, *, holder: str, life: timedelta) -> int | None:
    """Take or renew a lease; give its fence number, or None while somebody else holds it."""
    now = catalog.now(tx)
    row = tx.execute(sa.select(leases).where(leases.c.name == name).with_for_update()).first()
    if row and row.holder != holder and row.until > now:
        return None
    fence = row.fence + (row.holder != holder) if row else 1
    values = {"name": name, "holder": holder, "fence": fence, "until": now + life}
    upsert(tx, leases, values, key=["name"])
    return int(fence)


def give_back(tx: Tx, name: str, *, holder: str) -> None:
    """Let a lease go."""
    held = (leases.c.name == name) & (leases.c.holder == holder)
    tx.execute(leases.update().where(held).values(until=datetime(1970, 1, 1, tzinfo=UTC)))


def mark(tx: Tx, name: str, at: datetime) -> None:
    """Note when something last happened, such as a worker's heartbeat."""
    upsert(tx, marks, {"name": name, "at": at}, key=["name"])


def mark_all(tx: Tx, names: Iterable[str], at: datetime) -> None:
    """Note several at once."""
    upsert(tx, marks, [{"name": name, "at": at} for name in names], key=["name"])


def marked_since(tx: Tx, prefix: str, since: datetime) -> set[str]:
    """Give the names beginning with ``prefix`` of what happened after ``since``."""
    where = marks.c.name.startswith(prefix, autoescape=True) & (marks.c.at > since)
    return set(tx.execute(sa.select(marks.c.name).where(where)).scalars())


def unmark(tx: Tx, prefix: str) -> None:
    """Forget every mark whose name begins with ``prefix``."""
    tx.execute(marks.delete().where(marks.c.name.startswith(prefix, autoescape=True)))


def marked(tx: Tx, name: str) -> datetime | None:
    """Say when it last happened."""
    return tx.execute(sa.select(marks.c.at).where(marks.c.name == name)).scalar()
