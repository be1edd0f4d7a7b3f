"""Reading: the worklist, a patient's visits, what came before a scan, and what has just arrived.

What the gallery is for looking, this is for reading: the same scans and links, in the order in which a physician
needs them. Links handed out are audited before they are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from . import audit, unsettled
from .access.actor import Actor
from .access.permissions import Act, may, require
from .catalog import Catalog, Tx, moves, opened, patients, records, repeats, scans, uploads, visits
from .catalog.moves import Move
from .catalog.patients import Patient
from .catalog.repeats import Group
from .catalog.scans import Filter, Key, Scan
from .catalog.uploads import Upload
from .catalog.visits import Waiting
from .errors import PatientNotFound, ScanNotFound
from .gallery import Gallery, Shown
from .merging import merges
from .names import Rendition
from .records.additions import MOST_ANSWERS
from .records.retractions import can_be_taken_back
from .words import Eye, Review, State

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
#: Moves shown on a patient's page, the newest ones; all scans of one act and day are one.
MOST_MOVES = 200
#: Wanted repeats that are counted; of more than these one does not need the number.
COUNTED_REPEATS = 100
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
class Moved:
    """Scans that were moved ``away`` from this patient, or here. ``other``: the other one; None if erased since."""

    move: Move
    away: bool
    other: Patient | None


@dataclass(frozen=True, slots=True)
class Merged:
    """A record of the same person that was merged into the patient. ``at`` is ISO 8601; ``undo``: whether one may."""

    patient: Patient
    at: str
    by: str
    reason: str
    undo: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient with all visits, newest first; ``withdrawn`` scans stand apart; ``more``: older ones are left out.

    ``patient`` has another id than was asked for if that record was merged into it. ``versions``: every version of the
    patient, oldest first, with who made it and when. ``moved``: by the day of the visit, which may have no scan left.
    ``not_stored``: files that were sent for the patient, were not stored, and nobody has settled yet.
    """

    patient: Patient
    visits: tuple[Visit, ...]
    withdrawn: tuple[Scan, ...]
    more: bool
    versions: tuple[dict[str, Any], ...]
    moved: Mapping[str, tuple[Moved, ...]]
    merged: tuple[Merged, ...]
    not_stored: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scan of which a repeat is wanted, with the scans that answer it, to be put side by side."""

    shown: Shown
    answers: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeats:
    """Wanted repeats, the oldest request first: nothing came; something came; somebody said that it is not possible.

    The last two wait for a physician to close them. What came and is in doubt leaves the repeat open, and is given
    with it. ``more_open`` and ``more_to_close``: how many there are besides those given; the gallery lists them all.
    """

    open: tuple[Wanted, ...]
    answered: tuple[Wanted, ...]
    not_possible: tuple[Wanted, ...]
    more_open: int = 0
    more_to_close: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """A review that its author can still take back: whose, of which day (ISO), of how many scans, the first of them."""

    act: str
    status: Review
    patient: Patient
    day: str
    count: int
    scan: str


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

        The scan that follows the page is given too, without a link and unnamed in the row, if there is one.

        Raises:
            NotAllowed.
            PatientNotFound: the filter names a patient that there is not.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            who = patients.known(tx, which.patient) if which.patient else None
            found = scans.page(tx, which, after=after, limit=limit + 1)
            devices, checking = scans.devices(tx), _checking(tx, which.patient)
        also = [*([who.id] if who else []), *_named(checking)]
        shown = self.gallery.shown(actor, "gallery.see", found[:limit], (Rendition.THUMBNAIL,), now=now, also=also)
        return Front([*shown, *(Shown(*one, {}) for one in found[limit:])], who, devices, checking)

    def worklist(self, actor: Actor, *, now: datetime) -> tuple[list[Waiting], int, int]:
        """List the visits to read, urgent first, then oldest; with how many there are, and how many are urgent.

        Both are counted to one more than ``COUNTED`` and no further.

        Raises:
            NotAllowed.
        """
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            found = visits.waiting(tx, limit=MOST)
            counts = visits.count_waiting(tx, most=COUNTED + 1)
        self._seen(actor, "worklist.see", [*(one.patient.id for one in found), *(one.first for one in found)], now)
        return found, *counts

    def next_visit(self, actor: Actor, *, but: tuple[str, str]) -> Waiting | None:
        """Give the visit to read next, other than the one just read (patient, day)."""
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            return next(iter(visits.waiting(tx, limit=1, but=but)), None)

    def repeats(self, actor: Actor, *, now: datetime) -> Repeats:
        """List the repeats that are wanted, with what was said about them and what answers them."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            groups = repeats.wanted(tx, limit=MOST)
            ids = [scan for group in groups.values() for scan in group]
            answers = repeats.answers(tx, ids, most=MOST_ANSWERS) if ids else {}
            full = any(len(group) == MOST for group in groups.values())
            open_ones, to_close = repeats.counts(tx, most=repeats.LOOKED_AT) if full else (0, 0)
            found = scans.find(tx, [*ids, *(one for some in answers.values() for one in some)])
        handed = self.gallery.shown(actor, "gallery.see", found.values(), (Rendition.THUMBNAIL,), now=now, records=True)
        shown = {one.scan.id: one for one in handed}
        open_, answered, not_possible = (tuple(_wanted(groups[group], answers, shown)) for group in Group)
        shut = len(groups[Group.ANSWERED]) + len(groups[Group.NOT_POSSIBLE])
        more = max(open_ones - len(groups[Group.OPEN]), 0), max(to_close - shut, 0)
        return Repeats(open_, answered, not_possible, *more)

    def repeat_counts(self, actor: Actor) -> tuple[int, int]:
        """Count the repeats that are open, and those that wait to be closed, each up to ``COUNTED_REPEATS``."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return repeats.counts(tx, most=COUNTED_REPEATS)

    def reopened(self, actor: Actor, *, now: datetime) -> list[Shown]:
        """List the scans whose review by this account a correction has reopened, with what was said about them."""
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            ids = scans.reopened(tx, actor.account, limit=MOST)
            found = scans.find(tx, ids) if ids else {}
        again = [found[one] for one in ids if one in found]
        if not again:
            return []
        return self.gallery.shown(actor, "gallery.see", again, (Rendition.THUMBNAIL,), now=now, records=True)

    def done(self, actor: Actor, act: str, *, now: datetime) -> Done | None:
        """Give a review of this account that can still be taken back; None if there is none of that id."""
        require(actor, Act.REVIEW)
        with self.catalog.read() as tx:
            said = records.of_act(tx, act)
            found = scans.find(tx, [one["scan"] for one in said]) if said else {}
        if not said or len(found) < len(said) or not all(can_be_taken_back(actor, one, now) for one in said):
            return None
        if any(found[one["scan"]][0].records != one["number"] or "status" not in one for one in said):
            return None
        # Whom it names is shown again.
        first = self.gallery.shown(actor, "gallery.see", found.values(), (), now=now)[0]
        status = Review(said[0]["status"])
        return Done(act, status, first.patient, first.scan.visit_day, len(said), said[0]["scan"])

    def opened(self, actor: Actor, ids: Iterable[str]) -> dict[str, int]:
        """Give how many slices this account has seen of these scans (1 of a picture); unopened ones are left out."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            return opened.of(tx, actor.account, ids)

    def chart(self, actor: Actor, patient: str, *, now: datetime, history: bool = True) -> Chart:
        """Give a patient's visits with links to the thumbnails that are shown; by a record that was merged, those of
        the patient it was merged into. ``history``: with what was withdrawn, moved, merged and not stored.

        Raises:
            NotAllowed, PatientNotFound.
        """
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            who = patients.known(tx, patient)
            versions = patients.versions(tx, who.id)
            rows = [row for row, _ in scans.page(tx, Filter(who.id), after=None, limit=MOST_OF_PATIENT + 1)]
            past = _past(tx, who, now, undo=may(actor, Act.CORRECT)) if history else _NO_PAST
        groups = _grouped(rows[:MOST_OF_PATIENT])
        linked = [(row, who) for group in groups.values() for row in _unfolded(group)]
        others = [one.other.id for some in past.moved.values() for one in some if one.other]
        merged = (one.patient.id for one in past.merged)
        also = [patient, who.id, *merged, *others, *(row.id for row in past.withdrawn)]
        shown = self.gallery.shown(actor, "patient.read", linked, (Rendition.THUMBNAIL,), now=now, also=also)
        by_id = {one.scan.id: one for one in shown}
        more = len(rows) > MOST_OF_PATIENT
        visits = _visits(groups, by_id)
        return Chart(who, visits, past.withdrawn, more, tuple(versions), past.moved, past.merged, past.not_stored)

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

    def months(self, actor: Actor, which: Filter, *, now: datetime) -> list[tuple[str, int]]:
        """Count scans by month (YYYY-MM), newest first. Counts tell of nobody, unless they are one patient's."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = scans.months(tx, which)
            who = patients.find(tx, which.patient) if which.patient else None
        self._seen(actor, "months.see", [who.id] if who else [], now)
        return found

    def checking(self, actor: Actor, patient: str | None = None, *, now: datetime) -> list[Checked]:
        """List uploads that have arrived and are not decided yet, newest first: the tiles "being checked"."""
        require(actor, Act.SEE_SCANS)
        with self.catalog.read() as tx:
            found = _checking(tx, patient)
        self._seen(actor, "upload.see", _named(found), now)
        return found

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

    def _seen(self, actor: Actor, act: str, subjects: Sequence[str], now: datetime) -> None:
        if subjects:
            with self.catalog.write() as tx:
                audit.view(tx, actor, act, now=now, subjects=subjects)


def _named(checking: Sequence[Checked]) -> list[str]:
    """What a row about such uploads names: their patients, and the uploads themselves."""
    return [*(patient.id for _, patient in checking), *(upload.id for upload, _ in checking)]


def _checking(tx: Tx, patient: str | None) -> list[Checked]:
    under_way = uploads.Filter(states=(State.RECEIVED, State.VERIFYING), patient=patient)
    found = uploads.some(tx, under_way, after=None, limit=TILES)
    known = patients.many(tx, {upload.patient_id for upload in found}) if found else {}
    return [(upload, known[upload.patient_id]) for upload in found if upload.patient_id in known]


def _wanted(ids: Sequence[str], answers: Mapping[str, Sequence[str]], shown: Mapping[str, Shown]) -> Iterable[Wanted]:
    for scan in ids:
        if scan in shown:
            yield Wanted(shown[scan], tuple(shown[one] for one in answers.get(scan, ()) if one in shown))


class _Past(NamedTuple):
    """What a patient's page tells besides the scans that are there."""

    withdrawn: tuple[Scan, ...]
    moved: Mapping[str, tuple[Moved, ...]]
    merged: tuple[Merged, ...]
    not_stored: tuple[Upload, ...]


