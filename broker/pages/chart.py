"""``/patients/<id>``: a patient's visits by eye, with what was moved and merged; one visit as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ..access.permissions import Act, may
from ..catalog.scans import Scan
from ..catalog.uploads import Upload
from ..declaration import visit_day
from ..errors import PatientNotFound
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..names import Rendition
from ..reading import Chart, Folded, Moved, Visit
from ..records import standing
from ..words import Eye, Kind, Review, not_stored
from . import frame, signing, texts
from . import show as shown
from .asked import Asked
from .outside import Outside

#: Visits of one eye and kind that make a strip over time worth showing.
STRIP = 2
#: Visits on a strip; what is older is below.
LONGEST_STRIP = 12


def add_to(pages: Blueprint) -> None:
    """Add the patient's page and the report."""
    pages.get("/patients/<id:patient>", endpoint="patient")(show)
    pages.get("/patients/<id:patient>/over-time")(over_time)
    pages.get("/patients/<id:patient>/visits/<day>", endpoint="report")(report)


@policy(Act.SEE_SCANS)
def show(patient: str) -> str | Response:
    """Show a patient's visits, newest first; of a record that was merged, go to the patient it was merged into."""
    zone = parts().config.time_zone
    chart = parts().reading.chart(actor(), patient, now=frame.now())
    if chart.patient.id != patient:
        return redirect(f"/patients/{chart.patient.id}", 303)
    lost = _not_stored(chart.not_stored)
    visits = [visit | {"not_stored": lost.pop(visit["iso"], "")} for visit in _days(chart)]
    return frame.page(
        "patient.html",
        person=frame.person(chart.patient),
        visits=visits,
        not_stored=[(texts.day(day), said) for day, said in sorted(lost.items(), reverse=True)],
        may_upload=may(actor(), Act.UPLOAD),
        merged=_merges(chart),
        more=chart.more,
        withdrawn=[
            {"id": row.id, "alt": texts.alternative(row.kind, row.eye, row.visit_day), "act": str(uuid4())}
            for row in chart.withdrawn
        ],
        eyes=shown.EYES,
        kinds=shown.KINDS,
        reasons=texts.REASONS,
        versions=[
            {
                "at": texts.moment(one["changed_at"], zone),
                "name": Outside(one["name"]),
                "born": texts.day(one["birth_date"]),
                "mrn": Outside(one["mrn"]),
                "by": Outside(one["changed_by"]),
            }
            for one in reversed(chart.versions)
        ],
    )


@policy(Act.SEE_SCANS)
def over_time(patient: str) -> str:
    """Show each eye over time, by kind: as a fragment, or as a page for those without scripts."""
    chart = parts().reading.chart(actor(), patient, now=frame.now(), history=False)
    template = "_strips.html" if frame.is_fragment() else "over-time.html"
    return frame.page(template, person=frame.person(chart.patient), strips=_strips(chart))


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
    acts = {record["act"]: record for one in found for record in standing(one.records)}
    said = sorted(acts.values(), key=lambda record: str(record["at"]))
    return frame.page(
        "report.html",
        person=frame.person(found[0].patient),
        day=texts.day(day),
        now=texts.moment(frame.now(), zone),
        columns=[(texts.EYES[eye], cards[eye]) for eye in (Eye.OD, Eye.OS)],
        others=[*cards[Eye.OU], *cards[Eye.UNKNOWN]],
        facts=[
            (
                texts.alternative(one.scan.kind, one.scan.eye, one.scan.visit_day),
                texts.moment(one.scan.captured_at, zone),
                Outside(one.scan.device or "–"),
                shown.pixels(one) if one.scan.facts["width"] else "–",
            )
            for one in found
        ],
        said=shown.said(said, zone),
        not_stored=_not_stored(parts().reading.not_stored(actor(), patient, now=frame.now())).get(day, ""),
    )


def _days(chart: Chart) -> list[dict[str, Any]]:
    """The visits, and the days of which nothing is left but that something was moved away; newest first."""
    ids = [row.id for visit in chart.visits for row in visit.scans if row.review is Review.UNREVIEWED]
    # Whoever signs sees what is still to be opened.
    ticks = parts().reading.opened(actor(), ids) if ids and may(actor(), Act.REVIEW) else None
    visits = {visit.day: _visit(chart.patient.id, visit, ticks) for visit in chart.visits}
    empty = {"urgent": False, "state": "", "pair": None, "right": [], "left": [], "other": [], "empty": True}
    days = {day: visits.get(day) or empty | {"iso": day, "day": texts.day(day)} for day in {*visits, *chart.moved}}
    return [days[day] | {"moved": _moves(chart.moved.get(day, ()))} for day in sorted(days, reverse=True)]


