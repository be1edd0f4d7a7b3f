"""Who may do what: the table is the design's, and an act that is not in it does not exist."""

from __future__ import annotations

import pytest

from broker.access.actor import SYSTEM, Actor, visitor
from broker.access.permissions import ALLOWED, Act, may, require
from broker.errors import NotAllowed
from broker.words import Role

T, P, A = Role.TECHNICIAN, Role.PHYSICIAN, Role.ADMIN
#: Written out a second time, from the design: a change must be made in both places.
TABLE: dict[Act, set[Role]] = {
    Act.FIND_PATIENT: {T, P},
    Act.MAKE_PATIENT: {T, P},
    Act.CHANGE_PATIENT: {T, P},
    Act.UPLOAD: {T, P},
    Act.SEE_UPLOADS: {T, P},
    Act.ABANDON: {T, P, A},
    Act.SEE_SCANS: {T, P},
    Act.ORIGINAL: {T, P},
    Act.CORRECT: {T, P},
    Act.WITHDRAW: {T, P},
    Act.REVIEW: {P},
    Act.ACCOUNTS: {A},
    Act.TOKENS: {A},
    Act.SEE_AUDIT: {A},
    Act.QUARANTINE: {A},
    Act.OWN_SESSION: {T, P, A},
}


def somebody(*roles: Role) -> Actor:
    return Actor("an id", "a name", frozenset(roles), "", "")


def test_the_table_is_the_designs() -> None:
    assert {act: set(roles) for act, roles in ALLOWED.items()} == TABLE
    assert set(TABLE) == set(Act)


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, act: Act) -> None:
    if role in TABLE[act]:
        require(somebody(role), act)
    else:
        with pytest.raises(NotAllowed):
            require(somebody(role), act)


@pytest.mark.parametrize("act", list(Act))
def test_an_account_with_two_roles_may_what_either_may(act: Act) -> None:
    assert may(somebody(T, A), act) == bool(TABLE[act] & {T, A})


@pytest.mark.parametrize("act", list(Act))
def test_neither_strangers_nor_the_system_hold_any_permission(act: Act) -> None:
    for nobody in (SYSTEM("worker"), visitor("127.0.0.1", "1")):
        with pytest.raises(NotAllowed):
            require(nobody, act)
