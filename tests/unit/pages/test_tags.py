"""HTML that is written outside of templates: what comes from outside is escaped, and sizes stand with pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.catalog.patients import Patient
from broker.gallery import Shown
from broker.names import Rendition
from broker.pages import show, tags
from broker.pages.show import Card, Picture
from tests.people import NOW
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

ADA = Patient("01900000-0000-7000-8000-000000000001", "clinic", "1", "Ada", "1957-03-21", None, 1)


@pytest.fixture
def card() -> Card:
    made = show.card(Shown(shelf.made(ADA, NOW), ADA, {}), Rendition.THUMBNAIL)
    return replace(made, picture=Picture("https://store/a.webp?sp=r&sig=x", 384, 300))


def test_a_thumbnail_lies_over_its_placeholder_and_both_say_their_size(card: Card) -> None:
    under, picture = Page(tags.thumbnail(card, True)).all("img")
    assert (under.attributes["src"], under.attributes["class"]) == (card.placeholder, "under")
    assert picture.attributes["src"] == "https://store/a.webp?sp=r&sig=x"
    assert (picture.attributes["alt"], picture.attributes["loading"]) == (card.alt, "lazy")
    assert [(one.attributes["width"], one.attributes["height"]) for one in (under, picture)] == [("384", "300")] * 2


def test_a_thumbnail_on_the_first_screen_does_not_wait(card: Card) -> None:
    assert "loading" not in Page(tags.thumbnail(card, False)).all("img")[1].attributes


def test_nothing_in_a_thumbnail_breaks_out_of_its_tag(card: Card) -> None:
    bad = '"><script>alert(1)</script>'
    assert card.picture is not None
    hostile = replace(card, id=bad, alt=bad, placeholder=bad, picture=replace(card.picture, url=bad))
    assert [one.tag for one in Page(tags.thumbnail(hostile, True)).elements] == ["img", "img"]


def test_a_small_picture_leads_somewhere_and_says_what_is_with_it(card: Card) -> None:
    page = Page(tags.small(replace(card, urgent=True, attention=["x"], review="Reviewed"), "/scans/1", "OCT", 9))
    assert page.all("a")[0].attributes["href"] == "/scans/1"
    assert page.words == "Urgent Check 9 pictures OCT Reviewed"
    assert Page(tags.small(card, "/scans/1", "OCT")).words == "OCT"


def test_nothing_in_a_small_picture_breaks_out_of_its_tag(card: Card) -> None:
    bad = '"><script>alert(1)</script>'
    hostile = replace(card, picture=None, no_preview=bad, review=bad)
    assert [one.tag for one in Page(tags.small(hostile, bad, bad)).elements] == [
        *("a", "span", "span", "span", "small"),
    ]


def test_without_a_picture_there_is_no_thumbnail(card: Card) -> None:
    assert tags.thumbnail(replace(card, picture=None), True) == ""
