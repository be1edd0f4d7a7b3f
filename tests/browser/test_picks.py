"""Several scans are chosen at once, by mouse, keys and taps, and one thing is said about all of them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from broker.catalog import scans
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.words import Eye, Kind
from tests import people
from tests.browser.clinic import Clinic, Person
from tests.browser.hands import Hands
from tests.browser.screens import DESK, PHONE, TABLET, Screen, assert_it_fits
from tests.browser.visits import Visits
from tests.unit.pages import shelf as made


@pytest.fixture
def shelf(clinic: Clinic, request: pytest.FixtureRequest) -> tuple[Person, list[Scan]]:
    """A patient of the test's own with twelve scans, newest first, eyes in turn."""
    person = clinic.patient_of(request.function.__name__)
    return person, clinic.fill(person, 12)


def cards(page: Page) -> Locator:
    return page.locator("[data-card]")


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected scans")


def boxes(page: Page) -> Locator:
    return page.get_by_role("checkbox", name=re.compile("^Select "))


def now(clinic: Clinic, rows: list[Scan]) -> list[Scan]:
    """These scans as the catalog has them; those that were withdrawn are left out."""
    with clinic.parts.catalog.read() as tx:
        found = scans.find(tx, [row.id for row in rows])
    return [found[row.id][0] for row in rows if row.id in found]


@pytest.mark.parametrize("screen", [DESK, TABLET], ids=["1360", "820"])
def test_six_wrong_eyes_are_four_actions(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]], screen: Screen
) -> None:
    person, rows = shelf
    page = visits.page("technician", f"/gallery?patient={person.id}", **screen)
    hands = Hands(page)
    hands.click(boxes(page).nth(0))
    hands.click(cards(page).nth(5), shift=True)
    expect(bar(page)).to_contain_text("6 scans of 1 patient selected")
    hands.click(bar(page).get_by_role("button", name="OS", exact=True))
    hands.click(bar(page).get_by_role("button", name="Correct", exact=True))
    expect(bar(page).get_by_role("status")).to_have_text("6 scans corrected: OS · left.")
    assert hands.actions == 4
    assert [row.eye for row in now(clinic, rows)] == [*[Eye.OS] * 6, *[row.eye for row in rows[6:]]]
    # The page shows it at once.
    expect(cards(page).locator(".badge")).to_have_text([*["OS · left"] * 6, *["OD · right", "OS · left"] * 3])
    expect(page.locator("[data-picked]")).to_have_count(0)


