"""Bytes of a DICOM file read by offset, also of one that is deflated as a whole. Source: DICOM PS3.5 section A.5."""

from __future__ import annotations

import zlib
from typing import Protocol

from ...words import Rejection
from .seam import NoPreview, Refused, Source

#: The deflated transfer syntax packs the pixels too. Beyond this it is not unpacked, beyond the ratio it is a bomb.
MAX_INFLATED = 256 << 20
MAX_RATIO = 200

_WINDOW = 1 << 16
_ANY_RATIO = 16 << 20


class Bytes(Protocol):
    """Bytes read by offset: a file, or what a deflated one unpacks to."""

    size: int

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end."""


def inflated(source: Source, at: int) -> Bytes:
    """Unpack a file from offset ``at`` on, into memory.

    Raises:
        Refused: DECODE, TRUNCATED, UNPACKED.
        NoPreview: if it is too large for that.
    """
    unpack, out = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    packed = source.size - at
    while at < source.size and not unpack.eof:
        piece = source.at(at, _WINDOW)
        at += len(piece)
        while piece and not unpack.eof:
            try:
                out += unpack.decompress(piece, 1 << 20)
            except zlib.error as fault:
                raise Refused(Rejection.DECODE, "deflated elements are not deflate's") from fault
            piece = unpack.unconsumed_tail
            if len(out) > max(_ANY_RATIO, packed * MAX_RATIO):
                raise Refused(Rejection.UNPACKED, "deflated elements unpack to too much")
            if len(out) > MAX_INFLATED:
                raise NoPreview("This DICOM file is packed and too large to be unpacked for a preview.")
    if not unpack.eof:
        raise Refused(Rejection.TRUNCATED, "deflated elements end early")
    return Held(out)


class Held:
    """Bytes in memory."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = memoryview(data)
        self.size = len(data)

    def at(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length])
