"""What a review of a visit would cover, said before it is signed: which scans, and how much of each was opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flask import request

from ..catalog.scans import Scan
from ..errors import BrokerError, NotOpened
from ..records.stale import Seen
from ..words import BLOCKING, Kind, Review
from . import asking, texts

#: Scans that are listed one by one; of more than these the number says enough.
MOST_LISTED = 24


@dataclass(frozen=True, slots=True)
class Item:
    """One scan of the visit. ``slices``: how many of its ``frames`` this account has opened, 0 if it has not.

    ``seen`` is what the form sends of it: its id, and the numbers of what is shown of it.
    """

    id: str
    text: str
    kind: str
    slices: int
    frames: int
    seen: str
    opened: str


@dataclass(frozen=True, slots=True)
class Unopened:
    """The question that comes back: how many of how many were not opened, and the first of them."""

    closed: int
    count: int
    first: str
    status: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What is signed, here and with the whole visit, and what is left out of it: open questions, wanted repeats."""

    items: list[Item]
    here: Item | None
    flagged: list[Item]
    waiting: list[Item]
    unopened: Unopened | None

    @property
    def listed(self) -> list[Item]:
        """Those that are listed, this scan and what was not opened first."""
        first = self.here.id if self.here else ""
        return sorted(self.items, key=lambda one: (one.id != first, one.slices > 0))[:MOST_LISTED]

    @property
    def words(self) -> str:
        """What the button says of the whole visit."""
        return unseen(self.items)

    @property
    def words_here(self) -> str:
        """What the button says of this scan alone."""
        return unseen([self.here] if self.here else [])


def signing(scan: Scan, visit: Iterable[Scan], ticks: Mapping[str, int], problem: BrokerError | None = None) -> Signing:
    """Sort the scans of a visit, among them ``scan``, by whether a review would cover them."""
    left = [row for row in visit if row.review is not Review.REVIEWED]
    waiting = [row for row in left if row.review is Review.REPEAT]
    flagged = [row for row in left if row not in waiting and not BLOCKING.isdisjoint(row.attention)]
    covered = [
        row
        for row in left
        if row not in waiting and row not in flagged and (row.review is Review.UNREVIEWED or row.id == scan.id)
    ]
    items = [_item(row, ticks) for row in covered]
    return Signing(
        items=items,
        here=next((one for one in items if one.id == scan.id), None),
        flagged=[_item(row, ticks) for row in flagged],
        waiting=[_item(row, ticks) for row in waiting],
        unopened=_unopened(problem),
    )


def opened(slices: int, frames: int, kind: Kind) -> str:
    """Say how much of a scan was opened: ``opened``, ``not opened``, ``12 of 128 slices``."""
    if not slices:
        return "not opened"
    thing = "pages" if kind in (Kind.DOCUMENT, Kind.VISUAL_FIELD) else "slices"
    return f"{min(slices, frames)} of {frames} {thing}" if frames > 1 else "opened"


def unseen(items: Sequence[Item]) -> str:
    """Say what of these was not seen: ``4 of 11 not opened; OCT: 1 of 128 slices``; "" if all was.

    The page says it anew while pictures are opened: ``web/src/lib/signing.ts``, by the same words.
    """
    closed = sum(not one.slices for one in items)
    partly = [one for one in items if 0 < one.slices < one.frames]
    said = [f"{closed} of {len(items)} not opened"] if closed else []
    if len(partly) == 1:
        said.append(f"{partly[0].kind}: {partly[0].opened}")
    elif partly:
        said.append(f"{len(partly)} not seen whole")
    return "; ".join(said)


def seen(scan: str) -> dict[str, int | Seen]:
    """Read from the form what is signed: of the whole visit, or of this scan alone."""
    shown: dict[str, int | Seen] = {**asking.seen()}
    # What the form did not show was not seen: whatever it is by now, that is refused as stale.
    return {scan: shown.get(scan, Seen(-1))} if request.form.get("scope") == "scan" else shown


def _item(row: Scan, ticks: Mapping[str, int]) -> Item:
    slices, frames = ticks.get(row.id, 0), row.facts["frames"]
    kind = texts.KINDS[row.kind]
    return Item(
        id=row.id,
        text=f"{texts.EYES[row.eye]} · {kind}",
        kind=kind,
        slices=slices,
        frames=frames,
        seen=asking.shown(row),
        opened=opened(slices, frames, row.kind),
    )


def _unopened(problem: BrokerError | None) -> Unopened | None:
    if not isinstance(problem, NotOpened):
        return None
    closed = [str(one) for one in cast("list[str]", problem.members["scans"])]
    asked = seen(closed[0]) if request.form.get("scope") == "scan" else seen("")
    return Unopened(len(closed), len(asked), closed[0], request.form.get("status", "").partition("-")[0])
