"""``/scans/<id>``: one scan to be read, what is known and was said about it, and the forms to say more.

The forms carry an id of the act, made for each time the page is shown, so that a form sent twice is one act; and how
many records were seen. If that is stale the page comes back with what changed and with every word that was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..errors import AttentionOpen, BrokerError, IllegalMove, Invalid, NotOpened, Stale
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..reading import Around
from ..records import Records
from ..records.retractions import can_be_taken_back
from ..words import Eye, Kind, Review
from . import asking, frame, repeats, settle, signing, texts
from . import show as shown
from .outside import Outside


def add_to(pages: Blueprint) -> None:
    """Add the scan's page and its forms."""
    pages.get("/scans/<id:scan>", endpoint="scan")(show)
    pages.post("/scans/<id:scan>/review")(review)
    pages.post("/scans/<id:scan>/addendum")(addendum)
    pages.post("/scans/<id:scan>/correct")(correct)
    pages.post("/scans/<id:scan>/retract")(retract)
    pages.post("/scans/<id:scan>/withdraw")(withdraw)
    pages.post("/scans/<id:scan>/restore")(restore)


@policy(Act.SEE_SCANS)
def show(scan: str) -> str:
    """Show one scan."""
    return _page(scan)


@policy(Act.REVIEW)
def review(scan: str) -> Response:
    """Take a review of this scan or of its visit, and go on to the next visit."""
    # "reviewed-opened" and "reviewed-all" answer the question what is to become of those that were not opened.
    status, _, how = request.form.get("status", "").partition("-")

    def say(records: Records, act: str) -> None:
        seen = signing.seen(scan)
        if how == "opened":
            ticks = parts().reading.opened(actor(), seen)
            seen = {one: what for one, what in seen.items() if one in ticks}
        if not seen:
            raise Invalid("There is nothing to sign.")
        wanted = Review(status) if status in set(Review) else Review.UNREVIEWED
        note = asking.text("note", asking.LONGEST_NOTE)
        records.review(actor(), act, seen, status=wanted, note=note, unopened=how == "all", now=frame.now())

    problem = _take(scan, say)
    if problem is None and request.form.get("back") == "worklist":
        return redirect(f"/worklist?done={asking.act()}", 303)
    return problem or _next(scan)


@policy(Act.REVIEW)
def addendum(scan: str) -> Response:
    """Take what is to be added to a review."""

    def say(records: Records, act: str) -> None:
        records.add(actor(), act, [scan], note=asking.text("note", asking.LONGEST_NOTE, needed=True), now=frame.now())

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.CORRECT)
def correct(scan: str) -> Response:
    """Take a correction; the value that stands already, said again, confirms it."""
    patient = parts().gallery.one(actor(), scan, now=frame.now()).patient.id

    def say(records: Records, act: str) -> None:
        fields = ("eye", "kind", "captured_at", "patient")
        changes = {name: value for name in fields if (value := request.form.get(name, ""))}
        if not changes or changes.get("eye", "OD") not in set(Eye) or changes.get("kind", "oct") not in set(Kind):
            raise Invalid("Choose what is to be corrected.")
        # To another patient it is moved, by a page that shows both; here it is only said that this is the right one.
        if changes.get("patient", patient) != patient:
            raise Invalid("Move it to another patient instead: both are shown before it is done.")
        reason = asking.reason()
        try:
            records.correct(
                actor(), act, [scan], changes=changes, reason=reason, seen=asking.records_seen(), now=frame.now()
            )
        except ValueError:
            raise Invalid("The capture time is none.") from None

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.CORRECT)
def retract(scan: str) -> Response:
    """Take an own act back, whole."""

    def say(records: Records, act: str) -> None:
        what = request.form.get("what", "")
        if not is_id(what):
            raise Invalid("This form is not one of ours. Load the page again.")
        records.retract(actor(), act, what, now=frame.now())

    return _take(scan, say) or redirect(f"/scans/{scan}", 303)


