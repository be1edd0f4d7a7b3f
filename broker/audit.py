"""The audit trail: one row for every act, written in the transaction of the act itself.

If the row cannot be written the act does not happen and nothing is answered. Rows name what they concern by id;
no patient's name, no file name and no signed address ever stands in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx
from .catalog import audit as rows
from .catalog.audit import AuditRow, Filter, Key


def record(
    tx: Tx,
    actor: Actor,
    act: str,
    *,
    now: datetime,
    subjects: Iterable[str] = (),
    outcome: str = "done",
    detail: Mapping[str, object] | None = None,
) -> None:
    """Append one row about what ``actor`` did to ``subjects`` (ids). ``detail`` must be JSON."""
    rows.add(
        tx,
        {
            "at": now,
            "act": act,
            "outcome": outcome,
            "account_id": actor.account or None,
            "account_name": actor.name,
            "address": actor.address,
            "request": actor.request,
            "subjects": list(subjects),
            "detail": dict(detail or {}),
        },
    )


@dataclass(frozen=True, slots=True)
class Trail:
    """The audit trail, for those who may read it; reading it is an act like any other."""

    catalog: Catalog

    def page(
        self, actor: Actor, which: Filter, *, after: Key | None, limit: int, now: datetime, act: str = "audit.see"
    ) -> list[AuditRow]:
        """List rows by time, newest first, those behind ``after``.

        Raises:
            NotAllowed, CatalogBusy.
        """
        require(actor, Act.SEE_AUDIT)
        with self.catalog.write() as tx:
            found = rows.some(tx, which, after=after, limit=limit)
            if after is None:
                asked = {name: _plain(value) for name, value in asdict(which).items() if value is not None}
                record(tx, actor, act, now=now, detail={"asked": asked} if asked else {})
        return found


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
