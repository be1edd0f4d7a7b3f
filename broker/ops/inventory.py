"""Compare catalog and storage, name by name: what is missing, what nobody knows, what a scrub finds changed.

Nothing is changed and nothing deleted. What is younger than an hour may be on its way, and is left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .. import ids, names
from ..catalog import Catalog, patients, scans, uploads
from ..catalog.scans import Facts
from ..catalog.uploads import Upload
from ..ingest.verify import Hashing
from ..names import Rendition, VaultBlob
from ..storage.containers import BlobGone, Intake, Listed, Vault
from ..words import State
from .finding import Finding, bad, good

PAGE = 500
SETTLED = timedelta(hours=1)
#: A file holds no more scans (``verdict.MAX_SCANS``).
MOST_SCANS = 64
#: Lines of one sort; the rest is counted.
SHOWN = 20


@dataclass(slots=True)
class Inventory:
    """One look at everything. ``now`` is aware UTC."""

    catalog: Catalog
    intake: Intake
    vault: Vault
    now: datetime
    #: Every stored upload, for a scrub.
    stored: list[str] = field(default_factory=list)

    def findings(self) -> Iterator[Finding]:
        """Look through vault and intake. Raises StorageUnavailable, CatalogBusy."""
        there = {listed.name: listed for listed in self.vault.list("")}
        missing = list(self._missing(there))
        yield from _few("Missing", missing, "restore it from a version, soft delete or a copy of the account")
        yield from self._left(there)
        yield from self._intake()
        yield good("Vault", f"{len(self.stored)} stored uploads looked for, {len(missing)} blobs missing")

    def scrub(self, count: int) -> Iterator[Finding]:
        """Hash ``count`` stored originals anew, chosen by lot, and compare. Call after ``findings``."""
        chosen = random.sample(self.stored, min(count, len(self.stored)))
        wrong = 0
        for upload in chosen:
            with self.catalog.read() as tx:
                row = uploads.find(tx, [upload]).get(upload)
            if row is not None and not self._same(row):
                wrong += 1
                what = f"{names.original(upload).name} does not have the bytes that were stored"
                yield bad("Scrub", what, "restore it from a version or a copy; nothing was deleted")
        yield good("Scrub", f"{len(chosen)} of {len(self.stored)} originals hashed, {wrong} differ")

    def _same(self, row: Upload) -> bool:
        hashing = Hashing(row.block_size)
        try:
            for piece in self.vault.read(names.original(row.id)):
                hashing.add(piece)
        except BlobGone:
            return False
        return hashing.digests().declared == row.digest

    def _missing(self, there: dict[str, Listed]) -> Iterator[str]:
        """Take what belongs to stored uploads out of ``there``, and name what is not in it, or not with its size."""
        after = ""
        while True:
            with self.catalog.read() as tx:
                page = uploads.stored_ids(tx, after=after, limit=PAGE)
                rows, made = uploads.find(tx, page), scans.facts_of(tx, page)
            self.stored += page
            for upload in (one for one in page if names.tombstone(one).name not in there):
                for blob, size in _expected(rows[upload], made.get(upload, {})).items():
                    listed = there.pop(blob.name, None)
                    if not self._is_there(blob, size, listed):
                        yield f"{blob.name} is missing, or of another size"
            if len(page) < PAGE:
                return
            after = page[-1]

    def _is_there(self, blob: VaultBlob, size: int | None, listed: Listed | None) -> bool:
        found = listed or self.vault.head(blob)  # it may be younger than the listing
        return found is not None and size in (None, found.size)

    def _left(self, there: dict[str, Listed]) -> Iterator[Finding]:
        """Tell what of the rest is known, on its way, or an orphan."""
        moving = self._on_their_way()
        buried = set(_buried(there))
        half, unknown, orphans = [], [], []
        folders = {name.rpartition("/")[0] for name in there if name.endswith("/manifest.json")}
        for name, listed in there.items():
            kind, _, folder = name.partition("/")
            identity = folder.split("/")[1] if "/" in folder else ""
            home = f"{kind}/{folder[:2]}/{identity}"
            if kind == "audit" or name.endswith("/tombstone.json") or listed.modified > self.now - SETTLED:
                continue
            if home in buried:
                half.append(name)
            elif identity in moving or self._known(kind, identity, name):
                continue
            elif kind == "patients" or home in folders:
                unknown.append(name)
            else:
                orphans.append(name)
        again = "start `python -m broker erase` for it again"
        yield from _few("Erasure", [f"{name} lies beside a tombstone" for name in half], again)
        what = [f"{name} is not in the catalog" for name in unknown]
        yield from _few("Unknown", what, "run `python -m broker rebuild`, which says why if it does not count")
        what = [f"{name} belongs to no upload" for name in orphans]
        yield from _few("Orphans", what, "run `python -m broker rebuild` first; what stays is of no use to anybody")

    def _on_their_way(self) -> set[str]:
        """The ids of uploads that are not decided, and of the scans that may come out of them."""
        with self.catalog.read() as tx:
            found = uploads.ids_in(tx, [State.RECEIVED, State.VERIFYING])
        return {*found, *(ids.scan_id(upload, index) for upload in found for index in range(MOST_SCANS))}

    def _known(self, kind: str, identity: str, name: str) -> bool:
        with self.catalog.read() as tx:
            if kind == "patients":
                return patients.find(tx, identity) is not None
            return kind == "scans" and "/records/" in name and scans.upload_of(tx, identity) is not None

    def _intake(self) -> Iterator[Finding]:
        foreign, unknown, count = [], [], 0
        for page in _pages(self.intake.list(uncommitted=True)):
            count += len(page)
            parsed = [(names.parse_intake(listed.name), listed) for listed in page]
            with self.catalog.read() as tx:
                rows = uploads.find(tx, [blob.upload for blob, _ in parsed if blob])
            foreign += [f"{listed.name} in the intake is no name of ours" for blob, listed in parsed if blob is None]
            settled = self.now - SETTLED
            old = [(blob, listed) for blob, listed in parsed if blob and listed.modified <= settled]
            unknown += [f"{one.name} in the intake belongs to no upload" for one, _ in old if one.upload not in rows]
        yield from _few("Intake", foreign, "find out who writes there; nothing of ours reads it")
        yield from _few("Intake", unknown, "if a catalog was lost, send it again; else the worker deletes it in days")
        yield good("Intake", f"{count} names, {len(foreign)} of them foreign, {len(unknown)} of no upload")


def _expected(row: Upload, made: dict[str, Facts]) -> dict[VaultBlob, int | None]:
    found: dict[VaultBlob, int | None] = {names.original(row.id): row.size, names.manifest(row.id): None}
    for scan, facts in made.items():
        for what, rendition in facts["renditions"].items():
            found[names.rendition(scan, Rendition(what), rendition["media_type"])] = rendition["bytes"]
    return found


def _buried(there: Iterable[str]) -> Iterator[str]:
    """The folders of which tombstones say that they are to be empty."""
    for name in there:
        if name.endswith("/tombstone.json"):
            yield name.rpartition("/")[0]
            upload = name.split("/")[2]
            made = (ids.scan_id(upload, index) for index in range(MOST_SCANS if name.startswith("uploads/") else 0))
            yield from (f"scans/{scan[-2:]}/{scan}" for scan in made)


def _few(title: str, lines: Sequence[str], remedy: str) -> Iterator[Finding]:
    for line in lines[:SHOWN]:
        yield bad(title, line, remedy)
    if len(lines) > SHOWN:
        yield bad(title, f"and {len(lines) - SHOWN} more of the same sort", remedy)


def _pages(listing: Iterator[Listed]) -> Iterator[list[Listed]]:
    page: list[Listed] = []
    for listed in listing:
        page.append(listed)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
