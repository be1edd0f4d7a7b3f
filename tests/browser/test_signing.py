"""A physician signs what was seen: the viewer notices it, the button says it, and an act can be taken back."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import screens
from tests.browser.clinic import Clinic
from tests.browser.screens import DESK, Screen, assert_it_fits
from tests.browser.visits import Visits
from tests.unit.pages import shelf


def button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Reviewed, next"))


@screens.each
def test_a_visit_is_signed_by_what_was_opened(clinic: Clinic, visits: Visits, screen: Screen) -> None:
    person = clinic.patient(f"Opened, Olga {screen['viewport']['width']}")
    first, second = clinic.fill(person, 2)
    clinic.put(person, facts=shelf.facts(renditions={}, no_preview="No preview."))
    visits.expect_complaint("status of 409")
    page = visits.page("physician", f"/scans/{first.id}", **screen)
    # What is before one's eyes counts at once, and the button says so.
    expect(button(page)).to_contain_text("(2 of 3 not opened)")
    page.get_by_label("Note").fill("No change.")
    button(page).click()
    asked = page.get_by_role("alert").filter(has_text="2 of 3 were not opened.")
    expect(asked).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("No change.")
    assert_it_fits(page, screen)
    asked.get_by_role("button", name="Sign the 1 opened").click()
    done = page.get_by_role("status").filter(has_text=f"Reviewed: {person.name}, 20 Nov 2026, 1 scan.")
    expect(done).to_be_visible()
    assert_it_fits(page, screen)
    done.get_by_role("button", name="Take it back").click()
    page.wait_for_url(f"**/scans/{first.id}")
    expect(page.get_by_text("(taken back)")).to_be_visible()
    # Opened is opened, whatever was taken back; the other one is not.
    expect(button(page)).to_contain_text("(2 of 3 not opened)")
    page.goto(f"{visits.url}/patients/{person.id}")
    shots = page.locator(".small-shot")
    expect(shots.filter(has_text="not opened")).to_have_count(2)
    expect(page.locator(f"[data-card='{second.id}']")).to_contain_text("not opened")


def test_a_placeholder_is_not_the_picture(clinic: Clinic, visits: Visits) -> None:
    person = clinic.patient("Placeholder, Paul")
    [scan] = clinic.fill(person, 1)
    visits.expect_complaint("ERR_FAILED")
    page = visits.page("physician", "/upload", **DESK)
    page.route(re.compile(r"/display\."), lambda route: route.abort())
    page.goto(f"{visits.url}/scans/{scan.id}")
    expect(page.locator(".unavailable")).to_be_visible()
    expect(button(page)).to_contain_text("(1 of 1 not opened)")
    page.reload()
    expect(button(page)).to_contain_text("(1 of 1 not opened)")


def test_a_flag_is_settled_by_one_press_of_a_technician(clinic: Clinic, visits: Visits) -> None:
    person = clinic.patient("Flagged, Flo")
    claimed = shelf.facts()["declared"]
    facts = shelf.facts(declared={**claimed, "eye": "OD"}, detected={**claimed, "eye": "OS"})
    scan = clinic.put(person, attention=["eye"], facts=facts)
    doctor = visits.page("physician", f"/scans/{scan.id}", **DESK)
    expect(doctor.get_by_text("1 is flagged: settle it first.")).to_be_visible()
    expect(button(doctor)).to_have_count(0)
    page = visits.page("technician", f"/scans/{scan.id}", **DESK)
    expect(page.get_by_text("The file says OS, the technician said OD. Which is right?")).to_be_visible()
    page.get_by_role("button", name="OS is right").click()
    expect(page.get_by_role("button", name="OS is right")).to_have_count(0)
    expect(page.get_by_role("region", name="Patient")).to_contain_text("OS · left")
    doctor.reload()
    expect(button(doctor)).to_be_visible()
