"""The words of the pages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from broker.errors import problems
from broker.pages import texts
from broker.words import Eye, Kind, Role

BERLIN = ZoneInfo("Europe/Berlin")


def test_every_word_has_its_text() -> None:
    assert set(texts.EYES) == set(Eye)
    assert set(texts.KINDS) == set(Kind)
    assert set(texts.ROLES) == set(Role)
    assert len(set(texts.KINDS.values())) == len(Kind)


def test_days_are_written_with_the_month_in_letters() -> None:
    assert texts.day(date(2026, 11, 2)) == "2 Nov 2026"
    assert texts.day("1957-03-21") == "21 Mar 1957"


def test_what_is_not_counted_to_its_end_says_so() -> None:
    assert [texts.count(found, 1_000) for found in (0, 12, 1_000, 1_001)] == ["0", "12", "1,000", "more than 1,000"]


def test_times_are_the_clinics_and_local_ones_stay() -> None:
    assert texts.moment(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), BERLIN) == "23 Nov 2026, 00:30"
    assert texts.moment("2026-07-01T08:00:00+00:00", BERLIN) == "1 Jul 2026, 10:00"
    assert texts.moment("2026-07-01T08:00:00", BERLIN) == "1 Jul 2026, 08:00"
    assert texts.moment("2026-07-01", BERLIN) == "1 Jul 2026"
    assert texts.moment(None, BERLIN) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_900, "1.0 MB"), (48_000_000, "48 MB"), (4 << 30, "4.3 GB")],
)
def test_sizes_read_naturally(count: int, text: str) -> None:
    assert texts.size(count) == text


def test_every_problem_explains_itself_in_plain_words() -> None:
    for problem in problems():
        assert problem.__doc__, problem.__name__
        assert "``" not in problem.__doc__ or problem.slug == "invalid", problem.__name__
