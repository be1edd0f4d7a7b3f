"""Accounts: invited once, signed in by password, guessed at in vain, and every act in the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.access.accounts import Access, first_admin_invite
from broker.access.actor import SYSTEM, visitor
from broker.access.attempts import PER_ADDRESS, PER_NAME, Attempts
from broker.catalog.audit import AuditRow
from broker.errors import AccountNotFound, CatalogBusy, Invalid, NotAllowed, SignInNeeded, TooMany
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import Clock

SHELL, GUEST = SYSTEM("command line"), visitor("10.0.0.7", "request-1")
PASSWORD = "a short sentence"
TECHNICIAN = frozenset({Role.TECHNICIAN})
Trail = Callable[[], list[AuditRow]]


def member(access: Access, clock: Clock, name: str = "Tess Technician") -> str:
    """Invite somebody who accepts; give the session's secret."""
    invitation = access.invite(SHELL, name=name, roles=TECHNICIAN, now=clock())
    return access.accept(GUEST, invitation.secret, PASSWORD, clock()).secret


def test_an_invitation_sets_a_password_and_begins_a_session(access: Access, clock: Clock) -> None:
    secret = member(access, clock)
    actor = access.sessions.actor(GUEST, secret, clock())
    assert actor
    assert (actor.name, actor.roles, actor.address, actor.request) == (
        "Tess Technician",
        TECHNICIAN,
        "10.0.0.7",
        "request-1",
    )
    assert access.sign_in(GUEST, " tess  TECHNICIAN ", PASSWORD, clock()).actor.account == actor.account


def test_an_invitation_works_once(access: Access, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    access.accept(GUEST, invitation.secret, PASSWORD, clock())
    for again in (
        lambda: access.invited(invitation.secret, clock()),
        lambda: access.accept(GUEST, invitation.secret, PASSWORD, clock()),
    ):
        with pytest.raises(AccountNotFound):
            again()


def test_an_invitation_is_dead_after_thirty_minutes(access: Access, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    clock.move(minutes=29, seconds=59)
    assert access.invited(invitation.secret, clock()).name == "Tess"
    clock.move(seconds=1)
    with pytest.raises(AccountNotFound):
        access.accept(GUEST, invitation.secret, PASSWORD, clock())


def test_a_refused_password_leaves_the_invitation_alive(access: Access, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    with pytest.raises(Invalid):
        access.accept(GUEST, invitation.secret, "password", clock())
    assert access.accept(GUEST, invitation.secret, PASSWORD, clock()).actor.name == "Tess"


def test_a_second_invitation_is_a_new_password_and_ends_all_sessions(access: Access, clock: Clock) -> None:
    before = member(access, clock)
    invitation = access.invite(SHELL, name="Tess Technician", roles=TECHNICIAN, now=clock())
    access.accept(GUEST, invitation.secret, "another sentence", clock())
    assert access.sessions.actor(GUEST, before, clock()) is None
    with pytest.raises(SignInNeeded):
        access.sign_in(GUEST, "Tess Technician", PASSWORD, clock())


def test_an_older_link_is_dead_once_a_newer_one_was_used(access: Access, clock: Clock) -> None:
    older, newer = (access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock()) for _ in range(2))
    access.accept(GUEST, newer.secret, PASSWORD, clock())
    with pytest.raises(AccountNotFound):
        access.accept(GUEST, older.secret, "another sentence", clock())


def test_a_name_cannot_be_invited_into_other_roles(access: Access, clock: Clock) -> None:
    access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    with pytest.raises(Invalid, match="technician"):
        access.invite(SHELL, name="TESS", roles=frozenset({Role.ADMIN}), now=clock())


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "a\nb\x1b[31m"])
def test_a_name_must_be_readable(access: Access, clock: Clock, name: str) -> None:
    with pytest.raises(Invalid):
        access.create(SHELL, name=name, roles=TECHNICIAN, now=clock())


@pytest.mark.parametrize("name", ["Tess Technician", "Nobody", "Ness\x00", "Uninvited", "x" * 5000])
def test_wrong_unknown_and_unfinished_say_the_same(access: Access, clock: Clock, trail: Trail, name: str) -> None:
    member(access, clock)
    access.invite(SHELL, name="Uninvited", roles=TECHNICIAN, now=clock())
    with pytest.raises(SignInNeeded) as told:
        access.sign_in(GUEST, name, "wrong password", clock())
    assert told.value.detail == "The name or the password is wrong."
    row = trail()[0]
    assert (row.act, row.outcome, row.address, row.account_name) == ("session.start", "refused", "10.0.0.7", "")
    assert len(row.subjects) == (name in ("Tess Technician", "Uninvited"))


