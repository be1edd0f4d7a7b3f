"""The ways in and out, and where each account starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker.access.actor import SYSTEM
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import ClientFor, Clock, browser
from tests.unit.pages.reading import Page

PASSWORD = "a lamp and nine slits"


@pytest.fixture
def invitation(parts: Parts) -> str:
    """The secret of an invitation for Dana, a technician."""
    return parts.access.invite(
        SYSTEM("test"), name="Dana", roles=frozenset({Role.TECHNICIAN}), now=parts.clock()
    ).secret


def accept(client: FlaskClient, secret: str, password: str = PASSWORD, again: str = PASSWORD) -> object:
    return client.post("/invite", data={"token": secret, "password": password, "again": again})


def heading(html: str) -> str:
    page = Page(html)
    assert page.all("h1")
    return page.words


def test_a_stranger_is_led_to_the_sign_in_and_back(anybody: FlaskClient) -> None:
    answer = anybody.get("/gallery?eye=OS")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Fgallery%3Feye%3DOS"
    hidden = Page(anybody.get(answer.headers["Location"]).get_data(as_text=True)).all("input")
    assert {"type": "hidden", "name": "next", "value": "/gallery?eye=OS"} in [one.attributes for one in hidden]


def test_a_strangers_fragment_is_a_line_with_a_link(anybody: FlaskClient) -> None:
    answer = anybody.get("/gallery/fresh", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    page = Page(answer.get_data(as_text=True))
    assert page.addresses == ["/sign-in"]
    assert not page.is_whole


def test_an_invitation_sets_a_password_and_signs_in(anybody: FlaskClient, app: Flask, invitation: str) -> None:
    assert "Welcome, <bdi>Dana</bdi>" in anybody.get(f"/invite?token={invitation}").get_data(as_text=True)
    answer = anybody.post("/invite", data={"token": invitation, "password": PASSWORD, "again": PASSWORD})
    assert answer.status_code == 303
    assert "Upload" in heading(anybody.get("/").get_data(as_text=True))
    assert anybody.post("/sign-out").status_code == 303
    again = anybody.post("/sign-in", data={"name": "Dana", "password": PASSWORD, "next": "/gallery"})
    assert (again.status_code, again.headers["Location"]) == (303, "/gallery")


def test_an_invitation_works_once(anybody: FlaskClient, app: Flask, invitation: str) -> None:
    anybody.post("/invite", data={"token": invitation, "password": PASSWORD, "again": PASSWORD})
    for answer in (
        anybody.get(f"/invite?token={invitation}"),
        anybody.get("/invite?token=guessed"),
        anybody.get("/invite"),
    ):
        assert answer.status_code == 404
        assert "Ask for a new one" in answer.get_data(as_text=True)


@pytest.mark.parametrize(("password", "again"), [("short", "short"), (PASSWORD, "another lamp entirely")])
def test_a_password_that_does_not_do_leaves_the_invitation_alive(
    anybody: FlaskClient, invitation: str, password: str, again: str
) -> None:
    refused = anybody.post("/invite", data={"token": invitation, "password": password, "again": again})
    assert refused.status_code == 422
    assert Page(refused.get_data(as_text=True)).all("form")
    assert (
        anybody.post("/invite", data={"token": invitation, "password": PASSWORD, "again": PASSWORD}).status_code == 303
    )


def test_a_wrong_password_keeps_the_name_and_says_no_more_than_that(anybody: FlaskClient) -> None:
    answer = anybody.post("/sign-in", data={"name": "Dana", "password": "wrong"})
    assert answer.status_code == 401
    page = Page(answer.get_data(as_text=True))
    assert "The name or the password is wrong." in page.words
    assert "Dana" in [one.attributes.get("value") for one in page.all("input")]
    assert "wrong" not in [one.attributes.get("value") for one in page.all("input")]


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_after_signing_in_nobody_is_sent_elsewhere(anybody: FlaskClient, invitation: str, wanted: str) -> None:
    anybody.post("/invite", data={"token": invitation, "password": PASSWORD, "again": PASSWORD})
    answer = anybody.post("/sign-in", data={"name": "Dana", "password": PASSWORD, "next": wanted})
    assert answer.headers["Location"] == "/"


def test_signing_out_ends_the_session_and_clears_what_the_browser_kept(technician: FlaskClient) -> None:
    answer = technician.post("/sign-out")
    assert answer.headers["Location"] == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert technician.get("/upload").status_code == 303


STARTS = {
    (Role.TECHNICIAN,): ("Patient first", ["/gallery", "/upload"]),
    (Role.PHYSICIAN,): ("Everything is reviewed", ["/gallery", "/upload"]),
    (Role.TECHNICIAN, Role.PHYSICIAN): ("Everything is reviewed", ["/gallery", "/upload"]),
    (Role.ADMIN,): ("It sees no patients and no images", ["/admin/accounts"]),
}


@pytest.mark.parametrize("roles", STARTS)
def test_each_account_starts_where_it_works(client_for: ClientFor, roles: tuple[Role, ...]) -> None:
    words, links = STARTS[roles]
    page = Page(client_for(*roles).get("/", follow_redirects=True).get_data(as_text=True))
    assert words in page.words
    assert [address for address in page.addresses if address in ("/gallery", "/upload", "/admin/accounts")][
        : len(links)
    ] == links


def test_an_administrator_is_refused_the_pages_with_patients(client_for: ClientFor) -> None:
    for path in ("/gallery", "/upload", "/gallery/fresh"):
        assert client_for(Role.ADMIN).get(path).status_code == 403


def test_the_demos_buttons_exist_in_the_demo_only(anybody: FlaskClient) -> None:
    assert not [
        one
        for one in Page(anybody.get("/sign-in").get_data(as_text=True)).all("button")
        if one.attributes.get("name") == "role"
    ]
    assert anybody.post("/sign-in/demo", data={"role": "admin"}).status_code == 403
    assert anybody.post("/sign-in/demo", data={"role": "emperor"}).status_code == 422


EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example",
    "http://localhost:8080@evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%0d%0aSet-Cookie:x=1\r\nSet-Cookie: x=1",
    "/gallery\\..\\evil",
    "//[evil",
    " //evil.example",
    "gallery",
    "/\u2028/evil",
]


@pytest.mark.parametrize("wanted", EVIL)
def test_signing_in_leads_to_our_own_pages_only(parts: Parts, app: Flask, wanted: str) -> None:
    app.extensions["parts"] = replace(parts, access=replace(parts.access, demo=True))
    answer = browser(app).post("/sign-in/demo", data={"role": "technician", "next": wanted})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    assert [name for name, _ in answer.headers].count("Set-Cookie") == 1


def test_headers_stand_on_every_response_errors_too(app: Flask, anybody: FlaskClient, client_for: ClientFor) -> None:
    admin = client_for(*Role)
    answers = [
        anybody.get("/nothing"),
        anybody.get("/gallery"),
        anybody.get("/api/v1/scans"),
        anybody.get("/", headers={"Host": "evil.example"}),
        anybody.post("/sign-in", data={"name": "x", "password": "x"}),
        anybody.post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"}),
        anybody.open("/sign-in", method="DELETE"),
        anybody.get("/static/nothing.js"),
        anybody.get("/sign-in/provider"),
        admin.post("/api/v1/patients", data=b" " * (65 << 10), content_type="application/json"),
        admin.get("/admin/audit.csv"),
        admin.get("/session"),
        admin.post("/session/unlock", data={"password": "wrong"}),
    ]
    assert {answer.status_code for answer in answers} >= {200, 303, 400, 401, 403, 404, 405, 413, 422}
    for answer in answers:
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"):
            assert name in answer.headers, answer.request.path
        assert answer.headers["Cache-Control"] == "no-store", answer.request.path


def test_a_locked_session_meets_a_sign_in_that_names_nobody(client_for: ClientFor, clock: Clock) -> None:
    client = client_for(Role.TECHNICIAN, name="Tess Technician")
    assert "Tess Technician" in client.get("/sign-in").text
    clock.move(minutes=15)
    html = client.get("/sign-in").text
    assert "Tess Technician" not in html
    assert "session-lock" not in html
