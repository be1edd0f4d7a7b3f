"""Requests an account may send: a bucket for each, a 429 that says when to come back, and folders that still arrive."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broker.access.rates import Rates
from broker.api.health import Readiness
from broker.errors import TooMany
from broker.parts import Parts
from broker.words import Role
from tests.people import sha256
from tests.unit.api.conftest import batch_of
from tests.unit.conftest import ClientFor

FOLDER, CHUNK = 5_000, 100


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def limited(app: Flask, parts: Parts, seconds: Seconds) -> Parts:
    """The application with sixty requests a minute."""
    made = replace(parts, rates=Rates(60, seconds))
    app.extensions |= {"parts": made, "health": Readiness(made)}
    return made


def test_a_bucket_is_emptied_and_fills_one_by_one(seconds: Seconds) -> None:
    rates = Rates(60, seconds)
    for _ in range(60):
        rates.take("ada")
    for wait, more in ((1, 1), (1, 1), (30, 30)):
        with pytest.raises(TooMany) as refused:
            rates.take("ada")
        assert refused.value.members == {"retry_after": 1}
        seconds.now += wait
        for _ in range(more):
            rates.take("ada")
    seconds.now += 3600
    for _ in range(60):
        rates.take("ada")
    with pytest.raises(TooMany):
        rates.take("ada")


def test_what_is_refused_costs_nothing(seconds: Seconds) -> None:
    rates = Rates(60, seconds)
    for _ in range(60):
        rates.take("ada")
    for _ in range(100):
        with pytest.raises(TooMany):
            rates.take("ada")
    seconds.now += 1
    rates.take("ada")


def test_full_buckets_are_forgotten(seconds: Seconds) -> None:
    rates = Rates(60, seconds)
    for number in range(30_000):
        rates.take(str(number))
        seconds.now += 1
    assert len(rates._full) <= 10_001


def test_beyond_its_requests_an_account_gets_429_with_the_seconds_to_wait(
    limited: Parts, client_for: ClientFor, seconds: Seconds
) -> None:
    ada, bob = client_for(Role.TECHNICIAN, name="Ada"), client_for(Role.TECHNICIAN, name="Bob")
    assert [ada.get("/api/v1/uploads").status_code for _ in range(60)] == [200] * 60
    refused = ada.get("/api/v1/uploads")
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] == "1"
    assert refused.json
    assert (refused.json["type"].rpartition("/")[2], refused.json["retry_after"]) == ("too-many", 1)
    assert ada.get("/gallery").mimetype == "text/html"
    assert ada.get("/gallery").status_code == 429
    assert bob.get("/api/v1/uploads").status_code == 200
    seconds.now += 1
    assert ada.get("/api/v1/uploads").status_code == 200


def test_every_session_and_token_of_an_account_draws_from_one_bucket(limited: Parts, client_for: ClientFor) -> None:
    one, other = client_for(Role.TECHNICIAN, name="Ada"), client_for(Role.TECHNICIAN, name="Ada")
    for _ in range(60):
        one.get("/api/v1/uploads")
    assert other.get("/api/v1/uploads").status_code == 429


def test_locking_and_signing_out_are_never_refused(limited: Parts, client_for: ClientFor) -> None:
    client = client_for(Role.TECHNICIAN)
    for _ in range(61):
        client.get("/api/v1/uploads")
    assert client.post("/session/lock").status_code == 200
    assert client.post("/sign-out").status_code == 303


def test_strangers_and_static_files_are_not_counted(limited: Parts, anybody: FlaskClient) -> None:
    assert [anybody.get("/sign-in").status_code for _ in range(70)] == [200] * 70


def test_a_folder_of_five_thousand_files_arrives_at_sixty_requests_a_minute(
    limited: Parts, client_for: ClientFor, seconds: Seconds
) -> None:
    client, refusals = client_for(Role.TECHNICIAN), count()
    waited = 0

    def insist(path: str, body: object) -> TestResponse:
        """As the page does: wait as long as it is told to, and say the same again."""
        nonlocal waited
        while (answer := client.post(path, json=body)).status_code == 429:
            seconds.now += int(answer.headers["Retry-After"])
            waited = next(refusals)
        return answer

    ada = {"mrn": "1", "name": "Ada Example", "birth_date": "1957-03-21"}
    made = insist("/api/v1/patients", ada).json
    assert made
    ids: list[str] = []
    for chunk in range(FOLDER // CHUNK):
        files = [{"digest": sha256(f"{chunk} {number}".encode())} for number in range(CHUNK)]
        declared = insist("/api/v1/uploads", batch_of(made["id"], *files))
        assert declared.status_code == 201
        assert declared.json
        mine = [one["id"] for one in declared.json["uploads"]]
        for half in (mine[:50], mine[50:]):
            told = insist("/api/v1/uploads/complete", {"items": [{"id": one} for one in half]}).json
            assert told
            ids += [one["id"] for one in told["uploads"] if one["state"] == "received"]
    assert len(set(ids)) == FOLDER
    assert waited > 50
