"""Where physicians read: worklist, patient, scan with its forms, pair, report."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from broker.catalog import scans
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind, Review, Role
from tests.people import NOW, actor
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

DAY = timedelta(days=1)
DOC = actor(Role.PHYSICIAN, name="Dr Other")


def read(client: FlaskClient, path: str, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def form(page: Page, action: str) -> dict[str, list[str]]:
    """The hidden fields of the form that goes to ``action``."""
    at = next(n for n, one in enumerate(page.elements) if one.attributes.get("action", "").endswith(action))
    fields: dict[str, list[str]] = {}
    for one in page.elements[at + 1 :]:
        if one.tag == "form":
            break
        if one.attributes.get("type") == "hidden":
            fields.setdefault(one.attributes["name"], []).append(one.attributes["value"])
    return fields


def now_is(parts: Parts, scan: Scan) -> Scan:
    with parts.catalog.read() as tx:
        return scans.find(tx, [scan.id])[scan.id][0]


def test_the_worklist_says_whose_visit_which_day_and_how_much(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    first = shelf.scan(parts, ada, urgent=True)
    shelf.scan(parts, ada, NOW - DAY)
    page = read(physician, "/worklist")
    for words in ("Example, Ada", "21 Mar 1957", "0012345", "22 Nov 2026", "2 visits", "1 urgent", "Urgent"):
        assert words in page.words
    links = [address for address in page.addresses if address.startswith("/scans/")]
    assert links[0] == f"/scans/{first.id}"


def opened(client: FlaskClient, *scans: Scan, slices: int = 1) -> None:
    """Say, as the page's script does, that the pictures were shown."""
    told = {"scans": [{"id": scan.id, "slices": slices} for scan in scans]}
    assert client.post("/api/v1/scans/opened", json=told).status_code == 200


