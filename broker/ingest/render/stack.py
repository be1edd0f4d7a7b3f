"""The renditions that only stacks have: ``frames.zip``, the localizer, the en-face picture.

``index.json`` in ``frames.zip``: ``version`` 1; ``count``; ``width`` and ``height`` of every frame in pixels;
``middle``, the slice that comes first; ``lossy``, whether the frames are less than what was recorded; ``spacing_mm``,
[row, column] per pixel of a frame, or null; ``localizer``, {width, height} of that rendition, or null; ``frames`` in
the order of the entries, the shown one first, then outward, each ``slice`` (from 0), ``name``, ``offset`` and
``bytes`` in the archive, ``line``: [x0, y0, x1, y1] or, of a circle, [x, y, radius], in pixels of the localizer
rendition, or null.

Frames are WebP, quality 90, method 0. Measured on a real B-scan of 768 x 496 pixels with 80 synthetic 3-pixel dots,
contrast of the dots kept (mean, worst), energy of the speckle kept, size, time to encode: WebP 80 97 %, 78 %, 89 %,
26 KiB, 6 ms; **WebP 90 98 %, 92 %, 95 %, 48 KiB, 9 ms**; WebP 90 method 4 99 %, 94 %, 85 %, 48 KiB, 30 ms; WebP 95
99 %, 95 %, 98 %, 73 KiB, 11 ms; without loss 258 KiB, 21 ms. Pages of few colours (text, drawn curves) are kept
without loss: loss would fray them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..formats import deep
from ..formats.seam import Line, Scan, Stack
from . import pack, picture
from .pack import MEDIA_TYPE

__all__ = ["MEDIA_TYPE", "Made", "make", "outward"]

VERSION = 1
#: Frames are pixel for pixel up to this side: far more than any B-scan has.
FRAME_SIDE = 4096
FEW_COLOURS = 2048
#: Share of the darkest and of the brightest pixels of an en-face picture that is cut off.
ENFACE_CUT = 0.005

_BYTES = deep.Range(0, 255)


@dataclass(frozen=True, slots=True)
class Made:
    """Size of the frames in pixels, the archive in pieces, and what belongs beside it."""

    size: tuple[int, int]
    archive: Iterator[bytes]
    localizer: Image.Image | None
    enface: Image.Image | None


def make(scan: Scan, stack: Stack, side: int) -> Made:
    """Decode each frame once and make all of it; localizer and en-face picture at most ``side`` pixels long.

    One frame at a time is in memory, and all of them encoded. Raises what ``stack.frame`` raises.
    """
    scale = min(1.0, FRAME_SIDE / max(stack.size))
    size = _scaled(stack.size, scale)
    localizer = stack.localizer and picture.finish(picture.shrink(stack.localizer, side), _BYTES)
    ratio = localizer.width / stack.localizer.width if localizer and stack.localizer else 1.0
    projection = _Projection(stack)
    frames, lossy = [], stack.lossy or scale < 1
    for index in outward(stack.count, stack.shown):
        image = scan.image if index == stack.shown else stack.frame(index)
        projection.add(index, image)
        data, exact = _encoded(_framed(image, size, scale, white=stack.document), few=stack.document)
        frames.append(pack.Frame(index, data, _line(stack.line(index), ratio)))
        lossy |= not exact
    spacing = scan.facts.spacing_mm
    head: dict[str, object] = {
        "version": VERSION,
        "count": stack.count,
        "width": size[0],
        "height": size[1],
        "middle": stack.shown,
        "lossy": lossy,
        "spacing_mm": [step / scale for step in spacing] if spacing else None,
        "localizer": {"width": localizer.width, "height": localizer.height} if localizer else None,
    }
    return Made(size, pack.pieces(head, frames), localizer, _enface(stack, projection, spacing, side))


def outward(count: int, first: int) -> Iterator[int]:
    """All numbers below ``count``: ``first``, the one behind it, the one before it, and so on."""
    yield first
    for step in range(1, count):
        if first + step < count:
            yield first + step
        if first >= step:
            yield first - step


def _framed(image: Image.Image, size: tuple[int, int], scale: float, *, white: bool) -> Image.Image:
    """A frame in grey or RGB and of ``size``; a smaller one in the middle of an empty page of that size."""
    if scale < 1:
        image = picture.resize(image, _scaled(image.size, scale))
    if image.mode not in ("L", "RGB"):
        image = picture.finish(image, deep.span(image))
    if image.size == size:
        return image
    page = Image.new(image.mode, size, "white" if white else "black")
    page.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return page


def _encoded(image: Image.Image, *, few: bool) -> tuple[bytes, bool]:
    """The frame as WebP, and whether that is exact."""
    image.info.clear()
    if few and image.getcolors(FEW_COLOURS):
        return picture.lossless_webp(image), True
    return picture.webp(image, quality=90, method=0), False


def _line(line: Line | None, ratio: float) -> Line | None:
    return None if line is None else tuple(round(part * ratio, 2) for part in line)  # type: ignore[return-value]


def _scaled(size: tuple[float, float], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class _Projection:
    """The mean brightness of each A-scan: one row of pixels for each slice of a volume of parallel slices."""

    def __init__(self, stack: Stack) -> None:
        self._width = stack.size[0]
        wanted = stack.between_mm and stack.count > 1 and not stack.enface and not stack.document
        self.rows = np.zeros((stack.count, self._width), np.float32) if wanted else None

    def add(self, index: int, image: Image.Image) -> None:
        """Take in one slice; a slice of another width means that there is no such picture."""
        if self.rows is None or image.width != self._width:
            self.rows = None
            return
        depth = np.asarray(image if image.mode == "L" else image.convert("L"))
        self.rows[index] = depth.sum(axis=0, dtype=np.uint32) / np.float32(image.height)


def _enface(
    stack: Stack, projection: _Projection, spacing: tuple[float, float] | None, side: int
) -> Image.Image | None:
    """The view from the front, with square pixels; None where distances are unknown: it would mislead."""
    if stack.enface:
        return picture.finish(picture.shrink(stack.enface, side), deep.span(stack.enface))
    if projection.rows is None or spacing is None or not stack.between_mm:
        return None
    # Not by numpy's own percentile: that imports a module when it is first called, which the sandbox forbids.
    ranked = np.sort(projection.rows, axis=None)
    low, high = ranked[int(ENFACE_CUT * ranked.size)], ranked[-1 - int(ENFACE_CUT * ranked.size)]
    grey = (projection.rows - low) * (255 / max(float(high - low), 1.0))
    shown, turned = _as_localizer(np.clip(grey + 0.5, 0, 255).astype(np.uint8), stack.lines)
    # Millimetres of a pixel across and down; the finer one counts, so that nothing is lost.
    across, down = (stack.between_mm, spacing[1]) if turned else (spacing[1], stack.between_mm)
    size = shown.shape[1] * across, shown.shape[0] * down
    scale = min(1 / min(across, down), side / max(size))
    return Image.fromarray(shown).resize(_scaled(size, scale), Image.Resampling.BICUBIC)


def _as_localizer(rows: NDArray[np.uint8], lines: Sequence[Line | None]) -> tuple[NDArray[np.uint8], bool]:
    """Turn and mirror the projection so that it lies as the localizer does; say whether it was turned.

    Without lines it stays as it is, the first slice on top.
    """
    first, last = (lines[0], lines[-1]) if len(lines) == len(rows) else (None, None)
    if first is None or last is None or len(first) != 4 or len(last) != 4:
        return rows, False
    along = (first[2] - first[0], first[3] - first[1])
    onward = (last[0] - first[0], last[1] - first[1])
    turned = abs(along[1]) > abs(along[0])
    if turned:
        rows, along, onward = rows.T, along[::-1], onward[::-1]
    # Now A-scans run along x and slices along y.
    rows = rows[:, ::-1] if along[0] < 0 else rows
    rows = rows[::-1] if onward[1] < 0 else rows
    return np.ascontiguousarray(rows), turned
