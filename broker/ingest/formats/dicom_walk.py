"""Where everything lies in a DICOM file: its elements walked from start to pixel data, without a library.

Only lengths are followed, so a file of any size costs little, and what is handed to pydicom afterwards are the few
elements that are read here: private blocks, deep nesting and lengths that lie never reach it.
Source: DICOM PS3.5 sections 6.2, 7.1, 7.5 and A; PS3.10 section 7.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ...words import Rejection
from .dicom_bytes import Bytes, inflated
from .dicom_meta import LONG, PREFIX_AT, SHORT, has_prefix
from .seam import Refused, Source

#: A volume of 1,000 frames that describes each of them has some 50,000.
MAX_ELEMENTS = 300_000
MAX_DEPTH = 64

IMPLICIT, DEFLATED, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
PIXEL_DATA, FLOATS, DOUBLES = 0x7FE0_0010, 0x7FE0_0008, 0x7FE0_0009

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_PADDING = 0xFFFC_FFFC
_UNDEFINED = 0xFFFF_FFFF
_WINDOW = 1 << 16


@dataclass(frozen=True, slots=True)
class Place:
    """One top-level element: offsets of its header, its value and what follows; ``end`` is None if undefined."""

    start: int
    value: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's transfer syntax, how its elements are written, and where those at the top level lie, by tag."""

    data: Bytes
    syntax: str
    explicit: bool
    little: bool
    places: Mapping[int, Place]


def walk(source: Source) -> Layout:
    """Walk the file up to its pixel data, or its end.

    Raises:
        Refused: TRUNCATED if an element reaches beyond the end, DECODE for what are no elements, too many or too
            deeply nested ones, UNPACKED for a deflated bomb.
        NoPreview: a deflated file too large to unpack here.
    """
    start = PREFIX_AT + 4 if has_prefix(source.head) else 0
    at, syntax = _meta(source, start)
    data: Bytes = source
    if syntax == DEFLATED:
        data, at = inflated(source, at), 0
    little = syntax != BIG
    explicit = _looks_explicit(data, at, syntax)
    return Layout(data, syntax, explicit, little, _Walker(data, little).top(at, explicit))


def _meta(source: Source, at: int) -> tuple[int, str]:
    """The offset behind group 0002, always explicit little-endian, and the transfer syntax it names, or none."""
    walker, syntax = _Walker(source, True), ""
    while source.at(at, 2) == b"\x02\0":
        tag, _, value, length = walker.header(at, True)
        at = value + length
        if length == _UNDEFINED or at > source.size:
            raise Refused(Rejection.TRUNCATED, "meta information beyond the end")
        if tag == 0x0002_0010:
            syntax = source.at(value, min(length, 64)).rstrip(b"\0 ").decode("ascii", "replace")
    return at, syntax


def _looks_explicit(data: Bytes, at: int, syntax: str) -> bool:
    """How the elements are written: some writers name one syntax and use the other, so the first element tells."""
    kind = data.at(at + 4, 2)
    return kind in SHORT or kind in LONG if len(kind) == 2 else syntax != IMPLICIT