def test_a_disabled_account_is_out_at_once_and_stays_out(access: Access, clock: Clock) -> None:
    secret = member(access, clock)
    actor = access.sessions.actor(GUEST, secret, clock())
    assert actor
    access.disable(SHELL, actor.account, clock())
    assert access.sessions.actor(GUEST, secret, clock()) is None
    with pytest.raises(SignInNeeded):
        access.sign_in(GUEST, "Tess Technician", PASSWORD, clock())
    with pytest.raises(Invalid):
        access.invite(SHELL, name="Tess Technician", roles=TECHNICIAN, now=clock())


def test_guessing_for_a_name_is_stopped_and_opens_again(access: Access, clock: Clock) -> None:
    member(access, clock)
    for _ in range(PER_ADDRESS):
        with pytest.raises(SignInNeeded):
            access.sign_in(GUEST, "Tess Technician", "wrong password", clock())
    with pytest.raises(TooMany):
        access.sign_in(GUEST, "tess technician", PASSWORD, clock())
    assert access.sign_in(visitor("10.0.0.8", ""), "Tess Technician", PASSWORD, clock())
    clock.move(minutes=15)
    assert access.sign_in(GUEST, "Tess Technician", PASSWORD, clock())


def test_guessing_from_many_addresses_is_stopped_too(access: Access, clock: Clock) -> None:
    for number in range(PER_NAME):
        with pytest.raises(SignInNeeded):
            access.sign_in(visitor(f"10.0.1.{number}", ""), "Tess", "wrong password", clock())
    with pytest.raises(TooMany):
        access.sign_in(visitor("10.0.2.1", ""), "Tess", "wrong password", clock())


def test_mistyping_is_forgotten_after_the_right_password(access: Access, clock: Clock) -> None:
    member(access, clock)
    for _ in range(3):
        for _ in range(PER_ADDRESS - 1):
            with pytest.raises(SignInNeeded):
                access.sign_in(GUEST, "Tess Technician", "wrong password", clock())
        assert access.sign_in(GUEST, "Tess Technician", PASSWORD, clock())


def test_only_the_demo_lets_people_in_by_role(access: Access, clock: Clock) -> None:
    with pytest.raises(NotAllowed):
        access.sign_in_as(GUEST, Role.ADMIN, clock())
    demo = replace(access, demo=True)
    for role in Role:
        first, second = demo.sign_in_as(GUEST, role, clock()), demo.sign_in_as(GUEST, role, clock())
        assert first.actor.roles == {role}
        assert first.actor.account == second.actor.account
        assert first.secret != second.secret


def test_the_first_administrator_is_invited_until_there_is_one(access: Access, clock: Clock) -> None:
    first, second = first_admin_invite(access, clock()), first_admin_invite(access, clock())
    assert first
    assert second
    assert first.secret != second.secret
    assert first.path == f"/invite?token={first.secret}"
    access.accept(GUEST, second.secret, PASSWORD, clock())
    assert first_admin_invite(access, clock()) is None


def test_every_act_has_its_row(access: Access, clock: Clock, trail: Trail) -> None:
    secret = member(access, clock)
    actor = access.sessions.actor(GUEST, secret, clock())
    assert actor
    access.sign_out(actor, secret, clock())
    access.disable(SHELL, actor.account, clock())
    rows = [(row.act, row.account_name, row.outcome) for row in reversed(trail())]
    assert rows == [
        ("account.create", "command line", "done"),
        ("account.invite", "command line", "done"),
        ("account.accept", "Tess Technician", "done"),
        ("session.end", "Tess Technician", "done"),
        ("account.disable", "command line", "done"),
    ]
    assert all(actor.account in row.subjects for row in trail())


