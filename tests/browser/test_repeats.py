"""A wanted repeat goes from the physician to the technician and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from broker.ids import new_id
from broker.words import Kind, Review, Role
from tests import people
from tests.browser import screens
from tests.browser.clinic import Clinic
from tests.browser.screens import Screen, assert_it_fits
from tests.browser.visits import Visits
from tests.unit.pages import shelf


@screens.each
def test_both_pictures_stand_before_the_physician_who_closes_the_repeat(
    clinic: Clinic, visits: Visits, screen: Screen
) -> None:
    now, doctor = datetime.now(UTC), people.actor(Role.PHYSICIAN, name="Dr Other")
    person = clinic.patient(f"Repeat, Rhea {screen['viewport']['width']}")
    dark, gone = clinic.put(person), clinic.put(person, kind=Kind.RED_FREE)
    for scan in (dark, gone):
        seen, ago = {scan.id: 0}, now - timedelta(hours=1)
        clinic.parts.records.review(
            doctor, new_id(now), seen, status=Review.REPEAT, note="Too dark.", unopened=True, now=ago
        )
    page = visits.page("technician", "/gallery", **screen)
    # Seen without looking for it.
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("wanted")
    page.goto(f"{visits.url}/upload/today")
    wanted = page.get_by_role("region", name=f"Repeat for {person.name}")
    expect(wanted).to_have_count(2)
    first = wanted.filter(has_text="Red-free")
    assert (first.get_by_role("link", name="Send again").get_attribute("href") or "").endswith(f"?repeat={gone.id}")
    first.get_by_text("Not possible").click()
    first.get_by_label("Why").select_option("The patient has left")
    assert_it_fits(page, screen)
    first.get_by_role("button", name="Tell the physician").click()
    expect(wanted).to_have_count(1)
    answer = clinic.put(
        person, captured_at=now, visit_day=f"{now:%Y-%m-%d}", facts=shelf.facts(sent_at=now.isoformat())
    )
    page = visits.page("physician", "/worklist", **screen)
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("to close")
    told = page.get_by_role("listitem", name=f"Repeat of {person.name}")
    expect(told).to_have_count(2)
    came = told.filter(has_text="Came:")
    expect(told.filter(has_text="Not possible")).to_contain_text("The patient has left")
    assert_it_fits(page, screen)
    came.get_by_role("link", name="Side by side").click()
    page.wait_for_url(f"**/compare?left={dark.id}&right={answer.id}")
    expect(page.locator("scan-view[data-ready]")).to_have_count(2)
    page.go_back()
    came.get_by_role("button", name="Close: the repeat is good").click()
    expect(told).to_have_count(1)
    told.get_by_role("button", name="Close", exact=False).click()
    expect(told).to_have_count(0)
