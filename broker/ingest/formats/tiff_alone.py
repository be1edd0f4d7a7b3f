"""One page of a TIFF file as a small file by itself, its tags reduced to those that say how to decode it.

A library that is given this never follows an offset that was not checked, and never reads more than one page.

Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence

from ...words import Rejection
from . import tiff_pages
from .seam import Refused
from .tiff_pages import Entry, File, Page

#: Size, depth, compression, colour; fill order, fax options, predictor, colour map, ink set, extra samples, sample
#: format, JPEG tables, YCbCr.
_HOW = (256, 257, 258, 259, 262, 266, 274, 277, 284, 292, 293, 317, 320, 332, 338, 339, 347, 529, 530, 531, 532)


def alone(file: File, page: Page) -> io.BytesIO:
    """A classic TIFF file in the same byte order with this page only. Raises Refused: TRUNCATED."""
    out = io.BytesIO()
    out.write((b"II" if file.order == "<" else b"MM") + struct.pack(file.order + "HI", 42, 0))
    offsets = []
    for at, length in page.parts:
        data = file.source.at(at, length)
        if page.compression == tiff_pages.JPEG and b"\xff\xd9" not in data[-16:]:
            # The decoder would fill the rest with grey and say nothing.
            raise Refused(Rejection.TRUNCATED, "a strip without its end")
        offsets.append(out.tell())
        out.write(data)
    tiled = tiff_pages.TILES in page.tags
    kept = (*_HOW, *((tiff_pages.TILE_WIDTH, tiff_pages.TILE_HEIGHT) if tiled else (tiff_pages.STRIP_ROWS,)))
    values = {tag: _value(file, page.tags[tag]) for tag in kept if tag in page.tags}
    values[tiff_pages.TILES if tiled else tiff_pages.STRIPS] = _longs(file.order, offsets)
    values[tiff_pages.TILE_BYTES if tiled else tiff_pages.STRIP_BYTES] = _longs(
        file.order, [length for _, length in page.parts]
    )
    out.write(bytes(out.tell() % 2))
    at = out.tell()
    out.write(_directory(file.order, values, at))
    out.seek(4)
    out.write(struct.pack(file.order + "I", at))
    out.seek(0)
    return out


def _value(file: File, entry: Entry) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag, with 64-bit numbers made 32-bit."""
    if entry.kind in (16, 18):
        return _longs(file.order, [min(number, 0xFFFF_FFFF) for number in file.numbers(entry)])
    if entry.length > tiff_pages.MAX_VALUES:
        raise Refused(Rejection.DECODE, "a tag of absurd length")
    data = file.raw(entry, tiff_pages.MAX_VALUES)
    if len(data) < entry.length:
        raise Refused(Rejection.TRUNCATED, "the values of a tag are missing")
    return entry.kind, entry.count, data


def _longs(order: str, numbers: Sequence[int]) -> tuple[int, int, bytes]:
    return 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)


def _directory(order: str, values: Mapping[int, tuple[int, int, bytes]], at: int) -> bytes:
    rows, rest = [], b""
    behind = at + 2 + 12 * len(values) + 4
    for tag, (kind, count, data) in sorted(values.items()):
        row = struct.pack(order + "HHI", tag, kind, count)
        if len(data) > 4:
            row += struct.pack(order + "I", behind + len(rest))
            rest += data + bytes(len(data) % 2)
        else:
            row += data.ljust(4, b"\0")
        rows.append(row)
    return struct.pack(order + "H", len(rows)) + b"".join(rows) + bytes(4) + rest
