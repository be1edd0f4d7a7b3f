"""JPEG: its markers walked from start to end, then decoded in full.

What cameras append behind the picture's end is tolerated, what could be opened as something else is not: ``tails.py``.
Source of markers: ITU-T T.81 annex B.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ...words import Rejection
from . import raster, tails
from .seam import Bounds, Refused, Scan, Source

#: A progressive picture has about ten scans; thousands of them only serve to keep a decoder busy.
MAX_SCANS = 100

_WINDOW = 1 << 20
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_RST = range(0xD0, 0xD8)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1)
# Inside coded data, FF is followed by 00 (a real FF), a restart marker or FF (filling); all else ends the data.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Walked:
    """One picture: its frame size in pixels, whether one sequential scan holds it all, the offset behind its end."""

    width: int
    height: int
    sequential: bool
    end: int


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Walk the file, decode it, yield its one scan. Raises Refused."""
    walked = check(source, bounds)
    # When the data end early at an end marker, libjpeg fills the rest with grey and says nothing that Pillow would
    # hear. Without the marker it waits for more and Pillow reports the cut; it reads ahead a little, hence the zeros.
    # Where several scans follow each other the marker cannot be spared.
    end, tail = (walked.end - 2, bytes(16)) if walked.sequential else (walked.end, b"")
    stream = source.stream(end, tail)
    yield raster.scan(stream, "JPEG", bounds)


def check(source: Source, bounds: Bounds) -> Walked:
    """Walk the picture and look at what stands behind it.

    Raises:
        Refused: PIXELS from the header, before anything is decoded; UNPACKED for an absurd number of scans; TRUNCATED
            if the data end before the picture does; POLYGLOT; DECODE for a broken structure.
    """
    walked = walk(source, 0, bounds)
    tails.check(source, walked.end)
    return walked


def walk(source: Source, start: int, bounds: Bounds) -> Walked:
    """Walk one picture from its start marker at ``start``. Raises Refused."""
    at, size, count, kind = start + 2, None, 0, 0
    while True:
        marker, at = _marker(source, at)
        if marker == _EOI:
            if size is None or count == 0:
                raise Refused(Rejection.DECODE, "no picture before the end marker")
            return Walked(*size, sequential=count == 1 and kind in _SEQUENTIAL, end=at)
        if marker in (_SOI, _TEM, *_RST):
            raise Refused(Rejection.DECODE, f"marker {marker:02X} out of place")
        body = at + 2
        at = _segment_end(source, at)
        if marker in _SOF:
            kind, size = marker, _frame(source, body, bounds, again=size is not None)
        elif marker == _SOS:
            count += 1
            if size is None or count > MAX_SCANS:
                raise Refused(Rejection.DECODE if size is None else Rejection.UNPACKED, f"{count} scans")
            at = _coded_end(source, at)


def _marker(source: Source, at: int) -> tuple[int, int]:
    """The marker at ``at`` and the offset behind it; filling FF bytes in front of it are allowed (B.1.1.2)."""
    while True:
        pair = source.at(at, 2)
        if len(pair) < 2:
            raise Refused(Rejection.TRUNCATED, "no end marker")
        if pair[0] != 0xFF or pair[1] == 0:
            raise Refused(Rejection.DECODE, "marker expected")
        if pair[1] != 0xFF:
            return pair[1], at + 2
        at += 1


def _segment_end(source: Source, at: int) -> int:
    raw = source.at(at, 2)
    if len(raw) < 2:
        raise Refused(Rejection.TRUNCATED, "cut inside a segment")
    length: int = struct.unpack(">H", raw)[0]
    if length < 2:
        raise Refused(Rejection.DECODE, "segment shorter than its length")
    if at + length > source.size:
        raise Refused(Rejection.TRUNCATED, "cut inside a segment")
    return at + length


def _frame(source: Source, body: int, bounds: Bounds, *, again: bool) -> tuple[int, int]:
    raw = source.at(body, 6)
    if again or len(raw) < 6:
        raise Refused(Rejection.DECODE, "two frame headers" if again else "frame header too short")
    _, height, width, _ = struct.unpack(">BHHB", raw)
    if width * height > bounds.pixels:
        raise Refused(Rejection.PIXELS, f"{width} x {height}")
    if not width or not height:
        raise Refused(Rejection.DECODE, "no size in the frame header")
    return width, height


def _coded_end(source: Source, at: int) -> int:
    """The offset of the marker that ends the coded data starting at ``at``; searched window by window."""
    while at < source.size:
        window = source.at(at, _WINDOW)
        if found := _NEXT_MARKER.search(window):
            return at + found.start()
        # A lone FF at the window's end may be half of a marker, so the next window starts with it.
        step = len(window) - (window[-1] == 0xFF)
        if not step:
            break
        at += step
    raise Refused(Rejection.TRUNCATED, "cut inside the picture data")
