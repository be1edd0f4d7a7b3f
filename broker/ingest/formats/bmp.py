"""BMP: sizes compared with the file before anything is decoded. What follows the pixels is judged by ``tails.py``.

Source: Microsoft, "Bitmap Header Types" and "Bitmap Storage".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ...words import Rejection
from . import raster, tails
from .seam import Bounds, Refused, Scan, Source

_FILE_HEADER = 14
_RAW, _RLE8, _RLE4, _BITFIELDS = range(4)
_DEPTHS = {_RAW: (1, 2, 4, 8, 16, 24, 32), _RLE8: (8,), _RLE4: (4,), _BITFIELDS: (16, 24, 32)}


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Check the header, decode, yield the one scan. Raises Refused."""
    check(source, bounds)
    yield raster.scan(source.stream(), "BMP", bounds)


def check(source: Source, bounds: Bounds) -> None:
    """Compare what the header claims with the file.

    Raises:
        Refused: PIXELS, TRUNCATED, POLYGLOT; DECODE for a header that makes no sense.
    """
    raw = source.at(0, _FILE_HEADER + 40)
    start = int.from_bytes(raw[10:14], "little")
    header = int.from_bytes(raw[14:18], "little")
    if len(raw) < _FILE_HEADER + min(header, 40):
        raise Refused(Rejection.TRUNCATED, "cut inside the header")
    coded = 0
    if header == 12:
        width, height, planes, depth = struct.unpack_from("<4H", raw, 18)
        packing = _RAW
    else:
        width, height, planes, depth, packing, coded = struct.unpack_from("<iiHHII", raw, 18)
    # A negative height only means that the first row is the upper one.
    height = abs(height)
    bounds.check(width, height)
    if planes != 1 or depth not in _DEPTHS.get(packing, ()) or start < _FILE_HEADER + header:
        raise Refused(Rejection.DECODE, "impossible header")
    rows = (width * depth + 31) // 32 * 4 * height
    end = start + (rows if packing in (_RAW, _BITFIELDS) else coded)
    if end > source.size:
        raise Refused(Rejection.TRUNCATED, "pixel data end early")
    if packing in (_RLE8, _RLE4) and not coded:
        raise Refused(Rejection.DECODE, "coded pixels of no length")
    tails.check(source, end)
