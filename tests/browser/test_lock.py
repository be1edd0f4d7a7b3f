"""The lock in a real browser: the page is gone, the words are not, and only its own person brings it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.canaries import planted
from tests.stack import Stack

PASSWORD = planted("a lamp and nine slits")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("lock"), worker=False, IDLE_MINUTES="1") as running:
        yield running


@pytest.fixture(scope="module")
def first(stack: Stack, chromium: Browser) -> Iterator[Page]:
    """A browser in which Dana has just accepted an invitation."""
    link = stack.run("invite --role technician --role physician --name Dana").split()[-1]
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(link)
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Set password and sign in").click()
        page.wait_for_url("**/")
        yield page


@pytest.fixture
def page(first: Page, stack: Stack) -> Page:
    first.goto(f"{stack.url}/gallery")
    first.locator("session-lock[data-ready]").wait_for(state="attached")
    return first


def lock(page: Page) -> Locator:
    """The lock's own part of the page."""
    return page.locator("session-lock")


def test_a_locked_page_shows_nothing_and_comes_back_with_every_typed_word(page: Page) -> None:
    words = page.get_by_placeholder("Find a patient")
    words.fill("Example, Ada")
    title = page.title()
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    expect(page.locator("header")).to_be_hidden()
    assert page.title() == "Locked"
    assert "Ada" not in page.locator("body").inner_text()
    lock(page).get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Unlock").click()
    expect(lock(page).get_by_role("alert")).to_contain_text("wrong")
    lock(page).get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(words).to_be_visible()
    expect(words).to_have_value("Example, Ada")
    assert page.title() == title


def test_a_reload_of_a_locked_page_asks_for_the_password_too(page: Page, stack: Stack) -> None:
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.goto(f"{stack.url}/gallery")
    expect(page).to_have_url(f"{stack.url}/sign-in?next=%2Fgallery")
    page.get_by_label("Name").fill("Dana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{stack.url}/gallery")
    expect(page.locator("main")).to_be_visible()


def test_it_locks_by_itself_and_in_every_tab_and_one_unlock_opens_all(page: Page, stack: Stack) -> None:
    other = page.context.new_page()
    other.goto(f"{stack.url}/gallery")
    # As if a minute had gone by without a key: both pages find out by themselves, at their next look.
    with closing(sqlite3.connect(stack.folder / "data" / "catalog.sqlite", timeout=10)) as catalog, catalog:
        catalog.execute("update sessions set active_at = active_at - 60000000")
    for tab in (page, other):
        expect(tab.get_by_role("heading", name="Locked")).to_be_visible(timeout=40_000)
    lock(other).get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Unlock").click()
    for tab in (other, page):
        expect(tab.locator("main")).to_be_visible(timeout=10_000)
    other.close()


def test_signing_out_in_one_tab_takes_the_patients_off_the_other(page: Page, stack: Stack) -> None:
    other = page.context.new_page()
    other.goto(f"{stack.url}/gallery")
    other.get_by_role("button", name="Sign out").click()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    other.close()
