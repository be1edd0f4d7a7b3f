"""What an account has opened: kept when the picture itself was shown, so that a review can say it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .. import audit
from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import opened, scans
from ..catalog.scans import Scan
from ..errors import Invalid
from ..names import Rendition
from .keeper import Keeper

#: Scans in one call.
MOST = 100
#: What is a picture that one reads, and no placeholder.
_PICTURES = frozenset({Rendition.DISPLAY, Rendition.FULL, Rendition.FRAMES})


class Ticks(Keeper):
    """The act of opening."""

    __slots__ = ()

    def open(self, actor: Actor, seen: Sequence[tuple[str, int]], *, now: datetime) -> dict[str, int]:
        """Keep that this account was shown these scans, and how many different slices of each; 1 of a picture.

        Gives what it has opened of them by now. Scans without preview, or that are not to be seen, are left out.

        Raises:
            NotAllowed.
            Invalid: too many at once.
        """
        require(actor, Act.SEE_SCANS)
        if len(seen) > MOST:
            raise Invalid(f"At most {MOST} scans at once.")
        with self.catalog.write() as tx:
            found = {scan.id: scan for scan, _ in scans.find(tx, {scan for scan, _ in seen}).values()}
            shown: dict[str, int] = {}
            for scan, slices in seen:
                if scan in found and can_be_opened(found[scan]):
                    most = min(max(slices, 1), max(found[scan].facts["frames"], 1))
                    shown[scan] = max(most, shown.get(scan, 0))
            if more := opened.note(tx, actor.account, shown, now):
                audit.record(tx, actor, "scan.open", now=now, subjects=more)
            return opened.of(tx, actor.account, shown)


def can_be_opened(scan: Scan) -> bool:
    """Whether there is a picture of it to open."""
    return not _PICTURES.isdisjoint(scan.facts["renditions"])
