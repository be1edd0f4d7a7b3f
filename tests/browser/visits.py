"""People in front of browsers: each visit is a browser profile of its own, and whatever the browser complains about
while it lasts fails the test.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, StorageState, WebError

from tests import canaries

#: Milliseconds that anything on a page may take; the worker's checks have their own, longer bound.
PATIENCE, CHECKED = 15_000, 60_000
#: The upload page asks the store whether it can be reached, by a PUT that must be refused; browsers note each refusal.
#: It asks for health as well, and on a loaded machine the store may take too long to be called ready.
_PROBE = re.compile(
    r"status of 40[34] .*/intake/00/00000000-0000-7000-8000-000000000000|status of 503 .*/api/v1/health$"
)
# The browser's own message names no address; and a page that has been left cannot be asked any more.
_LISTEN = (
    "addEventListener('securitypolicyviolation', (event) =>"
    " console.error(`Policy violated: ${event.effectiveDirective} ${event.blockedURI}`))"
)


class Visits:
    """Opens pages of one service, signed in where a role is given, and ends them all with the test."""

    def __init__(self, browser: Browser, url: str, signed_in: dict[str, StorageState], pictures: Path) -> None:
        self.browser, self.url = browser, url
        self.complaints: list[str] = []
        self._signed_in, self._pictures = signed_in, pictures
        self._contexts: list[BrowserContext] = []
        self._expected: list[re.Pattern[str]] = []
        self._allowed: list[re.Pattern[str]] = []

    def page(self, role: str | None = None, path: str = "", **options: Any) -> Page:
        """Open ``path`` in a new profile; with a role, as somebody who signed in by the demo's button."""
        context = self._context(role, options)
        page = context.new_page()
        # Listened to from the beginning: asked for just before a key is pressed, it may come after the key.
        page.on("filechooser", lambda _: None)
        page.goto(self.url + path)
        return page

    def expect_complaint(self, pattern: str) -> None:
        """Say that the browser will complain so in this test; that it does is checked as well."""
        self._expected.append(re.compile(pattern))

    def allow(self, pattern: str) -> None:
        """Say that the browser may complain so, as often as it likes."""
        self._allowed.append(re.compile(pattern))

    def end(self, *, failed: bool) -> None:
        """Close everything. With ``failed`` a picture of every page is kept first.

        Raises:
            AssertionError: a browser complained, or did not where it was expected to.
        """
        for number, page in enumerate(page for context in self._contexts for page in context.pages):
            if failed:
                page.screenshot(path=self._pictures / f"page-{number}.png", full_page=True)
                continue
            with contextlib.suppress(Error):  # a page that is just leaving cannot be read
                canaries.read(page.url, page.content())
        for context in self._contexts:
            context.close()
        if failed:
            print(f"Pictures of the pages: {self._pictures}", *self.complaints, sep="\n")
            return
        faults = [
            text for text in self.complaints if not any(one.search(text) for one in (*self._expected, *self._allowed))
        ]
        faults += [f"never: {one.pattern}" for one in self._expected if not any(map(one.search, self.complaints))]
        assert not faults, "\n".join(faults)

    def _context(self, role: str | None, options: dict[str, Any]) -> BrowserContext:
        state = self._state(role) if role else None
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}, storage_state=state
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_LISTEN)
        context.on("console", self._console)
        context.on("weberror", self._error)
        self._contexts.append(context)
        return context

    def _state(self, role: str) -> StorageState:
        """Somebody signs in once for all tests; what a test does to its own profile stays there."""
        if role not in self._signed_in:
            page = self.page(path="/sign-in")
            page.get_by_role("button", name=role.title()).click()
            page.wait_for_url(lambda url: "/sign-in" not in url)  # an administrator is led on
            self._signed_in[role] = page.context.storage_state()
        return self._signed_in[role]

    def _console(self, message: ConsoleMessage) -> None:
        if _PROBE.search(f"{message.text} {message.location['url']}"):
            return
        if message.type in ("error", "warning"):
            self.complaints.append(_without_signatures(f"{message.text} ({message.location['url']})"))

    def _error(self, error: WebError) -> None:
        self.complaints.append(_without_signatures(str(error.error)))


def _without_signatures(text: str) -> str:
    return re.sub(r"sig=[^&\s)]*", "sig redacted", text)
