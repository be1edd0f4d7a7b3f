"""The audit trail: one row for every act, written in the transaction of the act itself, and one for every view.

If the row cannot be written the act does not happen and nothing is answered. Rows name what they concern by id;
no patient's name, no file name and no signed address ever stands in one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from .access.actor import Actor
from .access.permissions import Act, may, require
from .catalog import Catalog, Tx, patients, scans
from .catalog import audit as rows
from .catalog.audit import AuditRow, Filter, Key
from .catalog.patients import Patient

#: The same look within this time is no second one: somebody came back to a page, or it asked again by itself.
SAME_VIEW = timedelta(minutes=10)


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
    rows.add(tx, _row(actor, act, now, list(subjects), outcome, detail or {}))


def view(
    tx: Tx,
    actor: Actor,
    act: str,
    *,
    now: datetime,
    subjects: Iterable[str],
    detail: Mapping[str, object] | None = None,
) -> None:
    """Append one row about whom and what ``actor`` is shown: ids of patients, and of their uploads and scans.

    The same account, page, act, subjects and detail within ten minutes are one row: who has read about a picture on one
    page and then looks at it on another has looked twice. An act that hands out a key, or changes
    something, is never a view: each of those has its own row. Of two that are asked for at the very same moment
    PostgreSQL may keep both: a row too many hides nobody.
    """
    about, told = list(dict.fromkeys(subjects)), dict(detail or {})
    said = json.dumps([actor.account, actor.page, act, sorted(about), told], sort_keys=True)
    key = hashlib.sha256(said.encode()).hexdigest()
    if not rows.viewed(tx, key, since=now - SAME_VIEW, until=now):
        rows.add(tx, _row(actor, act, now, about, "done", told) | {"view_key": key})


def _row(
    actor: Actor, act: str, now: datetime, subjects: list[str], outcome: str, detail: Mapping[str, object]
) -> dict[str, object]:
    return {
        "at": now,
        "act": act,
        "outcome": outcome,
        "account_id": actor.account or None,
        "account_name": actor.name,
        "address": actor.address,
        "request": actor.request,
        "subjects": subjects,
        "detail": dict(detail),
    }


@dataclass(frozen=True, slots=True)
class Named:
    """What some subjects of audit rows are: patients, by id, and the ids of scans that can be looked at."""

    patients: Mapping[str, Patient]
    scans: frozenset[str]


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

    def named(self, actor: Actor, ids: Iterable[str], *, now: datetime) -> Named:
        """Say which of these subjects are patients, by name, and which are scans: for accounts that may see both.

        Who only manages the service learns neither; that others were told names is a view.
        """
        if not may(actor, Act.SEE_SCANS):
            return Named({}, frozenset())
        wanted = list(dict.fromkeys(ids))
        with self.catalog.write() as tx:
            known = patients.many(tx, wanted)
            pictures = scans.find(tx, wanted)
            if known:
                view(tx, actor, "audit.names", now=now, subjects=known)
        return Named(known, frozenset(pictures))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
