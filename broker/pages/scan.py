"""``/scans/<id>``: one scan to be read, what is known and was said about it, and the forms to say more.

The forms carry an id of the act, made for each time the page is shown, so that a form sent twice is one act; and how
many records were seen. If that is stale the page comes back with what changed and with every word that was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..errors import BrokerError, IllegalMove, Invalid, Stale
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..records import Records
from ..text import refusal
from ..words import Eye, Kind, Review
from . import frame, texts
from . import show as shown
from .outside import Outside

LONGEST_NOTE, LONGEST_REASON = 4000, 1000


def add_to(pages: Blueprint) -> None:
    """Add the scan's page and its forms."""
    pages.get("/scans/<id:scan>", endpoint="scan")(show)
    pages.post("/scans/<id:scan>/review")(review)
    pages.post("/scans/<id:scan>/addendum")(addendum)
    pages.post("/scans/<id:scan>/close")(close)
    pages.post("/scans/<id:scan>/correct")(correct)
    pages.post("/scans/<id:scan>/withdraw")(withdraw)
    pages.post("/scans/<id:scan>/restore")(restore)


@policy(Act.SEE_SCANS)
def show(scan: str) -> str:
    """Show one scan."""
    return _page(scan)


@policy(Act.REVIEW)
def review(scan: str) -> Response:
    """Take a review of this scan or of its visit, and go on to the next visit."""
    status = request.form.get("status", "")

    def say(records: Records, act: str) -> None:
        seen = _seen(request.form.getlist("seen"))
        if request.form.get("scope") == "scan" or scan not in seen:
            seen = {scan: seen.get(scan, -1)}
        wanted = Review(status) if status in set(Review) else Review.UNREVIEWED
        records.review(actor(), act, seen, status=wanted, note=_text("note", LONGEST_NOTE), now=frame.now())

    return _take(scan, say) or _next(scan)


@policy(Act.REVIEW)
def addendum(scan: str) -> Response:
    """Take what is to be added to a review."""

    def say(records: Records, act: str) -> None:
        records.add(actor(), act, [scan], note=_text("note", LONGEST_NOTE, needed=True), now=frame.now())

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.CORRECT)
def close(scan: str) -> Response:
    """Settle a wanted repeat."""

    def say(records: Records, act: str) -> None:
        note = _text("note", LONGEST_NOTE, needed=True)
        records.add(actor(), act, [scan], note=note, closes=True, now=frame.now())

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.CORRECT)
def correct(scan: str) -> Response:
    """Take a correction."""

    def say(records: Records, act: str) -> None:
        changes = {name: value for name in ("eye", "kind", "captured_at") if (value := request.form.get(name, ""))}
        if not changes or changes.get("eye", "OD") not in set(Eye) or changes.get("kind", "oct") not in set(Kind):
            raise Invalid("Choose what is to be corrected.")
        reason = _text("reason", LONGEST_REASON, needed=True)
        try:
            records.correct(actor(), act, [scan], changes=changes, reason=reason, now=frame.now())
        except ValueError:
            raise Invalid("The capture time is none.") from None

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.WITHDRAW)
def withdraw(scan: str) -> Response:
    """Withdraw a scan, and go to its patient."""
    patient = parts().gallery.one(actor(), scan, now=frame.now()).patient.id

    def say(records: Records, act: str) -> None:
        reason = _text("reason", LONGEST_REASON, needed=True)
        records.withdraw(actor(), act, [scan], reason=reason, now=frame.now())

    return _take(scan, say) or redirect(f"/patients/{patient}", 303)


@policy(Act.WITHDRAW)
def restore(scan: str) -> Response:
    """Bring a withdrawn scan back."""
    reason = _text("reason", LONGEST_REASON, needed=True)
    parts().records.withdraw(actor(), _act(), [scan], reason=reason, restore=True, now=frame.now())
    return redirect(f"/scans/{scan}", 303)


