"""``/patients/<id>``: a patient's visits by eye; one visit as a report; merging two records of one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..catalog.scans import Scan
from ..catalog.uploads import Upload
from ..declaration import visit_day
from ..errors import Invalid, PatientNotFound
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import Rendition
from ..reading import Chart, Folded, Visit
from ..words import Eye, Kind, Review, not_stored
from . import frame, texts
from . import show as shown
from .asked import Asked

#: Visits of one eye and kind that make a strip over time worth showing.
STRIP = 2
#: Visits on a strip; what is older is below.
LONGEST_STRIP = 12


def add_to(pages: Blueprint) -> None:
    """Add the patient's page, the report, and merging."""
    pages.get("/patients/<id:patient>", endpoint="patient")(show)
    pages.get("/patients/<id:patient>/over-time")(over_time)
    pages.get("/patients/<id:patient>/visits/<day>", endpoint="report")(report)
    pages.post("/patients/<id:patient>/merge")(merge)


@policy(Act.SEE_SCANS)
def show(patient: str) -> str:
    """Show a patient's visits, newest first."""
    zone = parts().config.time_zone
    chart = parts().reading.chart(actor(), patient, now=frame.now())
    lost = _not_stored(chart.not_stored)
    return frame.page(
        "patient.html",
        person=shown.person(chart.patient),
        visits=[_visit(patient, visit) | {"not_stored": lost.pop(visit.day, "")} for visit in chart.visits],
        not_stored=[(texts.day(day), said) for day, said in sorted(lost.items(), reverse=True)],
        may_upload=may(actor(), Act.UPLOAD),
        more=chart.more,
        withdrawn=[
            {"id": row.id, "alt": texts.alternative(row.kind, row.eye, row.visit_day), "act": str(uuid4())}
            for row in chart.withdrawn
        ],
        versions=[
            {
                "at": texts.moment(one["changed_at"], zone),
                "name": one["name"],
                "born": texts.day(one["birth_date"]),
                "mrn": one["mrn"],
                "by": one["changed_by"],
            }
            for one in reversed(chart.versions)
        ],
    )


@policy(Act.SEE_SCANS)
def over_time(patient: str) -> str:
    """Show each eye over time, by kind: as a fragment, or as a page for those without scripts."""
    chart = parts().reading.chart(actor(), patient, now=frame.now())
    template = "_strips.html" if frame.is_fragment() else "over-time.html"
    return frame.page(template, person=shown.person(chart.patient), strips=_strips(chart))


@policy(Act.SEE_SCANS)
def report(patient: str, day: str) -> str:
    """Show one visit for print.

    Raises:
        PatientNotFound: there is no such visit.
    """
    zone = parts().config.time_zone
    try:
        found = parts().reading.visit(actor(), patient, day, now=frame.now())
    except ValueError:
        raise PatientNotFound("There is no such visit.") from None
    cards = {eye: [shown.card(one, Rendition.DISPLAY) for one in found if one.scan.eye is eye] for eye in Eye}
    acts = {record["act"]: record for one in found for record in one.records}
    said = sorted(acts.values(), key=lambda record: str(record["at"]))
    return frame.page(
        "report.html",
        person=shown.person(found[0].patient),
        day=texts.day(day),
        now=texts.moment(frame.now(), zone),
        columns=[(texts.EYES[eye], cards[eye]) for eye in (Eye.OD, Eye.OS)],
        others=[*cards[Eye.OU], *cards[Eye.UNKNOWN]],
        facts=[
            (
                texts.alternative(one.scan.kind, one.scan.eye, one.scan.visit_day),
                texts.moment(one.scan.captured_at, zone),
                one.scan.device or "–",
                shown.pixels(one) if one.scan.facts["width"] else "–",
            )
            for one in found
        ],
        said=shown.said(said, zone),
        not_stored=_not_stored(parts().reading.not_stored(actor(), patient, now=frame.now())).get(day, ""),
    )


