"""Sessions in the browser: a random secret in a cookie, its hash in the catalog, so that an end is an end.

A session whose person has not touched keys or pointer for a while *locks*: it shows nothing any more, and the same
person continues it with a password. Requests by themselves keep nothing open: pages ask for news on their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from .. import audit
from ..catalog import Catalog, Tx
from ..catalog import accounts as rows
from ..catalog.accounts import Account, Session
from ..errors import AccountNotFound
from .actor import Actor
from .tokens import NOTED_EVERY, acting, fingerprint, new_secret, note_use

#: A session ends after this time even while it is used.
LONGEST = timedelta(hours=12)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Left:
    """How long a session stays open if nobody touches anything; nothing left means that it is locked."""

    time: timedelta
    account: Account
    way: str

    @property
    def by(self) -> str:
        """How its person opens it again: ``password``, ``code`` with it, ``provider``, or ``click`` in the demo."""
        if self.way in ("provider", "demo"):
            return {"provider": "provider", "demo": "click"}[self.way]
        return "code" if self.account.totp_secret else "password"


@dataclass(frozen=True, slots=True)
class Sessions:
    """The acts on sessions. ``idle`` is how long one stays open without a key or pointer."""

    catalog: Catalog
    idle: timedelta
    new_id: Callable[[datetime], str]

    def start(
        self, tx: Tx, account: Account, now: datetime, *, before: str | None, way: str = "password", address: str = ""
    ) -> str:
        """Start a session in ``tx`` and give its secret. ``before``, what the browser came with, ends.

        The secret is always a new one: who planted a known one before the sign-in holds nothing afterwards.
        """
        secret = new_secret()
        if before:
            rows.end_session(tx, fingerprint(before))
        rows.end_old_sessions(tx, now=now)
        rows.add_session(
            tx,
            id_hash=fingerprint(secret),
            session=self.new_id(now),
            account=account.id,
            way=way,
            address=address[:64],
            now=now,
            expires_at=now + LONGEST,
        )
        return secret

    def actor(self, visitor: Actor, secret: str, now: datetime, *, touched: bool = False) -> Actor | None:
        """Say whose session this is, and whether it is locked; None if there is none, or it ended.

        ``touched``: the request itself comes from a key or pointer. It keeps an open session open, and opens none.
        """
        key = fingerprint(secret)
        with self.catalog.read() as tx:
            found = rows.session(tx, key, now=now)
        if found is None:
            return None
        account, session = found
        locked = now - session.active_at >= self.idle
        often = min(NOTED_EVERY, self.idle / 4)
        if touched and not locked and now - session.active_at >= often:
            note_use(self.catalog, lambda tx: rows.active(tx, key, now))
        if now - session.seen_at >= often:
            note_use(self.catalog, lambda tx: rows.seen(tx, key, now))
        return replace(acting(visitor, account), session=session.id, locked=locked)

    def locks_in(self, secret: str, now: datetime, *, touched: bool) -> Left:
        """Say how long the session stays open if nobody touches anything; ``touched``: somebody did just now.

        Raises:
            AccountNotFound: there is no such session.
        """
        key = fingerprint(secret)
        with self.catalog.read() as tx:
            found = rows.session(tx, key, now=now)
        if found is None:
            raise AccountNotFound("This session has ended.")
        account, session = found
        left = session.active_at + self.idle - now
        if touched and left > timedelta(0):
            with self.catalog.write() as tx:
                rows.active(tx, key, now)
            left = self.idle
        return Left(max(left, timedelta(0)), account, session.way)

    def way(self, secret: str, now: datetime) -> str:
        """How a living session began; "" if there is none."""
        with self.catalog.read() as tx:
            found = rows.session(tx, fingerprint(secret), now=now)
        return found[1].way if found else ""

    def lock(self, actor: Actor, secret: str, now: datetime) -> None:
        """Lock a session at once."""
        with self.catalog.write() as tx:
            rows.active(tx, fingerprint(secret), _LONG_AGO)
            audit.record(tx, actor, "session.lock", now=now, subjects=[actor.session])

    def open_again(self, tx: Tx, actor: Actor, secret: str, now: datetime) -> None:
        """Open a locked session: whoever calls this knows that it is the same person."""
        rows.active(tx, fingerprint(secret), now)
        audit.record(tx, actor, "session.unlock", now=now, subjects=[actor.session])

    def end(self, actor: Actor, secret: str, now: datetime) -> None:
        """End a session; the cookie is worth nothing from here on."""
        with self.catalog.write() as tx:
            rows.end_session(tx, fingerprint(secret))
            audit.record(tx, actor, "session.end", now=now, subjects=[actor.account])

    def end_all(self, actor: Actor, account: str, now: datetime) -> int:
        """End every session of an account, the one that asks too; give their number."""
        with self.catalog.write() as tx:
            ended = rows.end_sessions(tx, account)
            audit.record(tx, actor, "session.end_all", now=now, subjects=[account], detail={"sessions": ended})
        return ended

    def end_one(self, actor: Actor, session: str, now: datetime, *, of: str | None) -> None:
        """End a session by its id; only one of the account ``of``, unless that is None.

        Raises:
            AccountNotFound: there is none, or it is somebody else's.
        """
        with self.catalog.write() as tx:
            owner = rows.end_named_session(tx, session, of)
            if owner is None:
                raise AccountNotFound("This session has ended already.")
            audit.record(tx, actor, "session.end", now=now, subjects=[owner, session])

    def all(self, now: datetime, account: str | None = None) -> list[Session]:
        """List living sessions, of one account or of all."""
        with self.catalog.read() as tx:
            return rows.all_sessions(tx, now=now, account=account)
