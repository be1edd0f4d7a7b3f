"""Wanted repeats: who answers one, who closes it, and how both pictures are put before a physician."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from ..records.answers import may_answer
from ..words import CaptureSource, Review
from . import asking, frame, texts
from . import show as shown
from .outside import Outside

#: Open repeats of one patient that are offered to be answered by a scan.
MOST_OFFERED = 12
_BACK = {"worklist": "/worklist", "today": "/upload/today"}


@dataclass(frozen=True, slots=True)
class Told:
    """A wanted repeat as shown: what was asked for and by whom, and what answers it or why nothing can.

    ``seen`` is what a form sends of the scan, ``upon`` of all that is shown here; ``closed``: answers not opened yet.
    """

    card: shown.Card
    asked: shown.Said
    seen: str
    upon: list[str]
    closed: int
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

    It is settled upon what the form showed: the scan, and what answers it.

    Raises:
        Invalid, ScanNotFound, Stale, NotOpened, AttentionOpen.
    """
    note = asking.text("note", asking.LONGEST_NOTE, needed=True)
    without, unopened = (request.form.get(name, "") == "yes" for name in ("without", "unopened"))
    parts().records.close(
        actor(), asking.act(), [scan], note=note, seen=asking.seen(), unopened=unopened, without=without,
        now=frame.now(),
    )  # fmt: skip
    return _back(scan)


def told(wanted: Iterable[Wanted], alike: Mapping[str, Alike] = shown.NOBODY) -> list[Told]:
    """Show wanted repeats, with how many of their answers this account has not opened."""
    zone, wanted = parts().config.time_zone, list(wanted)
    came = [answer.scan.id for one in wanted for answer in one.answers]
    ticks = parts().reading.opened(actor(), came) if came else {}
    return [
        Told(
            card=shown.card(one.shown, Rendition.THUMBNAIL, alike),
            asked=_asked(one.shown),
            seen=asking.shown(one.shown.scan),
            upon=[asking.shown(other.scan) for other in (one.shown, *one.answers)],
            closed=sum(answer.scan.id not in ticks for answer in one.answers),
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
    fitting = [other for other in wanted if may_answer(other.scan, scan)]
    return told(Wanted(other) for other in fitting if (other.scan.answer or {}).get("by") != scan.id)


def _asked(one: Shown) -> shown.Said:
    asking_for = [record for record in standing(one.records) if record.get("status") == Review.REPEAT]
    zone = parts().config.time_zone
    return shown.said(asking_for, zone)[0] if asking_for else shown.Said("", "", "", "")


def _back(scan: str) -> Response:
    return redirect(_BACK.get(request.form.get("back", ""), f"/scans/{scan}"), 303)
