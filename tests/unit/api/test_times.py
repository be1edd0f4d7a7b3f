"""One range of capture times at every door; days and pages at both ends of the calendar are no fault of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.catalog.scans import Scan, read_key, write_key
from broker.ids import new_id
from broker.words import Role
from tests.people import NOW
from tests.unit.api.conftest import answer, batch_of, slug
from tests.unit.api.test_hostile import CASES
from tests.unit.conftest import ClientFor

Stored = Callable[..., Scan]
TOO_EARLY = [
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "1000-06-01T12:00",
    "1849-12-31T12:00Z",
    "0001-01-01T00:00+23:59",
]
TOO_LATE = ["9999-12-31", "9999-12-31T23:59:59.999999-23:59", "2027-01-01", "2026-11-23T11:31Z", "9000-01-01T00:00"]
#: A fast clock is taken; so is everything since the patient was born.
GOOD = ["1957-03-21", "1969-12-31T23:59:59.999999Z", "2026-11-22T09:30", "2026-11-23T11:29Z"]
BEFORE_BIRTH = ["1957-03-19", "1850-01-02", "1957-03-20T09:00Z"]


def correction(scan: str, when: str) -> dict[str, Any]:
    return {"id": new_id(NOW), "scans": [scan], "set": {"captured_at": when}, "reason": "clock"}


@pytest.mark.parametrize("when", TOO_EARLY + TOO_LATE)
def test_a_time_that_cannot_be_is_a_clear_422_in_a_declaration(
    technician: FlaskClient, patient: str, when: str
) -> None:
    response = technician.post("/api/v1/uploads", json=batch_of(patient, {}, {"captured_at": when}))
    assert slug(response, 422) == "invalid"
    told = answer(response, 422)
    assert ("before 1850" if when in TOO_EARLY else "in the future") in told["detail"]
    assert (told["field"], told["refs"]) == ("captured_at", ["1"])
    assert answer(technician.get("/api/v1/uploads"))["uploads"] == []


@pytest.mark.parametrize("when", BEFORE_BIRTH)
def test_a_typed_time_before_the_patients_birth_is_refused(technician: FlaskClient, patient: str, when: str) -> None:
    response = technician.post("/api/v1/uploads", json=batch_of(patient, {"captured_at": when}))
    assert "before the patient was born" in answer(response, 422)["detail"]


@pytest.mark.parametrize("when", GOOD)
def test_every_other_time_is_taken(technician: FlaskClient, patient: str, stored: Stored, when: str) -> None:
    assert answer(technician.post("/api/v1/uploads", json=batch_of(patient, {"captured_at": when})), 201)
    assert answer(technician.post("/api/v1/corrections", json=correction(stored().id, when)), 201)


@pytest.mark.parametrize("when", TOO_EARLY + TOO_LATE)
def test_a_time_that_cannot_be_is_a_clear_422_in_a_correction(
    technician: FlaskClient, stored: Stored, when: str
) -> None:
    scan = stored()
    told = answer(technician.post("/api/v1/corrections", json=correction(scan.id, when)), 422)
    assert ("before 1850" if when in TOO_EARLY else "in the future") in told["detail"]
    form = {"act": new_id(NOW), "captured_at": when, "reason": "clock"}
    page = technician.post(f"/scans/{scan.id}/correct", data=form)
    assert page.status_code == 422
    assert ("before 1850" if when in TOO_EARLY else "in the future") in page.get_data(as_text=True)


@pytest.mark.parametrize("when", ["", "x", "0000-00-00", "2026-02-30", "2026-11-22T24:01", "2026-11-22T09:30+24:00"])
def test_what_is_no_time_is_a_clear_422(technician: FlaskClient, patient: str, stored: Stored, when: str) -> None:
    slug(technician.post("/api/v1/uploads", json=batch_of(patient, {"captured_at": when})), 422)
    slug(technician.post("/api/v1/corrections", json=correction(stored().id, when)), 422)


def test_pages_go_on_before_1970(technician: FlaskClient, stored: Stored) -> None:
    made = []
    for year in (2020, 1971, 1970, 1969, 1955, 1901, 1860):
        at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(microseconds=year)
        made.append(stored(captured_at=at, visit_day=at.date().isoformat()).id)
    for path in (
        "/api/v1/scans?limit=2",
        "/api/v1/scans?from=1850-01-01&limit=2",
        "/api/v1/scans?to=2026-01-01&limit=3",
    ):
        seen, after = [], ""
        for _ in made:
            page = answer(technician.get(path + after))
            seen += [one["id"] for one in page["scans"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert seen == made, path
    cursor = write_key((datetime(1955, 1, 1, tzinfo=UTC), made[4]))
    assert cursor.startswith("-")
    html = technician.get(f"/gallery?after={cursor}").get_data(as_text=True)
    assert [one in html for one in made] == [False] * 5 + [True, True]


@given(st.datetimes(timezones=st.just(UTC)))
def test_where_a_page_ends_is_read_as_it_was_written(when: datetime) -> None:
    key = (when, new_id(NOW))
    assert read_key(write_key(key)) == key


DAYS = st.dates() | st.sampled_from([date.min, date.max, date(1849, 12, 31), date(1970, 1, 1)])
OFFSETS = st.integers(-(24 * 60 - 1), 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=st.none() | OFFSETS) | DAYS.flatmap(
    lambda day: OFFSETS.map(lambda zone: datetime.combine(day, time.max, zone))
)
WHENS = (TIMES | DAYS).map(lambda when: when.isoformat())


def test_no_time_whatever_is_a_fault_of_ours(technician: FlaskClient, patient: str, stored: Stored) -> None:
    scan = stored()

    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(when=WHENS)
    def send(when: str) -> None:
        declared = technician.post("/api/v1/uploads", json=batch_of(patient, {"captured_at": when}))
        assert declared.status_code in (201, 422), when
        corrected = technician.post("/api/v1/corrections", json=correction(scan.id, when))
        assert corrected.status_code in (201, 422), when
        # A person's birth bounds a declaration only, and it is the only difference there is.
        if corrected.status_code == 422:
            assert declared.status_code == 422
        form = {"act": new_id(NOW), "captured_at": when, "reason": "clock"}
        assert technician.post(f"/scans/{scan.id}/correct", data=form).status_code in (303, 422), when
        assert technician.get("/gallery").status_code == 200

    send()


def test_no_day_whatever_is_a_fault_of_ours(technician: FlaskClient, patient: str, stored: Stored) -> None:
    stored()
    paths = ["/api/v1/scans", "/api/v1/scans/months", "/gallery", "/gallery/fresh", "/gallery/months"]

    @settings(max_examples=CASES // 3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(first=DAYS | st.text(max_size=12), last=DAYS, count=st.integers(-(10**18) + 1, 10**18 - 1))
    def send(first: object, last: date, count: int) -> None:
        query = {
            "from": str(first).encode("utf-8", "replace").decode(),
            "to": str(last),
            "after": f"{count}.{new_id(NOW)}",
        }
        for path in paths:
            told = query if path in ("/api/v1/scans", "/gallery") else {"from": query["from"], "to": query["to"]}
            assert technician.get(path, query_string=told).status_code in (200, 422), (path, told)
        assert technician.get("/gallery/fresh", query_string={"since": str(count)}).status_code == 200
        assert technician.get(f"/patients/{patient}/visits/{last}").status_code == 404
        assert technician.get("/api/v1/patients", query_string={"q": str(last)}).status_code == 200

    send()


def test_no_day_whatever_in_the_trail_is_a_fault_of_ours(client_for: ClientFor) -> None:
    admin = client_for(Role.ADMIN)

    @settings(max_examples=CASES // 3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(first=WHENS, last=WHENS, count=st.integers(-(10**16), 10**16))
    def send(first: str, last: str, count: int) -> None:
        query = {"from": first, "to": last, "after": f"{count}.1"}
        assert admin.get("/api/v1/audit", query_string=query).status_code in (200, 422), query
        query = {"from": first[:10], "to": last[:10], "after": f"{count}.1"}
        assert admin.get("/admin/audit", query_string=query).status_code == 200, query

    send()
