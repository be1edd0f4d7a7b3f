"""The guard: nothing passes by default. Every route x role, every way another site may ask, hosts, sizes, cookies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from broker import create_app
from broker.access.permissions import ALLOWED, Act
from broker.catalog import audit
from broker.errors import StorageUnavailable
from broker.guard import FOR_PEOPLE, PUBLIC, WHILE_LOCKED
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Role
from tests.people import NOW
from tests.unit.conftest import ClientFor, Clock, browser, make_config, make_parts, signed_in

REFUSED = (401, 403)
MUTATING = {"POST", "PATCH", "PUT", "DELETE"}


def routes(app: Flask) -> list[tuple[str, str, Act | None]]:
    """Every (method, rule, act) that the application has, read from its own map."""
    found = []
    for rule in app.url_map.iter_rules():
        act = getattr(app.view_functions[rule.endpoint], "act", None)
        found += [(method, rule.rule, act) for method in sorted((rule.methods or set()) - {"OPTIONS"})]
    return found


def path_of(rule: str) -> str:
    return re.sub(r"<[^>]+>", new_id(NOW), rule)


def closed(app: Flask) -> list[tuple[str, str, Act | None]]:
    return [route for route in routes(app) if route[1] not in PUBLIC]


def test_the_public_routes_are_these_and_no_others(app: Flask) -> None:
    assert {
        "/livez",
        "/api/v1/health",
        "/static/<path:filename>",
        "/problems/<slug>",
        "/sign-in",
        "/sign-in/demo",
        "/sign-in/provider",
        "/sign-in/provider/return",
        "/sign-in/provider/out",
        "/invite",
    } == PUBLIC
    assert {rule.rule for rule in app.url_map.iter_rules()} >= PUBLIC


def test_every_other_route_names_its_act(app: Flask) -> None:
    assert [(method, rule) for method, rule, act in closed(app) if act is None] == []
    assert len(closed(app)) > 20


def test_every_route_answers_nobody_with_401_or_the_way_to_sign_in(app: Flask, anybody: FlaskClient) -> None:
    for method, rule, _ in closed(app):
        answer = anybody.open(path_of(rule), method=method)
        if rule.startswith("/api/"):
            assert answer.status_code == 401, (method, rule)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        else:
            assert answer.status_code == 303, (method, rule)
            assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("role", list(Role))
def test_every_route_lets_those_roles_pass_that_the_table_names(app: Flask, client_for: ClientFor, role: Role) -> None:
    for method, rule, act in closed(app):
        answer = client_for(role).open(path_of(rule), method=method)
        assert act is not None
        if role in ALLOWED[act]:
            assert answer.status_code not in REFUSED, (method, rule)
            assert answer.status_code < 500, (method, rule)
        else:
            assert answer.status_code == 403, (method, rule)


@pytest.mark.parametrize("role", list(Role))
def test_a_programs_token_opens_the_same_doors_of_the_api(app: Flask, program_for: ClientFor, role: Role) -> None:
    client = program_for(role)
    for method, rule, act in closed(app):
        if rule.startswith("/api/") and act is not None:
            refused = client.open(path_of(rule), method=method).status_code in REFUSED
            assert refused == (role not in ALLOWED[act]), (method, rule)


def test_a_route_without_a_policy_is_closed_to_all(config: object, parts: Parts) -> None:
    app = create_app(parts.config, parts)
    app.add_url_rule("/api/v1/forgotten", view_func=lambda: "secret", endpoint="forgotten")
    answer = signed_in(app, *Role).get("/api/v1/forgotten")
    assert answer.status_code == 500
    assert b"secret" not in answer.data


def test_what_is_refused_to_somebody_known_is_in_the_audit(client_for: ClientFor, parts: Parts) -> None:
    client_for(Role.ADMIN, name="Ada Admin").get("/api/v1/scans")
    with parts.catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert (row.act, row.outcome, row.account_name, row.detail) == (
        "see_scans",
        "refused",
        "Ada Admin",
        {"why": "not-allowed"},
    )


def test_without_an_audit_row_even_a_refusal_is_not_answered(client_for: ClientFor, parts: Parts) -> None:
    client = client_for(Role.ADMIN)
    with parts.catalog.write() as tx:
        tx.exec_driver_sql("drop table audit")
    assert client.get("/api/v1/scans").status_code == 503


# ----- another site's page -----

SITES = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": ""}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080"}, False),
    ({"Origin": "http://localhost:8080"}, True),
    ({"Origin": "http://localhost:9999"}, False),
    ({"Origin": "https://localhost:8080"}, False),
    ({"Origin": "http://localhost:8080.evil.example"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("headers", "passes"), SITES)
def test_changes_with_a_session_come_from_our_own_pages_only(
    client_for: ClientFor, headers: dict[str, str], passes: bool
) -> None:
    client = client_for(Role.TECHNICIAN)
    del client.environ_base["HTTP_SEC_FETCH_SITE"]
    for method, path in (
        ("POST", "/api/v1/patients"),
        ("DELETE", f"/api/v1/uploads/{new_id(NOW)}"),
        ("POST", "/sign-out"),
    ):
        answer = client.open(path, method=method, headers=headers)
        assert (answer.status_code == 403) != passes, (method, path)


def test_every_changing_route_refuses_another_sites_page(app: Flask, client_for: ClientFor) -> None:
    client = client_for(*Role)
    for method, rule, _ in routes(app):
        if method in MUTATING:
            answer = client.open(path_of(rule), method=method, headers={"Sec-Fetch-Site": "cross-site"})
            assert answer.status_code == 403, (method, rule)
            assert b"cross-site" in answer.data or rule in PUBLIC or not rule.startswith("/api"), rule


def test_signing_somebody_in_from_another_site_is_refused(anybody: FlaskClient) -> None:
    answer = anybody.post("/sign-in", data={"name": "evil"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_reading_from_another_site_shows_nothing_that_it_could_read(client_for: ClientFor) -> None:
    answer = client_for(Role.TECHNICIAN).get(
        "/api/v1/uploads", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    )
    assert answer.status_code == 200
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_a_program_says_nothing_about_sites(program_for: ClientFor) -> None:
    assert program_for(Role.TECHNICIAN).post("/api/v1/patients", json={}).status_code == 422


def test_a_token_beside_a_session_does_not_open_the_session_to_other_sites(client_for: ClientFor) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer ois_wrong"}
    assert client_for(Role.TECHNICIAN).post("/api/v1/patients", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "bearer ois_", "Basic dGVzczp0ZXNz", "Bearer " + "x" * 5000])
def test_a_wrong_authorization_is_nobody(anybody: FlaskClient, value: str) -> None:
    assert anybody.get("/api/v1/uploads", headers={"Authorization": value}).status_code == 401


def test_a_wrong_token_is_not_helped_by_a_session(client_for: ClientFor) -> None:
    client = client_for(Role.TECHNICIAN)
    assert client.get("/api/v1/uploads", headers={"Authorization": "Bearer ois_x"}).status_code == 401


# ----- hosts, forwarded requests, sizes -----


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1:8080",
        "evil.example:8080",
        "a b",
        "",
        "@localhost",
        "localhost@evil",
    ],
)
def test_a_foreign_host_is_refused_everywhere_but_in_health(anybody: FlaskClient, host: str) -> None:
    for path in ("/", "/sign-in", "/api/v1/uploads", "/static/icon.svg", "/nothing"):
        assert anybody.get(path, headers={"Host": host}).status_code == 400, path
    assert anybody.get("/livez", headers={"Host": host}).status_code == 200
    assert anybody.get("/api/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "LOCALHOST:8080", "localhost:1"])
def test_the_own_host_is_taken_under_any_port(anybody: FlaskClient, host: str) -> None:
    assert anybody.get("/api/v1/uploads", headers={"Host": host}).status_code == 401


def test_forwarded_headers_are_believed_nowhere(client_for: ClientFor, parts: Parts) -> None:
    headers = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=6.6.6.6;host=evil.example",
    }
    client_for(Role.TECHNICIAN).get("/api/v1/patients?q=a", headers=headers)
    with parts.catalog.read() as tx:
        assert audit.newest(tx, before=None, limit=1)[0].address == "127.0.0.1"


@pytest.fixture
def demo(tmp_path: Path, clock: Clock) -> FlaskClient:
    config = make_config(tmp_path / "demo", demo=True)
    return browser(create_app(config, make_parts(config, clock)))


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "ophthalmic.localhost"])
def test_the_demo_is_reached_by_loopback_names(demo: FlaskClient, host: str) -> None:
    assert demo.get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "demo.example"},
        {"X-Forwarded-For": "1.2.3.4"},
        {"Forwarded": "for=1.2.3.4"},
        {"X-Forwarded-Proto": "https"},
        {"Host": "10.0.0.7"},
    ],
)
def test_the_demo_refuses_other_names_and_what_was_forwarded(demo: FlaskClient, headers: dict[str, str]) -> None:
    assert demo.get("/sign-in", headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("path", "most"),
    [("/api/v1/uploads", 1 << 20), ("/api/v1/uploads/complete", 1 << 20), ("/api/v1/patients", 64 << 10)],
)
def test_a_body_is_limited(client_for: ClientFor, path: str, most: int) -> None:
    client = client_for(Role.TECHNICIAN)
    assert client.post(path, data=b" " * most, content_type="application/json").status_code == 400
    over = client.post(path, data=b" " * (most + 1), content_type="application/json")
    assert over.status_code == 413
    assert over.json is not None
    assert over.json["type"].endswith("/problems/body-too-large")


# ----- cookies -----


def cookie_of(answer: TestResponse) -> str:
    return answer.headers.get("Set-Cookie", "")


def test_the_cookie_is_for_this_machine_only_over_http(demo: FlaskClient) -> None:
    cookie = cookie_of(demo.post("/sign-in/demo", data={"role": "technician"}))
    name, _, rest = cookie.partition("=")
    assert name == "session"
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(rest.split("; "))
    assert "Domain" not in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_a_host_cookie_over_https(tmp_path: Path, clock: Clock) -> None:
    config = make_config(tmp_path / "https", public_url="https://clinic.example")
    parts = make_parts(config, clock)
    parts = replace(parts, access=replace(parts.access, demo=True))
    client = browser(create_app(config, parts))
    answer = client.post("/sign-in/demo", data={"role": "technician"}, base_url="https://clinic.example")
    name, _, rest = cookie_of(answer).partition("=")
    assert name == "__Host-session"
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"} <= set(rest.split("; "))
    assert "Domain" not in cookie_of(answer)
    assert client.get("/api/v1/uploads", base_url="https://clinic.example").status_code == 200


def test_a_session_ends_with_sign_out_for_a_copied_cookie_too(demo: FlaskClient, clock: Clock) -> None:
    demo.post("/sign-in/demo", data={"role": "technician"})
    cookie = demo.get_cookie("session")
    assert cookie
    assert demo.get("/api/v1/uploads").status_code == 200
    demo.post("/sign-out")
    demo.set_cookie("session", cookie.value)
    assert demo.get("/api/v1/uploads").status_code == 401


@pytest.mark.parametrize(
    "edit", [lambda s: s[:-1], lambda s: s + "A", lambda s: s.swapcase(), lambda s: "", lambda s: "\u00ff" * 40]
)
def test_an_edited_cookie_is_nobody(demo: FlaskClient, edit: Callable[[str], str]) -> None:
    demo.post("/sign-in/demo", data={"role": "technician"})
    cookie = demo.get_cookie("session")
    assert cookie
    demo.set_cookie("session", edit(cookie.value))
    assert demo.get("/api/v1/uploads").status_code == 401


def test_a_locked_session_shows_nothing_and_its_pages_go_to_the_sign_in(demo: FlaskClient, clock: Clock) -> None:
    demo.post("/sign-in/demo", data={"role": "physician"})
    clock.move(minutes=15)
    refused = demo.get("/api/v1/scans")
    assert refused.status_code == 401
    assert refused.json is not None
    assert refused.json["type"].endswith("/problems/session-locked")
    assert demo.get("/gallery").headers["Location"].startswith("/sign-in")


def test_a_locked_session_may_do_nothing_but_what_is_listed(app: Flask, client_for: ClientFor, clock: Clock) -> None:
    client = client_for(*Role)
    clock.move(minutes=15)
    for method, rule, _ in closed(app):
        answer = client.open(path_of(rule), method=method)
        away = answer.headers.get("Location", "").startswith("/sign-in") and not rule.startswith("/sign-out")
        locked = answer.status_code == 401 or away
        assert locked != (("GET" if method == "HEAD" else method, rule) in WHILE_LOCKED), (method, rule)
        if rule.startswith("/sign-out"):
            client = client_for(*Role)
            clock.move(minutes=15)


def test_a_locked_session_goes_on_where_it_was_when_its_person_is_back(demo: FlaskClient, clock: Clock) -> None:
    demo.post("/sign-in/demo", data={"role": "physician"})
    before = demo.get("/session").json
    demo.post("/session/lock")
    state = demo.get("/session").json
    assert before is not None
    assert state is not None
    assert (state["locked"], state["locks_in"]) == (True, 0)
    assert demo.post("/session/active").json == state
    opened = demo.post("/session/unlock").json
    assert opened == before
    assert demo.get("/api/v1/scans").status_code == 200


def test_programs_reach_nothing_that_is_for_people(app: Flask, program_for: ClientFor) -> None:
    client = program_for(Role.ADMIN)
    for method, rule, _ in closed(app):
        if rule.startswith(FOR_PEOPLE):
            assert client.open(path_of(rule), method=method).status_code == 403, rule


# ----- what stands on every answer -----


def test_no_answer_of_the_api_is_kept_by_anybody(app: Flask, anybody: FlaskClient, client_for: ClientFor) -> None:
    client = client_for(*Role)
    for method, rule, _ in routes(app):
        if rule.startswith("/api/"):
            for sender in (client, anybody):
                assert sender.open(path_of(rule), method=method).headers["Cache-Control"] == "no-store", rule


def test_every_answer_names_its_request_and_never_the_clients_name_for_it(client_for: ClientFor) -> None:
    client = client_for(Role.TECHNICIAN)
    told = {
        client.get(path, headers={"X-Request-Id": "evil\tid"}).headers["X-Request-Id"]
        for path in ("/api/v1/uploads", "/nothing", "/upload")
    }
    assert len(told) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in told)


def test_livez_touches_nothing(parts: Parts, anybody: FlaskClient) -> None:
    parts.catalog.close()
    parts.config.data_dir.joinpath("catalog.sqlite").unlink()
    anybody.set_cookie("session", "x" * 43)
    assert anybody.get("/livez").status_code == 200


def test_no_address_redirects_for_its_slashes(anybody: FlaskClient) -> None:
    for path in ("/api/v1/uploads/", "/api//v1/uploads", "/livez/", "/sign-in/"):
        assert anybody.get(path).status_code == 404, path


def test_options_and_head_are_sane(client_for: ClientFor, anybody: FlaskClient) -> None:
    client = client_for(Role.TECHNICIAN)
    allowed = client.options("/api/v1/uploads").headers["Allow"]
    assert set(allowed.split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    head = client.head("/api/v1/uploads")
    assert (head.status_code, head.data) == (200, b"")
    assert anybody.options("/api/v1/uploads").status_code == 401
    assert anybody.options("/livez").status_code == 200


def test_a_get_changes_nothing(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        changing = isinstance(rule, Rule) and rule.methods and rule.methods & MUTATING
        assert not (changing and rule.methods and "GET" in rule.methods), rule.rule


def test_a_store_that_does_not_answer_is_a_503_that_says_when_to_come_back(client_for: ClientFor, parts: Parts) -> None:
    client = client_for(Role.TECHNICIAN)

    def fail(act: str, name: str) -> None:
        raise StorageUnavailable()

    patient = client.post("/api/v1/patients", json={"mrn": "1", "name": "Ada", "birth_date": "1957-03-21"}).json["id"]  # type: ignore[index]
    body = {"batch": new_id(NOW), "patient": patient, "files": [{"ref": "1", "filename": "a.dcm", "size": 40 << 20}]}
    upload = client.post("/api/v1/uploads", json=body).json["uploads"][0]["id"]  # type: ignore[index]
    parts.store.before = fail  # type: ignore[attr-defined]
    answer = client.get(f"/api/v1/uploads/{upload}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
