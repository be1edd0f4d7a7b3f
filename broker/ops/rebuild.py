"""Rebuild: fill the catalog from what lies in the vault.

Everything is put in by id, so it may be repeated, may die half-way, and may run while the services do: what is there
already becomes what the vault says, and what came meanwhile stays. A document that does not count (see ``vaulted``)
is reported and imports nothing. A tombstone keeps its upload out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .. import audit
from ..access.actor import SYSTEM
from ..catalog import Catalog, Conflict, Tx, leases, patients, scans, uploads
from ..catalog.migrate import upgrade
from ..catalog.patients import Patient
from ..catalog.scans import Scan
from ..catalog.uploads import Upload
from ..config import Config
from ..errors import CatalogBusy, Unavailable
from ..ingest.crashpoint import Effect, effect
from ..ingest.manifest import Manifest
from ..ingest.rows import scan_rows, upload_row
from ..names import manifest as manifest_blob
from ..names import patient as patient_blob
from ..storage.azure import AzureStore
from ..storage.containers import Vault
from ..words import State
from .vaulted import Erased, Fault, VaultReader, Version

#: Set when the catalog is known to hold what the vault holds; readiness waits for it.
MARK = "vault_indexed"
LEASE = timedelta(minutes=5)
#: Faults that are printed one by one; the rest is counted.
FAULTS_SHOWN = 50

REBUILD = SYSTEM("rebuild")

Report = Callable[[str], None]


@dataclass(slots=True)
class Counts:
    """What was found: patients' versions, uploads, scans; ``faults`` do not count and are listed.

    ``different`` of them the catalog did not know, or not so: it does now, unless this only compared.
    """

    versions: int = 0
    uploads: int = 0
    scans: int = 0
    erased: int = 0
    different: int = 0
    faults: list[Fault] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.versions} patient versions, {self.uploads} uploads, {self.scans} scans, {self.erased} erased, "
            f"{self.different} new or different, {len(self.faults)} faults"
        )


def rebuild(config: Config, say: Report, *, check_only: bool = False) -> int:
    """The command: rebuild, or only compare, and print what was found. 0 if nothing is wrong, else 1."""
    catalog, store = Catalog(config.database_url), AzureStore(config)
    try:
        if not check_only:
            upgrade(catalog)
        counts = index(catalog, store.vault, say, check_only=check_only)
    except Unavailable as fault:
        say(f"Not finished: {fault} Nothing was lost; start it again.")
        return 1
    finally:
        catalog.close()
        store.close()
    for found in counts.faults[:FAULTS_SHOWN]:
        say(f"Does not count: {found.name}: {found.why}")
    say(f"{'Compared' if check_only else 'Done'}: {counts}.")
    return 1 if counts.faults or (check_only and counts.different) else 0


def ensure_indexed(catalog: Catalog, vault: Vault, report: Report) -> None:
    """Make sure, once for each catalog, that it holds what the vault holds; called by every worker at its start.

    Raises:
        CatalogBusy: another worker is at it.
        StorageUnavailable: try again later.
    """
    holder = secrets.token_hex(8)
    with catalog.write() as tx:
        if leases.marked(tx, MARK):
            return
        if leases.take(catalog, tx, "rebuild", holder=holder, life=LEASE) is None:
            raise CatalogBusy("Another worker is reading the vault into the catalog.")
    if VaultReader(vault).is_empty():
        _mark(catalog)
    else:
        report("The catalog does not know the vault yet: reading it.")
        counts = index(catalog, vault, report, keep=lambda: _keep(catalog, holder))
        report(f"The vault was read: {counts}.")
    with catalog.write() as tx:
        leases.give_back(tx, "rebuild", holder=holder)


def index(
    catalog: Catalog, vault: Vault, report: Report, *, check_only: bool = False, keep: Callable[[], None] = lambda: None
) -> Counts:
    """Put everything that counts into the catalog, or only compare; ``keep`` is called after every page.

    Raises:
        StorageUnavailable, CatalogBusy: what is in stays in; start again.
    """
    counts, reader = Counts(), VaultReader(vault)
    target = _Target(catalog, counts, check_only=check_only)
    pages: Iterator[Sequence[object]]
    for pages in (reader.patients(), reader.uploads()):
        for page in pages:
            target.put(page)
            keep()
            report(f"So far: {counts}.")
    if not check_only:
        _mark(catalog, counts)
    return counts


class _Target:
    """The catalog, as what is filled or only compared."""

    def __init__(self, catalog: Catalog, counts: Counts, *, check_only: bool) -> None:
        self._catalog = catalog
        self._counts = counts
        self._check_only = check_only

    def put(self, page: Sequence[object]) -> None:
        """Put one page in. Two documents that cannot both be true are told apart by trying one at a time."""
        self._counts.faults += [found for found in page if isinstance(found, Fault)]
        self._counts.erased += sum(isinstance(found, Erased) for found in page)
        versions = [found for found in page if isinstance(found, Version)]
        manifests = [found for found in page if isinstance(found, Manifest)]
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

    def _put_one(self, name: str, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        try:
            self._put(versions, manifests)
        except Conflict:
            self._counts.faults.append(Fault(name, "another one has its record number, or its place in the batch"))

    def _put(self, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        if versions:
            with effect(Effect.INDEX_PATIENTS), self._catalog.write() as tx:
                different = sum(not _same_patient(tx, version) for version in versions)
                for version in versions:
                    patients.put(tx, version.patient, version.document, version.changed_at)
            self._count(versions, [], different)
        if manifests:
            with effect(Effect.INDEX_UPLOADS), self._catalog.write() as tx:
                good, homeless = _sorted_out(tx, manifests)
                different = _different(tx, good)
                _restore(tx, good, self._catalog.now(tx))
                scans.put(tx, [row for manifest in good for row in scan_rows(manifest)])
            self._count([], good, different)
            self._counts.faults += homeless

    def _compare(self, versions: Sequence[Version], manifests: Sequence[Manifest]) -> None:
        with self._catalog.read() as tx:
            different = sum(not _same_patient(tx, version) for version in versions)
            different += _different(tx, manifests)
        self._count(versions, manifests, different)

    def _count(self, versions: Sequence[Version], manifests: Sequence[Manifest], different: int) -> None:
        self._counts.versions += len(versions)
        self._counts.uploads += len(manifests)
        self._counts.scans += sum(len(manifest.scans) for manifest in manifests)
        self._counts.different += different


def _sorted_out(tx: Tx, manifests: Sequence[Manifest]) -> tuple[list[Manifest], list[Fault]]:
    """Part the manifests from those whose patient nobody knows: their scans could be shown under no name."""
    ids = {manifest.upload.patient for manifest in manifests}
    known = {patient for patient in ids if patients.find(tx, patient)}
    good = [manifest for manifest in manifests if manifest.upload.patient in known]
    homeless = [manifest_blob(one.upload.id).name for one in manifests if one.upload.patient not in known]
    return good, [Fault(name, "its patient is not in the vault") for name in homeless]


def _restore(tx: Tx, manifests: Sequence[Manifest], now: datetime) -> None:
    before = uploads.find(tx, [manifest.upload.id for manifest in manifests])
    for manifest in manifests:
        uploads.restore(tx, upload_row(manifest))
        known = before.get(manifest.upload.id)
        if known and known.state is not State.STORED:
            # Its worker died, or is a moment behind us: this is the move, so this is where it is written down.
            subjects = [known.id, known.patient_id, *(scan.id for scan in manifest.scans)]
            detail = {"sha256": manifest.digests.sha256}
            audit.record(tx, REBUILD, "upload.stored", now=now, subjects=subjects, detail=detail)


def _same_patient(tx: Tx, version: Version) -> bool:
    known = patients.find(tx, version.patient.id)
    return known is not None and (known.version > version.patient.version or known == version.patient)


def _different(tx: Tx, manifests: Sequence[Manifest]) -> int:
    """Count the uploads that the catalog does not know, or not so."""
    wanted = {manifest.upload.id: (upload_row(manifest), scan_rows(manifest)) for manifest in manifests}
    known = uploads.find(tx, wanted)
    shown = scans.find(tx, [scan.id for _, rows in wanted.values() for scan in rows])
    return sum(not _same_upload(known.get(row.id), row, rows, shown) for row, rows in wanted.values())


def _same_upload(
    known: Upload | None, row: Upload, rows: Sequence[Scan], shown: Mapping[str, tuple[Scan, Patient]]
) -> bool:
    same = known is not None and (known.state, known.digest) == (row.state, row.digest)
    return same and all(scan.id in shown and shown[scan.id][0] == scan for scan in rows)


def _keep(catalog: Catalog, holder: str) -> None:
    with catalog.write() as tx:
        if leases.take(catalog, tx, "rebuild", holder=holder, life=LEASE) is None:
            raise CatalogBusy("Another worker has taken over reading the vault.")


def _mark(catalog: Catalog, counts: Counts | None = None) -> None:
    with effect(Effect.INDEXED), catalog.write() as tx:
        now: datetime = catalog.now(tx)
        if counts:
            detail = {"uploads": counts.uploads, "scans": counts.scans, "faults": len(counts.faults)}
            audit.record(tx, REBUILD, "catalog.rebuilt", now=now, detail=detail)
        leases.mark(tx, MARK, now)
