"""What an account sent today, and the receipt of what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from broker.catalog import tables, unsettled
from broker.catalog import uploads as rows
from broker.catalog.patients import Patient
from broker.catalog.unsettled import Settlement
from broker.errors import CatalogBusy
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Expiry, Eye, Review, Role, Settled, State
from tests.people import NOW, actor
from tests.unit.conftest import ClientFor
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

DOC = actor(Role.PHYSICIAN)
DIGEST = f"sha256:{'ab' * 32}"
LOST = "Files that were not stored"


def declare(client: FlaskClient, patient: Patient, *names: str) -> tuple[str, list[str]]:
    """Declare files; gives the batch and their upload ids."""
    files = [
        {"ref": name, "filename": name, "size": 1000, "eye": "OD", "kind": "color_fundus", "digest": DIGEST}
        for name in names
    ]
    batch = str(uuid4())
    answer = client.post("/api/v1/uploads", json={"batch": batch, "patient": patient.id, "files": files})
    assert answer.status_code == 201, answer.text
    return batch, [offer["id"] for offer in answer.json["uploads"]]  # type: ignore[index]


def end(parts: Parts, upload: str, state: State, **how: Any) -> None:
    """Let the worker come to a judgement."""
    with parts.catalog.write() as tx:
        assert rows.receive(tx, upload, digest=DIGEST, now=NOW)
    with parts.catalog.write() as tx:
        claimed = rows.claim(parts.catalog, tx, lease=timedelta(minutes=1))
        assert claimed is not None
        assert rows.end(tx, claimed, state, now=NOW, **how)


def sections(html: str) -> dict[str, str]:
    """The words under each heading of the second level."""
    found = {}
    for piece in html.split("<h2")[1:]:
        title, _, rest = piece.partition("</h2>")
        found[title.partition(">")[2]] = Page(rest).words
    return found


@pytest.fixture
def one_of_each(parts: Parts, technician: FlaskClient, ada: Patient) -> str:
    batch, (good, bad, checked, _open) = declare(technician, ada, "good.jpg", "bad.jpg", "checked.jpg", "open.jpg")
    end(parts, good, State.STORED)
    end(parts, bad, State.REJECTED, reason="truncated")
    with parts.catalog.write() as tx:
        rows.receive(tx, checked, digest=DIGEST, now=NOW)
    return batch


def test_each_file_stands_under_what_became_of_it_and_what_needs_somebody_first(
    technician: FlaskClient, one_of_each: str
) -> None:
    html = technician.get("/upload/today").text
    found = sections(html)
    assert list(found) == [LOST, "Repeats wanted", "Not finished", "Being checked", "Stored"]
    assert "bad.jpg" in found[LOST]
    assert "the file is cut short" in found[LOST]
    assert "Send a new export of it." in found[LOST]
    assert "open.jpg" in found["Not finished"]
    assert "checked.jpg" in found["Being checked"]
    assert "good.jpg" in found["Stored"]
    assert "Example, Ada" in found["Stored"]
    assert "good.jpg" not in found[LOST] + found["Being checked"]


def test_nobody_sees_what_others_sent_but_what_of_it_was_not_stored(
    client_for: ClientFor, technician: FlaskClient, one_of_each: str
) -> None:
    other = client_for(Role.PHYSICIAN)
    html = other.get("/upload/today").text
    for name in ("good.jpg", "checked.jpg", "open.jpg"):
        assert name not in html
    assert "bad.jpg" in sections(html)[LOST]
    assert "Your file" not in sections(html)[LOST]
    assert "Your file is still with you." in sections(technician.get("/upload/today").text)[LOST]
    assert other.get(f"/upload/receipt?batch={one_of_each}").status_code == 404
    assert technician.get("/upload/receipt?batch=nothing").status_code == 404


def test_the_receipt_names_patient_eye_file_digest_and_time(technician: FlaskClient, one_of_each: str) -> None:
    words = Page(technician.get(f"/upload/receipt?batch={one_of_each}").text).words
    for text in (
        "1 of 4 files stored and checked",
        "1 file was not stored . Keep it",
        "Example, Ada",
        "21 Mar 1957",
        "OD · right",
        "good.jpg",
        DIGEST,
    ):
        assert text in words
    assert "the file is cut short" in words


def answer(html: str) -> tuple[str, str]:
    """What the line at the top says, and how."""
    [line] = [one for one in Page(html).elements if "data-answer" in one.attributes]
    assert line.attributes["role"] == "status"
    words = html.partition("data-answer=")[2].partition("<span>")[2].partition("</span>")[0]
    return line.attributes["data-answer"], words


def test_whether_the_card_may_be_cleared_is_answered_once_for_the_day(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    assert "data-answer" not in technician.get("/upload/today").text
    _, uploads = declare(technician, ada, "a.jpg", "b.jpg", "c.jpg")
    assert answer(technician.get("/upload/today").text) == ("wait", "Not yet: 3 are not sent yet. Keep the card.")
    for upload in uploads[:2]:
        end(parts, upload, State.STORED)
    with parts.catalog.write() as tx:
        rows.receive(tx, uploads[2], digest=DIGEST, now=NOW)
    assert answer(technician.get("/upload/today").text) == ("wait", "Not yet: 1 is being checked. Keep the card.")
    with parts.catalog.write() as tx:
        claimed = rows.claim(parts.catalog, tx, lease=timedelta(minutes=1))
        assert claimed is not None
        assert rows.end(tx, claimed, State.REJECTED, now=NOW, reason="truncated")
    no = ("no", "No: 1 file was not stored. Keep it: see below.")
    assert answer(technician.get("/upload/today").text) == no
    assert "data-answer" not in client_for(Role.PHYSICIAN).get("/upload/today").text, "others did not send it"
    settle(technician, uploads[2:], how="given_up", reason="Blurred anyway.")
    kind, words = answer(technician.get("/upload/today").text)
    assert (kind, words.endswith("1 file was given up.")) == ("yes", True)
    assert words.startswith("Yes: all 2 files you sent today are stored and checked. You may clear them")


def test_a_file_that_only_somebody_says_was_sent_again_keeps_the_card(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    good, bad = declare(technician, ada, "good.jpg", "bad.jpg")[1]
    end(parts, good, State.STORED)
    end(parts, bad, State.REJECTED, reason="truncated")
    assert answer(technician.get("/upload/today").text)[0] == "no"
    settle(client_for(Role.TECHNICIAN, name="Theo Other"), [bad], how="sent_again")
    said = "No: 1 file is said to have been sent again, and the service has not seen it. Keep it."
    assert answer(technician.get("/upload/today").text) == ("no", said)


def settle(client: FlaskClient, uploads: list[str], act: str = "", status: int = 303, **how: str) -> None:
    """Send the form."""
    form = {"act": act or new_id(NOW), "upload": uploads, **how}
    response = client.post("/upload/settle", data=form)
    assert response.status_code == status, response.text
    if status == 303:
        assert response.headers["Location"] == "/upload/today#not-stored"


def test_a_file_that_was_not_stored_is_settled_by_whoever_is_there_and_says_by_whom(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    batch, [one, two] = declare(technician, ada, "one.jpg", "two.jpg")
    for upload in (one, two):
        end(parts, upload, State.REJECTED, reason="truncated")
    other = client_for(Role.TECHNICIAN, name="Theo Other")
    page = Page(other.get("/upload/today").text)
    forms = [form for form in page.all("form") if form.attributes.get("action") == "/upload/settle"]
    assert len(forms) == 6, "two for each file, and two for both"
    act = new_id(NOW)
    for _ in range(2):
        settle(other, [one], act, how="given_up", reason="The <b>patient</b> left.")
    settle(other, [two], how="sent_again")
    settle(other, [two], how="sent_again", status=409)
    found = sections(technician.get("/upload/today").text)
    assert "None in the whole clinic." in found[LOST]
    words = found["Not stored, and settled"]
    assert "Given up by Theo Other, 22 Nov 2026" in words
    assert "The <b>patient</b> left." in words
    assert "Sent again by Theo Other" in words
    words = Page(technician.get(f"/upload/receipt?batch={batch}").text).words
    assert "2 files were not stored , and what became of them is settled" in words
    assert "Given up by Theo Other" in words


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"how": "given_up", "reason": ""},
        {"how": "given_up", "reason": "x" * 1001},
        {"how": "before", "reason": "x"},
        {"how": "nothing"},
        {"how": "sent_again", "act": "none"},
    ],
)
def test_a_form_that_is_not_ours_settles_nothing(
    parts: Parts, technician: FlaskClient, ada: Patient, form: dict[str, str]
) -> None:
    [one] = declare(technician, ada, "one.jpg")[1]
    end(parts, one, State.REJECTED, reason="truncated")
    settle(technician, [one], status=422, **form)
    assert "one.jpg" in sections(technician.get("/upload/today").text)[LOST]


def test_who_only_manages_the_service_sees_and_settles_no_file(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    [one] = declare(technician, ada, "one.jpg")[1]
    end(parts, one, State.REJECTED, reason="truncated")
    admin = client_for(Role.ADMIN)
    assert admin.get("/upload/today").status_code == 403
    settle(admin, [one], status=403, how="sent_again")
    settle(technician, [one], how="given_up", reason="Ada left.")
    html = admin.get("/admin/files").text
    assert "Settled: given up." in html
    for words in ("one.jpg", "Ada"):
        assert words not in html
    assert ", 1 not stored" not in Page(admin.get("/account").text).words


def test_how_many_files_of_the_clinic_were_not_stored_stands_in_the_navigation(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    def said(client: FlaskClient) -> bool:
        return "Upload 2 , 2 not stored" in Page(client.get("/gallery").text).words

    uploads = declare(technician, ada, "a.jpg", "b.jpg")[1]
    assert "not stored" not in Page(technician.get("/gallery").text).words
    for upload in uploads:
        end(parts, upload, State.REJECTED, reason="truncated")
    assert said(technician)
    assert said(client_for(Role.PHYSICIAN))
    settle(technician, uploads, how="given_up", reason="Lost card.")
    assert "not stored" not in Page(technician.get("/gallery").text).words


def test_a_page_says_that_the_catalog_does_not_answer_even_if_it_cannot_count(
    technician: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise CatalogBusy("busy")

    monkeypatch.setattr("broker.catalog.unsettled.count", busy)
    assert technician.get("/nothing-here").status_code == 404
    assert technician.get("/gallery").status_code == 200


def test_the_visit_and_the_report_say_that_a_file_was_not_stored(
    parts: Parts, technician: FlaskClient, physician: FlaskClient, ada: Patient
) -> None:
    scan = shelf.scan(parts, ada)
    _, uploads = declare(technician, ada, "a.jpg", "b.jpg")
    report = f"/patients/{ada.id}/visits/{scan.visit_day}"
    assert "not stored" not in physician.get(f"/patients/{ada.id}").text + physician.get(report).text
    end(parts, uploads[0], State.REJECTED, reason="truncated")
    words = Page(physician.get(f"/patients/{ada.id}").text).words
    assert words.count("1 file was not stored.") == 1
    assert "1 file was not stored: this report is not complete." in Page(physician.get(report).text).words
    settle(technician, uploads[:1], how="given_up", reason="x")
    assert "was not stored" not in physician.get(f"/patients/{ada.id}").text + physician.get(report).text


def test_a_file_of_a_day_without_a_visit_is_told_with_its_day(
    parts: Parts, technician: FlaskClient, physician: FlaskClient, ada: Patient
) -> None:
    shelf.scan(parts, ada)
    file = {"ref": "1", "filename": "a.jpg", "size": 9, "captured_at": "2026-11-20T23:30:00Z", "digest": DIGEST}
    body = {"batch": str(uuid4()), "patient": ada.id, "files": [file]}
    [offer] = technician.post("/api/v1/uploads", json=body).get_json()["uploads"]
    end(parts, offer["id"], State.REJECTED, reason="truncated")
    words = Page(physician.get(f"/patients/{ada.id}").text).words
    assert "21 Nov 2026: 1 file was not stored." in words, "the clinic's day"


def test_duplicates_are_stored_in_the_list_and_the_receipt_with_when_and_the_digest(
    parts: Parts, technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    other = client_for(Role.TECHNICIAN, name="Theo Other")
    [first] = declare(other, ada, "first.jpg")[1]
    end(parts, first, State.STORED)
    scan = shelf.scan(parts, ada, upload=first)
    batch, _ = declare(technician, ada, "twin.jpg")
    html = technician.get("/upload/today").text
    assert answer(html)[1] == "Yes: the file you sent today is stored and checked. You may clear it from the camera."
    assert "Already stored and checked, identical to your file." in sections(html)["Stored"]
    assert f"/scans/{scan.id}" in Page(html).addresses
    assert list(sections(html)) == [LOST, "Repeats wanted", "Being checked", "Stored"]
    words = Page(technician.get(f"/upload/receipt?batch={batch}").text).words
    for text in ("1 of 1 file stored and checked", "22 Nov 2026, 10:30", "Already stored then", DIGEST):
        assert text in words
    assert "not stored" not in words


@pytest.mark.parametrize("state", [State.EXPIRED, State.REJECTED, State.MISSING])
def test_bytes_that_lie_in_the_vault_were_never_not_stored_whatever_was_said_before(
    parts: Parts, technician: FlaskClient, ada: Patient, state: State
) -> None:
    batch, [lost] = declare(technician, ada, "first.jpg")
    [again] = declare(technician, ada, "again.jpg")[1]
    if state is State.EXPIRED:
        with parts.catalog.write() as tx:
            assert rows.expire(tx, lost, reason=Expiry.OVERDUE, now=NOW)
            tx.execute(tables.uploads.update().where(tables.uploads.c.id == lost).values(digest=DIGEST))
    else:
        end(parts, lost, state, reason="truncated" if state is State.REJECTED else None)
    end(parts, again, State.STORED)
    scan = shelf.scan(parts, ada, upload=again)
    with parts.catalog.write() as tx:
        assert unsettled.twins_of(tx, again) == [lost]
        assert unsettled.settle(tx, lost, Settlement(how=Settled.SENT_AGAIN, at=NOW, twin=again))
    html = technician.get("/upload/today").text
    assert answer(html)[1].startswith("Yes: the file you sent today is stored"), "each file is counted once"
    assert list(sections(html)) == [LOST, "Repeats wanted", "Being checked", "Stored"]
    assert "first.jpg" in sections(html)["Stored"]
    assert "Send it again" not in html
    assert scan.id in html
    words = Page(technician.get(f"/upload/receipt?batch={batch}").text).words
    for text in ("1 of 1 file stored and checked", "22 Nov 2026, 10:30", "Sent again, and stored then"):
        assert text in words
    assert "not stored" not in words
    said = technician.get(f"/api/v1/uploads/{lost}").get_json()
    assert (said["safe"], said["sentence"]) == (True, Expiry.DUPLICATE.sentence)


def test_a_new_export_that_somebody_names_is_not_called_identical(
    parts: Parts, technician: FlaskClient, ada: Patient
) -> None:
    bad, export = declare(technician, ada, "bad.jpg", "export.jpg")[1]
    end(parts, bad, State.REJECTED, reason="truncated")
    end(parts, export, State.STORED)
    shelf.scan(parts, ada, upload=export)
    body = {"id": new_id(NOW), "upload": bad, "how": "sent_again", "by": export}
    said = technician.post("/api/v1/uploads/settle", json=body).get_json()
    assert not said["safe"]
    assert "the file is cut short" in said["sentence"]
    html = technician.get("/upload/today").text
    assert answer(html)[0] == "yes"
    assert "bad.jpg" in sections(html)["Not stored, and settled"]


def test_a_day_of_many_files_is_read_to_its_end(technician: FlaskClient, ada: Patient) -> None:
    declare(technician, ada, *(f"f{number}.jpg" for number in range(230)))
    assert technician.get("/upload/today").text.count(".jpg</bdi></b>") == 230


def test_recent_patients_are_offered_by_the_service_and_only_to_who_sent_for_them(
    technician: FlaskClient, client_for: ClientFor, ada: Patient
) -> None:
    assert "Example, Ada" not in technician.get("/upload").text
    declare(technician, ada, "a.jpg")
    assert "Example, Ada" in technician.get("/upload").text
    assert "Example, Ada" not in client_for(Role.PHYSICIAN).get("/upload").text


def test_a_wanted_repeat_stands_there_for_everybody_who_sends_until_it_is_closed(
    parts: Parts, technician: FlaskClient, ada: Patient
) -> None:
    assert "None." in sections(technician.get("/upload/today").text)["Repeats wanted"]
    scan = shelf.scan(parts, ada, eye=Eye.OS)
    note = "Lids in the way, <b>please</b> again."
    parts.records.review(DOC, new_id(NOW), {scan.id: 0}, status=Review.REPEAT, note=note, now=NOW, unopened=True)
    html = technician.get("/upload/today").text
    words = sections(html)["Repeats wanted"]
    for text in ("Example, Ada", "21 Mar 1957", "0012345", "OS · left", "Colour fundus", note, DOC.name, "22 Nov 2026"):
        assert text in words
    # Patient, eye, kind and the reason come with it.
    assert f"/upload?repeat={scan.id}" in Page(html).addresses
    parts.records.add(DOC, new_id(NOW), [scan.id], note="Patient cannot come.", closes=True, now=NOW)
    assert "Example, Ada" not in technician.get("/upload/today").text


def test_the_latest_review_says_what_is_wanted(parts: Parts, technician: FlaskClient, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    for seen, note in enumerate(("Too dark.", "Still too dark.")):
        parts.records.review(DOC, new_id(NOW), {scan.id: seen}, status=Review.REPEAT, note=note, now=NOW, unopened=True)
    parts.records.add(DOC, new_id(NOW), [scan.id], note="She comes on Monday.", now=NOW)
    words = sections(technician.get("/upload/today").text)["Repeats wanted"]
    assert "Still too dark." in words
    assert "Too dark. Asked" not in words


def test_a_link_offers_its_patient_and_no_other(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.patient(parts, mrn="2", name="Other, Bea")
    page = Page(technician.get(f"/upload?patient={ada.id}").text)
    assert [one.attributes["data-patient"] for one in page.elements if "data-wanted" in one.attributes] == [ada.id]
    assert "Other, Bea" not in page.words
    for nobody in ("nobody", new_id(NOW), ""):
        page = Page(technician.get(f"/upload?patient={nobody}").text)
        assert not [one for one in page.elements if "data-wanted" in one.attributes]
