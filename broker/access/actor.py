"""Who acts, from where, in which request: handed to every use case and written into every audit row."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts. ``account`` is an id ("" for the system); ``address`` and ``request`` are for the audit."""

    account: str
    name: str
    roles: frozenset[Role]
    address: str
    request: str
    #: The id of the session that it acts through, "" for a token or the system; and whether that is locked.
    session: str = ""
    locked: bool = False
    #: The rule of the address that it asks for, the same for every id in it; "" for the system.
    page: str = ""


def SYSTEM(name: str) -> Actor:  # noqa: N802 (reads as the constant that it is for each name)
    """The service itself: a worker or the command line. It holds no role, so no permission either."""
    return Actor(account="", name=name, roles=frozenset(), address="", request="")


def visitor(address: str, request: str) -> Actor:
    """Somebody who has not said who they are."""
    return Actor(account="", name="", roles=frozenset(), address=address, request=request)
