"""What is read when files have been sent: may the card be cleared, and what became of what was not stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import files, office
from tests.browser.clinic import Clinic, Person
from tests.browser.hands import send
from tests.browser.visits import CHECKED, Visits

WIDTHS = (1360, 390)


def visit(clinic: Clinic, visits: Visits, name: str, width: int) -> Page:
    """A page of somebody who has sent nothing yet."""
    page = visits.page(path="/sign-in", viewport={"width": width, "height": 780})
    office.accept(page, clinic.run(f"invite --role technician --name {name}").strip())
    page.get_by_role("heading", name="Upload").wait_for()
    return page


def answer(card: Locator) -> Locator:
    """The line of a batch that says whether the card may be cleared."""
    return card.locator(".answer")


def said(page: Page) -> Locator:
    """The same line at the top of a page, for all that stands on it; screen readers hear this one."""
    return page.get_by_role("status").and_(page.locator(".answer"))


def not_sideways(page: Page) -> None:
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("width", WIDTHS)
def test_whether_the_card_may_be_cleared_is_read_without_scrolling_for_the_batch_and_for_the_day(
    clinic: Clinic, visits: Visits, person: Person, tmp_path: Path, width: int
) -> None:
    page = visit(clinic, visits, f"Tia{width}", width)
    with clinic.worker_held():
        sent = send(page, person, files.save(tmp_path, files.jpeg(), files.jpeg(), files.jpeg()))
        waiting = "Not yet: 3 are being checked. Keep the card."
        expect(answer(sent)).to_have_text(waiting, timeout=CHECKED)
        expect(said(page)).to_have_text(waiting)
        expect(said(page)).to_be_in_viewport(ratio=1)
        expect(said(page)).to_have_attribute("aria-busy", "true")
        day = page.context.new_page()
        day.goto(f"{visits.url}/upload/today")
        expect(said(day)).to_have_text(waiting)
    expect(answer(sent)).to_have_text(
        "Yes: all 3 files are stored and checked. You may clear them from the camera.", timeout=CHECKED
    )
    expect(said(page)).to_have_text("Yes: all 3 files are stored and checked. You may clear them from the camera.")
    expect(said(page)).to_have_attribute("aria-busy", "false")
    expect(said(page)).to_be_in_viewport(ratio=1)
    day.reload()
    yes = "Yes: all 3 files you sent today are stored and checked. You may clear them from the camera."
    expect(said(day)).to_have_text(yes)
    expect(said(day)).to_be_in_viewport(ratio=1)
    not_sideways(page)
    not_sideways(day)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_that_was_not_stored_stands_there_for_everybody_until_one_settles_it(
    clinic: Clinic, visits: Visits, person: Person, tmp_path: Path, width: int
) -> None:
    page = visit(clinic, visits, f"Toni{width}", width)
    sent = send(page, person, files.save(tmp_path, files.cut_jpeg(), files.cut_jpeg(), files.jpeg()))
    no = "No: 2 files were not stored. Keep them: see below."
    expect(answer(sent)).to_have_text(no, timeout=CHECKED)
    expect(said(page)).to_have_text(no)
    expect(said(page)).to_be_in_viewport(ratio=1)

    other = visits.page("technician", "/upload", viewport={"width": width, "height": 780})
    expect(other.get_by_role("navigation", name="Main").get_by_role("link", name="Upload")).to_contain_text(
        "not stored"
    )
    other.goto(f"{visits.url}/upload/today#not-stored")
    mine = other.get_by_role("region", name=f"Not stored of {person.name}")
    rows = mine.get_by_role("list").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(f"sent by Toni{width}")
    expect(rows.first).to_contain_text("Not stored: the file is cut short.")
    not_sideways(other)
    rows.filter(has_text="fundus-2.jpg").get_by_role("button", name="It was sent again").click()
    expect(rows).to_have_count(1)
    rows.first.get_by_label("Why").fill("The patient has left.")
    rows.first.get_by_role("button", name="Give up").click()
    expect(mine).to_have_count(0)

    page.goto(f"{visits.url}/upload/today")
    settled = page.get_by_text("The patient has left.")
    expect(settled).to_be_visible()
    # Nobody has shown which file the other was sent again as: the card is kept.
    expect(said(page)).to_contain_text("No: 1 file is said to have been sent again, and the service has not seen it.")
    not_sideways(page)


def test_several_batches_are_answered_together(clinic: Clinic, visits: Visits, person: Person, tmp_path: Path) -> None:
    page = visit(clinic, visits, "Tamara", 1360)
    stored = files.jpeg()
    clinic.send(person, {"before.jpg": stored})
    for number, content in enumerate((files.jpeg(), stored)):
        (tmp_path / str(number)).mkdir()
        send(page, person, files.save(tmp_path / str(number), content))
    yes = "Yes: all 2 files are stored and checked. You may clear them from the camera."
    expect(said(page)).to_have_text(yes, timeout=CHECKED)
    expect(said(page)).to_be_in_viewport(ratio=1)


def test_the_patients_page_says_that_a_file_of_the_visit_was_not_stored_until_it_is_sent_again(
    clinic: Clinic, visits: Visits, person: Person, tmp_path: Path
) -> None:
    page = visit(clinic, visits, "Tilda", 1360)
    (good,) = files.save(tmp_path, files.jpeg())
    cut = good.with_name("cut.jpg")
    cut.write_bytes(good.read_bytes()[:4000])
    sent = send(page, person, [cut])
    expect(answer(sent)).to_contain_text("No: 1 file was not stored.", timeout=CHECKED)
    doctor = visits.page("physician", f"/patients/{person.id}")
    told = doctor.get_by_text("1 file was not stored.")
    expect(told).to_be_visible()
    doctor.get_by_role("link", name="See what to do").click()
    mine = doctor.get_by_role("region", name=f"Not stored of {person.name}")
    mine.get_by_role("button", name="It was sent again").click()
    expect(mine).to_have_count(0)
    doctor.goto(f"{visits.url}/patients/{person.id}")
    expect(doctor.get_by_role("heading", name="No scans yet")).to_be_visible()
    expect(told).to_have_count(0)
