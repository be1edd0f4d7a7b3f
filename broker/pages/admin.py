"""``/admin``: people, sessions, tokens, files not stored, health. Each change is a form and comes back."""

from __future__ import annotations

from flask import Blueprint, current_app, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..api.health import Readiness
from ..catalog import audit, leases, outbox
from ..errors import BrokerError, Invalid
from ..guard import actor, parts, policy
from ..text import plain
from ..words import Role
from . import frame, texts

TABS = (
    ("/admin/accounts", "People"),
    ("/admin/sessions", "Sessions"),
    ("/admin/tokens", "Tokens"),
    ("/admin/files", "Files not stored"),
    ("/admin/audit", "Audit"),
    ("/admin/health", "Health"),
)


def add_to(pages: Blueprint) -> None:
    """Add the administration."""
    pages.get("/admin/accounts")(accounts)
    pages.post("/admin/accounts/invite")(invite)
    pages.post("/admin/accounts/disable")(disable)
    pages.post("/admin/accounts/enable")(enable)
    pages.get("/admin/sessions")(sessions)
    pages.post("/admin/sessions/end")(end_session)
    pages.post("/admin/sessions/end-all")(end_all)
    pages.get("/admin/tokens")(tokens)
    pages.post("/admin/tokens")(create_token)
    pages.post("/admin/tokens/revoke")(revoke_token)
    pages.get("/admin/files")(files)
    pages.get("/admin/health")(health)


def page(tab: str, **values: object) -> str:
    """Render one tab of the administration: ``tab`` is the last part of its address."""
    return frame.page(f"admin-{tab}.html", tabs=TABS, tab=f"/admin/{tab}", roles=texts.ROLES, now=frame.now(), **values)


@policy(Act.ACCOUNTS)
def accounts() -> Response:
    """List people and programs, and invite."""
    return _accounts()


@policy(Act.ACCOUNTS)
def invite() -> Response:
    """Make a one-time link for somebody; shown this once."""
    roles = frozenset(Role(one) for one in request.form.getlist("role") if one in set(Role))
    try:
        invitation = parts().access.invite(actor(), name=request.form.get("name", ""), roles=roles, now=frame.now())
    except Invalid as problem:
        return _accounts(problem)
    return _accounts(link=parts().config.public_url + invitation.path, whose=invitation.account.name)


@policy(Act.ACCOUNTS)
def disable() -> Response:
    """Let an account in no more; its sessions end at once."""
    account = plain(request.form.get("id", ""))
    if account == actor().account:
        return _accounts(Invalid("This is your own account: another administrator must disable it."))
    parts().access.disable(actor(), account, frame.now())
    return redirect("/admin/accounts", 303)


@policy(Act.ACCOUNTS)
def enable() -> Response:
    """Let a disabled account in again."""
    parts().access.enable(actor(), plain(request.form.get("id", "")), frame.now())
    return redirect("/admin/accounts", 303)


@policy(Act.ACCOUNTS)
def sessions() -> str:
    """List who is signed in, from where, since when."""
    return page("sessions", sessions=parts().access.sessions.all(frame.now()), idle=parts().config.idle)


@policy(Act.ACCOUNTS)
def end_session() -> Response:
    """End somebody's session."""
    parts().access.sessions.end_one(actor(), plain(request.form.get("id", "")), frame.now(), of=None)
    return redirect("/admin/sessions", 303)


@policy(Act.ACCOUNTS)
def end_all() -> Response:
    """End every session of an account."""
    parts().access.sessions.end_all(actor(), plain(request.form.get("account", ""))[:36], frame.now())
    return redirect("/admin/sessions", 303)


@policy(Act.TOKENS)
def tokens() -> Response:
    """List bearer tokens, and make one for a program."""
    return _tokens()


@policy(Act.TOKENS)
def create_token() -> Response:
    """Make a token for a program; shown this once."""
    name, role = request.form.get("name", ""), request.form.get("role", "")
    try:
        if role not in set(Role):
            raise Invalid("A token needs a role.")
        _, secret = parts().access.create_token(actor(), name=name, role=Role(role), now=frame.now())
    except Invalid as problem:
        return _tokens(problem)
    return _tokens(secret=secret)


@policy(Act.TOKENS)
def revoke_token() -> Response:
    """Make a token useless at once."""
    parts().access.tokens.revoke(actor(), plain(request.form.get("id", "")), frame.now())
    return redirect("/admin/tokens", 303)


@policy(Act.QUARANTINE)
def files() -> str:
    """List what was not stored, and what to do about it."""
    return page("files", files=parts().quarantine.page(actor(), frame.now()))


@policy(Act.ACCOUNTS)
def health() -> str:
    """Show how storage, catalog and worker stand."""
    readiness: Readiness = current_app.extensions["health"]
    with parts().catalog.read() as tx:
        segment, waiting = audit.last_segment(tx), audit.unsealed(tx, 1)
        beat, unpublished = leases.marked(tx, "worker"), outbox.count(tx)
    facts = {"segment": segment, "unsealed_since": waiting[0].at if waiting else None, "unpublished": unpublished}
    return page("health", storage=readiness.storage(), catalog=readiness.catalog(), worker=beat, **facts)


def _accounts(problem: BrokerError | None = None, link: str = "", whose: str = "") -> Response:
    values = {"accounts": parts().access.all(), "link": link, "whose": whose}
    html = page("accounts", **values, me_id=actor().account, problem=str(problem) if problem else "")
    return make_response(html, problem.status if problem else 200)


def _tokens(problem: BrokerError | None = None, secret: str = "") -> Response:
    values = {"tokens": parts().access.tokens.all(), "secret": secret}
    html = page("tokens", **values, problem=str(problem) if problem else "")
    return make_response(html, problem.status if problem else 200)
