"""Bearer tokens: shown once, for programs, revocable at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.access.accounts import Access
from broker.access.actor import SYSTEM, visitor
from broker.access.tokens import PREFIX
from broker.errors import AccountNotFound, Invalid
from broker.words import Role
from tests.unit.conftest import Clock

SHELL, GUEST = SYSTEM("command line"), visitor("10.0.0.7", "request-1")


def test_a_token_acts_as_its_program(access: Access, clock: Clock) -> None:
    identity, secret = access.create_token(SHELL, name="camera room 2", role=Role.TECHNICIAN, now=clock())
    actor = access.tokens.actor(GUEST, secret, clock())
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43
    assert actor
    assert (actor.name, actor.roles) == ("camera room 2", frozenset({Role.TECHNICIAN}))
    assert [token.id for token in access.tokens.all()] == [identity]


def test_a_program_may_have_several_tokens_so_that_they_can_be_changed(access: Access, clock: Clock) -> None:
    (first, old), (_, new) = (
        access.create_token(SHELL, name="camera", role=Role.TECHNICIAN, now=clock()) for _ in range(2)
    )
    access.tokens.revoke(SHELL, first, clock())
    assert access.tokens.actor(GUEST, old, clock()) is None
    assert access.tokens.actor(GUEST, new, clock())


def test_revoking_twice_or_what_never_was_is_told(access: Access, clock: Clock) -> None:
    identity, _ = access.create_token(SHELL, name="camera", role=Role.TECHNICIAN, now=clock())
    access.tokens.revoke(SHELL, identity, clock())
    for unknown in (identity, "nothing"):
        with pytest.raises(AccountNotFound):
            access.tokens.revoke(SHELL, unknown, clock())


def test_an_expired_token_and_one_of_a_disabled_account_are_worth_nothing(access: Access, clock: Clock) -> None:
    account = access.create(SHELL, name="camera", roles=frozenset({Role.TECHNICIAN}), now=clock())
    _, short = access.tokens.create(SHELL, account, name="a", now=clock(), expires_at=clock() + timedelta(hours=1))
    _, long = access.tokens.create(SHELL, account, name="b", now=clock())
    clock.move(hours=1)
    assert access.tokens.actor(GUEST, short, clock()) is None
    assert access.tokens.actor(GUEST, long, clock())
    access.disable(SHELL, account.id, clock())
    assert access.tokens.actor(GUEST, long, clock()) is None


@pytest.mark.parametrize("mangled", ["", PREFIX, "{0}x", "x{0}", " {0}", "{0}\n"])
def test_anything_but_the_very_token_is_nobody(access: Access, clock: Clock, mangled: str) -> None:
    _, secret = access.create_token(SHELL, name="camera", role=Role.TECHNICIAN, now=clock())
    assert access.tokens.actor(GUEST, mangled.format(secret), clock()) is None


def test_a_persons_name_is_no_programs(access: Access, clock: Clock) -> None:
    roles = frozenset({Role.TECHNICIAN})
    access.accept(
        GUEST, access.invite(SHELL, name="Tess", roles=roles, now=clock()).secret, "a short sentence", clock()
    )
    with pytest.raises(Invalid):
        access.create_token(SHELL, name="Tess", role=Role.TECHNICIAN, now=clock())


def test_use_is_written_once_a_minute(access: Access, clock: Clock) -> None:
    _, secret = access.create_token(SHELL, name="camera", role=Role.TECHNICIAN, now=clock())
    start = clock()
    for _ in range(7):
        access.tokens.actor(GUEST, secret, clock())
        clock.move(seconds=10)
    assert access.tokens.all()[0].used_at == start + timedelta(seconds=60)
