"""The sweeper: what nobody asks for by himself. It receives silent uploads, ends overdue ones, clears the intake.

It also settles what needs nobody any more: files that were not stored, and whose very bytes are by now.

It lists the intake and decides about each name by its upload's row. Every act is repeated in the moment it is done:
moves name the state they come from, and a deletion reads the row again and names the content it saw. So two sweepers
do no harm, a second run changes nothing, and nothing is deleted because of what was true a minute ago.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from .. import audit, names
from ..catalog import Catalog, Tx, unsettled, uploads
from ..catalog.unsettled import Settlement
from ..catalog.uploads import Upload
from ..completion import settle
from ..declaration import Told
from ..errors import Unavailable
from ..names import IntakeBlob
from ..sas.grants import WRITE_LIFE
from ..storage.containers import BlobUnreadable, Intake, Listed, Vault
from ..words import Expiry, Rejection, Settled, State
from .crashpoint import Effect, effect
from .fate import Fate, Keep, could_be, fate
from .purge import SWEEPER, Purger

PAGE = 500
#: Nobody who was last heard of so long ago can still be sending: his grants are over, clocks that differ included.
SILENCE = WRITE_LIFE + timedelta(minutes=5)
#: How long after its receipt a listing that does not name an upload is believed.
SETTLED = timedelta(minutes=5)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one run did; ``foreign`` names are none of ours and are left alone."""

    received: int = 0
    refused: int = 0
    missing: int = 0
    expired: int = 0
    settled: int = 0
    purged: int = 0
    foreign: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Sweeps. ``clock`` gives aware UTC."""

    catalog: Catalog
    intake: Intake
    vault: Vault
    keep: Keep
    clock: Callable[[], datetime]
    #: Silent uploads whose blocks were looked at: without a living grant they cannot become more.
    _seen: set[str] = field(default_factory=set, init=False)

    def sweep(self) -> Swept:
        """Go through the intake and the overdue uploads once.

        Receiving comes before expiring: bytes that have arrived are not given up on the last day.

        Raises:
            StorageUnavailable, CatalogBusy: the rest waits for the next run.
        """
        done: Counter[str] = Counter()
        began, there, silent = self.clock(), set[str](), set[str]()
        for page in _pages(self.intake.list(uncommitted=True)):
            done["foreign"] += sum(blob is None for blob, _ in page)
            ours = [(blob, listed) for blob, listed in page if blob]
            ids = [blob.upload for blob, _ in ours]
            there.update(ids)
            with self.catalog.read() as tx:
                rows = uploads.find(tx, ids)
                silent |= uploads.silent(tx, ids, self.clock() - SILENCE)
            for blob, listed in ours:
                self._act(blob, listed, rows.get(blob.upload), silent, done)
        self._seen.intersection_update(silent)
        done["missing"] += self._lose(began, there)
        done["settled"] += self._settle()
        done["expired"] += self._expire()
        if any(done.values()):
            _log.info("swept", extra={"swept": dict(done)})
        return Swept(**done)

    @property
    def _purger(self) -> Purger:
        return Purger(catalog=self.catalog, intake=self.intake, vault=self.vault, keep=self.keep, clock=self.clock)

    def _act(self, blob: IntakeBlob, listed: Listed, row: Upload | None, silent: set[str], done: Counter[str]) -> None:
        what = fate(row, listed, self.keep, self.clock())
        if row is not None and what is Fate.RECEIVE and row.digest:
            done["received"] += self._receive(row, row.digest)
        elif row is not None and what is Fate.COMPLETE and row.id in silent - self._seen:
            done["received"] += self._complete(row)
        elif row is not None and what is Fate.REFUSE:
            done["refused"] += self._refuse(row)
        elif what is Fate.PURGE:
            done["purged"] += self._purger.purge(blob, listed)

    def _receive(self, upload: Upload, digest: str) -> bool:
        now = self.clock()
        with effect(Effect.RECEIVE), self.catalog.write() as tx:
            if not uploads.receive(tx, upload.id, digest=digest, now=now):
                return False
            audit.record(tx, SWEEPER, "upload.received", now=now, subjects=[upload.id])
        return True

    def _complete(self, upload: Upload) -> bool:
        """Do what the client did not come back for, by the same rules: each index has one block of its size."""
        with effect(Effect.COMMIT):
            settled = settle(self.intake, upload, Told(upload.id))
        if isinstance(settled, Unavailable):
            raise settled
        if not isinstance(settled, str):
            self._seen.add(upload.id)
            return False
        return self._receive(upload, settled)

    def _refuse(self, upload: Upload) -> bool:
        """Refuse what cannot become right, after a look at what lies there now."""
        wrong = self._wrong(upload)
        if wrong is None:
            return False
        reason, detail, now = *wrong, self.clock()
        with effect(Effect.REFUSE), self.catalog.write() as tx:
            if not uploads.refuse(tx, upload.id, reason, detail=detail, now=now):
                return False
            told = {"reason": reason, "detail": detail}
            subjects = [upload.id, upload.patient_id]
            audit.record(tx, SWEEPER, "upload.rejected", now=now, subjects=subjects, detail=told)
        return True

    def _wrong(self, upload: Upload) -> tuple[Rejection, str] | None:
        try:
            arrived = self.intake.head(IntakeBlob(upload.id))
        except BlobUnreadable as fault:
            return Rejection.UNREADABLE, str(fault)
        if arrived is None or could_be(upload, arrived.size):
            return None
        if not arrived.block_blob:
            return Rejection.BLOB_TYPE, "not a block blob"
        if arrived.size == 0:
            return Rejection.EMPTY, "0 bytes"
        return Rejection.SIZE, f"{arrived.size} bytes arrived, {upload.size} were declared"

    def _lose(self, began: datetime, there: set[str]) -> int:
        """End those that were received and lie nowhere: the storage lost what it had acknowledged."""
        lost, after = 0, ""
        while True:
            with self.catalog.read() as tx:
                page = uploads.unclaimed(tx, began - SETTLED, after=after, limit=PAGE)
            for upload in page:
                if upload not in there and not self._is_there(IntakeBlob(upload)):
                    lost += self._lost(upload)
            if len(page) < PAGE:
                return lost
            after = page[-1]

    def _lost(self, upload: str) -> bool:
        now = self.clock()
        with effect(Effect.LOSE), self.catalog.write() as tx:
            if not uploads.lose(tx, upload, detail="the intake has no such blob", now=now):
                return False
            audit.record(tx, SWEEPER, "upload.missing", now=now, subjects=[upload])
        return True

    def _is_there(self, blob: IntakeBlob) -> bool:
        try:
            return self.intake.head(blob) is not None
        except BlobUnreadable:
            return True

    def _expire(self) -> int:
        total = 0
        while True:
            now = self.clock()
            with effect(Effect.EXPIRE), self.catalog.write() as tx:
                late = uploads.overdue(tx, now, PAGE)
                ended = [upload for upload in late if uploads.expire(tx, upload, reason=Expiry.OVERDUE, now=now)]
                if ended:
                    audit.record(tx, SWEEPER, "upload.expired", now=now, subjects=ended)
            total += len(ended)
            if len(late) < PAGE:
                return total

    def _settle(self) -> int:
        """Settle open files whose very bytes are stored for their patient; silent ones need not arrive any more."""
        total = 0
        while True:
            now = self.clock()
            with self.catalog.read() as tx:
                found = unsettled.answered(tx, now - unsettled.SILENT, limit=PAGE)
            if not found:
                return total
            with effect(Effect.SETTLE), self.catalog.write() as tx:
                done = sum(_settled(tx, upload, state, twin, now) for upload, state, twin in found)
            total += done
            if len(found) < PAGE or not done:
                return total


def _settled(tx: Tx, upload: str, state: State, twin: str, now: datetime) -> bool:
    if state is State.PENDING:
        settled = Settlement(how=Settled.DUPLICATE, at=now, twin=twin)
        done = uploads.expire(tx, upload, reason=Expiry.DUPLICATE, now=now, settled=settled, duplicate_of=twin)
        act = "upload.expired"
    else:
        done = unsettled.settle(tx, upload, Settlement(how=Settled.SENT_AGAIN, at=now, twin=twin))
        act = "upload.settle"
    if done:
        audit.record(tx, SWEEPER, act, now=now, subjects=[upload, twin], detail={"stored_as": twin})
    return done


def _pages(listing: Iterable[Listed]) -> Iterator[list[tuple[IntakeBlob | None, Listed]]]:
    parsed = ((names.parse_intake(listed.name), listed) for listed in listing)
    while page := list(islice(parsed, PAGE)):
        yield page
