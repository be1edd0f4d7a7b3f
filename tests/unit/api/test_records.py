"""Reviews, addenda, corrections and withdrawals over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from broker.catalog.scans import Scan
from broker.ids import new_id
from tests.people import NOW
from tests.unit.api.conftest import answer, slug

Stored = Callable[..., Scan]


def said(**more: Any) -> dict[str, Any]:
    return {"id": new_id(NOW), **more}


def test_a_review_shows_with_the_scan_and_its_etag_counts(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    assert physician.get(f"/api/v1/scans/{scan.id}").headers["ETag"] == '"0"'
    body = said(scans=[{"id": scan.id, "seen": 0}], status="reviewed", note="No change.")
    made = answer(physician.post("/api/v1/reviews", json=body), 201)
    assert made == answer(physician.post("/api/v1/reviews", json=body), 201)
    response = physician.get(f"/api/v1/scans/{scan.id}")
    assert response.headers["ETag"] == '"1"'
    found = answer(response)
    assert (found["review"], found["seen"]) == ("reviewed", 1)
    [record] = found["records"]
    assert record == made["records"][0]
    assert (record["by"], record["note"]) == ("Phil Physician", "No change.")
    assert not {"account", "body", "version"} & set(record)
    assert [one["id"] for one in answer(physician.get("/api/v1/scans?review=reviewed"))["scans"]] == [scan.id]
    assert answer(physician.get("/api/v1/scans?review=unreviewed"))["scans"] == []


def test_a_stale_review_is_412_and_says_what_changed(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    first = said(scans=[{"id": scan.id, "seen": 0}], status="repeat", note="Blurred.")
    answer(physician.post("/api/v1/reviews", json=first), 201)
    late = said(scans=[{"id": scan.id, "seen": 0}], status="reviewed")
    response = physician.post("/api/v1/reviews", json=late)
    assert slug(response, 412) == "stale"
    assert response.get_json()["changed"][0]["records"][0]["note"] == "Blurred."


def test_a_correction_names_scans_or_a_batch_and_sets_something(technician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    for body in (
        said(set={"eye": "OS"}, reason="x"),
        said(scans=[scan.id], batch=new_id(NOW), set={"eye": "OS"}, reason="x"),
        said(scans=[scan.id], set={}, reason="x"),
        said(scans=[scan.id], set={"eye": "left"}, reason="x"),
        said(scans=[scan.id], set={"eye": "OS"}, reason=""),
    ):
        assert slug(technician.post("/api/v1/corrections", json=body), 422) == "invalid"
    body = said(scans=[scan.id], set={"eye": "OS", "captured_at": "2026-11-19T10:00"}, reason="Mixed up.")
    answer(technician.post("/api/v1/corrections", json=body), 201)
    found = answer(technician.get(f"/api/v1/scans/{scan.id}"))
    assert (found["eye"], found["visit_day"], found["captured_source"]) == ("OS", "2026-11-19", "corrected")


def test_a_withdrawn_scan_is_gone_until_it_is_restored(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    answer(physician.post("/api/v1/withdrawals", json=said(scans=[scan.id], reason="Wrong.")), 201)
    assert slug(physician.get(f"/api/v1/scans/{scan.id}"), 404) == "scan-not-found"
    back = said(scans=[scan.id], withdrawn=False, reason="Right.")
    answer(physician.post("/api/v1/withdrawals", json=back), 201)
    assert answer(physician.get(f"/api/v1/scans/{scan.id}"))["seen"] == 2


def test_who_may_what(technician: FlaskClient, physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    review = said(scans=[{"id": scan.id, "seen": 0}], status="repeat")
    assert slug(technician.post("/api/v1/reviews", json=review), 403) == "not-allowed"
    answer(physician.post("/api/v1/reviews", json=review), 201)
    note = said(scans=[scan.id], note="Patient has left.")
    assert slug(technician.post("/api/v1/addenda", json=note), 403) == "not-allowed"
    answer(technician.post("/api/v1/addenda", json=note | {"closes": True}), 201)
    assert answer(technician.get(f"/api/v1/scans/{scan.id}"))["review"] == "closed"
    assert slug(technician.post("/api/v1/withdrawals", json=said(scans=[scan.id], reason="x")), 403) == "not-allowed"


def test_months_are_counted_for_the_same_filters(physician: FlaskClient, stored: Stored) -> None:
    for day in ("2026-10-01", "2026-11-02", "2026-11-20"):
        stored(visit_day=day)
    stored(visit_day="2026-11-03", eye="OS")
    months = answer(physician.get("/api/v1/scans/months?eye=OD"))["months"]
    assert months == [{"month": "2026-11", "scans": 2}, {"month": "2026-10", "scans": 1}]
    assert slug(physician.get("/api/v1/scans/months?limit=3"), 422) == "invalid"


def test_devices_and_attention_filter(physician: FlaskClient, stored: Stored) -> None:
    flagged, other = stored(attention=["eye"], device="Cam 2"), stored()
    for query, wanted in (("attention=true", flagged), ("device=Camera", other), ("attention=false", other)):
        assert [one["id"] for one in answer(physician.get(f"/api/v1/scans?{query}"))["scans"]] == [wanted.id]
