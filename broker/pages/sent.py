"""``/upload/today`` and the receipt: what became of what this account sent, and what of the clinic was not stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..catalog.unsettled import SILENT
from ..catalog.uploads import Filter, Upload
from ..declaration import Progress
from ..errors import Invalid, UploadNotFound
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..records import standing
from ..words import Review, Sent, Settled, State, is_safe, may_clear, sentence, what_to_do
from . import asking, frame, texts
from .outside import Outside
from .show import Card, Person, Said, card, said

_PAGE = 200
#: Files shown on one page; more than a room sends in a day.
_MOST = 5_000
#: Batches of one receipt.
_BATCHES = 60
_OPEN = (State.PENDING, State.RECEIVED, State.VERIFYING)
_CHECKED = (State.RECEIVED, State.VERIFYING)
_LOST = (State.REJECTED, State.EXPIRED, State.MISSING)


@dataclass(frozen=True, slots=True)
class Line:
    """One file that was sent. ``ended``: when its bytes were stored; ``settled``: who settled that they were not.

    ``twin`` says that another upload has them.
    """

    id: str
    filename: str
    eye: str
    kind: str
    size: str
    digest: str
    sent: str
    by: str
    ended: str
    twin: str
    words: str
    to_do: str
    settled: str
    safe: bool
    scan: str | None
    act: str


@dataclass(frozen=True, slots=True)
class Of:
    """The files of one patient. ``act``: of settling all of them at once."""

    person: Person
    lines: list[Line]
    act: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scan that somebody is to take once more, and the review that asked for it."""

    card: Card
    asked: Said


def add_to(pages: Blueprint) -> None:
    """Add today's list, the receipt, and settling."""
    pages.get("/upload/today")(today)
    pages.get("/upload/receipt")(receipt)
    pages.post("/upload/settle")(settle)


@policy(Act.SEE_UPLOADS)
def today() -> str:
    """Show what this account sent today, and what of earlier days is still open; what needs somebody comes first.

    That are the files of the whole clinic that were not stored, and the repeats that are wanted of whoever sees the
    patient next.
    """
    zone = parts().config.time_zone
    midnight = frame.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    clinic = parts().unsettled.page(actor(), now=frame.now(), after=None, limit=_PAGE)
    unsettled = _some(Filter(account=actor().account, open_since=frame.now() - SILENT), None)
    # What is pending and stands there has been silent for so long that it is on its way no more.
    silent = {one.upload.id for one in (*clinic, *unsettled) if one.upload.state is State.PENDING}
    sent = _sent(midnight, unsettled)
    rest = [one for one in sent if one.upload.id not in silent]
    repeats = parts().reading.repeats(actor(), now=frame.now())
    return frame.page(
        "today.html",
        answer=may_clear(_counted(rest, lost=len(silent & {one.upload.id for one in sent})), today=True),
        lost=_by_patient(clinic, silent),
        more=len(clinic) == _PAGE,
        wanted=[_wanted(one.shown) for one in repeats.open],
        more_wanted=repeats.more_open,
        unfinished=_by_patient(one for one in rest if one.upload.state is State.PENDING),
        checking=_by_patient(one for one in sent if one.upload.state in _CHECKED),
        stored=_by_patient(one for one in sent if _safe(one.upload)),
        settled=_by_patient(one for one in sent if one.upload.settled_at and not _safe(one.upload)),
        may_see=may(actor(), Act.SEE_SCANS),
        day=texts.day(midnight.date()),
    )


@policy(Act.SEE_UPLOADS)
def receipt() -> str:
    """Show, to be printed, what of some batches is stored: patient, eye, file, digest, time; and what is not.

    Raises:
        UploadNotFound: none of the batches is this account's.
    """
    batches = [one for one in request.args.getlist("batch") if is_id(one)][:_BATCHES]
    found = [one for batch in batches for one in _some(Filter(batch=batch, account=actor().account), None)]
    if not found:
        raise UploadNotFound()
    found.sort(key=lambda one: one.upload.id)
    lost = [one.upload for one in found if one.upload.state in _LOST and not _safe(one.upload)]
    return frame.page(
        "receipt.html",
        patients=_by_patient(found),
        now=texts.moment(frame.now(), parts().config.time_zone),
        stored=sum(_safe(one.upload) for one in found),
        count=len(found),
        lost=len(lost),
        open=sum(one.settled_at is None for one in lost),
    )


@policy(Act.UPLOAD)
def settle() -> Response:
    """Settle files that were not stored, by a form that names its act: sent twice it is done once.

    Raises:
        Invalid: the form is not ours. UploadNotFound, IllegalMove: as the act says.
    """
    form = request.form
    ids, act, how = form.getlist("upload")[:_PAGE], form.get("act", ""), form.get("how", "")
    if not ids or not all(map(is_id, (act, *ids))) or how not in set(Settled):
        raise Invalid("Say what became of the file: sent again, or given up for a reason.")
    reason = asking.text("reason", asking.LONGEST_REASON)
    parts().unsettled.settle(actor(), act, ids, how=Settled(how), reason=reason, now=frame.now())
    return redirect("/upload/today#not-stored", 303)


