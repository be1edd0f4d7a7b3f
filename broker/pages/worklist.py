"""``/worklist``: what waits to be reviewed, by visit; a physician's home page."""

from __future__ import annotations

from flask import Blueprint

from ..access.permissions import Act
from ..guard import actor, parts, policy
from ..names import Rendition
from ..reading import COUNTED
from . import frame, texts
from . import show as shown


def add_to(pages: Blueprint) -> None:
    """Add the worklist."""
    pages.get("/worklist", endpoint="worklist")(show)


@policy(Act.REVIEW)
def show() -> str:
    """Show the visits to read, and the repeats that are wanted."""
    waiting, count, urgent = parts().reading.worklist(actor(), now=frame.now())
    visits = [
        {
            "person": shown.person(one.patient),
            "day": texts.day(one.day),
            "scans": one.scans,
            "urgent": one.urgent,
            "flagged": one.flagged,
            "first": one.first,
        }
        for one in waiting
    ]
    repeats = [shown.card(one, Rendition.THUMBNAIL) for one in parts().reading.repeats(actor(), now=frame.now())]
    return frame.page(
        "worklist.html",
        visits=visits,
        count=texts.count(count, COUNTED),
        urgent=texts.count(urgent, COUNTED),
        repeats=repeats,
    )
