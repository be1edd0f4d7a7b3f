"""The sweeper: what nobody asks for by himself. It receives silent uploads, ends overdue ones, clears the intake.

It lists the intake and decides about each name by its upload's row. Every act is repeated in the moment it is done:
moves name the state they come from, and a deletion reads the row again and names the content it saw. So two sweepers
do no harm, a second run changes nothing, and nothing is deleted because of what was true a minute ago.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice

from .. import audit, names
from ..access.actor import SYSTEM
from ..catalog import Catalog, uploads
from ..catalog.uploads import Upload
from ..names import IntakeBlob
from ..storage.containers import BlobChanged, Intake, Listed
from ..words import State
from .crashpoint import Effect, effect

SWEEPER = SYSTEM("sweeper")
PAGE = 500

_log = logging.getLogger(__name__)


class Fate(Enum):
    """What is to become of a name in the intake."""

    KEEP = "keep"
    RECEIVE = "receive"
    PURGE = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long: ``pending`` for bytes nobody declared here, ``rejected`` for files that were not stored."""

    pending: timedelta
    rejected: timedelta


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run did."""

    received: int
    expired: int
    purged: int
    foreign: int


def fate(upload: Upload | None, listed: Listed, keep: Keep, now: datetime) -> Fate:
    """Decide about one name in the intake by its upload's row.

    pending     arrived whole, and the digest was declared: receive. Longer than declared: purge. Else keep.
    received, verifying     keep
    stored, expired         purge
    rejected    longer than declared: purge; else after ``keep.rejected``
    missing     after ``keep.rejected``: whoever restores lost bytes must find them still there
    no row      after ``keep.pending``: the catalog may have been lost, and these bytes be the only ones
    """
    if upload is None:
        return _purge_if(listed.modified + keep.pending <= now)
    oversize = listed.committed and listed.size > upload.size
    match upload.state:
        case State.PENDING:
            whole = listed.committed and listed.size == upload.size and upload.digest is not None
            return Fate.RECEIVE if whole else _purge_if(oversize)
        case State.STORED | State.EXPIRED:
            return Fate.PURGE
        case State.REJECTED | State.MISSING:
            over = (upload.ended_at or upload.created_at) + keep.rejected <= now
            return _purge_if(over or (oversize and upload.state is State.REJECTED))
        case _:
            return Fate.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Sweeps. ``clock`` gives aware UTC."""

    catalog: Catalog
    intake: Intake
    keep: Keep
    clock: Callable[[], datetime]

    def sweep(self) -> Swept:
        """Go through the intake and the overdue uploads once.

        Receiving comes before expiring: bytes that have arrived are not given up on the last day.

        Raises:
            StorageUnavailable, CatalogBusy: the rest waits for the next run.
        """
        received = purged = foreign = 0
        for page in _pages(self.intake.list(uncommitted=True)):
            with self.catalog.read() as tx:
                rows = uploads.find(tx, [blob.upload for blob, _ in page if blob])
            for blob, listed in page:
                if blob is None:
                    foreign += 1
                    continue
                match fate(rows.get(blob.upload), listed, self.keep, self.clock()):
                    case Fate.RECEIVE:
                        received += self._receive(rows[blob.upload])
                    case Fate.PURGE:
                        purged += self._purge(blob, listed)
        swept = Swept(received, self._expire(), purged, foreign)
        if any((swept.received, swept.expired, swept.purged, swept.foreign)):
            _log.info("swept", extra={"swept": repr(swept)})
        return swept

    def _receive(self, upload: Upload) -> bool:
        now = self.clock()
        with effect(Effect.RECEIVE), self.catalog.write() as tx:
            if upload.digest is None or not uploads.receive(tx, upload.id, digest=upload.digest, now=now):
                return False
            audit.record(tx, SWEEPER, "upload.received", now=now, subjects=[upload.id])
        return True

    def _expire(self) -> int:
        total = 0
        while True:
            now = self.clock()
            with effect(Effect.EXPIRE), self.catalog.write() as tx:
                late = uploads.overdue(tx, now, PAGE)
                ended = [upload for upload in late if uploads.expire(tx, upload, reason="overdue", now=now)]
                if ended:
                    audit.record(tx, SWEEPER, "upload.expired", now=now, subjects=ended)
            total += len(ended)
            if len(late) < PAGE:
                return total

    def _purge(self, blob: IntakeBlob, listed: Listed) -> bool:
        now = self.clock()
        with self.catalog.read() as tx:
            upload = uploads.find(tx, [blob.upload]).get(blob.upload)
        if fate(upload, listed, self.keep, now) is not Fate.PURGE:
            return False
        try:
            with effect(Effect.PURGE):
                gone = self.intake.delete(blob, listed.etag if listed.committed else None)
        except BlobChanged:
            return False
        if gone and (upload is None or upload.state is not State.STORED):
            # Bytes that exist nowhere else in the service are gone now: that is an act to be found again.
            detail = {"size": listed.size, "state": upload.state if upload else "unknown"}
            with self.catalog.write() as tx:
                audit.record(tx, SWEEPER, "upload.purged", now=now, subjects=[blob.upload], detail=detail)
        return gone


def _purge_if(condition: bool) -> Fate:
    return Fate.PURGE if condition else Fate.KEEP


def _pages(listing: Iterable[Listed]) -> Iterator[list[tuple[IntakeBlob | None, Listed]]]:
    parsed = ((names.parse_intake(listed.name), listed) for listed in listing)
    while page := list(islice(parsed, PAGE)):
        yield page