def _sent(midnight: datetime, unsettled: Iterable[Progress]) -> list[Progress]:
    """What this account sent today, what of earlier days is on its way, and what nobody has settled; newest first."""
    mine = actor().account
    found = {one.upload.id: one for one in _some(Filter(account=mine, states=_OPEN), None)}
    found |= {one.upload.id: one for one in unsettled}
    found |= {one.upload.id: one for one in _some(Filter(account=mine), midnight)}
    return sorted(found.values(), key=lambda one: one.upload.id, reverse=True)


def _counted(sent: list[Progress], *, lost: int) -> Sent:
    """Where the files stand, each counted once: what was sent again counts where it was stored."""
    rows = [one.upload for one in sent]
    ids = {row.id for row in rows}
    again = [row.settled_twin for row in rows if row.settled_how is Settled.SENT_AGAIN]
    return Sent(
        safe=sum(_safe(row) for row in rows if row.settled_how is not Settled.SENT_AGAIN)
        + sum(twin is not None and twin not in ids for twin in again),
        sending=sum(row.state is State.PENDING for row in rows),
        checking=sum(row.state in _CHECKED for row in rows),
        lost=lost + sum(row.state in _LOST and row.settled_at is None for row in rows),
        unseen=sum(twin is None for twin in again),
        given_up=sum(row.settled_how is Settled.GIVEN_UP for row in rows),
    )


def _safe(row: Upload) -> bool:
    return is_safe(row.state, row.reason, identical=row.identical is not None)


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


def _by_patient(sent: Iterable[Progress], silent: Collection[str] = ()) -> list[Of]:
    some = list(sent)
    known = parts().patients.some(actor(), [one.upload.patient_id for one in some], now=frame.now())
    groups: dict[str, list[Progress]] = {}
    for one in some:  # two records of one person, one of them merged, are one patient
        if one.upload.patient_id in known:
            groups.setdefault(known[one.upload.patient_id].id, []).append(one)
    people = {one.id: one for one in frame.people(list({one.id: one for one in known.values()}.values()))}
    twins = _twins(one.upload for one in some)
    return [
        Of(people[who], [_line(one, twins, one.upload.id in silent) for one in theirs], str(uuid4()))
        for who, theirs in groups.items()
    ]


def _twins(rows: Iterable[Upload]) -> dict[str, Progress]:
    """The stored uploads that have the very bytes of others."""
    ids = list(dict.fromkeys(row.identical for row in rows if row.identical))
    found: dict[str, Progress] = {}
    for at in range(0, len(ids), _PAGE):
        wanted = Filter(ids=ids[at : at + _PAGE])
        page = parts().uploads.find(actor(), wanted, after=None, limit=_PAGE, now=frame.now())
        found |= {one.upload.id: one for one in page}
    return found


def _line(progress: Progress, twins: Mapping[str, Progress], silent: bool) -> Line:
    row = progress.upload
    zone = parts().config.time_zone
    stored = twins.get(row.identical or "", progress)
    mine = row.account_id == actor().account
    same = row.identical is not None
    words = sentence(row.state, row.reason, silent=silent, yours=mine, settled=row.settled_how, identical=same)
    if row.state is State.PENDING and not silent:
        words = "Not finished: some of it has not arrived."
    return Line(
        id=row.id,
        filename=Outside(row.filename),
        eye=texts.EYES[row.eye],
        kind=texts.KINDS[row.kind],
        size=texts.size(row.size),
        digest=row.digest or "",
        sent=texts.moment(row.created_at, zone),
        by="you" if mine else Outside(row.account_name),
        ended=texts.moment(stored.upload.ended_at, zone),
        twin=_twin(row),
        words=words,
        to_do=what_to_do(row.state, row.reason),
        settled=Outside(_settled(row)),
        safe=_safe(row),
        scan=stored.scans[0] if stored.scans else None,
        act=str(uuid4()),
    )


def _twin(row: Upload) -> str:
    if row.identical is None:
        return ""
    return "Already stored then, identical to this file" if row.duplicate_of else "Sent again, and stored then"


def _settled(row: Upload) -> str:
    """Who settled what became of a file that was not stored, when, and why."""
    if row.settled_how is None:
        return ""
    by = f" by {row.settled_name}" if row.settled_name else ""
    why = f": {row.settled_reason.rstrip('.')}" if row.settled_reason else ""  # a sentence of its own follows
    return f"{row.settled_how.words}{by}, {texts.moment(row.settled_at, parts().config.time_zone)}{why}"
