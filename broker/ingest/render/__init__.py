"""Make the renditions of one scan.

``thumbnail`` and ``display`` of every scan, with an inline placeholder; ``full`` where browsers cannot show the file;
of a stack also ``frames``, ``localizer`` and ``enface``, see ``stack.py``. All are sRGB or grey, turned the right way
up, never enlarged, and carry no metadata at all.

The thumbnail of a volume of ten slices and more is its en-face picture if there is one; else it shows what display
shows: the picture, the middle slice, the first page.

Display is JPEG, quality 90, no chroma subsampling. Measured on a fundus photograph of 1411 x 1411 pixels with 100
synthetic 3-pixel dots, contrast kept in the green channel (mean, worst dot) and time to encode: JPEG 90 4:4:4 90 %,
82 %, 8 ms; JPEG 90 4:2:0 80 %, 72 %, 5 ms; WebP 80 76 %, 65 %, 242 ms; WebP 90 86 %, 76 %, 138 ms. The microaneurysms
of ``assets/samples/microaneurysms.png`` keep their contrast in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image

from ...names import Rendition
from ..formats import deep
from ..formats.seam import Scan
from . import picture, stack

THUMBNAIL_SIDE = 384
DISPLAY_SIDE = 1600
#: From this many slices on, a volume is known by its en-face picture.
ENFACE_FROM = 10

#: Takes (rendition, media type, (width, height) in pixels, bytes in pieces): whoever calls keeps them.
Keep = Callable[[Rendition, str, tuple[int, int], Iterable[bytes]], None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Size of the scan in pixels as seen, orientation applied, and its placeholder as a data URI."""

    width: int
    height: int
    placeholder: str


def render(scan: Scan, keep: Keep) -> Rendered:
    """Hand each rendition of ``scan`` to ``keep``. Raises Refused, NoPreview: what decoding a frame raises."""
    span = deep.span(scan.image)
    display = picture.finish(picture.shrink(scan.image, DISPLAY_SIDE), span, scan.orientation, scan.icc)
    keep(Rendition.DISPLAY, "image/jpeg", display.size, [picture.jpeg(display)])
    enface = _stack(scan, keep)
    poster = enface if enface and scan.frames >= ENFACE_FROM else display
    thumbnail = picture.shrink(poster, THUMBNAIL_SIDE)
    keep(Rendition.THUMBNAIL, "image/webp", thumbnail.size, [picture.webp(thumbnail)])
    if scan.frames == 1 and (scan.full or not _browsers_show(scan.image)):
        full = picture.finish(scan.image, span, scan.orientation, scan.icc, last=True)
        keep(Rendition.FULL, "image/png", full.size, [picture.png(full)])
    return Rendered(*_size(scan), picture.placeholder(thumbnail))


def _stack(scan: Scan, keep: Keep) -> Image.Image | None:
    """Make what only stacks have; the en-face picture, if there is one."""
    if scan.stack is None:
        return None
    made = stack.make(scan, scan.stack, DISPLAY_SIDE)
    keep(Rendition.FRAMES, stack.MEDIA_TYPE, made.size, made.archive)
    for name, image in ((Rendition.LOCALIZER, made.localizer), (Rendition.ENFACE, made.enface)):
        if image:
            keep(name, "image/jpeg", image.size, [picture.jpeg(image)])
    return made.enface


def _browsers_show(image: Image.Image) -> bool:
    # Deep grey is shown cut to its upper byte, black for 12-bit cameras; CMYK is shown in any of several colours.
    return not deep.is_deep(image) and image.mode != "CMYK"


def _size(scan: Scan) -> tuple[int, int]:
    width, height = scan.stack.size if scan.stack else scan.image.size
    return (width, height) if scan.orientation < 5 else (height, width)
