"""What an account sent today, and the receipt of what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from broker.catalog import uploads as rows
from broker.catalog.patients import Patient
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Review, Role, State
from tests.people import NOW, actor
from tests.unit.conftest import ClientFor
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

DOC = actor(Role.PHYSICIAN)
DIGEST = f"sha256:{'ab' * 32}"


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
    assert list(found) == ["Not stored", "Repeats wanted", "Being checked", "Stored"]
    assert "bad.jpg" in found["Not stored"]
    assert "the file is cut short" in found["Not stored"]
    assert "open.jpg" in found["Not stored"]
    assert "checked.jpg" in found["Being checked"]
    assert "good.jpg" in found["Stored"]
    assert "Example, Ada" in found["Stored"]
    assert "good.jpg" not in found["Not stored"] + found["Being checked"]


def test_nobody_sees_what_others_sent(client_for: ClientFor, technician: FlaskClient, one_of_each: str) -> None:
    other = client_for(Role.PHYSICIAN)
    assert "good.jpg" not in other.get("/upload/today").text
    assert other.get(f"/upload/receipt?batch={one_of_each}").status_code == 404
    assert technician.get("/upload/receipt?batch=nothing").status_code == 404


def test_the_receipt_names_patient_eye_file_digest_and_time(technician: FlaskClient, one_of_each: str) -> None:
    words = Page(technician.get(f"/upload/receipt?batch={one_of_each}").text).words
    for text in ("1 of 4 files stored and checked", "Example, Ada", "21 Mar 1957", "OD · right", "good.jpg", DIGEST):
        assert text in words
    assert "the file is cut short" in words


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
