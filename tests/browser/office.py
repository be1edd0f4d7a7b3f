"""A service that is no demo: people come by an invitation and sign in by name and password."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.canaries import planted
from tests.stack import Stack

PASSWORD = planted("seven green herons at noon")


class Office(Stack):
    """Web and worker with settings of their own."""

    def invitation(self, role: str, name: str) -> str:
        """The one-time link that the command line prints."""
        return self.run(f"invite --role {role} --name {name}").strip()


def accept(page: Page, link: str) -> None:
    """Follow an invitation and set the password."""
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set password and sign in").click()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form of the sign-in page."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
