"""The patients resource over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broker.ids import new_id
from tests.people import NOW
from tests.unit.api.conftest import PATIENT, Json, answer, slug

URL = "/api/v1/patients"


def test_a_patient_is_made_once(technician: FlaskClient) -> None:
    made = answer(technician.post(URL, json=PATIENT), 201)
    assert made == PATIENT | {"id": made["id"], "issuer": "clinic", "sex": None, "version": 1}
    assert answer(technician.post(URL, json=PATIENT | {"name": " ada  EXAMPLE "})) == made


def test_a_number_that_is_taken_does_not_tell_by_whom(technician: FlaskClient, patient: str) -> None:
    response = technician.post(URL, json=PATIENT | {"name": "Ben Other"})
    assert slug(response, 409) == "patient-exists"
    assert "Ada" not in response.get_data(as_text=True)


def test_a_change_is_a_new_version_and_what_is_left_out_stays(technician: FlaskClient, patient: str) -> None:
    changed = answer(technician.patch(f"{URL}/{patient}", json={"name": "Ada Married", "sex": "F"}))
    assert (changed["name"], changed["sex"], changed["mrn"], changed["version"]) == ("Ada Married", "F", "0012345", 2)
    assert answer(technician.patch(f"{URL}/{patient}", json={"sex": None, "issuer": None}))["version"] == 3
    last = answer(technician.get(f"{URL}/{patient}"))
    assert (last["sex"], last["issuer"], last["name"]) == (None, "clinic", "Ada Married")
    assert answer(technician.patch(f"{URL}/{patient}", json={}))["version"] == 3


def test_search_finds_by_name_number_and_birth_date(technician: FlaskClient, patient: str) -> None:
    for text in ("exam", "0012", "1957-03-21", "21.03.1957", "ada 1957-03-21"):
        assert [found["id"] for found in answer(technician.get(URL, query_string={"q": text}))["patients"]] == [patient]
    for text in ("nobody", "%", "_", "12345", "' or 1=1 --"):
        assert answer(technician.get(URL, query_string={"q": text})) == {"patients": [], "next": None}


def test_pages_are_complete_and_without_doubles(technician: FlaskClient) -> None:
    for number in range(45):
        body = {"mrn": f"N{number}", "name": f"Zoë Ünïque {number % 7}", "birth_date": "1960-01-01"}
        answer(technician.post(URL, json=body), 201)
    seen: list[str] = []
    query: Json = {"q": "zoë"}
    for _ in range(3):
        page = answer(technician.get(URL, query_string=query))
        seen += [found["id"] for found in page["patients"]]
        query["after"] = page["next"]
    assert page["next"] is None
    assert len(seen) == len(set(seen)) == 45


@pytest.mark.parametrize("after", ["x", "!!!", "QUJD", "QQBCAEM=", "ÿ"])
def test_a_page_that_never_was_is_refused(technician: FlaskClient, after: str) -> None:
    assert slug(technician.get(URL, query_string={"after": after}), 422) == "invalid"


def test_who_is_not_there_is_not_found(technician: FlaskClient) -> None:
    for identity in (new_id(NOW), "1", "..%2f..", "%00"):
        assert technician.get(f"{URL}/{identity}").status_code == 404
        assert technician.patch(f"{URL}/{identity}", json={}).status_code == 404
    assert slug(technician.get(f"{URL}/{new_id(NOW)}"), 404) == "patient-not-found"


@pytest.mark.parametrize(
    "change",
    [
        {"mrn": ""}, {"mrn": " "}, {"mrn": 12345}, {"name": "x" * 201}, {"name": "a\x00b"}, {"sex": "female"},
        {"birth_date": "2026-11-23"}, {"birth_date": "1879-12-31"}, {"birth_date": "21.03.1957"}, {"birth_date": 0},
        {"id": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_a_patient_is_refused(technician: FlaskClient, change: Json) -> None:
    assert slug(technician.post(URL, json=PATIENT | change), 422) == "invalid"
