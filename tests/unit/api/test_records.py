"""Reviews, addenda, corrections and withdrawals over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from broker.catalog.scans import Scan
from broker.ids import new_id
from tests.people import NOW
from tests.unit.api.conftest import PATIENT, answer, slug

Stored = Callable[..., Scan]


def said(**more: Any) -> dict[str, Any]:
    return {"id": new_id(NOW), **more}


def opened(client: FlaskClient, *scans: Scan, slices: int = 1) -> None:
    told = {"scans": [{"id": scan.id, "slices": slices} for scan in scans]}
    found = answer(client.post("/api/v1/scans/opened", json=told))["scans"]
    assert sorted(one["id"] for one in found) == sorted(scan.id for scan in scans)


def test_a_review_shows_with_the_scan_and_its_etag_counts(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    assert physician.get(f"/api/v1/scans/{scan.id}").headers["ETag"] == '"0"'
    body = said(scans=[{"id": scan.id, "seen": 0}], status="reviewed", note="No change.")
    assert slug(physician.post("/api/v1/reviews", json=body), 409) == "not-opened"
    opened(physician, scan)
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
    opened(physician, scan)
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
    opened(physician, scan)
    answer(physician.post("/api/v1/reviews", json=review), 201)
    note = said(scans=[scan.id], note="Patient has left.")
    for closes in (False, True):
        assert slug(technician.post("/api/v1/addenda", json=note | {"closes": closes}), 403) == "not-allowed"
    no = said(scan=scan.id, possible=False, reason="Patient has left.")
    answer(technician.post("/api/v1/answers", json=no), 201)
    [found] = answer(technician.get("/api/v1/scans?review=repeat"))["scans"]
    assert found["requested_at"] == "2026-11-22T09:30:00Z"
    assert found["answer"] == {
        "possible": False, "by": None, "reason": "Patient has left.", "by_name": "Tess Technician",
        "at": "2026-11-22T09:30:00+00:00",
    }  # fmt: skip
    answer(physician.post("/api/v1/addenda", json=note | {"closes": True}), 201)
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


def test_what_stands_in_the_way_of_a_review_names_the_scans(physician: FlaskClient, stored: Stored) -> None:
    good, doubtful, closed = stored(), stored(attention=["patient"]), stored()
    opened(physician, good, doubtful)

    def problem(*scans: Scan, **more: Any) -> tuple[str, list[str]]:
        seen = [{"id": scan.id, "seen": 0, "manifest": 1} for scan in scans]
        response = physician.post("/api/v1/reviews", json=said(scans=seen, status="reviewed", **more))
        return slug(response, 409), response.get_json()["scans"]

    assert problem(good, closed) == ("not-opened", [closed.id])
    assert problem(good, doubtful, closed, unopened=True) == ("attention-open", [doubtful.id])
    body = said(scans=[{"id": good.id, "seen": 0, "manifest": 2}], status="reviewed")
    assert slug(physician.post("/api/v1/reviews", json=body), 412) == "stale"


def test_an_act_is_taken_back_and_stays_in_the_history(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    opened(physician, scan)
    body = said(scans=[{"id": scan.id, "seen": 0}], status="reviewed", note="Wrong visit.")
    answer(physician.post("/api/v1/reviews", json=body), 201)
    back = said(act=body["id"])
    assert answer(physician.post("/api/v1/retractions", json=back), 201)["records"][0]["retracts"] == body["id"]
    found = answer(physician.get(f"/api/v1/scans/{scan.id}"))
    assert (found["review"], found["seen"]) == ("unreviewed", 2)
    assert [one.get("retracted", False) for one in found["records"]] == [True, False]
    assert slug(physician.post("/api/v1/retractions", json=said(act=new_id(NOW))), 404) == "not-found"


def test_two_records_of_one_person_are_merged_and_parted_over_http(
    technician: FlaskClient, stored: Stored, patient: str
) -> None:
    scan = stored()
    other = answer(technician.post("/api/v1/patients", json=PATIENT | {"mrn": "77"}), 201)["id"]
    body = said(absorbed=patient, into=other, reason="One person.")
    for _ in range(2):
        assert answer(technician.post("/api/v1/merges", json=body), 201)["id"] == other
    assert answer(technician.get(f"/api/v1/patients/{patient}"))["id"] == other
    assert answer(technician.get(f"/api/v1/scans/{scan.id}"))["patient"]["id"] == other
    for asked in (patient, other):
        assert [one["id"] for one in answer(technician.get(f"/api/v1/scans?patient={asked}"))["scans"]] == [scan.id]
    assert slug(technician.post("/api/v1/merges", json=said(absorbed=other, into=patient, reason="x")), 409)
    assert slug(technician.patch(f"/api/v1/patients/{patient}", json={"sex": "F"}), 409) == "illegal-move"
    undo = said(absorbed=patient, reason="They are two.")
    for _ in range(2):
        assert answer(technician.post("/api/v1/merges/undo", json=undo), 201)["id"] == patient
    assert answer(technician.get(f"/api/v1/scans/{scan.id}"))["patient"]["id"] == patient
