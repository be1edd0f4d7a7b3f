"""Queries about what an account has opened: the pictures themselves, not their placeholders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from .engine import Tx, upsert
from .tables import opened


def of(tx: Tx, account: str, ids: Iterable[str]) -> dict[str, int]:
    """Give how many different slices this account has seen of scans, the most at one time; 1 of a picture.

    Scans that it has not opened are left out.
    """
    query = sa.select(opened.c.scan_id, opened.c.slices)
    query = query.where(opened.c.account_id == account, opened.c.scan_id.in_(list(ids)))
    return {row[0]: row[1] for row in tx.execute(query)}


def note(tx: Tx, account: str, seen: Mapping[str, int], now: datetime) -> list[str]:
    """Keep that this account saw so many slices of scans; give the scans of which it had not seen as many before."""
    before = of(tx, account, seen)
    more = {scan: slices for scan, slices in seen.items() if slices > before.get(scan, 0)}
    rows = [{"account_id": account, "scan_id": scan, "slices": slices, "at": now} for scan, slices in more.items()]
    upsert(tx, opened, rows, key=["account_id", "scan_id"])
    return sorted(more)
