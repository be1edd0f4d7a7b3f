"""A folder of several patients: each group waits for a person's word, and what paths say guards as headers do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests import dicoms
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.far import drop
from tests.browser.hands import add, choose, found
from tests.browser.visits import Visits

WIDTHS = (1360, 820, 390)


@pytest.fixture(params=WIDTHS)
def sized(visits: Visits, request: pytest.FixtureRequest) -> Page:
    """The page at the width of a desk, a tablet and a phone."""
    return visits.page("technician", viewport={"width": request.param, "height": 860})


def picture(person: Person, **changes: Any) -> bytes:
    tags = {"PatientID": person.mrn, "PatientBirthDate": "19570321", "PatientName": person.name.replace(", ", "^")}
    return dicoms.grey(dicoms.bscans(1, 64, 64)[0], **tags | changes)


def tree(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def group(page: Page, text: str) -> Locator:
    return page.locator("section.group").filter(has=page.get_by_role("heading", name=text))


def fits(page: Page) -> bool:
    """Whether nothing lies beyond the right edge of the screen."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


def test_all_as_suggested_covers_only_groups_whose_number_fits_and_nothing_contradicts(
    clinic: Clinic, sized: Page, tmp_path: Path
) -> None:
    width = sized.evaluate("() => innerWidth")
    one, two, three = (clinic.patient(f"{name}, Vera{width}") for name in ("Number", "Birthday", "Onlyname"))
    place = tree(
        tmp_path / "day",
        {
            "x/1.dcm": picture(one),
            f"{two.mrn} folder/1.jpg": files.jpeg(),
            "y/1.dcm": picture(two, PatientBirthDate="19570322"),
            "z/1.dcm": picture(three, PatientID=None, PatientBirthDate=None),
            "nobody/1.jpg": files.jpeg(),
        },
    )
    drop(sized, place)
    expect(sized.locator("section.group")).to_have_count(5)
    expect(sized.get_by_role("button", name="Send 0 files")).to_have_attribute("aria-disabled", "true")
    assert fits(sized)
    sized.get_by_role("button", name="All as suggested: 2 groups").click()
    expect(sized.get_by_role("button", name="All as suggested")).to_be_hidden()
    expect(sized.get_by_role("button", name="Send 2 files")).to_be_visible()
    expect(group(sized, one.mrn).get_by_text(f"For{one.name}")).to_be_visible()
    expect(group(sized, f"{two.mrn} folder").get_by_text(f"For{two.name}")).to_be_visible()
    # The rest is confirmed one by one.
    only_name = group(sized, f"The files say: {three.name}")
    expect(only_name.get_by_text("Only the name fits.")).to_be_visible()
    only_name.get_by_role("button", name=f"They are {three.name}'s").click()
    expect(sized.get_by_role("button", name="Send 3 files")).to_be_visible()
    expect(group(sized, "nobody").get_by_text("They name nobody who is known here.")).to_be_visible()
    assert fits(sized)