def test_a_technician_has_no_worklist_and_no_review(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    read(technician, "/worklist", 403)
    assert not [
        one for one in read(technician, f"/scans/{scan.id}").all("form") if "review" in one.attributes.get("action", "")
    ]
    assert technician.post(f"/scans/{scan.id}/review", data={"status": "reviewed"}).status_code == 403


def test_reviewing_a_visit_goes_on_to_the_next_one(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    right, left = shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS)
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    waiting = shelf.scan(parts, bea)
    fields = form(read(physician, f"/scans/{right.id}"), "/review")
    assert sorted(fields["seen"]) == sorted([f"{right.id}:0:1", f"{left.id}:0:1"])
    opened(physician, right, left)
    data = fields | {"scope": "visit", "status": "reviewed", "note": "No change."}
    answer = physician.post(f"/scans/{right.id}/review", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/scans/{waiting.id}?done={fields['act'][0]}")
    # Sent twice, it is one act.
    assert physician.post(f"/scans/{right.id}/review", data=data).status_code == 303
    assert [now_is(parts, one).records for one in (right, left)] == [1, 1]
    words = read(physician, f"/scans/{left.id}").words
    assert re.search(r"Reviewed by physician \w+, 22 Nov 2026, 10:30", words.replace(" ,", ","))
    assert "No change." in words


def test_one_scan_alone_can_be_sent_back_for_a_repeat(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    right, left = shelf.scan(parts, ada), shelf.scan(parts, ada, eye=Eye.OS)
    data = form(read(physician, f"/scans/{right.id}"), "/review")
    opened(physician, right)
    physician.post(f"/scans/{right.id}/review", data=data | {"scope": "scan", "status": "repeat", "note": "Blurred."})
    assert [now_is(parts, one).review for one in (right, left)] == [Review.REPEAT, Review.UNREVIEWED]
    assert "Repeats wanted" in read(physician, "/worklist").words
    fields = form(read(physician, f"/scans/{right.id}"), "/close")
    assert physician.post(f"/scans/{right.id}/close", data=fields | {"note": "Patient has left."}).status_code == 303
    assert now_is(parts, right).review is Review.CLOSED


def test_the_addresses_of_a_merged_record_lead_to_the_patient(
    technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    old = shelf.patient(parts, mrn="0099", name="Maiden, Ada")
    scan = shelf.scan(parts, old)
    fields = form(read_post(technician, f"/patients/{old.id}/merge", {"mrn": ada.mrn}), "/merge")
    answer = technician.post(f"/patients/{old.id}/merge", data=fields | {"reason": "One person."})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/patients/{ada.id}")
    for path in (f"/patients/{old.id}", f"/gallery?patient={old.id}"):
        assert technician.get(path).headers["Location"] == path.replace(old.id, ada.id)
    assert f"/scans/{scan.id}" in read(technician, f"/patients/{ada.id}").addresses
    assert now_is(parts, scan).records == 0


def read_post(client: FlaskClient, path: str, data: dict[str, str]) -> Page:
    return Page(client.post(path, data=data).get_data(as_text=True))


def test_a_stale_page_says_what_changed_and_keeps_every_typed_word(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    fields = form(read(physician, f"/scans/{scan.id}"), "/review")
    opened(physician, scan)
    parts.records.review(DOC, new_id(NOW), {scan.id: 0}, status=Review.REPEAT, note="Too dark.", now=NOW, unopened=True)
    data = fields | {"status": "reviewed", "note": "A long text\nof two lines."}
    answer = physician.post(f"/scans/{scan.id}/review", data=data)
    assert answer.status_code == 412
    page = Page(answer.get_data(as_text=True))
    assert "Somebody said something about this meanwhile" in page.words
    assert "Dr Other" in page.words
    assert "Too dark." in page.words
    assert "A long text\nof two lines." in answer.get_data(as_text=True)
    assert now_is(parts, scan).records == 1
    # A repeat is wanted by now: that is closed before the scan can be signed.
    assert "waits for its repeat" in page.words
    closing = form(page, "/close") | {"note": "Light enough to read."}
    assert physician.post(f"/scans/{scan.id}/close", data=closing).status_code == 303
    opened(physician, scan)
    again = form(read(physician, f"/scans/{scan.id}"), "/review") | {"status": "reviewed", "note": "x"}
    assert physician.post(f"/scans/{scan.id}/review", data=again).status_code == 303


def test_after_a_review_the_page_offers_an_addendum_only(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    parts.records.review(DOC, new_id(NOW), {scan.id: 0}, status=Review.REVIEWED, note="", now=NOW, unopened=True)
    page = read(physician, f"/scans/{scan.id}")
    assert not [one for one in page.all("form") if one.attributes.get("action", "").endswith("/review")]
    fields = form(page, "/addendum")
    assert physician.post(f"/scans/{scan.id}/addendum", data=fields | {"note": "Also this."}).status_code == 303
    assert "Also this." in read(physician, f"/scans/{scan.id}").words
    empty = physician.post(f"/scans/{scan.id}/addendum", data={"act": new_id(NOW), "note": "  "})
    assert empty.status_code == 422


def test_a_correction_keeps_what_was_typed_if_it_cannot_be(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, attention=["eye"])
    fields = form(read(technician, f"/scans/{scan.id}"), "/correct")
    for wrong in ({"captured_at": "tomorrow"}, {"eye": "left"}, {}):
        answer = technician.post(f"/scans/{scan.id}/correct", data=fields | {"reason": "Typed words."} | wrong)
        assert answer.status_code == 422
        assert "Typed words." in answer.get_data(as_text=True)
    data = fields | {"eye": "OS", "captured_at": "2026-11-21T08:00", "reason": "Mixed up."}
    assert technician.post(f"/scans/{scan.id}/correct", data=data).status_code == 303
    words = read(technician, f"/scans/{scan.id}").words
    assert "OD · right → OS · left, 22 Nov 2026 → 21 Nov 2026" in words
    assert "names another eye" not in words


def test_a_withdrawn_scan_can_be_restored_from_its_patient(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    data = {"act": new_id(NOW), "reason": "Another patient."}
    answer = physician.post(f"/scans/{scan.id}/withdraw", data=data)
    assert answer.headers["Location"] == f"/patients/{ada.id}"
    page = read(physician, f"/patients/{ada.id}")
    assert "Withdrawn: 1" in page.words
    back = form(page, "/restore") | {"reason": "It was right."}
    assert physician.post(f"/scans/{scan.id}/restore", data=back).headers["Location"] == f"/scans/{scan.id}"
    assert now_is(parts, scan).records == 2


def test_the_patient_page_has_the_right_eye_first_and_folds_runs(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    for n in range(9):
        shelf.scan(parts, ada, NOW - timedelta(seconds=n), kind=Kind.ICG_ANGIOGRAPHY)
    left, old = shelf.scan(parts, ada, eye=Eye.OS), shelf.scan(parts, ada, NOW - 300 * DAY, eye=Eye.OS)
    shelf.scan(parts, ada, eye=Eye.UNKNOWN)
    page = read(physician, f"/patients/{ada.id}")
    assert page.words.index("OD · right") < page.words.index("OS · left") < page.words.index("OD/OS?")
    assert "9 pictures" in page.words
    run = f"/gallery?patient={ada.id}&eye=OD&kind=icg_angiography&from=2026-11-22&to=2026-11-22"
    assert run in page.addresses
    assert f"/scans/{old.id}" in page.addresses
    assert "Same eye over time" in page.words
    for headers in ({}, {"HX-Request": "true"}):
        strips = Page(physician.get(f"/patients/{ada.id}/over-time", headers=headers).get_data(as_text=True))
        assert strips.is_whole is not bool(headers)
        # Oldest first; what was seen once only is no strip.
        places = [address for address in strips.addresses if address.startswith("/scans/")]
        assert places == [f"/scans/{old.id}", f"/scans/{left.id}"]


def test_the_list_of_reopened_reviews_names_the_correction_that_reopened(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    """And neither what was corrected later and reopens nothing, nor the same value said again."""
    scan, bea = shelf.scan(parts, ada), shelf.patient(parts, mrn="77", name="Other, Bea")
    opened(physician, scan)
    data = form(read(physician, f"/scans/{scan.id}"), "/review") | {"status": "reviewed", "scope": "scan"}
    physician.post(f"/scans/{scan.id}/review", data=data)
    for reason, changes in (
        ("Her sister's.", {"patient": bea.id}),
        ("A volume.", {"kind": "oct"}),
        ("Yes, Bea's.", {"patient": bea.id}),
    ):
        parts.records.correct(DOC, new_id(NOW), [scan.id], changes=changes, reason=reason, now=NOW)
    words = read(physician, "/worklist").words
    assert "Her sister's." in words
    assert "A volume." not in words
    assert "Yes, Bea's." not in words


def test_a_number_that_is_another_records_by_now_finds_the_patient_to_merge_into(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    old, left = (shelf.patient(parts, mrn=mrn, name="Other, Bea") for mrn in ("78", "79"))
    parts.patients.merge(DOC, new_id(NOW), absorbed=old.id, into=left.id, reason="One person.", now=NOW)
    asked = Page(physician.post(f"/patients/{ada.id}/merge", data={"mrn": "78"}).get_data(as_text=True))
    assert form(asked, "/merge")["into"] == [left.id]
    own = physician.post(f"/patients/{left.id}/merge", data={"mrn": "78"}).get_data(as_text=True)
    assert "No other patient" in own


def test_two_records_of_one_person_are_shown_before_they_are_merged(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    bea = shelf.patient(parts, mrn="77", name="Example, Ada-Marie")
    url = f"/patients/{ada.id}/merge"
    asked = Page(physician.post(url, data={"mrn": "77"}).get_data(as_text=True))
    assert "Example, Ada-Marie" in asked.words
    assert now_is(parts, scan).patient_id == ada.id
    answer = physician.post(url, data=form(asked, "/merge") | {"reason": "Married."})
    assert answer.headers["Location"] == f"/patients/{bea.id}"
    assert now_is(parts, scan).patient_id == bea.id
    assert "No other patient" in physician.post(url, data={"mrn": "nobody"}).get_data(as_text=True)


def test_the_report_has_both_eyes_facts_notes_a_signature_line_and_what_it_is_not(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    right = shelf.scan(parts, ada)
    shelf.scan(parts, ada, eye=Eye.OS)
    parts.records.review(
        DOC, new_id(NOW), {right.id: 0}, status=Review.REVIEWED, note="Healthy.", now=NOW, unopened=True
    )
    page = read(physician, f"/patients/{ada.id}/visits/2026-11-22")
    for words in ("Example, Ada", "0012345", "22 Nov 2026", "OD · right", "OS · left", "Example Cam 1", "Healthy."):
        assert words in page.words
    assert "not a diagnosis by itself" in page.words
    assert {"Physician", "Date"} <= set(page.texts)
    for day in ("2026-11-21", "yesterday", "2026-02-31"):
        read(physician, f"/patients/{ada.id}/visits/{day}", 404)


def test_a_pair_of_two_patients_is_said_loudly(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    mine, foreign = shelf.scan(parts, ada), shelf.scan(parts, bea)
    assert "two different patients" in read(physician, f"/compare?left={mine.id}&right={foreign.id}").words
    assert "two different patients" not in read(physician, f"/compare?left={mine.id}&right={mine.id}").words
    for query in ("", f"?left={mine.id}", f"?left={mine.id}&right=x", f"?left={mine.id}&right={new_id(NOW)}"):
        read(physician, f"/compare{query}", 404)


def test_c_opens_the_prior_and_a_flagged_one_only_on_request(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    now, prior = shelf.scan(parts, ada), shelf.scan(parts, ada, NOW - 3 * DAY)
    flagged = shelf.scan(parts, ada, NOW - DAY, attention=["eye"])
    links = read(physician, f"/scans/{now.id}").all("a")
    by_key = {one.attributes["data-key"]: one.attributes["href"] for one in links if "data-key" in one.attributes}
    assert by_key["c"] == f"/compare?left={prior.id}&right={now.id}"
    assert f"/compare?left={flagged.id}&right={now.id}" in [one.attributes["href"] for one in links]


def test_a_stack_gets_its_frames_its_locator_and_no_full_picture(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    made = shelf.facts()["renditions"]
    frames = {"media_type": "application/zip", "width": 768, "height": 496, "bytes": 1000}
    stack = {**made, "frames": frames, "localizer": made["display"]}
    facts = shelf.facts(renditions=stack, frames=25, width=768, height=496, spacing_mm=[0.004, 0.012])
    page = read(physician, f"/scans/{shelf.scan(parts, ada, kind=Kind.OCT, facts=facts).id}")
    [element] = page.all("oct-stack")
    assert element.attributes["data-frames"].split("?")[0].endswith("/frames.zip")
    assert page.all("scan-view")[0].attributes["data-spacing"] == "0.004,0.012"
    assert [one for one in page.all("img") if one.attributes.get("data-rendition") == "localizer"]
    assert "Preview (lossy)" not in page.words


@pytest.mark.parametrize("query", ["review=reviewed", "attention=yes", "device=Other+cam"])
def test_the_new_filters_stand_in_the_address(physician: FlaskClient, parts: Parts, ada: Patient, query: str) -> None:
    wanted = shelf.scan(parts, ada, attention=["captured_at"], device="Other cam")
    shelf.scan(parts, ada)
    parts.records.review(DOC, new_id(NOW), {wanted.id: 0}, status=Review.REVIEWED, note="", now=NOW, unopened=True)
    page = read(physician, f"/gallery?{query}")
    assert [one.attributes["data-scan"] for one in page.all("img") if "data-scan" in one.attributes] == [wanted.id]
    assert f"/gallery/months?{query}" in page.addresses
