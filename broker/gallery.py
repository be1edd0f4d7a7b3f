"""The gallery: scans of the vault, newest capture first, each with read grants for its renditions.

Links handed out are audited before they are answered. Nothing that is still in the intake is ever shown here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from . import audit, names
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx, scans
from .catalog import records as recorded
from .catalog.patients import Patient
from .catalog.records import Document
from .catalog.scans import Filter, Key, Scan
from .errors import ScanNotFound
from .names import Rendition
from .sas.grants import Grant
from .sas.signer import Signer


@dataclass(frozen=True, slots=True)
class Shown:
    """A scan, its patient, the links that were handed out with it, and, where asked for, what was said about it."""

    scan: Scan
    patient: Patient
    links: Mapping[Rendition, Grant]
    records: tuple[Document, ...] = ()

    @property
    def key(self) -> Key:
        """Where a page ends that ends with this scan."""
        return self.scan.captured_at, self.scan.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The acts of looking."""

    catalog: Catalog
    signer: Signer

    def page(
        self, actor: Actor, which: Filter, *, after: Key | None, limit: int, now: datetime, peek: bool = False
    ) -> list[Shown]:
        """Give one page of scans with links to their thumbnails.

        ``peek``: the scan that follows is given too, without a link, and is not written down as shown: it only says
        that the list goes on.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.page(tx, which, after=after, limit=limit + peek)
        shown = self.shown(actor, "gallery.see", found[:limit], (Rendition.THUMBNAIL,), now=now)
        return [*shown, *(Shown(*one, {}) for one in found[limit:])]

    def some(self, actor: Actor, ids: Sequence[str], *, now: datetime) -> list[Shown]:
        """Give these scans with links to their thumbnails, in this order; what is not to be seen is left out."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.find(tx, ids)
        wanted = [found[one] for one in ids if one in found]
        return self.shown(actor, "gallery.see", wanted, (Rendition.THUMBNAIL,), now=now)

    def one(self, actor: Actor, scan: str, *, now: datetime) -> Shown:
        """Give one scan with links to all its renditions.

        Raises:
            ScanNotFound: there is none, or it was withdrawn.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = _found(tx, scan)
        return self.shown(actor, "scan.see", [found], tuple(Rendition), now=now, records=True)[0]

    def links(self, actor: Actor, ids: Sequence[str], what: Rendition, *, now: datetime) -> dict[str, Grant]:
        """Give fresh links to one rendition of several scans; scans without it, or not to be seen, are left out."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.find(tx, ids)
        shown = self.shown(actor, "scan.links", found.values(), (what,), now=now)
        return {one.scan.id: one.links[what] for one in shown if what in one.links}

    def original(self, actor: Actor, scan: str, *, now: datetime) -> Grant:
        """Give a five-minute link to the file as it was sent, with an audit row of its own.

        Raises:
            ScanNotFound.
        """
        require(actor, Act.ORIGINAL)
        with self.catalog.read() as tx:
            row, patient = _found(tx, scan)
        grant = self.signer.original(names.original(row.upload_id), file_name(row, row.facts["ending"]), now)
        with self.catalog.write() as tx:
            detail = {"signatures": {scan: grant.signature_hash}}
            audit.record(tx, actor, "scan.original", now=now, subjects=[patient.id, scan], detail=detail)
        return grant

    def shown(
        self,
        actor: Actor,
        act: str,
        found: Iterable[tuple[Scan, Patient]],
        wanted: Iterable[Rendition],
        *,
        now: datetime,
        also: Sequence[str] = (),
        records: bool = False,
    ) -> list[Shown]:
        """Hand out links to renditions of scans that were found, in their order, and write down whom they show.

        ``also``: what the answer shows besides the scans and their patients; ``records``: give what was said about
        them too. Who is shown nothing has seen nobody.
        """
        shown = [self._shown(scan, patient, wanted, now) for scan, patient in found]
        with self.catalog.write() as tx:
            said = recorded.of_scans(tx, [one.scan.id for one in shown if one.scan.records]) if records else {}
            patients = [one.patient.id for one in shown] + recorded.patients_in(chain(*said.values()))
            if subjects := [*also, *patients, *(one.scan.id for one in shown)]:
                audit.view(tx, actor, act, now=now, subjects=subjects)
        return [replace(one, records=tuple(said.get(one.scan.id, ()))) for one in shown] if said else shown

    def _shown(self, scan: Scan, patient: Patient, wanted: Iterable[Rendition], now: datetime) -> Shown:
        links = {}
        for what in wanted:
            if facts := scan.facts["renditions"].get(what):
                media_type = facts["media_type"]
                name = file_name(scan, names.ENDINGS[media_type])
                blob = names.rendition(scan.id, what, media_type)
                links[what] = self.signer.rendition(blob, name, media_type, now)
        return Shown(scan, patient, links)


def file_name(scan: Scan, ending: str) -> str:
    """Name a download: eye, kind and the end of the id, nothing of the patient."""
    stem = f"{scan.eye}_{scan.kind}_{scan.id[-12:]}"
    return f"{stem}.{ending}" if ending else stem


def _found(tx: Tx, scan: str) -> tuple[Scan, Patient]:
    found = scans.find(tx, [scan]).get(scan)
    if found is None:
        raise ScanNotFound()
    return found
