"""A worker's hold on one upload: a lease that is renewed while it works, and the fence that shuts out a late one.

``Claim.check`` is called before every step that others will see. It raises as soon as the lease is lost, or could be:
a process that was stopped for a minute must not go on as if nothing had happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from ..catalog import Catalog, uploads
from ..catalog.uploads import Upload
from ..errors import Unavailable
from .crashpoint import Effect, effect

LEASE = timedelta(seconds=60)
RENEW_SECONDS = 20.0
#: An own clock's reading after which the lease counts as lost, whatever the catalog says: well inside LEASE.
TRUSTED_SECONDS = 50.0
#: How often a worker or a decoder may die at one file until it is refused.
STRIKES = 3
#: When a file that must be tried alone is asked for again, if other lanes are busy.
WAIT_TO_BE_ALONE = timedelta(seconds=5)


class ClaimLost(Exception):
    """Somebody else has this upload now, or could have; nothing more may be done with it."""


class Claim:
    """One upload, held by this worker under ``upload.fence``."""

    def __init__(self, upload: Upload, *, since: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.upload = upload
        self._clock = clock
        self._since = since
        self._lost = False

    def check(self) -> None:
        """Return while the hold is certain. Raises ClaimLost."""
        if self._lost or self._clock() - self._since > TRUSTED_SECONDS:
            self._lost = True
            raise ClaimLost(self.upload.id)

    def renew(self, catalog: Catalog) -> None:
        """Prolong the lease. A catalog that does not answer is no loss yet: ``check`` knows when it becomes one."""
        asked = self._clock()
        with suppress(Unavailable), catalog.write() as tx:
            if uploads.renew_lease(catalog, tx, self.upload, lease=LEASE):
                self._since = asked
            else:
                self._lost = True

    def drop(self, catalog: Catalog, *, delay: timedelta, counted: bool = False) -> None:
        """Give the upload back, to be tried again after ``delay``; ``counted`` as an attempt. Raises CatalogBusy."""
        self._lost = True
        with effect(Effect.RELEASE), catalog.write() as tx:
            uploads.release(catalog, tx, self.upload, delay=delay, counted=counted)


class Claims:
    """The claims of one process; a thread of the worker calls ``renew`` every RENEW_SECONDS.

    The last try of a file at which a worker or a decoder died is made alone: it has all there is of memory and time,
    and if this worker dies as well, no neighbour is blamed.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._held: set[Claim] = set()
        self._alone: Claim | None = None
        self._lock = threading.Lock()

    @contextmanager
    def next(self) -> Iterator[Claim | None]:
        """Claim the next upload and hold it while the block lasts; None if there is nothing to do just now.

        Raises:
            CatalogBusy.
        """
        claim = None if self._alone else self._claimed()
        if claim is not None and not self._admitted(claim):
            claim.drop(self._catalog, delay=WAIT_TO_BE_ALONE)
            claim = None
        try:
            yield claim
        finally:
            if claim is not None:
                with self._lock:
                    self._held.discard(claim)
                    self._alone = None if self._alone is claim else self._alone

    def _claimed(self) -> Claim | None:
        since = time.monotonic()
        with effect(Effect.CLAIM), self._catalog.write() as tx:
            upload = uploads.claim(self._catalog, tx, lease=LEASE)
        return Claim(upload, since=since) if upload else None

    def _admitted(self, claim: Claim) -> bool:
        """Hold a claim, unless it, or another one, has to be alone."""
        last_try = claim.upload.attempts == STRIKES
        with self._lock:
            if self._alone or (last_try and self._held):
                return False
            self._held.add(claim)
            self._alone = claim if last_try else None
            return True

    def renew(self) -> None:
        """Prolong every lease held."""
        for claim in self._all():
            claim.renew(self._catalog)

    def drop(self) -> None:
        """Give every claim back at once. Raises CatalogBusy; then they run out by themselves."""
        for claim in self._all():
            claim.drop(self._catalog, delay=timedelta(0))

    def _all(self) -> list[Claim]:
        with self._lock:
            return list(self._held)
