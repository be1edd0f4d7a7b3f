"""Queries about accounts, invitations, sessions and tokens. Secrets come and stay hashed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..words import Role
from .engine import Tx, upsert
from .tables import accounts, browsers, failures, invites, sessions, spent, tokens


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or a program, that may sign in."""

    id: str
    name: str
    roles: frozenset[Role]
    password_hash: str | None
    disabled: bool
    issuer: str | None = None
    totp_secret: str | None = None
    totp_step: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session in some browser, without its secret. ``way``: how it began; ``active_at``: its last key or pointer."""

    id: str
    account: str
    account_name: str
    way: str
    address: str
    created_at: datetime
    seen_at: datetime
    active_at: datetime
    expires_at: datetime


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


_ACCOUNT = (
    *(accounts.c.id, accounts.c.name, accounts.c.roles, accounts.c.password_hash, accounts.c.disabled_at),
    *(accounts.c.issuer, accounts.c.totp_secret, accounts.c.totp_step),
)
_SESSION = (
    *(sessions.c.id.label("session_id"), sessions.c.way, sessions.c.address),
    *(sessions.c.created_at.label("session_created_at"), sessions.c.seen_at, sessions.c.active_at),
    sessions.c.expires_at,
)
#: Asked with every request, so it is built once.
_LIVING = (
    sa.select(*_ACCOUNT, *_SESSION)
    .join(sessions, sessions.c.account_id == accounts.c.id)
    .where(
        sessions.c.id_hash == sa.bindparam("key"),
        sessions.c.expires_at > sa.bindparam("now", type_=sessions.c.expires_at.type),
        accounts.c.disabled_at.is_(None),
    )
)


def add(
    tx: Tx,
    *,
    account: str,
    name: str,
    roles: frozenset[Role],
    now: datetime,
    issuer: str | None = None,
    subject: str | None = None,
) -> None:
    """Add an account without a password. Raises Conflict if the name is taken, whatever its case."""
    values = {"id": account, "name": name, "key": name.casefold(), "roles": sorted(roles), "created_at": now}
    tx.execute(accounts.insert(), values | {"issuer": issuer, "subject": subject})


def find(tx: Tx, account: str) -> Account | None:
    """Give the account with this id."""
    return _account(tx, accounts.c.id == account)


def find_by_name(tx: Tx, name: str) -> Account | None:
    """Give the account with this name, whatever its case."""
    return _account(tx, accounts.c.key == name.casefold())


def find_vouched(tx: Tx, issuer: str, subject: str) -> Account | None:
    """Give the account that ``issuer`` knows as ``subject``: both, always, since two issuers may use one subject."""
    return _account(tx, (accounts.c.issuer == issuer) & (accounts.c.subject == subject))


def all_accounts(tx: Tx) -> list[Account]:
    """List every account by name."""
    return [_made(row) for row in tx.execute(sa.select(*_ACCOUNT).order_by(accounts.c.key))]


def set_roles(tx: Tx, account: str, roles: frozenset[Role]) -> None:
    """Replace the roles."""
    tx.execute(accounts.update().where(accounts.c.id == account).values(roles=sorted(roles)))


def set_totp(tx: Tx, account: str, secret: str | None, step: int | None) -> None:
    """Turn one-time codes on, with the newest one that was taken, or off with None."""
    tx.execute(accounts.update().where(accounts.c.id == account).values(totp_secret=secret, totp_step=step))


def take_step(tx: Tx, account: str, step: int) -> bool:
    """Use a one-time code up. False if it, or a later one, was taken before."""
    newer = (accounts.c.id == account) & (accounts.c.totp_step.is_(None) | (accounts.c.totp_step < step))
    return tx.execute(accounts.update().where(newer).values(totp_step=step)).rowcount == 1


def any_with_codes(tx: Tx) -> bool:
    """Say whether anybody uses one-time codes."""
    return tx.execute(sa.select(accounts.c.id).where(accounts.c.totp_secret.is_not(None)).limit(1)).first() is not None


def any_with_role(tx: Tx, role: Role) -> bool:
    """Say whether an enabled account holds ``role`` and can sign in (it has a password, or a provider's word)."""
    may_sign_in = accounts.c.password_hash.is_not(None) | accounts.c.issuer.is_not(None)
    enabled = accounts.c.disabled_at.is_(None) & may_sign_in
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


def add_session(
    tx: Tx, *, id_hash: str, session: str, account: str, way: str, address: str, now: datetime, expires_at: datetime
) -> None:
    """Add a session."""
    values = {"id_hash": id_hash, "id": session, "account_id": account, "way": way, "address": address}
    times = {"created_at": now, "seen_at": now, "active_at": now, "expires_at": expires_at}
    tx.execute(sessions.insert(), values | times)


def session(tx: Tx, id_hash: str, *, now: datetime) -> tuple[Account, Session] | None:
    """Give a living session and its account: it is dead past ``expires_at``, or when its account is disabled."""
    row = tx.execute(_LIVING, {"key": id_hash, "now": now}).first()
    return (_made(row), _session(row)) if row else None


def all_sessions(tx: Tx, *, now: datetime, account: str | None = None) -> list[Session]:
    """List living sessions, of one account if it is named, the last used one first."""
    query = sa.select(*_ACCOUNT, *_SESSION).join(sessions, sessions.c.account_id == accounts.c.id)
    query = query.where((sessions.c.expires_at > now) & accounts.c.disabled_at.is_(None))
    if account is not None:
        query = query.where(accounts.c.id == account)
    return [_session(row) for row in tx.execute(query.order_by(sessions.c.seen_at.desc()))]


def seen(tx: Tx, id_hash: str, now: datetime) -> None:
    """Note that a session was used."""
    tx.execute(sessions.update().where(sessions.c.id_hash == id_hash).values(seen_at=now))


def active(tx: Tx, id_hash: str, at: datetime) -> None:
    """Note when a session's person last touched keys or pointer; a time long past locks it."""
    tx.execute(sessions.update().where(sessions.c.id_hash == id_hash).values(active_at=at))


def end_session(tx: Tx, id_hash: str) -> None:
    """End one session."""
    tx.execute(sessions.delete().where(sessions.c.id_hash == id_hash))


def end_sessions(tx: Tx, account: str) -> int:
    """End every session of an account; give their number."""
    return tx.execute(sessions.delete().where(sessions.c.account_id == account)).rowcount


def end_named_session(tx: Tx, session: str, account: str | None) -> str | None:
    """End the session with this id, of ``account`` if one is named; give whose it was, None if there is none."""
    which = sessions.c.id == session
    if account is not None:
        which &= sessions.c.account_id == account
    owner = tx.execute(sa.select(sessions.c.account_id).where(which)).scalar()
    tx.execute(sessions.delete().where(which))
    return owner


def end_old_sessions(tx: Tx, *, now: datetime) -> None:
    """Take out what is dead anyway: sessions, browsers, failures, used-up sign-ins."""
    tx.execute(sessions.delete().where(sessions.c.expires_at <= now))
    tx.execute(browsers.delete().where(browsers.c.expires_at <= now))
    tx.execute(failures.delete().where(failures.c.since <= now - timedelta(days=1)))
    tx.execute(spent.delete().where(spent.c.until <= now))


def remember_browser(tx: Tx, id_hash: str, account: str, until: datetime) -> None:
    """Note that this account has signed in from this browser."""
    upsert(
        tx, browsers, {"id_hash": id_hash, "account_id": account, "expires_at": until}, key=["id_hash", "account_id"]
    )


def knows_browser(tx: Tx, id_hash: str, account: str, now: datetime) -> bool:
    """Say whether this account has signed in from this browser before."""
    which = (browsers.c.id_hash == id_hash) & (browsers.c.account_id == account) & (browsers.c.expires_at > now)
    return tx.execute(sa.select(browsers.c.account_id).where(which)).first() is not None


def failed_since(tx: Tx, key: str, since: datetime) -> int:
    """Count the failures under ``key`` in a window that began after ``since``."""
    which = (failures.c.key == key) & (failures.c.since > since)
    return tx.execute(sa.select(failures.c.count).where(which)).scalar() or 0


def failed(tx: Tx, key: str, now: datetime, window: timedelta) -> None:
    """Count one failure more; a window that is over begins anew."""
    count = failed_since(tx, key, now - window)
    more = {"count": failures.c.count + 1}
    if not count or not tx.execute(failures.update().where(failures.c.key == key).values(more)).rowcount:
        upsert(tx, failures, {"key": key, "since": now, "count": 1}, key=["key"])


def forgive(tx: Tx, key: str) -> None:
    """Forget the failures under ``key``."""
    tx.execute(failures.delete().where(failures.c.key == key))


def spend(tx: Tx, key: str, until: datetime) -> None:
    """Use something up that is good once. Raises Conflict if it was used before."""
    tx.execute(spent.insert(), {"key": key, "until": until})


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


def revoke(tx: Tx, token: str, now: datetime, account: str | None = None) -> bool:
    """Revoke a token, of ``account`` if one is named. False if there is no such living token."""
    living = (tokens.c.id == token) & tokens.c.revoked_at.is_(None)
    if account is not None:
        living &= tokens.c.account_id == account
    return tx.execute(tokens.update().where(living).values(revoked_at=now)).rowcount == 1


def all_tokens(tx: Tx, account: str | None = None) -> list[Token]:
    """List every token, or those of one account, newest first."""
    columns = (tokens.c.id, tokens.c.name, accounts.c.name, tokens.c.created_at, tokens.c.expires_at)
    query = sa.select(*columns, tokens.c.used_at, tokens.c.revoked_at)
    query = query.join(accounts, accounts.c.id == tokens.c.account_id).order_by(tokens.c.created_at.desc())
    if account is not None:
        query = query.where(tokens.c.account_id == account)
    return [Token(*row) for row in tx.execute(query)]


def _account(tx: Tx, where: sa.ColumnElement[bool]) -> Account | None:
    row = tx.execute(sa.select(*_ACCOUNT).where(where)).first()
    return _made(row) if row else None


def _made(row: Any) -> Account:
    roles = frozenset(Role(role) for role in row.roles)
    disabled = row.disabled_at is not None
    return Account(row.id, row.name, roles, row.password_hash, disabled, row.issuer, row.totp_secret, row.totp_step)


def _session(row: Any) -> Session:
    times = (row.session_created_at, row.seen_at, row.active_at, row.expires_at)
    return Session(row.session_id, row.id, row.name, row.way, row.address, *times)
