"""``/worklist``: what waits to be reviewed, by visit; a physician's home page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from ..access.permissions import Act
from ..gallery import Shown
from ..guard import actor, parts, policy
from ..names import Rendition
from ..patients import Alike
from ..reading import COUNTED
from ..records import standing
from ..words import RecordKind
from . import frame, repeats, texts
from . import show as shown


def add_to(pages: Blueprint) -> None:
    """Add the worklist."""
    pages.get("/worklist", endpoint="worklist")(show)


@policy(Act.REVIEW)
def show() -> str:
    """Show the visits to read, the repeats to close and those that are wanted, and reviews that were reopened."""
    waiting, count, urgent = parts().reading.worklist(actor(), now=frame.now())
    wanted = parts().reading.repeats(actor(), now=frame.now())
    again = parts().reading.reopened(actor(), now=frame.now())
    repeated = (one.shown.patient for one in (*wanted.open, *wanted.answered, *wanted.not_possible))
    alike = frame.alike([*(one.patient for one in waiting), *(one.patient for one in again), *repeated])
    visits = [
        {
            "person": shown.person(one.patient, alike.get(one.patient.id)),
            "day": texts.day(one.day),
            "scans": one.scans,
            "urgent": one.urgent,
            "flagged": one.flagged,
            "first": one.first,
        }
        for one in waiting
    ]
    return frame.page(
        "worklist.html",
        visits=visits,
        count=texts.count(count, COUNTED),
        urgent=texts.count(urgent, COUNTED),
        repeats=[shown.card(one.shown, Rendition.THUMBNAIL, alike) for one in wanted.open if not one.answers],
        doubtful=repeats.told((one for one in wanted.open if one.answers), alike),
        more_wanted=wanted.more_open,
        to_close=len(wanted.answered) + len(wanted.not_possible) + wanted.more_to_close,
        more_to_close=wanted.more_to_close,
        answered=repeats.told(wanted.answered, alike),
        impossible=repeats.told(wanted.not_possible, alike),
        reopened=[_reopened(one, alike) for one in again],
        done=frame.done(),
    )


def _reopened(one: Shown, alike: Mapping[str, Alike]) -> dict[str, Any]:
    """A scan, and the newest correction that can have reopened its review: another eye, or another patient."""
    said = shown.said(filter(_reopens, standing(one.records)), parts().config.time_zone)
    return {"card": shown.card(one, Rendition.THUMBNAIL, alike), "said": said[0]}


def _reopens(record: Mapping[str, Any]) -> bool:
    # Records of version 1 reopened nothing.
    if record["kind"] != RecordKind.CORRECTION or record["version"] == 1:
        return False
    changes = (record["set"].get(what) for what in ("eye", "patient"))
    return any(change and change["from"] != change["to"] for change in changes)
