"""``/scans/<id>``: one scan large, what is known about it, and the way to the original."""

from __future__ import annotations

from flask import Blueprint

from ..access.permissions import Act
from ..guard import actor, parts, policy
from ..names import Rendition
from . import frame, texts
from . import show as shown


def add_to(pages: Blueprint) -> None:
    """Add the scan's page."""
    pages.get("/scans/<id:scan>", endpoint="scan")(show)


@policy(Act.SEE_SCANS)
def show(scan: str) -> str:
    """Show one scan."""
    gallery, zone = parts().gallery, parts().config.time_zone
    one = gallery.one(actor(), scan, now=frame.now())
    around = parts().reading.around(actor(), one)
    facts = one.scan.facts
    card = shown.card(one, Rendition.DISPLAY)
    return frame.page(
        "scan.html",
        card=card,
        newer=around.newer.id if around.newer else None,
        older=around.older.id if around.older else None,
        pixels=shown.pixels(one),
        reduced=card.picture is not None and card.picture.width < facts["width"],
        note=facts["note"],
        sent_by=facts["sent_by"],
        sent_at=texts.moment(facts["sent_at"], zone),
        size=texts.size(facts["size"]),
        format=shown.file_format(one),
        digest=facts["digest"],
        facts=shown.facts(one, zone),
        claims=shown.claims(one, zone),
    )
