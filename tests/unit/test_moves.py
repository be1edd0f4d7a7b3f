"""Correcting patient and eye: both values are kept, reviews are reopened, and whoever has to know sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.catalog import audit, outbox, uploads
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.errors import Invalid, PatientNotFound, Stale
from broker.ids import new_id
from broker.parts import Parts
from broker.reading import Moved
from broker.words import Attention, CaptureSource, Eye, Review, Role
from tests.people import NOW, actor
from tests.unit.clinic import DOC, TECH, Clinic
from tests.unit.pages import shelf

DAY = timedelta(days=1)


@pytest.fixture
def bea(parts: Parts) -> Patient:
    return shelf.patient(parts, mrn="2", name="Other, Bea")


def moved(parts: Parts, who: Patient) -> dict[str, list[tuple[str, bool, str | None]]]:
    """The moves on a patient's page: by day, of which scan, whether away, and the other patient."""

    def told(one: Moved) -> tuple[str, bool, str | None]:
        return one.move.scan_id, one.away, one.other.id if one.other else None

    chart = parts.reading.chart(DOC, who.id, now=NOW)
    return {day: [told(one) for one in some] for day, some in chart.moved.items()}


def test_a_move_keeps_both_values_and_its_reason_in_a_record_on_its_way_to_the_vault(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scans = shelf.series(parts, ada, 3)
    made = clinic.move(*scans, to=bea)
    assert {one["scan"] for one in made} == {scan.id for scan in scans}
    assert all(one["set"] == {"patient": {"from": ada.id, "to": bea.id}} for one in made)
    assert {clinic.now_is(scan).patient_id for scan in scans} == {bea.id}
    with parts.catalog.read() as tx:
        waiting = [row.document for row in outbox.first(tx, 20) if "/records/" in row.name]
        row = audit.newest(tx, before=None, limit=1)[0]
    assert sorted(waiting, key=str) == sorted(made, key=str)
    assert (row.act, set(row.subjects)) == ("scan.correct", {ada.id, bea.id, *(scan.id for scan in scans)})


def test_a_move_shows_on_both_patients_visits(clinic: Clinic, parts: Parts, ada: Patient, bea: Patient) -> None:
    scan = shelf.scan(parts, ada, NOW - 3 * DAY)
    clinic.move(scan, to=bea)
    assert moved(parts, ada) == {"2026-11-19": [(scan.id, True, bea.id)]}
    assert moved(parts, bea) == {"2026-11-19": [(scan.id, False, ada.id)]}
    assert [visit.day for visit in parts.reading.chart(DOC, bea.id, now=NOW).visits] == ["2026-11-19"]
    # Where it left it stands on the day on which it was missed; where it came to, with the scan.
    clinic.correct(scan, captured_at="2026-11-01T10:00")
    assert moved(parts, ada) == {"2026-11-19": [(scan.id, True, bea.id)]}
    assert moved(parts, bea) == {"2026-11-01": [(scan.id, False, ada.id)]}


def test_a_scan_that_was_moved_on_and_back_tells_every_step(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    clinic.move(scan, to=bea)
    clinic.move(scan, to=ada)
    day = "2026-11-22"
    assert moved(parts, ada) == {day: [(scan.id, False, bea.id), (scan.id, True, bea.id)]}
    assert moved(parts, bea) == {day: [(scan.id, True, ada.id), (scan.id, False, ada.id)]}


def test_a_look_at_a_chart_names_the_other_patient_in_its_audit_row(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    clinic.move(shelf.scan(parts, ada), to=bea)
    parts.reading.chart(DOC, ada.id, now=NOW)
    with parts.catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert (row.act, row.subjects) == ("patient.read", [ada.id, bea.id])


def test_a_move_reopens_a_review_and_stands_in_the_list_of_its_author(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan, other = shelf.series(parts, ada, 2)
    clinic.review(scan, other)
    clinic.move(scan, to=bea, by=TECH)
    found = clinic.now_is(scan)
    assert (found.review, found.attention, found.reopened_for) == (Review.UNREVIEWED, ["moved"], DOC.account)
    assert [one.patient.id for one in parts.reading.worklist(DOC, now=NOW)[0]] == [bea.id]
    assert [one.scan.id for one in parts.reading.reopened(DOC, now=NOW)] == [scan.id]
    assert parts.reading.reopened(actor(Role.PHYSICIAN), now=NOW) == []
    again = actor(Role.PHYSICIAN)
    clinic.review(scan, by=again)
    found = clinic.now_is(scan)
    assert (found.review, found.attention) == (Review.REVIEWED, [])
    # Whoever reviewed it first has to hear of it all the same.
    assert [one.scan.id for one in parts.reading.reopened(DOC, now=NOW)] == [scan.id]


@pytest.mark.parametrize("reviewed", [False, True])
def test_a_reopened_review_leaves_the_list_of_its_author_when_the_author_speaks(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient, reviewed: bool
) -> None:
    """By another review or, if somebody else has reviewed it by then, by a note."""
    scan = shelf.scan(parts, ada)
    clinic.review(scan)
    clinic.move(scan, to=bea)
    if reviewed:
        clinic.review(scan, by=actor(Role.PHYSICIAN))
        parts.records.add(actor(Role.PHYSICIAN), new_id(NOW), [scan.id], note="Looked at.", now=NOW)
        assert clinic.now_is(scan).reopened_for == DOC.account
        parts.records.add(DOC, new_id(NOW), [scan.id], note="I know.", now=NOW)
    else:
        clinic.review(scan)
    assert (clinic.now_is(scan).review, clinic.now_is(scan).reopened_for) == (Review.REVIEWED, None)
    assert parts.reading.reopened(DOC, now=NOW) == []


def test_a_move_raises_attention_even_if_nobody_had_reviewed_it(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan = shelf.scan(parts, ada, attention=["patient", "stored_elsewhere", "captured_at"])
    clinic.move(scan, to=bea)
    found = clinic.now_is(scan)
    assert (found.attention, found.reopened_for) == (["captured_at", "moved"], None)


def test_another_eye_reopens_a_review_and_raises_attention(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    seen, unseen = shelf.scan(parts, ada), shelf.scan(parts, ada)
    clinic.review(seen)
    clinic.correct(seen, unseen, eye="OS")
    assert (clinic.now_is(seen).review, clinic.now_is(seen).attention) == (Review.UNREVIEWED, ["eye_corrected"])
    assert (clinic.now_is(unseen).eye, clinic.now_is(unseen).attention) == (Eye.OS, [])


def test_kind_and_time_reopen_nothing(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    clinic.review(scan)
    clinic.correct(scan, kind="oct", captured_at="2026-11-01T10:00")
    found = clinic.now_is(scan)
    assert (found.review, found.attention, found.visit_day) == (Review.REVIEWED, [], "2026-11-01")


@pytest.mark.parametrize("what", ["eye", "patient"])
def test_the_same_value_said_again_settles_its_doubt_and_reopens_nothing(
    clinic: Clinic, parts: Parts, ada: Patient, what: str
) -> None:
    scan = shelf.scan(parts, ada, attention=[what])
    same = {"eye": "OD", "patient": ada.id}[what]
    value: dict[str, Any] = {what: same}
    clinic.correct(scan, **value)
    clinic.review(scan)
    clinic.correct(scan, **value)
    found = clinic.now_is(scan)
    assert (found.review, found.attention, found.reopened_for) == (Review.REVIEWED, [], None)
    assert moved(parts, ada) == {}


def test_a_wanted_repeat_stays_wanted_of_the_new_patient_and_eye(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    clinic.repeat(scan)
    clinic.correct(scan, eye="OS", patient=bea.id)
    found = clinic.now_is(scan)
    assert (found.review, found.requested_at, found.reopened_for) == (Review.REPEAT, NOW, None)
    [wanted] = parts.reading.repeats(DOC, now=NOW).open
    assert (wanted.shown.patient.id, wanted.shown.scan.eye) == (bea.id, Eye.OS)


def test_a_closed_repeat_that_is_moved_is_looked_at_again(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    clinic.repeat(scan)
    clinic.close(scan)
    clinic.move(scan, to=bea)
    assert (clinic.now_is(scan).review, clinic.now_is(scan).reopened_for) == (Review.UNREVIEWED, DOC.account)


def test_a_technician_may_and_an_unknown_patient_is_refused(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    with pytest.raises(PatientNotFound):
        clinic.move(scan, to=new_id(NOW), by=TECH)
    assert clinic.now_is(scan).records == 0


@pytest.mark.parametrize(
    "when", ["1849-12-31", "0001-01-01", "1000-06-01T10:00+14:00", "2026-11-23T12:00Z", "9999-12-31"]
)
def test_a_capture_time_that_cannot_be_is_refused(clinic: Clinic, parts: Parts, ada: Patient, when: str) -> None:
    scan = shelf.scan(parts, ada)
    with pytest.raises(Invalid) as caught:
        clinic.correct(scan, captured_at=when)
    assert caught.value.members == {"field": "captured_at"}


def test_a_clock_of_up_to_26_hours_ahead_is_taken(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    clinic.correct(scan, captured_at="2026-11-23T11:30Z")
    assert clinic.now_is(scan).captured_source == "corrected"


def test_nobody_was_photographed_before_being_born(clinic: Clinic, parts: Parts, ada: Patient, bea: Patient) -> None:
    parts.patients.change(TECH, bea.id, {"birth_date": "2001-05-06"}, now=NOW)
    scan = shelf.scan(parts, ada)
    refusals: list[dict[str, Any]] = [{"captured_at": "1957-03-20"}, {"captured_at": "1999-01-01", "patient": bea.id}]
    for refused in refusals:
        with pytest.raises(Invalid):
            clinic.correct(scan, **refused)
    clinic.correct(scan, captured_at="1999-01-01")
    clinic.correct(scan, captured_at="2001-05-06", patient=bea.id)
    assert clinic.now_is(scan).visit_day == "2001-05-06"


def test_a_move_to_somebody_who_was_not_born_yet_is_refused(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    old, new = shelf.scan(parts, ada, NOW - 400 * DAY), shelf.scan(parts, ada)
    unknown = shelf.scan(parts, ada, NOW - 300 * DAY, captured_source=CaptureSource.UPLOAD)
    child, _ = parts.patients.make(TECH, mrn="9", name="Young, Kim", birth_date=(NOW - DAY).date(), now=NOW)
    with pytest.raises(Invalid) as caught:
        clinic.move(new, old, to=child)
    assert caught.value.members == {"field": "patient"}
    assert clinic.now_is(new).patient_id == ada.id, "all or nothing"
    clinic.move(new, unknown, to=child)
    clinic.correct(old, patient=child.id, captured_at=NOW.isoformat())
    assert {clinic.now_is(scan).patient_id for scan in (old, new, unknown)} == {child.id}


def test_a_patient_is_confirmed_whatever_the_birth_date_became(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, NOW - 400 * DAY, attention=[Attention.PATIENT])
    parts.patients.change(TECH, ada.id, {"birth_date": (NOW - DAY).date()}, now=NOW)
    clinic.move(scan, to=ada)
    assert clinic.now_is(scan).attention == []


def test_a_move_of_many_is_told_as_a_whole(clinic: Clinic, parts: Parts, ada: Patient, bea: Patient) -> None:
    rows = shelf.put(parts, [shelf.made(ada, NOW - timedelta(seconds=number)) for number in range(260)])
    clinic.move(*rows, to=bea)
    for who in (ada, bea):
        [told] = parts.reading.chart(DOC, who.id, now=NOW).moved[NOW.date().isoformat()]
        assert told.move.count == 260


def test_moves_of_an_erased_scan_and_its_ticks_are_forgotten(
    clinic: Clinic, parts: Parts, ada: Patient, bea: Patient
) -> None:
    scan: Scan = shelf.scan(parts, ada, upload=shelf.stored(parts, shelf.checked(parts, ada)))
    shelf.look(parts, DOC, scan)
    clinic.move(scan, to=bea)
    with parts.catalog.write() as tx:
        uploads.forget(tx, [scan.upload_id])
    assert moved(parts, ada) == {}
    assert parts.reading.opened(DOC, [scan.id]) == {}


def test_attention_is_one_closed_list(clinic: Clinic, parts: Parts, ada: Patient, bea: Patient) -> None:
    scan = shelf.scan(parts, ada, attention=["eye"])
    clinic.review(shelf.scan(parts, ada))
    clinic.move(scan, to=bea)
    found: list[Any] = clinic.now_is(scan).attention
    assert all(isinstance(code, Attention) for code in found)


@pytest.mark.parametrize("act", ["correct", "withdraw"])
def test_a_bulk_act_never_overrules_what_was_said_since_it_was_shown(
    clinic: Clinic, parts: Parts, ada: Patient, act: str
) -> None:
    rows = shelf.series(parts, ada, 3)
    ids, seen = [row.id for row in rows], {row.id: 0 for row in rows}
    clinic.correct(rows[1], kind="oct")

    def say(act_id: str) -> None:
        if act == "correct":
            parts.records.correct(TECH, act_id, ids, changes={"eye": "OS"}, reason="x", seen=seen, now=NOW)
        else:
            parts.records.withdraw(DOC, act_id, ids, reason="x", seen=seen, now=NOW)

    before = [clinic.now_is(row) for row in rows]
    with pytest.raises(Stale) as refused:
        say(new_id(NOW))
    changed: Any = refused.value.members["changed"]
    assert [(one["scan"], one["records"][0]["kind"]) for one in changed] == [(rows[1].id, "correction")]
    assert [clinic.now_is(row) for row in rows] == before
    seen[rows[1].id] = 1
    act_id = new_id(NOW)
    say(act_id)
    # Sent twice, it is one act: what it did itself is nothing new.
    say(act_id)
