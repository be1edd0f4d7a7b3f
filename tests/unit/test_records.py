"""Records: appended in one transaction with audit and outbox, never changed, the same after every rebuild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.catalog import audit, outbox, scans, uploads
from broker.catalog.patients import Patient
from broker.catalog.scans import Filter, Scan
from broker.errors import IllegalMove, Invalid, NotAllowed, PatientNotFound, ScanNotFound, Stale
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Kind, Review, Role
from tests.people import NOW, actor
from tests.unit.pages import shelf

DOC, TECH = actor(Role.PHYSICIAN), actor(Role.TECHNICIAN)


@pytest.fixture
def scan(parts: Parts, ada: Patient) -> Scan:
    return shelf.scan(parts, ada)


def now_is(parts: Parts, scan: Scan, *, withdrawn: bool = False) -> Scan:
    with parts.catalog.read() as tx:
        return scans.find(tx, [scan.id], withdrawn=withdrawn)[scan.id][0]


def review(parts: Parts, scan: Scan, status: Review = Review.REVIEWED, seen: int = 0, act: str = "") -> list[Any]:
    act = act or new_id(NOW)
    shelf.look(parts, DOC, scan)
    return parts.records.review(DOC, act, {scan.id: seen}, status=status, note="Seen.", now=NOW)


def test_record_audit_and_outbox_stand_in_one_transaction(parts: Parts, scan: Scan) -> None:
    [made] = review(parts, scan)
    with parts.catalog.read() as tx:
        [waiting] = [row for row in outbox.first(tx, 10) if "/records/" in row.name]
        row = audit.newest(tx, before=None, limit=1)[0]
    assert waiting.name == f"scans/{scan.id[-2:]}/{scan.id}/records/1.json"
    assert waiting.document == made
    assert (row.act, set(row.subjects)) == ("scan.reviewed", {scan.patient_id, scan.id})
    assert (now_is(parts, scan).review, now_is(parts, scan).records) == (Review.REVIEWED, 1)


def test_an_act_said_again_is_the_same_act_and_another_one_under_its_id_is_refused(parts: Parts, scan: Scan) -> None:
    act = new_id(NOW)
    first = review(parts, scan, act=act)
    assert review(parts, scan, act=act) == first
    assert now_is(parts, scan).records == 1
    with pytest.raises(Invalid):
        review(parts, scan, Review.REPEAT, act=act)


def test_whoever_says_an_act_again_is_shown_its_records_and_that_is_a_view(parts: Parts, scan: Scan) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    act, gone = new_id(NOW), new_id(NOW)
    asks: list[Callable[[], object]] = [
        lambda: parts.records.correct(DOC, act, [scan.id], changes={"patient": bea.id}, reason="Mistaken.", now=NOW),
        lambda: parts.records.withdraw(DOC, gone, [scan.id], reason="Blurred.", now=NOW),
    ]
    for ask in asks:
        written = []
        for _ in range(2):
            ask()
            with parts.catalog.read() as tx:
                written.append(audit.newest(tx, before=None, limit=1)[0])
        first, again = written
        assert again.id > first.id
        assert again.act == "scan.see"
        assert {*first.subjects} <= {*again.subjects} <= {scan.id, scan.patient_id, bea.id}


def test_somebody_elses_record_makes_a_review_stale_and_names_it(parts: Parts, scan: Scan) -> None:
    review(parts, scan, Review.REPEAT)
    with pytest.raises(Stale) as caught:
        review(parts, scan)
    changed: Any = caught.value.members["changed"]
    [changed] = changed
    assert changed["scan"] == scan.id
    assert [(one["kind"], one["status"], one["by"]) for one in changed["records"]] == [("review", "repeat", DOC.name)]
    assert now_is(parts, scan).records == 1


def test_after_a_review_only_addenda_and_corrections_are_left(parts: Parts, scan: Scan) -> None:
    review(parts, scan)
    with pytest.raises(IllegalMove):
        review(parts, scan, seen=1)
    parts.records.add(DOC, new_id(NOW), [scan.id], note="Also a haemorrhage.", now=NOW)
    parts.records.correct(TECH, new_id(NOW), [scan.id], changes={"kind": "oct"}, reason="Mixed up.", now=NOW)
    found = now_is(parts, scan)
    assert (found.review, found.kind, found.records) == (Review.REVIEWED, Kind.OCT, 3)


def test_one_act_covers_a_visit_and_fails_as_a_whole(parts: Parts, ada: Patient) -> None:
    both = shelf.series(parts, ada, 2)
    shelf.look(parts, DOC, *both)
    parts.records.add(DOC, new_id(NOW), [both[1].id], note="Compare.", now=NOW)
    seen = {one.id: 0 for one in both}
    with pytest.raises(Stale):
        parts.records.review(DOC, new_id(NOW), seen, status=Review.REVIEWED, note="", now=NOW)
    assert now_is(parts, both[0]).records == 0
    made = parts.records.review(
        DOC, new_id(NOW), {both[0].id: 0, both[1].id: 1}, status=Review.REVIEWED, note="", now=NOW
    )
    assert sorted((one["scan"], one["number"]) for one in made) == sorted([(both[0].id, 1), (both[1].id, 2)])


def test_a_correction_keeps_both_values_and_settles_what_asked_for_attention(parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, attention=["eye"])
    [made] = parts.records.correct(TECH, new_id(NOW), [scan.id], changes={"eye": "OD"}, reason="Seen myself.", now=NOW)
    assert made["set"] == {"eye": {"from": "OD", "to": "OD"}}
    assert now_is(parts, scan).attention == []
    with parts.catalog.read() as tx:
        assert scans.page(tx, Filter(attention=True), after=None, limit=1) == []


def test_a_corrected_time_moves_the_visit_in_the_clinics_zone(parts: Parts, scan: Scan) -> None:
    changes = {"captured_at": "2026-11-20T23:30:00+00:00"}
    parts.records.correct(TECH, new_id(NOW), [scan.id], changes=changes, reason="Clock was wrong.", now=NOW)
    found = now_is(parts, scan)
    assert found.captured_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert (found.visit_day, found.captured_source) == ("2026-11-21", "corrected")
    late = (NOW + timedelta(days=3)).isoformat()
    with pytest.raises(Invalid):
        parts.records.correct(TECH, new_id(NOW), [scan.id], changes={"captured_at": late}, reason="x", now=NOW)


def test_a_correction_of_the_patient_gives_the_scan_to_another_one(parts: Parts, ada: Patient, scan: Scan) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    parts.records.correct(DOC, new_id(NOW), [scan.id], changes={"patient": bea.id}, reason="Wrong patient.", now=NOW)
    assert now_is(parts, scan).patient_id == bea.id
    with pytest.raises(PatientNotFound):
        parts.records.correct(DOC, new_id(NOW), [scan.id], changes={"patient": new_id(NOW)}, reason="x", now=NOW)


def test_a_batch_is_corrected_as_a_whole(parts: Parts, ada: Patient) -> None:
    upload = shelf.stored(parts, shelf.checked(parts, ada))
    made = shelf.scan(parts, ada, upload=upload)
    other = shelf.scan(parts, ada)
    with parts.catalog.read() as tx:
        batch = uploads.find(tx, [upload])[upload].batch_id
    parts.records.correct(TECH, new_id(NOW), batch=batch, changes={"kind": "oct"}, reason="All of them.", now=NOW)
    assert (now_is(parts, made).kind, now_is(parts, other).kind) == (Kind.OCT, Kind.COLOR_FUNDUS)


def test_a_withdrawn_scan_leaves_the_gallery_and_can_be_restored(parts: Parts, scan: Scan) -> None:
    parts.records.withdraw(DOC, new_id(NOW), [scan.id], reason="Somebody else's eye.", now=NOW)
    assert now_is(parts, scan, withdrawn=True).withdrawn
    with pytest.raises(ScanNotFound):
        review(parts, scan, seen=1)
    with pytest.raises(ScanNotFound):
        parts.records.withdraw(DOC, new_id(NOW), [scan.id], reason="again", now=NOW)
    parts.records.withdraw(DOC, new_id(NOW), [scan.id], reason="It was right.", now=NOW, restore=True)
    assert now_is(parts, scan).records == 2


def test_a_technician_withdraws_own_uploads_until_they_are_reviewed(parts: Parts, ada: Patient) -> None:
    foreign = shelf.scan(parts, ada)
    with pytest.raises(NotAllowed):
        parts.records.withdraw(TECH, new_id(NOW), [foreign.id], reason="x", now=NOW)
    upload = shelf.stored(parts, shelf.checked(parts, ada))
    own = shelf.scan(parts, ada, upload=upload)
    with parts.catalog.read() as tx:
        sender = replace(TECH, account=uploads.find(tx, [upload])[upload].account_id)
    parts.records.withdraw(sender, new_id(NOW), [own.id], reason="Wrong file.", now=NOW)
    parts.records.withdraw(sender, new_id(NOW), [own.id], reason="It was right.", now=NOW, restore=True)
    review(parts, own, seen=2)
    with pytest.raises(NotAllowed):
        parts.records.withdraw(sender, new_id(NOW), [own.id], reason="x", now=NOW)


def test_only_physicians_review_and_add(parts: Parts, scan: Scan) -> None:
    with pytest.raises(NotAllowed):
        parts.records.review(TECH, new_id(NOW), {scan.id: 0}, status=Review.REVIEWED, note="", now=NOW)
    with pytest.raises(NotAllowed):
        parts.records.add(TECH, new_id(NOW), [scan.id], note="x", now=NOW)
    with pytest.raises(NotAllowed):
        parts.records.add(TECH, new_id(NOW), [scan.id], note="x", closes=True, now=NOW)
    for status in (Review.UNREVIEWED, Review.CLOSED):
        with pytest.raises(Invalid):
            review(parts, scan, status)
