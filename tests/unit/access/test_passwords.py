"""Passwords: the rules, the cost, and one hash at a time."""

from __future__ import annotations

import re
import threading

import pytest

from broker.access import passwords
from broker.access.passwords import COMMON, Passwords, check_password
from broker.errors import Invalid, TooMany


@pytest.mark.parametrize(
    "good", ["correct horse", "a" * 4 + "b" * 4 + "c", "пароль-длинный", "🔑🗝️ keys and more", "x1y" * 66 + "zz"]
)
def test_eight_to_two_hundred_characters_of_any_kind_are_taken(good: str) -> None:
    assert check_password(good, "Tess")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "seven77",
        "x1" * 100 + "y",
        "password",
        "PassWord1",
        "12345678",
        "aaaaaaaaaaaa",
        "abababab",
        "Tess Technician",
        "tesstechnician",
    ],
)
def test_short_long_common_and_own_name_are_refused(bad: str) -> None:
    with pytest.raises(Invalid):
        check_password(bad, "Tess Technician")


def test_the_list_of_common_ones_has_none_that_is_too_short_anyway() -> None:
    assert len(COMMON) > 100
    assert all(len(word) >= passwords.SHORTEST and word == word.casefold() for word in COMMON)


def test_the_hash_costs_at_least_what_owasp_asks() -> None:
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", Passwords().hash("correct horse"))
    assert found
    memory, passes, lanes = map(int, found.groups())
    assert memory >= 19 * 1024
    assert passes >= 2
    assert lanes == 1


def test_only_the_right_password_matches_and_forms_of_one_letter_are_one() -> None:
    cheap = Passwords(memory_kib=64, passes=1)
    known = cheap.hash(check_password("Ångström units", "Tess"))
    assert cheap.matches("A\u030angstro\u0308m units", known)
    assert not cheap.matches("Angstrom units", known)
    assert not cheap.matches("Ångström units", "not a hash")


def test_nobodys_password_never_matches_and_costs_a_comparison_too() -> None:
    cheap = Passwords(memory_kib=64, passes=1)
    assert not cheap.matches("nobody's password", None)


def test_a_flood_of_sign_ins_is_turned_away_and_the_rest_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 30.0)
    slow = Passwords(memory_kib=64 * 1024, passes=3)
    start, outcomes = threading.Barrier(40), []

    def attempt() -> None:
        start.wait()
        try:
            outcomes.append(slow.hash("correct horse")[:9])
        except TooMany as problem:
            outcomes.append(problem.slug)

    threads = [threading.Thread(target=attempt) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(outcomes)) == ["$argon2id", "too-many"]
    assert slow.hash("correct horse")  # and afterwards the way is free again
