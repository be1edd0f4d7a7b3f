"""TIFF and BigTIFF: the directories walked by hand, every size and offset compared with the file; nothing is decoded.

Source: TIFF 6.0; Adobe Photoshop TIFF Technical Notes (ZIP, JPEG); the BigTIFF design of libtiff.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...words import Rejection
from .seam import Bounds, NoPreview, Refused, Source

MAX_PAGES = 4096
MAX_ENTRIES = 512
MAX_VALUES = 1 << 20
#: Strips and tiles of all pages together.
MAX_PARTS = 2 << 20
#: No honest file holds a larger offset or length than this, in bytes.
MAX_OFFSET = 1 << 40

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANAR = 256, 257, 258, 259, 262, 274, 277, 284
MAKE, MODEL, EXIF, ICC = 271, 272, 34665, 34675
SUBFILE, STRIPS, STRIP_ROWS, STRIP_BYTES = 254, 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
#: None, CCITT (3), LZW, JPEG, ZIP (2), PackBits, LZMA, Zstandard, WebP.
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32946, 32773, 34925, 50000, 50001})
NONE, JPEG = 1, 7
_YCBCR = 6
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
#: How many times longer than its pixels the coded data of a strip may be: LZW at its worst takes 12 bits for 8, fax
#: codes 6 for a single dot. Small JPEG strips are mostly tables.
_FAX = frozenset({2, 3, 4})
_WORST, _WORST_FAX, _SLACK = 1.5, 8, 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its type, number of values, and the offset of the first in the file."""

    kind: int
    count: int
    at: int

    @property
    def length(self) -> int:
        """Length of the values in bytes; 0 for a type that does not exist."""
        return _TYPE_BYTES.get(self.kind, 0) * self.count


@dataclass(frozen=True, slots=True)
class Page:
    """One picture: its tags, its size in pixels as stored, and its strips or tiles as (offset, length)."""

    tags: Mapping[int, Entry]
    width: int
    height: int
    samples: int
    bits: int
    compression: int
    photometric: int
    orientation: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """How a page is cut up: bytes of a row and rows of a strip or tile, how many of them a plane has, the planes."""

    tiled: bool
    row: int
    rows: int
    parts: int
    planes: int