def _take(scan: str, say: Callable[[Records, str], None]) -> Response | None:
    """Say it; None if that worked, else the page again, with the problem and the words that were typed."""
    try:
        say(parts().records, _act())
    except (Stale, IllegalMove, Invalid) as problem:
        return make_response(_page(scan, problem), problem.status)
    return None


def _next(scan: str) -> Response:
    read = parts().gallery.one(actor(), scan, now=frame.now()).scan
    following = parts().reading.next_visit(actor(), but=(read.patient_id, read.visit_day))
    return redirect(f"/scans/{following.first}" if following else "/worklist", 303)


def _page(scan: str, problem: BrokerError | None = None) -> str:
    zone = parts().config.time_zone
    one = parts().gallery.one(actor(), scan, now=frame.now())
    around = parts().reading.around(actor(), one)
    facts, review = one.scan.facts, one.scan.review
    open_ones = [row for row in around.visit if row.review is not Review.REVIEWED]
    pair = (one.scan, around.fellow) if one.scan.eye is Eye.OD else (around.fellow, one.scan)
    return frame.page(
        "scan.html",
        card=shown.card(one, Rendition.DISPLAY),
        pane=shown.pane(one),
        newer=around.newer.id if around.newer else None,
        older=around.older.id if around.older else None,
        prior=_before(around.prior),
        flagged_prior=_before(around.flagged_prior),
        fellow=[row.id for row in pair if row] if around.fellow else None,
        said=shown.said(one.records, zone),
        review="" if review is Review.UNREVIEWED else texts.REVIEWS[review],
        review_loud=review is Review.REPEAT,
        reviewed=review is Review.REVIEWED,
        repeat_open=review is Review.REPEAT,
        may_review=may(actor(), Act.REVIEW),
        open=[f"{row.id}:{row.records}" for row in open_ones],
        new_act=uuid4,
        typed=_typed(problem),
        problem=problem.detail or problem.title if problem else "",
        changed=shown.said(_changed(problem), zone),
        visit_day=one.scan.visit_day,
        note=Outside(facts["note"]),
        sent_by=Outside(facts["sent_by"]),
        sent_at=texts.moment(facts["sent_at"], zone),
        size=texts.size(facts["size"]),
        format=shown.file_format(one),
        digest=facts["digest"],
        facts=shown.facts(one, zone),
        claims=shown.claims(one, zone),
        eyes=shown.EYES,
        kinds=shown.KINDS,
        keys=texts.KEYS,
    )


def _before(row: Any) -> dict[str, str] | None:
    return {"id": row.id, "day": texts.day(row.visit_day)} if row else None


def _typed(problem: BrokerError | None) -> Mapping[str, str]:
    names = ("note", "scope", "eye", "kind", "captured_at", "reason")
    return {name: request.form.get(name, "") if problem else "" for name in names}


def _changed(problem: BrokerError | None) -> list[dict[str, Any]]:
    """What somebody else said meanwhile; once for a visit, not once for each of its scans."""
    changed: Any = problem.members.get("changed", []) if problem else []
    acts = {record["act"]: record for one in changed for record in one["records"]}
    return list(acts.values())


def _act() -> str:
    """The act's id, which was made with the form."""
    act = request.form.get("act", "")
    if not is_id(act):
        raise Invalid("This form is not one of ours. Load the page again.")
    return act


def _seen(values: list[str]) -> dict[str, int]:
    pairs = [value.partition(":") for value in values]
    return {scan: int(count) for scan, _, count in pairs if is_id(scan) and count.isdecimal() and len(count) < 9}


def _text(name: str, longest: int, *, needed: bool = False) -> str:
    text = request.form.get(name, "").replace("\r\n", "\n").strip()
    if len(text) > longest or (needed and not text):
        raise Invalid(f"Write 1 to {longest} characters.", field=name)
    if why := refusal(text, lines=True):
        raise Invalid(f"The {name}: {why}", field=name)
    return text
