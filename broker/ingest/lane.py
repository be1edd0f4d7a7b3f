"""One lane of the worker: takes the next upload and brings it to its end, or gives it back.

stored      verified, promoted, entered; then the intake is cleared
rejected    with a reason from ``words.Rejection``; if the decoder died, only after three tries
missing     the storage lost bytes it had acknowledged
given back  a fault that passes: storage, catalog, disk; tried again after a pause that grows, not counted
let go      a fault of our own: the lease runs out and the attempt counts, so that a file that fells the worker
            three times is refused
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, uploads
from ..catalog.uploads import Upload
from ..errors import Unavailable
from ..names import IntakeBlob
from ..storage.containers import Intake, StorageFault
from ..words import Rejection, State
from .claim import STRIKES, Claim, ClaimLost, Claims
from .crashpoint import Effect, effect
from .promote import WORKER, Promoter
from .spool import Spool
from .verify import Gone, NoRoom, Rejected, Stuck, Verifier

LONGEST_PAUSE = 300
STUCK_PAUSE = timedelta(minutes=10)
#: Pauses between tries to give a claim back while the catalog is away; together shorter than the lease.
GIVE_BACK_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Brings one upload at a time to its end. ``wait`` sleeps for seconds, or less when the worker stops."""

    catalog: Catalog
    claims: Claims
    intake: Intake
    spool: Spool
    verifier: Verifier
    promoter: Promoter
    clock: Callable[[], datetime]
    wait: Callable[[float], object]

    def step(self) -> bool:
        """Take the next upload, if there is one, and say whether there was.

        Raises:
            CatalogBusy: there is no knowing.
        """
        with self.claims.next() as claim:
            if claim is None:
                return False
            self._handle(claim)
            return True

    def _handle(self, claim: Claim) -> None:
        about = {"upload": claim.upload.id}
        try:
            self._decide(claim)
        except ClaimLost:
            _log.warning("the claim was lost; another worker has this upload", extra=about)
        except Stuck as fault:
            _log.error("the vault contradicts the catalog: %s", fault, extra=about)
            self._give_back(claim, STUCK_PAUSE)
        except Unavailable as fault:
            _log.warning("put off: %s", fault, extra=about)
            self._give_back(claim, _pause(claim.upload))

    def _decide(self, claim: Claim) -> None:
        try:
            etag = self._store(claim)
        except Rejected as no:
            if no.reason is Rejection.DECODER_DIED and claim.upload.attempts < STRIKES:
                # A full memory or a slow machine kills decoders too: that must not cost anybody a good file.
                _log.warning("tried again: %s", no, extra={"upload": claim.upload.id})
                return self._give_back(claim, _pause(claim.upload), counted=True)
            self._end(claim, State.REJECTED, no.reason, no.detail)
        except Gone:
            self._end(claim, State.MISSING, None, "the intake has no such blob")
        else:
            self._clear(claim.upload, etag)
        return None

    def _store(self, claim: Claim) -> str | None:
        """Verify, promote and enter; the ETag of the intake blob that was verified, None if an earlier claim did it."""
        etag = None
        manifest = self.promoter.promoted(claim.upload)
        if manifest is None:
            try:
                with self.spool.place() as place:
                    checked = self.verifier.verify(claim.upload, place, claim.check)
                    manifest, etag = self.promoter.promote(claim, checked, place), checked.etag
            except OSError as fault:
                raise NoRoom(f"spool: {fault.strerror}") from fault
        self.promoter.settle(claim, manifest)
        return etag

    def _end(self, claim: Claim, state: State, reason: Rejection | None, detail: str) -> None:
        now = self.clock()
        what = Effect.MISSING if state is State.MISSING else Effect.REJECTED
        with effect(what), self.catalog.write() as tx:
            if not uploads.end(tx, claim.upload, state, now=now, reason=reason, detail=detail[:500]):
                raise ClaimLost(claim.upload.id)
            subjects = [claim.upload.id, claim.upload.patient_id]
            told = {"reason": reason, "detail": detail[:500]}
            audit.record(tx, WORKER, f"upload.{state}", now=now, subjects=subjects, detail=told)

    def _clear(self, upload: Upload, etag: str | None) -> None:
        """Delete what is stored from the intake. If that fails, or other bytes lie there now, the sweeper will."""
        blob = IntakeBlob(upload.id)
        try:
            if etag is None:
                arrived = self.intake.head(blob)
                etag = arrived.etag if arrived else None
            if etag is not None:
                with effect(Effect.INTAKE_DELETE):
                    self.intake.delete(blob, etag)
        except (Unavailable, StorageFault) as fault:
            _log.info("left to the sweeper: %s", fault, extra={"upload": upload.id})

    def _give_back(self, claim: Claim, delay: timedelta, *, counted: bool = False) -> None:
        for pause in GIVE_BACK_PAUSES:
            self.wait(pause)
            try:
                return claim.drop(self.catalog, delay=delay, counted=counted)
            except Unavailable:
                continue
        _log.warning("could not be given back; the lease runs out", extra={"upload": claim.upload.id})
        return None


def _pause(upload: Upload) -> timedelta:
    """2 s, then doubled with every claim up to 5 min; scattered, so that files do not all come back at once."""
    seconds = min(LONGEST_PAUSE, 2 ** min(upload.fence, 9))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))
