"""TIFF: one page is a picture, several are the frames of one stack as large as the largest of them.

Browsers do not show TIFF, so a single picture gets a rendition without loss. More than 8 bits are scaled to 8, by one
rule for all pages. Pages of black and white only are taken for a document: the first stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce

from PIL import Image, ImageChops

from ...words import Rejection
from .. import facts
from . import deep, raster, tails, tiff_alone, tiff_pages
from .seam import Bounds, NoPreview, Refused, Scan, Source, Stack
from .tiff_pages import File, Page

MAX_TEXT = 1 << 10
MAX_PROFILE = 4 << 20
WHITE_IS_ZERO = 0

_SHOWN = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I", "I;16", "I;16B", "F"})


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Walk all directories, then yield the one scan. Raises Refused, NoPreview."""
    file = tiff_pages.opened(source)
    pages = file.pages(bounds)
    tails.check(source, min(file.end, source.size))
    size = max(_upright(page)[0] for page in pages), max(_upright(page)[1] for page in pages)
    bounds.check(*size, len(pages), max(page.samples for page in pages))
    about = _facts(file, pages[0])
    if len(pages) == 1:
        image = _decode(file, pages[0], bounds)
        yield Scan(_shallow(image, pages[0], deep.span(image)), icc=_profile(file, pages[0]), facts=about, full=True)
        return
    span = _common_span(file, pages, bounds)
    stack = Stack(
        count=len(pages),
        size=size,
        frame=lambda index: _frame(file, pages[index], bounds, span),
        document=all(page.bits == 1 for page in pages),
    )
    yield Scan.of(stack, about)


def _common_span(file: File, pages: list[Page], bounds: Bounds) -> deep.Range:
    """What is black and white in all pages; only deep ones are decoded for it, one at a time."""
    depths = [deep.span(_decode(file, page, bounds)) for page in pages if page.bits > 8 and page.samples == 1]
    return reduce(deep.Range.joined, depths) if depths else deep.Range(0, 255)


def _frame(file: File, page: Page, bounds: Bounds, span: deep.Range) -> Image.Image:
    image = _shallow(_decode(file, page, bounds), page, span)
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def _decode(file: File, page: Page, bounds: Bounds) -> Image.Image:
    """The page's pixels, upright. Raises Refused, or NoPreview for a layout that Pillow does not know."""
    # Closed when the picture is decoded: it would hold on to its file for as long as it lives.
    with tiff_alone.alone(file, page) as alone:
        try:
            image = raster.decode(alone, "TIFF", bounds)
        except raster.Unreadable:
            image = None
    if image is None or image.mode not in _SHOWN:
        raise NoPreview("This TIFF file is of a kind that cannot be shown here; it is kept as it is.")
    if image.size != _upright(page):
        raise Refused(Rejection.DECODE, "a picture of another size than its tags say")
    return image


def _shallow(image: Image.Image, page: Page, span: deep.Range) -> Image.Image:
    """8 bits a sample. Pillow turns white-is-zero round for 8 bits and less, but not for more."""
    if not deep.is_deep(image):
        return image
    grey = deep.eight_bits(image, span)
    return ImageChops.invert(grey) if page.photometric == WHITE_IS_ZERO else grey


def _upright(page: Page) -> tuple[int, int]:
    return (page.height, page.width) if page.orientation in (5, 6, 7, 8) else (page.width, page.height)


def _facts(file: File, page: Page) -> facts.Facts:
    main = {tag: file.raw(page.tags[tag], MAX_TEXT) for tag in (tiff_pages.MAKE, tiff_pages.MODEL) if tag in page.tags}
    return facts.from_exif(main, _exif(file, page), datetime.now(UTC))


def _exif(file: File, page: Page) -> dict[int, object]:
    """The EXIF directory; empty where it cannot be read: broken EXIF is no fault of the picture."""
    try:
        tags, _ = file.directory(file.numbers(page.tags[tiff_pages.EXIF])[0])
    except (KeyError, IndexError, Refused):
        return {}
    return {tag: file.raw(entry, MAX_TEXT) for tag, entry in tags.items() if entry.kind == 2}


def _profile(file: File, page: Page) -> bytes | None:
    entry = page.tags.get(tiff_pages.ICC)
    return (file.raw(entry, MAX_PROFILE) or None) if entry else None
