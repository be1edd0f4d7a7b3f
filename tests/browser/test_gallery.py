"""A physician looks: order, filters, more on scroll, what is being checked, links that have run out, originals."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from broker.catalog.scans import Scan
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.visits import CHECKED, Visits
from tests.browser.wire import Wire

#: More than a page of the gallery, which is 60.
MANY = 67


@pytest.fixture(scope="module")
def shelf(clinic: Clinic) -> tuple[Person, list[Scan]]:
    """A patient with many scans, newest first."""
    person = clinic.patient("Gallery, Gina")
    return person, clinic.fill(person, MANY)


@pytest.fixture(scope="module")
def visit(clinic: Clinic) -> tuple[Person, dict[str, bytes]]:
    """A patient with three pictures that a technician has sent, and their bytes."""
    person, sent = clinic.patient("Visit, Vera"), {f"VERA-1957-{number}.jpg": files.jpeg() for number in range(3)}
    for name, data in sent.items():
        clinic.send(person, {name: data}, eye="OS")
    return person, sent


def cards(page: Page) -> Locator:
    return page.get_by_role("list", name="Scans").get_by_role("link", name=re.compile(", "))


def shown(page: Page) -> list[str]:
    """The ids of the scans on the page, in its order."""
    links = cards(page).evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    return [link.removeprefix("/scans/") for link in links]


def assert_seen(pictures: Locator) -> None:
    """Every one of these pictures has been fetched and can be drawn."""
    pictures.evaluate_all("images => Promise.all(images.map((image) => image.decode()))")


def test_the_newest_come_first_and_more_when_the_end_is_reached(
    visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    person, scans = shelf
    page = visits.page("physician", f"/gallery?patient={person.id}")
    newest_first = [scan.id for scan in scans]
    assert shown(page) == newest_first[:60]
    with page.expect_response(re.compile("/gallery.*after=")) as more:
        page.mouse.wheel(0, 100_000)
    expect(cards(page)).to_have_count(MANY)
    assert shown(page) == newest_first
    assert "<html" not in more.value.text()
    expect(page.get_by_role("link", name="More")).to_have_count(0)


def test_filters_stand_in_the_address_and_can_be_passed_on(visits: Visits, shelf: tuple[Person, list[Scan]]) -> None:
    person, scans = shelf
    page = visits.page("physician", f"/gallery?patient={person.id}")
    page.locator("select[name=eye]").select_option("OS · left")
    page.wait_for_url(re.compile("eye=OS"))
    left = [scan.id for scan in scans if scan.eye == "OS"]
    assert shown(page) == left
    page.get_by_label("From", exact=True).fill("2026-11-20")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("from=2026-11-20"))
    assert shown(page) == [scan.id for scan in scans if scan.eye == "OS" and scan.visit_day == "2026-11-20"]
    other = visits.page("technician", page.url.removeprefix(visits.url))
    assert shown(other) == shown(page)
    expect(other.locator("select[name=eye]")).to_have_value("OS")
    page.go_back()
    assert shown(page) == left


def test_what_is_being_checked_stands_there_at_once_and_becomes_pictures_by_itself(
    clinic: Clinic, visits: Visits
) -> None:
    person = clinic.patient("Waiting, Wanda")
    with clinic.worker_held():
        ids = clinic.send(person, {f"{number}.jpg": files.jpeg() for number in range(3)}, wait=False)
        page = visits.page("physician", f"/gallery?patient={person.id}")
        expect(page.get_by_text("3 being checked")).to_be_visible()
        expect(page.get_by_text(f"MRN {person.mrn}")).to_have_count(4)
        expect(cards(page)).to_have_count(0)
    clinic.wait_stored(ids)
    page.mouse.move(5, 5)
    expect(cards(page)).to_have_count(3, timeout=CHECKED)
    expect(page.get_by_text("being checked")).to_have_count(0)
    assert_seen(page.get_by_role("img", name="right eye"))


def test_a_picture_whose_link_has_run_out_gets_a_new_one_once(
    clinic: Clinic, visits: Visits, visit: tuple[Person, dict[str, bytes]]
) -> None:
    refused: set[str] = set()  # scans: addresses hold signatures, which must not reach a failing test's output

    def refuse_once(route: Route) -> None:
        scan = urlsplit(route.request.url).path.split("/")[-2]
        if scan in refused:
            return route.continue_()
        refused.add(scan)
        return route.fulfill(status=403, headers={"Access-Control-Allow-Origin": clinic.url})

    visits.expect_complaint("403")
    page = visits.page("physician", "/upload")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.post_data or "") if one.url.endswith("/scans/links") else None)
    page.route(re.compile(r"/thumbnail\."), refuse_once)
    page.goto(f"{visits.url}/gallery?patient={visit[0].id}")
    pictures = page.get_by_role("img", name="left eye")
    expect(pictures).to_have_count(3)
    page.wait_for_function("() => [...document.images].every((image) => image.naturalWidth > 0)")
    assert len(refused) == 3
    assert sum(len(json.loads(body)["ids"]) for body in asked) == 3, asked


def test_a_picture_that_stays_refused_is_asked_for_no_more_than_once(
    visits: Visits, visit: tuple[Person, dict[str, bytes]]
) -> None:
    visits.expect_complaint("ERR_FAILED")
    page = visits.page("physician", "/upload")
    asked: list[str] = []
    page.route(re.compile(r"/display\."), lambda route: route.abort())
    page.goto(f"{visits.url}/gallery?patient={visit[0].id}")
    scan = shown(page)[0]

    def note(one: Request) -> None:
        # What comes next is asked for as well, so that it is there when somebody goes on.
        if one.url.endswith("/scans/links") and scan in (one.post_data or ""):
            asked.append(one.url)

    page.on("request", note)
    cards(page).first.click()
    expect(page.locator(".unavailable")).to_be_visible()
    assert len(asked) == 1
    expect(page.get_by_role("img", name="left eye")).to_be_visible()
    expect(page.get_by_role("heading", name=visit[0].name)).to_be_visible()


def test_a_second_visit_fetches_no_picture_again(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    page = visits.page("physician", "/upload")
    wire = Wire(page, clinic.azurite.url)
    first, again = wire.twice(f"{visits.url}/gallery?patient={shelf[0].id}")
    assert first >= 24
    assert again == 0


def test_one_scan_is_shown_large_with_whom_and_what_it_shows(
    visits: Visits, visit: tuple[Person, dict[str, bytes]]
) -> None:
    person = visit[0]
    page = visits.page("physician", f"/gallery?patient={person.id}")
    cards(page).first.click()
    expect(page.get_by_role("heading", name=person.name)).to_be_visible()
    head = page.get_by_role("region", name="Patient")
    for words in (person.born, person.mrn, "OS · left", "Colour fundus"):
        expect(head).to_contain_text(words)
    picture = page.get_by_role("img", name=re.compile("Colour fundus, left eye, "))
    assert_seen(picture)
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 600
    expect(page.get_by_role("definition").filter(has_text="VERA-1957-2.jpg")).to_be_visible()
    expect(page.get_by_text("640 × 480")).to_be_visible()


def test_the_original_comes_byte_for_byte_under_a_name_without_the_patient(
    visits: Visits, visit: tuple[Person, dict[str, bytes]]
) -> None:
    person, sent = visit
    page = visits.page("physician", f"/gallery?patient={person.id}")
    cards(page).first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the original").click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"OS_color_fundus_[0-9a-f]+\.jpg", name), name
    assert download.value.path().read_bytes() == sent["VERA-1957-2.jpg"]
    expect(page.get_by_role("heading", name=person.name)).to_be_visible()


def test_one_steps_to_older_and_newer_scans_by_link_and_by_key(
    visits: Visits, visit: tuple[Person, dict[str, bytes]]
) -> None:
    page = visits.page("physician", f"/gallery?patient={visit[0].id}")
    newest, middle, oldest = shown(page)
    page.goto(f"{visits.url}/scans/{newest}")
    expect(page.get_by_role("link", name="Newer")).to_have_count(0)
    page.get_by_role("link", name="Older").click()
    page.wait_for_url(f"**/scans/{middle}")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/scans/{oldest}")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/scans/{middle}")
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/patients/{visit[0].id}")
