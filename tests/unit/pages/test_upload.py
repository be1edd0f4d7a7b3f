"""The upload page and its two fragments about patients."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flask.testing import FlaskClient

from broker import filetypes
from broker.catalog import audit
from broker.catalog.patients import Patient
from broker.errors import FileTooLarge
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind, Rejection, Review, Role
from tests import people
from tests.unit.pages import shelf
from tests.unit.pages.reading import Element, Page

ROOT = Path(__file__).parents[3]
HTMX = {"HX-Request": "true"}


def read(client: FlaskClient, address: str, /, status: int = 200, **form: str) -> Page:
    answer = client.post(address, data=form, headers=HTMX) if form else client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def options(page: Page) -> list[Element]:
    return [one for one in page.elements if "data-patient" in one.attributes]


def test_the_panel_knows_what_is_taken(technician: FlaskClient, parts: Parts) -> None:
    panel = read(technician, "/upload").all("upload-panel")[0].attributes
    assert panel["data-most"] == str(parts.config.max_upload_bytes)
    kinds = json.loads(panel["data-kinds"])
    assert kinds == {kind.name: list(kind.endings) for kind in filetypes.FILE_TYPES}
    assert panel["data-worker"].startswith("/static/hash.worker-")


def test_the_page_refuses_files_in_the_sentences_of_the_service(technician: FlaskClient) -> None:
    refusals = json.loads(read(technician, "/upload").all("upload-panel")[0].attributes["data-refusals"])
    assert refusals == {code.value: code.sentence for code in Rejection} | {"file-too-large": FileTooLarge.__doc__}
    source = (ROOT / "web" / "src" / "lib" / "types.ts").read_text(encoding="utf-8")
    listed = re.search(r"CODES = \[(.*?)\]", source)
    assert listed
    assert set(re.findall(r'"([a-z_-]+)"', listed[1])) <= set(refusals)


def test_no_patient_and_no_eye_is_chosen_beforehand(technician: FlaskClient, ada: Patient) -> None:
    page = read(technician, "/upload")
    assert "Example, Ada" not in page.words
    assert not options(page)
    assert not [one for one in page.elements if one.attributes.get("aria-pressed") == "true"]
    assert not [one for one in page.all("option") if "selected" in one.attributes]


def test_a_patient_is_found_by_name_number_and_birth_date(technician: FlaskClient, ada: Patient) -> None:
    for text in ("exam", "00123", "21.03.1957", "1957-03-21"):
        page = read(technician, "/patients/search", q=text)
        assert [one.attributes["data-patient"] for one in options(page)] == [ada.id], text
        for words in ("Example, Ada", "21 Mar 1957", "0012345"):
            assert words in page.words


def test_nothing_typed_finds_nobody(technician: FlaskClient, ada: Patient) -> None:
    assert technician.post("/patients/search", data={"q": " "}, headers=HTMX).get_data() == b""


def test_the_list_says_what_it_answers_so_that_an_early_enter_chooses_nobody_else(
    technician: FlaskClient, ada: Patient
) -> None:
    page = read(technician, "/patients/search", q="exam")
    assert page.all("ul")[0].attributes["data-query"] == "exam"


def test_more_than_fit_are_said_not_shown(technician: FlaskClient, parts: Parts) -> None:
    for number in range(14):
        shelf.patient(parts, mrn=f"m{number}", name=f"Many, M {number}")
    page = read(technician, "/patients/search", q="many")
    assert len(options(page)) == 12
    assert "There are more." in page.words


def test_the_gallerys_search_leads_to_ids_not_names(physician: FlaskClient, ada: Patient) -> None:
    page = read(physician, "/patients/search", q="exam", links="1")
    assert page.addresses == [f"/patients/{ada.id}"]


def test_a_patient_made_in_place_comes_back_to_be_chosen(technician: FlaskClient) -> None:
    page = read(technician, "/patients/new", name="New, Nora", birth_date="1990-05-14", mrn="77", sex="F")
    assert [("data-made" in one.attributes) for one in options(page)] == [True]
    assert "14 May 1990" in page.words


def test_a_number_that_is_taken_is_said_in_a_line(technician: FlaskClient, ada: Patient) -> None:
    page = read(technician, "/patients/new", status=409, name="Someone, Else", birth_date="1990-05-14", mrn=ada.mrn)
    assert not page.is_whole
    assert "This record number is taken" in page.words


def test_a_birth_date_that_is_none_is_said_in_a_line(technician: FlaskClient) -> None:
    page = read(technician, "/patients/new", status=422, name="New, Nora", birth_date="1990-02-31", mrn="77")
    assert "not a day" in page.words


def test_a_namesake_carries_a_chip_wherever_chosen(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.patient(parts, mrn="77", name="Ada Example")
    made = read(technician, "/patients/new", name="New, Nora", birth_date="1990-05-14", mrn="78")
    assert "data-made" in options(made)[0].attributes
    assert options(made)[0].attributes["data-alike"] == ""
    for page in (
        read(technician, "/patients/search", q="exam"),
        read(technician, f"/upload?patient={ada.id}"),
        read(technician, "/patients/named", path="0012345_OD.jpg"),
    ):
        chosen = [one.attributes for one in options(page) if one.attributes["data-patient"] == ada.id]
        assert [one["data-alike"] for one in chosen] == ["Same surname and birth date as another patient"]
        assert "Same surname and birth date as another patient" in page.words


def test_code_finds_the_birth_date_and_the_issuer_beside_what_is_read(technician: FlaskClient, ada: Patient) -> None:
    (one,) = options(read(technician, "/patients/search", q="exam"))
    assert (one.attributes["data-birth"], one.attributes["data-issuer"]) == ("1957-03-21", ada.issuer)


def test_code_finds_the_records_that_were_merged_into_a_patient(
    technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    old = shelf.patient(parts, mrn="F777", name='Former "F", Ada')
    parts.patients.merge(
        people.actor(), new_id(people.NOW), absorbed=old.id, into=ada.id, reason="One person", now=people.NOW
    )
    kept = {"name": old.name, "birthDate": old.birth_date, "mrn": "F777", "issuer": old.issuer}
    for page in (
        read(technician, "/patients/search", q="exam"),
        read(technician, "/patients/named", path="F777_OD.jpg"),
        read(technician, f"/upload?patient={ada.id}"),
    ):
        (one,) = options(page)
        assert (one.attributes["data-patient"], json.loads(one.attributes["data-formerly"])) == (ada.id, [kept])


def test_whom_paths_name_is_listed_and_too_many_words_are_refused(technician: FlaskClient, ada: Patient) -> None:
    assert [one.attributes["data-patient"] for one in options(read(technician, "/patients/named", path="0012345"))] == [
        ada.id
    ]
    assert options(read(technician, "/patients/named", path="nobody/here.jpg")) == []
    read(technician, "/patients/named", status=422, path=" ".join(f"w{number}" for number in range(51)))


def test_send_again_brings_patient_eye_kind_and_reason(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, eye=Eye.OS, kind=Kind.OCT)
    doctor = people.actor(Role.PHYSICIAN, name="Dr Pia")
    shelf.look(parts, doctor, scan)
    parts.records.review(doctor, new_id(people.NOW), {scan.id: 0}, status=Review.REPEAT, note="Lids!", now=people.NOW)
    page = read(technician, f"/upload?repeat={scan.id}")
    (banner,) = [one.attributes for one in page.elements if "data-repeat" in one.attributes]
    assert (banner["data-of"], banner["data-wanted-eye"], banner["data-wanted-kind"]) == (ada.id, "OS", "oct")
    for words in ("OS · left · OCT", "Example, Ada", "21 Mar 1957", "0012345", "Lids!", "Dr Pia"):
        assert words in page.words
    assert [one.attributes["data-patient"] for one in options(page) if "data-wanted" in one.attributes] == [ada.id]
    with parts.catalog.read() as tx:
        assert audit.some(tx, audit.Filter(act="scan.see", subject=scan.id), after=None, limit=1)


def test_a_repeat_that_is_not_wanted_shows_no_banner(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    for asked in (scan.id, "nonsense"):
        page = read(technician, f"/upload?repeat={asked}")
        assert not [one for one in page.elements if "data-repeat" in one.attributes]
    read(technician, f"/upload?repeat={new_id(people.NOW)}", status=404)
