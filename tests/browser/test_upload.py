"""A technician sends files: what is done, what is read on the screen, and where the bytes go."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Dialog, Page, Route, expect

from broker.words import Rejection
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.hands import Hands, add, choose, found, line, send
from tests.browser.visits import CHECKED, Visits
from tests.browser.wire import Traffic

BEING_CHECKED = "Sent, being checked. Keep your file."
STORED = "Stored and checked: identical to your file. You may clear it from the camera."


def store(clinic: Clinic) -> str:
    return urlsplit(clinic.azurite.url).netloc


def assert_nobody_is_chosen(page: Page, person: Person) -> None:
    expect(page.get_by_role("heading", name="Next patient")).to_be_visible()
    expect(page.get_by_role("region", name="Chosen patient")).to_be_hidden()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    expect(page.get_by_role("combobox", name="record number")).to_have_value("")
    expect(found(page)).to_have_count(0)
    expect(page.get_by_role("combobox", name="record number")).to_be_focused()


def test_six_pictures_of_both_eyes_take_ten_actions_by_keyboard_and_reach_the_physician(
    clinic: Clinic, visits: Visits, page: Page, person: Person, tmp_path: Path
) -> None:
    paths = files.save(tmp_path, *(files.jpeg() for _ in range(6)))
    traffic, hands = Traffic(page), Hands(page)
    with clinic.worker_held():
        hands.type(person.name)
        expect(found(page).get_by_role("option", selected=True)).to_contain_text(person.mrn)
        hands.press("Enter")
        chosen = page.get_by_role("region", name="Chosen patient")
        for words in (person.name, person.born, person.mrn):
            expect(chosen).to_contain_text(words)
        hands.pick_after("Enter", paths)
        expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(6)
        hands.press("Shift+ArrowDown", "Shift+ArrowDown", "1")
        expect(page.get_by_text("3 files still need their eye")).to_be_visible()
        hands.press("2", "Control+Enter")
        assert hands.actions <= 10

        sent = page.get_by_role("region", name="Sent from this page")
        expect(sent.get_by_text(BEING_CHECKED)).to_have_count(6)
        for words in (person.name, person.born, person.mrn, "6 of 6 files sent"):
            expect(sent).to_contain_text(words)
        expect(sent.get_by_text("OD · right")).to_have_count(3)
        expect(sent.get_by_text("OS · left")).to_have_count(3)
        assert_nobody_is_chosen(page, person)
    expect(sent.get_by_text(STORED)).to_have_count(6, timeout=CHECKED)
    expect(sent).to_contain_text("Yes: all 6 files are stored and checked. You may clear them from the camera.")
    assert traffic.count("PUT") == {store(clinic): 6}

    scans = visits.page("physician", f"/gallery?patient={person.id}").get_by_role("list", name="Scans")
    expect(scans.get_by_role("link", name=person.name)).to_have_count(6)
    expect(scans.get_by_role("img", name="right eye")).to_have_count(3)
    expect(scans.get_by_role("img", name="left eye")).to_have_count(3)
    assert scans.get_by_role("img", name="eye").evaluate_all(
        "images => Promise.all(images.map(image => image.decode())).then(() => images.every(one => one.naturalWidth))"
    )


def test_six_pictures_of_both_eyes_take_ten_actions_by_mouse(page: Page, person: Person, tmp_path: Path) -> None:
    paths = files.save(tmp_path, *(files.jpeg() for _ in range(6)))
    hands = Hands(page)
    hands.type(person.mrn)
    hands.click(found(page).get_by_role("option", name=person.name))
    hands.pick_after(page.get_by_role("button", name="Choose files"), paths)
    eyes = page.get_by_role("toolbar").get_by_role("group", name="Eye")
    hands.click(page.get_by_text("fundus-3.jpg"), shift=True)
    hands.click(eyes.get_by_role("button", name="OD"))
    hands.click(eyes.get_by_role("button", name="OS"))
    hands.click(page.get_by_role("button", name="Send 6 files"))
    assert hands.actions <= 10
    sent = page.get_by_role("region", name="Sent from this page")
    expect(sent.get_by_text(STORED)).to_have_count(6, timeout=CHECKED)
    assert_nobody_is_chosen(page, person)


def test_nothing_is_sent_before_each_file_has_its_eye(page: Page, person: Person, tmp_path: Path) -> None:
    traffic = Traffic(page)
    choose(page, person)
    add(page, files.save(tmp_path, files.jpeg(), files.jpeg()))
    expect(page.get_by_text("2 files still need their eye")).to_be_visible()
    page.get_by_role("button", name="Send").press("Enter")
    expect(page.get_by_text("Each file needs its eye first.")).to_be_attached()
    page.get_by_role("group", name="Eye of fundus-1.jpg").get_by_role("button", name="OS").click()
    expect(page.get_by_text("1 file still needs its eye")).to_be_visible()
    assert not traffic.count("PUT")


def test_a_damaged_picture_ends_with_a_plain_reason(page: Page, person: Person, tmp_path: Path) -> None:
    sent = send(page, person, files.save(tmp_path, files.cut_jpeg(), files.jpeg()))
    cut, good = (line(sent, f"fundus-{number}.jpg") for number in (1, 2))
    expect(cut).to_contain_text(
        "Not stored: the file is cut short. Export it again. Your file is still with you.", timeout=CHECKED
    )
    expect(good).to_contain_text(STORED, timeout=CHECKED)
    expect(sent).to_contain_text("No: 1 file was not stored. Keep it: see below.")


def test_what_the_first_bytes_tell_is_refused_before_a_byte_in_the_worker_s_words(
    page: Page, person: Person, tmp_path: Path
) -> None:
    cases = {
        "text.jpg": (files.text(), Rejection.TYPE),
        "header.jpg": (files.jpeg()[:100], Rejection.TRUNCATED),
        "picture.png": (files.jpeg(), Rejection.MISMATCH),
        "nothing.jpg": (b"", Rejection.EMPTY),
    }
    for name, (content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
    choose(page, person)
    traffic = Traffic(page)
    add(page, [tmp_path / name for name in cases])
    refused = page.get_by_role("alert").get_by_role("listitem")
    for name, (_, code) in cases.items():
        expect(refused.filter(has_text=name)).to_have_text(f"{name}: {code.sentence}")
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    assert not traffic.count("PUT")
    assert not traffic.count("POST")


def test_a_program_is_refused_before_a_byte(page: Page, person: Person, tmp_path: Path) -> None:
    choose(page, person)
    traffic = Traffic(page)
    (program,) = files.save(tmp_path, files.text(), ending="exe")
    add(page, [program])
    expect(page.get_by_role("alert").filter(has_text=Rejection.TYPE.sentence)).to_contain_text("fundus-1.exe")
    expect(page.get_by_role("button", name="Send")).to_be_hidden()
    assert traffic.requests == []


def test_a_large_volume_goes_by_blocks_straight_to_the_store(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    traffic = Traffic(page)
    (path,) = files.save(tmp_path, files.volume(PatientID=person.mrn, PatientBirthDate="19570321"), ending="dcm")
    sent = send(page, person, [path])
    expect(line(sent, "fundus-1.dcm")).to_contain_text(STORED, timeout=CHECKED)
    blocks = -(-path.stat().st_size // (8 << 20))
    puts = [one for one in traffic.requests if one.method == "PUT"]
    assert traffic.count("PUT") == {store(clinic): blocks}
    assert all("comp=block&blockid=" in one.url for one in puts)
    assert all(len(one.post_data or "") < 10_000 for one in traffic.requests if one.method == "POST")


def test_a_duplicate_is_safe_without_a_byte_and_sent_only_if_somebody_insists(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    (path,) = files.save(tmp_path, files.jpeg())
    clinic.send(person, {"before.jpg": path.read_bytes()})
    traffic = Traffic(page)
    sent = send(page, person, [path])
    expect(line(sent, path.name)).to_contain_text(
        "Already stored and checked, identical to your file. You may clear it from the camera."
    )
    answer = "Yes: the file is stored and checked. You may clear it from the camera."
    expect(sent.locator(".answer")).to_have_text(answer)
    assert not traffic.count("PUT")
    line(sent, path.name).get_by_role("button", name="Send anyway").click()
    expect(line(sent, path.name)).to_contain_text(STORED, timeout=CHECKED)
    assert traffic.count("PUT") == {store(clinic): 1}


def test_a_picture_of_somebody_else_is_asked_about_and_may_be_sent_anyway(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    (path,) = files.save(tmp_path, files.jpeg())
    clinic.send(clinic.patient("Else, Somebody"), {"before.jpg": path.read_bytes()})
    traffic = Traffic(page)
    sent = send(page, person, [path])
    expect(line(sent, path.name)).to_contain_text("already stored for another patient. Is this the right patient?")
    assert not traffic.count("PUT")
    line(sent, path.name).get_by_role("button", name="Send anyway").click()
    expect(line(sent, path.name)).to_contain_text(STORED, timeout=CHECKED)
    assert traffic.count("PUT") == {store(clinic): 1}


def test_leaving_is_questioned_while_bytes_move_and_free_afterwards(
    clinic: Clinic, page: Page, person: Person, tmp_path: Path
) -> None:
    held: list[Route] = []
    page.route(f"{clinic.azurite.url}/intake/**", lambda route: held.append(route))
    with page.expect_request(lambda request: request.method == "PUT"):
        sent = send(page, person, files.save(tmp_path, files.jpeg()))
    questions: list[str] = []

    def stay(dialog: Dialog) -> None:
        questions.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Gallery").click()
    expect(sent).to_be_visible()
    for route in held:
        route.continue_()
    expect(sent.get_by_text(STORED)).to_be_visible(timeout=CHECKED)
    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    assert questions == ["beforeunload"]


def test_a_new_patient_is_made_in_place_and_chosen(page: Page, clinic: Clinic) -> None:
    page.get_by_text("New patient").click()
    page.get_by_label("Name", exact=True).fill("Novak, Zora")
    page.get_by_role("textbox", name="Birth date", exact=True).fill("1988-02-29")
    page.get_by_label("Record number (MRN)").fill("000-NEW-1")
    page.get_by_role("button", name="Create").click()
    chosen = page.get_by_role("region", name="Chosen patient")
    for words in ("Novak, Zora", "29 Feb 1988", "000-NEW-1"):
        expect(chosen).to_contain_text(words)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    assert clinic.technician.get("/patients?q=000-NEW-1")["patients"][0]["name"] == "Novak, Zora"
