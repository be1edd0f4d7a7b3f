"""The gallery's page and its fragments."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from broker.catalog.patients import Patient
from broker.parts import Parts
from broker.words import Eye, Kind
from tests.people import NOW
from tests.unit.conftest import Clock
from tests.unit.pages import shelf
from tests.unit.pages.reading import Element, Page

HTMX = {"HX-Request": "true"}


def read(client: FlaskClient, path: str, **headers: str) -> Page:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def shown(page: Page) -> list[str]:
    """The ids of the scans on a page, in order."""
    return [
        one.attributes["href"].removeprefix("/scans/")
        for one in page.all("a")
        if one.attributes["href"].startswith("/scans/")
    ]


def more(page: Page) -> Element | None:
    return next((one for one in page.all("a") if one.attributes.get("hx-trigger") == "revealed"), None)


def fresh_address(page: Page) -> str:
    return next(one.attributes["hx-get"] for one in page.elements if one.attributes.get("id") == "fresh")


def test_a_card_says_in_text_who_which_eye_what_and_when(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.scan(parts, ada, eye=Eye.OS, kind=Kind.OCT)
    page = read(physician, "/gallery")
    for words in ("Example, Ada", "21 Mar 1957", "MRN 0012345", "OS · left", "OCT", "22 Nov 2026"):
        assert words in page.words
    picture = next(one for one in page.all("img") if "data-scan" in one.attributes)
    assert picture.attributes["alt"] == "OCT, left eye, 22 Nov 2026"
    assert (picture.attributes["width"], picture.attributes["height"]) == ("384", "300")


def test_the_placeholder_is_inline_and_silent(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.scan(parts, ada)
    placeholder = next(one for one in read(physician, "/gallery").all("img") if one.attributes.get("class") == "under")
    assert placeholder.attributes["src"].startswith("data:image/webp;base64,")
    assert placeholder.attributes["alt"] == ""


def test_sixty_a_page_and_the_rest_by_a_link_that_works_without_scripts(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    made = [one.id for one in shelf.series(parts, ada, 130)]
    page, seen = read(physician, "/gallery"), []
    while True:
        seen += shown(page)
        link = more(page)
        if link is None:
            break
        assert link.attributes["href"] == link.attributes["hx-get"]
        page = read(physician, link.attributes["href"])
    assert seen == made


def test_the_fragment_of_the_next_page_goes_on_where_the_page_ended(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    made = [one.id for one in shelf.series(parts, ada, 70)]
    link = more(read(physician, "/gallery"))
    assert link
    piece = read(physician, link.attributes["hx-get"], **HTMX)
    assert shown(piece) == made[60:]
    assert more(piece) is None
    assert not piece.is_whole


def test_the_first_screen_is_fetched_at_once_the_rest_when_scrolled_to(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    shelf.series(parts, ada, 61)
    first = read(physician, "/gallery")
    pictures = [one for one in first.all("img") if "data-scan" in one.attributes]
    assert [one.attributes.get("loading") for one in pictures] == [None] * 24 + ["lazy"] * 36
    link = more(first)
    assert link
    second = read(physician, link.attributes["hx-get"], **HTMX)
    assert all(one.attributes["loading"] == "lazy" for one in second.all("img") if "data-scan" in one.attributes)


FILTERS = {
    "eye=OS": {"left"},
    "kind=oct": {"oct"},
    "from=2026-11-21": {"left", "oct", "plain"},
    "to=2026-11-20": {"old"},
    "from=2026-11-01&to=2026-11-20": {"old"},
    "eye=OD&kind=color_fundus": {"plain", "old"},
    "eye=nonsense&from=tomorrow&after=x": {"left", "oct", "plain", "old", "other"},
}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize("query", FILTERS)
def test_filters_narrow_page_and_fragment_alike(
    physician: FlaskClient, parts: Parts, ada: Patient, query: str, headers: dict[str, str]
) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    made = {
        "left": shelf.scan(parts, ada, eye=Eye.OS),
        "oct": shelf.scan(parts, ada, NOW - timedelta(hours=1), kind=Kind.OCT),
        "plain": shelf.scan(parts, ada, NOW - timedelta(hours=2)),
        "old": shelf.scan(parts, ada, NOW - timedelta(days=9)),
        "other": shelf.scan(parts, bea, NOW - timedelta(hours=3), eye=Eye.OU, kind=Kind.UNKNOWN),
    }
    wanted = FILTERS[query] | ({"other"} if query.startswith("from=2026-11-21") else set())
    assert set(shown(read(physician, f"/gallery?{query}", **headers))) == {made[name].id for name in wanted}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_one_patient_is_asked_for_by_id(
    physician: FlaskClient, parts: Parts, ada: Patient, headers: dict[str, str]
) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    mine, _ = shelf.scan(parts, ada), shelf.scan(parts, bea)
    page = read(physician, f"/gallery?patient={ada.id}", **headers)
    assert shown(page) == [mine.id]
    assert "Other, Bea" not in page.words


def test_an_unknown_patient_is_not_found(physician: FlaskClient) -> None:
    assert physician.get("/gallery?patient=00000000-0000-7000-8000-000000000000").status_code == 404


def test_filters_stay_chosen_and_in_the_link_to_more(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.series(parts, ada, 61)
    page = read(physician, f"/gallery?patient={ada.id}&eye=OD&from=2026-01-01")
    assert [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes] == ["OD"]
    link = more(page)
    assert link
    query = parse_qs(urlsplit(link.attributes["href"]).query)
    assert (query["patient"], query["eye"], query["from"]) == ([ada.id], ["OD"], ["2026-01-01"])


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": "true", "HX-Request-Type": "full"},
        {"HX-Request": "true", "HX-History-Restore-Request": "true"},
        {"HX-Request": "yes"},
    ],
)
def test_back_and_whole_pages_never_get_a_bare_fragment(physician: FlaskClient, headers: dict[str, str]) -> None:
    assert read(physician, "/gallery", **headers).is_whole


def test_uploads_under_check_stand_at_the_top_at_once(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    for number in range(3):
        shelf.checked(parts, shelf.patient(parts, mrn=f"9{number}", name=f"Fresh, Fay {number}"))
    page = read(physician, "/gallery")
    assert "3 being checked" in page.words
    for words in ("Fresh, Fay 1", "MRN 91", "OD · right", "Colour fundus"):
        assert words in page.words
    assert "No scans yet" not in page.words


def test_the_next_look_brings_what_has_been_stored_meanwhile_and_asks_no_more_for_it(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    upload = shelf.checked(parts, ada)
    look = fresh_address(read(physician, "/gallery"))
    assert upload in look
    still = read(physician, look, **HTMX)
    assert shown(still) == []
    scan = shelf.scan(parts, ada, upload=upload)
    shelf.stored(parts, upload)
    piece = read(physician, fresh_address(still), **HTMX)
    assert shown(piece) == [scan.id]
    assert "being checked" not in piece.words
    assert upload not in fresh_address(piece)


def test_a_file_received_and_stored_between_two_looks_appears_too(
    physician: FlaskClient, parts: Parts, ada: Patient, clock: Clock
) -> None:
    before = shelf.stored(parts, shelf.checked(parts, ada, clock()))
    shelf.scan(parts, ada, upload=before)
    clock.move(minutes=1)
    look = fresh_address(read(physician, "/gallery"))
    clock.move(seconds=5)
    upload = shelf.stored(parts, shelf.checked(parts, ada, clock()))
    scan = shelf.scan(parts, ada, upload=upload)
    assert shown(read(physician, look, **HTMX)) == [scan.id]


def test_what_was_stored_meanwhile_obeys_the_filter(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, eye=Eye.OS)
    look = f"/gallery/fresh?known={scan.upload_id}"
    assert shown(read(physician, f"{look}&eye=OS", **HTMX)) == [scan.id]
    for other in ("eye=OD", "kind=oct", "to=2026-11-01", "from=2026-12-01", f"patient={scan.id}"):
        assert shown(read(physician, f"{look}&{other}", **HTMX)) == []


def test_an_empty_gallery_says_so_and_why(physician: FlaskClient) -> None:
    assert "No scans yet" in read(physician, "/gallery").words
    assert "Nothing fits this filter" in read(physician, "/gallery?eye=OS").words


def test_without_a_preview_the_card_says_why(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.scan(parts, ada, facts=shelf.facts(renditions={}, no_preview="Topcon .fds files have no preview."))
    assert "Topcon .fds files have no preview." in read(physician, "/gallery").words
