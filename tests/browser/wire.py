"""What goes over the wire while a page is open."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request


class Traffic:
    """The requests of a page, by method and host."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        page.on("request", lambda request: self.requests.append(request))

    def count(self, method: str) -> Counter[str]:
        """How many requests of a method went to each host."""
        return Counter(urlsplit(one.url).netloc for one in self.requests if one.method == method)


class Wire:
    """What a page really fetches from one address, and not from the browser's caches."""

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._address, self._asked, self._kept = address, set[str](), set[str]()
        protocol = page.context.new_cdp_session(page)
        protocol.on("Network.responseReceived", self._answered)
        protocol.on("Network.requestServedFromCache", lambda event: self._kept.add(event["requestId"]))
        protocol.send("Network.enable")

    @property
    def fetched(self) -> int:
        return len(self._asked - self._kept)

    def twice(self, url: str) -> tuple[int, int]:
        """How much is fetched when the page goes to ``url``, and when it goes there again within the hour."""
        first, hour = self._visit(url), datetime.now(UTC).hour
        again = self._visit(url)
        if datetime.now(UTC).hour != hour:
            again = self._visit(url)  # links are the same for an hour, and it has just ended
        return first, again

    def _visit(self, url: str) -> int:
        before = self.fetched
        self._page.goto(url)
        self._page.wait_for_load_state("networkidle")
        return self.fetched - before

    def _answered(self, event: dict[str, Any]) -> None:
        answer = event["response"]
        if answer["url"].startswith(self._address) and not answer["fromDiskCache"]:
            self._asked.add(event["requestId"])
