"""The browser keeps to the pages' policy, and a breach would be heard: all other tests here rely on that."""

from __future__ import annotations

import pytest

from tests.browser.visits import Visits


@pytest.mark.parametrize(
    ("act", "directive"),
    [
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))", "script-src"),
        ("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/x.png'}))", "img-src"),
        ("fetch('https://elsewhere.example/').catch(() => 0)", "connect-src"),
    ],
)
def test_what_the_policy_forbids_does_not_happen_and_is_heard(visits: Visits, act: str, directive: str) -> None:
    visits.expect_complaint(f"Policy violated: {directive}")
    # The browser's own words for the same.
    visits.expect_complaint("Content Security Policy")
    page = visits.page(path="/sign-in")
    with page.expect_console_message(lambda message: "Policy violated" in message.text):
        page.evaluate(f"() => {{ {act} }}")


def test_a_complaint_that_nobody_expected_fails_the_test(visits: Visits) -> None:
    page = visits.page(path="/sign-in")
    with page.expect_console_message():
        page.evaluate("() => console.error('something broke, sig=abc')")
    with pytest.raises(AssertionError, match="something broke, sig redacted"):
        visits.end(failed=False)
    visits.complaints.clear()
