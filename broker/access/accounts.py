"""Accounts: who may sign in, how they are invited, and what happens when they do.

Every act writes its audit row in its own transaction. Neither passwords nor secrets are kept, only their hashes; a
name that nobody has is never written down either, because people type passwords into the wrong field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, Conflict, Tx
from ..catalog import accounts as rows
from ..catalog.accounts import Account
from ..errors import AccountNotFound, BrokerError, Invalid, NotAllowed, NotFound, SignInNeeded, TooMany
from ..text import refusal
from ..words import Role
from . import codes
from .actor import SYSTEM, Actor
from .attempts import PER_ADDRESS, PER_NAME, WINDOW, Attempts
from .passwords import Passwords, check_password
from .provider import AnswerRefused, Finished, Provider
from .sessions import Sessions
from .tokens import Tokens, acting, fingerprint, new_secret

#: How long a browser is remembered from which somebody signed in.
BROWSER_LIFE = timedelta(days=180)
#: A person's own token lives this long at most.
LONGEST_TOKEN = timedelta(days=366)
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
    """A session that has just begun. ``secret`` goes into the cookie, ``browser``, if there is one, into another."""

    actor: Actor
    secret: str = field(repr=False)
    browser: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The acts on accounts, and the ways in. ``idle``: how long a session stays open without a key or pointer."""

    catalog: Catalog
    idle: timedelta
    new_id: Callable[[datetime], str]
    demo: bool = False
    passwords: Passwords = field(default_factory=Passwords)
    attempts: Attempts = field(default_factory=Attempts)
    provider: Provider | None = None

    @property
    def sessions(self) -> Sessions:
        """The acts on sessions."""
        return Sessions(self.catalog, self.idle, self.new_id)

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
            rows.set_totp(tx, account.id, None, None)  # who lost the phone is let in by an administrator's link
            browser = new_secret()
            rows.remember_browser(tx, fingerprint(browser), account.id, now + BROWSER_LIFE)
            begun = self._begin(tx, visitor, account, "account.accept", now, before, way="invite")
        return replace(begun, browser=browser)

    def sign_in(
        self,
        visitor: Actor,
        name: str,
        password: str,
        now: datetime,
        *,
        before: str | None = None,
        browser: str = "",
        code: str = "",
    ) -> SignedIn:
        """Start a session for a name and its password. An unknown name takes as long and says the same.

        ``browser``: what this browser was given at an earlier sign-in; then strangers who guess elsewhere cannot lock
        its owner out. ``code``: from the account's app, if it uses one.

        Raises:
            SignInNeeded: they do not belong together.
            TooMany: too many failed lately, or too many are signing in.
        """
        account = self._checked(visitor, " ".join(name.split())[:LONGEST_NAME], password, code, now, browser)
        browser = browser or new_secret()
        with self.catalog.write() as tx:
            rows.remember_browser(tx, fingerprint(browser), account.id, now + BROWSER_LIFE)
            begun = self._begin(tx, visitor, account, "session.start", now, before)
        return replace(begun, browser=browser)

    def unlock(self, actor: Actor, secret: str, password: str, code: str, now: datetime, *, browser: str = "") -> None:
        """Open a locked session again: the same person proves that it is still there.

        Raises:
            SignInNeeded: the password is wrong, or this session did not begin with one: sign in anew.
            TooMany.
        """
        if self.demo and self.sessions.locks_in(secret, now, touched=False).way == "demo":
            with self.catalog.write() as tx:
                return self.sessions.open_again(tx, actor, secret, now)
        account = self._checked(actor, actor.name, password, code, now, browser)
        if account.id != actor.account:
            raise SignInNeeded("The password is wrong.")
        with self.catalog.write() as tx:
            self.sessions.open_again(tx, actor, secret, now)
        return None

    def _checked(self, visitor: Actor, name: str, password: str, code: str, now: datetime, browser: str) -> Account:
        """The account that name, password and code belong to."""
        self.passwords.check_room()
        with self.catalog.read() as tx:
            account = None if refusal(name) else rows.find_by_name(tx, name)
            key, known = self._counted(tx, account, browser, now)
            failed = rows.failed_since(tx, key, now - WINDOW) if key else 0
        if failed >= (PER_ADDRESS if known else PER_NAME):
            raise TooMany("Too many wrong passwords for this name. Wait a quarter of an hour, or ask for a link.")
        if not known:
            self.attempts.check(name, visitor.address, now)
        usable = account if account and not account.disabled else None
        matches = self.passwords.matches(password, usable.password_hash if usable else None)
        if usable is None or not matches or not self._code_fits(usable, code, now):
            if not known:
                self.attempts.failed(name, visitor.address, now)
            self._failed(visitor, account, key, now)
            raise SignInNeeded("The name or the password is wrong.")
        self.attempts.succeeded(name, visitor.address)
        if failed and known:
            with self.catalog.write() as tx:
                rows.forgive(tx, key)
        return usable

    def _counted(self, tx: Tx, account: Account | None, browser: str, now: datetime) -> tuple[str, bool]:
        """Under which key failures for this account count, and whether from a browser of its own.

        A name that nobody has is counted in memory only: it may be a password in the wrong field.
        """
        if account is None:
            return "", False
        print_ = fingerprint(browser)
        known = bool(browser) and rows.knows_browser(tx, print_, account.id, now)
        return (f"{account.id}/{print_}" if known else account.id), known

    def _code_fits(self, account: Account, code: str, now: datetime) -> bool:
        if account.totp_secret is None:
            return True
        step = codes.step(account.totp_secret, code, now)
        if step is None:
            return False
        with self.catalog.write() as tx:
            return rows.take_step(tx, account.id, step)

    def _failed(self, visitor: Actor, account: Account | None, key: str, now: datetime) -> None:
        with self.catalog.write() as tx:
            if key:
                rows.failed(tx, key, now, WINDOW)
            subjects = [account.id] if account else []
            audit.record(tx, visitor, "session.start", now=now, subjects=subjects, outcome="refused")

    def begin_at_provider(self, wanted: str, now: datetime) -> tuple[str, str]:
        """Start a sign-in at the clinic's provider: the address to go to, and the secret for this browser's cookie.

        Raises:
            NotFound: none is configured.
            ProviderUnavailable.
        """
        if self.provider is None:
            raise NotFound()
        begun = self.provider.begin(wanted, now)
        return begun.url, begun.secret

    def sign_in_by_provider(
        self, visitor: Actor, secret: str, answer: Mapping[str, str], now: datetime, *, before: str | None = None
    ) -> tuple[SignedIn, str]:
        """Start a session for whom the provider vouches; also give the address that was wanted.

        Each sign-in makes the account's roles those that the provider names.

        Raises:
            SignInNeeded: the answer does not fit, or was used before.
            NotAllowed: the provider names no role, or the account is disabled.
            NotFound, ProviderUnavailable.
        """
        if self.provider is None:
            raise NotFound()
        try:
            finished = self.provider.finish(secret, answer, now)
            with self.catalog.write() as tx:
                rows.spend(tx, finished.key, finished.until)
        except Conflict:
            self.refused(visitor, "session.start", now, subjects=[], why="used before")
            raise SignInNeeded("This sign-in was finished before. Start it again.") from None
        except AnswerRefused as refused:
            self.refused(visitor, "session.start", now, subjects=[], why=str(refused))
            raise SignInNeeded("The provider's answer does not fit this sign-in. Start it again.") from None
        return self._vouched(visitor, finished, now, before), finished.wanted

    def way_out_at_provider(self, back: str, now: datetime) -> str:
        """Where a browser ends its session at the clinic's provider, which sends it ``back``; "" if there is no way.

        Raises:
            NotFound: none is configured.
            ProviderUnavailable.
        """
        if self.provider is None:
            raise NotFound()
        return self.provider.way_out(back, now)

    def _vouched(self, visitor: Actor, finished: Finished, now: datetime, before: str | None) -> SignedIn:
        vouched = finished.vouched
        with self.catalog.write() as tx:
            account = rows.find_vouched(tx, vouched.issuer, vouched.subject)
            if account and account.roles != vouched.roles:
                rows.set_roles(tx, account.id, vouched.roles)
                detail = {"roles": sorted(vouched.roles)}
                audit.record(tx, visitor, "account.roles", now=now, subjects=[account.id], detail=detail)
            if account and not vouched.roles:
                rows.end_sessions(tx, account.id)
        if not vouched.roles or (account and account.disabled):
            why = "disabled" if vouched.roles else "no role"
            self.refused(visitor, "session.start", now, subjects=[account.id] if account else [], why=why)
            raise NotAllowed("The clinic's sign-in knows you, and names no role for you here. Ask an administrator.")
        with self.catalog.write() as tx:
            account = rows.find_vouched(tx, vouched.issuer, vouched.subject) or self._welcome(
                tx, visitor, finished, now
            )
            return self._begin(tx, visitor, account, "session.start", now, before, way="provider")

    def _welcome(self, tx: Tx, visitor: Actor, finished: Finished, now: datetime) -> Account:
        """An account for somebody whom the provider vouches for, for the first time. Never one that is there."""
        vouched, identity = finished.vouched, self.new_id(now)
        taken = rows.find_by_name(tx, vouched.name) is not None
        name = f"{vouched.name} ({identity[-6:]})" if taken else vouched.name
        who = {"issuer": vouched.issuer, "subject": vouched.subject}
        rows.add(tx, account=identity, name=name, roles=vouched.roles, now=now, **who)
        detail = {"roles": sorted(vouched.roles), "issuer": vouched.issuer}
        audit.record(tx, visitor, "account.create", now=now, subjects=[identity], detail=detail)
        return Account(identity, name, vouched.roles, None, disabled=False, issuer=vouched.issuer)

    def sign_in_as(self, visitor: Actor, role: Role, now: datetime, *, before: str | None = None) -> SignedIn:
        """Start a session by one of the demo's buttons.

        Raises:
            NotAllowed: this is not the demo.
        """
        if not self.demo:
            raise NotAllowed("Only the demo lets people in without a password.")
        account = self.create(SYSTEM("demo"), name=DEMO_NAMES[role], roles=frozenset({role}), now=now)
        with self.catalog.write() as tx:
            return self._begin(tx, visitor, account, "session.start", now, before, way="demo")

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
        self._set_disabled(actor, "account.disable", account, now, now)

    def enable(self, actor: Actor, account: str, now: datetime) -> None:
        """Let a disabled account in again; its sessions stay ended.

        Raises:
            AccountNotFound.
        """
        self._set_disabled(actor, "account.enable", account, None, now)

    def _set_disabled(self, actor: Actor, act: str, account: str, since: datetime | None, now: datetime) -> None:
        with self.catalog.write() as tx:
            if rows.find(tx, account) is None:
                raise AccountNotFound()
            rows.set_disabled(tx, account, since)
            audit.record(tx, actor, act, now=now, subjects=[account])

    def all(self) -> list[Account]:
        """List every account by name."""
        with self.catalog.read() as tx:
            return rows.all_accounts(tx)

    def account(self, actor: Actor) -> Account:
        """The actor's own account. Raises AccountNotFound."""
        with self.catalog.read() as tx:
            found = rows.find(tx, actor.account)
        if found is None:
            raise AccountNotFound()
        return found

    def asks_for_codes(self) -> bool:
        """Whether anybody uses one-time codes, so that the sign-in must ask for one."""
        with self.catalog.read() as tx:
            return rows.any_with_codes(tx)

    def use_codes(self, actor: Actor, secret: str, code: str, now: datetime) -> None:
        """Ask for one-time codes at this account's sign-ins from now on; ``code`` proves that the app has ``secret``.

        Raises:
            Invalid: the code is not the app's, or the account has no password to add a code to.
        """
        account = self.account(actor)
        step = codes.step(secret, code, now) if codes.is_secret(secret) else None
        if step is None or account.password_hash is None:
            raise Invalid("This is not the code that the app shows now. Try the next one.")
        with self.catalog.write() as tx:
            rows.set_totp(tx, account.id, secret, step)
            audit.record(tx, actor, "account.codes", now=now, subjects=[account.id], detail={"on": True})

    def drop_codes(self, actor: Actor, code: str, now: datetime) -> None:
        """Stop asking for codes; the newest one proves that the app is there.

        Raises:
            Invalid: the code is not the app's.
        """
        account = self.account(actor)
        if account.totp_secret is None or not self._code_fits(account, code, now):
            raise Invalid("This is not the code that the app shows now. Try the next one.")
        with self.catalog.write() as tx:
            rows.set_totp(tx, account.id, None, None)
            audit.record(tx, actor, "account.codes", now=now, subjects=[account.id], detail={"on": False})

    def own_token(self, actor: Actor, *, name: str, days: int, now: datetime) -> tuple[str, str]:
        """Make a token that acts as the actor itself, for ``days``; give its id and it, this once.

        Raises:
            Invalid: it needs a name, and an end within a year.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME or refusal(name):
            raise Invalid(f"A token needs a name of 1 to {LONGEST_NAME} readable characters.")
        if not timedelta(0) < timedelta(days=min(max(days, 0), 10_000)) <= LONGEST_TOKEN:
            raise Invalid("A token lives from one day to one year.")
        return self.tokens.create(actor, self.account(actor), name=name, now=now, expires_at=now + timedelta(days=days))

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
        # Folded, a letter can become three.
        fits = 1 <= len(name) <= LONGEST_NAME and len(name.casefold()) <= 2 * LONGEST_NAME
        if not fits or refusal(name) or not roles:
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

    def _begin(
        self,
        tx: Tx,
        visitor: Actor,
        account: Account,
        act: str,
        now: datetime,
        before: str | None,
        way: str = "password",
    ) -> SignedIn:
        secret = self.sessions.start(tx, account, now, before=before, way=way, address=visitor.address)
        actor = acting(visitor, account)
        audit.record(tx, actor, act, now=now, subjects=[account.id], detail={"way": way})
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
