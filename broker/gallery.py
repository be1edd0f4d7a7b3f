"""The gallery: scans of the vault, newest capture first, each with read grants for its renditions.

Links handed out are audited before they are answered. Nothing that is still in the intake is ever shown here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from . import audit, names
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx, patients, scans, uploads
from .catalog.patients import Patient
from .catalog.scans import Filter, Key, Scan
from .catalog.uploads import Upload
from .errors import ScanNotFound
from .names import Rendition
from .sas.grants import Grant
from .sas.signer import Signer
from .words import State

#: Uploads shown as tiles "being checked" at once.
TILES = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A scan, its patient, and the links that were handed out with it."""

    scan: Scan
    patient: Patient
    links: Mapping[Rendition, Grant]

    @property
    def key(self) -> Key:
        """Where a page ends that ends with this scan."""
        return self.scan.captured_at, self.scan.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The acts of looking."""

    catalog: Catalog
    signer: Signer

    def page(self, actor: Actor, which: Filter, *, after: Key | None, limit: int, now: datetime) -> list[Shown]:
        """Give one page of scans with links to their thumbnails."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.page(tx, which, after=after, limit=limit)
        shown = [self._shown(scan, patient, (Rendition.THUMBNAIL,), now) for scan, patient in found]
        self._audit(actor, "gallery.see", shown, now)
        return shown

    def one(self, actor: Actor, scan: str, *, now: datetime) -> Shown:
        """Give one scan with links to all its renditions.

        Raises:
            ScanNotFound: there is none, or it was withdrawn.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            shown = self._shown(*_found(tx, scan), tuple(Rendition), now)
        self._audit(actor, "scan.see", [shown], now)
        return shown

    def around(self, actor: Actor, shown: Shown) -> tuple[str | None, str | None]:
        """Give the ids of this patient's next newer and next older scan."""
        require(actor, Act.SEE_SCANS)
        same = Filter(patient=shown.patient.id)
        with self.catalog.read() as tx:
            newer = scans.newer(tx, same, than=shown.key, limit=1)
            older = scans.page(tx, same, after=shown.key, limit=1)
        return (newer[0][0].id if newer else None), (older[0][0].id if older else None)

    def links(self, actor: Actor, ids: Sequence[str], what: Rendition, *, now: datetime) -> dict[str, Grant]:
        """Give fresh links to one rendition of several scans; scans without it, or not to be seen, are left out."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.find(tx, ids)
        shown = [self._shown(scan, patient, (what,), now) for scan, patient in found.values()]
        self._audit(actor, "scan.links", shown, now)
        return {one.scan.id: one.links[what] for one in shown if what in one.links}

    def original(self, actor: Actor, scan: str, *, now: datetime) -> Grant:
        """Give a five-minute link to the file as it was sent, with an audit row of its own.

        Raises:
            ScanNotFound.
        """
        require(actor, Act.ORIGINAL)
        with self.catalog.read() as tx:
            row, _patient = _found(tx, scan)
        grant = self.signer.original(names.original(row.upload_id), file_name(row, row.facts["ending"]), now)
        with self.catalog.write() as tx:
            detail = {"signatures": {scan: grant.signature_hash}}
            audit.record(tx, actor, "scan.original", now=now, subjects=[scan], detail=detail)
        return grant

    def checking(self, actor: Actor) -> list[tuple[Upload, Patient]]:
        """List uploads that have arrived and are not decided yet, newest first: the tiles "being checked"."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            under_way = uploads.Filter(states=(State.RECEIVED, State.VERIFYING))
            found = uploads.some(tx, under_way, after=None, limit=TILES)
            known = {one: patients.find(tx, one) for one in {upload.patient_id for upload in found}}
        return [(upload, patient) for upload in found if (patient := known[upload.patient_id])]

    def arrived(self, actor: Actor, known: Sequence[str], *, since: datetime, now: datetime) -> list[Shown]:
        """Give the scans that have come since a look at the gallery.

        They are those of the uploads ``known`` to be checked then, and of uploads received ``since`` then.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            later = uploads.Filter(states=(State.STORED,), received_after=since)
            ids = [*known, *(upload.id for upload in uploads.some(tx, later, after=None, limit=TILES))]
            found = scans.find(tx, [scan for some in uploads.scan_ids(tx, ids).values() for scan in some])
        shown = [self._shown(scan, patient, (Rendition.THUMBNAIL,), now) for scan, patient in found.values()]
        if shown:
            self._audit(actor, "gallery.see", shown, now)
        return shown

    def _shown(self, scan: Scan, patient: Patient, wanted: Iterable[Rendition], now: datetime) -> Shown:
        links = {}
        for what in wanted:
            if facts := scan.facts["renditions"].get(what):
                media_type = facts["media_type"]
                name = file_name(scan, names.ENDINGS[media_type])
                blob = names.rendition(scan.id, what, media_type)
                links[what] = self.signer.rendition(blob, name, media_type, now)
        return Shown(scan, patient, links)

    def _audit(self, actor: Actor, act: str, shown: Sequence[Shown], now: datetime) -> None:
        with self.catalog.write() as tx:
            audit.record(tx, actor, act, now=now, subjects=[one.scan.id for one in shown])


def file_name(scan: Scan, ending: str) -> str:
    """Name a download: eye, kind and the end of the id, nothing of the patient."""
    stem = f"{scan.eye}_{scan.kind}_{scan.id[-12:]}"
    return f"{stem}.{ending}" if ending else stem


def _found(tx: Tx, scan: str) -> tuple[Scan, Patient]:
    found = scans.find(tx, [scan]).get(scan)
    if found is None:
        raise ScanNotFound()
    return found
