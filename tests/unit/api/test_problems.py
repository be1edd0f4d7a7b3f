"""Problems: one shape for every error of the API, a page for every error elsewhere, and a page behind every type."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from broker import create_app
from broker.access.permissions import Act
from broker.api.problems import Problem
from broker.errors import BlocksMissing, CatalogBusy, problems
from broker.guard import policy
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Role
from tests.people import NOW
from tests.unit.api.conftest import answer, slug
from tests.unit.conftest import signed_in

URL = "/api/v1/uploads"


@pytest.fixture
def broken(parts: Parts) -> FlaskClient:
    """A client of an application with routes that fail in every way there is."""
    app = create_app(replace(parts.config), parts)
    failures: dict[str, BaseException | int] = {
        "none": RuntimeError("sig=secret of a patient"),
        "teapot": 418,
        "busy": CatalogBusy(),
    }
    failures |= {kind.slug: kind("what happened", extra=[1]) for kind in problems()}
    for prefix in ("/api/v1/broken", "/broken"):
        for name, failure in failures.items():

            def view(failure: BaseException | int = failure) -> str:
                if isinstance(failure, int):
                    abort(failure)
                raise failure

            app.add_url_rule(f"{prefix}/{name}", f"{prefix}{name}", policy(Act.OWN_SESSION)(view))
    return signed_in(app, Role.TECHNICIAN)


def test_every_problem_leaves_in_one_shape(broken: FlaskClient) -> None:
    for kind in problems():
        response = broken.get(f"/api/v1/broken/{kind.slug}")
        assert slug(response, kind.status) == kind.slug
        content = answer(response, kind.status)
        assert (content["title"], content["detail"], content["extra"]) == (kind.title, "what happened", [1])
        assert content["request"] == response.headers["X-Request-Id"]
        assert Problem().validate(content) == {}


def test_pages_get_pages_and_every_type_has_one(broken: FlaskClient, anybody: FlaskClient) -> None:
    for kind in problems():
        page = broken.get(f"/broken/{kind.slug}")
        assert page.mimetype == "text/html", kind
        assert page.status_code == (303 if kind.status == 401 else kind.status)
        explained = anybody.get(f"/problems/{kind.slug}")
        assert explained.status_code == 200
        assert kind.title in explained.get_data(as_text=True)


def test_slugs_are_unique_and_stable_words() -> None:
    slugs = [kind.slug for kind in problems()]
    assert len(slugs) == len(set(slugs))
    assert all(kind.__doc__ and kind.title and 400 <= kind.status <= 599 for kind in problems())


def test_an_unknown_exception_says_nothing_of_itself(broken: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        content = answer(broken.get("/api/v1/broken/none"), 500)
    assert "detail" not in content
    assert "secret" not in json.dumps(content)
    assert any(record.exc_info for record in caplog.records)


def test_a_status_without_a_meaning_of_its_own_is_about_blank(broken: FlaskClient) -> None:
    content = answer(broken.get("/api/v1/broken/teapot"), 418)
    assert (content["type"], content["title"]) == ("about:blank", "I'm a teapot")


def test_what_the_framework_refuses_has_the_same_shape(technician: FlaskClient) -> None:
    assert slug(technician.get("/api/v1/nothing"), 404) == "not-found"
    assert slug(technician.get(f"{URL}/not-an-id"), 404) == "not-found"
    wrong = technician.put(URL)
    assert slug(wrong, 405) == "method-not-allowed"
    assert "POST" in wrong.headers["Allow"]


def test_faults_of_a_body_are_named_by_pointers(technician: FlaskClient) -> None:
    body = {"batch": "1", "files": [{"ref": "1", "filename": "a.jpg", "size": 1}, {"ref": 2, "size": True, "x": 1}]}
    errors = answer(technician.post(URL, json=body), 422)["errors"]
    assert {error["pointer"] for error in errors} == {
        "/batch",
        "/patient",
        "/files/1/ref",
        "/files/1/filename",
        "/files/1/size",
        "/files/1/x",
    }
    assert all(error["detail"] for error in errors)


def test_a_body_full_of_faults_names_some_of_them(technician: FlaskClient) -> None:
    body = {"batch": new_id(NOW), "patient": new_id(NOW), "files": [{}] * 1000}
    assert len(answer(technician.post(URL, json=body), 422)["errors"]) == 20


def test_faults_of_a_query_are_named_too(technician: FlaskClient) -> None:
    errors = answer(technician.get(f"{URL}?state=lost&x=1"), 422)["errors"]
    assert {error["pointer"].split("/")[1] for error in errors} == {"state", "x"}


def test_a_problem_within_a_bulk_answer_has_the_same_members(app: Flask) -> None:
    from broker.api.problems import problem

    with app.app_context():
        content = problem(BlocksMissing("2 of 5 blocks are missing.", missing=[1, 2]))
    assert content == {
        "type": "http://localhost:8080/problems/blocks-missing",
        "title": "Blocks are missing",
        "status": 409,
        "detail": "2 of 5 blocks are missing.",
        "missing": [1, 2],
    }
