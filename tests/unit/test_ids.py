"""Ids are UUIDv7 and scan ids follow from upload ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from broker.ids import is_id, made_at, new_id, scan_id

TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(TIMES)
def test_an_id_is_a_uuid_of_version_7_that_carries_its_time(now: datetime) -> None:
    made = new_id(now)
    parsed = UUID(made)
    assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
    assert is_id(made)
    assert abs((made_at(made) - now).total_seconds()) <= 0.001


@given(TIMES, TIMES)
def test_ids_sort_by_time(one: datetime, other: datetime) -> None:
    if abs((one - other).total_seconds()) > 0.002:
        assert (new_id(one) < new_id(other)) == (one < other)


@given(TIMES, st.integers(0, 500))
def test_a_scan_id_follows_from_upload_and_index_alone(now: datetime, index: int) -> None:
    upload = new_id(now)
    scan = scan_id(upload, index)
    assert scan == scan_id(upload, index)
    assert scan != scan_id(upload, index + 1) != upload
    assert is_id(scan)
    assert made_at(scan) == made_at(upload)


def test_only_the_canonical_form_is_an_id() -> None:
    good = new_id(datetime(2026, 11, 22, tzinfo=UTC))
    assert is_id(good)
    for bad in (good.upper(), good[:-1], "{" + good + "}", good.replace("-", ""), good + "\n", "", None, 7):
        assert not is_id(bad)
