"""The ways in and out: signing in, the demo's buttons, an invitation, signing out."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from .. import guard
from ..access.passwords import SHORTEST
from ..access.permissions import Act
from ..errors import AccountNotFound, BrokerError, Invalid, NotFound, ProviderUnavailable
from ..guard import parts, policy, session_secret, stranger
from ..parts import PROVIDER_RETURN
from ..words import Role
from . import frame, texts

#: The demo's buttons, and what each of them is for.
WAYS = {
    Role.TECHNICIAN: "Sends images, and sees the gallery",
    Role.PHYSICIAN: "Reads the gallery; may send too",
    Role.ADMIN: "Manages accounts, sees no patients",
}


def add_to(pages: Blueprint) -> None:
    """Add the ways in and out."""
    pages.get("/sign-in")(ask)
    pages.post("/sign-in")(sign_in)
    pages.post("/sign-in/demo")(sign_in_as)
    pages.get("/sign-in/provider")(to_provider)
    pages.get(PROVIDER_RETURN)(from_provider)
    pages.get("/sign-in/provider/out")(out_at_provider)
    pages.get("/invite")(invited)
    pages.post("/invite")(accept)
    pages.post("/sign-out")(sign_out)
    pages.post("/sign-out/everywhere")(sign_out_everywhere)


def ask() -> Response:
    """Ask for name and password, or show the demo's buttons."""
    return _form(next=request.args.get("next", ""), out="out" in request.args)


def sign_in() -> Response:
    """Take name and password."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        begun = parts().access.sign_in(
            stranger(),
            name,
            password,
            frame.now(),
            before=session_secret(),
            browser=guard.browser_secret(),
            code=request.form.get("code", ""),
        )
    except BrokerError as problem:
        return _form(problem, name=name, next=request.form.get("next", ""))
    return guard.hand_over(_go(request.form.get("next", "")), begun)


def sign_in_as() -> Response:
    """Take one of the demo's buttons."""
    role = request.form.get("role")
    if role not in set(Role):
        raise Invalid("There is no such role.")
    begun = parts().access.sign_in_as(stranger(), Role(role), frame.now(), before=session_secret())
    return guard.hand_over(_go(request.form.get("next", "")), begun)


def to_provider() -> Response:
    """Send the browser to the clinic's sign-in."""
    url, secret = parts().access.begin_at_provider(_ours(request.args.get("next", "")), frame.now())
    response = redirect(url, 303)
    guard.set_cookie(response, "provider", secret, seconds=600)
    return response


def from_provider() -> Response:
    """Take what the clinic's sign-in says."""
    secret, answer = guard.provider_secret(), request.args.to_dict()
    try:
        begun, wanted = parts().access.sign_in_by_provider(
            stranger(), secret, answer, frame.now(), before=session_secret()
        )
    except BrokerError as problem:
        response = _form(problem)
    else:
        response = guard.hand_over(_go(wanted), begun)
    guard.set_cookie(response, "provider", "")
    return response


def out_at_provider() -> Response:
    """Send the browser to where it ends its session at the clinic's sign-in too; nothing of ours changes."""
    try:
        way = parts().access.way_out_at_provider(f"{parts().config.public_url}/sign-in", frame.now())
    except ProviderUnavailable as problem:
        return _form(problem)
    return redirect(way, 303) if way else _form(NotFound("The clinic's sign-in has no way out. Close the browser."))


def invited() -> Response:
    """Ask whom an invitation is for to choose a password."""
    secret = request.args.get("token", "")
    return _password_form(secret, parts().access.invited(secret, frame.now()).name)


def accept() -> Response:
    """Take the password, and go on signed in."""
    secret, password = request.form.get("token", ""), request.form.get("password", "")
    access = parts().access
    name = access.invited(secret, frame.now()).name
    if password != request.form.get("again", ""):
        return _password_form(secret, name, Invalid("The two passwords differ."))
    try:
        begun = access.accept(stranger(), secret, password, frame.now(), before=session_secret())
    except AccountNotFound:
        raise
    except BrokerError as problem:
        return _password_form(secret, name, problem)
    return guard.hand_over(_go(""), begun)


@policy(Act.OWN_SESSION)
def sign_out() -> Response:
    """End the session, and clear what this browser kept of it."""
    way = parts().access.sessions.way(session_secret() or "", frame.now())
    parts().access.sign_out(guard.actor(), session_secret() or "", frame.now())
    return _out(way)


@policy(Act.OWN_SESSION)
def sign_out_everywhere() -> Response:
    """End this session and every other one of the account."""
    way = parts().access.sessions.way(session_secret() or "", frame.now())
    parts().access.sessions.end_all(guard.actor(), guard.actor().account, frame.now())
    return _out(way)


def _out(way: str) -> Response:
    """Lead somebody out who came in this way. The provider may know the browser still: its own way out is offered on
    the next page, by a link, since our policy lets no form lead to another site."""
    response = guard.take_back(redirect("/sign-in?out=1" if way == "provider" else "/sign-in", 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _form(
    problem: BrokerError | None = None,
    name: str = "",
    next: str = "",  # noqa: A002
    *,
    out: bool = False,
) -> Response:
    ways = [{"role": role.value, "title": texts.ROLES[role], "text": text} for role, text in WAYS.items()]
    html = frame.page(
        "sign-in.html",
        ways=ways if parts().config.demo else [],
        problem=str(problem) if problem else "",
        name=name,
        next=next,
        provider=f"/sign-in/provider?{urlencode({'next': next})}" if parts().config.oidc else "",
        out=out and parts().config.oidc is not None,
        codes=parts().access.asks_for_codes(),
    )
    return make_response(html, problem.status if problem else 200)


def _password_form(secret: str, name: str, problem: BrokerError | None = None) -> Response:
    html = frame.page("invite.html", token=secret, name=name, least=SHORTEST, problem=str(problem) if problem else "")
    return make_response(html, problem.status if problem else 200)


def _go(wanted: str) -> Response:
    """Go where somebody wanted to before signing in, if that is a page of ours."""
    return redirect(_ours(wanted) or "/", 303)


def _ours(wanted: str) -> str:
    """``wanted`` if it is the address of a page of ours, else ""."""
    try:
        foreign = bool(urlsplit(wanted).netloc)
    except ValueError:
        return ""
    # A browser reads a backslash as a slash, and drops tabs and line ends.
    good = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if good and not foreign else ""
