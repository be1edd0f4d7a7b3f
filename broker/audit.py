"""The audit trail: one row for every act, written in the transaction of the act itself.

If the row cannot be written the act does not happen and nothing is answered. Rows name what they concern by id;
no patient's name, no file name and no signed address ever stands in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from .access.actor import Actor
from .catalog import Tx
from .catalog import audit as rows


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
