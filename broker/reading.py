"""Reading: the worklist, a patient's visits, what came before a scan, and what has just arrived.

What the gallery is for looking, this is for reading: the same scans and links, in the order in which a physician
needs them. Links handed out are audited before they are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from . import unsettled
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx, patients, scans, uploads, visits
from .catalog.patients import Patient
from .catalog.scans import Filter, Key, Scan
from .catalog.uploads import Upload
from .catalog.visits import Waiting
from .errors import PatientNotFound, ScanNotFound
from .gallery import Gallery, Shown
from .names import Rendition
from .words import Eye, State

#: Uploads shown as tiles "being checked" at once.
TILES = 60
#: Visits of the worklist, and wanted repeats, shown at once.
MOST = 60
#: Visits that are counted; of more than these one does not need the number.
COUNTED = 500
#: Scans of one patient that are looked at for the patient's page; older ones are in the gallery.
MOST_OF_PATIENT = 1_000
#: Scans of one eye, kind and visit that are shown one by one; more fold into one.
UNFOLDED = 6
_FELLOW = {Eye.OD: Eye.OS, Eye.OS: Eye.OD}


#: An upload that has arrived and is not decided yet, and whose it is.
Checked = tuple[Upload, Patient]


@dataclass(frozen=True, slots=True)
class Front:
    """What a page of the gallery shows: scans, the patient if it is one patient's, and what one can filter by.

    ``checking``: the uploads that have arrived and are not decided yet, newest first.
    """

    shown: list[Shown]
    patient: Patient | None
    devices: list[str]
    checking: list[Checked]


@dataclass(frozen=True, slots=True)
class Folded:
    """Scans of one eye, kind and visit. ``shown``: those with links; ``count``: how many there are."""

    shown: tuple[Shown, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A patient's scans of one day (ISO): of the right eye, of the left, of both or nobody knows which."""

    day: str
    right: tuple[Folded, ...]
    left: tuple[Folded, ...]
    other: tuple[Folded, ...]
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient with all visits, newest first; ``withdrawn`` scans stand apart; ``more``: older ones are left out.

    ``versions``: every version of the patient, oldest first, with who made it and when. ``not_stored``: files that
    were sent for the patient, were not stored, and nobody has settled yet.
    """

    patient: Patient
    visits: tuple[Visit, ...]
    withdrawn: tuple[Scan, ...]
    more: bool
    versions: tuple[dict[str, Any], ...]
    not_stored: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What one goes to from a scan: neighbours in time, the same eye before, the other eye, and its whole visit.

    ``prior`` is the latest scan of that eye and kind, without an open question, of an earlier visit (or of this one, if
    there was none before); ``flagged_prior`` a later one than that which has a question.
    """

    newer: Scan | None
    older: Scan | None
    prior: Scan | None
    flagged_prior: Scan | None
    fellow: Scan | None
    visit: tuple[Scan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The acts of reading."""

    catalog: Catalog
    gallery: Gallery

    def front(self, actor: Actor, which: Filter, *, after: Key | None, limit: int, now: datetime) -> Front:
        """Give one page of the gallery with all that stands on it: one look at the catalog, one audit row.

        Raises:
            NotAllowed.
            PatientNotFound: the filter names a patient that there is not.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            who = patients.known(tx, which.patient) if which.patient else None
            found = scans.page(tx, which, after=after, limit=limit)
            devices, checking = scans.devices(tx), _checking(tx)
        also = [who.id] if who else []
        shown = self.gallery.shown(actor, "gallery.see", found, (Rendition.THUMBNAIL,), now=now, also=also)
        return Front(shown, who, devices, checking)

    def worklist(self, actor: Actor) -> tuple[list[Waiting], int, int]:
        """List the visits to read, urgent first, then oldest; with how many there are, and how many are urgent.

        Both are counted to one more than ``COUNTED`` and no further.

        Raises:
            NotAllowed.
        """
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            return visits.waiting(tx, limit=MOST), *visits.count_waiting(tx, most=COUNTED + 1)

    def next_visit(self, actor: Actor, *, but: tuple[str, str]) -> Waiting | None:
        """Give the visit to read next, other than the one just read (patient, day)."""
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            return next(iter(visits.waiting(tx, limit=1, but=but)), None)

    def repeats(self, actor: Actor, *, now: datetime) -> list[Shown]:
        """List scans for which a repeat is wanted and has not come, newest first, with what was said about them."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            ids = visits.repeats(tx, limit=MOST)
            found = scans.find(tx, ids)
        wanted = [found[one] for one in ids if one in found]
        return self.gallery.shown(actor, "gallery.see", wanted, (Rendition.THUMBNAIL,), now=now, records=True)

    def chart(self, actor: Actor, patient: str, *, now: datetime) -> Chart:
        """Give a patient's visits with links to the thumbnails that are shown.

        Raises:
            NotAllowed, PatientNotFound.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            who = patients.known(tx, patient)
            versions = patients.versions(tx, patient)
            rows = [row for row, _ in scans.page(tx, Filter(patient), after=None, limit=MOST_OF_PATIENT + 1)]
            gone = [row for row, _ in scans.page(tx, Filter(patient, withdrawn=True), after=None, limit=MOST)]
            lost = unsettled.of_patient(tx, patient, now)
        groups = _grouped(rows[:MOST_OF_PATIENT])
        linked = [(row, who) for group in groups.values() for row in _unfolded(group)]
        shown = self.gallery.shown(actor, "patient.read", linked, (Rendition.THUMBNAIL,), now=now, also=[patient])
        by_id = {one.scan.id: one for one in shown}
        more = len(rows) > MOST_OF_PATIENT
        return Chart(who, _visits(groups, by_id), tuple(gone), more, tuple(versions), tuple(lost))

    def not_stored(self, actor: Actor, patient: str, *, now: datetime) -> list[Upload]:
        """List files that were sent for a patient, were not stored, and nobody has settled yet.

        Whoever shows them shows the patient, and writes that down.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return unsettled.of_patient(tx, patient, now)

    def scans_of(self, actor: Actor, patient: str) -> list[str]:
        """List the ids of all scans of a patient that are not withdrawn."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return scans.ids_of(tx, patient=patient)

    def visit(self, actor: Actor, patient: str, day: str, *, now: datetime) -> list[Shown]:
        """Give the scans of one visit with links to their display pictures, for a report.

        Raises:
            NotAllowed.
            PatientNotFound: there is none, or nothing of that day.
        """
        require(actor, Act.SEE_SCANS)
        on = date.fromisoformat(day)
        with self.catalog.read() as tx:
            found = scans.page(tx, Filter(patient, first_day=on, last_day=on), after=None, limit=MOST_OF_PATIENT)
        if not found:
            raise PatientNotFound("There is no such visit.")
        return self.gallery.shown(actor, "visit.see", found, (Rendition.DISPLAY,), now=now, records=True)

    def pair(self, actor: Actor, left: str, right: str, *, now: datetime) -> tuple[Shown, Shown]:
        """Give two scans to compare, with links to all their renditions.

        Raises:
            NotAllowed, ScanNotFound.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.find(tx, [left, right])
        if not {left, right} <= set(found):
            raise ScanNotFound()
        both = [found[left], found[right]]
        first, second = self.gallery.shown(actor, "scan.compare", both, tuple(Rendition), now=now)
        return first, second

    def around(self, actor: Actor, shown: Shown) -> Around:
        """Give what one goes to from a scan."""
        require(actor, Act.SEE_SCANS)
        scan, all_of = shown.scan, Filter(shown.patient.id)
        same = Filter(scan.patient_id, scan.eye, scan.kind)
        day = date.fromisoformat(scan.visit_day)
        with self.catalog.read() as tx:
            newer = scans.newer(tx, all_of, than=shown.key, limit=1)
            older = scans.page(tx, all_of, after=shown.key, limit=1)
            visit = scans.page(
                tx, Filter(scan.patient_id, first_day=day, last_day=day), after=None, limit=MOST_OF_PATIENT
            )
            before = replace(same, last_day=day - timedelta(days=1))
            earlier = [row for row, _ in scans.page(tx, before, after=shown.key, limit=20)]
            # Of an earlier visit if there was one: what changed within a visit is another question.
            earlier += [row for row, _ in scans.page(tx, same, after=shown.key, limit=20)] if not earlier else []
        mates = tuple(row for row, _ in visit)
        fellows = [row for row in mates if row.kind is scan.kind and row.eye is _FELLOW.get(scan.eye)]
        prior = next((row for row in earlier if not row.attention), None)
        flagged = next((row for row in earlier if row.attention), None)
        if prior and flagged and flagged.captured_at < prior.captured_at:
            flagged = None
        nearest = min(fellows, key=lambda row: abs(row.captured_at - scan.captured_at), default=None)
        return Around(_first(newer), _first(older), prior, flagged, nearest, mates)

    def months(self, actor: Actor, which: Filter) -> list[tuple[str, int]]:
        """Count scans by month (YYYY-MM), newest first."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return scans.months(tx, which)

    def checking(self, actor: Actor) -> list[Checked]:
        """List uploads that have arrived and are not decided yet, newest first: the tiles "being checked"."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return _checking(tx)

    def arrived(self, actor: Actor, known: Sequence[str], *, since: datetime, now: datetime) -> list[Shown]:
        """Give the scans that have come since a look at the gallery.

        They are those of the uploads ``known`` to be checked then, and of uploads received ``since`` then.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            later = uploads.Filter(states=(State.STORED,), received_after=since)
            ids = [*known, *(upload.id for upload in uploads.some(tx, later, after=None, limit=TILES))]
            found = scans.find(tx, [scan for some in uploads.scan_ids(tx, ids).values() for scan in some])
        if not found:
            return []
        return self.gallery.shown(actor, "gallery.see", list(found.values()), (Rendition.THUMBNAIL,), now=now)


def _checking(tx: Tx) -> list[Checked]:
    under_way = uploads.Filter(states=(State.RECEIVED, State.VERIFYING))
    found = uploads.some(tx, under_way, after=None, limit=TILES)
    known = patients.many(tx, {upload.patient_id for upload in found}) if found else {}
    return [(upload, known[upload.patient_id]) for upload in found if upload.patient_id in known]


def _first(found: Sequence[tuple[Scan, Patient]]) -> Scan | None:
    return found[0][0] if found else None


def _grouped(rows: Iterable[Scan]) -> dict[tuple[str, Eye, str], list[Scan]]:
    """Scans by day, eye and kind; the days, and within them the scans, newest first."""
    groups: dict[tuple[str, Eye, str], list[Scan]] = {}
    for row in rows:
        groups.setdefault((row.visit_day, row.eye, row.kind), []).append(row)
    return groups


def _unfolded(group: list[Scan]) -> list[Scan]:
    return group if len(group) <= UNFOLDED else group[:1]


def _visits(groups: dict[tuple[str, Eye, str], list[Scan]], shown: dict[str, Shown]) -> tuple[Visit, ...]:
    days: dict[str, dict[Eye | None, list[Folded]]] = {}
    rows: dict[str, list[Scan]] = {}
    for (day, eye, _kind), group in groups.items():
        columns = days.setdefault(day, {Eye.OD: [], Eye.OS: [], None: []})  # as a physician faces a patient
        folded = Folded(tuple(shown[row.id] for row in _unfolded(group)), len(group))
        columns[eye if eye in columns else None].append(folded)
        rows.setdefault(day, []).extend(group)
    made = []
    for day in sorted(days, reverse=True):
        right, left, other = (tuple(column) for column in days[day].values())
        made.append(Visit(day, right, left, other, tuple(rows[day])))
    return tuple(made)
