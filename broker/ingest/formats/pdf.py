"""PDF: its pages drawn by PDFium, one at a time, as the frames of a document. No text is taken out, no script runs.

Forms are drawn as the file itself has painted them: the form machinery, which runs scripts, is never started.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from typing import Protocol

import pypdfium2
from PIL import Image
from pypdfium2 import raw as pdfium

from ...words import Kind, Rejection
from ..facts import Facts
from .seam import Bounds, NoPreview, Refused, Scan, Source, Stack

DOTS_PER_INCH = 150
#: The longer side of a page in pixels, however large its paper; a little more than A4 at 200 dots per inch.
MAX_SIDE = 2500
MAX_PAGES = 50
#: Drawings that contain each other can grow without end, and PDFium does not look at a clock: the process is ended.
PAGE_SECONDS = 3.0
#: A document is held in memory whole.
MAX_BYTES = 128 << 20

_POINTS_PER_INCH = 72
#: The end marker must stand in the last 1024 bytes: Adobe's own rule.
_TAIL = 1024
_LOCKED = (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)


class Readable(Protocol):
    """Bytes read by offset."""

    size: int

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``."""


class Part:
    """A document inside another file, from ``start`` up to ``end``."""

    def __init__(self, data: Readable, start: int, end: int) -> None:
        self._data, self._start = data, start
        self.size = end - start

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset`` in the document."""
        return self._data.at(self._start + offset, max(0, min(length, self.size - offset)))


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Open the document and yield it as one scan. Raises Refused, NoPreview."""
    yield scan(source, bounds, Facts(kind=Kind.DOCUMENT))


def scan(data: Readable, bounds: Bounds, facts: Facts) -> Scan:
    """Open a document and check its pages' sizes; they are drawn when they are asked for.

    Raises:
        Refused: TRUNCATED if its end marker is missing, DECODE if it or a page of it cannot be read.
        NoPreview: if it is locked, too long or too large.
    """
    if data.size > MAX_BYTES:
        raise NoPreview(f"PDF files of more than {MAX_BYTES >> 20} MiB are kept without a preview.")
    pages = _Pages(_open(data.at(0, data.size)), bounds)
    if len(pages.sizes) == 1:
        return Scan(pages.draw(0), facts=facts, full=True)
    largest = (max(width for width, _ in pages.sizes), max(height for _, height in pages.sizes))
    return Scan.of(Stack(len(pages.sizes), largest, pages.draw, document=True), facts)


def _open(content: bytes) -> pypdfium2.PdfDocument:
    if b"%%EOF" not in content.rstrip(b"\0")[-_TAIL:]:
        raise Refused(Rejection.TRUNCATED, "no end marker")
    try:
        document = pypdfium2.PdfDocument(content)
        count = len(document)
    except pypdfium2.PdfiumError as fault:
        if fault.err_code in _LOCKED:
            raise NoPreview("This PDF is locked with a password; it is kept without a preview.") from fault
        raise Refused(Rejection.DECODE, f"PDFium error {fault.err_code}") from fault
    if count > MAX_PAGES:
        raise NoPreview(f"PDF files of more than {MAX_PAGES} pages are kept without a preview.")
    return document


class _Pages:
    """The pages of one document, and how large each is drawn: (width, height) in pixels."""

    def __init__(self, document: pypdfium2.PdfDocument, bounds: Bounds) -> None:
        self._document = document
        points = [self._points(index) for index in range(len(document))]
        self._scales = [min(DOTS_PER_INCH / _POINTS_PER_INCH, MAX_SIDE / max(size)) for size in points]
        samples = 3 * sum(w * h * scale * scale for (w, h), scale in zip(points, self._scales, strict=True))
        if samples > bounds.samples:
            self._scales = [scale * math.sqrt(bounds.samples / samples) for scale in self._scales]
        self.sizes = [
            (math.ceil(width * scale), math.ceil(height * scale))
            for (width, height), scale in zip(points, self._scales, strict=True)
        ]

    def _points(self, index: int) -> tuple[float, float]:
        try:
            width, height = self._document.get_page_size(index)
        except pypdfium2.PdfiumError as fault:
            raise Refused(Rejection.DECODE, "a page without size") from fault
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise Refused(Rejection.DECODE, "a page without size")
        return width, height

    def draw(self, index: int) -> Image.Image:
        """Draw one page on white."""
        try:
            return _drawn(self._document, index, self._scales[index])
        except pypdfium2.PdfiumError as fault:
            raise Refused(Rejection.DECODE, "a page that cannot be drawn") from fault


def _drawn(document: pypdfium2.PdfDocument, index: int, scale: float) -> Image.Image:
    """Draw a page; ends the process if that takes too much of the processor's time."""
    signal.setitimer(signal.ITIMER_PROF, PAGE_SECONDS)
    page = document[index]
    try:
        # A copy, since the pixels lie in memory that goes with the page.
        picture: Image.Image = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True).to_pil()
        return picture.convert("RGB").copy()
    finally:
        page.close()
        signal.setitimer(signal.ITIMER_PROF, 0)


def _warm() -> None:
    """Draw an empty page: the library imports what it draws with only then."""
    with pypdfium2.PdfDocument.new() as document:
        document.new_page(10, 10).close()
        _drawn(document, 0, 1)


_warm()
