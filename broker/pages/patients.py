"""Finding and making a patient, and whom paths name, as fragments. By POST: names must not stand in addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, request

from ..access.permissions import Act
from ..catalog.patients import Patient
from ..errors import Invalid
from ..guard import actor, parts, policy
from ..words import Sex
from . import frame, show

#: Rows of a search; the page asks for more letters instead of a second page.
MOST = 12
#: Characters of one folder's or file's name that are looked at.
LONGEST_PATH = 200


def add_to(pages: Blueprint) -> None:
    """Add the three fragments."""
    pages.post("/patients/search")(search)
    pages.post("/patients/named")(named)
    pages.post("/patients/new")(make)


@policy(Act.FIND_PATIENT)
def search() -> str:
    """List who fits what is typed; nothing for nothing."""
    text = request.form.get("q", "").strip()[:200]
    if not text:
        return ""
    found = parts().patients.find(actor(), text, now=frame.now(), limit=MOST + 1)
    links = bool(request.form.get("links"))
    return _list(patients=_people(found[:MOST]), more=len(found) > MOST, query=text, links=links)


@policy(Act.FIND_PATIENT)
def named() -> str:
    """List whom folder and file names name: the field ``path``, once for each of them."""
    paths = [path[:LONGEST_PATH] for path in request.form.getlist("path")]
    return _list(patients=_people(parts().patients.named(actor(), paths, now=frame.now())))


@policy(Act.MAKE_PATIENT)
def make() -> str:
    """Make a patient; the list of one that comes back is chosen by the page."""
    form = request.form
    patient, _new = parts().patients.make(
        actor(),
        mrn=form.get("mrn", ""),
        name=form.get("name", ""),
        birth_date=_day(form.get("birth_date", "")),
        sex=Sex(form["sex"]) if form.get("sex") in set(Sex) else None,
        now=frame.now(),
    )
    return _list(patients=_people([patient]), made=patient.id)


def _people(found: Sequence[Patient]) -> list[show.Person]:
    return show.people(found, parts().patients.alike(actor(), [patient.id for patient in found]))


def _list(**values: Any) -> str:
    defaults = {"patients": [], "more": False, "query": "", "links": False, "made": None}
    return frame.page("_patients.html", **defaults | values)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("The birth date is not a day. Write it as 1957-03-21.") from None
