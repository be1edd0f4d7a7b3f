"""One range of capture times for every way in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import capture

NOW = datetime(2026, 3, 12, 10, 32, tzinfo=UTC)
ZONES = st.integers(-(24 * 60 - 1), 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize("when", [capture.EARLIEST, datetime(1955, 6, 1, tzinfo=UTC), NOW, NOW + capture.FAST_CLOCK])
def test_a_time_from_1850_to_a_fast_clock_can_be(when: datetime) -> None:
    assert capture.refusal(when, NOW) is None


@pytest.mark.parametrize("year", [1, 1000, 1849])
def test_a_year_before_photography_is_refused_in_words(year: int) -> None:
    assert capture.refusal(datetime(year, 6, 1, tzinfo=UTC), NOW) == (
        "A picture cannot have been taken before 1850. Check the year."
    )


@pytest.mark.parametrize("when", [NOW + capture.FAST_CLOCK + timedelta(seconds=1), datetime.max.replace(tzinfo=UTC)])
def test_more_than_a_fast_clock_ahead_is_refused_in_words(when: datetime) -> None:
    assert capture.refusal(when, NOW) == "A picture cannot have been taken in the future. Check the date."


@given(st.datetimes(timezones=ZONES))
def test_every_time_of_every_zone_gets_an_answer_and_what_can_be_survives_any_zone(when: datetime) -> None:
    if capture.refusal(when, NOW) is None:
        assert when.astimezone(timezone(timedelta(hours=-14))).astimezone(UTC) == when
        assert capture.before_birth(when, date.min) is None


def test_a_time_before_the_patients_birth_is_refused_in_words() -> None:
    born = date(1957, 3, 21)
    said = "The picture cannot have been taken before the patient was born. Check the date and the patient."
    assert capture.before_birth(datetime(1957, 3, 20, 9, tzinfo=UTC), born) == said
    assert capture.before_birth(datetime(1957, 3, 21, tzinfo=UTC), born) is None


def test_the_day_of_birth_counts_in_the_zone_that_is_furthest_ahead() -> None:
    """A child photographed in the first hour of its life in Auckland: in UTC it is still the day before."""
    auckland = timezone(timedelta(hours=13))
    assert capture.before_birth(datetime(2026, 1, 2, 0, 30, tzinfo=auckland), date(2026, 1, 2)) is None