def test_six_wrong_eyes_by_keyboard_alone(clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]) -> None:
    person, rows = shelf
    page = visits.page("physician", f"/gallery?patient={person.id}", **DESK)
    cards(page).nth(0).get_by_role("link").focus()
    page.keyboard.press(" ")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    expect(bar(page)).to_contain_text("6 scans of 1 patient selected")
    page.keyboard.press("2")
    expect(bar(page).get_by_role("button", name="Correct", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(bar(page).get_by_role("status")).to_have_text("6 scans corrected: OS · left.")
    assert [row.eye for row in now(clinic, rows)][:6] == [Eye.OS] * 6
    # The focus is where it was: on the last of them.
    expect(cards(page).nth(5).get_by_role("link")).to_be_focused()


def test_keys_choose_all_that_is_shown_and_escape_ends(visits: Visits, shelf: tuple[Person, list[Scan]]) -> None:
    page = visits.page("physician", f"/gallery?patient={shelf[0].id}", **DESK)
    cards(page).nth(3).get_by_role("link").focus()
    page.keyboard.press("ControlOrMeta+a")
    expect(bar(page)).to_contain_text("12 scans of 1 patient selected")
    page.keyboard.press("Escape")
    expect(page.locator("[data-picked]")).to_have_count(0)
    expect(bar(page).get_by_role("button")).to_have_count(0)
    # Down and up go by what one sees.
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-picked]")).to_have_count(6)


def test_ctrl_adds_one_by_one_and_a_plain_click_still_opens(visits: Visits, shelf: tuple[Person, list[Scan]]) -> None:
    person, rows = shelf
    page = visits.page("physician", f"/gallery?patient={person.id}", **DESK)
    for n in (0, 2, 4):
        cards(page).nth(n).click(modifiers=["ControlOrMeta"])
    expect(bar(page)).to_contain_text("3 scans of 1 patient selected")
    cards(page).nth(2).click()
    expect(bar(page)).to_contain_text("2 scans of 1 patient selected")
    bar(page).get_by_role("button", name="Clear").click()
    cards(page).nth(1).click()
    page.wait_for_url(f"**/scans/{rows[1].id}")


def test_on_a_phone_a_button_turns_taps_into_choices(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    person, rows = shelf
    page = visits.page("physician", f"/gallery?patient={person.id}", **PHONE)
    expect(boxes(page)).to_have_count(0)
    page.get_by_role("button", name="Select", exact=True).tap()
    for n in (0, 1, 3):
        cards(page).nth(n).tap()
    expect(bar(page)).to_contain_text("3 scans of 1 patient selected")
    bar(page).get_by_role("button", name="Withdraw").tap()
    box = bar(page).bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    assert box["height"] < 0.6 * 844
    bar(page).get_by_role("button", name="Withdraw", exact=True).last.tap()
    expect(bar(page).get_by_role("status")).to_contain_text("3 scans withdrawn.")
    expect(cards(page)).to_have_count(9)
    assert len(now(clinic, rows)) == 9
    assert_it_fits(page, PHONE)


def test_what_is_folded_away_is_changed_only_by_its_own_box(clinic: Clinic, visits: Visits) -> None:
    person = clinic.patient("Folded, Fay")
    run = [clinic.put(person, kind=Kind.ICG_ANGIOGRAPHY) for _ in range(9)]
    single = clinic.put(person)
    page = visits.page("physician", f"/patients/{person.id}", **DESK)
    page.get_by_role("link", name="Colour fundus").focus()
    page.keyboard.press("ControlOrMeta+a")
    expect(bar(page)).to_contain_text("1 scan of 1 patient selected")
    page.get_by_text("all 9", exact=True).click()
    expect(bar(page)).to_contain_text("10 scans of 1 patient selected")
    page.keyboard.press("Escape")
    page.get_by_text("all 9", exact=True).click()
    bar(page).get_by_role("button", name="OS", exact=True).click()
    bar(page).get_by_role("button", name="Correct", exact=True).click()
    expect(bar(page).get_by_role("status")).to_have_text("9 scans corrected: OS · left.")
    assert {row.eye for row in now(clinic, run)} == {Eye.OS}
    assert now(clinic, [single])[0].eye is Eye.OD
    expect(page.get_by_role("region", name="Left eye").get_by_text("all 9")).to_be_visible()


def test_a_fault_is_said_in_words_and_nothing_typed_is_lost(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    person, rows = shelf
    visits.expect_complaint("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    page = visits.page("technician", f"/gallery?patient={person.id}", **DESK)
    said: list[str] = []
    page.on("request", lambda one: said.append(one.post_data or "") if one.url.endswith("/corrections") else None)
    boxes(page).nth(0).click()
    bar(page).get_by_role("button", name="Kind").click()
    bar(page).locator("select[name=kind]").select_option("OCT")
    bar(page).get_by_label("More words").fill("Seen by Dr Other")
    page.route("**/api/v1/corrections", lambda route: route.abort())
    bar(page).get_by_role("button", name="Correct", exact=True).click()
    expect(bar(page).get_by_role("alert")).to_contain_text("Nothing is lost: press it again.")
    expect(bar(page).get_by_label("More words")).to_have_value("Seen by Dr Other")
    page.unroute("**/api/v1/corrections")
    bar(page).get_by_role("button", name="Correct", exact=True).click()
    expect(bar(page).get_by_role("status")).to_have_text("1 scan corrected: OCT.")
    # Said again, it was the same act.
    assert len(said) == 2
    assert said[0] == said[1]
    assert now(clinic, rows[:1])[0].kind is Kind.OCT


def test_a_technician_reads_why_a_withdrawal_is_not_theirs(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    visits.expect_complaint("status of 403")
    page = visits.page("technician", f"/gallery?patient={shelf[0].id}", **DESK)
    boxes(page).nth(0).click()
    bar(page).get_by_role("button", name="Withdraw").click()
    bar(page).get_by_role("button", name="Withdraw", exact=True).last.click()
    expect(bar(page).get_by_role("alert")).to_contain_text("Ask a physician")
    assert len(now(clinic, shelf[1])) == 12


@pytest.mark.parametrize("screen", [DESK, TABLET, PHONE], ids=["1360", "820", "390"])
def test_an_eye_that_files_contradict_is_asked_about(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]], screen: Screen
) -> None:
    person, rows = shelf
    said = made.facts()
    said["detected"] = said["detected"] | {"eye": "OD"}
    told = clinic.put(person, facts=said)
    page = visits.page("technician", f"/gallery?patient={person.id}", **screen)
    if screen is PHONE:
        page.get_by_role("button", name="Select", exact=True).click()
    boxes(page).nth(0).check(force=True)
    boxes(page).nth(1).check(force=True)
    bar(page).get_by_role("button", name="OS", exact=True).click()
    expect(bar(page)).to_contain_text("1 of 2: the file says OD.")
    expect(bar(page).get_by_role("button", name="Correct all 2 all the same")).to_be_visible()
    assert_it_fits(page, screen)
    bar(page).get_by_role("button", name="Keep what the files say").click()
    expect(bar(page).get_by_role("status").first).to_have_text("1 scan corrected: OS · left.")
    assert [row.eye for row in now(clinic, [told, rows[0]])] == [Eye.OD, Eye.OS]


def test_what_was_said_meanwhile_is_not_overruled(
    clinic: Clinic, visits: Visits, shelf: tuple[Person, list[Scan]]
) -> None:
    person, rows = shelf
    visits.expect_complaint("status of 412")
    page = visits.page("technician", f"/gallery?patient={person.id}", **DESK)
    boxes(page).nth(0).check(force=True)
    clinic.parts.records.correct(
        people.actor(), new_id(clinic.parts.clock()), [rows[0].id], changes={"kind": "oct"}, reason="Is one.",
        now=clinic.parts.clock(),
    )  # fmt: skip
    bar(page).get_by_role("button", name="OS", exact=True).click()
    bar(page).get_by_role("button", name="Correct", exact=True).click()
    expect(bar(page).get_by_role("alert")).to_contain_text("Somebody said something about one of these meanwhile")
    assert now(clinic, rows[:1])[0].eye is Eye.OD
