"""What the command line does about accounts and tokens; it acts as the system, whoever has the shell may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from ..access.accounts import Access, Invitation, first_admin_invite
from ..access.actor import SYSTEM
from ..catalog import Catalog
from ..catalog import accounts as rows
from ..config import Config
from ..ids import new_id
from ..words import Role

_SHELL = SYSTEM("command line")


def invite(config: Config, *, name: str, roles: Sequence[str]) -> str:
    """Make a one-time link by which ``name`` sets a password; good for 30 minutes. Raises Invalid."""
    wanted = frozenset(Role(role) for role in roles)
    return _address(config, _access(config).invite(_SHELL, name=name, roles=wanted, now=datetime.now(UTC)))


def first_admin(config: Config) -> str | None:
    """The same for the first administrator; None if there is one already."""
    invitation = first_admin_invite(_access(config), datetime.now(UTC))
    return None if invitation is None else _address(config, invitation)


def has_admin(config: Config) -> bool:
    """Whether somebody can sign in as an administrator."""
    with Catalog(config.database_url).read() as tx:
        return rows.any_with_role(tx, Role.ADMIN)


def create_token(config: Config, *, name: str, role: str) -> str:
    """Make a bearer token for a program and give it, this once. Raises Invalid."""
    return _access(config).create_token(_SHELL, name=name, role=Role(role), now=datetime.now(UTC))[1]


def list_tokens(config: Config) -> Iterator[str]:
    """A line for each token: id, name, when it was made, whether it lives."""
    for token in _access(config).tokens.all():
        state = "revoked" if token.revoked_at else "living"
        yield f"{token.id}  {state:<7}  {token.created_at:%Y-%m-%d}  {token.name}"


def revoke_token(config: Config, token: str) -> None:
    """Make a token useless. Raises AccountNotFound: no living token has this id."""
    _access(config).tokens.revoke(_SHELL, token, datetime.now(UTC))


@contextmanager
def token_for_a_while(config: Config, *, name: str, role: Role) -> Iterator[str]:
    """A token that is revoked when the block ends."""
    identity, secret = _access(config).create_token(_SHELL, name=name, role=role, now=datetime.now(UTC))
    try:
        yield secret
    finally:
        revoke_token(config, identity)


def _access(config: Config) -> Access:
    return Access(catalog=Catalog(config.database_url), idle=config.idle, new_id=new_id)


def _address(config: Config, invitation: Invitation) -> str:
    return config.public_url + invitation.path
