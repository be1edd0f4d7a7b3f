"""The pixels of a DICOM file: what its header claims they are, checked before a byte of them is read.

Sources: DICOM PS3.3 C.7.6.3 (image pixel), PS3.5 section 8 and annex A (transfer syntaxes).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...words import Rejection
from .dicom_header import Header
from .dicom_walk import BIG, DEFLATED, DOUBLES, FLOATS, IMPLICIT, PIXEL_DATA, Layout
from .seam import Bounds, NoPreview, Refused

EXPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"
NATIVE = frozenset({"", IMPLICIT, EXPLICIT, BIG, DEFLATED})
JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
PACKED = frozenset(
    {RLE, JPEG_BASELINE, JPEG_EXTENDED, *JPEG_LOSSLESS, JPEG_LS, JPEG_LS_NEAR, JPEG_2000_LOSSLESS, JPEG_2000}
)
LOSSY = frozenset({JPEG_BASELINE, JPEG_EXTENDED, JPEG_LS_NEAR, JPEG_2000})

_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True, slots=True)
class Pixels:
    """How the pixels are stored: sizes in pixels, depths in bits; ``depth`` of those ``allocated`` are used."""

    width: int
    height: int
    frames: int
    samples: int
    allocated: int
    depth: int
    signed: bool
    floats: bool
    photometric: str
    planar: bool
    syntax: str

    @property
    def halved(self) -> bool:
        """Whether two neighbours share their colour, as they lie in the file."""
        return self.photometric == "YBR_FULL_422" and self.syntax in NATIVE

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame, unpacked."""
        samples = 2 if self.halved else self.samples
        return self.width * self.height * samples * self.allocated // 8


def describe(header: Header, layout: Layout, bounds: Bounds) -> Pixels:
    """Read and check what the header claims.

    Raises:
        Refused: PIXELS for sizes out of bounds, DECODE where depths contradict each other.
        NoPreview: for what is not drawn here, or not said.
    """
    tag = next((tag for tag in (PIXEL_DATA, FLOATS, DOUBLES) if tag in layout.places), PIXEL_DATA)
    frames = header.integer(0x0028_0008) if header.has(0x0028_0008) else 1
    width, height, samples = (header.integer(tag) for tag in (0x0028_0011, 0x0028_0010, 0x0028_0002))
    if not header.has(0x0028_0011) or not header.has(0x0028_0010):
        raise NoPreview("This DICOM file does not say how large its picture is.")
    bounds.check(width or 0, height or 0, 0 if frames is None else frames, samples or 1)
    if samples is None or not header.has(0x0028_0100) or not header.has(0x0028_0004):
        raise NoPreview("This DICOM file does not say how its pixels are stored.")
    pixels = Pixels(
        width=width or 0,
        height=height or 0,
        frames=frames or 0,
        samples=samples,
        allocated=header.integer(0x0028_0100) or 0,
        depth=header.integer(0x0028_0101) or header.integer(0x0028_0100) or 0,
        signed=header.integer(0x0028_0103) == 1,
        floats=tag != PIXEL_DATA,
        photometric=header.word(0x0028_0004),
        planar=header.integer(0x0028_0006) == 1,
        syntax=layout.syntax,
    )
    _check(pixels, header.integer(0x0028_0102))
    return pixels


def _check(pixels: Pixels, high: int | None) -> None:
    if pixels.floats:
        if pixels.samples != 1 or pixels.allocated not in (32, 64) or pixels.syntax not in NATIVE:
            raise Refused(Rejection.DECODE, "impossible floating point pixels")
        return
    if pixels.allocated and (pixels.depth > pixels.allocated or (high is not None and high != pixels.depth - 1)):
        raise Refused(Rejection.DECODE, "bits stored do not fit those allocated")
    wanted = {1: _GREY, 3: _COLOUR}.get(pixels.samples, ())
    if pixels.photometric not in wanted:
        if pixels.photometric in _GREY + _COLOUR:
            raise Refused(Rejection.DECODE, f"{pixels.samples} samples cannot be its kind of colour")
        raise NoPreview("The colours of this DICOM file are of a kind that is not drawn here.")
    if pixels.allocated not in (8, 16):
        raise NoPreview("The depth of the pixels in this DICOM file is none that is drawn here.")
    if pixels.halved and (pixels.width % 2 or pixels.allocated != 8):
        raise Refused(Rejection.DECODE, "shared colours in an odd row")
    if pixels.photometric in ("YBR_ICT", "YBR_RCT") and pixels.syntax not in (JPEG_2000, JPEG_2000_LOSSLESS):
        raise Refused(Rejection.DECODE, "colours of JPEG 2000 without it")
