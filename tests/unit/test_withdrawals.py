"""A withdrawal is undone only by somebody who may have made it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.catalog import records as rows
from broker.catalog.patients import Patient
from broker.errors import IllegalMove, NotAllowed, ScanNotFound
from broker.parts import Parts
from broker.words import Role
from tests.people import actor
from tests.unit.clinic import DOC, Clinic
from tests.unit.pages import shelf


def test_a_technician_restores_what_this_account_has_withdrawn(clinic: Clinic, ada: Patient) -> None:
    scan, sender = clinic.sent(ada)
    clinic.withdraw(scan, by=sender)
    clinic.withdraw(scan, by=sender, restore=True)
    assert clinic.now_is(scan).records == 2


def test_a_technician_does_not_undo_a_physicians_withdrawal(clinic: Clinic, ada: Patient) -> None:
    scan, sender = clinic.sent(ada)
    clinic.withdraw(scan, by=DOC)
    with pytest.raises(NotAllowed):
        clinic.withdraw(scan, by=sender, restore=True)
    clinic.withdraw(scan, by=DOC, restore=True)
    # Nor one that was made after an own one.
    clinic.withdraw(scan, by=sender)
    clinic.withdraw(scan, by=DOC, restore=True)
    clinic.withdraw(scan, by=DOC)
    with pytest.raises(NotAllowed):
        clinic.withdraw(scan, by=sender, restore=True)


def test_nor_of_what_somebody_else_sent(clinic: Clinic, ada: Patient) -> None:
    scan, sender = clinic.sent(ada)
    clinic.withdraw(scan, by=sender)
    with pytest.raises(NotAllowed):
        clinic.withdraw(scan, by=actor(Role.TECHNICIAN), restore=True)


def test_nor_once_it_was_reviewed_even_if_a_correction_reopened_it(clinic: Clinic, ada: Patient) -> None:
    scan, sender = clinic.sent(ada)
    clinic.review(scan)
    clinic.correct(scan, eye="OS")
    with pytest.raises(NotAllowed):
        clinic.withdraw(scan, by=sender)
    clinic.withdraw(scan, by=DOC)
    with pytest.raises(NotAllowed):
        clinic.withdraw(scan, by=sender, restore=True)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["sender", "other", "doctor"]), st.booleans(), st.booleans()), max_size=8)
)
def test_whoever_restores_could_have_withdrawn(parts: Parts, steps: list[tuple[str, bool, bool]]) -> None:
    """The law: every restoring that went through is a physician's, or undoes the technician's own on an unread scan."""
    clinic = Clinic(parts)
    scan, sender = clinic.sent(shelf.patient(parts))
    who = {"sender": sender, "other": actor(Role.TECHNICIAN), "doctor": DOC}
    for name, restore, review in steps:
        try:
            if review:
                clinic.review(scan)
            clinic.withdraw(scan, by=who[name], restore=restore)
        except (NotAllowed, ScanNotFound, IllegalMove, KeyError):
            continue
    with parts.catalog.read() as tx:
        kept: list[Any] = rows.of_scans(tx, [scan.id]).get(scan.id, [])
    for place, one in enumerate(kept):
        if one["kind"] == "withdrawal" and not one["withdrawn"] and one["account"] != DOC.account:
            before = kept[:place]
            assert [earlier for earlier in before if earlier["kind"] == "withdrawal"][-1]["account"] == one["account"]
            assert one["account"] == sender.account
            assert not [earlier for earlier in before if earlier["kind"] == "review"]
