"""What is declared is what a person did, and no act overrules a file silently."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from broker.ids import new_id
from broker.words import Eye, Kind, Review, Role
from tests import dicoms, people
from tests.browser import files
from tests.browser.clinic import NOON, Clinic, Person
from tests.browser.hands import add, choose
from tests.browser.visits import Visits

WIDTHS = (1360, 820, 390)


def picture(person: Person, **changes: Any) -> bytes:
    """A DICOM picture of the right eye, taken on 12 Mar 2026 at 10:32."""
    tags = {"PatientID": person.mrn, "PatientBirthDate": "19570321", "AcquisitionDateTime": "20260312103200"}
    return dicoms.grey(dicoms.bscans(1, 64, 64)[0], **tags | {"PatientName": ""} | changes)


def save(folder: Path, **contents: bytes) -> list[Path]:
    paths = [folder / name.replace("_dot_", ".") for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return paths


def eye(page: Page, name: str, value: str) -> Locator:
    return page.get_by_role("group", name=f"Eye of {name}").get_by_role("button", name=value)


def send(page: Page, count: int) -> dict[str, dict[str, Any]]:
    """Send, and give what was declared, by file name."""
    with page.expect_request(re.compile(r"/api/v1/uploads$")) as declared:
        page.get_by_role("button", name=f"Send {count} file").click()
    body: Any = declared.value.post_data_json
    return {one["filename"]: one for one in body["files"]}


def test_what_the_file_says_is_shown_with_its_source_and_not_declared(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person), b_dot_jpg=files.jpeg()))
    rows = page.get_by_role("list", name="Files to send")
    expect(rows.get_by_text("from the file: OD, 12 Mar 2026 10:32")).to_be_visible()
    expect(rows.get_by_text("no time in the file")).to_be_visible()
    expect(eye(page, "a.dcm", "OD")).to_have_attribute("aria-pressed", "false")
    expect(eye(page, "a.dcm", "OD")).to_have_class("hinted")
    expect(page.get_by_text("1 file still needs its eye")).to_be_visible()
    eye(page, "b.jpg", "OS").click()
    declared = send(page, 2)
    assert not {"eye", "kind", "captured_at"} & declared["a.dcm"].keys()
    assert declared["b.jpg"]["eye"] == "OS"
    assert not {"kind", "captured_at"} & declared["b.jpg"].keys()


def test_the_eye_that_the_file_says_is_declared_once_a_person_confirms_it(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person)))
    eye(page, "a.dcm", "OD").click()
    expect(eye(page, "a.dcm", "OD")).to_have_attribute("aria-pressed", "true")
    assert send(page, 1)["a.dcm"]["eye"] == "OD"


def test_a_file_that_contradicts_itself_waits_for_an_eye_from_a_person(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person, ImageLaterality="R", Laterality="L")))
    expect(page.get_by_text("the file names the right and the left eye: say which it is")).to_be_visible()
    expect(page.get_by_text("1 file still needs its eye")).to_be_visible()
    eye(page, "a.dcm", "OS").click()
    assert send(page, 1)["a.dcm"]["eye"] == "OS"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bulk_act_asks_before_it_overrules_files_and_can_keep_what_they_say(
    visits: Visits, clinic: Clinic, person: Person, tmp_path: Path, width: int
) -> None:
    page = visits.page("technician", viewport={"width": width, "height": 860})
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person), b_dot_jpg=files.jpeg(), c_dot_jpg=files.jpeg()))
    page.locator(".file .tick").first.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("2")
    asked = page.get_by_role("group", name="What the files say")
    expect(asked).to_contain_text("1 of 3 files says OD.")
    expect(asked.get_by_role("button", name="Give OS to all 3")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "true")
    asked.get_by_role("button", name="Cancel").click()
    expect(page.locator(".file [aria-pressed=true]")).to_have_count(0)
    page.keyboard.press("2")
    asked.get_by_role("button", name="Keep what the files say: OS to the other 2").click()
    expect(asked).to_be_hidden()
    declared = send(page, 3)
    assert [declared[name].get("eye") for name in ("a.dcm", "b.jpg", "c.jpg")] == [None, "OS", "OS"]


def test_one_row_is_asked_about_too_and_may_be_given_all_the_same(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person)))
    eye(page, "a.dcm", "OS").click()
    asked = page.get_by_role("group", name="What the files say")
    expect(asked).to_contain_text("The file says OD.")
    asked.get_by_role("button", name="Keep what the file says").click()
    expect(eye(page, "a.dcm", "OD")).to_have_class("hinted")
    eye(page, "a.dcm", "OS").click()
    asked.get_by_role("button", name="Give OS all the same").click()
    expect(eye(page, "a.dcm", "OS")).to_have_attribute("aria-pressed", "true")
    assert send(page, 1)["a.dcm"]["eye"] == "OS"


def test_a_kind_that_the_file_contradicts_is_asked_about(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    path = tmp_path / "a.dcm"
    path.write_bytes(files.volume(1 << 16, PatientID=person.mrn, PatientBirthDate="19570321"))
    add(page, [path, *save(tmp_path, b_dot_jpg=files.jpeg())])
    page.locator(".file .tick").first.focus()
    page.keyboard.press("Control+a")
    page.get_by_label("Kind of the selected files").select_option("slit_lamp")
    asked = page.get_by_role("group", name="What the files say")
    expect(asked).to_contain_text("1 of 2 files says OCT.")
    asked.get_by_role("button", name="Keep what the files say: Slit lamp to the other 1").click()
    page.keyboard.press("Control+a")
    eye(page, "b.jpg", "OD").click()
    declared = send(page, 2)
    assert ("kind" in declared["a.dcm"], declared["b.jpg"]["kind"]) == (False, "slit_lamp")


def test_the_kind_of_last_time_is_offered_and_declared_only_by_a_press(
    page: Page, person: Person, tmp_path: Path
) -> None:
    for press in (True, False, True):
        choose(page, person)
        add(page, save(tmp_path, a_dot_jpg=files.jpeg(), b_dot_jpg=files.jpeg()))
        page.locator(".file .tick").first.focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("1")
        offered = page.get_by_role("button", name="As last time: Red-free for 2 files")
        if press and offered.is_visible():
            offered.click()
        elif press:
            page.get_by_label("Kind of the selected files").select_option("red_free")
        else:
            expect(offered).to_be_visible()
        assert {one.get("kind") for one in send(page, 2).values()} == {"red_free" if press else None}


def test_a_time_is_set_for_a_row_the_selection_and_a_group_and_cleared_to_the_file_s(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person), b_dot_jpg=files.jpeg(), c_OS_dot_jpg=files.jpeg()))
    field = page.locator("[data-time-edit] input")

    def set_time(text: str) -> None:
        field.fill(text)
        page.get_by_role("button", name="Set", exact=True).click()

    page.get_by_role("button", name="Time of b.jpg").click()
    for text, why in (
        ("1849-12-31T10:00", "cannot have been taken before 1850"),
        ("1957-03-20T10:00", "before the patient was born"),
        ("2126-03-20T10:00", "in the future"),
    ):
        set_time(text)
        expect(page.get_by_role("alert").filter(has_text=why)).to_be_visible()
    set_time("2026-03-12T11:00")
    expect(page.get_by_text("taken 12 Mar 2026 11:00, as you said")).to_have_count(1)
    page.locator(".group-acts").get_by_role("button", name="Time").click()
    set_time("2026-03-12T11:30")
    asked = page.get_by_role("group", name="What the files say")
    expect(asked).to_contain_text("1 of 3 files says 12 Mar 2026 10:32.")
    asked.get_by_role("button", name="Give 12 Mar 2026 11:30 to all 3").click()
    expect(page.get_by_text("taken 12 Mar 2026 11:30, as you said")).to_have_count(3)
    page.locator(".file .name b").first.click()
    page.get_by_role("toolbar").get_by_role("button", name="Time").click()
    page.get_by_role("button", name="As the file says").click()
    page.get_by_role("button", name="Confirm what the names suggest").click()
    eye(page, "b.jpg", "OD").click()
    declared = send(page, 3)
    times = [declared[name].get("captured_at") for name in ("a.dcm", "b.jpg", "c_OS.jpg")]
    assert times == [None, "2026-03-12T11:30", "2026-03-12T11:30"]


def test_a_time_before_the_birth_of_who_is_chosen_later_is_not_sent(page: Page, person: Person, tmp_path: Path) -> None:
    add(page, save(tmp_path, a_dot_jpg=files.jpeg()))
    page.get_by_role("button", name="Time of a.jpg").click()
    page.locator("[data-time-edit] input").fill("1950-01-01T10:00")
    page.get_by_role("button", name="Set", exact=True).click()
    choose(page, person)
    eye(page, "a.jpg", "OD").click()
    expect(page.get_by_text("1 file with a time before the patient's birth")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "true")


def test_a_name_that_turns_its_letters_round_is_shown_and_declared_without_that(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    path = tmp_path / "OD\u202egpj.jpg"
    path.write_bytes(files.jpeg())
    add(page, [path])
    expect(page.locator(".file bdi")).to_have_text("ODgpj.jpg")
    eye(page, "ODgpj.jpg", "OD").click()
    assert list(send(page, 1)) == ["ODgpj.jpg"]


@pytest.mark.parametrize("width", WIDTHS)
def test_send_again_brings_patient_eye_kind_and_reason_and_asks_where_a_file_says_otherwise(
    visits: Visits, clinic: Clinic, person: Person, tmp_path: Path, width: int
) -> None:
    scan = clinic.put(person, eye=Eye.OS, kind=Kind.COLOR_FUNDUS)
    doctor = people.actor(Role.PHYSICIAN, name="Dr Pia")
    wanted = {"status": Review.REPEAT, "note": "Lids in the way."}
    clinic.parts.records.review(doctor, new_id(NOON), {scan.id: 0}, unopened=True, **wanted, now=NOON)  # type: ignore[arg-type]
    page = visits.page("technician", f"/upload?repeat={scan.id}", viewport={"width": width, "height": 860})
    banner = page.get_by_role("region", name="Wanted once more")
    for words in (person.name, person.born, person.mrn, "OS · left · Colour fundus", "Lids in the way.", "Dr Pia"):
        expect(banner).to_contain_text(words)
    expect(page.get_by_role("region", name="Chosen patient")).to_contain_text(person.mrn)
    expect(page).to_have_url(f"{visits.url}/upload")
    add(page, save(tmp_path, a_dot_dcm=picture(person), b_dot_jpg=files.jpeg()))
    asked = page.get_by_role("group", name="What the files say")
    expect(asked).to_contain_text("1 of 2 files says OD.")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    asked.get_by_role("button", name="Keep what the files say: OS to the other 1").click()
    declared = send(page, 2)
    assert [declared[name].get("eye") for name in ("a.dcm", "b.jpg")] == [None, "OS"]
    assert {one["kind"] for one in declared.values()} == {"color_fundus"}
    expect(banner).to_be_hidden()


def test_a_time_that_nobody_changes_in_the_editor_is_confirmed_with_the_offset_of_the_file(
    page: Page, person: Person, tmp_path: Path
) -> None:
    choose(page, person)
    add(page, save(tmp_path, a_dot_dcm=picture(person, AcquisitionDateTime="20260310233000-0330")))
    page.get_by_role("button", name="Time of a.dcm").click()
    expect(page.locator("[data-time-edit] input")).not_to_have_value("2026-03-10T23:30")
    page.get_by_role("button", name="Set", exact=True).click()
    assert send(page, 1)["a.dcm"]["captured_at"] == "2026-03-10T23:30:00-03:30"
