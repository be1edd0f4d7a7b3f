"""The scans resource over HTTP: pages, filters, links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from broker.catalog import audit
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind
from tests.people import NOW
from tests.unit.api.conftest import PATIENT, answer, slug

URL = "/api/v1/scans"
Stored = Callable[..., Scan]


def ids(client: FlaskClient, query: str = "") -> list[str]:
    return [scan["id"] for scan in answer(client.get(f"{URL}{query}"))["scans"]]


def test_a_scan_tells_all_that_a_card_shows(physician: FlaskClient, stored: Stored, patient: str) -> None:
    scan = stored(urgent=True, attention=["eye"])
    [found] = answer(physician.get(URL))["scans"]
    link = found["links"].pop("thumbnail")
    assert found.pop("links") == {}
    assert f"/vault/scans/{scan.id[-2:]}/{scan.id}/thumbnail.webp?" in link
    assert "sp=r" in link
    assert found == {
        "id": scan.id, "upload": scan.upload_id, "eye": "OD", "kind": "color_fundus",
        "captured_at": "2026-11-20T08:00:00Z", "captured_source": "declared", "visit_day": "2026-11-20",
        "device": "Camera", "width": 1600, "height": 1200, "frames": 1, "no_preview": None, "attention": ["eye"],
        "review": "unreviewed", "seen": 0, "manifest": 1, "requested_at": None, "answer": None,
        "placeholder": "data:image/webp;base64,AAAA", "note": "blurred", "urgent": True,
        "sent_by": "Tess Technician", "digest": f"sha256:{'0' * 64}", "size": 1000, "filename": "IMG_1.JPG",
        "declared": scan.facts["declared"], "detected": scan.facts["detected"],
        "patient": PATIENT | {"id": patient, "issuer": "clinic", "sex": None, "version": 1},
    }  # fmt: skip


def test_one_scan_has_links_to_all_its_renditions(physician: FlaskClient, stored: Stored) -> None:
    scan = stored()
    assert set(answer(physician.get(f"{URL}/{scan.id}"))["links"]) == {"thumbnail", "display"}
    assert slug(physician.get(f"{URL}/{new_id(NOW)}"), 404) == "scan-not-found"
    withdrawn = stored(withdrawn=True)
    assert slug(physician.get(f"{URL}/{withdrawn.id}"), 404) == "scan-not-found"
    assert ids(physician) == [scan.id]


def test_pages_are_complete_and_without_doubles(physician: FlaskClient, stored: Stored) -> None:
    base = datetime(2026, 11, 1, 8, tzinfo=UTC)
    made = [stored(captured_at=base + timedelta(microseconds=n // 3)) for n in range(11)]
    seen, after = [], ""
    for _ in range(4):
        page = answer(physician.get(f"{URL}?limit=3{after}"))
        seen += [scan["id"] for scan in page["scans"]]
        after = f"&after={page['next']}"
    assert page["next"] is None
    assert seen == [scan.id for scan in sorted(made, key=lambda scan: (scan.captured_at, scan.id), reverse=True)]


def test_filters_narrow_the_list(physician: FlaskClient, stored: Stored, patient: str) -> None:
    right = stored(eye=Eye.OD, kind=Kind.OCT, visit_day="2026-11-20")
    next_day = datetime(2026, 11, 21, 8, tzinfo=UTC)
    left = stored(eye=Eye.OS, kind=Kind.COLOR_FUNDUS, visit_day="2026-11-21", captured_at=next_day)
    assert ids(physician, "?eye=OS") == [left.id]
    assert ids(physician, "?kind=oct") == [right.id]
    assert ids(physician, "?from=2026-11-21") == [left.id]
    assert ids(physician, "?to=2026-11-20") == [right.id]
    assert len(ids(physician, f"?patient={patient}&from=2026-11-20&to=2026-11-21")) == 2
    assert ids(physician, f"?patient={new_id(NOW)}") == []


@pytest.mark.parametrize(
    "query",
    [
        "eye=left", "kind=x", "from=yesterday", "limit=0", "limit=201", "limit=x", "name=Ada", "patient=1", "after=1",
        "after=99999999999999999999.x",
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_is_refused(physician: FlaskClient, query: str) -> None:
    assert slug(physician.get(f"{URL}?{query}"), 422) == "invalid"


def test_fresh_links_come_for_those_that_have_the_rendition(physician: FlaskClient, stored: Stored) -> None:
    scan, unknown = stored(), new_id(NOW)
    one, two = answer(physician.post(f"{URL}/links", json={"ids": [scan.id, unknown], "rendition": "display"}))["links"]
    assert one["id"] == scan.id
    assert "/display.webp?" in one["url"]
    assert (two["id"], two["problem"]["status"]) == (unknown, 404)
    [none] = answer(physician.post(f"{URL}/links", json={"ids": [scan.id], "rendition": "frames"}))["links"]
    assert none["problem"]["type"].endswith("/scan-not-found")


def test_the_original_is_an_attachment_for_five_minutes_with_a_row_of_its_own(
    physician: FlaskClient, stored: Stored, parts: Parts
) -> None:
    scan = stored()
    found = answer(physician.post(f"{URL}/{scan.id}/original"))
    assert found["expires_at"] == "2026-11-22T09:35:00Z"
    assert "/original?" in found["link"]
    assert "rscd=attachment" in found["link"]
    with parts.catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert (row.act, row.subjects, row.account_name) == ("scan.original", [scan.patient_id, scan.id], "Phil Physician")
