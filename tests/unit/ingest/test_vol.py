"""Heidelberg .vol: every scan pattern, facts, and sizes that lie."""

from __future__ import annotations

import struct
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from broker.ingest.formats import vol
from broker.ingest.formats.seam import Bounds, Refused, Scan, Stack
from broker.words import Eye, Kind, Rejection
from tests import heidelberg
from tests.opened import BOUNDS, Opened


def scan(data: bytes, bounds: Bounds = BOUNDS) -> Scan:
    (found,) = vol.scans(Opened(data), bounds)
    return found


def stack(data: bytes) -> Stack:
    found = scan(data).stack
    assert found is not None
    return found


def shown(image: Image.Image) -> NDArray[np.uint8]:
    assert image.mode == "L"
    return np.asarray(image)


def refusal(data: bytes, bounds: Bounds = BOUNDS) -> Rejection:
    with pytest.raises(Refused) as refused:
        scan(data, bounds)
    return refused.value.rejection


def test_a_volume_has_its_slices_in_order_with_their_lines_and_distance() -> None:
    values = heidelberg.reflectivity(count=5)
    found = stack(heidelberg.vol(values))
    assert (found.count, found.size, found.shown, found.between_mm) == (5, (24, 16), 2, 0.12)
    for index in range(5):
        assert int(shown(found.frame(index)).mean(axis=1).argmax()) == index * 2 + 3
        assert found.line(index) == (2, 25 - 4 * index, 38, 25 - 4 * index)
    assert found.localizer is not None
    assert np.array_equal(np.asarray(found.localizer), heidelberg.slo())


def test_the_frame_that_stands_for_all_is_the_middle_one() -> None:
    found = scan(heidelberg.vol(heidelberg.reflectivity(count=4)))
    assert found.stack is not None
    assert found.stack.shown == 2
    assert np.array_equal(shown(found.image), shown(found.stack.frame(2)))


def test_device_data_are_shown_as_the_fourth_root() -> None:
    values = np.array([[[0, 1e-8, 0.0016, 0.0625, 0.5, 1, 1.5]] * 2], np.float32)
    expected = [0, 255 * 0.01, 255 * 0.2, 255 * 0.5, 255 * 0.5**0.25, 255, 255]
    assert np.abs(shown(scan(heidelberg.vol(values)).image)[0].astype(float) - expected).max() <= 0.5


def test_values_up_to_254_are_brightness_already() -> None:
    values = np.array([[[0, 1, 100.4, 200.6, 254, 300]], [[0, 0, 0, 0, 0, 0.5]]], np.float32)
    found = stack(heidelberg.vol(values, version=b"ep-v0.6.8"))
    assert shown(found.frame(0)).tolist() == [[0, 1, 100, 201, 254, 255]]
    # One rule for all slices, also for one that is dark by itself.
    assert shown(found.frame(1)).max() <= 1


@pytest.mark.parametrize("invalid", [3.4e38, float("inf"), float("nan"), 1e31])
def test_invalid_values_are_black_and_decide_nothing(invalid: float) -> None:
    values = np.full((1, 2, 4), 0.0625, np.float32)
    values[0, 0, :2] = invalid
    assert shown(scan(heidelberg.vol(values)).image).tolist() == [[0, 0, 128, 128], [128, 128, 128, 128]]


def test_a_line_scan_has_its_line_and_no_distance() -> None:
    found = stack(heidelberg.vol(heidelberg.reflectivity(1), pattern=1, lines=[(0, 15, 40, 15)], between=0.0))
    assert (found.count, found.line(0), found.between_mm) == (1, (0, 15, 40, 15), None)


def test_a_circle_is_given_by_centre_and_radius() -> None:
    found = stack(heidelberg.vol(heidelberg.reflectivity(1), pattern=vol.CIRCLE, lines=[(23, 19, 20, 15)]))
    assert found.line(0) == pytest.approx((20, 15, 5))


def test_radial_slices_have_their_lines_and_are_not_parallel() -> None:
    lines = [(0, 15, 40, 15), (20, 0, 20, 30), (5, 0, 35, 30)]
    found = stack(heidelberg.vol(pattern=vol.RADIAL, lines=lines))
    assert [found.line(index) for index in range(3)] == [tuple(map(float, line)) for line in lines]
    assert found.between_mm is None


@pytest.mark.parametrize("lines", [[(0, 0, 0, 0)] * 3, [(1e9, 0, 1, 1)] * 3, [(float("nan"), 0, 1, 1)] * 3])
def test_a_place_that_makes_no_sense_is_not_believed(lines: list[tuple[float, float, float, float]]) -> None:
    assert stack(heidelberg.vol(lines=lines)).lines == [None] * 3


def test_without_localizer_there_are_no_lines() -> None:
    found = stack(heidelberg.vol(localizer=np.zeros((0, 0), np.uint8)))
    assert (found.localizer, found.line(0)) == (None, None)


def test_facts_are_found() -> None:
    about = scan(heidelberg.vol(eye=b"OD", patient=b"0042")).facts
    assert (about.eye, about.kind, about.device) == (Eye.OD, Kind.OCT, "Heidelberg Engineering Spectralis")
    assert (about.captured_at, about.captured_source) == ("2024-05-06T07:08:09.250000", "vendor")
    assert about.spacing_mm == (0.004, 0.04)
    assert about.patient_hint == {"id": "0042", "birth_date": "1951-10-03"}


