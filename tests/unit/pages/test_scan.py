"""One scan large."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from broker.catalog.patients import Patient
from broker.parts import Parts
from broker.words import Eye
from tests.people import NOW
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page


def read(client: FlaskClient, scan: str) -> Page:
    answer = client.get(f"/scans/{scan}")
    assert answer.status_code == 200
    return Page(answer.get_data(as_text=True))


def step(page: Page, rel: str) -> str:
    return next((one.attributes["href"] for one in page.all("a") if one.attributes.get("rel") == rel), "")


def test_it_shows_the_display_rendition_and_says_that_it_is_reduced(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    page = read(physician, shelf.scan(parts, ada).id)
    picture = next(one for one in page.all("img") if "data-scan" in one.attributes)
    assert picture.attributes["src"].split("?")[0].endswith("/display.jpg")
    assert picture.attributes["data-rendition"] == "display"
    assert "Preview (lossy): the original has 2592 × 2025 pixels" in page.words


def test_times_are_the_clinics_and_written_with_the_month_in_letters(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    words = read(physician, shelf.scan(parts, ada).id).words
    # 09:30 UTC in Berlin, in winter.
    assert "22 Nov 2026, 10:30 (from the file: camera clock (EXIF))" in words
    assert "Example Cam 1" in words


def test_previous_and_next_are_of_the_same_patient(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    newest, middle, oldest = (shelf.scan(parts, ada, NOW - timedelta(days=days)) for days in (0, 2, 4))
    shelf.scan(parts, bea, NOW - timedelta(days=1))
    page = read(physician, middle.id)
    assert (step(page, "prev"), step(page, "next")) == (f"/scans/{newest.id}", f"/scans/{oldest.id}")
    assert step(read(physician, newest.id), "prev") == ""
    assert step(read(physician, oldest.id), "next") == ""


def test_a_difference_between_said_and_found_is_marked(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    nothing = shelf.facts()["declared"]
    facts = shelf.facts(declared=nothing | {"eye": "OD", "kind": "oct"}, detected=nothing | {"eye": "OS"})
    page = read(physician, shelf.scan(parts, ada, facts=facts, eye=Eye.OD, attention=["eye"]).id)
    assert "The file says OS, the technician said OD. Which is right?" in page.words
    assert len([one for one in page.all("tr") if one.attributes.get("class") == "differs"]) == 1
    assert "(differs)" in page.words


def test_what_the_browser_may_have_read_is_not_called_the_technicians_word(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    nothing = shelf.facts()["declared"]
    unsure = nothing | {"eye": "OD", "kind": "oct", "perhaps_file": ["eye"]}
    facts = shelf.facts(declared=unsure, detected=nothing | {"eye": "OD"})
    words = read(physician, shelf.scan(parts, ada, facts=facts).id).words
    assert words.count("(perhaps read from the file)") == 1


def test_note_and_urgency_are_shown_with_who_sent_them(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    words = read(
        physician, shelf.scan(parts, ada, urgent=True, facts=shelf.facts(note="Flashes since Tuesday.")).id
    ).words
    assert "Urgent" in words
    assert "Flashes since Tuesday." in words
    assert "Tess, 22 Nov 2026, 10:30" in words


def test_without_a_preview_it_says_why_and_offers_the_original(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    page = read(
        physician, shelf.scan(parts, ada, facts=shelf.facts(renditions={}, no_preview="No preview of .fds.")).id
    )
    assert "No preview of .fds." in page.words
    assert [one for one in page.all("button") if "data-original" in one.attributes]


def test_no_link_to_the_original_stands_in_the_page(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    page = read(physician, shelf.scan(parts, ada).id)
    assert not [address for address in page.addresses if "/original" in address]


def test_what_is_no_id_is_not_found(physician: FlaskClient) -> None:
    for name in ("x", "..%2f", "00000000-0000-7000-8000-00000000000G"):
        assert physician.get(f"/scans/{name}").status_code == 404
