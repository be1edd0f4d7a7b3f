"""The clinic's own sign-in in a real browser: in, locked and open again, and out at both places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.provider import ProviderProcess
from tests.stack import Stack

BUTTON = "Sign in with the clinic's account"


class Vouched(Stack):
    """Web with a provider; ``idp`` is started before it."""

    idp: ProviderProcess

    @property
    def environ(self) -> dict[str, str]:
        oidc = self.idp.settings
        return super().environ | {
            "OIDC_ISSUER": oidc.issuer,
            "OIDC_CLIENT_ID": oidc.client_id,
            "OIDC_CLIENT_SECRET": oidc.client_secret,
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vouched]:
    made = Vouched(tmp_path_factory.mktemp("vouched"), worker=False)
    with ProviderProcess(f"{made.url}/sign-in/provider/return") as made.idp, made as running:
        yield running


@pytest.fixture
def page(chromium: Browser, stack: Vouched) -> Iterator[Page]:
    """Paula on the gallery, let in by the provider."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{stack.url}/gallery")
        page.get_by_role("link", name=BUTTON).click()
        expect(page).to_have_url(f"{stack.url}/gallery")
        page.locator("session-lock[data-ready]").wait_for(state="attached")
        yield page


def back_to(page: Page) -> None:
    """What a browser tells a page that is looked at again; one without windows does not."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_locked_page_opens_again_through_the_provider_with_every_typed_word(page: Page) -> None:
    words = page.get_by_placeholder("Find a patient")
    words.fill("Example, Ada")
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_hidden()
    with page.expect_popup() as popup:
        page.get_by_role("link", name=BUTTON).click()
    expect(popup.value.get_by_role("link", name="Paula Provider")).to_be_visible()
    popup.value.close()
    back_to(page)
    expect(words).to_be_visible()
    expect(words).to_have_value("Example, Ada")


def test_a_locked_page_stays_shut_for_somebody_else_whom_the_provider_lets_in(page: Page, stack: Vouched) -> None:
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.context.clear_cookies(domain="127.0.0.1")  # the provider has forgotten Paula
    stack.idp.control(person={"sub": "person-2", "name": "Otto Other", "roles": ["physician"]})
    with page.expect_popup() as popup:
        page.get_by_role("link", name=BUTTON).click()
    expect(popup.value.get_by_role("link", name="Otto Other")).to_be_visible()
    popup.value.close()
    back_to(page)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    stack.idp.control(person={"sub": "person-1", "name": "Paula Provider", "roles": ["physician"]})


def test_signing_out_leads_to_the_providers_way_out_and_back(page: Page, stack: Vouched) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("signed out here")
    page.get_by_role("link", name="Sign out there too").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(f"{stack.url}/sign-in")
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
