"""WebP: its chunks walked, sizes compared, then decoded in full. Moving pictures are kept without preview.

Source: RFC 9649 (WebP Image Format), sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...words import Rejection
from . import raster, tails
from .seam import Bounds, NoPreview, Refused, Scan, Source

MAX_CHUNKS = 1000
#: The decoder wants the file whole; pictures within the bounds are smaller than this, in bytes.
MAX_BYTES = 256 << 20

#: The decoder holds four copies of a picture, 16 bytes for each pixel: larger ones do not fit into the sandbox.
MAX_PIXELS = 60_000_000

_ANIMATION = 0x02


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Walk the file, decode it, yield its one scan. Raises Refused, NoPreview."""
    end = check(source, bounds)
    yield raster.scan(source.stream(end), "WEBP", bounds)


def check(source: Source, bounds: Bounds) -> int:
    """Walk all chunks; give the offset behind the last.

    Raises:
        Refused: PIXELS, TRUNCATED, UNPACKED, POLYGLOT; DECODE for a broken structure.
        NoPreview: the file is an animation, or larger than its decoder can take.
    """
    end = 8 + int.from_bytes(source.head[4:8], "little")
    if end > source.size:
        raise Refused(Rejection.TRUNCATED, "shorter than its header says")
    if end > MAX_BYTES:
        raise Refused(Rejection.UNPACKED, "more bytes than a picture needs")
    canvas, pictures = None, 0
    for name, at, length in _chunks(source, end):
        head = source.at(at, min(length, 10))
        if name == b"VP8X":
            canvas = _canvas(head, bounds)
        elif name in (b"VP8 ", b"VP8L"):
            size = _size(name, head)
            bounds.check(*size)
            if size[0] * size[1] > MAX_PIXELS:
                raise NoPreview("This WebP picture is too large to be shown here; it is kept as it is.")
            pictures += 1
            if canvas not in (None, size) or pictures > 1:
                raise Refused(Rejection.DECODE, "a picture of another size, or a second one")
    if not pictures:
        raise Refused(Rejection.DECODE, "no picture")
    tails.check(source, end)
    return end


def _chunks(source: Source, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset of the data and length of each chunk."""
    at = 12
    for _ in range(MAX_CHUNKS):
        head = source.at(at, min(8, end - at))
        if not head:
            return
        length = int.from_bytes(head[4:], "little")
        if len(head) < 8 or at + 8 + length > end:
            raise Refused(Rejection.DECODE, "a chunk goes beyond the end")
        yield head[:4], at + 8, length
        # Data of odd length are padded; some writers leave the last padding out.
        at = min(at + 8 + length + length % 2, end)
    raise Refused(Rejection.UNPACKED, f"more than {MAX_CHUNKS} chunks")


def _canvas(head: bytes, bounds: Bounds) -> tuple[int, int]:
    if len(head) < 10:
        raise Refused(Rejection.DECODE, "extended header too short")
    size = int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    bounds.check(*size)
    if head[0] & _ANIMATION:
        raise NoPreview("Moving pictures are kept as they are; there is no preview of them.")
    return size


def _size(name: bytes, head: bytes) -> tuple[int, int]:
    """The size of the picture in pixels, as its own data say."""
    if name == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and len(head) == 10 and head[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    raise Refused(Rejection.DECODE, "no picture header")
