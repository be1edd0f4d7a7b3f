"""Delete from the intake what is certainly nobody's any more: looked at again, and named with the content it had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .. import audit, names
from ..access.actor import SYSTEM
from ..catalog import Catalog, Tx, uploads
from ..catalog.uploads import Upload
from ..names import IntakeBlob
from ..storage.containers import BlobChanged, Intake, Listed, Vault
from ..words import State
from .crashpoint import Effect, effect
from .fate import Fate, Keep, fate

SWEEPER = SYSTEM("sweeper")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purger:
    """Deletes one name at a time. ``clock`` gives aware UTC."""

    catalog: Catalog
    intake: Intake
    vault: Vault
    keep: Keep
    clock: Callable[[], datetime]

    def purge(self, blob: IntakeBlob, listed: Listed) -> bool:
        """Delete one name, if its fate is still the same at this moment."""
        with self.catalog.read() as tx:
            upload = uploads.find(tx, [blob.upload]).get(blob.upload)
        if fate(upload, listed, self.keep, self.clock()) is not Fate.PURGE:
            return False
        if upload is not None and upload.state is State.STORED:
            return self._in_vault(upload) and self._delete(blob, listed)
        # Bytes that exist nowhere else in the service will be gone: that must be found again, so it is said before.
        with self.catalog.write() as tx:
            self._tell(tx, blob, listed, upload, "done")
        gone = self._delete(blob, listed)
        if not gone:
            with self.catalog.write() as tx:
                self._tell(tx, blob, listed, upload, "failed")
        return gone

    def _delete(self, blob: IntakeBlob, listed: Listed) -> bool:
        try:
            with effect(Effect.PURGE):
                return self.intake.delete(blob, listed.etag if listed.committed else None)
        except BlobChanged:
            return False

    def _in_vault(self, upload: Upload) -> bool:
        """Look whether what is called stored is there: else these are the last bytes of it, and somebody must look."""
        there = self.vault.head(names.original(upload.id))
        if there is not None and there.size == upload.size:
            return True
        _log.error("the vault lost an original; what the intake has of it is kept", extra={"upload": upload.id})
        return False

    def _tell(self, tx: Tx, blob: IntakeBlob, listed: Listed, upload: Upload | None, outcome: str) -> None:
        detail = {"size": listed.size, "state": upload.state if upload else "unknown"}
        now, subjects = self.clock(), [blob.upload]
        audit.record(tx, SWEEPER, "upload.purged", now=now, subjects=subjects, outcome=outcome, detail=detail)