@dataclass(slots=True)
class File:
    """A TIFF file: byte order (as ``struct`` writes it), whether it is a BigTIFF, and how far its data reach."""

    source: Source
    order: str
    big: bool
    end: int = 0
    _parts_seen: int = 0
    _seen: set[int] = field(default_factory=set)

    def pages(self, bounds: Bounds) -> list[Page]:
        """Every page, in order, without the reduced copies that some writers add.

        Raises:
            Refused: PIXELS; UNPACKED for too many pages or strips longer than their pixels; TRUNCATED if data lie
                beyond the end of the file; DECODE for loops, absurd numbers and missing tags.
            NoPreview: a page is compressed in a way that is not read here.
        """
        found: list[Page] = []
        reduced: list[Page] = []
        for tags in self._directories():
            page = self._page(tags, bounds)
            (reduced if self._number(tags, SUBFILE, 0) & 1 else found).append(page)
        return found or reduced

    def raw(self, entry: Entry, most: int) -> bytes:
        """The bytes of a tag's values; empty if there are more than ``most``, or if they are not there."""
        return self.source.at(entry.at, entry.length) if entry.length <= most and entry.at <= MAX_OFFSET else b""

    def numbers(self, entry: Entry) -> tuple[int, ...]:
        """The values of a tag that holds whole numbers. Raises Refused: DECODE."""
        letter = _INTEGERS.get(entry.kind)
        if letter is None or entry.count > MAX_VALUES:
            raise Refused(Rejection.DECODE, "a tag of a wrong type or absurd length")
        data = self.raw(entry, entry.length)
        if len(data) < entry.length:
            raise Refused(Rejection.TRUNCATED, "the values of a tag are missing")
        return struct.unpack(f"{self.order}{entry.count}{letter}", data)

    def directory(self, at: int) -> tuple[dict[int, Entry], int]:
        """The tags of the directory at an offset, and the offset of the next. Raises Refused."""
        if at > MAX_OFFSET or at in self._seen:
            raise Refused(Rejection.DECODE, "directories in a circle, or nowhere")
        self._seen.add(at)
        lead, step, inline, letter = (8, 20, 8, "Q") if self.big else (2, 12, 4, "I")
        raw = self.source.at(at, lead)
        if len(raw) < lead:
            raise Refused(Rejection.TRUNCATED, "a directory is missing")
        count = struct.unpack(self.order + ("Q" if self.big else "H"), raw)[0]
        if count > MAX_ENTRIES:
            raise Refused(Rejection.DECODE, "a directory of absurd length")
        raw = self.source.at(at + lead, count * step + inline)
        if len(raw) < count * step + inline:
            raise Refused(Rejection.TRUNCATED, "cut inside a directory")
        tags = {}
        for number in range(count):
            tag, kind, values = struct.unpack_from(self.order + "HH" + letter, raw, number * step)
            place = at + lead + number * step + step - inline
            if _TYPE_BYTES.get(kind, 0) * values > inline:
                place = struct.unpack_from(self.order + letter, raw, number * step + step - inline)[0]
            tags[tag] = Entry(kind, values, place)
            self._reach(place + min(_TYPE_BYTES.get(kind, 0) * values, MAX_OFFSET))
        self._reach(at + lead + len(raw))
        return tags, struct.unpack_from(self.order + letter, raw, count * step)[0]

    def _directories(self) -> Iterator[dict[int, Entry]]:
        at = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.source.head, 8 if self.big else 4)[0]
        for _ in range(MAX_PAGES):
            tags, at = self.directory(at)
            yield tags
            if not at:
                return
        raise Refused(Rejection.UNPACKED, f"more than {MAX_PAGES} pages")

    def _page(self, tags: Mapping[int, Entry], bounds: Bounds) -> Page:
        width, height = self._number(tags, WIDTH), self._number(tags, HEIGHT)
        samples, compression = self._number(tags, SAMPLES, 1), self._number(tags, COMPRESSION, NONE)
        bounds.check(width, height, 1, samples)
        bits = self.numbers(tags[BITS]) if BITS in tags and tags[BITS].count <= 64 else (1,)
        if not bits or not 0 < max(bits) <= 64 or samples > 64:
            raise Refused(Rejection.DECODE, "impossible depth")
        if compression not in _COMPRESSIONS:
            raise NoPreview("This TIFF file is compressed in a way that cannot be read here; it is kept as it is.")
        page = Page(
            tags=tags,
            width=width,
            height=height,
            samples=samples,
            bits=max(bits),
            compression=compression,
            photometric=self._number(tags, PHOTOMETRIC, 0),
            orientation=self._number(tags, ORIENTATION, 1),
            parts=(),
        )
        return replace(page, parts=self._parts(page, self._grid(page, bounds)))

    def _grid(self, page: Page, bounds: Bounds) -> Grid:
        """How the page is cut up. Raises Refused: PIXELS for tiles beyond measure."""
        planes = page.samples if self._number(page.tags, PLANAR, 1) == 2 else 1
        tiled = TILES in page.tags
        if tiled:
            wide, high = self._number(page.tags, TILE_WIDTH), self._number(page.tags, TILE_HEIGHT)
        else:
            wide, high = page.width, min(self._number(page.tags, STRIP_ROWS, page.height), page.height)
        bounds.check(wide, high)
        row = (wide * page.bits * (page.samples // planes) + 7) // 8
        return Grid(tiled, row, high, -(-page.width // wide) * -(-page.height // high), planes)

    def _parts(self, page: Page, grid: Grid) -> tuple[tuple[int, int], ...]:
        """The strips or tiles, compared with the page and with the file. Raises Refused."""
        at, length = (TILES, TILE_BYTES) if grid.tiled else (STRIPS, STRIP_BYTES)
        needed = grid.parts * grid.planes
        if any(tag not in page.tags or not needed <= page.tags[tag].count <= MAX_VALUES for tag in (at, length)):
            raise Refused(Rejection.DECODE, "fewer strips than the page needs, or absurdly many")
        self._parts_seen += needed
        if self._parts_seen > MAX_PARTS:
            raise Refused(Rejection.UNPACKED, "more strips than any camera writes")
        offsets, lengths = (self.numbers(replace(page.tags[tag], count=needed)) for tag in (at, length))
        if max(offsets) > MAX_OFFSET or max(lengths) > MAX_OFFSET:
            raise Refused(Rejection.DECODE, "strips that make no sense")
        exact = page.compression == NONE and page.photometric != _YCBCR
        worst = _WORST_FAX if page.compression in _FAX else _WORST
        for number, (start, size) in enumerate(zip(offsets, lengths, strict=True)):
            rows = grid.rows if grid.tiled else min(grid.rows, page.height - number % grid.parts * grid.rows)
            if size > grid.row * rows * worst + _SLACK:
                raise Refused(Rejection.UNPACKED, "a strip is longer than its pixels")
            if exact and size < grid.row * rows:
                raise Refused(Rejection.TRUNCATED, "a strip is shorter than its pixels")
            self._reach(start + size)
        self._check_place(offsets, lengths)
        return tuple(zip(offsets, lengths, strict=True))

    def _check_place(self, offsets: Sequence[int], lengths: Sequence[int]) -> None:
        size = self.source.size
        if max(start + length for start, length in zip(offsets, lengths, strict=True)) > size:
            # Of a file that was cut, something is there; what points to nowhere was never written so.
            raise Refused(Rejection.TRUNCATED if min(offsets) < size else Rejection.DECODE, "strips beyond the end")
        if sum(lengths) > size:
            raise Refused(Rejection.UNPACKED, "strips lie over each other")

    def _number(self, tags: Mapping[int, Entry], tag: int, default: int | None = None) -> int:
        if tag not in tags:
            if default is None:
                raise Refused(Rejection.DECODE, "a tag is missing")
            return default
        if not tags[tag].count:
            raise Refused(Rejection.DECODE, "a tag without a value")
        return self.numbers(replace(tags[tag], count=1))[0]

    def _reach(self, end: int) -> None:
        self.end = max(self.end, end)


def opened(source: Source) -> File:
    """Read the first bytes: byte order, and whether offsets have 32 or 64 bits."""
    if len(source.head) < 16:
        raise Refused(Rejection.TRUNCATED, "cut inside the header")
    order = "<" if source.head[:2] == b"II" else ">"
    return File(source, order, big=struct.unpack_from(order + "H", source.head, 2)[0] == 43)
