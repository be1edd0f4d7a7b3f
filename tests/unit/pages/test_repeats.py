"""Wanted repeats on the pages: seen without looking for them, answered by technicians, closed by physicians."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from broker.catalog import scans
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import CaptureSource, Eye, Review, Role
from tests.people import NOW
from tests.unit.conftest import ClientFor, Clock
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page
from tests.unit.pages.test_reading import DOC, form, now_is, opened, read


def ask(parts: Parts, scan: Scan, note: str = "Too dark.") -> None:
    parts.records.review(DOC, new_id(NOW), {scan.id: 0}, status=Review.REPEAT, note=note, unopened=True, now=NOW)


def answer(parts: Parts, who: Patient, minutes: int = 60, **changes: Any) -> Scan:
    """A scan that was captured and sent after the request."""
    sent = NOW + timedelta(minutes=minutes)
    return shelf.scan(parts, who, sent, facts=shelf.facts(sent_at=sent.isoformat()), **changes)


def nav(page: Page) -> dict[str, str]:
    """What the navigation says, by its addresses."""
    words = page.words
    start = words.index("Skip to the content")
    return {"words": words[start : start + 300]}


def test_what_waits_is_counted_in_the_navigation_of_whom_it_waits_for(
    technician: FlaskClient, physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    assert "repeat" not in nav(read(technician, "/gallery"))["words"]
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    ask(parts, shelf.scan(parts, ada, eye=Eye.OS))
    assert ", 2 repeats wanted" in nav(read(technician, "/gallery"))["words"]
    assert "to close" not in nav(read(physician, "/gallery"))["words"]
    answer(parts, ada)
    assert ", 1 repeat wanted" in nav(read(technician, "/upload"))["words"]
    assert ", 1 repeat to close" in nav(read(physician, "/gallery"))["words"]
    assert "repeats wanted" not in nav(read(physician, "/gallery"))["words"]


def test_both_pictures_are_put_before_the_physician_who_closes_it(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    came = answer(parts, ada)
    page = read(physician, "/worklist")
    assert "Repeats to close" in page.words
    assert f"/compare?left={wanted.id}&right={came.id}" in page.addresses
    assert {one.attributes["data-scan"] for one in page.all("img") if "data-scan" in one.attributes} == {
        wanted.id,
        came.id,
    }
    closed = physician.post(f"/scans/{wanted.id}/close", data=form(page, "/close"))
    assert closed.headers["Location"] == "/worklist"
    assert now_is(parts, wanted).review is Review.CLOSED
    assert "Repeats to close" not in read(physician, "/worklist").words


def test_closing_signs_only_what_the_page_showed(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    came = answer(parts, ada)
    page = read(physician, "/worklist")
    assert "Close: the repeat is good (1 of 1 not opened)" in page.words
    opened(physician, came)
    assert "Close: the repeat is good for" in read(physician, "/worklist").words
    parts.records.withdraw(DOC, new_id(NOW), [came.id], reason="Wrong file.", now=NOW)
    assert physician.post(f"/scans/{wanted.id}/close", data=form(page, "/close")).status_code == 412
    assert now_is(parts, wanted).review is Review.REPEAT


def test_an_answer_in_doubt_is_shown_where_the_repeat_is_still_wanted(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    ask(parts, shelf.scan(parts, ada))
    came = answer(parts, ada, attention=["eye"])
    page = read(physician, "/worklist")
    assert "Repeats to close" not in page.words
    assert "its patient or its eye is in doubt" in page.words
    assert f"/scans/{came.id}" in page.addresses


def test_more_repeats_than_a_list_shows_are_counted_and_lead_to_all_of_them(
    technician: FlaskClient, physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    for scan in shelf.put(parts, [shelf.made(ada, NOW - timedelta(minutes=n)) for n in range(63)]):
        ask(parts, scan)
    for page in (read(physician, "/worklist"), read(technician, "/upload/today")):
        assert "and 3 more" in page.words
        assert "/gallery?review=repeat" in page.addresses


def test_a_repeat_that_is_no_better_is_asked_for_again(
    physician: FlaskClient, parts: Parts, ada: Patient, clock: Clock
) -> None:
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    answer(parts, ada, minutes=5)
    clock.move(minutes=10)
    data = form(read(physician, "/worklist"), "/review") | {"status": "repeat-all", "note": "Still too dark."}
    again = physician.post(f"/scans/{wanted.id}/review", data=data)
    assert again.headers["Location"].startswith("/worklist?done=")
    words = read(physician, "/worklist").words
    assert "Repeats wanted" in words
    assert "Repeats to close" not in words


def test_not_possible_goes_to_the_physician_with_its_reason(
    technician: FlaskClient, physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    today = read(technician, "/upload/today")
    data = form(today, "/answer") | {"reason": "The patient has left", "words": "Back in May"}
    told = technician.post(f"/scans/{wanted.id}/answer", data=data)
    assert told.headers["Location"] == "/upload/today"
    assert "Too dark." not in read(technician, "/upload/today").words
    page = read(physician, "/worklist")
    assert "Not possible , says technician" in page.words.replace("  ", " ")
    assert "The patient has left: Back in May" in page.words
    physician.post(f"/scans/{wanted.id}/close", data=form(page, "/close"))
    assert now_is(parts, wanted).review is Review.CLOSED
    # Without a reason it is nothing.
    bare = technician.post(f"/scans/{wanted.id}/answer", data={"act": new_id(NOW), "reason": "", "words": ""})
    assert bare.status_code == 422


def test_only_a_physician_closes_a_repeat(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    wanted = shelf.scan(parts, ada)
    ask(parts, wanted)
    assert not [
        one
        for one in read(technician, f"/scans/{wanted.id}").all("form")
        if one.attributes.get("action", "").endswith("/close")
    ]
    data = {"act": new_id(NOW), "note": "Good."}
    assert technician.post(f"/scans/{wanted.id}/close", data=data).status_code == 403


def test_a_scan_of_unknown_time_is_linked_by_a_person(
    technician: FlaskClient, physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    wanted, before = shelf.scan(parts, ada), shelf.scan(parts, ada, captured_source=CaptureSource.UPLOAD)
    ask(parts, wanted)
    came = answer(parts, ada, captured_source=CaptureSource.UPLOAD)
    # A file that was there before never answers, and a known time speaks for itself.
    assert "This is the repeat" not in read(technician, f"/scans/{before.id}").words
    page = read(technician, f"/scans/{came.id}")
    assert "This is the repeat" in page.words
    linked = technician.post(f"/scans/{wanted.id}/answer", data=form(page, "/answer"))
    assert linked.headers["Location"] == f"/scans/{came.id}"
    assert "This is the repeat" not in read(technician, f"/scans/{came.id}").words
    assert f"/compare?left={wanted.id}&right={came.id}" in read(physician, "/worklist").addresses


@pytest.mark.parametrize("changes", [{"eye": "OS"}, {"patient": "other"}])
def test_a_reopened_review_stands_in_its_authors_list(
    client_for: ClientFor, parts: Parts, ada: Patient, changes: dict[str, str]
) -> None:
    author, other = client_for(Role.PHYSICIAN), client_for(Role.PHYSICIAN)
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    scan = shelf.scan(parts, ada)
    opened(author, scan)
    data = form(read(author, f"/scans/{scan.id}"), "/review") | {"status": "reviewed", "scope": "scan"}
    author.post(f"/scans/{scan.id}/review", data=data)
    assert "reopened" not in read(author, "/worklist").words
    told = {"patient": bea.id} if "patient" in changes else changes
    parts.records.correct(DOC, new_id(NOW), [scan.id], changes=told, reason="Mixed up.", now=NOW)
    page = read(author, "/worklist")
    assert "Your reviews that were reopened" in page.words
    assert "Mixed up." in page.words
    assert "reopened" not in read(other, "/worklist").words
    with parts.catalog.read() as tx:
        assert scans.find(tx, [scan.id])[scan.id][0].review is Review.UNREVIEWED
