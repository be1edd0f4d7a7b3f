"""Many files and large ones over a bad line: nothing is lost, nothing is sent twice that need not be.

``FULL=1``: in the sizes of a working day.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import files
from tests.browser.clinic import Person
from tests.browser.conftest import failed
from tests.browser.far import BLOCK, FULL, IN_FLIGHT, LONG, MIB, FarClinic, drop, large, send_large, wait_for_bytes
from tests.browser.hands import choose, line, send
from tests.browser.visits import CHECKED, Visits

STORED = "Stored and checked: identical to your file."


@pytest.fixture
def page(far_visits: Visits) -> Page:
    return far_visits.page("technician")


@pytest.fixture
def person(far: FarClinic, request: pytest.FixtureRequest) -> Person:
    return far.patient_of(request.node.name)


def folder(place: Path, count: int) -> Path:
    """A folder as cameras make them: nested, two eyes, and what systems leave lying about."""
    for number in range(count):
        below = place / ("right" if number % 2 else "left") / f"s{number % 3}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"img{number}.jpg").write_bytes(files.jpeg(64, 48))
    (place / ".DS_Store").write_bytes(b"x")
    (place / "left" / "._img0.jpg").write_bytes(b"x")
    return place


def test_a_whole_folder_goes_by_one_drop_and_a_confirmation(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    count = 500 if FULL else 130
    choose(page, person)
    minted: list[str] = []
    page.on("request", lambda one: minted.append(one.url) if re.search(r"/uploads(/grants)?$", one.url) else None)
    drop(page, folder(tmp_path / "day", count))
    expect(page.get_by_text(f"{count} files still need their eye")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("2 files of the system were left out.")).to_be_visible()
    # Folders that are called after eyes are one patient's: one confirmation is enough.
    confirm = page.get_by_role("button", name="Confirm what the names suggest")
    for eye in ("OD", "OS"):
        expect(confirm).to_contain_text(f"{count // 2} {eye}")
    confirm.click()
    expect(page.get_by_text("need their eye")).to_have_count(0)
    with far.worker_held():
        page.get_by_role("button", name=f"Send {count} files").click()
        sent = page.get_by_role("region", name="Sent from this page")
        expect(sent.locator(".batch")).to_contain_text(f"{count} of {count} files sent", timeout=LONG)
        assert len(minted) <= -(-count // 100)
        sent.get_by_role("button", name="Show the files").click()
        expect(sent.get_by_role("listitem")).to_have_count(60)
        expect(line(sent, "img0.jpg").get_by_text("OS · left")).to_be_visible()
    expect(sent.get_by_text(f"All {count} files are stored and checked.")).to_be_visible(timeout=LONG)


def test_a_browser_that_is_killed_goes_on_where_it_was_and_refuses_another_file(
    far: FarClinic, far_visits: Visits, person: Person, tmp_path: Path
) -> None:
    size = (2048 if FULL else 96) * MIB
    path = large(tmp_path / "volume.fda", size)
    far.line.rate = (400 if FULL else 60) * MIB
    before = far.line.bytes
    first = far_visits.page("technician")
    send_large(first, person, path)
    wait_for_bytes(far, first, before + int(size * 0.6))
    first.context.close()
    far.line.rate = 0
    arrived = far.line.bytes

    # Another computer: nothing is known there but who somebody is.
    page = far_visits.page("technician")
    open_ = page.get_by_role("region", name="Not finished").get_by_role("listitem").filter(has_text=person.name)
    for words in (person.mrn, person.born, "volume.fda"):
        expect(open_).to_contain_text(words)
    other = tmp_path / "other"
    other.mkdir()
    with page.expect_file_chooser() as opened:
        open_.get_by_role("button", name="Choose the same files again").click()
    opened.value.set_files(large(other / "volume.fda", size))
    sent = page.get_by_role("region", name="Sent from this page")
    expect(line(sent, "volume.fda")).to_contain_text("This is another file", timeout=LONG)
    assert far.line.bytes <= arrived + IN_FLIGHT * BLOCK
    arrived = far.line.bytes

    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    with page.expect_file_chooser() as opened:
        open_.get_by_role("button", name="Choose the same files again").click()
    opened.value.set_files(path)
    expect(line(sent, "volume.fda")).to_contain_text(re.compile("being checked|Stored"), timeout=LONG)
    assert far.line.bytes - before <= size + IN_FLIGHT * BLOCK
    expect(line(sent, "volume.fda")).to_contain_text(STORED, timeout=LONG)


def test_refusals_cuts_and_darkness_end_with_equal_digests(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    far.line.faults = 0.1
    pictures = files.save(tmp_path, *(files.jpeg() for _ in range(40 if FULL else 16)))
    volume = large(tmp_path / "volume.fda", (512 if FULL else 64) * MIB)
    faulted, begun = far.line.faulted, far.line.bytes
    far.line.rate = 40 * MIB
    sent = send(page, person, [*pictures, volume])
    wait_for_bytes(far, page, begun + 16 * MIB)
    far.line.dark_until = time.monotonic() + (30 if FULL else 3)
    expect(sent.get_by_text("files are stored and checked. You may clear them")).to_be_visible(timeout=LONG)
    assert far.line.faulted > faulted


def test_without_network_it_waits_and_goes_on_by_itself(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    size = 96 * MIB
    far.line.rate = 60 * MIB
    begun = far.line.bytes
    sent = send_large(page, person, large(tmp_path / "volume.fda", size))
    wait_for_bytes(far, page, begun + int(size * 0.4))
    page.context.set_offline(True)
    expect(sent.get_by_text("no network: it goes on by itself")).to_be_visible()
    page.context.set_offline(False)
    expect(line(sent, "volume.fda")).to_contain_text(STORED, timeout=LONG)
    assert far.line.bytes - begun <= size + IN_FLIGHT * BLOCK


def test_a_pause_frees_the_line_and_costs_what_was_in_flight(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    far.line.rate = 60 * MIB
    begun, size = far.line.bytes, 96 * MIB
    sent = send_large(page, person, large(tmp_path / "volume.fda", size))
    wait_for_bytes(far, page, begun + BLOCK)
    sent.get_by_role("button", name="Pause").click()
    expect(sent.get_by_text("paused")).to_be_visible()
    # What lies in the buffers of the line still arrives.
    still = -1
    while still != far.line.bytes:
        still = far.line.bytes
        page.wait_for_timeout(1000)
    assert still - begun < size
    sent.get_by_role("button", name="Go on").click()
    expect(line(sent, "volume.fda")).to_contain_text(STORED, timeout=LONG)
    assert far.line.bytes - begun <= size + IN_FLIGHT * BLOCK


def test_one_bit_that_turned_on_the_way_is_caught_and_the_file_sent_again_by_itself(
    far: FarClinic, page: Page, person: Person, tmp_path: Path
) -> None:
    far.line.flip = 1
    sent = send(page, person, files.save(tmp_path, files.jpeg(), files.jpeg()))
    expect(sent.get_by_text("All 2 files are stored and checked.")).to_be_visible(timeout=CHECKED)
    assert far.line.flip == 0


def test_grants_of_five_seconds_carry_a_large_file_and_many_small_ones(
    chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with FarClinic(tmp_path / "short", short_grants=True) as short:
        visits = Visits(chromium, short.url, {}, tmp_path)
        visits.allow(r"Failed to load resource|net::ERR_")
        short.line.rate = 6 * MIB
        person = short.patient("Short, Uma")
        pictures = files.save(tmp_path, *(files.jpeg() for _ in range(20)))
        volume = large(tmp_path / "volume.fda", (256 if FULL else 48) * MIB)
        sent = send(visits.page("technician"), person, [volume, *pictures])
        expect(sent.get_by_text("All 21 files are stored and checked.")).to_be_visible(timeout=LONG)
        visits.end(failed=failed(request))
