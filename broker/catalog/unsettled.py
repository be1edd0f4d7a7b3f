"""Files that were not stored, and whether somebody has settled each: sent it again, or given it up.

Open are those that ended without being stored, and those that are pending and silent. Both databases find the first by
an index that holds nothing else, so that counting them costs what is open and not what was ever sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ..words import Settled, State
from .engine import Tx
from .tables import UNSETTLED, patients, scans, uploads

#: A pending upload of which nobody has heard for so long has stopped arriving; grants live for a fraction of it.
SILENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What ended the question of one file: how, when, by whom, and the upload that has its bytes by now.

    ``account`` None: the service itself. ``act`` is the id of a person's act, made by the client.
    """

    how: Settled
    at: datetime
    account: str | None = None
    name: str = ""
    reason: str = ""
    twin: str | None = None
    act: str | None = None

    @property
    def values(self) -> dict[str, object]:
        """The columns that hold it."""
        return {
            "settled_how": self.how,
            "settled_at": self.at,
            "settled_by": self.account,
            "settled_name": self.name,
            "settled_reason": self.reason,
            "settled_twin": self.twin,
            "settled_act": self.act,
        }


def is_open(since: datetime) -> sa.ColumnElement[bool]:
    """Which uploads are open: ended without being stored, or pending and not heard of after ``since``."""
    return UNSETTLED | _silent(since)


def count(tx: Tx, since: datetime, *, most: int) -> int:
    """Count what is open, up to ``most`` of each sort."""
    ended = sa.select(uploads.c.id).where(UNSETTLED).limit(most).subquery()
    silent = sa.select(uploads.c.id).where(_silent(since)).limit(most).subquery()
    both = [sa.select(sa.func.count()).select_from(some).scalar_subquery() for some in (ended, silent)]
    return int(tx.execute(sa.select(both[0] + both[1])).scalar_one())


def settle(tx: Tx, upload: str, settlement: Settlement) -> bool:
    """Settle one that ended without being stored. False if it did not end so, or somebody was faster."""
    where = UNSETTLED & (uploads.c.id == upload)
    return tx.execute(uploads.update().where(where).values(settlement.values)).rowcount == 1


def answered(tx: Tx, since: datetime, *, limit: int) -> list[tuple[str, State, str]]:
    """List open ones whose very bytes are stored for their patient by now: upload, its state, the stored one."""
    return _twins(tx, is_open(since), limit)


def twins(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    """Give for each of these uploads, if there is one, a stored upload of its patient that has the same bytes."""
    which = list(ids)
    return {upload: twin for upload, _, twin in _twins(tx, uploads.c.id.in_(which), len(which))}


def twins_of(tx: Tx, stored: str) -> list[str]:
    """List what is settled by this upload having been stored: ended, of its patient, and the same bytes."""
    found = _twins(tx, UNSETTLED & (_TWIN.c.id == stored), 1_000)
    return [upload for upload, _, _ in found]


_TWIN = uploads.alias("twin")


def _twins(tx: Tx, which: sa.ColumnElement[bool], limit: int) -> list[tuple[str, State, str]]:
    # By the patient of both by now, after corrections and merges, and only by scans that are not withdrawn.
    same = (_TWIN.c.digest == uploads.c.digest) & (_TWIN.c.id != uploads.c.id) & (_TWIN.c.state == State.STORED)
    scanned = (scans.c.upload_id == _TWIN.c.id) & scans.c.withdrawn.is_not(sa.true())
    theirs = scanned & (scans.c.patient_id == sa.func.coalesce(patients.c.survivor, uploads.c.patient_id))
    first = sa.func.min(_TWIN.c.id)
    query = (
        sa.select(uploads.c.id, uploads.c.state, first)
        .select_from(
            uploads.outerjoin(patients, patients.c.id == uploads.c.patient_id).join(_TWIN, same).join(scans, theirs)
        )
        .where(which)
        .group_by(uploads.c.id, uploads.c.state)
        .order_by(uploads.c.id)
        .limit(limit)
    )
    return [(upload, State(state), twin) for upload, state, twin in tx.execute(query)]


def _silent(since: datetime) -> sa.ColumnElement[bool]:
    return (uploads.c.state == State.PENDING) & (uploads.c.not_before <= since)
