"""PNG: its chunks walked by hand, order and checksums included, then decoded in full.

Zero bytes behind the last chunk are tolerated, anything else there is refused.
Source: PNG specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ...words import Rejection
from . import raster
from .seam import Bounds, Refused, Scan, Source

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: What a compressed text or a colour profile may unpack to, in bytes, and all of them together.
MAX_UNPACKED = 4 << 20
MAX_UNPACKED_TOTAL = 16 << 20
MAX_CHUNKS = 200_000

_WINDOW = 1 << 20
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_NAME = re.compile(rb"[A-Za-z]{2}[A-Z][A-Za-z]")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First row, first column, row step, column step of each pass (section 8.1).
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
# Bit depths that each colour type may have.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its type, the offset of its data and their length in bytes."""

    name: bytes
    at: int
    length: int


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Walk the file, decode it, yield its one scan. Raises Refused."""
    check(source, bounds)
    yield raster.scan(source.stream(), "PNG", bounds)


def check(source: Source, bounds: Bounds) -> None:
    """Walk all chunks.

    Raises:
        Refused: PIXELS from the header; UNPACKED for text or profiles that inflate beyond measure; TRUNCATED if the
            data end before the last chunk does; DECODE for a wrong checksum, order or header; POLYGLOT.
    """
    seen: list[bytes] = []
    budget, pixels = MAX_UNPACKED_TOTAL, _Pixels()
    for chunk in _chunks(source):
        _check_order(chunk, seen)
        if chunk.name == b"IHDR":
            pixels.expect(_check_header(source.at(chunk.at, 13), bounds))
        # The header is believed before its checksum is: a size that is refused is not worth reading further.
        _check_crc(source, chunk)
        if chunk.name == b"IDAT":
            pixels.feed(source, chunk)
        budget -= _unpacked(source, chunk)
        if budget < 0:
            raise Refused(Rejection.UNPACKED, "texts and profiles unpack to too much")
        if not seen or seen[-1] != chunk.name:
            seen.append(chunk.name)
        if chunk.name == b"IEND":
            pixels.finish()
            _check_tail(source, chunk.at + 4)
            return
    raise Refused(Rejection.TRUNCATED, "no IEND chunk")


def _chunks(source: Source) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        head = source.at(at, 8)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head)
        if length > 0x7FFF_FFFF or not _NAME.fullmatch(name):
            raise Refused(Rejection.DECODE, "not a chunk")
        yield Chunk(name, at + 8, length)
        at += 12 + length
    raise Refused(Rejection.UNPACKED, f"more than {MAX_CHUNKS} chunks")


def _check_order(chunk: Chunk, seen: list[bytes]) -> None:
    """``seen`` holds the chunk types so far, runs of one type as one."""
    name = chunk.name
    fault = ""
    if (name == b"IHDR") == bool(seen):
        fault = "IHDR must come first, once"
    elif name[:1].isupper() and name not in _CRITICAL:
        fault = "unknown critical chunk"
    elif name == b"IDAT" and b"IDAT" in seen and seen[-1] != b"IDAT":
        fault = "IDAT chunks must follow each other"
    elif name in (b"PLTE", b"iCCP") and (name in seen or b"IDAT" in seen):
        fault = "PLTE and iCCP must come once, before IDAT"
    elif name == b"IEND" and (b"IDAT" not in seen or chunk.length):
        fault = "IEND must be empty and follow IDAT"
    if fault:
        raise Refused(Rejection.DECODE, fault)


def _check_header(data: bytes, bounds: Bounds) -> int:
    """The length of all rows unpacked, in bytes, each with its filter byte."""
    if len(data) < 13:
        raise Refused(Rejection.TRUNCATED, "cut inside IHDR")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if width and height:
        bounds.check(width, height)
    if not width or not height or depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Refused(Rejection.DECODE, "impossible IHDR")
    bits = depth * _CHANNELS[colour]
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    sizes = ((-(-(height - top) // down), -(-(width - left) // across)) for top, left, down, across in passes)
    return sum(rows * (1 + (columns * bits + 7) // 8) for rows, columns in sizes if rows > 0 and columns > 0)


class _Pixels:
    """Counts what the IDAT chunks unpack to: Pillow shows a picture whose data end early as if its rest were black."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._missing = 0

    def expect(self, length: int) -> None:
        """The rows together have ``length`` bytes."""
        self._missing = length

    def feed(self, source: Source, chunk: Chunk) -> None:
        """Unpack one chunk, window by window, without keeping anything."""
        for at in range(chunk.at, chunk.at + chunk.length, _WINDOW):
            data = source.at(at, min(_WINDOW, chunk.at + chunk.length - at))
            while data and not self._inflate.eof:
                try:
                    self._missing -= len(self._inflate.decompress(data, _WINDOW))
                except zlib.error as fault:
                    raise Refused(Rejection.DECODE, "pixel data are not zlib's") from fault
                if self._missing < -MAX_UNPACKED:
                    raise Refused(Rejection.UNPACKED, "pixel data unpack to more than the picture")
                data = self._inflate.unconsumed_tail

    def finish(self) -> None:
        """All chunks were fed. Raises Refused: TRUNCATED if rows are missing."""
        if self._missing > 0:
            raise Refused(Rejection.TRUNCATED, "pixel data end early")


def _check_crc(source: Source, chunk: Chunk) -> None:
    if chunk.name == b"IHDR" and chunk.length != 13:
        raise Refused(Rejection.DECODE, "IHDR of a wrong length")
    if chunk.at + chunk.length + 4 > source.size:
        raise Refused(Rejection.TRUNCATED, "cut inside a chunk")
    crc = zlib.crc32(chunk.name)
    for at in range(chunk.at, chunk.at + chunk.length, _WINDOW):
        crc = zlib.crc32(source.at(at, min(_WINDOW, chunk.at + chunk.length - at)), crc)
    if source.at(chunk.at + chunk.length, 4) != struct.pack(">I", crc):
        raise Refused(Rejection.DECODE, "wrong checksum")


def _unpacked(source: Source, chunk: Chunk) -> int:
    """How many bytes a compressed ancillary chunk unpacks to; 0 for others, and for data that are not zlib's."""
    if chunk.name not in (b"zTXt", b"iTXt", b"iCCP"):
        return 0
    if chunk.length > MAX_UNPACKED:
        raise Refused(Rejection.UNPACKED, "oversize text or profile")
    data = source.at(chunk.at, chunk.length).partition(b"\0")[2]
    if chunk.name == b"iTXt":
        if data[:1] != b"\x01":
            return 0
        data = data[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        data = data[1:]
    try:
        length = len(zlib.decompressobj().decompress(data, MAX_UNPACKED + 1))
    except zlib.error:
        return 0
    if length > MAX_UNPACKED:
        raise Refused(Rejection.UNPACKED, "a text or profile unpacks to too much")
    return length


def _check_tail(source: Source, at: int) -> None:
    while window := source.at(at, _WINDOW):
        if window.strip(b"\0"):
            raise Refused(Rejection.POLYGLOT, "data behind the last chunk")
        at += len(window)
