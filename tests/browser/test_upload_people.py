"""What people do while files are on their way: sign out, open a second tab, drop a huge folder, write to a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from broker.catalog import leases
from tests.browser import files
from tests.browser.clinic import Person
from tests.browser.far import BLOCK, IN_FLIGHT, LONG, MIB, FarClinic, drop, large, send_large, wait_for_bytes
from tests.browser.hands import choose, line, send
from tests.browser.visits import Visits

NODES = 3_000
STORED = "Stored and checked: identical to your file."
#: What a browser keeps of uploads: the names of its databases, and everything in them.
_KEPT = """async () => {
    const known = (await indexedDB.databases()).map(({ name }) => name).filter((name) => name.startsWith("uploads-"));
    const found = [];
    for (const name of known) {
        const database = await new Promise((resolve, reject) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        const rows = database.objectStoreNames.length ? await new Promise((resolve) => {
            const all = database.transaction("batches").objectStore("batches").getAll();
            all.onsuccess = () => resolve(all.result);
        }) : [];
        database.close();
        found.push(...rows.map((row) => ({
            keys: Object.keys(row).sort(),
            handles: row.handles.map(({ kind, name }) => ({ kind, name })),
        })));
    }
    return { databases: known.length, rows: found };
}"""
_COUNT_SIGNS = """() => {
    window.signs = new Set();
    const place = document.querySelector("[data-reading]");
    new MutationObserver(() => window.signs.add(place.textContent)).observe(place, { childList: true });
}"""


@pytest.fixture
def page(far_visits: Visits) -> Page:
    return far_visits.page("technician")


@pytest.fixture
def person(far: FarClinic, request: pytest.FixtureRequest) -> Person:
    return far.patient_of(request.node.name)


def test_a_file_that_changes_while_it_is_sent_is_stopped_and_never_stored(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    far.line.rate = 20 * MIB
    begun = far.line.bytes
    path = large(tmp_path / "volume.fda", 64 * MIB)
    sent = send_large(page, person, path)
    wait_for_bytes(far, page, begun + 2 * BLOCK)
    with path.open("ab") as out:
        out.write(b"and more")
    expect(line(sent, "volume.fda")).to_contain_text("The device is still writing this file", timeout=LONG)
    expect(line(sent, "volume.fda").get_by_role("button", name="Try again")).to_be_visible()
    assert far.technician.get(f"/scans?patient={person.id}")["scans"] == []


def test_a_folder_of_five_thousand_is_listed_in_groups_while_the_page_answers(
    page: Page, person: Person, tmp_path: Path
) -> None:
    for number in range(5_001):
        below = tmp_path / "day" / f"visit{number % 4}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"img{number:04}_{'OD' if number % 2 else 'OS'}.fda").write_bytes(b"FOCTFDA%d" % number)
    choose(page, person)
    page.evaluate(_COUNT_SIGNS)
    drop(page, tmp_path / "day")
    expect(page.get_by_text("5000 files without a patient stay here")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Only the first 5000 files were taken.")).to_be_visible()
    # It said how far it was many times: in between it answers keys and clicks.
    assert page.evaluate("() => window.signs.size") > 100
    assert page.locator("section.group").count() == 4
    assert page.evaluate("() => document.querySelectorAll('*').length") < NODES
    # Four folders may be four patients: each is confirmed by itself.
    for _ in range(4):
        page.get_by_role("button", name=f"They are {person.name}'s").first.click()
    expect(page.get_by_text("5000 files still need their eye")).to_be_visible()
    for _ in range(4):
        page.get_by_role("button", name="Confirm what the names suggest").first.click()
    expect(page.get_by_role("button", name="Send 5000 files")).to_have_attribute("aria-disabled", "false")


def test_what_a_browser_keeps_is_handles_without_a_word_about_anybody_and_sign_out_purges_it_after_a_question(
    far: FarClinic, far_visits: Visits, person: Person, tmp_path: Path
) -> None:
    page = far_visits.page(path="/sign-in")  # a session of its own, because it is ended
    page.get_by_role("button", name="Technician").click()
    place = tmp_path / "card"
    place.mkdir()
    large(place / "volume.fda", 64 * MIB)
    far.line.rate = 8 * MIB
    begun = far.line.bytes
    choose(page, person)
    drop(page, place)
    page.get_by_role("list", name="Files to send").get_by_role("listitem").wait_for()
    page.keyboard.press("1")
    page.get_by_role("button", name="Send 1 file").click()
    wait_for_bytes(far, page, begun + BLOCK)
    kept: dict[str, Any] = page.evaluate(_KEPT)
    assert kept["rows"] == [{"keys": ["at", "batch", "handles"], "handles": [{"kind": "directory", "name": "card"}]}]

    answers: Iterator[bool] = iter((False, True))
    questions: list[str] = []

    def answer(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept() if next(answers) else dialog.dismiss()

    page.on("dialog", answer)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("region", name="Sent from this page")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Technician")).to_be_visible()
    assert len(questions) == 2
    assert all("Files are still being sent." in question for question in questions)
    assert page.evaluate(_KEPT)["databases"] == 0


def test_two_tabs_do_not_send_the_same_files(far: FarClinic, page: Page, person: Person, tmp_path: Path) -> None:
    far.line.rate = 24 * MIB
    begun, size = far.line.bytes, 64 * MIB
    sent = send_large(page, person, large(tmp_path / "volume.fda", size))
    wait_for_bytes(far, page, begun + BLOCK)
    other = page.context.new_page()
    with other.expect_response(re.compile("state=pending")):
        other.goto(f"{far.url}/upload")
    other.locator("upload-panel[data-ready]").wait_for()
    expect(other.get_by_role("region", name="Not finished").get_by_text(person.mrn)).to_have_count(0)
    expect(line(sent, "volume.fda")).to_contain_text(STORED, timeout=LONG)
    assert far.line.bytes - begun <= size + IN_FLIGHT * BLOCK


def test_checking_that_has_stopped_is_said_with_the_time_and_that_files_are_safe(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    page.clock.install()
    page.reload()
    with far.worker_held():
        sent = send(page, person, files.save(tmp_path, files.jpeg()))
        expect(sent.get_by_text("Sent, being checked.")).to_be_visible()
        with far.parts.catalog.write() as tx:
            leases.mark(tx, "worker", datetime.now(UTC) - timedelta(minutes=9))
        page.clock.fast_forward(16_000)
        notice = page.get_by_text(re.compile(r"Checking has stopped since \d\d:\d\d\. Your files are safe\."))
        expect(notice).to_be_visible()
    expect(sent.get_by_text(STORED)).to_be_visible(timeout=LONG)
