"""Wanted repeats: who answers one, who closes it, and how both pictures are put before a physician."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..catalog.scans import Filter
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..patients import Alike
from ..reading import Wanted
from ..records import standing
from ..words import CaptureSource, Review
from . import asking, frame, texts
from . import show as shown
from .outside import Outside

#: Open repeats of one patient that are offered to be answered by a scan.
MOST_OFFERED = 12
_BACK = {"worklist": "/worklist", "today": "/upload/today"}


@dataclass(frozen=True, slots=True)
class Told:
    """A wanted repeat as shown: what was asked for and by whom, and what answers it or why nothing can."""

    card: shown.Card
    asked: shown.Said
    seen: str
    answers: list[shown.Card]
    why_not: str
    by: str
    at: str
    acts: tuple[str, str]


def add_to(pages: Blueprint) -> None:
    """Add answering and closing."""
    pages.post("/scans/<id:scan>/answer")(answer)
    pages.post("/scans/<id:scan>/close")(close)


@policy(Act.CORRECT)
def answer(scan: str) -> Response:
    """Say of the repeat that is wanted of this scan which scan it is, or why it is not possible.

    Raises:
        Invalid, IllegalMove, ScanNotFound.
    """
    by = request.form.get("by", "")
    link = by if is_id(by) else None
    reason = asking.text("reason", asking.LONGEST_REASON) if link else asking.reason()
    parts().records.answer(
        actor(), asking.act(), scan, possible=link is not None, by=link, reason=reason, now=frame.now()
    )
    return _back(link or scan)


@policy(Act.REVIEW)
def close(scan: str) -> Response:
    """Settle a wanted repeat.

    Raises:
        Invalid, ScanNotFound.
    """
    note = asking.text("note", asking.LONGEST_NOTE, needed=True)
    parts().records.add(actor(), asking.act(), [scan], note=note, closes=True, now=frame.now())
    return _back(scan)


def told(wanted: Iterable[Wanted], alike: Mapping[str, Alike] = shown.NOBODY) -> list[Told]:
    """Show wanted repeats."""
    zone = parts().config.time_zone
    return [
        Told(
            card=shown.card(one.shown, Rendition.THUMBNAIL, alike),
            asked=_asked(one.shown),
            seen=f"{one.shown.scan.id}:{one.shown.scan.records}:{one.shown.scan.manifest}",
            answers=[shown.card(other, Rendition.THUMBNAIL) for other in one.answers],
            why_not=Outside((one.shown.scan.answer or {}).get("reason", "")),
            by=Outside((one.shown.scan.answer or {}).get("by_name", "")),
            at=texts.moment((one.shown.scan.answer or {}).get("at"), zone),
            acts=(str(uuid4()), str(uuid4())),
        )
        for one in wanted
    ]


def offered(one: Shown) -> list[Told]:
    """The repeats that a scan of unknown time might be: a person says of which it is one."""
    scan = one.scan
    if scan.captured_source is not CaptureSource.UPLOAD or scan.review is Review.REPEAT:
        return []
    which = Filter(one.patient.id, review=Review.REPEAT)
    wanted = parts().gallery.page(actor(), which, after=None, limit=MOST_OFFERED, now=frame.now())
    sent = datetime.fromisoformat(scan.facts["sent_at"])
    later = [other for other in wanted if other.scan.requested_at and other.scan.requested_at < sent]
    return told(Wanted(other) for other in later if (other.scan.answer or {}).get("by") != scan.id)


def _asked(one: Shown) -> shown.Said:
    asking_for = [record for record in standing(one.records) if record.get("status") == Review.REPEAT]
    zone = parts().config.time_zone
    return shown.said(asking_for, zone)[0] if asking_for else shown.Said("", "", "", "")


def _back(scan: str) -> Response:
    return redirect(_BACK.get(request.form.get("back", ""), f"/scans/{scan}"), 303)
