"""Any text of any Unicode, in any field and any form, is taken or refused, and never a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.text import refusal
from broker.words import Role
from tests.people import NOW
from tests.unit.api.conftest import batch_of
from tests.unit.api.test_hostile import CASES
from tests.unit.conftest import ClientFor

Stored = Callable[..., Scan]
#: Everything that Unicode has, half surrogate pairs too, and often what is written to break something.
EVIL = st.sampled_from(
    ["\x00", "\u202e", "\u2066", "\ud800", "\udfff", "\ufeff", "\U000e0041", "ΐ", "\r\n", "%", "'", "\\", "\u2028"]
)
ANY = st.lists(st.text(st.characters(), max_size=8) | EVIL, max_size=4).map("".join)
LONG = st.sampled_from(["ΐ" * 200, "ß" * 64, "🙂" * 500, "a" * 5000, " " * 200, "\u200d" * 64])
TEXTS = ANY | LONG
USUAL = settings(max_examples=max(CASES // 5, 1), deadline=None, database=None, suppress_health_check=list(HealthCheck))


def bodies(patient: str, scan: str, said: str) -> dict[str, dict[str, Any]]:
    """A good body for each path, but for the text in one kind of its fields."""
    act = {"id": new_id(NOW), "scans": [scan]}
    person = {"mrn": f"m{new_id(NOW)[-8:]}", "name": "Bea", "birth_date": "1960-01-02"}
    return {
        "/api/v1/patients#mrn": person | {"mrn": said},
        "/api/v1/patients#name": person | {"name": said},
        "/api/v1/patients#issuer": person | {"issuer": said},
        "/api/v1/patients#birth_date": person | {"birth_date": said},
        "/api/v1/uploads#note": batch_of(patient, note=said),
        "/api/v1/uploads#filename": batch_of(patient, {"filename": said}),
        "/api/v1/uploads#ref": batch_of(patient, {"ref": said}),
        "/api/v1/uploads#media_type": batch_of(patient, {"media_type": said}),
        "/api/v1/uploads#captured_at": batch_of(patient, {"captured_at": said}),
        "/api/v1/uploads/complete#etag": {"items": [{"id": new_id(NOW), "etag": said}]},
        "/api/v1/addenda#note": act | {"note": said},
        "/api/v1/corrections#reason": act | {"set": {"kind": "oct"}, "reason": said},
        "/api/v1/corrections#captured_at": act | {"set": {"captured_at": said}, "reason": "clock"},
    }


FIELDS = sorted(bodies("", "", ""))
#: Where line breaks belong into the text.
LINES = {"note", "reason"}


@pytest.mark.parametrize("field", FIELDS)
def test_no_text_in_a_body_is_a_fault_of_ours(client_for: ClientFor, patient: str, stored: Stored, field: str) -> None:
    client, scan = client_for(Role.TECHNICIAN, Role.PHYSICIAN), stored().id

    @USUAL
    @given(said=TEXTS)
    @example(said="a\u202eb")
    @example(said="a\x00b")
    def send(said: str) -> None:
        path, _, name = field.partition("#")
        body = json.dumps(bodies(patient, scan, said)[field])
        status = client.post(path, data=body, content_type="application/json").status_code
        assert 200 <= status < 500, said
        if name != "captured_at" and refusal(said, lines=name in LINES):
            assert status in (400, 422), said

    send()


def test_what_is_refused_is_named_with_its_field(technician: FlaskClient, patient: str) -> None:
    told = technician.post("/api/v1/uploads", json=batch_of(patient, {}, {"filename": "a\u202eb.jpg"})).get_json()
    [fault] = told["errors"]
    assert fault["pointer"] == "/files/1/filename"
    assert "cannot be seen" in fault["detail"]


QUERIES = [
    ("/api/v1/patients", "q"), ("/api/v1/patients", "after"), ("/api/v1/scans", "device"), ("/api/v1/scans", "after"),
    ("/api/v1/uploads", "ids"), ("/api/v1/uploads", "fields"), ("/api/v1/audit", "name"), ("/api/v1/audit", "act"),
    ("/gallery", "device"), ("/gallery", "after"), ("/gallery", "from"), ("/gallery", "seen"), ("/gallery", "patient"),
    ("/gallery/fresh", "known"), ("/gallery/fresh", "since"), ("/gallery/months", "device"), ("/compare", "left"),
    ("/upload", "patient"), ("/upload/receipt", "batch"), ("/admin/audit", "act"), ("/admin/audit", "name"),
    ("/admin/audit", "subject"), ("/admin/audit", "from"), ("/admin/audit", "after"), ("/admin/audit.csv", "outcome"),
    ("/sign-in", "next"), ("/invite", "token"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_no_text_in_an_address_is_a_fault_of_ours(client_for: ClientFor, stored: Stored, path: str, name: str) -> None:
    stored()
    client = client_for(Role.TECHNICIAN, Role.PHYSICIAN, Role.ADMIN)

    @settings(USUAL, max_examples=CASES // 8)
    @given(said=TEXTS)
    def send(said: str) -> None:
        query = {name: said.encode("utf-8", "replace").decode()}
        assert 200 <= client.get(path, query_string=query).status_code < 500, said

    send()


FORMS = [
    ("/patients/search", "q", {}), ("/patients/new", "mrn", {"name": "Bea", "birth_date": "1960-01-02"}),
    ("/patients/new", "name", {"mrn": "77", "birth_date": "1960-01-02"}), ("/patients/new", "birth_date", {"mrn": "7"}),
    ("/patients/{patient}/merge", "mrn", {}),
    ("/patients/{patient}/merge", "reason", {"into": "{patient}", "act": "{act}"}),
    ("/scans/{scan}/review", "note", {"act": "{act}", "status": "reviewed", "seen": "{scan}:99"}),
    ("/scans/{scan}/review", "seen", {"act": "{act}", "status": "reviewed"}),
    ("/scans/{scan}/addendum", "note", {"act": "{act}"}), ("/scans/{scan}/close", "note", {"act": "{act}"}),
    ("/scans/{scan}/correct", "reason", {"act": "{act}", "kind": "oct"}),
    ("/scans/{scan}/correct", "captured_at", {"act": "{act}", "reason": "clock"}),
    ("/scans/{scan}/correct", "eye", {"act": "{act}", "reason": "clock"}),
    ("/admin/accounts/invite", "name", {"role": "technician"}), ("/admin/accounts/enable", "id", {}),
    ("/admin/accounts/disable", "id", {}), ("/admin/sessions/end", "id", {}),
    ("/admin/tokens", "name", {"role": "admin"}),
    ("/admin/sessions/end-all", "account", {}), ("/admin/tokens/revoke", "id", {}),
    ("/account/tokens", "name", {"days": "1"}),
    ("/account/tokens", "days", {"name": "mine"}), ("/account/codes", "code", {}), ("/account/sessions/end", "id", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name", "others"), FORMS)
def test_no_text_in_a_form_is_a_fault_of_ours(
    client_for: ClientFor, patient: str, stored: Stored, path: str, name: str, others: dict[str, str]
) -> None:
    scan = stored().id
    client = client_for(Role.TECHNICIAN, Role.PHYSICIAN, Role.ADMIN)

    def filled(text: str) -> str:
        return text.replace("{patient}", patient).replace("{scan}", scan).replace("{act}", new_id(NOW))

    @settings(USUAL, max_examples=CASES // 8)
    @given(said=TEXTS)
    def send(said: str) -> None:
        form = {key: filled(value) for key, value in others.items()} | {name: said.encode("utf-8", "replace").decode()}
        assert 200 <= client.post(filled(path), data=form).status_code < 500, said

    send()
    assert client.get("/gallery").status_code == 200


@pytest.mark.parametrize("name", ["name", "password", "code", "next"])
def test_no_text_at_the_sign_in_is_a_fault_of_ours(anybody: FlaskClient, name: str) -> None:
    @settings(USUAL, max_examples=4)
    @given(said=TEXTS)
    def send(said: str) -> None:
        form = {"name": "Tess", "password": "wrong"} | {name: said.encode("utf-8", "replace").decode()}
        assert 200 <= anybody.post("/sign-in", data=form).status_code < 500, said

    send()
