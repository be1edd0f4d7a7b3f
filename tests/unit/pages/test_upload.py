"""The upload page and its two fragments about patients."""

from __future__ import annotations

from flask.testing import FlaskClient

from broker import filetypes
from broker.catalog.patients import Patient
from broker.parts import Parts
from tests.unit.pages import shelf
from tests.unit.pages.reading import Element, Page

HTMX = {"HX-Request": "true"}


def read(client: FlaskClient, path: str, status: int = 200, **form: str) -> Page:
    answer = client.post(path, data=form, headers=HTMX) if form else client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def options(page: Page) -> list[Element]:
    return [one for one in page.elements if "data-patient" in one.attributes]


def test_the_panel_knows_what_is_taken(technician: FlaskClient, parts: Parts) -> None:
    panel = read(technician, "/upload").all("upload-panel")[0].attributes
    assert panel["data-most"] == str(parts.config.max_upload_bytes)
    assert all(filetypes.accepted(f"x.{ending}") for ending in panel["data-endings"].split())
    assert panel["data-worker"].startswith("/static/hash.worker-")


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
