"""Promote a verified upload: its bytes, renditions and manifest into the vault, its scans into the catalog.

The original goes first, the manifest last. So whoever finds nothing under the original's name knows that nothing of the
upload lies in the vault, and whoever finds it goes on from there: a file once promoted in part is never rejected, even
if the intake has changed since. Every name is written once. Where one is taken, what lies there is compared and kept;
whoever comes second to the manifest adopts the first one. The catalog follows in one transaction under the fence.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .. import audit, ids, names
from ..access.actor import SYSTEM
from ..catalog import Catalog, Tx, leases, patients, scans, unsettled, uploads
from ..catalog.patients import Patient
from ..catalog.unsettled import Settlement
from ..catalog.uploads import Upload
from ..errors import FileTooLarge, StorageUnavailable
from ..names import Rendition
from ..storage.containers import BlobGone, Vault
from ..words import Settled, State
from . import manifest as manifests
from .claim import Claim, ClaimLost
from .crashpoint import Effect, effect
from .describe import Found, describe, parts
from .identity import another
from .manifest import Made, Manifest, Misfit
from .publish import Publisher
from .rows import scan_rows
from .spool import Place
from .verdict import RenditionFile, ScanFacts, Verdict
from .verify import Checked, Stuck

WORKER = SYSTEM("worker")
#: Since when declarations hold only what persons said; a migration sets it where there are older ones.
DECLARED_BY_PERSONS = "declared_by_persons"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoter:
    """Promotes. ``zone`` is the clinic's."""

    catalog: Catalog
    vault: Vault
    publisher: Publisher
    zone: ZoneInfo
    clock: Callable[[], datetime]

    def promoted(self, upload: Upload) -> Manifest | None:
        """Give the manifest that an earlier claim got as far as writing, if there is one. Raises Stuck."""
        return self._existing(upload) if upload.fence > 1 else None

    def promote(self, claim: Claim, checked: Checked, place: Place) -> Manifest:
        """Put everything into the vault and give the manifest that counts.

        Raises:
            ClaimLost, Stuck.
            StorageUnavailable, CatalogBusy: try again later, from any worker.
        """
        upload = claim.upload
        if checked.etag is not None:
            claim.check()
            self._put_original(upload, checked, place)
        made = []
        for index, scan in enumerate(parts(checked.verdict)):
            claim.check()
            made.append(self._put_renditions(ids.scan_id(upload.id, index), scan))
        # The patient must lie in the vault before a manifest that names it.
        self.publisher.publish()
        claim.check()
        return self._put_manifest(upload, checked, made)

    def settle(self, claim: Claim, manifest: Manifest) -> None:
        """Enter the upload as stored, with its scans, in one transaction.

        Raises:
            ClaimLost: nothing was entered; whoever has the claim now will.
            CatalogBusy.
        """
        rows = scan_rows(manifest)
        stored_at = manifest.upload.stored_at
        with effect(Effect.STORED), self.catalog.write() as tx:
            if not uploads.end(tx, claim.upload, State.STORED, now=stored_at):
                raise ClaimLost(claim.upload.id)
            scans.put(tx, rows)
            subjects = [claim.upload.id, claim.upload.patient_id, *(row.id for row in rows)]
            detail: dict[str, object] = {"sha256": manifest.digests.sha256}
            if flagged := {row.id: row.attention for row in rows if row.attention}:
                detail["attention"] = flagged
            audit.record(tx, WORKER, "upload.stored", now=self.clock(), subjects=subjects, detail=detail)
            self._settle_lost(tx, claim.upload.id)

    def _settle_lost(self, tx: Tx, stored: str) -> None:
        """Settle what was sent before, was not stored, and is by this upload: the very bytes, for the same patient."""
        now = self.clock()
        lost = unsettled.twins_of(tx, stored)
        for upload in lost:
            unsettled.settle(tx, upload, Settlement(how=Settled.SENT_AGAIN, at=now, twin=stored))
        if lost:
            audit.record(tx, WORKER, "upload.settle", now=now, subjects=[*lost, stored], detail={"stored_as": stored})

    def _put_original(self, upload: Upload, checked: Checked, place: Place) -> None:
        blob = names.original(upload.id)
        with effect(Effect.ORIGINAL):
            made = self.vault.put(blob, place.original, "application/octet-stream")
        if made:
            return
        hashing = hashlib.sha256()
        try:
            for piece in self.vault.read(blob):
                hashing.update(piece)
        except BlobGone:
            raise StorageUnavailable("The original's name was taken, and then was not.") from None
        if hashing.hexdigest() != checked.digests.sha256:
            raise Stuck("another file lies under the original's name")

    def _put_renditions(self, scan: str, facts: ScanFacts) -> dict[Rendition, Made]:
        return {file.name: self._put_rendition(scan, file) for file in facts.renditions}

    def _put_rendition(self, scan: str, file: RenditionFile) -> Made:
        blob = names.rendition(scan, file.name, file.media_type)
        with effect(Effect.RENDITION):
            made = self.vault.put(blob, file.path, file.media_type)
        size = file.bytes
        if not made:
            there = self.vault.head(blob)
            if there is None:
                raise StorageUnavailable("A rendition's name was taken, and then was not.")
            # Made by another version of the encoder, from the same original: as good as ours.
            size = there.size
        return Made(media_type=file.media_type, bytes=size, width=file.width, height=file.height)

    def _put_manifest(self, upload: Upload, checked: Checked, made: Sequence[dict[Rendition, Made]]) -> Manifest:
        with self.catalog.read() as tx:
            people = patients.of_person(tx, upload.patient_id)
            batch = uploads.batch(tx, upload.batch_id)
            elsewhere = uploads.known_elsewhere(tx, upload)
            persons_since = leases.marked(tx, DECLARED_BY_PERSONS)
        found = Found(
            sha256=checked.digests.sha256,
            verdict=checked.verdict,
            renditions=made,
            elsewhere=elsewhere,
            batch_hash=batch.body_hash if batch else "",
            version=manifests.VERSION if persons_since is None or upload.created_at >= persons_since else 1,
        )
        ours = describe(upload, _named(people, checked.verdict), found, zone=self.zone, stored_at=self.clock())
        with effect(Effect.MANIFEST):
            first = self.vault.put(names.manifest(upload.id), manifests.write(ours), manifests.MEDIA_TYPE)
        if first:
            return ours
        existing = self._existing(upload)
        if existing is None:
            raise StorageUnavailable("The manifest's name was taken, and then was not.")
        return existing

    def _existing(self, upload: Upload) -> Manifest | None:
        try:
            found = manifests.read(self.vault.get(names.manifest(upload.id), manifests.LIMIT))
        except BlobGone:
            return None
        except (Misfit, FileTooLarge) as fault:
            raise Stuck(f"the manifest cannot be read: {fault}") from None
        if found.upload.id != upload.id or found.digests.declared != upload.digest:
            raise Stuck("the manifest is of another file")
        return found


def _named(people: Sequence[Patient], verdict: Verdict) -> Patient | None:
    """The record of a person that a file fits, else the one that was chosen: a device may still know the old number."""
    hints = [scan.patient_hint for scan in parts(verdict) if scan.patient_hint]
    fitting = (one for one in people if not any(another(one, hint) for hint in hints))
    return next(fitting, people[0] if people else None)
