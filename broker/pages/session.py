"""``/session``: how long this browser's session stays open, and its lock. Asked by the script of every page."""

from __future__ import annotations

from flask import Blueprint, Response, request

from .. import guard
from ..access.permissions import Act
from ..api.resource import reply
from ..errors import BrokerError
from ..guard import actor, parts, policy, session_secret
from . import frame


def add_to(pages: Blueprint) -> None:
    """Add what the lock asks."""
    pages.get("/session")(session)
    pages.post("/session/active")(touch)
    pages.post("/session/lock")(lock_session)
    pages.post("/session/unlock")(unlock_session)


@policy(Act.OWN_SESSION)
def session() -> Response:
    """Say when this session locks; asking does not keep it open."""
    return _state(touched=False)


@policy(Act.OWN_SESSION)
def touch() -> Response:
    """Note that somebody touched keys or pointer."""
    return _state(touched=True)


@policy(Act.OWN_SESSION)
def lock_session() -> Response:
    """Lock this session at once."""
    parts().access.sessions.lock(actor(), session_secret() or "", frame.now())
    return _state(touched=False)


@policy(Act.OWN_SESSION)
def unlock_session() -> Response:
    """Open the session again for the person whose it is."""
    password, code = request.form.get("password", ""), request.form.get("code", "")
    secret, browser = session_secret() or "", guard.browser_secret()
    try:
        parts().access.unlock(actor(), secret, password, code, frame.now(), browser=browser)
    except BrokerError as problem:
        # Not 401: who asks is known, and would be sent to the sign-in.
        return reply({"problem": str(problem)}, 422 if problem.status == 401 else problem.status)
    return _state(touched=False)


def _state(*, touched: bool) -> Response:
    left = parts().access.sessions.locks_in(session_secret() or "", frame.now(), touched=touched)
    seconds = int(left.time.total_seconds())
    return reply({"locked": not left.time, "locks_in": seconds, "account": left.account.id, "by": left.by})
