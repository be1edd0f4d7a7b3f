"""Erase an upload with its scans, or a patient with everything, from vault, intake and catalog.

The tombstone goes first: from then on no rebuild brings the erased back. Then bytes, renditions, records and manifest,
then the catalog's rows, in one transaction with the audit row. Whatever of it died half-way is done by doing it again:
the catalog knows what to erase until all is gone, and if it was rebuilt meanwhile, the tombstone does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import audit, names
from ..access.actor import SYSTEM
from ..catalog import Catalog, Tx, outbox, patients, scans, uploads
from ..errors import FileTooLarge
from ..ids import is_id
from ..ingest.crashpoint import Effect, effect
from ..ingest.publish import encoded
from ..names import IntakeBlob, VaultBlob
from ..storage.containers import BlobGone, Intake, Unerasable, Vault

ERASER = SYSTEM("erase")
MEDIA_TYPE = "application/json"
LIMIT = 1 << 20


class Refused(Exception):
    """Nothing was erased; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be erased: uploads with all their scans and, if it is a person, all records of that person.

    The first of ``patients`` is the one that is shown; the others were merged into it.
    """

    uploads: dict[str, list[str]]
    patients: tuple[str, ...] = ()

    @property
    def scans(self) -> list[str]:
        """All scans of all uploads."""
        return [scan for some in self.uploads.values() for scan in some]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Finds and erases. ``clock`` gives aware UTC."""

    catalog: Catalog
    intake: Intake
    vault: Vault
    clock: Callable[[], datetime]

    def of_scan(self, scan: str) -> Doomed:
        """Give the upload that a scan came out of, with every scan of it, and its duplicates. Raises Refused."""
        with self.catalog.read() as tx:
            upload = scans.upload_of(tx, scan)
            found = _with_duplicates(tx, uploads.scan_ids(tx, [upload])) if upload else {}
        if upload:
            return Doomed(found)
        for name, tombstone in self._tombstones("uploads/"):
            if scan in tombstone["scans"]:
                return Doomed({name.split("/")[2]: tombstone["scans"]})
        raise Refused("No such scan. If the catalog is new, run: python -m broker rebuild")

    def of_patient(self, patient: str) -> Doomed:
        """Give a patient's uploads with their scans, those of the records that were merged into it too.

        Raises:
            Refused: it is itself merged, or something is in the way; the text says what to do.
        """
        with self.catalog.read() as tx:
            known = patients.find(tx, patient)
            people = [patient, *(one.id for one in patients.absorbed(tx, patient))]
            found, strangers = uploads.about(tx, people)
            found = _with_duplicates(tx, found)
            on_their_way = uploads.on_their_way(tx, people)
            survivor = patients.stands_for(tx, [patient])[patient]
        if survivor != patient:
            raise Refused(f"This record was merged into {survivor}. Erase that one, or undo the merge, then repeat.")
        if on_their_way:
            raise Refused(f"{on_their_way} files of this patient are on their way. Wait, or abandon them, then repeat.")
        if strangers:
            raise Refused(f"Upload {strangers[0]} also holds a scan of somebody else. Erase it by --scan, then repeat.")
        if known or found:
            return Doomed(found, tuple(people))
        for name, tombstone in self._tombstones("patients/"):
            if name.split("/")[2] == patient:
                return Doomed(tombstone["uploads"], tuple(tombstone.get("patients", [patient])))
        raise Refused("No such patient. If the catalog is new, run: python -m broker rebuild")

    def erase(self, doomed: Doomed, reason: str) -> list[str]:
        """Erase, and give the names of blobs that a policy or a hold keeps.

        Raises:
            StorageUnavailable, CatalogBusy: some of it may be gone; do it again.
        """
        subjects = [*doomed.patients, *doomed.uploads, *doomed.scans]
        self._tell(subjects, "begun", reason)
        self._bury(doomed, reason)
        # What waits to be published would come back otherwise.
        with self.catalog.write() as tx:
            self._forget_documents(tx, doomed)
        kept = self._delete_all(doomed)
        with effect(Effect.FORGET), self.catalog.write() as tx:
            self._forget_documents(tx, doomed)
            uploads.forget(tx, doomed.uploads)
            for patient in doomed.patients:
                patients.forget(tx, patient)
            self._record(tx, subjects, "done" if not kept else "kept", reason)
        # A publisher that had read the outbox before may have put a document meanwhile.
        return sorted({*kept, *self._delete_all(doomed)})

    def _bury(self, doomed: Doomed, reason: str) -> None:
        """Put the tombstones: the patient's first, so that nothing of the person comes back alone.

        Each names all records of the person, so that an erasure that died can be taken up by any of them.
        """
        said: dict[str, Any] = {"version": 1, "reason": reason, "erased_at": self.clock().isoformat()}
        graves: list[tuple[VaultBlob, dict[str, Any]]] = []
        person = {"uploads": doomed.uploads, "patients": doomed.patients}
        graves += [(names.patient_tombstone(patient), person) for patient in doomed.patients]
        graves += [(names.tombstone(upload), {"scans": found}) for upload, found in doomed.uploads.items()]
        for blob, what in graves:
            with effect(Effect.TOMBSTONE):
                self.vault.put(blob, encoded(said | what), MEDIA_TYPE)

    def _delete_all(self, doomed: Doomed) -> list[str]:
        kept = []
        for blob in self._blobs(doomed):
            try:
                with effect(Effect.ERASE):
                    self.vault.delete(blob)
            except Unerasable:
                kept.append(blob.name)
        for upload in doomed.uploads:
            # Rejected files lie there for their days.
            with effect(Effect.ERASE):
                self.intake.delete(IntakeBlob(upload), None)
        return kept

    def _blobs(self, doomed: Doomed) -> Iterator[VaultBlob]:
        """Everything in their folders but the tombstones; the manifest behind the rest, as it was made."""
        folders = [f"uploads/{upload[-2:]}/{upload}/" for upload in doomed.uploads]
        folders = [f"scans/{scan[-2:]}/{scan}/" for scan in doomed.scans] + folders
        folders += [f"patients/{patient[-2:]}/{patient}/" for patient in doomed.patients]
        for folder in folders:
            found = [listed.name for listed in self.vault.list(folder) if not listed.name.endswith("/tombstone.json")]
            yield from map(VaultBlob, sorted(found, key=lambda name: name.endswith("/manifest.json")))

    def _forget_documents(self, tx: Tx, doomed: Doomed) -> None:
        for scan in doomed.scans:
            outbox.forget(tx, f"scans/{scan[-2:]}/{scan}/")
        for patient in doomed.patients:
            outbox.forget(tx, f"patients/{patient[-2:]}/{patient}/")

    def _tell(self, subjects: list[str], outcome: str, reason: str) -> None:
        with self.catalog.write() as tx:
            self._record(tx, subjects, outcome, reason)

    def _record(self, tx: Tx, subjects: list[str], outcome: str, reason: str) -> None:
        now, detail = self.clock(), {"reason": reason}
        audit.record(tx, ERASER, "erase", now=now, subjects=subjects, outcome=outcome, detail=detail)

    def _tombstones(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for listed in self.vault.list(prefix):
            if listed.name.endswith("/tombstone.json"):
                found = _read(self.vault, VaultBlob(listed.name))
                if found is not None:
                    yield listed.name, found


def _with_duplicates(tx: Tx, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Add what was not sent because one of these has its bytes: it has no scan, but a row with the file's name."""
    return found | {upload: [] for upload in uploads.duplicates(tx, found)}


def _read(vault: Vault, blob: VaultBlob) -> dict[str, Any] | None:
    """A tombstone's document; None if it is none that names ids only."""
    try:
        document = json.loads(vault.get(blob, LIMIT))
        lists = [document["scans"]] if "scans" in document else list(document["uploads"].values())
        found = [*document.get("uploads", ()), *document.get("patients", ()), *(one for some in lists for one in some)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, BlobGone, FileTooLarge):
        return None
    return document if all(map(is_id, found)) else None
