"""What holds for every page and fragment: strict headers, nothing inline, no patient in an address, names as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker.ids import new_id
from broker.parts import Parts
from broker.words import Review, Role
from tests import people
from tests.people import NOW
from tests.unit.conftest import ClientFor
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

HTMX = {"HX-Request": "true"}
Fetch = Callable[[FlaskClient], str]


def get(path: str, **headers: str) -> Fetch:
    return lambda client: client.get(path, headers=headers).get_data(as_text=True)


def post(path: str, **form: str) -> Fetch:
    return lambda client: client.post(path, data=form, headers=HTMX).get_data(as_text=True)


@pytest.fixture
def everything(parts: Parts, client_for: ClientFor) -> dict[str, str]:
    """Every page and fragment, filled with a patient whose name is hostile."""
    hostile = shelf.patient(parts, name=shelf.HOSTILE)
    shelf.patient(parts, name=shelf.HOSTILE, mrn="0012346")
    one, before, *_ = shelf.series(parts, hostile, 61)
    other = people.actor(Role.PHYSICIAN, name=shelf.HOSTILE)
    parts.records.review(
        other, new_id(NOW), {one.id: 0}, status=Review.REPEAT, note=shelf.HOSTILE, now=NOW, unopened=True
    )
    plain = shelf.scan(
        parts, hostile, NOW - timedelta(days=9), facts=shelf.facts(renditions={}, no_preview="No preview.")
    )
    upload = shelf.checked(parts, hostile)
    for _ in range(2):
        shelf.lost(parts, hostile)
    doc, admin = client_for(Role.TECHNICIAN, Role.PHYSICIAN), client_for(Role.ADMIN)
    fetches = {
        "start": get("/"),
        "upload": get("/upload"),
        "today": get("/upload/today"),
        "gallery": get("/gallery"),
        "gallery of one": get(f"/gallery?patient={hostile.id}&eye=OD&kind=color_fundus&from=2026-01-01&to=2026-12-31"),
        "cards": get("/gallery", **HTMX),
        "fresh": get(f"/gallery/fresh?known={upload},{one.upload_id}", **HTMX),
        "months": get("/gallery/months"),
        "months fragment": get("/gallery/months?eye=OD", **HTMX),
        "worklist": get("/worklist"),
        "patient": get(f"/patients/{hostile.id}"),
        "over time": get(f"/patients/{hostile.id}/over-time"),
        "strips": get(f"/patients/{hostile.id}/over-time", **HTMX),
        "report": get(f"/patients/{hostile.id}/visits/{one.visit_day}"),
        "compare": get(f"/compare?left={before.id}&right={one.id}"),
        "merge": post(f"/patients/{hostile.id}/merge", mrn="0012346"),
        "scan": get(f"/scans/{one.id}"),
        "scan without preview": get(f"/scans/{plain.id}"),
        "search": post("/patients/search", q="O'Brien"),
        "search for links": post("/patients/search", q="O'Brien", links="1"),
        "making": post("/patients/new", mrn="99", name=shelf.HOSTILE, birth_date="1960-01-02"),
        "missing": get("/scans/00000000-0000-7000-8000-000000000000"),
        "missing fragment": get("/scans/00000000-0000-7000-8000-000000000000", **HTMX),
        "no page": get("/nothing-here"),
        "problem": get("/problems/upload-expired"),
        "sign-in": get("/sign-in?next=%22%3E%3Cscript%3E"),
    }
    return (
        {name: fetch(doc) for name, fetch in fetches.items()}
        | {tab: get(f"/admin/{tab}")(admin) for tab in ("accounts", "sessions", "tokens", "files", "audit", "health")}
        | {"account": get("/account")(doc)}
    )


def test_nothing_is_inline(everything: dict[str, str]) -> None:
    for name, html in everything.items():
        for element in Page(html).elements:
            assert "style" not in element.attributes, name
            assert element.tag != "style", name
            assert not [attribute for attribute in element.attributes if attribute.startswith("on")], name
            assert not (element.tag == "script" and element.inside), name


def test_no_name_birth_date_or_record_number_stands_in_an_address(everything: dict[str, str]) -> None:
    for name, html in everything.items():
        for address in Page(html).addresses:
            assert not re.search(r"brien|1957|0012345", address, re.IGNORECASE), (name, address)


def test_names_are_text_and_nothing_else(everything: dict[str, str]) -> None:
    for name in (
        "today",
        "gallery",
        "gallery of one",
        "cards",
        "fresh",
        "scan",
        "search",
        "search for links",
        "worklist",
        "patient",
        "report",
        "compare",
        "merge",
    ):
        page = Page(everything[name])
        assert shelf.HOSTILE in page.words, name
        assert "{{7*7}}" in page.words, name
        assert all(element.attributes.get("src", "").startswith("/static/") for element in page.all("script")), name


def test_everything_comes_from_here_or_from_the_store(everything: dict[str, str]) -> None:
    for name, html in everything.items():
        for address in Page(html).addresses:
            assert address.startswith(("/", "#", "https://clinic.blob.core.windows.net/vault/")), (name, address)
            assert not address.startswith("//"), (name, address)


def test_every_picture_has_a_size_and_of_the_store_is_fetched_with_cors(everything: dict[str, str]) -> None:
    seen = 0
    for html in everything.values():
        for image in Page(html).all("img"):
            assert image.attributes["width"].isdecimal()
            assert image.attributes["height"].isdecimal()
            assert "alt" in image.attributes
            if image.attributes["src"].startswith("https:"):
                seen += 1
                assert image.attributes["crossorigin"] == "anonymous"
    assert seen > 60


def test_fragments_are_pieces_and_pages_are_whole(everything: dict[str, str]) -> None:
    pieces = {"months fragment", "strips", "cards", "fresh", "search", "search for links", "making", "missing fragment"}
    assert {name for name, html in everything.items() if not Page(html).is_whole} == pieces


def test_only_five_attributes_of_htmx_are_used(everything: dict[str, str]) -> None:
    used = {name for html in everything.values() for one in Page(html).elements for name in one.attributes}
    assert {name for name in used if name.startswith("hx-")} <= {
        "hx-get",
        "hx-post",
        "hx-target",
        "hx-swap",
        "hx-trigger",
    }


PATHS = ("/", "/sign-in", "/gallery", "/livez", "/nothing-here", "/api/v1/health", "/api/v1/nothing", "/problems/stale")


@pytest.mark.parametrize("path", PATHS)
def test_every_response_carries_the_strict_headers(anybody: FlaskClient, path: str) -> None:
    headers = anybody.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "img-src 'self' data: https://clinic.blob.core.windows.net;" in policy
    assert "*" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_pages_of_a_session_say_that_they_differ_for_htmx(physician: FlaskClient) -> None:
    assert {"HX-Request", "HX-Request-Type"} <= set(physician.get("/gallery").vary)


def test_static_files_are_kept_for_good_and_carry_no_cookie(app: Flask, anybody: FlaskClient) -> None:
    script = Page(anybody.get("/sign-in").get_data(as_text=True)).all("script")[0].attributes["src"]
    answer = anybody.get(script, buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer.headers
    assert "Content-Security-Policy" in answer.headers


def test_the_demo_says_on_every_page_that_it_is_one(app: Flask, anybody: FlaskClient) -> None:
    words = "Demo. Sample data. Not for patients."
    assert words not in anybody.get("/sign-in").get_data(as_text=True)
    app.jinja_env.globals["demo"] = True
    for path in ("/sign-in", "/nothing-here", "/problems/stale"):
        assert words in anybody.get(path).get_data(as_text=True)
