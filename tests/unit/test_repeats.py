"""Wanted repeats: answered by what was captured and declared after the request, closed by a physician."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.errors import IllegalMove, Invalid, NotAllowed, ScanNotFound
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind, Review, Role
from tests.people import NOW, actor
from tests.unit.clinic import DOC, MINUTE, TECH, Clinic
from tests.unit.pages import shelf

LATER = NOW + 5 * MINUTE


@pytest.fixture
def wanted(clinic: Clinic, parts: Parts, ada: Patient) -> Scan:
    """A scan of the right eye of which a repeat is wanted since NOW."""
    scan = shelf.scan(parts, ada, NOW - MINUTE)
    clinic.repeat(scan)
    return scan


def later(parts: Parts, who: Patient, captured: Any = LATER, sent: Any = LATER, **changes: Any) -> Scan:
    """A scan captured and declared after the request."""
    return shelf.scan(parts, who, captured, facts=shelf.facts(sent_at=sent.isoformat()), **changes)


def groups(parts: Parts) -> tuple[dict[str, list[str]], ...]:
    """Open, answered, not possible: each scan with what answers it."""
    found = parts.reading.repeats(DOC, now=NOW)
    return tuple(
        {one.shown.scan.id: [answer.scan.id for answer in one.answers] for one in some}
        for some in (found.open, found.answered, found.not_possible)
    )


def test_a_scan_captured_and_declared_after_the_request_answers_it_and_stands_beside_it(
    parts: Parts, ada: Patient, wanted: Scan
) -> None:
    assert groups(parts) == ({wanted.id: []}, {}, {})
    assert parts.reading.repeat_counts(TECH) == (1, 0)
    first, second = later(parts, ada), later(parts, ada, LATER + MINUTE)
    assert groups(parts) == ({}, {wanted.id: [second.id, first.id]}, {})
    assert parts.reading.repeat_counts(DOC) == (0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"captured": NOW - MINUTE / 2},
        {"captured": NOW},
        {"sent": NOW},
        {"sent": NOW - MINUTE},
        {"eye": Eye.OS},
        {"eye": Eye.UNKNOWN},
        {"kind": Kind.OCT},
        {"captured_source": "upload"},
        {"withdrawn": True},
    ],
)
def test_a_file_that_was_there_before_or_is_another_one_never_answers(
    parts: Parts, ada: Patient, wanted: Scan, changes: dict[str, Any]
) -> None:
    later(parts, ada, **changes)
    assert groups(parts)[0] == {wanted.id: []}


def test_another_patients_scan_does_not_answer(parts: Parts, wanted: Scan) -> None:
    later(parts, shelf.patient(parts, mrn="2", name="Other, Bea"))
    assert groups(parts)[0] == {wanted.id: []}


def test_what_nobody_knows_the_eye_of_answers_nothing_by_itself(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, NOW - MINUTE, eye=Eye.UNKNOWN)
    clinic.repeat(scan)
    later(parts, ada, eye=Eye.UNKNOWN)
    assert groups(parts)[0] == {scan.id: []}


def test_it_is_open_again_when_its_answer_is_withdrawn_moved_or_corrected(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    answer = later(parts, ada)
    steps: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: clinic.withdraw(answer), lambda: clinic.withdraw(answer, restore=True)),
        (lambda: clinic.move(answer, to=bea), lambda: clinic.move(answer, to=ada)),
        (lambda: clinic.correct(answer, eye="OS"), lambda: clinic.correct(answer, eye="OD")),
        (
            lambda: clinic.correct(answer, captured_at="2026-11-22T08:00Z"),
            lambda: clinic.correct(answer, captured_at=LATER.isoformat()),
        ),
    ]
    for undo, redo in steps:
        undo()
        assert groups(parts) == ({wanted.id: []}, {}, {})
        redo()
        assert groups(parts) == ({}, {wanted.id: [answer.id]}, {})


def test_it_follows_the_patient_and_eye_that_it_is_of_by_now(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    answer = later(parts, ada, eye=Eye.OS)
    clinic.correct(wanted, eye="OS")
    assert groups(parts)[1] == {wanted.id: [answer.id]}


def test_two_records_of_one_person_answer_each_others_repeats(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    old = shelf.patient(parts, mrn="2", name="Example, Ada")
    answer = later(parts, old)
    clinic.merge(old, ada)
    assert groups(parts)[1] == {wanted.id: [answer.id]}
    clinic.unmerge(old)
    assert groups(parts)[0] == {wanted.id: []}


def test_where_nobody_knows_the_time_a_person_links_it(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    answer = later(parts, ada, captured_source="upload", eye=Eye.UNKNOWN)
    parts.records.answer(TECH, new_id(NOW), wanted.id, possible=True, by=answer.id, reason="", now=LATER)
    assert groups(parts) == ({}, {wanted.id: [answer.id]}, {})
    clinic.withdraw(answer)
    assert groups(parts) == ({wanted.id: []}, {}, {})
    clinic.withdraw(answer, restore=True)
    assert groups(parts)[1] == {wanted.id: [answer.id]}
    # A linked one that turns out to have been captured before is none.
    clinic.correct(answer, captured_at="2026-11-01")
    assert groups(parts)[0] == {wanted.id: []}


def test_what_cannot_be_the_answer_is_not_linked(clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    unknown = {"captured_source": "upload"}

    def link(by: str) -> None:
        parts.records.answer(TECH, new_id(NOW), wanted.id, possible=True, by=by, reason="", now=LATER)

    for refused in (
        wanted,
        later(parts, bea, **unknown),
        later(parts, ada, sent=NOW, **unknown),
        later(parts, ada, NOW - MINUTE),
        later(parts, ada, eye=Eye.OS, **unknown),
        later(parts, ada, kind=Kind.OCT, **unknown),
    ):
        with pytest.raises(Invalid):
            link(refused.id)
    for missing in (new_id(NOW), later(parts, ada, withdrawn=True, **unknown).id):
        with pytest.raises(ScanNotFound):
            link(missing)
    assert clinic.now_is(wanted).records == 1


def test_a_technician_answers_not_possible_with_a_reason_and_a_physician_closes_it(
    clinic: Clinic, parts: Parts, wanted: Scan
) -> None:
    def no(reason: str, **more: Any) -> None:
        parts.records.answer(TECH, new_id(NOW), wanted.id, possible=False, reason=reason, now=LATER, **more)

    for reason, more in ((" ", {}), ("Left.", {"by": wanted.id})):
        with pytest.raises(Invalid):
            no(reason, **more)
    no("Patient has left.")
    assert groups(parts) == ({}, {}, {wanted.id: []})
    assert parts.reading.repeat_counts(DOC) == (0, 1)
    told = clinic.now_is(wanted).answer
    assert told == {
        "possible": False, "by": None, "reason": "Patient has left.", "by_name": TECH.name, "at": LATER.isoformat(),
    }  # fmt: skip
    with pytest.raises(NotAllowed):
        clinic.close(wanted, by=TECH)
    clinic.close(wanted)
    found = clinic.now_is(wanted)
    assert (found.review, found.requested_at, found.answer) == (Review.CLOSED, None, None)
    assert parts.reading.repeat_counts(DOC) == (0, 0)
    with pytest.raises(IllegalMove):
        no("Again.")


def test_a_picture_that_comes_after_all_counts_more_than_not_possible(parts: Parts, ada: Patient, wanted: Scan) -> None:
    parts.records.answer(TECH, new_id(NOW), wanted.id, possible=False, reason="Left.", now=NOW)
    answer = later(parts, ada)
    assert groups(parts) == ({}, {wanted.id: [answer.id]}, {})


def test_a_request_said_anew_is_answered_by_what_came_after_it_only(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    later(parts, ada)
    clinic.repeat(wanted, at=NOW + 10 * MINUTE)
    assert groups(parts)[0] == {wanted.id: []}


def test_an_answer_said_again_is_the_same_answer(parts: Parts, wanted: Scan) -> None:
    act = new_id(NOW)
    made = [parts.records.answer(TECH, act, wanted.id, possible=False, reason="x", now=NOW) for _ in range(2)]
    assert made[0] == made[1]
    with pytest.raises(Invalid):
        parts.records.answer(TECH, act, wanted.id, possible=False, reason="y", now=NOW)
    with pytest.raises(NotAllowed):
        parts.records.answer(actor(Role.ADMIN), new_id(NOW), wanted.id, possible=False, reason="x", now=NOW)


def test_the_count_in_the_navigation_stops_at_a_hundred(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    rows = shelf.put(parts, [shelf.made(ada, NOW - n * MINUTE) for n in range(120)])
    for start in (0, 60):
        clinic.repeat(*rows[start : start + 60])
    assert parts.reading.repeat_counts(TECH) == (100, 0)
    found = parts.reading.repeats(TECH, now=NOW)
    assert (len(found.open), found.more_open, found.more_to_close) == (60, 60, 0)


def test_the_oldest_request_stands_first_so_none_is_forgotten(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    newer = shelf.scan(parts, ada, NOW - timedelta(days=9), eye=Eye.OS)
    clinic.repeat(newer, at=NOW + MINUTE)
    assert list(groups(parts)[0]) == [wanted.id, newer.id]
    rows = shelf.put(parts, [shelf.made(ada, NOW - n * MINUTE) for n in range(70)])
    clinic.repeat(*rows, at=NOW + 2 * MINUTE)
    assert list(groups(parts)[0])[:2] == [wanted.id, newer.id]


def test_a_linked_scan_of_the_other_eye_or_of_another_kind_answers_nothing(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    answer = later(parts, ada, captured_source="upload", eye=Eye.UNKNOWN, kind=Kind.UNKNOWN)
    parts.records.answer(TECH, new_id(NOW), wanted.id, possible=True, by=answer.id, reason="", now=LATER)
    wrong: list[dict[str, Any]] = [{"eye": "OS"}, {"eye": "OD", "kind": "oct"}]
    for changes in wrong:
        clinic.correct(answer, **changes)
        assert groups(parts)[0] == {wanted.id: []}
    clinic.correct(answer, kind=wanted.kind.value)
    assert groups(parts)[1] == {wanted.id: [answer.id]}


@pytest.mark.parametrize("doubt", [["eye"], ["patient"], ["captured_at", "patient"]])
def test_what_is_in_doubt_is_shown_and_answers_nothing_until_that_is_settled(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan, doubt: list[str]
) -> None:
    answer = later(parts, ada, attention=doubt)
    assert groups(parts) == ({wanted.id: [answer.id]}, {}, {})
    assert parts.reading.repeat_counts(DOC) == (1, 0)
    clinic.correct(answer, eye="OD", patient=ada.id)
    assert groups(parts) == ({}, {wanted.id: [answer.id]}, {})
    assert parts.reading.repeat_counts(DOC) == (0, 1)
