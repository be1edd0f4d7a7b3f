"""Taking an act back: its author, for ten minutes, the whole of it, and not after a later record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.catalog.patients import Patient
from broker.errors import IllegalMove, NotAllowed, NotFound
from broker.ids import new_id
from broker.parts import Parts
from broker.records import history
from broker.words import Review, Role
from tests.people import NOW, actor
from tests.unit.clinic import DOC, MINUTE, TECH, Clinic
from tests.unit.pages import shelf


def test_the_author_takes_a_whole_act_back_and_it_stays_in_the_history(
    clinic: Clinic, parts: Parts, ada: Patient
) -> None:
    scans = shelf.series(parts, ada, 3)
    act = new_id(NOW)
    clinic.review(*scans, act=act)
    made = parts.records.retract(DOC, new_id(NOW), act, now=NOW + 10 * MINUTE)
    assert sorted(one["scan"] for one in made) == sorted(scan.id for scan in scans)
    for scan in scans:
        assert (clinic.now_is(scan).review, clinic.now_is(scan).records) == (Review.UNREVIEWED, 2)
    told = history(parts.gallery.one(DOC, scans[0].id, now=NOW).records)
    assert [(one["kind"], one.get("retracted", False)) for one in told] == [("review", True), ("retraction", False)]
    assert len(parts.reading.worklist(DOC, now=NOW)[0]) == 1
    clinic.review(*scans)


def test_after_ten_minutes_it_is_too_late(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan, act = shelf.scan(parts, ada), new_id(NOW)
    clinic.review(scan, act=act)
    with pytest.raises(IllegalMove):
        parts.records.retract(DOC, new_id(NOW), act, now=NOW + 10 * MINUTE + timedelta(seconds=1))
    assert clinic.now_is(scan).review is Review.REVIEWED


def test_somebody_else_does_not_take_it_back(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan, act = shelf.scan(parts, ada), new_id(NOW)
    clinic.review(scan, act=act)
    with pytest.raises(NotAllowed):
        parts.records.retract(actor(Role.PHYSICIAN), new_id(NOW), act, now=NOW)
    with pytest.raises(NotFound):
        parts.records.retract(DOC, new_id(NOW), new_id(NOW), now=NOW)


def test_not_after_a_later_record_on_any_of_its_scans(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scans, act = shelf.series(parts, ada, 3), new_id(NOW)
    clinic.review(*scans, act=act)
    parts.records.add(DOC, new_id(NOW), [scans[1].id], note="Also this.", now=NOW)
    with pytest.raises(IllegalMove) as caught:
        parts.records.retract(DOC, new_id(NOW), act, now=NOW)
    assert caught.value.members["scans"] == [scans[1].id]
    assert all(clinic.now_is(scan).review is Review.REVIEWED for scan in scans)


def test_not_after_one_of_its_scans_was_withdrawn(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scans, act = shelf.series(parts, ada, 2), new_id(NOW)
    clinic.review(*scans, act=act)
    clinic.withdraw(scans[0])
    with pytest.raises(IllegalMove):
        parts.records.retract(DOC, new_id(NOW), act, now=NOW)
    clinic.withdraw(scans[0], restore=True)
    with pytest.raises(IllegalMove):
        parts.records.retract(DOC, new_id(NOW), act, now=NOW)


def test_a_retraction_said_again_is_the_same_and_another_one_is_refused(
    clinic: Clinic, parts: Parts, ada: Patient
) -> None:
    scan, act, back = shelf.scan(parts, ada), new_id(NOW), new_id(NOW)
    clinic.review(scan, act=act)
    assert parts.records.retract(DOC, back, act, now=NOW) == parts.records.retract(DOC, back, act, now=NOW)
    for what in (act, back):
        with pytest.raises(IllegalMove):
            parts.records.retract(DOC, new_id(NOW), what, now=NOW)


def test_corrections_and_withdrawals_are_put_right_and_not_taken_back(
    clinic: Clinic, parts: Parts, ada: Patient
) -> None:
    scan, act = shelf.scan(parts, ada), new_id(NOW)
    clinic.correct(scan, eye="OS", by=DOC, act=act)
    with pytest.raises(IllegalMove):
        parts.records.retract(DOC, new_id(NOW), act, now=NOW)


def test_a_repeat_its_answer_and_its_closing_can_each_be_taken_back(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    [asked] = clinic.repeat(scan)
    parts.records.retract(DOC, new_id(NOW), asked["act"], now=NOW)
    assert (clinic.now_is(scan).review, clinic.now_is(scan).requested_at) == (Review.UNREVIEWED, None)
    clinic.repeat(scan)
    [answer] = parts.records.answer(TECH, new_id(NOW), scan.id, possible=False, reason="Left.", now=NOW)
    parts.records.retract(TECH, new_id(NOW), answer["act"], now=NOW)
    assert (clinic.now_is(scan).review, clinic.now_is(scan).answer) == (Review.REPEAT, None)
    [closed] = clinic.close(scan)
    parts.records.retract(DOC, new_id(NOW), closed["act"], now=NOW)
    assert (clinic.now_is(scan).review, clinic.now_is(scan).requested_at) == (Review.REPEAT, NOW)


def test_a_retracted_review_leaves_the_scan_reopened_as_it_was(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan, other = shelf.scan(parts, ada), actor(Role.PHYSICIAN, name="Dr Other")
    clinic.review(scan)
    clinic.correct(scan, eye="OS")
    [again] = clinic.review(scan, by=other)
    assert "eye_corrected" not in clinic.now_is(scan).attention
    parts.records.retract(other, new_id(NOW), again["act"], now=NOW)
    assert [one.scan.id for one in parts.reading.reopened(DOC, now=NOW)] == [scan.id]
    assert clinic.now_is(scan).attention == ["eye_corrected"]