def test_nothing_of_several_groups_is_armed_by_the_patient_of_the_page(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    drop(page, tree(tmp_path / "day", {"ada/1.jpg": files.jpeg(), "bob/1.jpg": files.jpeg()}))
    expect(page.get_by_role("button", name="Send 0 files")).to_have_attribute("aria-disabled", "true")
    group(page, "ada").get_by_role("button", name=f"They are {person.name}'s").click()
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()


def test_a_group_s_patient_is_found_by_its_own_search(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    drop(page, tree(tmp_path / "day", {"ada/1.jpg": files.jpeg(), "bob/1.jpg": files.jpeg()}))
    find = page.get_by_role("textbox", name="Find the patient of day / ada")
    find.fill(person.mrn)
    expect(
        group(page, "ada").get_by_role("button", name=f"They are {person.name}'s, 21 Mar 1957, MRN {person.mrn}")
    ).to_be_visible()
    find.press("Enter")
    expect(group(page, "ada").get_by_text(f"For{person.name}")).to_be_visible()
    group(page, "ada").get_by_role("button", name="Change").click()
    expect(find).to_be_focused()
    expect(page.get_by_role("button", name="Send 0 files")).to_be_visible()


def test_eye_folders_and_days_of_one_patient_are_one_group(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    place = {f"visit/{eye}/{day}/1.jpg": files.jpeg() for eye in ("OD", "OS") for day in ("2026-03-12", "20260313")}
    drop(page, tree(tmp_path / "card", place))
    expect(page.locator("section.group")).to_have_count(1)
    page.get_by_role("button", name="Confirm what the names suggest: 2 OD, 2 OS").click()
    expect(page.get_by_role("button", name="Send 4 files")).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize("by", ["number", "name"])
def test_a_path_that_names_another_known_patient_stops_like_a_header(
    clinic: Clinic, sized: Page, person: Person, tmp_path: Path, by: str
) -> None:
    other = clinic.patient(f"Pathname{by}, Petra{sized.evaluate('() => innerWidth')}")
    name = f"{other.mrn}_OD.jpg" if by == "number" else f"{other.name.replace(', ', '_')}_OD.jpg"
    choose(sized, person)
    tree(tmp_path, {name: files.jpeg()})
    add(sized, [tmp_path / name])
    guard = sized.get_by_text(
        f"These files name another {'record number' if by == 'number' else 'name'} in the path than"
    )
    expect(guard).to_be_visible()
    assert fits(sized)
    sized.get_by_role("button", name="Send").press("Enter")
    expect(sized.get_by_text("Some files name another patient. Say whose they are first.")).to_be_attached()
    insist = sized.get_by_role("button", name=f"They are {person.name}'s all the same")
    insist.scroll_into_view_if_needed()
    expect(insist).to_be_in_viewport(ratio=1)
    sized.get_by_role("button", name=f"They are {other.name}'s").click()
    expect(guard).to_be_hidden()
    sized.get_by_role("group", name=f"Eye of {name}").get_by_role("button", name="OD").click()
    sized.get_by_role("button", name="Send 1 file").click()
    expect(sized.get_by_role("region", name="Sent from this page")).to_contain_text(other.mrn)


def test_files_of_one_folder_that_name_two_patients_part(clinic: Clinic, page: Page, tmp_path: Path) -> None:
    one, two = clinic.patient("Flat, Fiona"), clinic.patient("Flat, Greta")
    contents = {f"{who.mrn}_{number}.jpg": files.jpeg() for who in (one, two) for number in (1, 2)}
    drop(page, tree(tmp_path / "flat", contents | {"lone.jpg": files.jpeg()}))
    expect(page.locator("section.group")).to_have_count(3)
    page.get_by_role("button", name="All as suggested: 2 groups").click()
    expect(page.get_by_role("button", name="Send 4 files")).to_be_visible()


def test_a_path_that_names_the_chosen_patient_is_no_question(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    name = f"{person.mrn}_OD.jpg"
    tree(tmp_path, {name: files.jpeg()})
    with page.expect_response("**/patients/named"):
        add(page, [tmp_path / name])
    page.get_by_role("button", name="Confirm what the names suggest: 1 OD").click()
    expect(page.get_by_role("button", name="Send 1 file")).to_have_attribute("aria-disabled", "false")


def test_changing_the_patient_keeps_files_eyes_and_words(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    other = clinic.patient("Changed, Carla")
    choose(page, person)
    add(page, files.save(tmp_path, files.jpeg(), files.jpeg()))
    page.get_by_role("group", name="Eye of fundus-1.jpg").get_by_role("button", name="OS").click()
    page.get_by_label("Note for the physician").fill("Blur since Tuesday.")
    page.get_by_label("Urgent").check()
    page.get_by_role("button", name="Other patient").click()
    expect(page.get_by_role("combobox", name="record number")).to_be_focused()
    choose(page, other)
    expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(2)
    eye = page.get_by_role("group", name="Eye of fundus-1.jpg").get_by_role("button", name="OS")
    expect(eye).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Note for the physician")).to_have_value("Blur since Tuesday.")
    expect(page.get_by_label("Urgent")).to_be_checked()


def pictures(folder: Path, *names: str) -> list[Path]:
    tree(folder, {name: files.jpeg() for name in names})
    return [folder / name for name in names]


def test_files_stay_with_the_chosen_patient_only_while_he_or_she_is_chosen(
    clinic: Clinic, page: Page, tmp_path: Path
) -> None:
    one, two = clinic.patient("Adopt, Aline"), clinic.patient("Otherwise, Bodo")
    choose(page, one)
    for name in ("a1.jpg", "a2.jpg"):
        add(page, pictures(tmp_path, name))
        expect(page.get_by_text(name)).to_be_visible()
    page.get_by_role("button", name="Other patient").click()
    expect(page.get_by_role("button", name="Send 0 files")).to_have_attribute("aria-disabled", "true")
    choose(page, two)
    expect(page.get_by_text(f"For{one.name}")).to_be_hidden()
    page.get_by_role("list", name="Files to send").press("ControlOrMeta+a")
    page.keyboard.press("1")
    with page.expect_request(re.compile(r"/api/v1/uploads$")) as declared:
        page.get_by_role("button", name="Send 2 files").click()
    body: Any = declared.value.post_data_json
    assert body["patient"] == two.id


def test_a_second_group_leaves_the_first_one_to_the_chosen_patient_until_another_is_chosen(
    clinic: Clinic, page: Page, tmp_path: Path
) -> None:
    one, two = clinic.patient("Adoptive, Berta"), clinic.patient("Elsewhere, Carlo")
    choose(page, one)
    add(page, pictures(tmp_path, "a1.jpg"))
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()
    drop(page, tree(tmp_path / "day", {"other/1.jpg": files.jpeg()}))
    expect(group(page, "Files").get_by_text(f"For{one.name}")).to_be_visible()
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()
    page.get_by_role("button", name="Other patient").click()
    choose(page, two)
    expect(page.get_by_role("button", name="Send 0 files")).to_be_visible()
    expect(group(page, "Files").get_by_text(f"For{one.name}")).to_be_hidden()


def test_no_file_joins_unseen_a_group_that_was_insisted_on(clinic: Clinic, page: Page, tmp_path: Path) -> None:
    one, two, three = (clinic.patient(name) for name in ("Insist, Anne", "Insisted, Ben", "Silent, Clara"))
    choose(page, one)
    add(page, pictures(tmp_path, f"{two.mrn}_1.jpg"))
    insist = page.get_by_role("button", name=f"They are {one.name}'s all the same")
    page.get_by_role("combobox", name="Reason").select_option(index=1)
    insist.click()
    expect(page.get_by_text(f"For{one.name}")).to_be_visible()
    add(page, pictures(tmp_path, f"{three.mrn}_2.jpg"))
    expect(page.locator("section.group")).to_have_count(2)
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()
    expect(page.get_by_role("button", name=f"They are {three.name}'s")).to_be_visible()


def test_no_file_joins_unseen_a_group_that_was_confirmed_for_somebody_not_chosen(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    drop(page, tree(tmp_path / "day", {"ada/1.jpg": files.jpeg(), "bob/1.jpg": files.jpeg()}))
    page.get_by_role("textbox", name="Find the patient of day / ada").fill(person.mrn)
    page.get_by_role("button", name=f"They are {person.name}'s").click()
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()
    tree(tmp_path / "day", {"ada/2.jpg": files.jpeg()})
    drop(page, tmp_path / "day")
    expect(group(page, "day / ada (2)")).to_be_visible()
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()


def two_patients(clinic: Clinic, page: Page, folder: Path) -> tuple[Person, Person]:
    """Put a picture of each of two patients on the list, confirmed for them, with its eye."""
    one, two = clinic.patient("Several, Sara"), clinic.patient("Several, Tina")
    drop(page, tree(folder, {f"{who.mrn}/1.dcm": picture(who, ImageLaterality="R") for who in (one, two)}))
    page.get_by_role("button", name="All as suggested: 2 groups").click()
    expect(page.get_by_role("button", name="Send 2 files")).to_have_attribute("aria-disabled", "false")
    return one, two


def test_a_note_for_several_patients_is_confirmed_for_all_of_them(clinic: Clinic, page: Page, tmp_path: Path) -> None:
    two_patients(clinic, page, tmp_path / "day")
    page.get_by_label("Note for the physician").fill("Compare with March.")
    button = page.get_by_role("button", name="Send 2 files")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.press("Enter")
    expect(page.get_by_text("or send for one patient at a time.")).to_be_attached()
    page.get_by_label("The note for all 2 patients").check()
    expect(button).to_have_attribute("aria-disabled", "false")
    # Other words are another thing to say.
    page.get_by_label("Urgent", exact=True).check()
    expect(button).to_have_attribute("aria-disabled", "true")
    page.get_by_label("The note and urgent for all 2 patients").check()
    button.click()
    expect(page.get_by_role("region", name="Sent from this page")).to_contain_text("Several, Tina")


def test_several_patients_without_a_note_need_no_further_word(clinic: Clinic, page: Page, tmp_path: Path) -> None:
    two_patients(clinic, page, tmp_path / "day")
    expect(page.get_by_label("for all 2 patients")).to_be_hidden()
    page.get_by_role("button", name="Send 2 files").click()
    expect(page.get_by_role("region", name="Sent from this page")).to_contain_text("Several, Sara")


def test_a_note_loses_what_cannot_be_seen_before_it_is_sent(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    add(page, pictures(tmp_path, "n1.jpg"))
    page.get_by_role("group", name="Eye of n1.jpg").get_by_role("button", name="OD").click()
    note = page.get_by_label("Note for the physician")
    note.fill("seen at \u200e12/03/2026")
    expect(note).to_have_value("seen at 12/03/2026")
    expect(page.get_by_text("Characters that cannot be seen were taken out of the note.")).to_be_visible()
    with page.expect_response(re.compile(r"/api/v1/uploads$")) as declared:
        page.get_by_role("button", name="Send 1 file").click()
    assert declared.value.ok
    body: Any = declared.value.request.post_data_json
    assert body["note"] == "seen at 12/03/2026"
    expect(page.get_by_text("Characters that cannot be seen")).to_be_hidden()


def test_names_that_were_not_compared_are_counted_until_they_are(
    visits: Visits, page: Page, person: Person, tmp_path: Path
) -> None:
    visits.allow(r"Failed to load resource|net::ERR_")
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.post_data or "")
        route.abort() if "first" in asked[-1] and len(asked) < 3 else route.continue_()

    page.route("**/patients/named", answer)
    choose(page, person)
    add(page, pictures(tmp_path, "first_Meyer.jpg"))
    notice = page.get_by_text("were not compared with patients' names and numbers")
    expect(notice).to_contain_text("The names of 1 file were")
    # Asked once more together with the second one, and not answered again; the third question is.
    add(page, pictures(tmp_path, "second_Roth.jpg"))
    expect(notice).to_contain_text("The names of 2 files were")
    add(page, pictures(tmp_path, "third_Kern.jpg"))
    expect(notice).to_be_hidden()


def test_more_names_than_can_be_asked_about_are_counted(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    # Twenty words each: two of them fill a question, and no more than eighty are asked.
    names = ["_".join(f"w{number}x{word}" for word in range(20)) + ".jpg" for number in range(200)]
    content = files.jpeg(64, 48)
    drop(page, tree(tmp_path / "flat", dict.fromkeys(names, content)))
    told = page.get_by_text("were not compared with patients' names and numbers")
    expect(told).to_be_visible(timeout=60_000)


def test_a_slow_answer_about_names_stops_sending_once_and_is_said(page: Page, person: Person, tmp_path: Path) -> None:
    page.route("**/patients/named", lambda _route: None)
    page.clock.install()
    choose(page, person)
    add(page, pictures(tmp_path, "slow_Meyer.jpg"))
    page.get_by_role("group", name="Eye of slow_Meyer.jpg").get_by_role("button", name="OD").click()
    send = page.get_by_role("button", name="Send 1 file")
    send.click()
    page.clock.run_for(11_000)
    expect(page.get_by_text("The names of 1 file were not compared")).to_be_visible()
    expect(page.get_by_role("region", name="Sent from this page")).to_be_hidden()
    send.click()
    page.clock.run_for(11_000)
    expect(page.get_by_role("region", name="Sent from this page")).to_contain_text(person.mrn)


def test_files_that_are_still_read_are_not_sent_unseen(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    add(page, save_right(tmp_path / "one", person))
    expect(page.get_by_role("button", name="Send 1 file")).to_have_attribute("aria-disabled", "false")
    page.evaluate(_SLOW_HEADS)
    add(page, save_right(tmp_path / "two", person))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".go").get_by_text("Something has changed just now.")).to_be_visible()
    expect(page.get_by_role("button", name="Send 2 files")).to_be_visible()
    expect(page.get_by_role("region", name="Sent from this page")).to_be_hidden()


def test_no_file_is_listed_whose_header_could_not_be_read_for_want_of_a_script(
    visits: Visits, page: Page, tmp_path: Path
) -> None:
    visits.allow(r"Failed to load resource|net::ERR_")
    page.route(re.compile(r"/static/.*\.js$"), lambda route: route.abort())
    add(page, pictures(tmp_path, "unread.jpg"))
    expect(page.get_by_text("no file was read and none was added. Reload the page")).to_be_visible()
    expect(page.locator("section.group")).to_have_count(0)


def save_right(folder: Path, person: Person) -> list[Path]:
    """A picture of the right eye that says whose it is."""
    name = f"{folder.name}.dcm"
    tree(folder, {name: picture(person, ImageLaterality="R")})
    return [folder / name]


#: Files are read as slowly as from a full card.
_SLOW_HEADS = """() => {
    const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = function () {
        return new Promise((resolve) => setTimeout(resolve, 1500)).then(() => read.call(this));
    };
}"""


def test_a_new_patient_is_prefilled_from_the_header_and_is_that_group_s(
    clinic: Clinic, page: Page, tmp_path: Path
) -> None:
    stranger = Person("", "Stranger, Stella", "", "HEADER-4711")
    drop(page, tree(tmp_path / "day", {"s/1.dcm": picture(stranger), "t/1.jpg": files.jpeg()}))
    group(page, stranger.mrn).get_by_role("button", name="New patient").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value(stranger.name)
    expect(page.get_by_role("textbox", name="Birth date", exact=True)).to_have_value("1957-03-21")
    expect(page.get_by_label("Record number (MRN)")).to_have_value(stranger.mrn)
    page.get_by_role("button", name="Create").click()
    expect(group(page, stranger.mrn).get_by_text(f"For{stranger.name}")).to_be_visible()
    expect(page.get_by_role("region", name="Chosen patient")).to_be_hidden()
    expect(page.get_by_role("button", name="Send 1 file")).to_be_visible()


def test_a_namesake_carries_a_chip_in_search_card_group_and_recent(clinic: Clinic, page: Page, tmp_path: Path) -> None:
    one, _two = clinic.patient("Namesake, Nadja"), clinic.patient("Namesake, Nadja")
    words = "Same surname and birth date as another patient"
    page.get_by_role("combobox", name="record number").fill("Namesake")
    expect(page.get_by_role("option").filter(has_text=words)).to_have_count(2)
    page.get_by_role("combobox", name="record number").fill(one.mrn)
    expect(found(page).get_by_role("option")).to_have_count(1)
    choose(page, one)
    expect(page.get_by_role("region", name="Chosen patient")).to_contain_text(words)
    drop(page, tree(tmp_path / "day", {"a/1.dcm": picture(one), "b/1.jpg": files.jpeg()}))
    expect(group(page, one.mrn).get_by_role("button", name=f"They are {one.name}'s")).to_contain_text(words)
    group(page, one.mrn).get_by_role("button", name=f"They are {one.name}'s").click()
    expect(group(page, one.mrn)).to_contain_text(words)
    page.get_by_role("button", name="Send 1 file").click()
    expect(page.get_by_role("group", name="Recent patients").get_by_role("button", name=one.mrn)).to_contain_text(words)


def test_folders_are_listed_as_people_count(page: Page, tmp_path: Path) -> None:
    names = ("OD_10", "OD_2", "OD_0", "OD_1")
    drop(page, tree(tmp_path / "day", {f"{name}.jpg": files.jpeg() for name in names}))
    rows = page.locator(".file .name bdi")
    expect(rows).to_have_text(["OD_0.jpg", "OD_1.jpg", "OD_2.jpg", "OD_10.jpg"])
    # What is added later takes its place among the others.
    tree(tmp_path, {"day/OD_3.jpg": files.jpeg()})
    drop(page, tmp_path / "day")
    expect(rows).to_have_text(["OD_0.jpg", "OD_1.jpg", "OD_2.jpg", "OD_3.jpg", "OD_10.jpg"])
