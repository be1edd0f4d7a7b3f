"""Packed pictures in a DICOM file, compared with what its header says before a decoder sees them.

Sources: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000).
"""

from __future__ import annotations

import re
import struct
from typing import cast

from ...words import Rejection
from . import jpeg
from .dicom_bytes import Held
from .dicom_pixels import JPEG_2000, JPEG_2000_LOSSLESS, JPEG_BASELINE, JPEG_EXTENDED, JPEG_LOSSLESS, Pixels
from .seam import Bounds, Refused, Source

#: A picture in more tiles only serves to keep a decoder busy: a device makes one, or some dozens.
MAX_TILES = 4096

_CODESTREAM = b"\xff\x4f\xff\x51"
_LS_FRAME = re.compile(rb"\xff\xf7.{3}(.{2})(.{2})", re.DOTALL)
_ANOTHER_SIZE = "the packed picture has another size than the header says"


def checked(raw: bytes, pixels: Pixels, bounds: Bounds) -> bytes:
    """Compare a packed picture with the header; what of it the decoder is to see."""
    if len(raw) > 2 * pixels.frame_bytes + (1 << 16):
        raise Refused(Rejection.UNPACKED, "packed to more than twice its size")
    if pixels.syntax in (JPEG_BASELINE, JPEG_EXTENDED, *JPEG_LOSSLESS):
        return _checked_jpeg(raw, pixels, bounds)
    size = _size_2000(raw) if pixels.syntax in (JPEG_2000, JPEG_2000_LOSSLESS) else _size_ls(raw)
    if size is None:
        raise Refused(Rejection.DECODE, "no picture where one must be")
    if size != (pixels.width, pixels.height):
        raise Refused(Rejection.DECODE, _ANOTHER_SIZE)
    if raw.rfind(b"\xff\xd9") < 0:
        raise Refused(Rejection.TRUNCATED, "no end marker")
    return raw


def _checked_jpeg(raw: bytes, pixels: Pixels, bounds: Bounds) -> bytes:
    if not raw.startswith(b"\xff\xd8\xff"):
        raise Refused(Rejection.DECODE, "no picture where one must be")
    walked = jpeg.walk(cast(Source, Held(raw)), 0, bounds)
    if (walked.width, walked.height) != (pixels.width, pixels.height):
        raise Refused(Rejection.DECODE, _ANOTHER_SIZE)
    # Without its end marker a picture whose data end early is reported, and not filled with grey (see ``jpeg.py``).
    return raw[: walked.end - 2] + bytes(16) if walked.sequential else raw[: walked.end]


def _size_ls(raw: bytes) -> tuple[int, int] | None:
    match = _LS_FRAME.search(raw[: 1 << 16])
    if not raw.startswith(b"\xff\xd8\xff") or match is None:
        return None
    return int.from_bytes(match[2], "big"), int.from_bytes(match[1], "big")


def _size_2000(raw: bytes) -> tuple[int, int] | None:
    """The size in a JPEG 2000 codestream, which may lie in a JP2 file. Raises Refused for too many tiles."""
    at = raw[: 1 << 12].find(_CODESTREAM)
    if at < 0 or len(raw) < at + 44:
        return None
    right, low, left, top, across, down, tile_left, tile_top = struct.unpack_from(">8I", raw, at + 8)
    if not across or not down or right <= left or low <= top:
        raise Refused(Rejection.DECODE, "impossible JPEG 2000 size")
    if -(-(right - tile_left) // across) * -(-(low - tile_top) // down) > MAX_TILES:
        raise Refused(Rejection.UNPACKED, f"more than {MAX_TILES} tiles")
    return right - left, low - top
