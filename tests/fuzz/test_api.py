"""Requests made up from the API's own description, as each role: no 5xx, and no answer that is not described.

A short run belongs to every test run; ``FUZZ=1`` makes more than 20,000 requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from broker import create_app
from broker.access.actor import SYSTEM
from broker.api.health import Readiness
from broker.catalog import leases
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import Clock, make_config, make_parts

FUZZ = os.environ.get("FUZZ") == "1"
#: Requests for each operation and sender.
EACH = 400 if FUZZ else 4
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
SENDERS = ("technician", "physician", "admin", "nobody")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    made = make_parts(make_config(tmp_path_factory.mktemp("fuzz"), requests_per_minute=60_000), Clock())
    with made.catalog.write() as tx:
        leases.mark(tx, "vault_indexed", made.clock())
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def app(parts: Parts) -> Flask:
    app = create_app(parts.config, parts)
    app.extensions["health"] = Readiness(replace(parts))
    return app


@pytest.fixture(scope="module")
def headers(parts: Parts) -> dict[str, dict[str, str]]:
    """What each sender says about itself."""
    found: dict[str, dict[str, str]] = {"nobody": {}}
    for role in Role:
        _, token = parts.access.create_token(SYSTEM("test"), name=f"fuzz {role}", role=role, now=parts.clock())
        found[role.value] = {"Authorization": f"Bearer {token}"}
    return found


@pytest.fixture(scope="module")
def operations(app: Flask, headers: dict[str, dict[str, str]]) -> list[Any]:
    schema: Any = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app=app, headers=headers["technician"])
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("sender", SENDERS)
def test_every_answer_is_one_that_is_described(
    operations: list[Any], headers: dict[str, dict[str, str]], sender: str
) -> None:
    asked = 0
    for operation in operations:
        strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

        @settings(
            max_examples=EACH,
            deadline=None,
            derandomize=not FUZZ,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategies[0] | strategies[1])
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            response = case.call(headers=headers[sender])
            assert response.status_code < 500
            case.validate_response(response, checks=CHECKS)

        ask()
    print(f"{sender}: {asked} requests")
    assert asked >= EACH * len(operations) // 2


def test_the_long_run_makes_more_than_twenty_thousand_requests(operations: list[Any]) -> None:
    assert 400 * len(operations) * len(SENDERS) > 20_000
