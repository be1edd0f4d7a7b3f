"""Sessions: they end when idle, after twelve hours, at sign-out; and a planted one is worth nothing."""

from __future__ import annotations

from datetime import datetime

import pytest

from broker.access.accounts import Access
from broker.access.actor import SYSTEM, Actor, visitor
from broker.catalog.accounts import Account
from broker.errors import CatalogBusy
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


def test_a_session_ends_after_the_idle_time(parts: Parts, account: Account, clock: Clock) -> None:
    secret = begin(parts, account, clock())
    clock.move(minutes=14, seconds=59)
    assert who(parts, secret, clock())
    clock.move(minutes=14, seconds=59)
    assert who(parts, secret, clock())
    clock.move(minutes=15)
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
    clock.move(hours=1)
    begin(parts, account, clock())
    with parts.catalog.read() as tx:
        assert tx.exec_driver_sql("select count(*) from sessions").scalar() == 1
