"""A whole journey at the most talkative log level leaves no signature, key or password behind."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sending import Source, declaration, send
from tests.stack import Stack

PICTURE = (Path(__file__).parents[2] / "assets" / "samples" / "retina.jpg").read_bytes()


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, list[str]]:
    """Declare, send, complete, look, download, fail in several ways; gives every signed address that was handed out."""
    handed: list[str] = []
    with Stack(tmp_path_factory.mktemp("journey"), LOG_LEVEL="DEBUG") as stack:
        technician, physician = stack.api("technician"), stack.api("physician")
        ada = {"mrn": "1", "name": "Ada Canaryname", "birth_date": "1957-03-21"}
        patient = technician.post("/patients", ada)["id"]
        good, bad = Source(len(PICTURE), PICTURE), Source(400, b"no picture")
        body = declaration(str(uuid4()), patient, ("canaryfile.jpg", good), ("bad.jpg", bad))
        for offer, source in zip(technician.post("/uploads", body)["uploads"], (good, bad), strict=True):
            handed.append(offer["grant"]["url"])
            send(offer["grant"], source)
            technician.post("/uploads/complete", {"items": [{"id": offer["id"]}]})
        ids = [offer["id"] for offer in technician.post("/uploads", body)["uploads"]]
        end = time.monotonic() + 30
        while {"received", "verifying"} & {
            item["state"] for item in technician.get("/uploads?ids=" + ",".join(ids))["uploads"]
        }:
            assert time.monotonic() < end
            time.sleep(0.1)
        scan = physician.get("/scans")["scans"][0]
        handed += scan["links"].values()
        handed.append(physician.post(f"/scans/{scan['id']}/original", {})["link"])
        technician.call(
            "GET", f"/scans?{handed[0].partition('?')[2]}"
        )  # a client that puts a signature where it must not
        technician.call("POST", "/uploads", {"batch": handed[0]})
        stack.azurite.stop()  # and a store that is gone while block lists are asked for
        technician.call("POST", "/uploads/complete", {"items": [{"id": ids[0]}]})
        technician.get("/health") if technician.call("GET", "/health")[0] == 200 else None
        stack.worker.stop()
        stack.web.stop()
    return stack, handed


def signature(url: str) -> str:
    return url.partition("sig=")[2].partition("&")[0]


def test_no_signature_stands_in_any_log(journey: tuple[Stack, list[str]]) -> None:
    stack, handed = journey
    logs = stack.web.log.read_text() + stack.worker.log.read_text()
    assert len(logs) > 1000
    assert len(handed) == 4
    for secret in [*map(signature, handed), stack.azurite.key, *stack._tokens.values()]:
        assert secret
        assert secret not in logs
    assert "sig=" not in logs


def test_no_signature_token_or_key_stands_in_the_catalog(journey: tuple[Stack, list[str]]) -> None:
    stack, handed = journey
    with sqlite3.connect(stack.folder / "data" / "catalog.sqlite") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert "upload.declare" in dump
    assert "sig=" not in dump
    for secret in [*map(signature, handed), stack.azurite.key, *stack._tokens.values()]:
        assert secret not in dump


def test_no_log_line_names_a_patient_or_a_file(journey: tuple[Stack, list[str]]) -> None:
    stack, _ = journey
    logs = stack.web.log.read_text() + stack.worker.log.read_text()
    assert "Canaryname" not in logs
    assert "canaryfile" not in logs


def test_every_log_line_is_one_json_object(journey: tuple[Stack, list[str]]) -> None:
    stack, _ = journey
    for line in (stack.web.log.read_text() + stack.worker.log.read_text()).splitlines():
        assert isinstance(json.loads(line), dict), line
