"""Sessions: they end when idle, after twelve hours, at sign-out; and a planted one is worth nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from broker.access.accounts import Access
from broker.access.actor import SYSTEM, Actor, visitor
from broker.catalog.accounts import Account
from broker.errors import AccountNotFound, CatalogBusy
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import Clock

GUEST = visitor("10.0.0.7", "request-1")


@pytest.fixture
def account(access: Access, clock: Clock) -> Account:
    return access.create(SYSTEM("test"), name="Tess", roles=frozenset({Role.TECHNICIAN}), now=clock())


def begin(parts: Parts, account: Account, now: datetime, before: str | None = None) -> str:
    with parts.catalog.write() as tx:
        return parts.access.sessions.start(tx, account, now, before=before)


def who(parts: Parts, secret: str, now: datetime) -> Actor | None:
    return parts.access.sessions.actor(GUEST, secret, now)


def seen_at(parts: Parts) -> int:
    with parts.catalog.read() as tx:
        return int(tx.exec_driver_sql("select seen_at from sessions").scalar_one())


def locked(parts: Parts, secret: str, now: datetime) -> bool:
    found = who(parts, secret, now)
    assert found
    return found.locked


def test_requests_alone_do_not_keep_a_session_open(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    for _ in range(14):
        clock.move(minutes=1)
        assert not locked(parts, secret, clock())
    clock.move(minutes=1)
    assert locked(parts, secret, clock())


def test_keys_and_pointer_keep_it_open_and_open_no_locked_one(parts: Parts, account: Account, clock: Clock) -> None:
    secret, sessions = begin(parts, account, clock()), parts.access.sessions
    clock.move(minutes=14)
    assert sessions.locks_in(secret, clock(), touched=True).time == timedelta(minutes=15)
    clock.move(minutes=14)
    assert sessions.locks_in(secret, clock(), touched=False).time == timedelta(minutes=1)
    clock.move(minutes=1)
    assert sessions.locks_in(secret, clock(), touched=True).time == timedelta(0)
    assert locked(parts, secret, clock())
    assert sessions.actor(GUEST, secret, clock(), touched=True)
    assert locked(parts, secret, clock())


def test_a_click_that_opens_a_page_counts_as_a_key(parts: Parts, account: Account, clock: Clock) -> None:
    secret, sessions = begin(parts, account, clock()), parts.access.sessions
    clock.move(minutes=10)
    assert sessions.actor(GUEST, secret, clock(), touched=True)
    clock.move(minutes=10)
    assert not locked(parts, secret, clock())


def test_a_session_can_be_locked_at_once_and_stays_so(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    actor = who(parts, secret, clock())
    assert actor
    parts.access.sessions.lock(actor, secret, clock())
    assert locked(parts, secret, clock())


def test_all_sessions_of_an_account_end_together_and_no_others(parts: Parts, account: Account, clock: Clock) -> None:
    other = parts.access.create(SYSTEM("test"), name="Paul", roles=frozenset({Role.PHYSICIAN}), now=clock())
    mine, kept = [begin(parts, account, clock()) for _ in range(3)], begin(parts, other, clock())
    actor = who(parts, mine[0], clock())
    assert actor
    assert parts.access.sessions.end_all(actor, account.id, clock()) == 3
    assert [who(parts, secret, clock()) for secret in mine] == [None, None, None]
    assert who(parts, kept, clock())


def test_a_session_of_somebody_else_ends_only_for_administrators(parts: Parts, account: Account, clock: Clock) -> None:
    other = parts.access.create(SYSTEM("test"), name="Paul", roles=frozenset({Role.PHYSICIAN}), now=clock())
    secret = begin(parts, other, clock())
    (session,) = parts.access.sessions.all(clock(), other.id)
    for of, identity in ((account.id, session.id), (account.id, "x"), (None, "x")):
        with pytest.raises(AccountNotFound):
            parts.access.sessions.end_one(GUEST, identity, clock(), of=of)
    parts.access.sessions.end_one(GUEST, session.id, clock(), of=None)
    assert who(parts, secret, clock()) is None


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(
    parts: Parts, account: Account, clock: Clock
) -> None:
    secret = begin(parts, account, clock())
    for _ in range(12 * 6 - 1):
        clock.move(minutes=10)
        assert who(parts, secret, clock())
    clock.move(minutes=10)
    assert who(parts, secret, clock()) is None


def test_being_seen_is_written_once_a_minute_not_once_a_request(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    first = seen_at(parts)
    for _ in range(5):
        clock.move(seconds=11)
        assert who(parts, secret, clock())
    assert seen_at(parts) == first
    clock.move(seconds=11)
    assert who(parts, secret, clock())
    assert seen_at(parts) == first + 66_000_000


def test_a_busy_catalog_does_not_end_a_session_that_is_used(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    clock.move(minutes=2)
    with parts.catalog.read() as tx:
        tx.exec_driver_sql("pragma query_only = on")  # the one pooled connection can write nothing from here on
    with pytest.raises(CatalogBusy):
        begin(parts, account, clock())
    assert who(parts, secret, clock())


def test_sign_out_really_ends_it(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    actor = who(parts, secret, clock())
    assert actor
    parts.access.sign_out(actor, secret, clock())
    assert who(parts, secret, clock()) is None


def test_what_the_browser_came_with_is_dead_after_the_sign_in(parts: Parts, account: Account, clock: Clock) -> None:
    planted = begin(parts, account, clock())
    fresh = begin(parts, account, clock(), before=planted)
    assert fresh != planted
    assert who(parts, planted, clock()) is None
    assert who(parts, fresh, clock())


@pytest.mark.parametrize("secret", ["", "x", "ä€", "a" * 5000, "' or 1=1 --"])
def test_what_was_never_handed_out_is_nobody(parts: Parts, account: Account, clock: Clock, secret: str) -> None:
    begin(parts, account, clock())
    assert who(parts, secret, clock()) is None


def test_dead_sessions_are_taken_out_when_somebody_signs_in(parts: Parts, account: Account, clock: Clock) -> None:
    begin(parts, account, clock())
    clock.move(hours=12)
    begin(parts, account, clock())
    with parts.catalog.read() as tx:
        assert tx.exec_driver_sql("select count(*) from sessions").scalar() == 1
