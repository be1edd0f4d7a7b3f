"""PDF: pages become frames, drawn on white at a bounded size; locked ones are kept, broken ones refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from broker.ingest.formats import pdf
from broker.ingest.formats.seam import Bounds, NoPreview, Refused, Scan, Source
from broker.words import Kind, Rejection
from tests import pdfs

BOUNDS = Bounds(pixels=100_000_000, samples=600_000_000)
RED, GREEN, BLUE = pdfs.box(1, 0, 0), pdfs.box(0, 1, 0), pdfs.box(0, 0, 1)
Read = Callable[..., Scan]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Read]:
    """The scan in a document."""
    opened: list[int] = []

    def scan(data: bytes, bounds: Bounds = BOUNDS) -> Scan:
        path = tmp_path / f"file{len(opened)}"
        path.write_bytes(data)
        opened.append(os.open(path, os.O_RDONLY))
        (only,) = pdf.scans(Source(opened[-1], "pdf"), bounds)
        return only

    yield scan
    for descriptor in opened:
        os.close(descriptor)


def middle(image: Image.Image) -> tuple[int, ...]:
    value = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(value, tuple)
    return value


def test_one_page_is_a_picture_and_its_kind_a_document(read: Read) -> None:
    scan = read(pdfs.pdf(RED))
    assert (scan.image.size, scan.image.mode, scan.frames, scan.full) == ((1240, 1755), "RGB", 1, True)
    assert middle(scan.image) == (255, 0, 0)
    # Only a person says that a document is a visual field.
    assert scan.facts.kind is Kind.DOCUMENT


def test_pages_are_frames_in_their_order_and_the_first_stands_for_them(read: Read) -> None:
    scan = read(pdfs.pdf(RED, GREEN, BLUE))
    assert scan.stack is not None
    assert (scan.stack.count, scan.stack.document, scan.stack.shown) == (3, True, 0)
    assert middle(scan.image) == (255, 0, 0)
    assert [middle(scan.stack.frame(index)) for index in (2, 0, 1)] == [(0, 0, 255), (255, 0, 0), (0, 255, 0)]


def test_letters_are_drawn_black_on_white(read: Read) -> None:
    shown = np.asarray(read(pdfs.pdf(pdfs.text("GHT 24-2"))).image.convert("L"))
    assert shown[0, 0] == 255
    assert 500 < (shown < 64).sum() < shown.size // 20


def test_pages_of_several_sizes_have_room_in_the_largest(read: Read) -> None:
    made = pdfs.objects(RED, GREEN)
    made[12] = made[12].replace(b"[0 0 595 842]", b"[0 0 1000 300]")
    scan = read(pdfs.written(made))
    assert scan.stack is not None
    assert scan.stack.size == (2084, 1755)
    assert [scan.stack.frame(index).size for index in (0, 1)] == [(1240, 1755), (2084, 625)]


@pytest.mark.parametrize(
    ("size", "pixels"), [((14_400, 14_400), (2500, 2500)), ((14_400, 1), (2500, 1)), ((3, 3), (7, 7))]
)
def test_paper_of_any_size_is_drawn_at_a_bounded_one(
    size: tuple[int, int], pixels: tuple[int, int], read: Read
) -> None:
    found = read(pdfs.pdf(RED, size=size)).image.size
    assert abs(found[0] - pixels[0]) <= 1
    assert abs(found[1] - pixels[1]) <= 1


def test_many_pages_are_drawn_smaller_so_that_all_fit(read: Read) -> None:
    scan = read(pdfs.pdf(*[RED] * 4), Bounds(pixels=100_000_000, samples=3_000_000))
    assert scan.stack is not None
    width, height = scan.stack.size
    assert 2_900_000 < width * height * 3 * 4 < 3_100_000


def test_scripts_do_not_run_and_forms_are_not_asked(read: Read) -> None:
    assert middle(read(pdfs.script()).image) == (0, 0, 255)


@pytest.mark.parametrize("make", [pdfs.locked, lambda: pdfs.pdf(*[RED] * 51), lambda: pdfs.counted(10**6)])
def test_what_cannot_be_shown_is_kept_with_the_reason(make: Callable[[], bytes], read: Read) -> None:
    with pytest.raises(NoPreview, match="PDF"):
        read(make())


def test_a_count_that_lies_shows_the_pages_that_are_there(read: Read) -> None:
    for count in (-1, 2**31 - 1):
        assert read(pdfs.counted(count)).frames == 1


def test_every_cut_is_refused(read: Read) -> None:
    whole = pdfs.pdf(RED, GREEN)
    for cut in range(9, len(whole) - 2, 17):
        with pytest.raises(Refused) as refused:
            read(whole[:cut])
        assert refused.value.rejection is Rejection.TRUNCATED


def test_a_table_of_places_that_lies_is_made_anew(read: Read) -> None:
    whole = pdfs.pdf(RED)
    assert middle(read(whole.replace(b"startxref\n", b"startxref\n9")).image) == (255, 0, 0)


def test_a_document_inside_another_file_is_bounded_by_it() -> None:
    class Held:
        size = 10

        def at(self, offset: int, length: int) -> bytes:
            return b"0123456789"[offset : offset + length]

    part = pdf.Part(Held(), 2, 6)
    assert (part.size, part.at(0, 99), part.at(3, 9), part.at(4, 1)) == (4, b"2345", b"5", b"")
