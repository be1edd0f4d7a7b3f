"""Fixtures of the API's tests: a technician and a physician, a patient, a declared batch, a stored scan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from broker.access.actor import SYSTEM
from broker.catalog import scans
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind, Role
from tests.people import NOW
from tests.unit.conftest import ClientFor

Json = dict[str, Any]
PATIENT = {"mrn": "0012345", "name": "Ada Example", "birth_date": "1957-03-21"}


@pytest.fixture
def technician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.TECHNICIAN, name="Tess Technician")


@pytest.fixture
def physician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.PHYSICIAN, name="Phil Physician")


@pytest.fixture
def patient(technician: FlaskClient) -> str:
    """The id of a patient that exists."""
    return str(answer(technician.post("/api/v1/patients", json=PATIENT), 201)["id"])


def answer(response: Any, status: int = 200) -> Json:
    """The JSON of an answer, which must have this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    found: Json = response.get_json()
    return found


def slug(response: Any, status: int) -> str:
    """The kind of a problem, which must be in the one shape and have this status."""
    assert response.content_type == "application/problem+json"
    found = answer(response, status)
    assert found["status"] == status
    assert found["title"]
    assert found["type"].startswith("http://localhost:8080/problems/")
    return str(found["type"].rpartition("/")[2])


def batch_of(patient: str, *files: Json, **more: object) -> Json:
    """A declaration of files, each at least ``{}``."""
    given = files or ({},)
    whole = [{"ref": str(n), "filename": f"IMG_{n}.JPG", "size": 1000} | file for n, file in enumerate(given)]
    return {"batch": new_id(NOW), "patient": patient, "files": whole, **more}


@pytest.fixture
def stored(parts: Parts, patient: str) -> Callable[..., Scan]:
    """Put a scan into the catalog as the worker would: ``stored(eye=Eye.OD)``."""

    def put(**changes: Any) -> Scan:
        identity = new_id(NOW)
        claims = {
            "eye": "OD",
            "kind": None,
            "captured_at": None,
            "captured_source": None,
            "device": None,
            "patient": None,
        }
        rendition = {"media_type": "image/webp", "width": 384, "height": 288, "bytes": 1000}
        facts: Any = {
            "filename": "IMG_1.JPG", "ending": "jpg", "format": "jpeg", "media_type": "image/jpeg", "size": 1000,
            "digest": "sha256:" + "0" * 64, "sha256": "0" * 64, "width": 1600, "height": 1200, "frames": 1,
            "spacing_mm": None, "renditions": {"thumbnail": rendition, "display": rendition}, "no_preview": None,
            "declared": claims, "detected": claims, "note": "blurred", "sent_by": "Tess Technician",
            "sent_at": "2026-11-22T09:30:00Z", "received_at": "2026-11-22T09:30:10Z",
            "stored_at": "2026-11-22T09:30:11Z",
        }  # fmt: skip
        values: dict[str, Any] = {
            "id": identity, "upload_id": new_id(NOW), "position": 0, "patient_id": patient, "eye": Eye.OD,
            "kind": Kind.COLOR_FUNDUS, "captured_at": datetime(2026, 11, 20, 8, tzinfo=UTC),
            "captured_source": "declared", "visit_day": "2026-11-20", "device": "Camera", "facts": facts,
            "placeholder": "data:image/webp;base64,AAAA", "attention": [], "urgent": False, "withdrawn": False,
        }  # fmt: skip
        scan = Scan(**values | changes)
        with parts.catalog.write() as tx:
            scans.put(tx, [scan])
        return scan

    return put


def token_of(parts: Parts, role: Role, name: str = "program") -> str:
    """A bearer token."""
    return parts.access.create_token(SYSTEM("test"), name=name, role=role, now=parts.clock())[1]
