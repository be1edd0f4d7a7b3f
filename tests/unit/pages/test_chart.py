"""The patient's page says what was moved, merged and opened."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from broker.catalog.patients import Patient
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Attention, Eye, Kind, Review
from tests.people import NOW
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page
from tests.unit.pages.test_reading import DOC, form, now_is, opened, read

DAY = timedelta(days=1)


def test_a_move_shows_on_both_patients_visits(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    rows = [shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS)]
    left = shelf.scan(parts, ada, NOW - DAY)
    ids = [row.id for row in rows]
    parts.records.correct(DOC, new_id(NOW), ids, changes={"patient": bea.id}, reason="Swapped cards.", now=NOW)
    away, here = read(physician, f"/patients/{ada.id}"), read(physician, f"/patients/{bea.id}")
    told = "on 22 Nov 2026, 10:30 by Dr Other: Swapped cards."
    assert f"2 scans were moved to Other, Bea, MRN 77 {told}" in away.words
    assert f"2 scans were moved here from Example, Ada, MRN 0012345 {told}" in here.words
    assert f"/patients/{bea.id}" in away.addresses
    assert f"/patients/{ada.id}" in here.addresses
    # The visit of which nothing is left stands there all the same; the other one is as it was.
    assert [
        one.attributes.get("aria-label") for one in away.all("section") if "visit" in one.attributes.get("class", "")
    ] == [
        "Visit of 22 Nov 2026",
        "Visit of 21 Nov 2026",
    ]
    assert f"/scans/{left.id}" in away.addresses
    assert Attention.MOVED.sentence in read(physician, f"/scans/{ids[0]}").words


def test_a_merge_is_one_notice_and_the_old_page_leads_to_the_new_one(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Example, Ada-Marie")
    scan = shelf.scan(parts, ada)
    opened(physician, scan)
    data = form(read(physician, f"/scans/{scan.id}"), "/review") | {"status": "reviewed", "scope": "scan"}
    physician.post(f"/scans/{scan.id}/review", data=data)
    asked = Page(physician.post(f"/patients/{ada.id}/merge", data={"mrn": "77"}).get_data(as_text=True))
    merge = form(asked, "/merge") | {"reason": "The name has changed", "words": "Married"}
    for _ in range(2):  # sent twice, it is one act
        assert physician.post(f"/patients/{ada.id}/merge", data=merge).headers["Location"] == f"/patients/{bea.id}"
    page = read(physician, f"/patients/{bea.id}")
    assert "MRN 0012345, Example, Ada, born 21 Mar 1957, was merged into this record on 22 Nov 2026" in page.words
    assert page.words.count("The name has changed: Married") == 1
    assert "moved" not in page.words.replace("removed", "")
    assert physician.get(f"/patients/{ada.id}").headers["Location"] == f"/patients/{bea.id}"
    # Reviews stand.
    assert now_is(parts, scan).review is Review.REVIEWED
    undo = form(page, "/unmerge") | {"reason": "They are two persons"}
    assert physician.post(f"/patients/{ada.id}/unmerge", data=undo).headers["Location"] == f"/patients/{ada.id}"
    assert now_is(parts, scan).patient_id == ada.id
    assert "was merged" not in read(physician, f"/patients/{bea.id}").words


def test_a_merge_without_a_reason_does_nothing_and_loses_no_word(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Example, Ada-Marie")
    asked = Page(physician.post(f"/patients/{ada.id}/merge", data={"mrn": "77"}).get_data(as_text=True))
    data = form(asked, "/merge") | {"reason": "Seen the passport", "words": "y" * 1001}
    answer = physician.post(f"/patients/{ada.id}/merge", data=data)
    assert answer.status_code == 422
    assert "Seen the passport" in answer.get_data(as_text=True)
    assert physician.get(f"/patients/{ada.id}").status_code == 200
    empty = physician.post(f"/patients/{ada.id}/merge", data=form(asked, "/merge") | {"into": bea.id, "reason": ""})
    assert empty.status_code == 422
    assert physician.post(f"/patients/{ada.id}/unmerge", data={"act": new_id(NOW)}).status_code == 422


def test_thumbnails_say_what_was_opened_to_who_reviews(
    physician: FlaskClient, technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    right = shelf.scan(parts, ada)
    volume = shelf.scan(parts, ada, kind=Kind.OCT, facts=shelf.facts(frames=128))
    assert read(physician, f"/patients/{ada.id}").words.count("not opened") == 2
    opened(physician, right)
    opened(physician, volume, slices=12)
    words = read(physician, f"/patients/{ada.id}").words
    assert "Colour fundus opened" in words
    assert "OCT 12 of 128 slices" in words
    assert "opened" not in read(technician, f"/patients/{ada.id}").words


def test_a_fold_can_be_chosen_as_a_whole_and_says_how_many_it_is(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    run = [shelf.scan(parts, ada, NOW - timedelta(seconds=n), kind=Kind.ICG_ANGIOGRAPHY) for n in range(9)]
    shelf.scan(parts, ada)
    page = read(physician, f"/patients/{ada.id}")
    [fold] = [one for one in page.elements if "data-folded" in one.attributes]
    assert fold.attributes["data-folded"].split() == [row.id for row in run]
    assert "all 9" in page.words
    assert len([one for one in page.elements if "data-card" in one.attributes]) == 2


def test_a_namesake_carries_a_mark_wherever_the_patient_is_read(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    pages = (
        "/gallery",
        f"/scans/{scan.id}",
        f"/patients/{ada.id}",
        "/worklist",
        f"/patients/{ada.id}/visits/2026-11-22",
    )
    for path in pages:
        assert not marked(read(physician, path)), path
    shelf.patient(parts, mrn="77", name=ada.name)
    for path in pages:
        assert marked(read(physician, path)), path
    moving = Page(physician.post("/move", data={"scan": scan.id}).get_data(as_text=True))
    assert marked(moving)


def test_a_record_that_was_merged_is_no_namesake(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    twice = shelf.patient(parts, mrn="77", name=ada.name)
    parts.patients.merge(DOC, new_id(NOW), absorbed=twice.id, into=ada.id, reason="Twice.", now=NOW)
    assert not marked(read(physician, f"/patients/{ada.id}"))


def marked(page: Page) -> bool:
    return any("alike" in one.attributes.get("class", "").split() for one in page.elements)
