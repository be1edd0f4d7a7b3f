"""What a page may cost: counts, which gate; times are measured elsewhere."""

from __future__ import annotations

import gzip
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response

from tests.browser.clinic import Clinic
from tests.browser.visits import Visits

SCRIPT_BYTES = HTML_BYTES = 60_000
NODES = 3000
FIRST_SCREEN = 24
SHIFT = 0.02
_COUNT = """() => {
    const walker = document.createTreeWalker(document);
    let count = 1;
    while (walker.nextNode()) count++;
    return count;
}"""
_SHIFT = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(resolve, 300, 0);
})"""


@pytest.fixture(scope="module")
def full(clinic: Clinic) -> str:
    """A gallery with more than a page of scans, and one of its scans."""
    person = clinic.patient("Budget, Bruno")
    return f"{person.id} {clinic.fill(person, 61)[0].id}"


class Cost:
    """What a page fetched while it was opened, up to its rest."""

    def __init__(self, page: Page, address: str) -> None:
        self.answers: list[Response] = []
        page.on("response", lambda response: self.answers.append(response))
        page.goto(address, wait_until="networkidle")

    @property
    def scripts(self) -> int:
        """Bytes of all scripts, as a web server would pack them."""
        scripts = {one.url: one for one in self.answers if urlsplit(one.url).path.endswith(".js")}
        return sum(packed(one) for one in scripts.values())

    @property
    def html(self) -> int:
        return packed(next(one for one in self.answers if one.request.resource_type == "document"))

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(one.url).netloc for one in self.answers if not one.url.startswith("data:")}


def packed(answer: Response) -> int:
    return len(gzip.compress(answer.body(), 6))


@pytest.mark.parametrize("path", ["/sign-in", "/upload", "/gallery?patient={0}", "/scans/{1}"])
def test_a_page_stays_within_its_budget(clinic: Clinic, visits: Visits, full: str, path: str) -> None:
    page = visits.page(None if path == "/sign-in" else "physician", "/problems/stale")
    cost = Cost(page, visits.url + path.format(*full.split()))
    assert cost.scripts <= SCRIPT_BYTES
    assert cost.html <= HTML_BYTES
    assert page.evaluate(_COUNT) <= NODES
    assert page.evaluate(_SHIFT) < SHIFT
    ours = {urlsplit(clinic.url).netloc, urlsplit(clinic.azurite.url).netloc}
    assert cost.hosts <= ours


def test_the_first_screen_asks_for_no_more_pictures_than_it_shows(clinic: Clinic, visits: Visits, full: str) -> None:
    page = visits.page("physician", "/problems/stale")
    page.goto(f"{visits.url}/gallery?patient={full.split()[0]}")
    eager = page.locator("img[data-scan]:not([loading=lazy])")
    assert eager.count() == FIRST_SCREEN
    assert page.locator("img[data-scan][loading=lazy]").count() == 60 - FIRST_SCREEN
