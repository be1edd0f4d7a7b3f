"""A real Chromium, and the services that it visits."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, StorageState, expect, sync_playwright

from tests.browser import tour
from tests.browser.clinic import Clinic, Person
from tests.browser.far import FarClinic
from tests.browser.office import Office
from tests.browser.tour import Exhibits
from tests.browser.visits import PATIENCE, Visits
from tests.chromium import ARGUMENTS, find_or_install

_FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know at teardown that their test failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


def failed(request: pytest.FixtureRequest) -> bool:
    """Whether the test that this fixture serves has failed."""
    return bool(request.node.stash.get(_FAILED, False))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=find_or_install(), args=list(ARGUMENTS)) as browser:
        yield browser


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """One demo for all tests: each makes its own patients, and looks at those only."""
    with Clinic(tmp_path_factory.mktemp("clinic")) as running:
        yield running


@pytest.fixture(scope="session")
def shown(clinic: Clinic) -> Exhibits:
    """What tours of all pages show."""
    return tour.exhibits(clinic)


@pytest.fixture(scope="session")
def signed_in() -> dict[str, StorageState]:
    """Profiles of those who signed in, by role."""
    return {}


@pytest.fixture
def visits(
    chromium: Browser,
    clinic: Clinic,
    signed_in: dict[str, StorageState],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Visits]:
    """Visits to the demo."""
    opened = Visits(chromium, clinic.url, signed_in, tmp_path)
    yield opened
    opened.end(failed=request.node.stash.get(_FAILED, False))


@pytest.fixture
def person(clinic: Clinic, request: pytest.FixtureRequest) -> Person:
    """A patient of this test's own."""
    return clinic.patient_of(request.node.name)


@pytest.fixture
def page(visits: Visits) -> Page:
    """A technician's start page."""
    return visits.page("technician")


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarClinic]:
    """A demo whose store lies behind a bad line."""
    with FarClinic(tmp_path_factory.mktemp("far")) as running:
        yield running


@pytest.fixture(scope="session")
def far_signed_in() -> dict[str, StorageState]:
    """Profiles of those who signed in there."""
    return {}


@pytest.fixture
def far_visits(
    chromium: Browser,
    far: FarClinic,
    far_signed_in: dict[str, StorageState],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Visits]:
    """Visits to it; the line is good when they begin."""
    opened = Visits(chromium, far.url, far_signed_in, tmp_path)
    # What a bad line does is noted by the browser; what it must not do is noted otherwise.
    opened.allow(r"Failed to load resource|net::ERR_")
    far.line.faults, far.line.dark_until, far.line.flip, far.line.rate = 0.0, 0.0, 0, 0.0
    yield opened
    opened.end(failed=failed(request))


@pytest.fixture(scope="session")
def office_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A service without the demo's buttons."""
    with Office(tmp_path_factory.mktemp("office")) as running:
        yield running


@pytest.fixture
def office_visits(
    chromium: Browser, office_running: Office, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Visits]:
    """Visits to the service that is no demo; everybody signs in by hand."""
    opened = Visits(chromium, office_running.url, {}, tmp_path)
    yield opened
    opened.end(failed=request.node.stash.get(_FAILED, False))
