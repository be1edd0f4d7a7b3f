"""A review says what was seen: what it covers and what it leaves out is said before it is signed."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.pages import signing
from broker.parts import Parts
from broker.words import Attention, Eye, Kind, Review
from tests.people import NOW
from tests.unit.conftest import Clock
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page
from tests.unit.pages.test_reading import DOC, form, now_is, opened, read


def picture(slices: int, frames: int = 1, kind: Kind = Kind.COLOR_FUNDUS) -> signing.Item:
    words = signing.opened(slices, frames, kind)
    return signing.Item("", "", {Kind.OCT: "OCT"}.get(kind, "Colour fundus"), slices, frames, "", words)


def volume(slices: int) -> signing.Item:
    return picture(slices, 128, Kind.OCT)


# The same cases, with the same words, stand in web/test/signing.test.ts: the page says them anew while one looks.
@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], ""),
        ([picture(1), volume(128)], ""),
        ([picture(0), picture(1), picture(0)], "2 of 3 not opened"),
        ([picture(1), volume(1)], "OCT: 1 of 128 slices"),
        ([picture(0), volume(1), volume(0)], "2 of 3 not opened; OCT: 1 of 128 slices"),
        ([volume(1), volume(12)], "2 not seen whole"),
    ],
)
def test_the_button_says_how_many_were_not_opened_and_how_much_of_a_volume(
    items: list[signing.Item], words: str
) -> None:
    assert signing.unseen(items) == words


def stack(parts: Parts, who: Patient, frames: int = 128, **changes: Any) -> Scan:
    return shelf.scan(parts, who, kind=Kind.OCT, facts=shelf.facts(frames=frames), **changes)


def sign(client: FlaskClient, page: Page, scan: Scan, status: str, scope: str = "visit", note: str = "") -> Any:
    data = form(page, "/review") | {"status": status, "scope": scope, "note": note}
    return client.post(f"/scans/{scan.id}/review", data=data)


def test_the_button_counts_what_was_not_opened(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    right, left, oct_ = shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS), stack(parts, ada)
    words = read(physician, f"/scans/{right.id}").words
    assert "Reviewed, next (3 of 3 not opened)" in words
    opened(physician, right, left)
    opened(physician, oct_, slices=12)
    words = read(physician, f"/scans/{right.id}").words
    assert "Reviewed, next (OCT: 12 of 128 slices)" in words
    assert "12 of 128 slices" in words


def test_pressing_it_asks_first_and_signs_nothing(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    rows = [shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS), shelf.scan(parts, ada, kind=Kind.INFRARED)]
    opened(physician, *rows[:2])
    answer = sign(physician, read(physician, f"/scans/{rows[0].id}"), rows[0], "reviewed", note="No change.")
    assert answer.status_code == 409
    page = Page(answer.get_data(as_text=True))
    for words in ("1 of 3 was not opened.", "Sign the 2 opened", "Sign all 3 all the same", "Open the first"):
        assert words in page.words
    assert f"/scans/{rows[2].id}" in page.addresses
    assert "No change." in page.words
    assert [now_is(parts, row).review for row in rows] == [Review.UNREVIEWED] * 3
    assert sign(physician, page, rows[0], "reviewed-opened", note="No change.").status_code == 303
    assert [now_is(parts, row).review for row in rows] == [Review.REVIEWED, Review.REVIEWED, Review.UNREVIEWED]


def test_all_can_be_signed_all_the_same_and_the_record_says_what_was_seen(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    right, bare = shelf.scan(parts, ada), shelf.scan(parts, ada, facts=shelf.facts(renditions={}, no_preview="None."))
    oct_ = stack(parts, ada)
    opened(physician, right, bare)
    opened(physician, oct_, slices=3)
    page = read(physician, f"/scans/{right.id}")
    # Without preview counts as not opened, whatever the browser says.
    assert "Reviewed, next (1 of 3 not opened; OCT: 3 of 128 slices)" in page.words
    assert sign(physician, page, right, "reviewed").status_code == 409
    assert sign(physician, page, right, "reviewed-all").status_code == 303
    for scan, words in ((right, "opened"), (bare, "not opened"), (oct_, "3 of 128 slices")):
        assert f"22 Nov 2026, 10:30 · {words}" in read(physician, f"/scans/{scan.id}").words


def test_a_wanted_repeat_is_left_out_of_the_visit_and_said(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    right, blurred = shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS)
    parts.records.review(DOC, new_id(NOW), {blurred.id: 0}, status=Review.REPEAT, note="", unopened=True, now=NOW)
    opened(physician, right, blurred)
    for scan in (right, blurred):
        page = read(physician, f"/scans/{scan.id}")
        assert "1 waits for its repeat and is left out." in page.words
        assert form(page, "/review")["seen"] == [f"{right.id}:0:1"]
    assert sign(physician, page, blurred, "reviewed").status_code == 303
    assert [now_is(parts, row).review for row in (right, blurred)] == [Review.REVIEWED, Review.REPEAT]


@pytest.mark.parametrize("code", [Attention.EYE, Attention.PATIENT])
def test_what_is_flagged_for_patient_or_eye_is_not_signed_until_it_is_settled(
    physician: FlaskClient, parts: Parts, ada: Patient, code: Attention
) -> None:
    right, flagged = shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS, attention=[code])
    opened(physician, right, flagged)
    page = read(physician, f"/scans/{right.id}")
    assert "1 is flagged: settle it first." in page.words
    assert f"/scans/{flagged.id}" in page.addresses
    assert sign(physician, page, right, "reviewed").status_code == 303
    assert [now_is(parts, row).review for row in (right, flagged)] == [Review.REVIEWED, Review.UNREVIEWED]
    # Not by a form of one's own either.
    own = {"act": new_id(NOW), "seen": f"{flagged.id}:0:1", "scope": "scan", "status": "reviewed"}
    assert physician.post(f"/scans/{flagged.id}/review", data=own).status_code == 409


def test_other_flags_are_shown_only(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, attention=[Attention.CAPTURED_AT, Attention.STORED_ELSEWHERE])
    opened(physician, scan)
    assert sign(physician, read(physician, f"/scans/{scan.id}"), scan, "reviewed").status_code == 303


def test_a_scan_that_the_form_did_not_show_is_never_signed(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    page = read(physician, f"/scans/{scan.id}")
    later = shelf.scan(parts, ada, eye=Eye.OS)
    opened(physician, scan, later)
    assert sign(physician, page, scan, "reviewed").status_code == 303
    assert now_is(parts, later).review is Review.UNREVIEWED
    none = physician.post(f"/scans/{later.id}/review", data={"act": new_id(NOW), "status": "reviewed"})
    assert none.status_code == 422
    blind = physician.post(
        f"/scans/{later.id}/review", data={"act": new_id(NOW), "status": "reviewed", "scope": "scan"}
    )
    assert blind.status_code == 412


def test_the_author_takes_a_review_back_whole_for_ten_minutes(
    physician: FlaskClient, parts: Parts, ada: Patient, clock: Clock
) -> None:
    rows = [shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS)]
    opened(physician, *rows)
    answer = sign(physician, read(physician, f"/scans/{rows[0].id}"), rows[0], "reviewed")
    landed = read(physician, answer.headers["Location"])
    assert "Reviewed: Example, Ada, 22 Nov 2026, 2 scans." in landed.words
    assert "Take it back" in read(physician, f"/scans/{rows[1].id}").words
    data = form(landed, "/retract")
    back = physician.post(f"/scans/{rows[0].id}/retract", data=data)
    assert back.headers["Location"] == f"/scans/{rows[0].id}"
    assert [now_is(parts, row).review for row in rows] == [Review.UNREVIEWED] * 2
    words = read(physician, f"/scans/{rows[0].id}").words
    assert "(taken back)" in words
    assert "Reviewed: Example" not in read(physician, answer.headers["Location"]).words


def test_after_ten_minutes_or_for_somebody_else_there_is_nothing_to_take_back(
    physician: FlaskClient, technician: FlaskClient, parts: Parts, ada: Patient, clock: Clock
) -> None:
    scan = shelf.scan(parts, ada)
    opened(physician, scan)
    answer = sign(physician, read(physician, f"/scans/{scan.id}"), scan, "reviewed")
    assert "Take it back" not in read(technician, f"/scans/{scan.id}").words
    data = form(read(physician, f"/scans/{scan.id}"), "/retract")
    clock.move(minutes=11)
    assert "Take it back" not in read(physician, answer.headers["Location"]).words
    assert "Take it back" not in read(physician, f"/scans/{scan.id}").words
    late = physician.post(f"/scans/{scan.id}/retract", data=data)
    assert late.status_code == 409
    assert "too late" in late.get_data(as_text=True)
