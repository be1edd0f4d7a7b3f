"""``/gallery``: all scans, newest capture first; the filters stand in the address, so that it can be passed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..catalog.engine import micros
from ..catalog.scans import read_key, write_key
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..reading import TILES, Checked
from . import asked as address
from . import frame, texts
from . import show as shown
from .asked import Asked

#: Scans on one page.
PAGE = 60
#: Cards that are shown anew at once.
MOST_CARDS = 1_000
#: A page that nobody looked at for longer shows what came since only after a reload.
LONGEST_LOOK = timedelta(hours=1)


def add_to(pages: Blueprint) -> None:
    """Add the gallery, and its fragment that says what is being checked."""
    pages.get("/gallery", endpoint="gallery")(show)
    pages.post("/gallery/cards")(some)
    pages.get("/gallery/fresh")(fresh)
    pages.get("/gallery/months")(months)


@policy(Act.SEE_SCANS)
def show() -> str | Response:
    """Show a page of scans; to htmx, only the cards that follow."""
    args = request.args
    asked, after, first = address.read(args), read_key(args.get("after")), address.number(args.get("seen", ""))
    if frame.is_fragment():
        found = parts().gallery.page(actor(), asked.which, after=after, limit=PAGE, now=frame.now(), peek=True)
        return frame.page("_cards.html", **_cards(asked, found, first))
    front = parts().reading.front(actor(), asked.which, after=after, limit=PAGE, now=frame.now())
    if front.patient and front.patient.id != asked.patient:  # that record was merged
        return redirect(asked.address(patient=front.patient.id), 303)
    return frame.page(
        "gallery.html",
        **_cards(asked, front.shown, first),
        asked=asked,
        person=frame.person(front.patient) if front.patient else None,
        filtered=asked.address() != "/gallery",
        may_upload=may(actor(), Act.UPLOAD),
        eyes=shown.EYES,
        kinds=shown.KINDS,
        reasons=texts.REASONS,
        devices=front.devices,
        reviews=[(review.value, text) for review, text in texts.REVIEWS.items()],
        months=asked.address("/gallery/months"),
        **_checking(asked, front.checking),
        arrived=[],
    )


@policy(Act.SEE_SCANS)
def some() -> str:
    """Show some scans as they are now; what does not fit the filters of the page any more is left out."""
    asked = address.read(request.form)
    ids = [one for one in dict.fromkeys(request.form.getlist("scan")) if is_id(one)][:MOST_CARDS]
    found = parts().gallery.some(actor(), ids, now=frame.now())
    alike = frame.alike(one.patient for one in found)
    cards = [shown.card(one, Rendition.THUMBNAIL, alike) for one in found if asked.fits(one)]
    return frame.page("_cards.html", cards=cards, first=PAGE, more=None)


@policy(Act.SEE_SCANS)
def fresh() -> str:
    """Show what is being checked now, and the scans that have come since it was last asked."""
    asked = address.read(request.args)
    known = [one for one in request.args.get("known", "").split(",") if is_id(one)][:TILES]
    since = max(address.moment(request.args.get("since", "")), frame.now() - LONGEST_LOOK)
    arrived = parts().reading.arrived(actor(), known, since=since, now=frame.now())
    alike = frame.alike(one.patient for one in arrived) if arrived else {}
    cards = [shown.card(one, Rendition.THUMBNAIL, alike) for one in arrived if asked.fits(one)]
    checking = parts().reading.checking(actor(), asked.patient, now=frame.now())
    return frame.page("_fresh.html", **_checking(asked, checking), arrived=cards)


@policy(Act.SEE_SCANS)
def months() -> str:
    """List the months that have scans, with their counts; as a page for those without scripts."""
    asked = address.read(request.args)
    found = parts().reading.months(actor(), asked.which, now=frame.now())
    rows = [{"href": _month(asked, month), "text": texts.month(month), "count": count} for month, count in found]
    if frame.is_fragment():
        return frame.page("_months.html", months=rows)
    return frame.page("months.html", months=rows)


def _month(asked: Asked, month: str) -> str:
    """The gallery from the end of a month backwards: a jump, not a narrower filter."""
    year, number = (int(part) for part in month.split("-"))
    last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
    return replace(asked, last_day=last).address()


def _cards(asked: Asked, found: list[Shown], first: int) -> dict[str, object]:
    """One page of cards, and where it goes on; ``found`` has one scan more than a page if it does."""
    alike = frame.alike(one.patient for one in found)
    cards = [shown.card(one, Rendition.THUMBNAIL, alike) for one in found[:PAGE]]
    seen = str(first + len(cards))
    more = asked.address(after=write_key(found[PAGE - 1].key), seen=seen) if len(found) > PAGE else None
    return {"cards": cards, "first": first, "more": more}


def _checking(asked: Asked, waiting: list[Checked]) -> dict[str, object]:
    tiles = [shown.tile(upload, patient) for upload, patient in waiting]
    since = str(micros(frame.now()))
    again = asked.address("/gallery/fresh", known=",".join(upload.id for upload, _ in waiting), since=since)
    return {"tiles": tiles, "again": again}
