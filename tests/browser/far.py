"""A clinic whose store lies behind a bad line, and what a technician's page does there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from playwright.sync_api import Page

from tests.badline import BadLine
from tests.browser.clinic import Clinic

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
