"""The description of the API: valid, whole, and true of what is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from broker.catalog import uploads
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Eye, Kind, Rejection, Role, State
from tests.people import NOW, sha256
from tests.unit.api.conftest import PATIENT, answer, batch_of
from tests.unit.conftest import ClientFor

Spec = dict[str, Any]


@pytest.fixture
def spec(technician: FlaskClient) -> Spec:
    return answer(technician.get("/api/v1/openapi.json"))


def operations(spec: Spec) -> dict[tuple[str, str], Spec]:
    verbs = ("get", "post", "put", "patch", "delete")
    return {(verb.upper(), path): item[verb] for path, item in spec["paths"].items() for verb in verbs if verb in item}


def test_it_is_valid_openapi_3_1(spec: Spec) -> None:
    assert spec["openapi"] == "3.1.0"
    validate(spec)


def test_every_route_of_the_api_is_described(app: Flask, spec: Spec) -> None:
    served = {
        (method, re.sub(r"<id:(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.rule.endswith("openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(spec)) == served
    assert all(found["summary"] and found["tags"] for found in operations(spec).values())


def test_every_operation_answers_errors_as_problems(spec: Spec) -> None:
    for found in operations(spec).values():
        for status, response in found["responses"].items():
            if "$ref" in response:
                response = spec["components"]["responses"][response["$ref"].rpartition("/")[2]]
            expected = "application/json" if status.startswith("2") else "application/problem+json"
            assert list(response["content"]) == [expected], status
        assert "default" in found["responses"]


def test_requests_are_closed_and_say_their_limits(spec: Spec) -> None:
    schemas = spec["components"]["schemas"]
    assert schemas["DeclarationIn"]["properties"]["files"]["maxItems"] == 1000
    assert schemas["FileIn"]["properties"]["filename"]["maxLength"] == 500
    assert schemas["FileIn"]["properties"]["eye"]["enum"] == [eye.value for eye in Eye]
    assert set(schemas["FileIn"]["required"]) == {"ref", "filename", "size"}
    for name in (
        "DeclarationIn",
        "FileIn",
        "IdsIn",
        "CompletionIn",
        "ToldIn",
        "PatientIn",
        "LinksIn",
        "ReviewIn",
        "SetIn",
    ):
        assert schemas[name]["additionalProperties"] is False, name


def test_a_grant_may_be_none_and_says_so(spec: Spec) -> None:
    offer = spec["components"]["schemas"]["Offer"]["properties"]
    assert {"type": "null"} in offer["grant"]["anyOf"]
    assert set(spec["components"]["schemas"]["Upload"]["properties"]["state"]["enum"]) == {
        state.value for state in State
    }


def test_every_answer_is_what_the_description_says(
    spec: Spec, client_for: ClientFor, patient: str, stored: Callable[..., Scan], parts: Parts
) -> None:
    technician = client_for(Role.TECHNICIAN, Role.PHYSICIAN)
    registry: Registry[Any] = Registry().with_resource("urn:api", DRAFT202012.create_resource(spec))
    asked: set[tuple[str, str]] = set()

    def ask(method: str, path: str, status: int, body: object = None, **ids: str) -> Spec:
        response = technician.open(f"/api/v1{path}".format(**ids), method=method, json=body)
        content = answer(response, status)
        template = f"/api/v1{path.partition('?')[0]}"
        asked.add((method, template))
        pointer = f"{template.replace('/', '~1')}/{method.lower()}"
        schema = {"$ref": f"urn:api#/paths/{pointer}/responses/{status}/content/application~1json/schema"}
        faults = [error.message for error in OAS31Validator(schema, registry=registry).iter_errors(content)]
        assert faults == [], (method, path)
        return content

    scan = stored(kind=Kind.OCT)
    body = batch_of(patient, {"digest": sha256(b"1"), "eye": "OD"}, {"size": 100 << 20}, {})
    first, large, third = (offer["id"] for offer in ask("POST", "/uploads", 201, body)["uploads"])
    ask("POST", "/uploads/complete", 202, {"items": [{"id": first}, {"id": large}, {"id": new_id(NOW)}]})
    ask("POST", "/uploads/grants", 200, {"ids": [first, large, new_id(NOW)]})
    ask("GET", f"/uploads?batch={body['batch']}", 200)
    ask("GET", "/uploads/{upload}", 200, upload=large)
    ask("DELETE", "/uploads/{upload}", 200, upload=third)
    [lost] = ask("POST", "/uploads", 201, batch_of(patient))["uploads"]
    with parts.catalog.write() as tx:
        assert uploads.refuse(tx, lost["id"], Rejection.SIZE, detail="", now=NOW)
    ask("POST", "/uploads/settle", 200, {"id": new_id(NOW), "upload": lost["id"], "how": "given_up", "reason": "Gone."})
    ask("POST", "/patients", 201, PATIENT | {"mrn": "2"})
    ask("GET", "/patients?q=ada", 200)
    ask("GET", "/patients/{patient}", 200, patient=patient)
    ask("PATCH", "/patients/{patient}", 200, {"sex": "F"}, patient=patient)
    ask("GET", "/scans?limit=1", 200)
    ask("GET", "/scans/{scan}", 200, scan=scan.id)
    ask("POST", "/scans/links", 200, {"ids": [scan.id, new_id(NOW)], "rendition": "thumbnail"})
    ask("POST", "/scans/{scan}/original", 200, {}, scan=scan.id)
    ask("GET", "/scans/months?kind=oct", 200)
    said, reason = {"id": new_id(NOW)}, {"reason": "Mixed up."}
    ask("POST", "/scans/opened", 200, {"scans": [{"id": scan.id, "slices": 1}]})
    ask("POST", "/reviews", 201, said | {"scans": [{"id": scan.id, "seen": 0}], "status": "repeat", "note": "Blurred."})
    answered = {"id": new_id(NOW), "scan": scan.id, "possible": False}
    ask("POST", "/answers", 201, answered | reason)
    ask("GET", "/scans?review=repeat", 200)
    ask("POST", "/retractions", 201, {"id": new_id(NOW), "act": answered["id"]})
    ask("POST", "/addenda", 201, {"id": new_id(NOW), "scans": [scan.id], "note": "Patient has left.", "closes": True})
    ask("POST", "/corrections", 201, {"id": new_id(NOW), "scans": [scan.id], "set": {"eye": "OS"}} | reason)
    ask("POST", "/withdrawals", 201, {"id": new_id(NOW), "scans": [scan.id]} | reason)
    other = ask("POST", "/patients", 201, PATIENT | {"mrn": "3"})["id"]
    ask("POST", "/merges", 201, {"id": new_id(NOW), "absorbed": other, "into": patient} | reason)
    ask("POST", "/merges/undo", 201, {"id": new_id(NOW), "absorbed": other} | reason)
    ask("GET", "/health", 200)
    technician = client_for(Role.ADMIN)
    ask("GET", "/audit?act=upload", 200)
    assert asked == set(operations(spec))
