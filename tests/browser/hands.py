"""What a technician does at the upload page, by keyboard and mouse."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.clinic import Person


class Hands:
    """What a person does on a page, counted: a name typed, a key or mouse button pressed, files picked."""

    def __init__(self, page: Page) -> None:
        self.page, self.actions = page, 0

    def type(self, text: str) -> None:
        self.actions += 1
        self.page.keyboard.type(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.actions += 1
            self.page.keyboard.press(key)

    def click(self, place: Locator, *, shift: bool = False) -> None:
        self.actions += 1
        place.click(modifiers=["Shift"] if shift else None)

    def pick_after(self, key_or_place: str | Locator, paths: list[Path]) -> None:
        """Open the file dialog by a key or a click, then pick files in it: two actions."""
        with self.page.expect_file_chooser() as opened:
            self.press(key_or_place) if isinstance(key_or_place, str) else self.click(key_or_place)
        self.actions += 1
        opened.value.set_files(paths)


def found(page: Page) -> Locator:
    """The list of patients that a search has found."""
    return page.get_by_role("listbox", name="Patients found")


def choose(page: Page, person: Person) -> None:
    """Choose the patient by record number."""
    page.get_by_role("combobox", name="record number").fill(person.mrn)
    found(page).get_by_role("option", name=person.name).click()
    expect(page.get_by_role("region", name="Chosen patient")).to_contain_text(person.name)


def add(page: Page, paths: list[Path]) -> None:
    """Pick files in the dialog."""
    with page.expect_file_chooser() as opened:
        page.get_by_role("button", name=re.compile("Choose files|Add more files")).click()
    opened.value.set_files(paths)


def send(page: Page, person: Person, paths: list[Path]) -> Locator:
    """Send files as pictures of the right eye; gives the card of the batch."""
    choose(page, person)
    add(page, paths)
    page.get_by_role("list", name="Files to send").press("ControlOrMeta+a")
    page.keyboard.press("1")
    page.get_by_role("button", name="Send").click()
    return page.get_by_role("region", name="Sent from this page")


def line(sent: Locator, name: str) -> Locator:
    """What stands there of one file that is sent."""
    return sent.get_by_role("listitem").filter(has_text=name)
