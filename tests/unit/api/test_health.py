"""Health: ready only when storage answers and the catalog knows the vault; details for those with an identity."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from broker.catalog import leases
from broker.errors import StorageUnavailable
from broker.parts import Parts
from tests.unit.api.conftest import answer
from tests.unit.conftest import Clock

URL = "/api/v1/health"


def test_a_stranger_learns_only_whether_it_can_serve(anybody: FlaskClient) -> None:
    assert answer(anybody.get(URL)) == {"status": "ready"}


def test_somebody_known_learns_when_the_worker_lived(technician: FlaskClient, parts: Parts, clock: Clock) -> None:
    assert answer(technician.get(URL)) == {"status": "ready", "storage": "ok", "catalog": "ok", "worker": None}
    with parts.catalog.write() as tx:
        leases.mark(tx, "worker", clock())
    assert answer(technician.get(URL))["worker"] == "2026-11-22T09:30:00Z"


def test_a_dead_store_makes_it_unready_and_is_asked_once_in_five_seconds(
    app: Flask, anybody: FlaskClient, technician: FlaskClient, parts: Parts
) -> None:
    asked: list[str] = []

    def fail(act: str, name: str) -> None:
        asked.append(act)
        raise StorageUnavailable()

    parts.store.before = fail  # type: ignore[attr-defined]
    assert answer(anybody.get(URL), 503) == {"status": "unavailable"}
    assert answer(technician.get(URL), 503)["storage"] == "The storage does not answer"
    assert asked == ["ready"]
    app.extensions["health"].cache_seconds = 0.0
    parts.store.before = lambda act, name: None  # type: ignore[attr-defined]
    assert answer(anybody.get(URL)) == {"status": "ready"}


def test_a_catalog_that_does_not_know_the_vault_yet_is_not_ready(technician: FlaskClient, parts: Parts) -> None:
    with parts.catalog.write() as tx:
        tx.exec_driver_sql("delete from marks")
    assert answer(technician.get(URL), 503)["catalog"].startswith("It does not know the vault yet")


def test_a_catalog_that_cannot_be_read_is_not_ready(anybody: FlaskClient, parts: Parts) -> None:
    with parts.catalog.write() as tx:
        tx.exec_driver_sql("drop table marks")
    assert answer(anybody.get(URL), 503) == {"status": "unavailable"}
