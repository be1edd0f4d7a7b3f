"""A physician reads: the viewer's tools by keyboard and by mouse, a volume, a pair, a review."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from broker.ops import device_files
from broker.words import Eye
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.visits import Visits

#: The worker makes twenty-five slices of it.
EXAM = datetime(2026, 11, 18, 11, 20)


@pytest.fixture(scope="module")
def reader(clinic: Clinic) -> tuple[Person, str, str, str]:
    """A patient with a fundus photograph, one before it, and a volume; the ids of the three scans."""
    person = clinic.patient("Reader, Rita")
    now, before = files.jpeg(2400, 1800), files.jpeg(2400, 1800)
    volume = device_files.volume(5, Eye.OD, mrn=person.mrn, born=date(1957, 3, 21), exam=EXAM)
    scans = []
    for name, data in (("before.jpg", before), ("now.jpg", now), ("oct.vol", volume)):
        [upload] = clinic.send(person, {name: data})
        scans.append(clinic.technician.get(f"/uploads/{upload}")["scans"][0])
    return person, scans[0], scans[1], scans[2]


@pytest.fixture(scope="module")
def volumes(clinic: Clinic) -> tuple[str, str]:
    """Two volumes of one eye, of two visits."""
    person = clinic.patient("Volume, Vera")
    made = []
    for seed, exam in enumerate((EXAM.replace(year=2025), EXAM)):
        data = device_files.volume(7 + seed, Eye.OD, mrn=person.mrn, born=date(1957, 3, 21), exam=exam)
        [upload] = clinic.send(person, {f"oct{seed}.vol": data})
        made.append(clinic.technician.get(f"/uploads/{upload}")["scans"][0])
    return made[0], made[1]


def opened(visits: Visits, path: str) -> Page:
    page = visits.page("physician", path)
    expect(page.locator("scan-view[data-ready]").first).to_be_visible()
    return page


def view(page: Page) -> dict[str, float]:
    """The first pane's view, with how large a pixel is."""
    found: dict[str, float] = page.evaluate(
        "() => { const pane = document.querySelector('scan-view'); return { ...pane.desk.view, scale: pane.scale } }"
    )
    return found


def active(page: Page) -> Locator:
    return page.locator("[data-active]")