def test_without_an_audit_row_nobody_gets_in(access: Access, parts: Parts, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    with parts.catalog.write() as tx:
        tx.exec_driver_sql("drop table audit")
    with pytest.raises(CatalogBusy):
        access.accept(GUEST, invitation.secret, PASSWORD, clock())
    assert access.invited(invitation.secret, clock()).password_hash is None
    with parts.catalog.read() as tx:
        assert tx.exec_driver_sql("select count(*) from sessions").scalar() == 0


def test_no_secret_is_kept_or_shown(access: Access, parts: Parts, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess", roles=TECHNICIAN, now=clock())
    begun = access.accept(GUEST, invitation.secret, PASSWORD, clock())
    _, token = access.create_token(SHELL, name="camera", role=Role.TECHNICIAN, now=clock())
    folder = parts.config.data_dir
    kept = b"".join(path.read_bytes() for path in folder.glob("catalog.sqlite*"))
    assert b"Tess" in kept
    for secret in (invitation.secret, begun.secret, token, PASSWORD):
        assert secret.encode() not in kept
        assert secret not in f"{invitation!r} {begun!r}"


def test_strangers_cannot_lock_a_known_browser_out(access: Access, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess Technician", roles=TECHNICIAN, now=clock())
    browser = access.accept(GUEST, invitation.secret, PASSWORD, clock()).browser
    assert browser
    for number in range(PER_NAME):
        with pytest.raises(SignInNeeded):
            access.sign_in(visitor(f"10.0.1.{number}", ""), "Tess Technician", "wrong password", clock())
    with pytest.raises(TooMany):
        access.sign_in(visitor("10.0.2.1", ""), "Tess Technician", PASSWORD, clock())
    # Behind a proxy everybody comes from one address: even then.
    assert access.sign_in(visitor("10.0.1.1", ""), "Tess Technician", PASSWORD, clock(), browser=browser)


def test_a_known_browser_has_a_budget_of_its_own_not_an_endless_one(access: Access, clock: Clock) -> None:
    invitation = access.invite(SHELL, name="Tess Technician", roles=TECHNICIAN, now=clock())
    browser = access.accept(GUEST, invitation.secret, PASSWORD, clock()).browser
    for _ in range(PER_ADDRESS):
        with pytest.raises(SignInNeeded):
            access.sign_in(GUEST, "Tess Technician", "wrong password", clock(), browser=browser)
    with pytest.raises(TooMany):
        access.sign_in(GUEST, "Tess Technician", PASSWORD, clock(), browser=browser)
    clock.move(minutes=15)
    assert access.sign_in(GUEST, "Tess Technician", PASSWORD, clock(), browser=browser)


def test_a_browser_is_known_for_its_own_account_only(access: Access, clock: Clock) -> None:
    browsers = {}
    for name in ("Tess Technician", "Eve"):
        invitation = access.invite(SHELL, name=name, roles=TECHNICIAN, now=clock())
        browsers[name] = access.accept(GUEST, invitation.secret, PASSWORD, clock()).browser
    for _ in range(PER_ADDRESS):
        with pytest.raises(SignInNeeded):
            access.sign_in(GUEST, "Tess Technician", "wrong password", clock(), browser=browsers["Eve"])
    with pytest.raises(TooMany):
        access.sign_in(GUEST, "Tess Technician", PASSWORD, clock(), browser=browsers["Eve"])


def test_failures_count_in_every_process_together(access: Access, clock: Clock) -> None:
    member(access, clock)
    for number in range(PER_NAME):
        other = replace(access, attempts=Attempts())  # as a second web process has its own memory
        with pytest.raises(SignInNeeded):
            other.sign_in(visitor(f"10.0.1.{number}", ""), "Tess Technician", "wrong password", clock())
    with pytest.raises(TooMany):
        replace(access, attempts=Attempts()).sign_in(GUEST, "Tess Technician", PASSWORD, clock())


def test_unlocking_takes_the_same_persons_password_and_counts_failures(access: Access, clock: Clock) -> None:
    secret = member(access, clock)
    clock.move(minutes=20)
    actor = access.sessions.actor(GUEST, secret, clock())
    assert actor
    assert actor.locked
    for _ in range(PER_ADDRESS):
        with pytest.raises(SignInNeeded):
            access.unlock(actor, secret, "wrong password", "", clock())
    with pytest.raises(TooMany):
        access.unlock(actor, secret, PASSWORD, "", clock())
    clock.move(minutes=15)
    access.unlock(actor, secret, PASSWORD, "", clock())
    opened = access.sessions.actor(GUEST, secret, clock())
    assert opened
    assert not opened.locked
    assert opened.session == actor.session