@policy(Act.WITHDRAW)
def withdraw(scan: str) -> Response:
    """Withdraw a scan, and go to its patient."""
    patient = parts().gallery.one(actor(), scan, now=frame.now()).patient.id

    def say(records: Records, act: str) -> None:
        reason = asking.reason()
        records.withdraw(actor(), act, [scan], reason=reason, seen=asking.records_seen(), now=frame.now())

    return _take(scan, say) or redirect(f"/patients/{patient}", 303)


@policy(Act.WITHDRAW)
def restore(scan: str) -> Response:
    """Bring a withdrawn scan back."""
    reason = asking.reason()
    parts().records.withdraw(actor(), asking.act(), [scan], reason=reason, restore=True, now=frame.now())
    return redirect(f"/scans/{scan}", 303)


def _take(scan: str, say: Callable[[Records, str], None]) -> Response | None:
    """Say it; None if that worked, else the page again, with the problem and the words that were typed."""
    try:
        say(parts().records, asking.act())
    except (Stale, IllegalMove, NotOpened, AttentionOpen, Invalid) as problem:
        return make_response(_page(scan, problem), problem.status)
    return None


def _next(scan: str) -> Response:
    read = parts().gallery.one(actor(), scan, now=frame.now()).scan
    following = parts().reading.next_visit(actor(), but=(read.patient_id, read.visit_day))
    to = f"/scans/{following.first}" if following else "/worklist"
    return redirect(f"{to}?done={asking.act()}", 303)


def _page(scan: str, problem: BrokerError | None = None) -> str:
    zone = parts().config.time_zone
    one = parts().gallery.one(actor(), scan, now=frame.now())
    around = parts().reading.around(actor(), one)
    facts, review = one.scan.facts, one.scan.review
    asks = settle.questions(one, zone)
    alike = frame.alike([one.patient])
    last = one.records[-1] if one.records else None
    pair = (one.scan, around.fellow) if one.scan.eye is Eye.OD else (around.fellow, one.scan)
    return frame.page(
        "scan.html",
        card=shown.card(one, Rendition.DISPLAY, alike),
        pane=shown.pane(one, alike),
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
        sign=_signing(one, around, problem) if may(actor(), Act.REVIEW) else None,
        take_back=last["act"] if last and can_be_taken_back(actor(), last, frame.now()) else "",
        done=frame.done(),
        notices=settle.notices(one, asks),
        typed=asking.typed(problem),
        problem=problem.detail or problem.title if problem else "",
        changed=shown.said(_changed(problem), zone),
        visit_day=one.scan.visit_day,
        seen=asking.shown(one.scan),
        note=Outside(facts["note"]),
        sent_by=Outside(facts["sent_by"]),
        sent_at=texts.moment(facts["sent_at"], zone),
        size=texts.size(facts["size"]),
        format=shown.file_format(one),
        digest=facts["digest"],
        facts=shown.facts(one, zone),
        claims=shown.claims(one, zone),
        questions=asks,
        offered=repeats.offered(one) if may(actor(), Act.CORRECT) else [],
        reasons=texts.REASONS,
        eyes=shown.EYES,
        kinds=shown.KINDS,
        keys=texts.KEYS,
    )


def _signing(one: Shown, around: Around, problem: BrokerError | None) -> signing.Signing:
    ticks = parts().reading.opened(actor(), [row.id for row in around.visit])
    return signing.signing(one.scan, around.visit, ticks, problem)


def _before(row: Any) -> dict[str, str] | None:
    return {"id": row.id, "day": texts.day(row.visit_day)} if row else None


def _changed(problem: BrokerError | None) -> list[dict[str, Any]]:
    """What somebody else said meanwhile; once for a visit, not once for each of its scans."""
    changed: Any = problem.members.get("changed", []) if problem else []
    acts = {record["act"]: record for one in changed for record in one["records"]}
    return list(acts.values())
