"""Accounts: who may sign in, how they are invited, and what happens when they do.

Every act writes its audit row in its own transaction. Neither passwords nor secrets are kept, only their hashes; a
name that nobody has is never written down either, because people type passwords into the wrong field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, Conflict, Tx
from ..catalog import accounts as rows
from ..catalog.accounts import Account
from ..errors import AccountNotFound, BrokerError, Invalid, NotAllowed, SignInNeeded
from ..words import Role
from .actor import SYSTEM, Actor
from .attempts import Attempts
from .passwords import Passwords, check_password
from .sessions import Sessions
from .tokens import Tokens, acting, fingerprint, new_secret

INVITE_LIFE = timedelta(minutes=30)
LONGEST_NAME = 100
#: Whom the demo's buttons sign in as.
DEMO_NAMES = {Role.TECHNICIAN: "Demo technician", Role.PHYSICIAN: "Demo physician", Role.ADMIN: "Demo admin"}
FIRST_ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link by which somebody sets a password. ``secret`` is in the link and nowhere else."""

    account: Account
    secret: str = field(repr=False)
    expires_at: datetime

    @property
    def path(self) -> str:
        """The link below the public address. The secret is in the query, which access logs leave out."""
        return f"/invite?token={self.secret}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun. ``secret`` goes into the cookie."""

    actor: Actor
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The acts on accounts, and the ways in. ``idle``: how long a session lives without a request."""

    catalog: Catalog
    idle: timedelta
    new_id: Callable[[datetime], str]
    demo: bool = False
    passwords: Passwords = field(default_factory=Passwords)
    attempts: Attempts = field(default_factory=Attempts)

    @property
    def sessions(self) -> Sessions:
        """The acts on sessions."""
        return Sessions(self.catalog, self.idle)

    @property
    def tokens(self) -> Tokens:
        """The acts on bearer tokens."""
        return Tokens(self.catalog, self.new_id)

    def create(self, actor: Actor, *, name: str, roles: frozenset[Role], now: datetime) -> Account:
        """Add an account that cannot sign in yet; one with this name and these roles is given as it is.

        Raises:
            Invalid: the name or the roles cannot be, or the name stands for other roles.
        """
        try:
            with self.catalog.write() as tx:
                return self._account(tx, actor, name, roles, now)
        except Conflict:
            raise Invalid("This name was taken a moment ago.") from None

    def invite(self, actor: Actor, *, name: str, roles: frozenset[Role], now: datetime) -> Invitation:
        """Make a link, good once and for 30 minutes, by which ``name`` sets a password; for a forgotten one too.

        Raises:
            Invalid: as ``create``; or the account is disabled.
        """
        account = self.create(actor, name=name, roles=roles, now=now)
        if account.disabled:
            raise Invalid("This account is disabled.")
        invitation = Invitation(account, new_secret(), now + INVITE_LIFE)
        with self.catalog.write() as tx:
            key = fingerprint(invitation.secret)
            rows.add_invite(tx, token_hash=key, account=account.id, now=now, expires_at=invitation.expires_at)
            audit.record(tx, actor, "account.invite", now=now, subjects=[account.id])
        return invitation

    def invited(self, secret: str, now: datetime) -> Account:
        """Say whom a living invitation is for.

        Raises:
            AccountNotFound: it is unknown, used, or too old.
        """
        with self.catalog.read() as tx:
            account = rows.invited(tx, fingerprint(secret), now)
        if account is None or account.disabled:
            raise AccountNotFound("This link has been used, or is older than 30 minutes. Ask for a new one.")
        return account

    def accept(
        self, visitor: Actor, secret: str, password: str, now: datetime, *, before: str | None = None
    ) -> SignedIn:
        """Use an invitation up: set the password, end the account's other sessions and links, and start a session.

        Raises:
            AccountNotFound, TooMany.
            Invalid: the password breaks a rule; the invitation can still be used.
        """
        account = self.invited(secret, now)
        password_hash = self.passwords.hash(check_password(password, account.name))
        with self.catalog.write() as tx:
            if not rows.use_invite(tx, fingerprint(secret), now):
                raise AccountNotFound("This link has just been used. Ask for a new one.")
            # Whoever has an older link or session for this account must not outlive the new password.
            rows.end_invites(tx, account.id, now)
            rows.end_sessions(tx, account.id)
            rows.set_password(tx, account.id, password_hash)
            return self._begin(tx, visitor, account, "account.accept", now, before)

    def sign_in(
        self, visitor: Actor, name: str, password: str, now: datetime, *, before: str | None = None
    ) -> SignedIn:
        """Start a session for a name and its password. An unknown name takes as long and says the same.

        Raises:
            SignInNeeded: they do not belong together.
            TooMany: too many failed lately, or too many are signing in.
        """
        name = " ".join(name.split())[:LONGEST_NAME]
        self.attempts.check(name, visitor.address, now)
        with self.catalog.read() as tx:
            account = rows.find_by_name(tx, name) if name.isprintable() else None
        usable = account if account and not account.disabled else None
        if not self.passwords.matches(password, usable.password_hash if usable else None) or usable is None:
            self.attempts.failed(name, visitor.address, now)
            self.refused(visitor, "session.start", now, subjects=[account.id] if account else [])
            raise SignInNeeded("The name or the password is wrong.")
        self.attempts.succeeded(name, visitor.address)
        with self.catalog.write() as tx:
            return self._begin(tx, visitor, usable, "session.start", now, before)

    def sign_in_as(self, visitor: Actor, role: Role, now: datetime, *, before: str | None = None) -> SignedIn:
        """Start a session by one of the demo's buttons.

        Raises:
            NotAllowed: this is not the demo.
        """
        if not self.demo:
            raise NotAllowed("Only the demo lets people in without a password.")
        account = self.create(SYSTEM("demo"), name=DEMO_NAMES[role], roles=frozenset({role}), now=now)
        with self.catalog.write() as tx:
            return self._begin(tx, visitor, account, "session.start", now, before)

    def sign_out(self, actor: Actor, secret: str, now: datetime) -> None:
        """End the session that this browser holds."""
        self.sessions.end(actor, secret, now)

    def refused(self, actor: Actor, act: str, now: datetime, *, subjects: list[str], why: str = "") -> None:
        """Write down that an act was refused."""
        with self.catalog.write() as tx:
            detail = {"why": why} if why else {}
            audit.record(tx, actor, act, now=now, subjects=subjects, outcome="refused", detail=detail)

    def disable(self, actor: Actor, account: str, now: datetime) -> None:
        """Disable an account; its sessions end, and its tokens are worth nothing while it is.

        Raises:
            AccountNotFound.
        """
        with self.catalog.write() as tx:
            if rows.find(tx, account) is None:
                raise AccountNotFound()
            rows.set_disabled(tx, account, now)
            audit.record(tx, actor, "account.disable", now=now, subjects=[account])

    def create_token(self, actor: Actor, *, name: str, role: Role, now: datetime) -> tuple[str, str]:
        """Make a token for a program: an account of that name without a password, and a token; give its id and it.

        Raises:
            Invalid: as ``create``; or the name belongs to a person, or is disabled.
        """
        account = self.create(actor, name=name, roles=frozenset({role}), now=now)
        if account.password_hash or account.disabled:
            raise Invalid("This name belongs to a person or is disabled. Give the program a name of its own.")
        return self.tokens.create(actor, account, name=account.name, now=now)

    def _account(self, tx: Tx, actor: Actor, name: str, roles: frozenset[Role], now: datetime) -> Account:
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or not roles:
            raise Invalid(f"An account needs a name of 1 to {LONGEST_NAME} readable characters, and a role.")
        known = rows.find_by_name(tx, name)
        if known is None:
            identity = self.new_id(now)
            rows.add(tx, account=identity, name=name, roles=roles, now=now)
            audit.record(tx, actor, "account.create", now=now, subjects=[identity], detail={"roles": sorted(roles)})
            return Account(identity, name, roles, None, disabled=False)
        if known.roles != roles:
            raise Invalid(f"This name is taken by an account with the roles {', '.join(sorted(known.roles))}.")
        return known

    def _begin(self, tx: Tx, visitor: Actor, account: Account, act: str, now: datetime, before: str | None) -> SignedIn:
        secret = self.sessions.start(tx, account, now, before=before)
        actor = acting(visitor, account)
        audit.record(tx, actor, act, now=now, subjects=[account.id])
        return SignedIn(actor, secret)


def first_admin_invite(access: Access, now: datetime) -> Invitation | None:
    """Invite the first administrator while nobody can sign in as one; None once somebody can.

    Each start makes a new link: the one before may have scrolled away, and it lives for half an hour only.
    """
    with access.catalog.read() as tx:
        if rows.any_with_role(tx, Role.ADMIN):
            return None
    try:
        return access.invite(SYSTEM("start"), name=FIRST_ADMIN, roles=frozenset({Role.ADMIN}), now=now)
    except BrokerError:
        # Somebody without that role has the name: an administrator must be invited by hand then.
        return None
