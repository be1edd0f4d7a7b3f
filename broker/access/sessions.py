"""Sessions in the browser: a random secret in a cookie, its hash in the catalog, so that an end is an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, Tx
from ..catalog import accounts as rows
from ..catalog.accounts import Account
from .actor import Actor
from .tokens import NOTED_EVERY, acting, fingerprint, new_secret, note_use

#: A session ends after this time even while it is used.
LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The acts on sessions. ``idle`` is how long one lives without a request."""

    catalog: Catalog
    idle: timedelta

    def start(self, tx: Tx, account: Account, now: datetime, *, before: str | None) -> str:
        """Start a session in ``tx`` and give its secret. ``before``, what the browser came with, ends.

        The secret is always a new one: who planted a known one before the sign-in holds nothing afterwards.
        """
        secret = new_secret()
        if before:
            rows.end_session(tx, fingerprint(before))
        rows.end_old_sessions(tx, now=now, idle_since=now - self.idle)
        rows.add_session(tx, id_hash=fingerprint(secret), account=account.id, now=now, expires_at=now + LONGEST)
        return secret

    def actor(self, visitor: Actor, secret: str, now: datetime) -> Actor | None:
        """Say whose session this is; None if there is none, it ended, or its account is disabled."""
        key = fingerprint(secret)
        with self.catalog.read() as tx:
            found = rows.session(tx, key, now=now, idle_since=now - self.idle)
        if found is None:
            return None
        account, seen_at = found
        if now - seen_at >= min(NOTED_EVERY, self.idle / 4):
            note_use(self.catalog, lambda tx: rows.seen(tx, key, now))
        return acting(visitor, account)

    def end(self, actor: Actor, secret: str, now: datetime) -> None:
        """End a session; the cookie is worth nothing from here on."""
        with self.catalog.write() as tx:
            rows.end_session(tx, fingerprint(secret))
            audit.record(tx, actor, "session.end", now=now, subjects=[actor.account])