def test_every_tool_has_a_key_and_one_key_shows_the_picture_as_it_is(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    fit = view(page)
    for key, words in (
        ("g", "Green channel (simulated red-free)"),
        ("i", "Inverted"),
        ("r", "Turned 90°"),
        ("h", "Mirrored left–right"),
        ("v", "Mirrored left–right, up–down"),
    ):
        page.keyboard.press(key)
        expect(active(page)).to_contain_text(words)
    page.keyboard.press("+")
    assert view(page)["zoom"] == pytest.approx(1.25)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert view(page)["u"] != 0.5
    page.keyboard.press("-")
    page.keyboard.press("=")
    assert view(page)["zoom"] == 1
    page.keyboard.press("1")
    assert view(page)["scale"] == pytest.approx(1)
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Measure")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(" ")
    expect(active(page)).to_be_hidden()
    assert view(page) == fit


def test_every_tool_has_a_button(visits: Visits, reader: tuple[Person, str, str, str]) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Green").click()
    page.get_by_text("Light", exact=True).click()
    page.get_by_label("Gamma").fill("2")
    expect(active(page)).to_have_text("Green channel (simulated red-free) · Gamma 2.00")
    page.get_by_text("Light", exact=True).click()
    page.get_by_text("Turn, move").click()
    before = view(page)
    for name in ("Turn 90°", "Mirror ↔", "Move ←"):
        page.get_by_role("button", name=name).click()
    after = view(page)
    assert (after["turn"], after["flipX"]) == (1, True)
    assert (after["u"], after["v"]) != (before["u"], before["v"])
    page.get_by_role("button", name="Reset").click()
    expect(active(page)).to_be_hidden()


def test_the_pixel_under_the_cursor_stays_there_and_the_picture_follows_the_hand(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    box = page.locator("scan-view").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    page.wait_for_function("() => document.querySelector('scan-view').desk.view.zoom > 2")
    before = view(page)
    page.mouse.down()
    page.mouse.move(x + 80, y + 20, steps=4)
    page.mouse.up()
    assert view(page)["u"] < before["u"]
    assert view(page)["v"] < before["v"]


def test_a_distance_without_spacing_is_pixels_and_with_spacing_is_approximate(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    for scan, words in ((reader[2], "pixels (the file gives no spacing)"), (reader[3], "(approximately)")):
        page = opened(visits, f"/scans/{scan}")
        page.keyboard.press("m")
        box = page.locator("scan-view").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 200, steps=3)
        page.mouse.up()
        expect(page.locator("[data-say]")).to_contain_text(words)


def test_the_picture_in_full_comes_on_demand_and_the_badge_says_so_until_then(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    badge = page.get_by_text("Preview (lossy): the original has 2400 × 1800 pixels")
    expect(badge).to_be_visible()
    page.get_by_role("button", name="Full resolution").click()
    expect(page.locator("[data-say]")).to_have_text("Full resolution.")
    expect(badge).to_be_hidden()


def test_the_list_of_keys_opens_and_single_keys_can_be_switched_off(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Single letters and digits act at once").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("i")
    expect(active(page)).to_be_hidden()
    page.get_by_role("button", name="Invert").click()
    expect(active(page)).to_have_text("Inverted")
    # In a note they are letters, whatever is switched.
    page.get_by_label("Note").fill("")
    page.get_by_label("Note").press("g")
    expect(page.get_by_label("Note")).to_have_value("g")
    page.get_by_label("Note").fill("")


def test_a_volume_opens_in_the_middle_and_is_stepped_by_keys_wheel_slider_and_a_click_on_its_lines(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = visits.page("physician", f"/scans/{reader[3]}")
    position = page.locator("[data-position]")
    expect(position).to_have_text("13/25")
    page.keyboard.press("ArrowDown")
    expect(position).to_have_text("14/25")
    page.keyboard.press("Home")
    expect(position).to_have_text("1/25")
    page.keyboard.press("End")
    expect(position).to_have_text("25/25")
    box = page.locator("scan-view").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, -100)
    expect(position).to_have_text("24/25")
    page.get_by_label("Slice", exact=True).fill("5")
    expect(position).to_have_text("5/25")
    where = page.locator("[data-where]").bounding_box()
    assert where is not None
    page.mouse.click(where["x"] + where["width"] / 2, where["y"] + where["height"] * 0.05)
    expect(position).to_have_text("25/25")  # slice 1 lies lowest
    expect(page.locator("[data-where] .now")).to_have_count(1)


def test_a_pack_whose_link_has_run_out_is_asked_for_once_more(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    asked: list[str] = []

    def once(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"}) if len(
            asked
        ) == 1 else route.continue_()

    page = visits.page("physician")
    page.route(re.compile(r"frames\.zip"), once)
    visits.expect_complaint("403")
    page.goto(f"{visits.url}/scans/{reader[3]}")
    expect(page.locator("[data-position]")).to_have_text("13/25")
    assert len(asked) == 2


def test_of_a_volume_it_is_kept_how_many_slices_were_shown(visits: Visits, clinic: Clinic) -> None:
    person = clinic.patient("Slices, Sue")
    data = device_files.volume(9, Eye.OD, mrn=person.mrn, born=date(1957, 3, 21), exam=EXAM)
    [upload] = clinic.send(person, {"oct.vol": data})
    [scan] = clinic.technician.get(f"/uploads/{upload}")["scans"]
    page = visits.page("physician", f"/scans/{scan}")
    expect(page.locator("[data-position]")).to_have_text("13/25")
    told = page.locator(f"[data-covered='{scan}'] [data-opened]")
    expect(told).to_have_text("1 of 25 slices")
    # Each is waited for: one that is passed before it is painted was not shown, and does not count.
    for key, place, count in (("ArrowUp", 12, 2), ("ArrowUp", 11, 3), ("ArrowDown", 12, 3)):
        page.keyboard.press(key)
        expect(page.locator("[data-position]")).to_have_text(f"{place}/25")
        expect(told).to_have_text(f"{count} of 25 slices")
    expect(page.get_by_role("button", name="Reviewed, next")).to_contain_text("3 of 25 slices")
    # It is kept for who comes back, and what was seen twice counts once.
    page.reload()
    expect(told).to_have_text("3 of 25 slices")


def test_c_opens_the_one_before_beside_it_and_both_move_together_until_they_are_parted(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/scans/{reader[2]}")
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"/compare\?"))
    expect(page.locator("scan-view[data-ready]")).to_have_count(2)
    zooms = "() => [...document.querySelectorAll('scan-view')].map((pane) => pane.desk.view.zoom)"
    page.keyboard.press("+")
    assert page.evaluate(zooms) == [1.25, 1.25]
    page.get_by_role("button", name="Linked").click()
    page.keyboard.press("+")
    assert page.evaluate(zooms) == pytest.approx([1.5625, 1.25])


def test_two_volumes_are_stepped_together_by_keys_wheel_and_slider_until_they_are_parted(
    visits: Visits, volumes: tuple[str, str]
) -> None:
    page = visits.page("physician", f"/compare?left={volumes[0]}&right={volumes[1]}")
    left, right = (page.locator("oct-stack").nth(n).locator("[data-position]") for n in (0, 1))

    def stand(first: int, second: int) -> None:
        expect(left).to_have_text(f"{first}/25")
        expect(right).to_have_text(f"{second}/25")

    stand(13, 13)
    page.keyboard.press("ArrowDown")
    stand(14, 14)
    page.keyboard.press("End")
    stand(25, 25)
    middles = []
    for n in (0, 1):
        box = page.locator("scan-view").nth(n).bounding_box()
        assert box is not None
        middles.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    page.mouse.move(*middles[1])
    page.mouse.wheel(0, -100)
    stand(24, 24)
    page.get_by_label("Slice, left", exact=True).fill("5")
    stand(5, 5)
    page.get_by_role("button", name="Slice on, right").click()
    stand(6, 6)
    # Apart: the wheel and the buttons move their own, the keys the one that was touched last.
    page.get_by_role("button", name="Linked").click()
    page.mouse.move(*middles[0])
    page.mouse.wheel(0, 100)
    stand(7, 6)
    page.keyboard.press("ArrowDown")
    stand(8, 6)
    page.keyboard.press("o")
    page.keyboard.press("ArrowUp")
    stand(8, 5)
    # Linked again they keep the distance that somebody has found to be right.
    page.keyboard.press("l")
    page.keyboard.press("ArrowUp")
    stand(7, 4)
    page.mouse.move(*middles[0])
    page.mouse.wheel(0, 100)
    stand(8, 5)


def test_a_volume_that_comes_late_goes_beside_the_one_that_is_being_read(
    visits: Visits, volumes: tuple[str, str]
) -> None:
    page = visits.page("physician")
    held: list[Route] = []
    page.route(re.compile(rf"{volumes[1]}/frames\.zip"), lambda route: held.append(route))
    page.goto(f"{visits.url}/compare?left={volumes[0]}&right={volumes[1]}")
    left, right = (page.locator("oct-stack").nth(n).locator("[data-position]") for n in (0, 1))
    expect(left).to_have_text("13/25")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    held[0].continue_()
    expect(right).to_have_text("2/25")
    expect(left).to_have_text("2/25")


def test_a_volume_and_a_photograph_can_be_compared(visits: Visits, reader: tuple[Person, str, str, str]) -> None:
    page = opened(visits, f"/compare?left={reader[2]}&right={reader[3]}")
    expect(page.locator("[data-position]")).to_have_text("13/25")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-position]")).to_have_text("12/25")
    page.keyboard.press("b")
    expect(page.locator("oct-stack canvas")).to_be_visible()
    expect(page.locator("scan-view").first).to_be_hidden()


def test_a_pair_blinks_only_when_asked_and_stops(visits: Visits, reader: tuple[Person, str, str, str]) -> None:
    page = opened(visits, f"/compare?left={reader[1]}&right={reader[2]}")
    desk = page.locator("[data-desk]")
    expect(desk).not_to_have_class(re.compile("blinking"))
    page.keyboard.press("b")
    expect(desk).to_have_class(re.compile("blinking second"))
    expect(page.locator("scan-view").first).to_be_hidden()
    page.keyboard.press("b")
    expect(desk).not_to_have_class(re.compile("blinking"))
    expect(page.locator("scan-view").first).to_be_visible()


def test_three_pairs_of_points_align_two_pictures_and_say_how_well(
    visits: Visits, reader: tuple[Person, str, str, str]
) -> None:
    page = opened(visits, f"/compare?left={reader[1]}&right={reader[2]}")
    state = page.locator("[data-alignment]")
    expect(state).to_contain_text("Not aligned")
    page.keyboard.press("a")
    panes = [page.locator("scan-view").nth(n).bounding_box() for n in (0, 1)]
    for x, y in ((100, 150), (300, 160), (200, 300)):
        for pane in panes:
            assert pane is not None
            page.mouse.click(pane["x"] + x, pane["y"] + y)
    expect(state).to_contain_text(re.compile(r"Aligned by 3 points .* scaled 1\.\d\d.*residual \d+\.\d pixels"))
    page.get_by_role("button", name="Undo the alignment").click()
    expect(state).to_contain_text("Not aligned")


def test_a_review_goes_on_and_everybody_reads_who_said_it(visits: Visits, clinic: Clinic) -> None:
    person = clinic.patient("Signed, Sam")
    [upload] = clinic.send(person, {"sam.jpg": files.jpeg()})
    [scan] = clinic.technician.get(f"/uploads/{upload}")["scans"]
    page = opened(visits, f"/scans/{scan}")
    page.keyboard.press("n")
    page.keyboard.type("No change since 2025.")
    page.get_by_role("button", name="Reviewed, next").click()
    page.wait_for_url(re.compile(rf"/(?:scans/(?!{scan})|worklist)"))
    other = visits.page("technician", f"/scans/{scan}")
    expect(other.get_by_text("No change since 2025.")).to_be_visible()
    expect(other.get_by_text(re.compile(r"by Demo physician, \d+ \w+ 20\d\d, \d\d:\d\d"))).to_be_visible()


def test_months_come_when_they_are_asked_for(visits: Visits, reader: tuple[Person, str, str, str]) -> None:
    page = visits.page("physician", f"/gallery?patient={reader[0].id}")
    page.get_by_text("Months", exact=True).click()
    expect(page.get_by_role("link", name=re.compile(r"\w{3} 20\d\d \d+"))).to_have_count(1)
