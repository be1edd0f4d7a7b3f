"""Somebody opens the service by its name in the clinic's network, over plain http: no file can be checked there."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.clinic import Clinic
from tests.browser.visits import Visits

LAN = "http://imaging.lan"


def test_a_page_over_plain_http_says_that_uploads_need_https_or_localhost(clinic: Clinic, visits: Visits) -> None:
    # Over plain http the browser takes no notice of one of the headers, and says so.
    visits.expect_complaint("^The Cross-Origin-Opener-Policy header has been ignored")
    page = visits.page("technician", "/upload")
    assert page.evaluate("() => isSecureContext")

    def answer(route: Route) -> None:
        """What a proxy in the clinic would answer; the browser knows only the address it asked."""
        address = route.request.url.replace(LAN, clinic.url)
        route.fulfill(response=page.context.request.get(address))

    page.context.route(f"{LAN}/**", answer)
    page.goto(f"{LAN}/upload")
    assert not page.evaluate("() => isSecureContext")
    expect(page.get_by_role("alert")).to_contain_text("Uploads need https, or localhost on this very computer")
    expect(page.get_by_role("combobox", name="record number")).to_be_hidden()
    expect(page.get_by_role("button", name="Choose files")).to_be_hidden()


def test_the_same_page_on_this_computer_says_nothing_of_it(visits: Visits) -> None:
    page = visits.page("technician", "/upload")
    expect(page.get_by_role("combobox", name="record number")).to_be_visible()
    expect(page.get_by_text("Uploads need https")).to_be_hidden()
