"""What all pages share: who is signed in, where one can go, and the choice between a page and a fragment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, render_template, request

from ..access.actor import Actor
from ..access.permissions import Act, may
from ..errors import Unavailable
from ..guard import maybe_actor, parts
from ..unsettled import COUNTED
from . import texts


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere to go. ``count``: how much waits there, as shown; ``about`` says of what, to who does not see it."""

    href: str
    text: str
    count: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in, as shown at the top."""

    account: str
    name: str
    roles: str


def register(app: Flask) -> None:
    """Give every template the frame's values."""
    config = app.extensions["parts"].config
    app.jinja_env.globals |= {"clinic_name": config.clinic_name, "demo": config.demo}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["moment"] = lambda value: texts.moment(value, config.time_zone)
    app.context_processor(_who)


def is_fragment() -> bool:
    """Say whether htmx asks for a piece of a page; also as htmx 2 asks. Back and forward want whole pages."""
    headers = request.headers
    full = headers.get("HX-Request-Type") == "full" or "HX-History-Restore-Request" in headers
    return headers.get("HX-Request") == "true" and not full


def page(template: str, **values: Any) -> str:
    """Render a page or a fragment."""
    return render_template(template, **values)


def home(actor: Actor) -> str:
    """The page an account works on: reading comes before sending, managing last."""
    if may(actor, Act.REVIEW):
        return "/worklist"
    return "/upload" if may(actor, Act.UPLOAD) else "/"


def now() -> datetime:
    """The time of this request."""
    return parts().clock()


def _who() -> dict[str, Any]:
    actor = maybe_actor()
    if actor is None or actor.locked:
        # A locked session shows nothing: what it is answered with is for anybody, such as the way to the sign-in.
        return {"me": None, "nav": [], "here": request.path}
    roles = ", ".join(text for role, text in texts.ROLES.items() if role in actor.roles)
    nav = [Link("/worklist", "To review")] if may(actor, Act.REVIEW) else []
    if may(actor, Act.SEE_SCANS):
        nav.append(Link("/gallery", "Gallery"))
    if may(actor, Act.UPLOAD):
        nav.append(_upload(actor))
    if may(actor, Act.ACCOUNTS):
        nav.append(Link("/admin/accounts", "Administration"))
    # At "/" the start page of the account is shown; a scan belongs to the gallery.
    here = (home(actor) if request.path == "/" else request.path).split("/")[1]
    # A scan, a pair and a patient belong to the gallery.
    here = "gallery" if here in ("scans", "compare", "patients") else here
    here = "admin/accounts" if here == "admin" else here
    return {"me": Me(actor.account, actor.name, roles), "nav": nav, "here": f"/{here}"}


def _upload(actor: Actor) -> Link:
    """The way to the upload page, with how many files of the clinic were not stored."""
    try:
        count = 0 if is_fragment() else parts().unsettled.count(actor, now=now())
    except Unavailable:
        count = 0  # what is being rendered may be the page that says so
    if not count:
        return Link("/upload", "Upload")
    shown = str(count) if count <= COUNTED else f"{COUNTED}+"
    return Link("/upload", "Upload", shown, f"{shown} not stored")
