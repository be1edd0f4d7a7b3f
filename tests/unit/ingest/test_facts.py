"""Dates are believed by rule, never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from broker.ingest import facts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "offset", "expected"),
    [
        ("2024:05:06 07:08:09", None, "2024-05-06T07:08:09"),
        ("2024:05:06 07:08:09", "+02:00", "2024-05-06T07:08:09+02:00"),
        ("2024:05:06 07:08:09\0", "-03:30\0", "2024-05-06T07:08:09-03:30"),
        ("2024:05:06 07:08:09", "+99:00", "2024-05-06T07:08:09"),
        ("2024:05:06 07:08:09", "summer", "2024-05-06T07:08:09"),
        (b"2024:05:06 07:08:09", None, "2024-05-06T07:08:09"),
        ("2026:03:02 14:00:00", None, "2026-03-02T14:00:00"),
        ("2026:03:02 14:30:00", "+01:00", "2026-03-02T14:30:00+01:00"),
        ("2000:01:01 01:00:00", None, "2000-01-01T01:00:00"),
        ("2010:01:01 00:02:10", None, "2010-01-01T00:02:10"),
    ],
)
def test_a_date_is_kept_as_the_camera_wrote_it(when: object, offset: object, expected: str) -> None:
    assert facts.capture_time(when, offset, NOW) == expected


@pytest.mark.parametrize(
    "when",
    [
        "0000:00:00 00:00:00",
        "0001:01:01 00:00:00",
        "1900:01:01 20:42:18",
        "1949:12:31 23:59:59",
        "2000:01:01 00:00:00",
        "2026:03:02 14:00:01",
        "1980:01:01 00:03:00",
        "2000:01:01 00:02:10",
        "2024:13:01 00:00:01",
        "2024:02:30 10:00:00",
        "    :  :     :  :  ",
        "yesterday",
        "",
        None,
        20240506,
    ],
)
def test_placeholders_and_nonsense_are_no_date(when: object) -> None:
    assert facts.capture_time(when, None, NOW) is None


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon CR-2 AF", "Canon CR-2 AF"),
        ("TOPCON", "TRC-NW8", "TOPCON TRC-NW8"),
        ("NIDEK   \0garbage", None, "NIDEK"),
        (None, "\x1b[31mEvil\r\nModel", "[31mEvil Model"),
        (None, None, None),
        (7, "  ", None),
        ("x" * 300, None, "x" * 120),
        ("Top\u202econ\u2069", "\ufeffNW8\u200e", "Topcon NW8"),
        (None, "דגם 7", "דגם 7"),
    ],
)
def test_a_device_is_one_clean_line(make: object, model: object, expected: str | None) -> None:
    assert facts.device(make, model) == expected


def test_source_is_named_only_with_a_time() -> None:
    found = facts.from_exif({}, {facts.DATE_TIME_ORIGINAL: "2024:05:06 07:08:09"}, NOW)
    assert (found.captured_at, found.captured_source) == ("2024-05-06T07:08:09", "exif")
    assert facts.from_exif({}, {}, NOW) == facts.Facts()


@pytest.mark.parametrize(("value", "expected"), [(6, 6), (1, 1), (0, 1), (9, 1), ("6", 1), (None, 1)])
def test_an_impossible_orientation_counts_as_upright(value: object, expected: int) -> None:
    assert facts.orientation({facts.ORIENTATION: value}) == expected


@pytest.mark.parametrize(
    ("moment", "born", "expected"),
    [
        (datetime(2024, 5, 6, 7), date(2024, 5, 6), True),
        (datetime(2024, 5, 6, 7), date(2024, 5, 7), True),
        (datetime(2024, 5, 6, 7), date(2024, 5, 5), False),
        (datetime(2024, 5, 6, 7), None, False),
    ],
)
def test_nothing_was_taken_before_the_patient_was_born(moment: datetime, born: date | None, expected: bool) -> None:
    assert facts.is_placeholder(moment, NOW, born) is expected


def test_a_hint_holds_only_what_is_said() -> None:
    assert facts.hint(id=" 0042\0rest", name="Unknown", sex="") == {"id": "0042"}
    assert facts.hint(id="", name="unknown") is None
    assert facts.hint(name="x" * 300) == {"name": "x" * 200}


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf"), 1e-9, 50.0])
def test_a_step_that_no_eye_camera_makes_is_no_scale(step: float) -> None:
    assert facts.spacing(0.004, step) is None
    assert facts.spacing(step, 0.004) is None
    assert facts.spacing(0.004, 0.012) == (0.004, 0.012)


def test_vendor_texts_are_read_as_windows_writes_them() -> None:
    assert facts.windows_text(b"M\xfcller\0junk") == "Müller"
    assert facts.windows_text(b"a\nb\x81") == "a b�"
