"""Whose files these are: nothing is sent for a patient whom the files do not name, or whom nobody chose."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Locator, Page, Route, expect

from tests import dicoms
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.far import drop
from tests.browser.hands import add, choose, found, send
from tests.browser.visits import CHECKED, Visits


def picture(person: Person, **changes: str) -> bytes:
    """A DICOM picture of the right eye whose header names this patient."""
    tags: dict[str, Any] = {"PatientID": person.mrn, "PatientBirthDate": "19570321", "PatientName": "Header^Says"}
    return dicoms.grey(dicoms.bscans(1, 64, 64)[0], **tags | changes)


def save(folder: Path, **contents: bytes) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}.dcm").write_bytes(content)
    return [folder / f"{name}.dcm" for name in contents]


def group(page: Page, text: str) -> Locator:
    return page.locator("section.group").filter(has_text=text)


def test_files_that_name_another_patient_wait_for_a_word_and_go_to_the_right_one(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    other = clinic.patient("Otherwise, Olga")
    choose(page, person)
    add(page, save(tmp_path / "d", one=picture(other)))
    expect(page.get_by_text("These files name another record number than")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Some files name another patient. Say whose they are first.")).to_be_attached()
    page.get_by_role("button", name=f"They are {other.name}'s").click()
    page.get_by_role("button", name="Send 1 file").click()
    sent = page.get_by_role("region", name="Sent from this page")
    expect(sent).to_contain_text(other.mrn)
    expect(sent).not_to_contain_text(person.mrn)


def test_sent_all_the_same_carries_the_reason(clinic: Clinic, page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    add(page, save(tmp_path / "d", one=picture(person, PatientID="SOMEBODY-ELSE")))
    insist = page.get_by_role("button", name=f"They are {person.name}'s all the same")
    insist.click()
    expect(page.get_by_role("button", name="Send 1 file")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("combobox", name="Reason").select_option("The device had the wrong patient")
    insist.click()
    with page.expect_request(re.compile(r"/uploads$")) as declared:
        page.get_by_role("button", name="Send 1 file").click()
    body: Any = declared.value.post_data_json
    assert body["patient"] == person.id
    assert body["note"] == "The file names another patient. Sent all the same: The device had the wrong patient."
    # The header says the right eye itself; nobody on this page said it.
    assert "eye" not in body["files"][0]


def test_a_folder_of_several_patients_becomes_groups_each_matched_by_a_click(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    other = clinic.patient("Second, Sara")
    place = tmp_path / "day"
    save(place, a=picture(person), b=picture(person, ImageLaterality="L"), c=picture(other, PatientName="Header^Says"))
    drop(page, place)
    expect(page.get_by_role("heading", name="Unassigned files")).to_be_visible()
    expect(page.get_by_role("button", name="Send 0 files")).to_have_attribute("aria-disabled", "true")
    group(page, person.mrn).get_by_role("button", name=f"They are {person.name}'s").click()
    expect(page.get_by_text("1 file without a patient stays here")).to_be_visible()
    group(page, other.mrn).get_by_role("button", name=f"They are {other.name}'s").click()
    page.get_by_role("button", name="Send 3 files").click()
    sent = page.get_by_role("region", name="Sent from this page")
    expect(sent.get_by_text(person.mrn)).to_be_visible()
    expect(sent.get_by_text(other.mrn)).to_be_visible()


def test_a_barcode_and_enter_choose_and_ten_minutes_without_a_sign_forget(
    page: Page, person: Person, tmp_path: Path
) -> None:
    page.clock.install()
    page.reload()
    page.get_by_role("combobox", name="record number").press_sequentially(person.mrn)
    page.keyboard.press("Enter")
    page.clock.run_for(1_000)
    chosen = page.get_by_role("region", name="Chosen patient")
    expect(chosen).to_contain_text(person.name)
    add(page, files.save(tmp_path, files.jpeg()))
    expect(page.get_by_text("fundus-1.jpg")).to_be_visible()
    page.clock.run_for(601_000)
    expect(chosen).to_be_hidden()
    expect(page.get_by_role("heading", name="Unassigned files")).to_be_visible()
    expect(page.get_by_text("fundus-1.jpg")).to_be_visible()
    expect(found(page)).to_have_count(0)


def test_an_answer_that_comes_after_somebody_was_chosen_leaves_nobody_in_the_list(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    other = clinic.patient("Late, Lara")
    send(page, person, files.save(tmp_path, files.jpeg()))
    held: list[Route] = []
    page.route("**/patients/search", lambda route: held.append(route))
    search = page.get_by_role("combobox", name="record number")
    with page.expect_request("**/patients/search") as asked:
        search.fill(other.mrn)
    page.get_by_role("group", name="Recent patients").get_by_role("button", name=person.name).click()
    expect(page.get_by_role("region", name="Chosen patient")).to_contain_text(person.mrn)
    page.get_by_role("button", name="Other patient").click()
    expect(search).to_be_focused()
    for route in held:
        route.continue_()
    with contextlib.suppress(Error):  # nobody waits for it any more
        asked.value.response()
    page.wait_for_load_state("networkidle")
    expect(found(page)).to_have_count(0)
    expect(search).to_have_attribute("aria-expanded", "false")


def test_a_link_chooses_its_patient_once_and_a_reload_chooses_nobody(visits: Visits, person: Person) -> None:
    page = visits.page("technician", f"/upload?patient={person.id}")
    chosen = page.get_by_role("region", name="Chosen patient")
    for words in (person.name, person.born, person.mrn):
        expect(chosen).to_contain_text(words)
    expect(page).to_have_url(f"{visits.url}/upload")
    page.reload()
    expect(page.get_by_role("combobox", name="record number")).to_be_visible()
    expect(chosen).to_be_hidden()


def test_who_was_sent_for_is_a_click_away_and_today_and_the_receipt_tell_what_became_of_it(
    visits: Visits, page: Page, person: Person, tmp_path: Path
) -> None:
    sent = send(page, person, files.save(tmp_path, files.jpeg(), files.cut_jpeg()))
    expect(sent.get_by_text("No: 1 file was not stored. Keep it")).to_be_visible(timeout=CHECKED)
    page.get_by_role("group", name="Recent patients").get_by_role("button", name=person.name).click()
    expect(page.get_by_role("region", name="Chosen patient")).to_contain_text(person.mrn)
    with page.expect_popup() as opened:
        sent.get_by_role("link", name="Receipt").click()
    receipt = opened.value
    expect(receipt.get_by_text("1 of 2 files stored and checked")).to_be_visible()
    expect(receipt.get_by_role("cell", name=re.compile("sha256:[0-9a-f]{64}"))).to_have_count(2)
    receipt.goto(f"{visits.url}/upload/today")
    expect(receipt.get_by_text("cut short").first).to_be_visible()