def _not_stored(lost: Iterable[Upload]) -> dict[str, str]:
    """What the visits say of files that were not stored, by day."""
    days = Counter(visit_day(one, parts().config.time_zone) for one in lost)
    return {day: not_stored(count) for day, count in days.items()}


def _moves(moved: Sequence[Moved]) -> list[dict[str, Any]]:
    """What was moved away and here, one line for each act."""
    acts: dict[tuple[str, bool], list[Moved]] = {}
    for one in moved:
        acts.setdefault((one.move.act_id, one.away), []).append(one)
    zone = parts().config.time_zone
    return [
        {
            "count": texts.scans(sum(one.move.count for one in some)),
            "many": sum(one.move.count for one in some) > 1,
            "away": away,
            "other": shown.person(some[0].other) if some[0].other else None,
            "at": texts.moment(some[0].move.at, zone),
            "by": Outside(some[0].move.by),
            "reason": Outside(some[0].move.reason),
        }
        for (_, away), some in acts.items()
    ]


def _merges(chart: Chart) -> list[dict[str, Any]]:
    zone = parts().config.time_zone
    return [
        {
            "person": shown.person(one.patient),
            "at": texts.moment(one.at, zone),
            "by": Outside(one.by),
            "reason": Outside(one.reason),
            "undo": one.undo,
            "act": str(uuid4()),
        }
        for one in chart.merged
    ]


def _visit(patient: str, visit: Visit, ticks: Mapping[str, int] | None) -> dict[str, Any]:
    open_ones = sum(row.review is Review.UNREVIEWED for row in visit.scans)
    words = "Reviewed" if not open_ones else "Not reviewed" if open_ones == len(visit.scans) else f"{open_ones} open"
    return {
        "iso": visit.day,
        "day": texts.day(visit.day),
        "urgent": any(row.urgent and row.review is Review.UNREVIEWED for row in visit.scans),
        "state": words,
        "pair": _pair(visit.scans),
        "right": [_fold(patient, visit, fold, ticks) for fold in visit.right],
        "left": [_fold(patient, visit, fold, ticks) for fold in visit.left],
        "other": [_fold(patient, visit, fold, ticks) for fold in visit.other],
    }


def _fold(patient: str, visit: Visit, fold: Folded, ticks: Mapping[str, int] | None) -> dict[str, Any]:
    scan = fold.shown[0].scan
    whole = fold.count > len(fold.shown)
    rows = [row for row in visit.scans if (row.eye, row.kind) == (scan.eye, scan.kind)] if whole else []
    return {
        "cards": [_whole(visit, fold, ticks)] if whole else [_ticked(one, ticks) for one in fold.shown],
        "count": fold.count if whole else 0,
        "ids": [row.id for row in rows],
        "shown": [shown.chosen(row) for row in rows],
        "href": Asked.of_group(patient, scan.eye, scan.kind, visit.day).address() if whole else "",
    }


def _ticked(one: Shown, ticks: Mapping[str, int] | None) -> shown.Card:
    """A card that says whether the picture was opened, if it is still to be reviewed."""
    card, scan = shown.card(one, Rendition.THUMBNAIL), one.scan
    if ticks is None or scan.review is not Review.UNREVIEWED:
        return card
    return replace(card, opened=signing.opened(ticks.get(scan.id, 0), scan.facts["frames"], scan.kind))


def _whole(visit: Visit, fold: Folded, ticks: Mapping[str, int] | None) -> shown.Card:
    """The card that stands for many, which says how many of them were opened."""
    card, scan = shown.card(fold.shown[0], Rendition.THUMBNAIL), fold.shown[0].scan
    same = [row for row in visit.scans if (row.eye, row.kind) == (scan.eye, scan.kind)]
    left = [row for row in same if row.review is Review.UNREVIEWED]
    if ticks is None or not left:
        return card
    count = sum(row.id in ticks for row in left)
    return replace(card, opened=f"{count} of {len(left)} opened" if count else "not opened")


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
