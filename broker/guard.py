"""What every request passes before its view runs: host, size, identity, site, permission. Nothing passes by default.

A route is let through without identity only if its rule stands in ``PUBLIC``; every other one must carry
``@policy(Act...)``, and the guard compares the act with the roles. A route with neither answers 500.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from flask import current_app, g, request
from werkzeug.wrappers import Response

from .access.accounts import BROWSER_LIFE, SignedIn
from .access.actor import Actor, visitor
from .access.permissions import Act, require
from .config import is_loopback
from .errors import BadRequest, BrokerError, CrossSite, NotAllowed, SessionLocked, SignInNeeded
from .parts import PROVIDER_RETURN, Parts

#: Rules that need no identity. ``HEALTH`` may also be asked under any host name, as probes do.
HEALTH = frozenset({"/livez", "/api/v1/health"})
STATIC = "/static/<path:filename>"
PUBLIC = HEALTH | {
    *(STATIC, "/problems/<slug>", "/sign-in", "/sign-in/demo", "/invite"),
    *("/sign-in/provider", PROVIDER_RETURN, "/sign-in/provider/out"),
}
#: What a locked session may still do: say that it is locked, end or open itself, and finish its own running uploads.
WHILE_LOCKED = frozenset(
    {
        *(("GET", "/session"), ("POST", "/session/active"), ("POST", "/session/lock"), ("POST", "/session/unlock")),
        *(("POST", "/sign-out"), ("POST", "/sign-out/everywhere")),
        *(("POST", "/api/v1/uploads/grants"), ("POST", "/api/v1/uploads/complete")),
        *(("GET", "/api/v1/uploads"), ("GET", "/api/v1/uploads/<id:upload>")),
    }
)
#: What somebody may do however much they asked for before.
ALWAYS = frozenset({"/session/lock", "/sign-out", "/sign-out/everywhere"})
#: Where a session is needed: no program manages people, sessions or tokens.
FOR_PEOPLE = ("/account", "/admin", "/session")
#: Bytes of a request's body.
UPLOADS_BODY, OTHER_BODY = 1 << 20, 64 << 10
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])


def policy(act: Act) -> Callable[[View], View]:
    """Say which act a view is; the guard lets only those accounts reach it that may do it."""

    def mark(view: View) -> View:
        view.act = act  # type: ignore[attr-defined]
        return view

    return mark


def parts() -> Parts:
    """The parts of the running application."""
    found: Parts = current_app.extensions["parts"]
    return found


def actor() -> Actor:
    """Who sent this request. Raises SignInNeeded if nobody knows."""
    found = maybe_actor()
    if found is None:
        raise SignInNeeded()
    return found


def maybe_actor() -> Actor | None:
    """Who sent this request, if anybody knows."""
    found: Actor | None = g.get("actor")
    return found


def stranger() -> Actor:
    """The sender of this request, whoever it is: its address and request id only."""
    return visitor(request.remote_addr or "", g.get("request_id", ""))


def session_secret() -> str | None:
    """The session that the browser came with, living or not."""
    return request.cookies.get(_cookie())


def browser_secret() -> str:
    """What this browser was given when somebody signed in from it, or ""."""
    return request.cookies.get(_cookie("browser"), "")


def provider_secret() -> str:
    """What this browser was given when it went to the clinic's provider, or ""."""
    return request.cookies.get(_cookie("provider"), "")


def hand_over(response: Response, begun: SignedIn) -> Response:
    """Give a session that has just begun to the browser; the cookie ends with the browser, the session before that."""
    set_cookie(response, "session", begun.secret)
    if begun.browser:
        set_cookie(response, "browser", begun.browser, seconds=int(BROWSER_LIFE.total_seconds()))
    return response


def set_cookie(response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Set a cookie that no script reads and no other site sends; an empty value takes it away."""
    options: dict[str, Any] = {"path": "/", "secure": parts().config.https, "httponly": True, "samesite": "Lax"}
    response.set_cookie(_cookie(name), value, max_age=seconds if value else 0, **options)


def take_back(response: Response) -> Response:
    """Take the session's cookie away."""
    set_cookie(response, "session", "")
    return response


def check() -> None:
    """Let a request pass, or raise the problem that it is answered with. Registered before every request."""
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    rule = request.url_rule.rule if request.url_rule else ""
    if rule == "/livez":
        return
    if rule not in HEALTH:
        _check_host()
    request.max_content_length = UPLOADS_BODY if request.path.startswith("/api/v1/uploads") else OTHER_BODY
    if rule == STATIC:
        return
    known = _identify()
    g.actor = known = replace(known, page=rule) if known else None
    if known and rule not in ALWAYS:
        parts().rates.take(known.account)
    _check_site()
    if rule and rule not in PUBLIC:
        act: Act | None = getattr(current_app.view_functions[request.endpoint or ""], "act", None)
        if act is None:
            raise RuntimeError(f"{rule} has no policy")
        require(actor(), act)
        _check_session(actor(), rule)


def note_refusal(problem: BrokerError) -> None:
    """Write down that somebody we know was refused; strangers are not, or they could fill the disk."""
    known = maybe_actor()
    if known and isinstance(problem, NotAllowed | CrossSite):
        act = getattr(current_app.view_functions.get(request.endpoint or ""), "act", "request")
        parts().access.refused(known, act, parts().clock(), subjects=[], why=problem.slug)


def _check_host() -> None:
    config = parts().config
    # request.host is "" for a Host header that is none; its port says nothing about whom the browser trusts.
    host = urlsplit(f"//{request.host}").hostname or ""
    if config.demo:
        forwarded = any(name.lower().startswith(("forwarded", "x-forwarded-")) for name, _ in request.headers)
        if forwarded or not is_loopback(host):
            raise BadRequest("The demo is for this very machine only.")
    elif host != urlsplit(config.public_url).hostname:
        raise BadRequest("This service has another address.")


def _check_session(known: Actor, rule: str) -> None:
    """Let a locked session do next to nothing, and no program reach what is for people."""
    if not known.session and rule.startswith(FOR_PEOPLE):
        raise NotAllowed("This is for people who have signed in, not for programs.")
    method = "GET" if request.method == "HEAD" else request.method
    if known.locked and (method, rule) not in WHILE_LOCKED:
        raise SessionLocked()


def _identify() -> Actor | None:
    """Find out who sent this: a bearer token if one is given, else the session's cookie."""
    access, now = parts().access, parts().clock()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return access.tokens.actor(stranger(), token.strip(), now)
    secret = session_secret()
    # Somebody followed a link, typed an address or sent a form: a key or pointer, as the browser itself says.
    touched = request.headers.get("Sec-Fetch-User") == "?1"
    return access.sessions.actor(stranger(), secret, now, touched=touched) if secret else None


def _check_site() -> None:
    """Refuse changes that another site's page asks for with our cookie.

    Every browser since 2020 says Sec-Fetch-Site towards https and loopback; older ones say Origin with a POST. A
    program says neither, and has a bearer token, which no page can send.
    """
    if request.method in _SAFE:
        return
    site, origin, cookie = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), session_secret()
    if not cookie and maybe_actor():
        return
    if site is not None:
        same = site in ("same-origin", "none")
    elif origin is not None:
        same = origin == parts().config.public_url
    else:
        same = not cookie
    if not same:
        raise CrossSite()


def _cookie(name: str = "session") -> str:
    return f"__Host-{name}" if parts().config.https else name
