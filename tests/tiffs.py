"""TIFF files written by hand, tag by tag: layouts that no library writes, and hostile ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

SHORT, LONG, LONG8, ASCII = 3, 4, 16, 2
_LETTERS = {1: "B", SHORT: "H", LONG: "I", LONG8: "Q"}

Value = tuple[int, Sequence[int] | bytes]


@dataclass(frozen=True)
class Page:
    """One page: its tags (without those that say where its strips lie), and its strips."""

    tags: dict[int, Value]
    strips: list[bytes]
    offsets: list[int] | None = None
    lengths: list[int] | None = None

    def but(self, **over: object) -> Page:
        """The page with other strips, offsets or lengths."""
        return replace(self, **over)  # type: ignore[arg-type]

    def tagged(self, **tags: Value) -> Page:
        """The page with other tags: ``t256=(SHORT, [8])``."""
        return replace(self, tags=self.tags | {int(name[1:]): value for name, value in tags.items()})


@dataclass
class Written:
    """The file and the offset of each directory in it."""

    data: bytearray
    directories: list[int] = field(default_factory=list)


def page(pixels: NDArray[np.generic], rows: int = 5, photometric: int | None = None, order: str = "<") -> Page:
    """An uncompressed page: (height, width) or (height, width, samples), cut into strips of ``rows``."""
    height, width = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = pixels.dtype.newbyteorder("<" if order == "<" else ">")
    tags: dict[int, Value] = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [pixels.dtype.itemsize * 8] * samples),
        259: (SHORT, [1]),
        262: (SHORT, [photometric if photometric is not None else 2 if samples == 3 else 1]),
        277: (SHORT, [samples]),
        278: (LONG, [rows]),
        339: (SHORT, [{"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]] * samples),
    }
    return Page(tags, [pixels[top : top + rows].astype(kind).tobytes() for top in range(0, height, rows)])


def tiff(*pages: Page, order: str = "<", big: bool = False, last: int | None = None) -> bytes:
    """The file of some pages; ``last``: number of the page to which the last one points (a loop)."""
    return bytes(written(*pages, order=order, big=big, last=last).data)


def written(*pages: Page, order: str = "<", big: bool = False, last: int | None = None) -> Written:
    """Header, then for each page its strips and its directory."""
    mark = b"II" if order == "<" else b"MM"
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0))
    out = Written(bytearray(head))
    link = len(head) - (8 if big else 4)
    for each in pages:
        offsets = []
        for strip in each.strips:
            offsets.append(len(out.data))
            out.data += strip
        out.data += bytes(len(out.data) % 2)
        wide = LONG8 if big else LONG
        tags = each.tags | {
            273: (wide, offsets if each.offsets is None else each.offsets),
            279: (wide, [len(strip) for strip in each.strips] if each.lengths is None else each.lengths),
        }
        link = _append(out, tags, link, order, big)
    if last is not None:
        _point(out, link, out.directories[last], order, big)
    return out


def _append(out: Written, tags: dict[int, Value], link: int, order: str, big: bool) -> int:
    """Add a directory and let the one before point to it; the offset of its own pointer."""
    at = len(out.data)
    _point(out, link, at, order, big)
    out.directories.append(at)
    inline, step = (8, 20) if big else (4, 12)
    behind = at + (8 if big else 2) + step * len(tags) + inline
    rows, rest = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        rows += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(values))
        if len(data) > inline:
            rows += struct.pack(order + ("Q" if big else "I"), behind + len(rest))
            rest += data + bytes(len(data) % 2)
        else:
            rows += data.ljust(inline, b"\0")
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    out.data += count + rows + bytes(inline) + rest
    return behind - inline


def _point(out: Written, link: int, target: int, order: str, big: bool) -> None:
    pointer = struct.pack(order + ("Q" if big else "I"), target)
    out.data[link : link + len(pointer)] = pointer
