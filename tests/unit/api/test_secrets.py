"""A whole journey, and nothing of a key in any log line, database row or problem."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from tests.people import NOW, sha256
from tests.unit.api.conftest import answer, batch_of

URL = "/api/v1/uploads"


def test_no_signature_reaches_a_log_a_row_or_a_problem(
    technician: FlaskClient, patient: str, stored: Callable[..., Scan], parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    texts = []
    with caplog.at_level(logging.DEBUG):
        scan = stored()
        body = batch_of(patient, {"digest": sha256(b"1")}, {"size": 100 << 20})
        offers = answer(technician.post(URL, json=body), 201)["uploads"]
        signatures = [offer["grant"]["url"].partition("sig=")[2].partition("&")[0] for offer in offers]
        ids = [offer["id"] for offer in offers]
        answer(technician.post(f"{URL}/grants", json={"ids": ids}))
        answer(technician.post(f"{URL}/complete", json={"items": [{"id": name} for name in ids]}), 202)
        link = answer(technician.post(f"/api/v1/scans/{scan.id}/original"))["link"]
        signatures.append(link.partition("sig=")[2].partition("&")[0])
        answer(technician.get("/api/v1/scans"))
        # What comes back to us must not be repeated either.
        for path in (
            f"{URL}/{link}",
            f"{URL}?after={link}",
            f"/{link}",
            f"{URL}/{new_id(NOW)}?{link.partition('?')[2]}",
        ):
            texts.append(technician.get(path).get_data(as_text=True))
        texts.append(technician.post(URL, json={"batch": link, "files": [{"filename": link}]}).get_data(as_text=True))
        texts.append(repr(parts))
    texts += [record.getMessage() + str(record.exc_info) + str(record.__dict__) for record in caplog.records]
    texts += [path.read_bytes().decode("latin-1") for path in parts.config.data_dir.glob("catalog.sqlite*")]
    assert len(signatures) == 3
    assert all(len(signature) > 20 for signature in signatures)
    for text in texts:
        assert "sig=" not in text
        assert not [signature for signature in signatures if signature in text]
