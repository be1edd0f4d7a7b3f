"""``/account``: one's own sessions, tokens and one-time codes."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..access import codes
from ..access.permissions import Act
from ..errors import BrokerError, Invalid
from ..guard import actor, parts, policy
from ..text import plain
from . import asked, frame

DAYS = (30, 90, 180, 365)


def add_to(pages: Blueprint) -> None:
    """Add one's own page."""
    pages.get("/account", endpoint="account")(show)
    pages.post("/account/sessions/end", endpoint="own_session_end")(end_session)
    pages.post("/account/tokens", endpoint="own_token")(create_token)
    pages.post("/account/tokens/revoke", endpoint="own_token_revoke")(revoke_token)
    pages.post("/account/codes")(use_codes)
    pages.post("/account/codes/drop")(drop_codes)


@policy(Act.OWN_SESSION)
def show() -> Response:
    """Show where one is signed in, and what else acts in one's name."""
    return _page()


@policy(Act.OWN_SESSION)
def end_session() -> Response:
    """End one of one's own sessions."""
    parts().access.sessions.end_one(actor(), plain(request.form.get("id", "")), frame.now(), of=actor().account)
    return redirect("/account", 303)


@policy(Act.OWN_SESSION)
def create_token() -> Response:
    """Make a token that acts in one's own name; shown this once."""
    name, days = request.form.get("name", ""), asked.number(request.form.get("days", ""))
    try:
        _, secret = parts().access.own_token(actor(), name=name, days=days, now=frame.now())
    except Invalid as problem:
        return _page(problem)
    return _page(secret=secret)


@policy(Act.OWN_SESSION)
def revoke_token() -> Response:
    """Make one of one's own tokens useless."""
    parts().access.tokens.revoke(actor(), plain(request.form.get("id", "")), frame.now(), of=actor().account)
    return redirect("/account", 303)


@policy(Act.OWN_SESSION)
def use_codes() -> Response:
    """Ask for codes at one's sign-ins from now on."""
    secret, code = request.form.get("secret", ""), request.form.get("code", "")
    try:
        parts().access.use_codes(actor(), secret, code, frame.now())
    except Invalid as problem:
        return _page(problem)
    return redirect("/account", 303)


@policy(Act.OWN_SESSION)
def drop_codes() -> Response:
    """Stop asking for codes."""
    try:
        parts().access.drop_codes(actor(), request.form.get("code", ""), frame.now())
    except Invalid as problem:
        return _page(problem)
    return redirect("/account", 303)


def _page(problem: BrokerError | None = None, secret: str = "") -> Response:
    access, now = parts().access, frame.now()
    account = access.account(actor())
    fresh = codes.new_secret()
    html = frame.page(
        "account.html",
        account=account,
        sessions=access.sessions.all(now, account.id),
        this=actor().session,
        tokens=access.tokens.all(account.id),
        now=now,
        days=DAYS,
        secret=secret,
        problem=str(problem) if problem else "",
        codes_secret=fresh,
        codes_address=codes.address(fresh, account.name, parts().config.clinic_name),
    )
    return make_response(html, problem.status if problem else 200)
