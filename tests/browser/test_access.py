"""The ways in and out as people meet them, what stays behind when somebody leaves, and how pages fit a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser import office, tour
from tests.browser.clinic import Clinic
from tests.browser.office import Office
from tests.browser.tour import Exhibits
from tests.browser.visits import Visits
from tests.chromium import ARGUMENTS, find_or_install

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_an_invitation_sets_a_password_once_and_the_password_signs_in(
    office_visits: Visits, office_running: Office
) -> None:
    link = office_running.invitation("technician", "Dana")
    page = office_visits.page(path="/sign-in")
    page.goto(link)
    expect(page.get_by_role("heading", name="Welcome, Dana")).to_be_visible()
    office.accept(page, link)
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    office.sign_in(page, "Dana")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()

    office_visits.expect_complaint("status of 404")
    other = office_visits.page(path=link.removeprefix(office_visits.url))
    expect(other.get_by_role("heading", name="Welcome")).to_have_count(0)
    expect(other.get_by_label("New password")).to_have_count(0)


def test_two_different_passwords_are_not_taken(office_visits: Visits, office_running: Office) -> None:
    office_visits.expect_complaint("status of 422")
    page = office_visits.page(path="/sign-in")
    page.goto(office_running.invitation("technician", "Erik"))
    page.get_by_label("New password").fill(office.PASSWORD)
    page.get_by_label("The same again").fill("something else entirely")
    page.get_by_role("button", name="Set password and sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")


def test_a_wrong_password_says_so_and_tells_nothing_else(office_visits: Visits, office_running: Office) -> None:
    office.accept(office_visits.page(path="/sign-in"), office_running.invitation("physician", "Fritz"))
    office_visits.expect_complaint("status of 401")
    words = []
    for name in ("Fritz", "Nobody"):
        page = office_visits.page(path="/gallery")
        office.sign_in(page, name, "not the password")
        words.append(page.get_by_role("alert").inner_text())
        expect(page.get_by_label("Name")).to_have_value(name)
    assert words[0] == words[1]
    office.sign_in(page, "Fritz")
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    assert page.url == f"{office_visits.url}/gallery"


def test_the_back_button_shows_no_patient_once_somebody_has_signed_out(
    playwright: Playwright, clinic: Clinic, tmp_path: Path
) -> None:
    person = clinic.patient("Leaving, Lea")
    scan = clinic.put(person)
    # Playwright switches the back/forward cache off, which is the very thing that could show what was there.
    with playwright.chromium.launch(
        executable_path=find_or_install(),
        args=list(ARGUMENTS),
        ignore_default_args=["--disable-back-forward-cache"],
    ) as browser:
        visits = Visits(browser, clinic.url, {}, tmp_path)
        page = visits.page("physician", f"/gallery?patient={person.id}")
        expect(page.get_by_text(person.name).first).to_be_visible()
        page.goto(f"{clinic.url}/problems/stale")
        # Not go_back: a page that comes back from that cache does not load, and one would wait for it.
        page.evaluate("() => history.back()")
        expect(page.get_by_text(person.name).first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Physician")).to_be_visible()
        page.evaluate("() => history.back()")
        page.wait_for_url("**/sign-in?next=*")
        expect(page.get_by_role("button", name="Physician")).to_be_visible()
        assert person.name not in page.content()
        page.goto(f"{clinic.url}/scans/{scan.id}")
        expect(page.get_by_role("button", name="Physician")).to_be_visible()
        assert person.mrn not in page.content()
        visits.end(failed=False)


@pytest.mark.parametrize("stops", tour.TOURS, ids=lambda stops: stops.__name__)
def test_no_page_scrolls_sideways_on_a_phone(
    visits: Visits, shown: Exhibits, tmp_path: Path, stops: Callable[..., Iterator[tuple[str, Page]]]
) -> None:
    wide: list[str] = []
    for name, page in stops(visits, shown, tmp_path, **PHONE):
        measured = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        if max(measured) > 390:
            wide.append(f"{name}: {measured}")
    assert not wide, "\n".join(wide)
