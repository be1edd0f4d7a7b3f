"""DICOM: pictures, volumes and documents out of a file whose every claim is checked first.

The file is walked without a library (``dicom_walk.py``); the few elements that are read go through pydicom
(``dicom_header.py``); pixels are decoded one frame at a time, so that memory is that of one frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from PIL import Image

from ...words import Rejection
from ..facts import Facts
from . import dicom_decode, dicom_facts, dicom_kind, dicom_pixels, dicom_place, pdf
from .dicom_frames import Frames, locate
from .dicom_header import Header
from .dicom_meta import has_prefix, is_directory, preamble_is_legal
from .dicom_pixels import Pixels
from .dicom_tone import Tone
from .dicom_walk import DOUBLES, FLOATS, PIXEL_DATA, Layout, walk
from .seam import Bounds, NoPreview, Refused, Scan, Source, Stack

_DOCUMENT = 0x0042_0011
_PICTURES = tuple(dicom_kind.SOP_PREFIX + part for part in ("77.1.", "7.", "6.1", "3.1"))
#: Frames that are looked at to find the brightness of a volume that does not state it.
_SAMPLES = 5


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Check the file and yield its scan.

    Raises:
        Refused: PREAMBLE (CVE-2019-11687: a program may hide there), FILESET for a DICOMDIR, PIXELS from the header
            alone, TRUNCATED, DECODE, UNPACKED.
        NoPreview: where the file holds no picture, or one that is not drawn here.
    """
    if has_prefix(source.head) and not preamble_is_legal(source.head):
        raise Refused(Rejection.PREAMBLE, "preamble is neither zero nor a TIFF header")
    if is_directory(source.head, source.size):
        raise Refused(Rejection.FILESET, "media storage directory")
    layout = walk(source)
    if not layout.places:
        raise Refused(Rejection.TRUNCATED, "nothing behind the meta information")
    header = Header.read(layout)
    facts = dicom_facts.read(header, dicom_kind.kind(header), datetime.now(UTC))
    try:
        yield _scan(layout, header, bounds, facts)
    except NoPreview as reason:
        raise NoPreview(str(reason), facts) from None


def _document(layout: Layout) -> pdf.Part:
    place = layout.places[_DOCUMENT]
    part = pdf.Part(layout.data, place.value, layout.data.size if place.end is None else place.end)
    if b"%PDF-" not in part.at(0, 1024):
        raise NoPreview("This DICOM file holds a document of a kind that is not drawn here.")
    return part


def _expect_pixels(layout: Layout, header: Header) -> None:
    if not layout.places.keys().isdisjoint((PIXEL_DATA, FLOATS, DOUBLES)):
        return
    if header.has(0x0028_0010) or header.text(0x0008_0016).startswith(_PICTURES):
        raise Refused(Rejection.TRUNCATED, "the file ends before its pixels")
    raise NoPreview("This DICOM file holds no picture; it is kept as it is.")


def _scan(layout: Layout, header: Header, bounds: Bounds, facts: Facts) -> Scan:
    if _DOCUMENT in layout.places:
        return pdf.scan(_document(layout), bounds, facts)
    _expect_pixels(layout, header)
    pixels = dicom_pixels.describe(header, layout, bounds)
    dicom_decode.readable(pixels)
    frames = locate(layout, header, pixels)
    _expect_plain(header, pixels, frames)
    reader = _Reader(layout, header, pixels, frames, bounds)
    if pixels.frames == 1:
        return Scan(reader.frame(0), icc=header.raw(0x0028_2000) or None, facts=facts, full=True)
    lines = dicom_place.lines(header, pixels.frames)
    lossy = pixels.syntax in dicom_pixels.LOSSY or header.text(0x0028_2110) == "01"
    between = dicom_place.between(header, lines)
    size = (pixels.width, pixels.height)
    return Scan.of(Stack(pixels.frames, size, reader.frame, lines=lines, between_mm=between, lossy=lossy), facts)


def _expect_plain(header: Header, pixels: Pixels, frames: Frames) -> None:
    """Zeiss devices scramble the JPEG 2000 data of their own exports: not damaged, but for no other program."""
    two_thousand = pixels.syntax in (dicom_pixels.JPEG_2000, dicom_pixels.JPEG_2000_LOSSLESS)
    maker = header.text(0x0008_0070).casefold()
    if two_thousand and "zeiss" in maker and b"\xff\x4f\xff\x51" not in frames.start(0, 1 << 12):
        raise NoPreview("Zeiss has made the picture in this DICOM file unreadable for others. Export it unobfuscated.")


class _Reader:
    """Decodes frames of one file, all by one tone."""

    def __init__(self, layout: Layout, header: Header, pixels: Pixels, frames: Frames, bounds: Bounds) -> None:
        self._pixels, self._frames, self._bounds = pixels, frames, bounds
        place = next(layout.places[tag] for tag in (PIXEL_DATA, FLOATS, DOUBLES) if tag in layout.places)
        self._words = layout.data.at(place.start + 4, 2) == b"OW"
        self._tone = Tone(header, pixels, self._samples)

    def frame(self, index: int) -> Image.Image:
        """The picture of one frame. Raises Refused."""
        return self._tone(*self._values(index))

    def _values(self, index: int) -> tuple[dicom_decode.Array, str]:
        return dicom_decode.decode(self._frames.packed(index), self._pixels, self._bounds, words=self._words)

    def _samples(self) -> Iterator[dicom_decode.Array]:
        last = self._pixels.frames - 1
        for index in sorted({last * part // (_SAMPLES - 1) for part in range(_SAMPLES)}):
            yield self._values(index)[0]
