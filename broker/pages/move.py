"""``/move``: scans filed under the wrong patient are given to another one. Both are shown before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..errors import BrokerError, Invalid, ScanNotFound, Stale
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from . import asking, frame, texts
from . import show as shown

#: Pictures of what moves; of more than these the number says enough.
MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class From:
    """A patient whom scans are taken from: how many scans of which visits."""

    person: shown.Person
    visits: list[str]


def add_to(pages: Blueprint) -> None:
    """Add the page that asks to whom, and shows both; and the act."""
    pages.post("/move", endpoint="move_ask")(ask)
    pages.post("/move/now")(move)


@policy(Act.CORRECT)
def ask() -> str:
    """Show whose the scans are now and ask for the right patient; then show both.

    Raises:
        Invalid, ScanNotFound, PatientNotFound.
    """
    return _page(asking.scans())


@policy(Act.CORRECT)
def move() -> Response:
    """Move the scans, and go to where they are now; a problem comes back with every word that was typed."""
    ids, into = asking.scans(), request.form.get("into", "")
    if not is_id(into):
        raise Invalid("Choose the patient to whom they are moved.")
    try:
        # What the form did not show was not seen: whatever it is by now, that is refused as stale.
        shown = dict.fromkeys(ids, -1) | asking.records_seen()
        seen = {scan: shown[scan] for scan in ids}
        changes, reason = {"patient": into}, asking.reason()
        parts().records.correct(actor(), asking.act(), ids, changes=changes, reason=reason, seen=seen, now=frame.now())
    except (Stale, Invalid) as problem:
        return make_response(_page(ids, problem), problem.status)
    return redirect(f"/scans/{ids[0]}" if len(ids) == 1 else f"/patients/{into}", 303)


def _page(ids: Sequence[str], problem: BrokerError | None = None) -> str:
    found = parts().gallery.some(actor(), ids, now=frame.now())
    if len(found) < len(ids):
        raise ScanNotFound("One of these scans is not here any more: it was withdrawn. Nothing was moved.")
    into = request.form.get("into", "")
    other = parts().patients.one(actor(), into, now=frame.now()) if is_id(into) else None
    # Who is theirs already stays where they are: only the others move.
    moving = [one for one in found if other is None or one.patient.id != other.id]
    return frame.page(
        "move.html",
        ids=[one.scan.id for one in moving],
        seen=[asking.shown(one.scan) for one in moving],
        origins=_origins(moving),
        into=frame.person(other) if other else None,
        none_to_move=not moving,
        count=texts.scans(len(moving)),
        cards=[shown.card(one, Rendition.THUMBNAIL) for one in moving[:MOST_SHOWN]],
        more=len(moving) - MOST_SHOWN,
        act=str(uuid4()),
        typed=asking.typed(problem),
        reasons=texts.REASONS["patient"],
        problem=problem.detail or problem.title if problem else "",
        back=f"/scans/{ids[0]}" if len(ids) == 1 else f"/patients/{found[0].patient.id}",
    )


def _origins(moving: Sequence[Shown]) -> list[From]:
    people = {one.patient.id: one.patient for one in moving}
    alike = frame.alike(people.values())
    days: dict[str, dict[str, int]] = {}
    for one in moving:
        visits = days.setdefault(one.patient.id, {})
        visits[one.scan.visit_day] = visits.get(one.scan.visit_day, 0) + 1
    return [
        From(
            shown.person(people[patient], alike.get(patient)),
            [f"{texts.scans(count)} of {texts.day(day)}" for day, count in sorted(visits.items(), reverse=True)],
        )
        for patient, visits in days.items()
    ]
