"""What all pages share: who is signed in, where one can go, and the choice between a page and a fragment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from flask import Flask, render_template, request

from ..access.actor import Actor
from ..access.permissions import Act, may
from ..catalog.patients import Patient
from ..errors import Unavailable
from ..guard import actor, maybe_actor, parts
from ..ids import is_id
from ..patients import Alike
from ..reading import COUNTED_REPEATS
from ..unsettled import COUNTED
from ..words import Role
from . import show, texts
from .outside import Outside


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
    app.jinja_env.globals |= {"new_act": lambda: str(uuid4()), "usual": texts.REASONS}
    app.context_processor(_who)


def is_fragment() -> bool:
    """Say whether htmx asks for a piece of a page; also as htmx 2 asks. Back and forward want whole pages."""
    headers = request.headers
    full = headers.get("HX-Request-Type") == "full" or "HX-History-Restore-Request" in headers
    return headers.get("HX-Request") == "true" and not full


def page(template: str, **values: Any) -> str:
    """Render a page or a fragment."""
    return render_template(template, **values)


def home(account: Actor) -> str:
    """The page an account works on: reading comes before sending, managing last."""
    if may(account, Act.REVIEW):
        return "/worklist"
    return "/upload" if may(account, Act.UPLOAD) else "/"


def now() -> datetime:
    """The time of this request."""
    return parts().clock()


def alike(shown: Iterable[Patient]) -> Mapping[str, Alike]:
    """Which of these patients are easily taken for another one, by id."""
    return parts().patients.alike(actor(), {one.id for one in shown})


def person(patient: Patient) -> show.Person:
    """Show the one patient whom a page is about."""
    return show.person(patient, alike([patient]).get(patient.id))


def people(patients: Sequence[Patient]) -> list[show.Person]:
    """Show patients, with the records that were merged into them; one look for all of them."""
    former = parts().patients.former(actor(), {one.id for one in patients}, now=now())
    return show.people(patients, alike(patients), former)


def done() -> dict[str, Any] | None:
    """What the account has just signed, if the address names it and it can still be taken back."""
    act, who = request.args.get("done", ""), maybe_actor()
    if not is_id(act) or who is None or not may(who, Act.REVIEW):
        return None
    found = parts().reading.done(who, act, now=now())
    if found is None:
        return None
    return {
        "what": texts.REVIEWS[found.status],
        "person": show.person(found.patient),
        "day": texts.day(found.day),
        "count": texts.scans(found.count),
        "scan": found.scan,
        "act": found.act,
        "new_act": str(uuid4()),
    }


def _who() -> dict[str, Any]:
    account = maybe_actor()
    if account is None or account.locked:
        # A locked session shows nothing: what it is answered with is for anybody, such as the way to the sign-in.
        return {"me": None, "nav": [], "here": request.path}
    roles = ", ".join(text for role, text in texts.ROLES.items() if role in account.roles)
    wanted, to_close = _repeats(account)
    nav = []
    if may(account, Act.REVIEW):
        nav.append(_counted(Link("/worklist", "To review"), to_close, "repeat to close", "repeats to close"))
    if may(account, Act.SEE_SCANS):
        nav.append(Link("/gallery", "Gallery"))
    if may(account, Act.UPLOAD):
        # Who takes pictures sees what is to be taken once more, without looking for it.
        count = wanted if Role.TECHNICIAN in account.roles else 0
        nav.append(_upload(account, count))
    if may(account, Act.ACCOUNTS):
        nav.append(Link("/admin/accounts", "Administration"))
    # At "/" the start page of the account is shown; a scan belongs to the gallery.
    here = (home(account) if request.path == "/" else request.path).split("/")[1]
    # A scan, a pair and a patient belong to the gallery.
    here = "gallery" if here in ("scans", "compare", "patients") else here
    here = "admin/accounts" if here == "admin" else here
    return {"me": Me(account.account, Outside(account.name), roles), "nav": nav, "here": f"/{here}"}


def _repeats(account: Actor) -> tuple[int, int]:
    """How many repeats are wanted, and how many wait to be closed; none within a fragment, which has no frame."""
    if is_fragment() or not may(account, Act.SEE_SCANS):
        return 0, 0
    try:
        return parts().reading.repeat_counts(account)
    except Unavailable:
        return 0, 0  # what is being rendered may be the page that says so


def _upload(actor: Actor, wanted: int) -> Link:
    """The way to the upload page, with how much waits there: files that were not stored, repeats that are wanted."""
    try:
        lost = 0 if is_fragment() else parts().unsettled.count(actor, now=now())
    except Unavailable:
        lost = 0  # what is being rendered may be the page that says so
    link = Link("/upload", "Upload")
    if not lost + wanted:
        return link
    told = [f"{_shown(lost, COUNTED)} not stored"] if lost else []
    told += [f"{_shown(wanted, COUNTED_REPEATS - 1)} {'repeat' if wanted == 1 else 'repeats'} wanted"] if wanted else []
    return replace(link, count=_shown(lost + wanted, COUNTED), about=", ".join(told))


def _counted(link: Link, count: int, one: str, many: str) -> Link:
    if not count:
        return link
    shown = _shown(count, COUNTED_REPEATS - 1)
    return replace(link, count=shown, about=f"{shown} {one if count == 1 else many}")


def _shown(count: int, most: int) -> str:
    return str(count) if count <= most else f"{most}+"