@policy(Act.CORRECT)
def merge(patient: str) -> str | Response:
    """Show two records of one person, then correct all scans of the one to be of the other."""
    form, now = request.form, frame.now()
    who = parts().patients.one(actor(), patient, now=now)
    ids = parts().reading.scans_of(actor(), patient)
    if is_id(form.get("into", "")):
        reason = form.get("reason", "").strip()
        if not reason or len(reason) > 1000 or not is_id(form.get("act", "")):
            raise Invalid("Say why these are two records of one person.")
        parts().records.correct(actor(), form["act"], ids, changes={"patient": form["into"]}, reason=reason, now=now)
        return redirect(f"/patients/{form['into']}", 303)
    mrn = form.get("mrn", "").strip()[:64]
    found = [one for one in parts().patients.find(actor(), mrn, now=now) if one.mrn == mrn and one.id != patient]
    problem = "" if ids and len(found) == 1 else "No other patient has this record number, or there is nothing to move."
    return frame.page(
        "merge.html",
        person=shown.person(who),
        into=shown.person(found[0]) if found else None,
        count=len(ids),
        act=str(uuid4()),
        problem=problem,
    )


def _not_stored(lost: Iterable[Upload]) -> dict[str, str]:
    """What the visits say of files that were not stored, by day."""
    days = Counter(visit_day(one, parts().config.time_zone) for one in lost)
    return {day: not_stored(count) for day, count in days.items()}


def _visit(patient: str, visit: Visit) -> dict[str, Any]:
    open_ones = sum(row.review is Review.UNREVIEWED for row in visit.scans)
    words = "Reviewed" if not open_ones else "Not reviewed" if open_ones == len(visit.scans) else f"{open_ones} open"
    return {
        "iso": visit.day,
        "day": texts.day(visit.day),
        "urgent": any(row.urgent and row.review is Review.UNREVIEWED for row in visit.scans),
        "state": words,
        "pair": _pair(visit.scans),
        "right": [_fold(patient, visit.day, fold) for fold in visit.right],
        "left": [_fold(patient, visit.day, fold) for fold in visit.left],
        "other": [_fold(patient, visit.day, fold) for fold in visit.other],
    }


def _fold(patient: str, day: str, fold: Folded) -> dict[str, Any]:
    scan = fold.shown[0].scan
    whole = fold.count > len(fold.shown)
    return {
        "cards": [shown.card(one, Rendition.THUMBNAIL) for one in fold.shown],
        "count": fold.count if whole else 0,
        "href": Asked.of_group(patient, scan.eye, scan.kind, day).address() if whole else "",
    }


def _pair(rows: Sequence[Scan]) -> tuple[str, str] | None:
    """The newest two of one kind of both eyes, the right one first."""
    for row in rows:
        other = Eye.OS if row.eye is Eye.OD else Eye.OD
        mate = next((one for one in rows if (one.eye, one.kind) == (other, row.kind)), None)
        if row.eye in (Eye.OD, Eye.OS) and mate and row.facts["renditions"] and mate.facts["renditions"]:
            return (row.id, mate.id) if row.eye is Eye.OD else (mate.id, row.id)
    return None


def _strips(chart: Chart) -> list[tuple[str, list[tuple[str, list[shown.Card]]]]]:
    """For each eye, kinds seen at several visits: one picture a visit, oldest first."""
    made = []
    for eye, side in ((Eye.OD, "right"), (Eye.OS, "left")):
        kinds: dict[Kind, list[shown.Card]] = {}
        for visit in reversed(chart.visits):
            for fold in getattr(visit, side):
                first = fold.shown[0]
                kinds.setdefault(first.scan.kind, []).append(shown.card(first, Rendition.THUMBNAIL))
        rows = [(texts.KINDS[kind], cards[-LONGEST_STRIP:]) for kind, cards in kinds.items() if len(cards) >= STRIP]
        made.append((texts.EYES[eye], rows))
    return made
