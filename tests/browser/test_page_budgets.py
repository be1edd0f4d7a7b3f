"""What a page may cost: counts, which gate; times are measured elsewhere."""

from __future__ import annotations

import gzip
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response

from tests.browser.clinic import Clinic
from tests.browser.visits import Visits
from tests.browser.wire import Wire

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


#: Where physicians read; {patient} has many visits, {scan} is the newest scan, {before} is one of the same eye.
READING = [
    "/gallery?patient={patient}",
    "/scans/{scan}",
    "/worklist",
    "/patients/{patient}",
    "/patients/{patient}/over-time",
    "/compare?left={before}&right={scan}",
    "/patients/{patient}/visits/2026-11-20",
]


@pytest.fixture(scope="module")
def full(clinic: Clinic) -> dict[str, str]:
    """A patient with more scans than a page of the gallery, four a visit."""
    person = clinic.patient("Budget, Bruno")
    scans = clinic.fill(person, 61, apart=timedelta(hours=6))
    return {"patient": person.id, "scan": scans[0].id, "before": scans[4].id}


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


@pytest.mark.parametrize("path", ["/sign-in", "/upload", *READING])
def test_a_page_stays_within_its_budget(clinic: Clinic, visits: Visits, full: dict[str, str], path: str) -> None:
    page = visits.page(None if path == "/sign-in" else "physician", "/problems/stale")
    cost = Cost(page, visits.url + path.format(**full))
    assert cost.scripts <= SCRIPT_BYTES
    assert cost.html <= HTML_BYTES
    assert page.evaluate(_COUNT) <= NODES
    assert page.evaluate(_SHIFT) < SHIFT
    ours = {urlsplit(clinic.url).netloc, urlsplit(clinic.azurite.url).netloc}
    assert cost.hosts <= ours


@pytest.mark.parametrize("path", [path for path in READING if "{" in path])
def test_a_second_visit_asks_the_store_for_nothing(
    clinic: Clinic, visits: Visits, full: dict[str, str], path: str
) -> None:
    page = visits.page("physician", "/upload")
    wire = Wire(page, clinic.azurite.url)
    first, again = wire.twice(visits.url + path.format(**full))
    assert first > 0
    assert again == 0


def test_the_first_screen_asks_for_no_more_pictures_than_it_shows(visits: Visits, full: dict[str, str]) -> None:
    page = visits.page("physician", "/problems/stale")
    page.goto(f"{visits.url}/gallery?patient={full['patient']}")
    eager = page.locator("img[data-scan]:not([loading=lazy])")
    assert eager.count() == FIRST_SCREEN
    assert page.locator("img[data-scan][loading=lazy]").count() == 60 - FIRST_SCREEN
