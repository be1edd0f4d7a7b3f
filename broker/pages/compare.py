"""``/compare?left=&right=``: two scans side by side, or in turn."""

from __future__ import annotations

from flask import Blueprint, request

from ..access.permissions import Act
from ..errors import ScanNotFound
from ..guard import actor, parts, policy
from ..ids import is_id
from . import frame, texts
from . import show as shown


def add_to(pages: Blueprint) -> None:
    """Add the page."""
    pages.get("/compare", endpoint="compare")(show)


@policy(Act.SEE_SCANS)
def show() -> str:
    """Show the pair.

    Raises:
        ScanNotFound: one of them is none, or has no picture.
    """
    left, right = request.args.get("left", ""), request.args.get("right", "")
    if not is_id(left) or not is_id(right):
        raise ScanNotFound("Two scans are needed to compare.")
    first, second = parts().reading.pair(actor(), left, right, now=frame.now())
    alike = frame.alike([first.patient, second.patient])
    panes = [pane for pane in (shown.pane(first, alike), shown.pane(second, alike)) if pane]
    if len(panes) < 2:
        raise ScanNotFound("One of the two has no picture to compare.")
    other = first.patient.id != second.patient.id
    return frame.page("compare.html", panes=panes, other_patient=other, keys=texts.KEYS)