_NO_PAST = _Past((), {}, (), ())


def _past(tx: Tx, who: Patient, now: datetime, *, undo: bool) -> _Past:
    gone = scans.page(tx, Filter(who.id, withdrawn=True), after=None, limit=MOST)
    lost = unsettled.of_patient(tx, who.id, now)
    return _Past(tuple(row for row, _ in gone), _moved(tx, who), _merged(tx, who, undo=undo), tuple(lost))


def _moved(tx: Tx, who: Patient) -> dict[str, tuple[Moved, ...]]:
    found = moves.of_patient(tx, who.id, limit=MOST_MOVES)
    known = patients.many(tx, {end for one in found for end in (one.from_patient, one.to_patient)}) if found else {}
    days: dict[str, tuple[Moved, ...]] = {}
    for one in found:
        left, right = known.get(one.from_patient), known.get(one.to_patient)
        away = left is not None and left.id == who.id
        if left != right or left is None:  # between two records of one person by now: no move any more
            days[one.day] = (*days.get(one.day, ()), Moved(one, away, right if away else left))
    return days


def _merged(tx: Tx, who: Patient, *, undo: bool) -> tuple[Merged, ...]:
    absorbed = patients.absorbed(tx, who.id)
    if not absorbed:
        return ()
    acts = merges(patients.versions(tx, *(one.id for one in absorbed)))
    told = [(one, acts[one.id]) for one in absorbed if one.id in acts]
    return tuple(Merged(one, act["changed_at"], act["changed_by"], act["reason"] or "", undo) for one, act in told)


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
