"""Two records of one person: both are shown, then one is merged into the other. It can be undone."""

from __future__ import annotations

from uuid import uuid4

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..catalog.patients import Patient
from ..errors import BrokerError, IllegalMove, Invalid
from ..guard import actor, parts, policy
from ..ids import is_id
from . import asking, frame, texts


def add_to(pages: Blueprint) -> None:
    """Add the page that shows both, merging, and undoing it."""
    pages.post("/patients/<id:patient>/merge")(merge)
    pages.post("/patients/<id:patient>/unmerge")(unmerge)


@policy(Act.CORRECT)
def merge(patient: str) -> Response:
    """Show two records of one person; with ``into``, merge this one into that, and go there."""
    who = parts().patients.one(actor(), patient, now=frame.now())
    into = request.form.get("into", "")
    if not is_id(into):
        return make_response(_page(who, _found(who)))
    try:
        act, reason = asking.act(), asking.reason()
        # By its own id, so that the same form sent twice is the same act.
        left = parts().patients.merge(actor(), act, absorbed=patient, into=into, reason=reason, now=frame.now())
    except (Invalid, IllegalMove) as problem:
        other = parts().patients.one(actor(), into, now=frame.now())
        return make_response(_page(who, other if other.id != who.id else None, problem), problem.status)
    return redirect(f"/patients/{left.id}", 303)


@policy(Act.CORRECT)
def unmerge(patient: str) -> Response:
    """Undo the merge of this record, and go to it.

    Raises:
        Invalid, IllegalMove: no reason was given, or it is not merged.
    """
    freed = parts().patients.unmerge(actor(), asking.act(), absorbed=patient, reason=asking.reason(), now=frame.now())
    return redirect(f"/patients/{freed.id}", 303)


def _found(who: Patient) -> Patient | None:
    """The other patient with the record number that was typed, or with a record of that number merged into it."""
    mrn = request.form.get("mrn", "").strip()[:64]
    found = parts().patients.known_by(actor(), mrn, now=frame.now())
    return found if found and found.id != who.id else None


def _page(who: Patient, into: Patient | None, problem: BrokerError | None = None) -> str:
    nobody = "" if into else "No other patient has this record number."
    return frame.page(
        "merge.html",
        person=frame.person(who),
        into=frame.person(into) if into else None,
        count=texts.scans(len(parts().reading.scans_of(actor(), who.id))),
        act=str(uuid4()),
        typed=asking.typed(problem),
        reasons=texts.REASONS["merge"],
        problem=(problem.detail or problem.title) if problem else nobody,
    )
