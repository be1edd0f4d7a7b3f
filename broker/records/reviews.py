"""Reviews, which say what was seen: how much had been said, and which pictures were opened.

Whether a picture was opened is read from the ticks of this account, never taken from the review's own word.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, opened
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import AttentionOpen, IllegalMove, Invalid, NotOpened
from ..words import BLOCKING, RecordKind, Review
from .keeper import Keeper
from .stale import Seen, refuse_stale, telling


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
            refuse_stale(tx, found, shown)
            _refuse_judged(found, status)
            _refuse_doubtful(found)
            ticks = opened.of(tx, actor.account, found)
            closed = sorted(scan for scan in found if scan not in ticks)
            if closed and not unopened:
                raise NotOpened(f"{len(closed)} of {len(found)} were not opened. Open them, or sign so.", scans=closed)
            said = {"kind": RecordKind.REVIEW.value, "status": status.value, "note": note}
            return {scan: said | what_was_seen(found[scan], ticks.get(scan, 0)) for scan in found}

        body = [{scan: list(what) for scan, what in shown.items()}, status.value, note, unopened]
        with telling(self.catalog, actor, now):
            return self.keep(actor, act, f"scan.{status}", shown, make, body, now)


def what_was_seen(scan: Scan, slices: int) -> Document:
    """What a record keeps of a scan that was before somebody, of which so many slices were opened."""
    frames = scan.facts["frames"]
    return {
        "seen": {"records": scan.records, "manifest": scan.manifest},
        "opened": slices > 0,
        "slices": [min(slices, frames), frames] if frames > 1 else None,
    }


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
