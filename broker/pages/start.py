"""``/``: the page an account works on."""

from __future__ import annotations

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..guard import actor, policy
from . import frame, gallery, upload, worklist


def add_to(pages: Blueprint) -> None:
    """Add the start page."""
    pages.get("/")(start)


@policy(Act.OWN_SESSION)
def start() -> str | Response:
    """Show upload to technicians, the worklist to physicians, and the administration to administrators."""
    views = {"/upload": upload.show, "/gallery": gallery.show, "/worklist": worklist.show}
    view = views.get(frame.home(actor()))
    return view() if view else redirect("/admin/accounts", 303)
