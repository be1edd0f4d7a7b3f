"""Every page of the service, in the states that people meet, one after the other, to look at each with some measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.words import Eye, Kind, Review, Role
from tests import people
from tests.browser import files
from tests.browser.clinic import NOON, Clinic, Person
from tests.browser.hands import add
from tests.browser.visits import CHECKED, Visits
from tests.unit.pages import shelf


@dataclass(frozen=True, slots=True)
class Exhibits:
    """What the pages of a tour show."""

    person: Person
    urgent: Scan
    bare: Scan
    later: Scan
    other: Person
    wanted: Scan
    stored: bytes


def exhibits(clinic: Clinic) -> Exhibits:
    """Put in what a tour needs: a name that is long, something urgent, something without a picture."""
    person = clinic.patient("Featherstonehaugh-Wolfeschlegelsteinhausen, Maximiliana Alexandrina")
    stored = files.jpeg()
    clinic.send(person, {"a-rather-long-name-that-the-camera-gave-to-this-picture_0001.jpg": stored})
    claimed = {**shelf.facts()["declared"], "eye": "OD", "captured_at": "2026-11-20T09:00:00+00:00"}
    found = {**claimed, "eye": "OS", "patient": {"name": "Somebody^Else", "birth_date": "1960-01-01", "id": "99"}}
    attention = ["eye", "patient"]
    facts = shelf.facts(note="Sudden blur since Tuesday, worse in the morning.", declared=claimed, detected=found)
    urgent = clinic.put(person, urgent=True, attention=attention, facts=facts | {"renditions": {}})
    bare = clinic.put(
        person,
        eye=Eye.UNKNOWN,
        kind=Kind.DOCUMENT,
        facts=shelf.facts(renditions={}, no_preview="This kind of file is stored without a preview."),
    )
    clinic.fill(person, 3)
    # Of this eye and kind the only earlier one is to be checked: the page then offers it in many words.
    before = NOON - timedelta(days=60)
    clinic.put(person, kind=Kind.ULTRASOUND, attention=["eye"], captured_at=before, visit_day=f"{before:%Y-%m-%d}")
    later = clinic.put(person, kind=Kind.ULTRASOUND)
    again = clinic.put(person, kind=Kind.SLIT_LAMP)
    note = "Lids in the way, and the lashes. Once more, please, with the patient's chin well up."
    doctor = people.actor(Role.PHYSICIAN)
    external = clinic.put(person, kind=Kind.EXTERNAL)
    asked = people.NOW + timedelta(hours=1)  # after both were sent
    for scan in (again, external):
        clinic.parts.records.review(
            doctor, new_id(NOON), {scan.id: 0}, status=Review.REPEAT, note=note, now=asked, unopened=True
        )
    later_on = asked + timedelta(hours=1)
    facts = shelf.facts(sent_at=later_on.isoformat())
    clinic.put(person, kind=Kind.EXTERNAL, captured_at=later_on, visit_day=f"{later_on:%Y-%m-%d}", facts=facts)
    other = clinic.patient("Tour, Toni")
    moved = clinic.fill(other, 2)[0]
    clinic.parts.records.correct(
        doctor,
        new_id(NOON),
        [moved.id],
        changes={"patient": person.id},
        reason="The device had another patient.",
        now=NOON,
    )
    return Exhibits(person, urgent, bare, later, other, again, stored)


def strangers(visits: Visits, shown: Exhibits, folder: Path, **options: Any) -> Iterator[tuple[str, Page]]:
    """What one sees before signing in."""
    del shown, folder
    page = visits.page(path="/sign-in", **options)
    yield "sign-in", page
    page.goto(f"{visits.url}/problems/upload-expired")
    yield "problem", page


def technician(visits: Visits, shown: Exhibits, folder: Path, **options: Any) -> Iterator[tuple[str, Page]]:
    """The upload page from its beginning to its end."""
    page = visits.page("technician", "/upload", **options)
    yield "upload", page
    page.get_by_text("New patient").click()
    yield "upload, a new patient", page
    page.get_by_text("New patient").click()
    page.get_by_role("combobox", name="record number").fill(shown.person.mrn)
    option = page.get_by_role("option", name=shown.person.name)
    expect(option).to_be_visible()
    yield "upload, patients found", page
    option.click()
    yield "upload, a patient chosen", page
    add(page, files.save(folder, files.jpeg(), files.cut_jpeg(), shown.stored) + files.save(folder, b"1", ending="exe"))
    page.get_by_role("group", name="Eye of fundus-1.jpg").get_by_role("button", name="OD").click()
    expect(page.locator("canvas").first).to_be_visible()
    yield "upload, files", page
    page.get_by_role("list", name="Files to send").press("ControlOrMeta+a")
    page.keyboard.press("1")
    page.get_by_role("button", name="Send").click()
    sent = page.get_by_role("region", name="Sent from this page")
    for words in ("Stored and checked", "Not stored", "Already stored"):
        expect(sent.get_by_text(words).first).to_be_visible(timeout=CHECKED)
    yield "upload, sent", page
    receipt = sent.get_by_role("link", name="Receipt").get_attribute("href")
    page.goto(f"{visits.url}/upload/today")
    expect(page.get_by_text("Lids in the way").first).to_be_visible()
    yield "today", page
    page.goto(f"{visits.url}{receipt}")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    yield "receipt", page
    page.goto(f"{visits.url}/upload?repeat={shown.wanted.id}")
    expect(page.get_by_role("region", name="Wanted once more")).to_be_visible()
    add(page, files.of_patient(folder, shown.person.mrn))
    expect(page.get_by_role("group", name="What the files say")).to_be_visible()
    yield "upload, a file says another eye", page
    page.get_by_role("button", name="Keep what the file says").click()
    add(page, files.of_patient(folder, "NOBODY-1"))
    expect(page.locator("section.group")).to_have_count(2)
    page.locator("[data-time]").first.click()
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("Give the day and the time.")).to_be_visible()
    yield "upload, groups and a time that cannot be", page


def physician(visits: Visits, shown: Exhibits, folder: Path, **options: Any) -> Iterator[tuple[str, Page]]:
    """The gallery and its scans."""
    del folder
    page = visits.page("physician", "/gallery", **options)
    yield "gallery", page
    page.get_by_role("searchbox").fill("Featherstone")
    expect(page.get_by_role("link", name=f"MRN {shown.person.mrn}")).to_be_visible()
    yield "gallery, patients found", page
    page.goto(f"{visits.url}/gallery?patient={shown.person.id}&eye=OD")
    yield "gallery of a patient", page
    page.get_by_role("button", name="Select", exact=True).click()  # without a mouse nothing else shows the boxes
    page.get_by_role("checkbox", name="Select").first.check()
    page.get_by_role("button", name="Kind", exact=True).click()
    yield "gallery, a scan selected", page
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Move to another patient").click()
    page.get_by_role("combobox", name="To whom?").fill(shown.other.mrn)
    expect(page.get_by_role("option", name=shown.other.name)).to_be_visible()
    yield "move, patients found", page
    page.get_by_role("option").first.click()
    yield "move", page
    page.goto(f"{visits.url}/gallery?kind=ultrasound&to=1990-01-01")
    yield "gallery, nothing fits", page
    for name, scan in (("urgent", shown.urgent), ("without a picture", shown.bare), ("to compare", shown.later)):
        page.goto(f"{visits.url}/scans/{scan.id}")
        yield f"scan, {name}", page
    page.goto(f"{visits.url}/gallery?patient={shown.person.id}&eye=OS")
    page.get_by_role("list", name="Scans").get_by_role("link").first.click()
    expect(page.get_by_role("button", name="Download the original")).to_be_visible()
    page.get_by_text("Fingerprint").click()
    page.get_by_text("Correct, move or withdraw").click()
    page.get_by_text("Turn, move").click()
    yield "scan", page
    page.get_by_text("Turn, move").click()
    page.get_by_role("button", name="Keys").click()
    yield "scan, list of keys", page
    page.keyboard.press("Escape")
    same = page.url.rpartition("/")[2]
    page.goto(f"{visits.url}/compare?left={same}&right={same}")
    expect(page.locator("scan-view[data-ready]")).to_have_count(2)
    yield "pair", page
    page.goto(f"{visits.url}/worklist")
    yield "worklist", page
    page.goto(f"{visits.url}/patients/{shown.person.id}")
    for details in page.locator("details > summary").all():
        details.click()
    expect(page.get_by_text("Nothing twice of this eye").or_(page.locator(".strip")).first).to_be_visible()
    yield "patient", page
    page.goto(f"{visits.url}/patients/{shown.person.id}/visits/2026-11-20")
    yield "report", page


def others(visits: Visits, shown: Exhibits, folder: Path, **options: Any) -> Iterator[tuple[str, Page]]:
    """What an administrator sees, and what is not there."""
    del folder
    visits.expect_complaint("status of 404")
    visits.expect_complaint("status of 403")
    page = visits.page("admin", **options)
    yield "administration", page
    for place in ("sessions", "tokens", "files", "audit", "health"):
        page.goto(f"{visits.url}/admin/{place}")
        yield place, page
    page.goto(f"{visits.url}/account")
    yield "account", page
    page.goto(f"{visits.url}/scans/{shown.bare.id}")
    yield "not allowed", page
    page.goto(f"{visits.url}/nothing-here")
    yield "not found", page


TOURS = (strangers, technician, physician, others)
