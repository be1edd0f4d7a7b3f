"""Secrets that are handed out once and kept as their hash only; and bearer tokens, the ones for programs."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, Tx
from ..catalog import accounts as rows
from ..catalog.accounts import Account, Token
from ..errors import AccountNotFound, CatalogBusy
from .actor import Actor

#: What a bearer token begins with, so that people and secret scanners recognise one that lies about.
PREFIX = "ois_"
#: Uses within this time of the last one noted are not noted: one write a minute, not one a request.
NOTED_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


def new_secret() -> str:
    """Make 32 random bytes, as base64url without padding (43 characters)."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """Give the form in which a secret is kept: SHA-256 in hex. The secret is random, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Tokens:
    """The acts on bearer tokens."""

    catalog: Catalog
    new_id: Callable[[datetime], str]

    def create(
        self, actor: Actor, account: Account, *, name: str, now: datetime, expires_at: datetime | None = None
    ) -> tuple[str, str]:
        """Make a token that acts as ``account``; give its id, and the token itself this once.

        Who may, the edges check: the command line acts as the system.
        """
        identity, secret = self.new_id(now), PREFIX + new_secret()
        with self.catalog.write() as tx:
            rows.add_token(
                tx,
                token=identity,
                token_hash=fingerprint(secret),
                account=account.id,
                name=name,
                now=now,
                expires_at=expires_at,
            )
            audit.record(tx, actor, "token.create", now=now, subjects=[identity, account.id])
        return identity, secret

    def actor(self, visitor: Actor, secret: str, now: datetime) -> Actor | None:
        """Say who a token stands for; None if it is unknown, revoked, expired, or its account is disabled."""
        if not _TOKEN.fullmatch(secret):
            return None
        with self.catalog.read() as tx:
            found = rows.bearer(tx, fingerprint(secret), now)
        if found is None:
            return None
        token, account, used_at = found
        if used_at is None or now - used_at >= NOTED_EVERY:
            note_use(self.catalog, lambda tx: rows.used(tx, token, now))
        return acting(visitor, account)

    def revoke(self, actor: Actor, token: str, now: datetime, *, of: str | None = None) -> None:
        """Revoke a token by its id, at once and for good; only one of the account ``of``, if it is named.

        Raises:
            AccountNotFound: there is no such living token, or it is somebody else's.
        """
        with self.catalog.write() as tx:
            if not rows.revoke(tx, token, now, of):
                raise AccountNotFound("No living token has this id.")
            audit.record(tx, actor, "token.revoke", now=now, subjects=[token])

    def all(self, account: str | None = None) -> list[Token]:
        """List every token, or those of one account, newest first, without the secrets."""
        with self.catalog.read() as tx:
            return rows.all_tokens(tx, account)


def acting(visitor: Actor, account: Account) -> Actor:
    """The visitor, now known to be ``account``."""
    return replace(visitor, account=account.id, name=account.name, roles=account.roles)


def note_use(catalog: Catalog, note: Callable[[Tx], None]) -> None:
    """Write down that a session or token was used; a busy catalog is no reason to refuse the request for that."""
    try:
        with catalog.write() as tx:
            note(tx)
    except CatalogBusy:
        pass
