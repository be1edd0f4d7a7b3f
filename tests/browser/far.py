"""A clinic whose store lies behind a bad line, and what a technician's page does there."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Self

from playwright.sync_api import Locator, Page

from tests.badline import BadLine
from tests.browser.clinic import Clinic, Person
from tests.browser.hands import add, choose

#: In the sizes of a working day.
FULL = bool(os.environ.get("FULL"))
MIB = 1 << 20
#: What a large file is cut into, and how many pieces are in flight at once.
BLOCK, IN_FLIGHT = 8 * MIB, 4
#: Milliseconds that something may take over a bad line.
LONG = 600_000 if FULL else 40_000

#: Put first on the path of Python, this makes grants that live for seconds.
_SHORT = Path(__file__).parent / "short_grants"


class FarClinic(Clinic):
    """Browsers reach the store through ``line``, if ``far``; ``short_grants`` makes grants live five seconds."""

    def __init__(self, folder: Path, *, short_grants: bool = False, far: bool = True) -> None:
        super().__init__(folder)
        self.line = BadLine(lambda: self.azurite.port)
        self._short, self._far = short_grants, far

    def __enter__(self) -> Self:
        self.line.__enter__()
        return super().__enter__()

    def __exit__(self, *gone: object) -> None:
        super().__exit__(None, None, None)
        self.line.__exit__(None, None, None)

    @property
    def environ(self) -> dict[str, str]:
        values = super().environ
        return values | ({"PYTHONPATH": f"{_SHORT}{os.pathsep}{values['PYTHONPATH']}"} if self._short else {})

    @property
    def settings(self) -> dict[str, str]:
        if not self._far:
            return super().settings
        store = f"http://127.0.0.1:{self.line.port}/{self.azurite.account}"
        return super().settings | {"BLOB_PUBLIC_URL": store}


def drop(page: Page, *paths: Path) -> None:
    """Drag files or folders onto the middle of the page and let them go, as a person does."""
    protocol = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        protocol.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    protocol.detach()


def large(path: Path, size: int) -> Path:
    """A vendor's volume of ``size`` bytes that nobody can shorten, made piece by piece."""
    with path.open("wb") as out:
        out.write(b"FOCTFDA\0")
        for start in range(8, size, MIB):
            out.write(secrets.token_bytes(min(MIB, size - start)))
    return path


def send_large(page: Page, person: Person, path: Path) -> Locator:
    """Send one large file as a picture of the right eye; gives the card of the batch."""
    choose(page, person)
    add(page, [path])
    page.get_by_role("list", name="Files to send").get_by_role("listitem").wait_for()
    page.keyboard.press("1")
    page.get_by_role("button", name="Send 1 file").click()
    return page.get_by_role("region", name="Sent from this page")


def wait_for_bytes(far: FarClinic, page: Page, count: int) -> None:
    """Wait until so many bytes have gone over the line."""
    end = time.monotonic() + LONG / 1000
    while far.line.bytes < count:
        assert time.monotonic() < end, f"{far.line.bytes} of {count} bytes"
        page.wait_for_timeout(20)
