"""Put what was read from the vault into the catalog, page by page, or only compare. Used by ``rebuild``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from .. import audit
from ..access.actor import SYSTEM
from ..catalog import Catalog, Conflict, Tx, patients, records, scans, uploads
from ..catalog.patients import Patient
from ..catalog.scans import Scan
from ..catalog.uploads import Upload
from ..ingest.crashpoint import Effect, effect
from ..ingest.manifest import Manifest
from ..ingest.rows import batch_row, scan_rows, upload_row
from ..names import manifest as manifest_blob
from ..names import patient as patient_blob
from ..storage.containers import Vault
from ..words import State
from .vaulted import PAGE, Erased, Fault, Recorded, Version

REBUILD = SYSTEM("rebuild")

#: What of a scan follows from its records.
_BY_RECORDS = [name for name in Scan.__dataclass_fields__ if name in {*records.DECIDED, *records.FOLLOWS, "withdrawn"}]
#: The rows that manifests stand for, by upload.
Wanted = dict[str, tuple[Upload, list[Scan]]]


@dataclass(slots=True)
class Counts:
    """What was found: patients' versions, uploads, scans, records; ``faults`` do not count and are listed.

    ``different`` of them the catalog did not know, or not so: it does now, unless this only compared. ``skipped``
    folders were read by a run that broke off.
    """

    versions: int = 0
    uploads: int = 0
    scans: int = 0
    records: int = 0
    erased: int = 0
    different: int = 0
    skipped: int = 0
    faults: list[Fault] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.versions} patient versions, {self.uploads} uploads, {self.scans} scans, "
            f"{self.records} records, {self.erased} erased, "
            f"{self.different} new or different, {len(self.faults)} faults"
        )


class Target:
    """The catalog, as what is filled or only compared."""

    def __init__(self, catalog: Catalog, counts: Counts, *, check_only: bool) -> None:
        self._catalog = catalog
        self._counts = counts
        self._check_only = check_only
        #: Uploads of which the vault says something, good or not.
        self._seen: set[str] = set()
        #: Those of them that the catalog did not know, or not so.
        self._new: set[str] = set()

    def put(self, page: Sequence[object]) -> None:
        """Put one page in. Two documents that cannot both be true are told apart by trying one at a time."""
        self._counts.faults += [found for found in page if isinstance(found, Fault)]
        self._forget([found for found in page if isinstance(found, Erased)])
        self._record([found.document for found in page if isinstance(found, Recorded)])
        versions = [found for found in page if isinstance(found, Version)]
        manifests = [found for found in page if isinstance(found, Manifest)]
        self._seen.update(manifest.upload.id for manifest in manifests)
        if self._check_only:
            return self._compare(versions, manifests)
        try:
            self._put(versions, manifests)
        except Conflict:
            for version in versions:
                self._put_one(patient_blob(version.patient.id, version.patient.version).name, [version], [])
            for manifest in manifests:
                self._put_one(manifest_blob(manifest.upload.id).name, [], [manifest])
        return None

    def unknown_to(self, vault: Vault, unread: Collection[str]) -> list[Fault]:
        """Give what the catalog calls stored and the vault does not, save what lies in folders that were not read."""
        found: list[Fault] = []
        after = ""
        while True:
            with self._catalog.read() as tx:
                page = uploads.stored_ids(tx, after=after, limit=PAGE)
            for upload in page:
                name = manifest_blob(upload)
                # It may be younger than the listing: services go on while we read.
                if upload not in self._seen and f"uploads/{upload[-2:]}" not in unread and vault.head(name) is None:
                    found.append(Fault(name.name, "the catalog calls it stored, and it is not there"))
            if len(page) < PAGE:
                return found
            after = page[-1]

    def settle_patients(self) -> None:
        """Make records stand for whom their newest versions say; to be called when all versions were read."""
        if not self._check_only:
            with effect(Effect.INDEX_PATIENTS), self._catalog.write() as tx:
                patients.settle_all(tx)

    def part_homeless(self) -> list[Fault]:
        """Take out scans that are filed under a record which nobody knows: they have no name to stand under.

        To be called when records were read, for they say where a scan was moved to. What was stored under a patient
        who was erased since, and moved to another one before, is that one's.
        """
        if self._check_only:
            return []
        with effect(Effect.INDEX_UPLOADS), self._catalog.write() as tx:
            found = uploads.forget_homeless(tx)
        mine = self._seen & found.keys()
        self._counts.uploads -= len(mine)
        self._counts.scans -= sum(found[one] for one in mine)
        self._counts.different -= len(self._new & mine)
        return [Fault(manifest_blob(one).name, "its patient is not in the vault") for one in sorted(found)]

    def _forget(self, erased: Sequence[Erased]) -> None:
        """Take out what a tombstone stands for, should an erasure have died before it did so."""
        self._counts.erased += len(erased)
        if not erased:
            return
        if self._check_only:
            with self._catalog.read() as tx:
                self._counts.different += len(uploads.find(tx, [one.id for one in erased if not one.patient]))
                self._counts.different += sum(patients.find(tx, one.id) is not None for one in erased if one.patient)
            return
        with self._catalog.write() as tx:
            self._counts.different += uploads.forget(tx, [one.id for one in erased if not one.patient])
            self._counts.different += sum(patients.forget(tx, one.id) for one in erased if one.patient)

    def _record(self, documents: Sequence[records.Document]) -> None:
        """Put records in, and make their scans what follows from them."""
        if not documents:
            return
        with self._catalog.read() as tx:
            different = records.unknown(tx, documents)
        if not self._check_only:
            with effect(Effect.INDEX_RECORDS), self._catalog.write() as tx:
                records.apply(tx, documents)
        self._counts.records += len(documents)
        self._counts.different += different

    def _put_one(self, name: str, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        try:
            self._put(versions, manifests)
        except Conflict:
            self._counts.faults.append(Fault(name, "another one has its record number, or its place in the batch"))

    def _put(self, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        if versions:
            with effect(Effect.INDEX_PATIENTS), self._catalog.write() as tx:
                patients.alone(tx)
                different = sum(not _same_patient(tx, version) for version in versions)
                for version in versions:
                    patients.put(tx, version.patient, version.document, version.changed_at)
            self._count(versions, [], different)
        if manifests:
            with effect(Effect.INDEX_UPLOADS), self._catalog.write() as tx:
                wanted = _wanted(manifests)
                known = uploads.find(tx, wanted)
                new = _different(tx, wanted, known)
                uploads.restore_batches(tx, filter(None, map(batch_row, manifests)))
                rows = [row for row, _ in wanted.values()]
                uploads.restore(tx, *(row for row in rows if row.id not in known or not _same_row(known[row.id], row)))
                _tell_moves(tx, wanted, known, self._catalog.now(tx))
                scans.put(tx, [scan for _, made in wanted.values() for scan in made])
            self._new |= new
            self._count([], manifests, len(new))

    def _compare(self, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        with self._catalog.read() as tx:
            different = sum(not _same_patient(tx, version) for version in versions)
            wanted = _wanted(manifests)
            different += len(_different(tx, wanted, uploads.find(tx, wanted)))
        self._count(versions, manifests, different)

    def _count(self, versions: Sequence[Version], manifests: Sequence[Manifest], different: int) -> None:
        self._counts.versions += len(versions)
        self._counts.uploads += len(manifests)
        self._counts.scans += sum(len(manifest.scans) for manifest in manifests)
        self._counts.different += different


def _wanted(manifests: Sequence[Manifest]) -> Wanted:
    return {manifest.upload.id: (upload_row(manifest), scan_rows(manifest)) for manifest in manifests}


def _tell_moves(tx: Tx, wanted: Wanted, before: Mapping[str, Upload], now: datetime) -> None:
    """Write down what became stored by this: its worker died, or is a moment behind us."""
    for known in before.values():
        if known.state is not State.STORED:
            made = wanted[known.id][1]
            subjects = [known.id, known.patient_id, *(scan.id for scan in made)]
            detail = {"sha256": made[0].facts["sha256"]}
            audit.record(tx, REBUILD, "upload.stored", now=now, subjects=subjects, detail=detail)


def _same_patient(tx: Tx, version: Version) -> bool:
    known = patients.find(tx, version.patient.id)
    if known is None or known.version > version.patient.version:
        return known is not None
    return known == version.patient and patients.stands_right(tx, known.id)


def _different(tx: Tx, wanted: Wanted, known: Mapping[str, Upload]) -> set[str]:
    """Give the uploads that the catalog does not know, or not so."""
    ids = [scan.id for row, rows in wanted.values() if row.id in known for scan in rows]
    shown = scans.find(tx, ids) | scans.find(tx, ids, withdrawn=True)
    filed = scans.filed(tx, ids)
    return {row.id for row, rows in wanted.values() if not _same_upload(known.get(row.id), row, rows, shown, filed)}


def _same_upload(
    known: Upload | None,
    row: Upload,
    rows: Sequence[Scan],
    shown: Mapping[str, tuple[Scan, Patient]],
    filed: Mapping[str, tuple[str, str]],
) -> bool:
    return (
        known is not None
        and _same_row(known, row)
        and all(scan.id in shown and _same_scan(shown[scan.id][0], scan, *filed[scan.id]) for scan in rows)
    )


def _same_scan(known: Scan, row: Scan, filed_under: str, stands_for: str) -> bool:
    """Compare what the manifest alone decides; the rest follows from records where there are any, and from merges."""
    if known.patient_id != stands_for or not (known.records or filed_under == row.patient_id):
        return False
    by_records = {name: getattr(known, name) for name in _BY_RECORDS} if known.records else {}
    return known == replace(row, patient_id=known.patient_id, **by_records)


def _same_row(known: Upload, row: Upload) -> bool:
    """Compare what a manifest has: the rest means nothing once an upload is stored."""
    return replace(known, keep_until=row.keep_until, fence=row.fence, attempts=row.attempts) == row
