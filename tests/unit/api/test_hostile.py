"""Hostile bodies, queries and paths: 4xx, never 5xx, and nothing of them in the catalog."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.ids import new_id
from tests.people import NOW
from tests.unit.api.conftest import answer, batch_of, slug

URL = "/api/v1/uploads"
DEEP = 10_000
#: Generated bodies and queries a route; FUZZ=1 takes many more.
CASES = 2_000 if os.environ.get("FUZZ") else 60

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not json": b"{",
    "a key twice": b'{"batch": "a", "batch": "b"}',
    "a key twice, deep": b'{"files": [{"ref": "1", "ref": "2"}]}',
    "NaN": b'{"size": NaN}',
    "Infinity": b'{"size": -Infinity}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a number of 5,000 digits": b'{"size": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"note": "\\ud800"}',
    "half a surrogate pair as a key": b'{"\\uDFFF": 1}',
    "no utf-8": b'{"note": "\xff\xfe"}',
    "utf-16": '{"note": ""}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "trailing text": b"{} {}",
    "comments": b"{} // no",
}
KINDS = {
    "[]": b"[]",
    "null": b"null",
    "text": b'"x"',
    "number": b"1",
    "true": b"true",
    "empty": b"{}",
    "1e999": b'{"size": 1e999}',
}


@pytest.mark.parametrize("body", list(BODIES.values()), ids=list(BODIES))
def test_json_that_two_readers_could_read_differently_is_400(technician: FlaskClient, body: bytes) -> None:
    for path in (URL, f"{URL}/complete", "/api/v1/patients", "/api/v1/scans/links"):
        assert slug(technician.post(path, data=body, content_type="application/json"), 400) == "bad-request"


@pytest.mark.parametrize("body", list(KINDS.values()), ids=list(KINDS))
def test_json_of_another_kind_is_422(technician: FlaskClient, body: bytes) -> None:
    assert slug(technician.post(URL, data=body, content_type="application/json"), 422) == "invalid"


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
    ],
)
def test_only_what_says_that_it_is_json_is_read(technician: FlaskClient, patient: str, media_type: str) -> None:
    body = json.dumps(batch_of(patient)).encode()
    assert slug(technician.post(URL, data=body, content_type=media_type), 415) == "not-json"
    assert answer(technician.get(URL))["uploads"] == []


def test_a_charset_beside_json_is_taken(technician: FlaskClient, patient: str) -> None:
    body = json.dumps(batch_of(patient))
    assert answer(technician.post(URL, data=body, content_type="application/json; charset=utf-8"), 201)


def test_a_form_of_ten_thousand_parts_is_refused(anybody: FlaskClient) -> None:
    many = "&".join(f"a{n}=1" for n in range(10_000))
    assert anybody.post("/sign-in", data=many, content_type="application/x-www-form-urlencoded").status_code == 413


@pytest.mark.parametrize(
    "extra",
    ["blob", "container", "sp", "se", "expiry", "owner_id", "account", "role", "state", "url", "id", "__proto__"],
)
def test_fields_that_nobody_asked_for_are_refused(technician: FlaskClient, patient: str, extra: str) -> None:
    for body in (batch_of(patient, {extra: "x"}), batch_of(patient) | {extra: "x"}):
        assert slug(technician.post(URL, json=body), 422) == "invalid"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a\x00.jpg",
            "a\r\nSet-Cookie: x=1.jpg",
            "\x1b[31m.jpg",
            "a\x9f.jpg",
            "a\x7f.jpg",
            "",
            "x" * 501,
            "a\ud800.jpg",
        ),
        *("scan\u202egpj.jpg", "a\u2028b.jpg", "\u2066a\u2069.jpg", "a\ufeff.jpg", "a\U000e0041.jpg"),
    ],
)
def test_a_file_name_with_control_or_bidirectional_characters_is_refused(
    technician: FlaskClient, patient: str, name: str
) -> None:
    response = technician.post(
        URL, data=json.dumps(batch_of(patient, {"filename": name})), content_type="application/json"
    )
    assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.jpg",
        "CON.jpg",
        '"><img src=x onerror=alert(1)>.jpg',
        "{{7*7}}.jpg",
        "%0d%0a.jpg",
        "🙂 右眼.jpg",
        "סריקה.jpg",
        "علی\u200cرضا.jpg",
    ],
)
def test_any_other_file_name_is_data_and_never_a_name_in_storage(
    technician: FlaskClient, patient: str, name: str
) -> None:
    [offer] = answer(technician.post(URL, json=batch_of(patient, {"filename": name})), 201)["uploads"]
    assert f"/intake/{offer['id'][-2:]}/{offer['id']}?" in offer["grant"]["url"]
    assert answer(technician.get(f"{URL}/{offer['id']}"))["filename"] == name


@pytest.mark.parametrize(
    "change",
    [
        {"size": "1000"}, {"size": 1000.0}, {"size": -1}, {"size": True}, {"size": None}, {"size": 1 << 63},
        {"ref": 1}, {"ref": ""}, {"eye": "left"}, {"eye": None}, {"eye": []}, {"eye": {}}, {"kind": "OCT"}, {"kind": 1},
        {"digest": "md5:" + "0" * 32}, {"digest": "sha256:" + "0" * 63}, {"digest": "sha256:" + "A" * 64},
        {"digest": "sha256:" + "0" * 64 + "\n"}, {"digest": "sha256-blocks-0:" + "0" * 64},
        {"captured_at": "yesterday"}, {"captured_at": "2026-02-30"}, {"captured_at": "20261122"}, {"captured_at": 0},
        {"captured_at": "2026-11-22T25:00"}, {"captured_at": "2026-W47-7"}, {"media_type": "a" * 201},
        {"media_type": "a\nb"},
    ],
    ids=str,
)  # fmt: skip
def test_a_field_of_another_form_is_refused(technician: FlaskClient, patient: str, change: dict[str, Any]) -> None:
    assert slug(technician.post(URL, json=batch_of(patient, change)), 422) == "invalid"


@pytest.mark.parametrize(
    "when", ["2026-11-22", "2026-11-22T09:30", "2026-11-22T09:30:00Z", "2026-11-22T09:30:00.123456+01:00"]
)
def test_days_and_times_are_iso(technician: FlaskClient, patient: str, when: str) -> None:
    assert answer(technician.post(URL, json=batch_of(patient, {"captured_at": when})), 201)


@pytest.mark.parametrize(
    "batch", ["", "x", "01A20297-4DC0-7350-91F5-F311EEA0399B", "{01a20297-4dc0-7350-91f5-f311eea0399b}", 1, None, ["a"]]
)
def test_an_id_is_canonical(technician: FlaskClient, patient: str, batch: object) -> None:
    assert slug(technician.post(URL, json=batch_of(patient) | {"batch": batch}), 422) == "invalid"


@pytest.mark.parametrize("path", ["%00", "..", "%2e%2e%2f", "x" * 3000, "%ff%fe", "'%20or%201=1", "%0d%0aSet-Cookie:x"])
def test_paths_that_are_no_ids_are_not_found(technician: FlaskClient, path: str) -> None:
    for resource in ("uploads", "patients", "scans"):
        assert technician.get(f"/api/v1/{resource}/{path}").status_code in (400, 404)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "batch",
    "patient",
    "files",
    "note",
    "urgent",
    "ids",
    "items",
    "mrn",
    "name",
    "birth_date",
    "rendition",
    "id",
    "blocks",
    "digest",
]
KNOWN = st.dictionaries(st.sampled_from(NAMES), JSON | st.just(new_id(NOW)), max_size=6)


@pytest.mark.parametrize("path", [URL, f"{URL}/grants", f"{URL}/complete", "/api/v1/patients", "/api/v1/scans/links"])
def test_no_json_whatever_is_a_fault_of_ours(technician: FlaskClient, path: str) -> None:
    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(body=JSON | KNOWN)
    def send(body: object) -> None:
        response = technician.post(path, data=json.dumps(body), content_type="application/json")
        assert 200 <= response.status_code < 500, body

    send()


@pytest.mark.parametrize("path", [URL, "/api/v1/patients", "/api/v1/scans"])
def test_no_query_whatever_is_a_fault_of_ours(technician: FlaskClient, path: str) -> None:
    words = st.sampled_from(
        ["batch", "ids", "state", "mine", "after", "q", "patient", "eye", "kind", "from", "to", "limit", "x"]
    )
    values = (
        st.text(max_size=30)
        | st.integers().map(str)
        | st.just(new_id(NOW))
        | st.just("2026-11-22")
        | st.just(f"1.{new_id(NOW)}")
    )

    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(query=st.dictionaries(words, values, max_size=4))
    def send(query: dict[str, str]) -> None:
        response = technician.get(
            path, query_string={key: value.encode("utf-8", "replace").decode() for key, value in query.items()}
        )
        assert 200 <= response.status_code < 500, query

    send()