def test_a_file_that_a_program_wrote_names_no_device() -> None:
    assert scan(heidelberg.vol(version=b"ep-v0.6.8   2")).facts.device is None


@pytest.mark.parametrize(
    "over",
    [
        {"exam": datetime(2000, 1, 1), "born": date(2000, 1, 1)},
        {"exam": datetime(1951, 10, 3, 9, 30)},
        {"exam": datetime(1940, 5, 5, 5, 5)},
        {"exam": datetime(2999, 5, 5, 5, 5)},
        {"exam": 0},
        {"exam": (1 << 64) - 1},
    ],
)
def test_a_placeholder_is_no_exam_time(over: dict[str, Any]) -> None:
    about = scan(heidelberg.vol(**over)).facts
    assert (about.captured_at, about.captured_source) == (None, None)


@pytest.mark.parametrize("born", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_an_impossible_birth_date_is_left_out(born: float) -> None:
    assert scan(heidelberg.vol(born=born)).facts.patient_hint == {"id": "0042"}


def test_the_word_unknown_is_no_record_number() -> None:
    assert scan(heidelberg.vol(patient=b"unknown", born=0.0)).facts.patient_hint is None
    assert scan(heidelberg.vol(patient=b"", born=0.0)).facts.patient_hint is None


def test_a_record_number_is_one_line_of_text() -> None:
    hint = scan(heidelberg.vol(patient=b"M\xfcller\n\x1b[31m")).facts.patient_hint
    assert hint is not None
    assert hint["id"] == "Müller [31m"


def test_an_eye_that_is_not_said_is_not_guessed() -> None:
    assert scan(heidelberg.vol(eye=b"??")).facts.eye is None


def test_steps_without_sense_give_no_scale() -> None:
    for step in (0.0, -1.0, float("nan"), 1e9):
        assert scan(heidelberg.vol(step_x=step)).facts.spacing_mm is None


def test_each_slice_says_how_long_its_own_header_is() -> None:
    for length in (64, 1000, 3656, 55296):
        found = stack(heidelberg.vol(slice_header=length))
        assert int(shown(found.frame(2)).mean(axis=1).argmax()) == 7


@pytest.mark.parametrize("length", [63, 0, -1, 1 << 30])
def test_an_impossible_slice_header_is_refused(length: int) -> None:
    data = bytearray(heidelberg.vol())
    struct.pack_into("<i", data, 2048 + 40 * 30 + 12, length)
    assert refusal(bytes(data)) is Rejection.DECODE


def test_spare_bytes_at_the_end_are_tolerated_and_archives_are_not() -> None:
    assert scan(heidelberg.vol(tail=bytes(range(1, 133)))).frames == 3
    assert refusal(heidelberg.vol(tail=bytes(90) + b"PK\x05\x06" + bytes(18))) is Rejection.POLYGLOT


def test_every_cut_is_refused() -> None:
    data = heidelberg.vol()
    for cut in range(20, len(data), 97):
        assert refusal(data[:cut]) is Rejection.TRUNCATED, cut
    assert refusal(data[:-1]) is Rejection.TRUNCATED


@pytest.mark.parametrize(
    ("over", "rejection"),
    [
        ({"width": 0}, Rejection.PIXELS),
        ({"height": -5}, Rejection.PIXELS),
        ({"count": 0}, Rejection.PIXELS),
        ({"count": -1}, Rejection.PIXELS),
        ({"count": 2**31 - 1}, Rejection.PIXELS),
        ({"width": 2**31 - 1, "height": 2**31 - 1}, Rejection.PIXELS),
        ({"width": 60_000, "height": 60_000}, Rejection.PIXELS),
        ({"slo_width": 60_000, "slo_height": 60_000}, Rejection.PIXELS),
        ({"slo_width": -1}, Rejection.PIXELS),
        ({"slo_height": 0}, Rejection.PIXELS),
        ({"count": 4}, Rejection.TRUNCATED),
        ({"count": 50_000}, Rejection.TRUNCATED),
        ({"slo_height": 2000}, Rejection.TRUNCATED),
        ({"width": 25}, Rejection.DECODE),
    ],
)
def test_sizes_that_lie_are_refused(over: dict[str, Any], rejection: Rejection) -> None:
    assert refusal(heidelberg.vol(**over)) is rejection


def test_a_volume_beyond_the_bounds_is_refused_before_it_is_walked() -> None:
    tight = Bounds(pixels=24 * 16, samples=24 * 16 * 3 - 1)
    assert refusal(heidelberg.vol(localizer=np.zeros((1, 1), np.uint8)), tight) is Rejection.PIXELS


def test_any_damage_to_the_header_ends_in_a_scan_or_a_refusal() -> None:
    rng = np.random.default_rng(6)
    data = heidelberg.vol()
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(12, 208, 3):
            damaged[at] = rng.integers(256)
        try:
            scan(bytes(damaged))
        except Refused:
            continue
