"""The screens on which journeys are tried: a desk, a tablet held upright, a phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

Screen = dict[str, Any]
DESK: Screen = {"viewport": {"width": 1360, "height": 900}}
TABLET: Screen = {"viewport": {"width": 820, "height": 1180}}
PHONE: Screen = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

#: Lets a test run on each of them as ``screen``.
each = pytest.mark.parametrize("screen", [DESK, TABLET, PHONE], ids=["1360", "820", "390"])


def assert_it_fits(page: Page, screen: Screen) -> None:
    """Nothing reaches beyond the screen's side."""
    assert page.evaluate("() => document.documentElement.scrollWidth") <= screen["viewport"]["width"]
