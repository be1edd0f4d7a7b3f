"""TIFF: layouts, several pages, and directories that attack."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from broker.ingest.formats import tiff, tiff_alone, tiff_pages
from broker.ingest.formats.seam import Bounds, NoPreview, Refused, Scan, Source
from broker.words import Rejection
from tests import hostile, tiffs
from tests.opened import BOUNDS, Opened
from tests.tiffs import ASCII, LONG, SHORT

GREY = (np.arange(12 * 16).reshape(12, 16) % 256).astype(np.uint8)
COLOUR = hostile.pixels(16, 12)


def scan(data: bytes, bounds: Bounds = BOUNDS) -> Scan:
    (found,) = tiff.scans(Opened(data), bounds)
    return found


def pixels(data: bytes) -> NDArray[Any]:
    return np.asarray(scan(data).image)


def refusal(data: bytes, bounds: Bounds = BOUNDS) -> Rejection:
    with pytest.raises(Refused) as refused:
        scan(data, bounds)
    return refused.value.rejection


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("image", [GREY, COLOUR, GREY.astype(np.uint16) * 257], ids=["grey", "colour", "deep"])
def test_every_byte_order_and_width_of_offsets_is_read(image: NDArray[Any], order: str, big: bool) -> None:
    data = tiffs.tiff(tiffs.page(image, order=order), order=order, big=big)
    expected = image if image.dtype == np.uint8 else GREY
    assert np.abs(pixels(data).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"])
def test_every_compression_is_read(compression: str) -> None:
    data = hostile.saved(hostile.picture(), "TIFF", compression=compression)
    assert np.abs(pixels(data).astype(int) - hostile.pixels()).mean() < 6


def test_tiles_are_read() -> None:
    tile = np.zeros((16, 16), np.uint8)
    tile[:12] = GREY
    page = tiffs.page(tile, rows=16).tagged(t257=(LONG, [12]), t322=(SHORT, [16]), t323=(SHORT, [16]))
    tags = {tag: value for tag, value in page.tags.items() if tag != 278}
    written = tiffs.written(page.but(tags=tags))
    data = bytearray(written.data)
    # The same numbers under the names that tiles have.
    for entry in range(len(tags) + 2):
        at = written.directories[0] + 2 + 12 * entry
        tag = struct.unpack_from("<H", data, at)[0]
        struct.pack_into("<H", data, at, {273: 324, 279: 325}.get(tag, tag))
    rows = sorted(bytes(data[at : at + 12]) for at in range(written.directories[0] + 2, len(data) - 15, 12))
    rows.sort(key=lambda row: struct.unpack_from("<H", row)[0])
    start = written.directories[0] + 2
    data[start : start + 12 * len(rows)] = b"".join(rows)
    assert np.array_equal(pixels(bytes(data)), GREY)


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_round(white_is_zero: bool, depth: type[np.generic]) -> None:
    image = (GREY.astype(depth) * (1 if depth is np.uint8 else 257)).astype(depth)
    shown = pixels(tiffs.tiff(tiffs.page(image, photometric=0 if white_is_zero else 1))).astype(int)
    assert np.abs(shown - (255 - GREY.astype(int) if white_is_zero else GREY)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int) -> None:
    turns = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T}
    turns |= {6: GREY.T[:, ::-1], 7: GREY.T[::-1, ::-1], 8: GREY.T[::-1]}
    page = tiffs.page(GREY).tagged(t274=(SHORT, [orientation]))
    assert np.array_equal(pixels(tiffs.tiff(page)), turns[orientation])
    stack = scan(tiffs.tiff(page, page)).stack
    assert stack is not None
    assert stack.size == turns[orientation].shape[::-1]
    assert np.array_equal(np.asarray(stack.frame(1)), turns[orientation])


def test_floating_point_is_spread_from_its_smallest_to_its_largest_value() -> None:
    values = np.linspace(-3.0, 5.0, 16, dtype=np.float32)[None].repeat(4, axis=0)
    values[0, 0] = np.nan
    shown = pixels(tiffs.tiff(tiffs.page(values)))
    assert np.abs(shown[1].astype(float) - np.linspace(0, 255, 16)).max() <= 1
    assert shown[0, 0] == 0


def test_12_bits_in_16_span_black_to_white() -> None:
    assert pixels(tiffs.tiff(tiffs.page((GREY.astype(np.uint16) * 16).astype(np.uint16)))).max() >= GREY.max() - 1


def test_one_page_is_a_picture_with_a_lossless_rendition() -> None:
    found = scan(tiffs.tiff(tiffs.page(GREY)))
    assert (found.stack, found.frames, found.full) == (None, 1, True)


def test_pages_are_frames_as_large_as_the_largest() -> None:
    found = scan(tiffs.tiff(tiffs.page(GREY), tiffs.page(COLOUR[:5, :9]), tiffs.page(GREY[:, :3])))
    assert found.stack is not None
    assert (found.stack.count, found.stack.size, found.stack.document) == (3, (16, 12), False)
    assert np.array_equal(np.asarray(found.stack.frame(0)), GREY)
    assert np.array_equal(np.asarray(found.stack.frame(1)), COLOUR[:5, :9])
    assert found.stack.frame(2).size == (3, 12)


def test_deep_pages_are_scaled_alike() -> None:
    dark, bright = np.full((4, 4), 500, np.uint16), np.full((4, 4), 60_000, np.uint16)
    stack = scan(tiffs.tiff(tiffs.page(dark), tiffs.page(bright))).stack
    assert stack is not None
    assert [int(np.asarray(stack.frame(index))[0, 0]) for index in (0, 1)] == [2, 233]


def test_pages_of_black_and_white_are_a_document() -> None:
    page = hostile.picture().convert("1")
    found = scan(hostile.saved(page, "TIFF", save_all=True, append_images=[page, page], compression="group4"))
    assert found.stack is not None
    assert (found.stack.document, found.stack.shown, found.stack.frame(2).mode) == (True, 0, "L")


def test_reduced_copies_are_no_pages() -> None:
    copy = tiffs.page(GREY[:4, :4]).tagged(t254=(LONG, [1]))
    assert scan(tiffs.tiff(copy, tiffs.page(GREY), copy)).image.size == (16, 12)
    assert scan(tiffs.tiff(copy)).image.size == (4, 4)


def test_camera_and_capture_time_are_found() -> None:
    page = tiffs.page(GREY).tagged(t271=(ASCII, b"Topcon\0"), t272=(ASCII, b"TRC-NW400\0"), t34665=(LONG, [0]))
    end = len(tiffs.tiff(page))
    exif = struct.pack("<HHHIII", 1, 0x9003, ASCII, 20, end + 18, 0) + b"2024:05:06 07:08:09\0"
    about = scan(tiffs.tiff(page.tagged(t34665=(LONG, [end]))) + exif).facts
    assert (about.device, about.captured_at, about.captured_source) == (
        "Topcon TRC-NW400",
        "2024-05-06T07:08:09",
        "exif",
    )


def test_a_profile_is_handed_on() -> None:
    assert scan(hostile.saved(hostile.picture(), "TIFF", icc_profile=hostile._srgb())).icc == hostile._srgb()


@pytest.mark.parametrize(
    "page",
    [
        tiffs.page(GREY).tagged(t259=(SHORT, [34712])),
        tiffs.page(GREY.astype(np.float64)),
        tiffs.page(np.zeros((4, 4, 7), np.uint8), photometric=2),
    ],
    ids=["compression", "double", "seven-channels"],
)
def test_a_layout_that_is_not_read_here_is_kept_with_the_reason(page: tiffs.Page) -> None:
    with pytest.raises(NoPreview, match="kept as it is"):
        scan(tiffs.tiff(page))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_every_cut_is_refused(compression: str) -> None:
    data = hostile.saved(hostile.picture(), "TIFF", compression=compression)
    for cut in range(20, len(data), max(1, len(data) // 60)):
        assert refusal(data[:cut]) in (Rejection.TRUNCATED, Rejection.DECODE), cut
    assert refusal(data[: len(data) // 2]) is Rejection.TRUNCATED


def test_a_jpeg_strip_without_its_end_is_refused_and_not_filled_with_grey() -> None:
    data = hostile.saved(hostile.picture(), "TIFF", compression="jpeg")
    # The last one ends the tables that all strips share.
    at = data.index(b"\xff\xd9")
    assert refusal(data[:at] + b"\0\0" + data[at + 2 :]) is Rejection.TRUNCATED


def test_a_loop_of_directories_is_refused() -> None:
    for last in (0, 1):
        assert refusal(tiffs.tiff(tiffs.page(GREY), tiffs.page(GREY), last=last)) is Rejection.DECODE


def test_too_many_pages_are_refused() -> None:
    small = tiffs.page(GREY[:1, :1], rows=1)
    assert refusal(tiffs.tiff(*[small] * (tiff_pages.MAX_PAGES + 1))) is Rejection.UNPACKED


@pytest.mark.parametrize(
    ("page", "rejection"),
    [
        (tiffs.page(GREY).tagged(t256=(LONG, [0])), Rejection.PIXELS),
        (tiffs.page(GREY).tagged(t256=(LONG, [65_535]), t257=(LONG, [65_535])), Rejection.PIXELS),
        (tiffs.page(GREY).tagged(t277=(SHORT, [65_535])), Rejection.DECODE),
        (tiffs.page(GREY).tagged(t258=(SHORT, [0])), Rejection.DECODE),
        (tiffs.page(GREY).tagged(t256=(LONG, [])), Rejection.DECODE),
        (tiffs.page(GREY).tagged(t278=(LONG, [1])), Rejection.DECODE),
        (tiffs.page(GREY).tagged(t278=(LONG, [0])), Rejection.PIXELS),
        (tiffs.page(GREY).tagged(t257=(LONG, [13])), Rejection.TRUNCATED),
        (tiffs.page(GREY).tagged(t322=(SHORT, [65_535]), t323=(SHORT, [65_535]), t324=(LONG, [8])), Rejection.PIXELS),
        (tiffs.page(GREY).but(offsets=[2**31] * 3), Rejection.DECODE),
        (tiffs.page(GREY).but(strips=[bytes(80), bytes(80), bytes(4500)]), Rejection.UNPACKED),
        (tiffs.page(GREY).but(lengths=[80, 80, 31]), Rejection.TRUNCATED),
        (tiffs.page(np.zeros((500, 600), np.uint8), rows=1).but(offsets=[8] * 500), Rejection.UNPACKED),
    ],
)
def test_tags_that_lie_are_refused(page: tiffs.Page, rejection: Rejection) -> None:
    if page.offsets == [8] * 500:
        # Each strip is there once only, and all of them point to it.
        page = page.but(strips=page.strips[:1] * 1, lengths=[600] * 500)
    assert refusal(tiffs.tiff(page)) is rejection


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**41])
def test_absurd_numbers_of_64_bits_are_refused(number: int) -> None:
    page = tiffs.page(GREY)
    assert refusal(tiffs.tiff(page.but(lengths=[80, 80, number]), big=True)) in (Rejection.DECODE, Rejection.UNPACKED)
    assert refusal(tiffs.tiff(page.but(offsets=[16, 96, number]), big=True)) is Rejection.DECODE
    for at in (8, 16 + 192):
        data = bytearray(tiffs.tiff(page, big=True))
        struct.pack_into("<Q", data, at, number)
        assert refusal(bytes(data)) in (Rejection.DECODE, Rejection.TRUNCATED)


@pytest.mark.parametrize("compression", [8, 5])
def test_a_strip_that_unpacks_to_far_more_is_refused(compression: int) -> None:
    bomb = zlib.compress(bytes(16 << 20), 9)
    page = tiffs.page(GREY, rows=12).tagged(t259=(SHORT, [compression])).but(strips=[bomb])
    assert refusal(tiffs.tiff(page)) is Rejection.UNPACKED


def test_directories_that_share_their_entries_end_soon() -> None:
    # Each starts a little behind the one before, so that 4,096 large directories fit into few bytes.
    page = tiffs.page(GREY)
    data = tiffs.tiff(page)
    shared = b"".join(struct.pack("<HHII", 40_000 + n % 20_000, 1, 1, 0) for n in range(500)) * 2
    assert refusal(data[:4] + struct.pack("<I", len(data)) + data[8:] + struct.pack("<H", 500) + shared) in (
        Rejection.DECODE,
        Rejection.TRUNCATED,
    )


def test_what_lies_behind_everything_the_file_speaks_of_is_looked_at() -> None:
    data = tiffs.tiff(tiffs.page(GREY))
    assert scan(data + b"trailer of a scanner").frames == 1
    assert refusal(data + bytes(9) + hostile.ZIP) is Rejection.POLYGLOT


def test_a_page_by_itself_holds_no_tag_that_is_not_needed() -> None:
    data = hostile.saved(hostile.picture(), "TIFF", compression="jpeg", artist="SECRET", description="SECRET")
    assert b"SECRET" in data
    file = tiff_pages.opened(Opened(data))
    (page,) = file.pages(BOUNDS)
    assert b"SECRET" not in tiff_alone.alone(file, page).getvalue()


def test_any_damage_ends_in_a_scan_a_reason_or_a_refusal() -> None:
    rng = np.random.default_rng(9)
    whole = [tiffs.tiff(tiffs.page(GREY), tiffs.page(COLOUR), big=big) for big in (False, True)]
    whole.append(hostile.saved(hostile.picture(), "TIFF", compression="tiff_lzw"))
    for number in range(600):
        damaged = bytearray(whole[number % 3])
        for at in rng.integers(0, len(damaged), 4):
            damaged[at] = rng.integers(256)
        try:
            found = scan(bytes(damaged))
            assert found.image.size
        except (Refused, NoPreview):
            continue


def test_nothing_is_read_beyond_a_terabyte() -> None:
    entry = tiff_pages.Entry(kind=3, count=4, at=2**63)
    file = tiff_pages.opened(Opened(tiffs.tiff(tiffs.page(GREY))))
    assert file.raw(entry, 100) == b""
    assert isinstance(file.source, Source)
