"""Scans that are filed under the wrong patient are moved, by a page that shows both."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import screens
from tests.browser.clinic import Clinic
from tests.browser.screens import Screen, assert_it_fits
from tests.browser.visits import Visits


@screens.each
def test_scans_are_moved_once_both_patients_were_seen(clinic: Clinic, visits: Visits, screen: Screen) -> None:
    width = screen["viewport"]["width"]
    wrong, right = clinic.patient(f"Wrong, Wilma {width}"), clinic.patient(f"Right, Rose {width}")
    clinic.fill(wrong, 3)
    page = visits.page("technician", f"/patients/{wrong.id}", **screen)
    page.get_by_role("button", name="Select", exact=True).click()
    for n in (0, 1):
        page.locator("[data-card]").nth(n).click()
    bar = page.get_by_role("region", name="Selected scans")
    bar.get_by_role("button", name="Move to another patient").click()
    expect(page.get_by_role("heading", name="Move 2 scans to another patient")).to_be_visible()
    # By keys alone, as a barcode is read: typed, and Enter.
    page.get_by_role("combobox", name="To whom?").press_sequentially(right.mrn)
    page.keyboard.press("Enter")
    origin, goal = page.get_by_role("region", name="From"), page.get_by_role("region", name="To", exact=True)
    for words in (wrong.name, wrong.born, wrong.mrn, "2 scans of 20 Nov 2026"):
        expect(origin).to_contain_text(words)
    for words in (right.name, right.born, right.mrn):
        expect(goal).to_contain_text(words)
    assert_it_fits(page, screen)
    page.get_by_role("button", name=f"Move 2 scans to {right.name}").click()
    page.wait_for_url(f"**/patients/{right.id}")
    here = page.get_by_role("region", name="Visit of 20 Nov 2026")
    expect(here).to_contain_text(
        re.compile(f"2 scans were moved here from {wrong.name}, MRN {wrong.mrn} on .* by Demo")
    )
    assert_it_fits(page, screen)
    here.get_by_role("link", name=wrong.name).click()
    away = page.get_by_role("region", name="Visit of 20 Nov 2026")
    expect(away).to_contain_text(f"2 scans were moved to {right.name}, MRN {right.mrn}")
    expect(page.locator("[data-card]")).to_have_count(1)


def test_two_records_are_merged_and_parted_again(clinic: Clinic, visits: Visits) -> None:
    twice, kept = clinic.patient("Twice, Tina"), clinic.patient("Twice, Tina Maria")
    clinic.fill(twice, 1)
    page = visits.page("physician", f"/patients/{twice.id}")
    page.get_by_text("This record: 1 version").click()
    page.get_by_label("Merge this one into MRN").fill(kept.mrn)
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("region", name="becomes part of")).to_contain_text(kept.name)
    page.get_by_role("button", name="They are one person").click()
    page.wait_for_url(f"**/patients/{kept.id}")
    notice = page.get_by_role("region", name="Merged record")
    expect(notice).to_contain_text(f"MRN {twice.mrn}, {twice.name}, born 21 Mar 1957, was merged into this record")
    page.goto(f"{visits.url}/patients/{twice.id}")
    page.wait_for_url(f"**/patients/{kept.id}")
    notice.get_by_text("Undo", exact=True).click()
    notice.get_by_role("button", name="They are two persons").click()
    page.wait_for_url(f"**/patients/{twice.id}")
    expect(page.get_by_role("heading", name=twice.name)).to_be_visible()
