"""``/upload/today`` and the receipt: what became of what this account sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, request

from ..access.permissions import Act, may
from ..catalog.patients import Patient
from ..catalog.uploads import Filter, Upload
from ..declaration import Progress
from ..errors import UploadNotFound
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..records import standing
from ..words import Review, State, sentence
from . import frame, texts
from .outside import Outside
from .show import Card, Person, Said, card, person, said

_PAGE = 200
#: Files shown on one page; more than a room sends in a day.
_MOST = 5_000
#: Batches of one receipt.
_BATCHES = 60
_OPEN = (State.PENDING, State.RECEIVED, State.VERIFYING)
_LOST = (State.REJECTED, State.EXPIRED, State.MISSING)


@dataclass(frozen=True, slots=True)
class Line:
    """One file that was sent."""

    filename: str
    eye: str
    kind: str
    size: str
    digest: str
    sent: str
    ended: str
    words: str
    stored: bool
    scan: str | None


@dataclass(frozen=True, slots=True)
class Of:
    """The files of one patient."""

    person: Person
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scan that somebody is to take once more, and the review that asked for it."""

    card: Card
    asked: Said


def add_to(pages: Blueprint) -> None:
    """Add today's list and the receipt."""
    pages.get("/upload/today")(today)
    pages.get("/upload/receipt")(receipt)


@policy(Act.SEE_UPLOADS)
def today() -> str:
    """Show what this account sent today, and what of earlier days is still open; what needs somebody comes first.

    Repeats are wanted of whoever sees the patient next, so they are shown to everybody who sends.
    """
    zone = parts().config.time_zone
    midnight = frame.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Filter(account=actor().account)
    found = {one.upload.id: one for one in _some(Filter(account=actor().account, states=_OPEN), None)}
    found |= {one.upload.id: one for one in _some(mine, midnight)}
    # An open one that is not pending is on its way; a pending one has not arrived, and is not safe.
    sent = sorted(found.values(), key=lambda one: one.upload.id, reverse=True)
    return frame.page(
        "today.html",
        lost=_by_patient(one for one in sent if one.upload.state in (*_LOST, State.PENDING)),
        wanted=[_wanted(one.shown) for one in parts().reading.repeats(actor(), now=frame.now()).open],
        checking=_by_patient(one for one in sent if one.upload.state in (State.RECEIVED, State.VERIFYING)),
        stored=_by_patient(one for one in sent if one.upload.state is State.STORED),
        may_see=may(actor(), Act.SEE_SCANS),
        day=texts.day(midnight.date()),
    )


@policy(Act.SEE_UPLOADS)
def receipt() -> str:
    """Show, to be printed, what of some batches is stored: patient, eye, file, digest, time.

    Raises:
        UploadNotFound: none of the batches is this account's.
    """
    batches = [one for one in request.args.getlist("batch") if is_id(one)][:_BATCHES]
    found = [one for batch in batches for one in _some(Filter(batch=batch, account=actor().account), None)]
    if not found:
        raise UploadNotFound()
    found.sort(key=lambda one: one.upload.id)
    now = texts.moment(frame.now(), parts().config.time_zone)
    stored = sum(one.upload.state is State.STORED for one in found)
    return frame.page("receipt.html", patients=_by_patient(found), now=now, stored=stored, count=len(found))


def _some(which: Filter, since: datetime | None) -> list[Progress]:
    """Page through uploads, newest first, down to those declared before ``since``."""
    found: list[Progress] = []
    while len(found) < _MOST:
        after = found[-1].upload.id if found else None
        page = parts().uploads.find(actor(), which, after=after, limit=_PAGE, now=frame.now())
        found += [one for one in page if since is None or one.upload.created_at >= since]
        if len(page) < _PAGE or (since is not None and page[-1].upload.created_at < since - timedelta(minutes=1)):
            break
    return found


def _wanted(shown: Shown) -> Wanted:
    asking = [one for one in standing(shown.records) if one.get("status") == Review.REPEAT]
    return Wanted(card(shown, Rendition.THUMBNAIL), said(asking, parts().config.time_zone)[0])


def _by_patient(sent: Iterable[Progress]) -> list[Of]:
    groups: dict[str, list[Progress]] = {}
    for one in sent:
        groups.setdefault(one.upload.patient_id, []).append(one)
    known: dict[str, Patient] = parts().patients.some(actor(), groups, now=frame.now())
    return [
        Of(person(known[one]), [_line(progress) for progress in some]) for one, some in groups.items() if one in known
    ]


def _line(progress: Progress) -> Line:
    row: Upload = progress.upload
    zone = parts().config.time_zone
    return Line(
        filename=Outside(row.filename),
        eye=texts.EYES[row.eye],
        kind=texts.KINDS[row.kind],
        size=texts.size(row.size),
        digest=row.digest or "",
        sent=texts.moment(row.created_at, zone),
        ended=texts.moment(row.ended_at, zone),
        words="Not finished: some of it has not arrived."
        if row.state is State.PENDING
        else sentence(row.state, row.reason),
        stored=row.state is State.STORED,
        scan=progress.scans[0] if progress.scans else None,
    )