class _Walker:
    """Follows element lengths, window by window."""

    def __init__(self, data: Bytes, little: bool) -> None:
        self._data = data
        self._order = "<" if little else ">"
        self._window, self._base = b"", 0
        self._count = 0

    def top(self, at: int, explicit: bool) -> dict[int, Place]:
        """The elements at the top level from offset ``at``, the pixel data last."""
        places: dict[int, Place] = {}
        while at < self._data.size:
            if self._only_zeros(at):
                break
            tag, kind, value, length = self.header(at, explicit)
            if tag in (PIXEL_DATA, FLOATS, DOUBLES):
                places[tag] = Place(at, value, None if length == _UNDEFINED else value + length)
                break
            end = self._end(kind, value, length, explicit)
            if tag != _PADDING:
                places[tag] = Place(at, value, end)
            at = end
        return places

    def header(self, at: int, explicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, value representation (empty where none is written), offset and length of the value at ``at``."""
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise Refused(Rejection.DECODE, f"more than {MAX_ELEMENTS} elements")
        raw = self._peek(at)
        if len(raw) < 8:
            raise Refused(Rejection.TRUNCATED, "cut inside an element")
        group, number, length = struct.unpack(self._order + "HHI", raw[:8])
        tag, kind = group << 16 | number, raw[4:6]
        if not explicit or group == 0xFFFE:
            return tag, b"", at + 8, length
        if kind in SHORT:
            return tag, kind, at + 8, struct.unpack(self._order + "H", raw[6:8])[0]
        if kind not in LONG:
            raise Refused(Rejection.DECODE, "an element of no known kind")
        if len(raw) < 12:
            raise Refused(Rejection.TRUNCATED, "cut inside an element")
        return tag, kind, at + 12, struct.unpack(self._order + "I", raw[8:12])[0]

    def _end(self, kind: bytes, value: int, length: int, explicit: bool) -> int:
        """The offset behind a value; nested ones are walked to their end."""
        if length != _UNDEFINED and value + length > self._data.size:
            raise Refused(Rejection.TRUNCATED, "an element reaches beyond the end")
        if kind == b"SQ" or length == _UNDEFINED:
            return self._nested(value, _Level.of(kind, None if length == _UNDEFINED else value + length, explicit))
        return value + length

    def _nested(self, at: int, outermost: _Level) -> int:
        """Walk items and the elements in them; not by recursion, since the depth is the file's to choose."""
        levels = [outermost]
        while levels:
            level = levels[-1]
            if level.end is not None and at >= level.end:
                if at > level.end:
                    raise Refused(Rejection.DECODE, "an element reaches beyond its sequence")
                levels.pop()
                continue
            tag, kind, value, length = self.header(at, level.explicit)
            inner = None if length == _UNDEFINED else value + length
            if inner is not None and inner > self._data.size:
                raise Refused(Rejection.TRUNCATED, "an element reaches beyond the end")
            at = value
            if tag == level.closing:
                levels.pop()
            elif (deeper := level.inside(tag, kind, inner)) is not None:
                levels.append(deeper)
                if len(levels) > MAX_DEPTH:
                    raise Refused(Rejection.DECODE, f"nested deeper than {MAX_DEPTH}")
            elif inner is not None:
                at = inner
        return at

    def _peek(self, at: int) -> bytes:
        """The 12 bytes at ``at``; fewer only at the end."""
        offset = at - self._base
        if offset < 0 or offset + 12 > len(self._window):
            self._window, self._base = self._data.at(at, _WINDOW), at
            offset = 0
        return self._window[offset : offset + 12]

    def _only_zeros(self, at: int) -> bool:
        """Say whether only padding follows: some writers fill the last block of a disk."""
        return self._peek(at)[:8].strip(b"\0") == b"" and not self._data.at(at, _WINDOW).strip(b"\0")


@dataclass(frozen=True, slots=True)
class _Level:
    """What is being walked: a sequence's items, an item's elements, or fragments. ``end`` None: up to a delimiter."""

    name: str
    end: int | None
    explicit: bool

    @classmethod
    def of(cls, kind: bytes, end: int | None, explicit: bool) -> _Level:
        """The level that an element of this kind opens."""
        if kind in (b"OB", b"OW"):
            return cls("fragments", end, explicit)
        # Of unknown kind and undefined length means: a sequence, written implicitly (PS3.5 section 6.2.2).
        return cls("sequence", end, explicit and kind == b"SQ")

    @property
    def closing(self) -> int:
        """The delimiter that ends it."""
        return _ITEM_END if self.name == "item" else _SEQUENCE_END

    def inside(self, tag: int, kind: bytes, end: int | None) -> _Level | None:
        """The level that what is found here opens; None for a value that is stepped over. Raises Refused."""
        if self.name == "item":
            return _Level.of(kind, end, self.explicit) if kind == b"SQ" or end is None else None
        if tag != _ITEM or (self.name == "fragments" and end is None):
            raise Refused(Rejection.DECODE, "no item in a sequence")
        return _Level("item", end, self.explicit) if self.name == "sequence" else None
