"""Reviews, which say what was seen: how much had been said, and which pictures were opened; and additions to them.

Whether a picture was opened is read from the ticks of this account, never taken from the review's own word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from .. import audit
from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, opened, scans
from ..catalog import records as rows
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import AttentionOpen, IllegalMove, Invalid, NotOpened, Stale
from ..words import BLOCKING, RecordKind, Review
from .history import history
from .keeper import Keeper, same


class Seen(NamedTuple):
    """What was shown of a scan: the number of records about it, and the number of its manifest."""

    records: int
    manifest: int = 1


class Reviews(Keeper):
    """The acts of reviewing."""

    __slots__ = ()

    def review(
        self,
        actor: Actor,
        act: str,
        seen: Mapping[str, int | Seen],
        *,
        status: Review,
        note: str,
        now: datetime,
        unopened: bool = False,
    ) -> list[Document]:
        """Say of scans that they were reviewed, or that a repeat is wanted.

        ``seen``: what was shown of each scan, by its id; a number is that of its records. ``unopened``: the physician
        knows that some of them were never opened.

        Raises:
            NotAllowed, ScanNotFound.
            Stale: somebody said something meanwhile; ``changed`` names it, and nothing was kept.
            IllegalMove: one was reviewed before, or a repeat of it is wanted: that is closed first; ``scans``.
            AttentionOpen: patient or eye of one is in doubt; ``scans``.
            NotOpened: this account has not opened one; ``scans``.
        """
        require(actor, Act.REVIEW)
        if status not in (Review.REVIEWED, Review.REPEAT):
            raise Invalid("A review says that scans were reviewed, or that a repeat is wanted.")
        shown = {scan: what if isinstance(what, Seen) else Seen(what) for scan, what in seen.items()}

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            _refuse_stale(tx, found, shown)
            _refuse_judged(found, status)
            _refuse_doubtful(found)
            ticks = opened.of(tx, actor.account, found)
            closed = sorted(scan for scan in found if scan not in ticks)
            if closed and not unopened:
                raise NotOpened(f"{len(closed)} of {len(found)} were not opened. Open them, or sign so.", scans=closed)
            said = {"kind": RecordKind.REVIEW.value, "status": status.value, "note": note}
            return {scan: said | _what_was_seen(found[scan], ticks.get(scan, 0)) for scan in found}

        body = [{scan: list(what) for scan, what in shown.items()}, status.value, note, unopened]
        try:
            return self.keep(actor, act, f"scan.{status}", shown, make, body, now)
        except Stale as stale:
            changed: Any = stale.members["changed"]
            self._shown(actor, changed, now)
            raise

    def add(
        self, actor: Actor, act: str, ids: Iterable[str], *, note: str, closes: bool = False, now: datetime
    ) -> list[Document]:
        """Add a note; with ``closes`` a repeat that was wanted is settled by it.

        Raises:
            NotAllowed, ScanNotFound.
        """
        require(actor, Act.REVIEW)
        said = {"kind": RecordKind.ADDENDUM.value, "note": note, "closes": closes}
        return self.keep(actor, act, "scan.addendum", ids, same(said), said, now)

    def _shown(self, actor: Actor, changed: Iterable[Document], now: datetime) -> None:
        """Write down whom the records name that somebody is shown because they came first."""
        said = {one["scan"]: one["records"] for one in changed}
        with self.catalog.write() as tx:
            whose = [patient.id for _, patient in scans.find(tx, said).values()]
            named = rows.patients_in(record for records in said.values() for record in records)
            audit.view(tx, actor, "scan.see", now=now, subjects=[*whose, *named, *said])


def _what_was_seen(scan: Scan, slices: int) -> Document:
    frames = scan.facts["frames"]
    return {
        "seen": {"records": scan.records, "manifest": scan.manifest},
        "opened": slices > 0,
        "slices": [min(slices, frames), frames] if frames > 1 else None,
    }


def _refuse_stale(tx: Tx, found: Mapping[str, Scan], shown: Mapping[str, Seen]) -> None:
    late = [scan for scan, what in shown.items() if what != Seen(found[scan].records, found[scan].manifest)]
    if late:
        kept = rows.of_scans(tx, late)
        changed = [
            {"scan": scan, "records": history(kept.get(scan, []))[max(shown[scan].records, 0) :]} for scan in late
        ]
        raise Stale("Somebody said something about this meanwhile. Read it, then decide again.", changed=changed)


def _refuse_judged(found: Mapping[str, Scan], status: Review) -> None:
    done = sorted(scan.id for scan in found.values() if scan.review is Review.REVIEWED)
    if done:
        raise IllegalMove("This was reviewed before. Add to the review instead.", scans=done)
    asked = sorted(scan.id for scan in found.values() if scan.review is Review.REPEAT)
    if asked and status is Review.REVIEWED:
        raise IllegalMove("A repeat of this is wanted. Close that first, or leave the scan out.", scans=asked)


def _refuse_doubtful(found: Mapping[str, Scan]) -> None:
    doubtful = sorted(scan.id for scan in found.values() if not BLOCKING.isdisjoint(scan.attention))
    if doubtful:
        raise AttentionOpen(
            "The patient or the eye of this is in doubt. Correct or confirm it first, as technicians may too.",
            scans=doubtful,
        )
