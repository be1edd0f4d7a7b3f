"""Queries about accounts, invitations, sessions and tokens. Secrets come and stay hashed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..words import Role
from .engine import Tx
from .tables import accounts, invites, sessions, tokens


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or a program, that may sign in."""

    id: str
    name: str
    roles: frozenset[Role]
    password_hash: str | None
    disabled: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, without the token."""

    id: str
    name: str
    account: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


_ACCOUNT = (accounts.c.id, accounts.c.name, accounts.c.roles, accounts.c.password_hash, accounts.c.disabled_at)


def add(tx: Tx, *, account: str, name: str, roles: frozenset[Role], now: datetime) -> None:
    """Add an account without a password. Raises Conflict if the name is taken, whatever its case."""
    values = {"id": account, "name": name, "key": name.casefold(), "roles": sorted(roles), "created_at": now}
    tx.execute(accounts.insert(), values)


def find(tx: Tx, account: str) -> Account | None:
    """Give the account with this id."""
    return _account(tx, accounts.c.id == account)


def find_by_name(tx: Tx, name: str) -> Account | None:
    """Give the account with this name, whatever its case."""
    return _account(tx, accounts.c.key == name.casefold())


def any_with_role(tx: Tx, role: Role) -> bool:
    """Say whether an enabled account holds ``role`` and can sign in (it has a password)."""
    enabled = accounts.c.disabled_at.is_(None) & accounts.c.password_hash.is_not(None)
    return any(role in row.roles for row in tx.execute(sa.select(accounts.c.roles).where(enabled)))


def set_password(tx: Tx, account: str, password_hash: str) -> None:
    """Replace the password's hash."""
    tx.execute(accounts.update().where(accounts.c.id == account).values(password_hash=password_hash))


def set_disabled(tx: Tx, account: str, at: datetime | None) -> None:
    """Disable an account, which ends its sessions; or enable it again with None."""
    tx.execute(accounts.update().where(accounts.c.id == account).values(disabled_at=at))
    if at is not None:
        tx.execute(sessions.delete().where(sessions.c.account_id == account))


def add_invite(tx: Tx, *, token_hash: str, account: str, now: datetime, expires_at: datetime) -> None:
    """Add a one-time invitation."""
    values = {"token_hash": token_hash, "account_id": account, "created_at": now, "expires_at": expires_at}
    tx.execute(invites.insert(), values)


def invited(tx: Tx, token_hash: str, now: datetime) -> Account | None:
    """Give the account that a living, unused invitation is for."""
    living = (invites.c.token_hash == token_hash) & invites.c.used_at.is_(None) & (invites.c.expires_at > now)
    account = tx.execute(sa.select(invites.c.account_id).where(living)).scalar()
    return find(tx, account) if account else None


def use_invite(tx: Tx, token_hash: str, now: datetime) -> bool:
    """Use an invitation up. False if somebody was faster, or it is too old."""
    living = (invites.c.token_hash == token_hash) & invites.c.used_at.is_(None) & (invites.c.expires_at > now)
    return tx.execute(invites.update().where(living).values(used_at=now)).rowcount == 1


def end_invites(tx: Tx, account: str, now: datetime) -> None:
    """Use up every invitation of an account."""
    tx.execute(
        invites.update().where((invites.c.account_id == account) & invites.c.used_at.is_(None)).values(used_at=now)
    )


def add_session(tx: Tx, *, id_hash: str, account: str, now: datetime, expires_at: datetime) -> None:
    """Add a session."""
    values = {"id_hash": id_hash, "account_id": account, "created_at": now, "seen_at": now, "expires_at": expires_at}
    tx.execute(sessions.insert(), values)


def session(tx: Tx, id_hash: str, *, now: datetime, idle_since: datetime) -> tuple[Account, datetime] | None:
    """Give the account of a living session, and when it was last seen.

    A session is dead past ``expires_at``, or not seen since ``idle_since``, or when its account is disabled.
    """
    living = (sessions.c.id_hash == id_hash) & (sessions.c.expires_at > now) & (sessions.c.seen_at > idle_since)
    query = sa.select(*_ACCOUNT, sessions.c.seen_at).join(sessions, sessions.c.account_id == accounts.c.id)
    row = tx.execute(query.where(living & accounts.c.disabled_at.is_(None))).first()
    return (_made(row), row.seen_at) if row else None


def seen(tx: Tx, id_hash: str, now: datetime) -> None:
    """Note that a session was used."""
    tx.execute(sessions.update().where(sessions.c.id_hash == id_hash).values(seen_at=now))


def end_session(tx: Tx, id_hash: str) -> None:
    """End one session."""
    tx.execute(sessions.delete().where(sessions.c.id_hash == id_hash))


def end_sessions(tx: Tx, account: str) -> None:
    """End every session of an account."""
    tx.execute(sessions.delete().where(sessions.c.account_id == account))


def end_old_sessions(tx: Tx, *, now: datetime, idle_since: datetime) -> None:
    """Take out sessions that are dead anyway."""
    tx.execute(sessions.delete().where((sessions.c.expires_at <= now) | (sessions.c.seen_at <= idle_since)))


def add_token(
    tx: Tx, *, token: str, token_hash: str, account: str, name: str, now: datetime, expires_at: datetime | None
) -> None:
    """Add a bearer token."""
    values = {"id": token, "token_hash": token_hash, "account_id": account, "name": name}
    tx.execute(tokens.insert(), values | {"created_at": now, "expires_at": expires_at})


def bearer(tx: Tx, token_hash: str, now: datetime) -> tuple[str, Account, datetime | None] | None:
    """Give a living token's id, its account, and when it was last used."""
    living = (tokens.c.token_hash == token_hash) & tokens.c.revoked_at.is_(None)
    living &= tokens.c.expires_at.is_(None) | (tokens.c.expires_at > now)
    query = sa.select(*_ACCOUNT, tokens.c.id.label("token"), tokens.c.used_at)
    query = query.join(tokens, tokens.c.account_id == accounts.c.id)
    row = tx.execute(query.where(living & accounts.c.disabled_at.is_(None))).first()
    return (row.token, _made(row), row.used_at) if row else None


def used(tx: Tx, token: str, now: datetime) -> None:
    """Note that a token was used."""
    tx.execute(tokens.update().where(tokens.c.id == token).values(used_at=now))


def revoke(tx: Tx, token: str, now: datetime) -> bool:
    """Revoke a token. False if there is no such living token."""
    living = (tokens.c.id == token) & tokens.c.revoked_at.is_(None)
    return tx.execute(tokens.update().where(living).values(revoked_at=now)).rowcount == 1


def all_tokens(tx: Tx) -> list[Token]:
    """List every token, newest first."""
    columns = (tokens.c.id, tokens.c.name, accounts.c.name, tokens.c.created_at, tokens.c.expires_at)
    query = sa.select(*columns, tokens.c.used_at, tokens.c.revoked_at)
    query = query.join(accounts, accounts.c.id == tokens.c.account_id).order_by(tokens.c.created_at.desc())
    return [Token(*row) for row in tx.execute(query)]


def _account(tx: Tx, where: sa.ColumnElement[bool]) -> Account | None:
    row = tx.execute(sa.select(*_ACCOUNT).where(where)).first()
    return _made(row) if row else None


def _made(row: Any) -> Account:
    roles = frozenset(Role(role) for role in row.roles)
    return Account(row.id, row.name, roles, row.password_hash, row.disabled_at is not None)
