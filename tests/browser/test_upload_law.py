"""A law: what the page declares is a subset of what somebody clicked or typed there, in whatever order."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import dicoms
from tests.browser import files
from tests.browser.clinic import Clinic, Person
from tests.browser.hands import add, choose
from tests.browser.visits import Visits

ACTS = 40
KEYS = {"1": "OD", "2": "OS", "3": "OU", "0": "unknown"}
KINDS = ("red_free", "oct", "slit_lamp")
TIMES = ("2026-03-12T11:30", "2025-07-01T08:05")


@dataclass
class Ledger:
    """Notes for each file what a person gave it by an act that was about that very file."""

    said: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def note(self, names: list[str], what: str, value: str) -> None:
        for name in names:
            self.said.setdefault(name, {}).setdefault(what, set()).add(value)

    def covers(self, name: str, what: str, value: str) -> bool:
        return value in self.said.get(name, {}).get(what, set())


class Driver:
    """Somebody who does anything at all on the page. ``names`` are the files' names, in the order of the list."""

    def __init__(self, page: Page, chance: random.Random) -> None:
        self.page, self.chance, self.ledger = page, chance, Ledger()

    @property
    def names(self) -> list[str]:
        return self.page.locator(".file .name bdi").all_inner_texts()

    @property
    def selected(self) -> list[str]:
        return self.page.locator(".file.on .name bdi").all_inner_texts()

    def act(self) -> None:
        """Do one thing, and answer what is asked about it."""
        self.chance.choice(
            [
                *(self.key, self.key, self.row_eye, self.bar_eye, self.group_eye, self.confirm_names),
                *(self.row_kind, self.bar_kind, self.last_kind, self.row_time, self.bar_time),
                *(self.select, self.select, self.undo),
            ]
        )()
        while (asked := self.page.locator("[data-ask]:visible")).count():
            asked.locator(f"[{self.chance.choice(('data-all', 'data-keep'))}]").click()

    def select(self) -> None:
        ticks = self.page.locator(".file .tick")
        ticks.nth(self.chance.randrange(ticks.count())).click()
        if self.chance.random() < 0.2:
            self.page.keyboard.press("Control+a")

    def key(self) -> None:
        self.page.locator(".file .tick[tabindex='0']").focus()
        key = self.chance.choice(list(KEYS))
        self.ledger.note(self.selected, "eye", KEYS[key])
        self.page.keyboard.press(key)

    def row_eye(self) -> None:
        name, value = self.chance.choice(self.names), self.chance.choice(list(KEYS.values()))
        self.ledger.note([name], "eye", value)
        self._row(name).locator(f"[data-eye={value}]").click()

    def bar_eye(self) -> None:
        value = self.chance.choice(list(KEYS.values()))
        self.ledger.note(self.selected, "eye", value)
        self.page.locator(f".bar [data-eye={value}]").click()

    def group_eye(self) -> None:
        buttons = self.page.locator("[data-group-eye]:visible")
        if buttons.count():
            button = buttons.nth(self.chance.randrange(buttons.count()))
            self.ledger.note(self.names, "eye", button.get_attribute("data-group-eye") or "")
            button.click()

    def confirm_names(self) -> None:
        button = self.page.locator("[data-confirm]:visible")
        if button.count():
            for name in self.names:
                self.ledger.note([name], "eye", "OD" if "OD" in name else "OS" if "OS" in name else "")
            button.first.click()

    def row_kind(self) -> None:
        name, value = self.chance.choice(self.names), self.chance.choice(KINDS)
        self.ledger.note([name], "kind", value)
        self._row(name).locator("select").select_option(value)

    def bar_kind(self) -> None:
        value = self.chance.choice(KINDS)
        self.ledger.note(self.selected, "kind", value)
        self.page.locator("[data-kind]").select_option(value)

    def last_kind(self) -> None:
        button = self.page.locator("[data-last-kind]:visible")
        if button.count():
            words = re.search(r"As last time: (.*) for \d+ file", button.inner_text())
            assert words
            kind = words[1].lower().replace(" ", "_").replace("-", "_")
            several = self.selected if len(self.selected) > 1 else self.names
            self.ledger.note(several, "kind", kind)
            button.click()

    def row_time(self) -> None:
        name = self.chance.choice(self.names)
        self._row(name).locator("[data-time]").click()
        self._set_time([name])

    def bar_time(self) -> None:
        names = self.selected
        if names:
            self.page.locator("[data-bar-time]").click()
            self._set_time(names)

    def undo(self) -> None:
        button = self.page.locator("[data-undo]:visible")
        if button.count():
            button.click()

    def _set_time(self, names: list[str]) -> None:
        editor = self.page.locator("[data-time-edit]")
        match self.chance.choice(("set", "set", "clear", "cancel")):
            case "set":
                value = self.chance.choice(TIMES)
                self.ledger.note(names, "captured_at", value)
                editor.locator("input").fill(value)
                editor.get_by_role("button", name="Set", exact=True).click()
            case other:
                editor.locator(f"[data-{other}]").click()

    def _row(self, name: str) -> Any:
        return self.page.locator(".file").filter(has=self.page.get_by_text(name, exact=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_declared_of_a_file_was_clicked_or_typed_for_that_very_file(
    clinic: Clinic, visits: Visits, tmp_path: Path, seed: int
) -> None:
    person = clinic.patient(f"Lawful, Lea{seed}")
    page = visits.page("technician")
    chance = random.Random(seed)
    choose(page, person)
    add(page, _files(tmp_path, person))
    expect(page.locator(".file")).to_have_count(6)
    driver = Driver(page, chance)
    for _ in range(ACTS):
        driver.act()
    # Whoever is left without an eye gets one by hand: then everything goes.
    for name in driver.names:
        row = driver._row(name)
        if row.locator(".eyes.open").count():
            driver.ledger.note([name], "eye", "OU")
            row.locator("[data-eye=OU]").click()
    with page.expect_request(re.compile(r"/api/v1/uploads$")) as declared:
        page.get_by_role("button", name="Send 6 files").click()
    body: Any = declared.value.post_data_json
    assert len(body["files"]) == 6
    unheard = [
        (one["filename"], what, one[what])
        for one in body["files"]
        for what in ("eye", "kind", "captured_at")
        if what in one and not driver.ledger.covers(one["filename"], what, one[what])
    ]
    assert unheard == []
    # The acts were not all about nothing.
    assert any("eye" in one for one in body["files"])


def _files(folder: Path, person: Person) -> list[Path]:
    def picture(**changes: Any) -> bytes:
        tags = {"PatientID": person.mrn, "PatientBirthDate": "19570321", "PatientName": ""}
        return dicoms.grey(dicoms.bscans(1, 64, 64)[0], **tags | {"AcquisitionDateTime": "20260312103200"} | changes)

    contents = {
        "one.dcm": picture(),
        "two.dcm": picture(ImageLaterality="L"),
        "three.dcm": picture(ImageLaterality="R", Laterality="L"),
        "silent_OD.dcm": picture(ImageLaterality=None, AcquisitionDateTime=""),
        "photo_OS.jpg": files.jpeg(),
        "photo.jpg": files.jpeg(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
