"""Every page can be used by those who see little, or nothing: axe finds no violation, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.browser import office, tour
from tests.browser.office import Office
from tests.browser.tour import Exhibits
from tests.browser.visits import Visits
from tests.stack import ROOT

Tour = Callable[..., Iterator[tuple[str, Page]]]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_RUN = """() => axe.run(document, {
    runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    resultTypes: ["violations"],
}).then(({violations, passes}) => ({violations, passed: passes.length}))"""


@pytest.fixture(scope="module")
def axe() -> str:
    return (ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("stops", tour.TOURS, ids=lambda stops: stops.__name__)
def test_axe_finds_nothing_on_any_page_in_light_and_dark(
    visits: Visits, shown: Exhibits, axe: str, tmp_path: Path, stops: Tour
) -> None:
    found: list[str] = []
    for name, page in stops(visits, shown, tmp_path, reduced_motion="reduce"):
        found += violations(page, axe, name)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_where_people_sign_in_by_password(
    office_visits: Visits, office_running: Office, axe: str
) -> None:
    office_visits.expect_complaint("status of 401")
    page = office_visits.page(path="/sign-in", reduced_motion="reduce")
    found = violations(page, axe, "sign-in")
    office.sign_in(page, "Nobody", "not a password")
    found += violations(page, axe, "sign-in, refused")
    page.goto(office_running.invitation("technician", "Axel"))
    found += violations(page, axe, "invitation")
    assert not found, "\n".join(found)


def violations(page: Page, axe: str, name: str) -> list[str]:
    """What axe finds on the page as it stands, in both colour schemes."""
    page.evaluate(axe)
    # A bar that stays at the top may cover part of a button on a page that has been scrolled.
    page.evaluate("() => scrollTo(0, 0)")
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        result: dict[str, Any] = page.evaluate(_RUN)
        assert result["passed"] > 5
        found += [
            f"{name}, {scheme}: {one['id']} {node['target']} {node['failureSummary']}"
            for one in result["violations"]
            for node in one["nodes"]
        ]
    return found
