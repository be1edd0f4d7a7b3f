"""Run-length encoded frames of a DICOM file: byte planes, each packed for itself. Source: PS3.5 annex G."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words import Rejection
from .dicom_pixels import Pixels
from .seam import Refused


def unpack(raw: bytes, pixels: Pixels) -> NDArray[Any]:
    """Unpack a frame; the high byte of each sample comes first. Raises Refused: TRUNCATED, DECODE, UNPACKED."""
    depth, size = pixels.allocated // 8, pixels.width * pixels.height
    count = pixels.samples * depth
    if len(raw) < 64:
        raise Refused(Rejection.TRUNCATED, "no RLE header")
    stated, *offsets = struct.unpack("<16I", raw[:64])
    if stated != count:
        raise Refused(Rejection.DECODE, "a wrong number of RLE segments")
    ends = [*offsets[1:count], len(raw)]
    planes = np.empty((pixels.samples, size, depth), np.uint8)
    for index, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not 64 <= start <= end <= len(raw):
            raise Refused(Rejection.TRUNCATED, "an RLE segment out of place")
        sample, byte = divmod(index, depth)
        planes[sample, :, depth - 1 - byte] = np.frombuffer(_unpacked(raw[start:end], size), np.uint8)
    values = planes.view(f"<{'i' if pixels.signed else 'u'}{depth}").reshape(
        pixels.samples, pixels.height, pixels.width
    )
    return values[0] if pixels.samples == 1 else np.ascontiguousarray(values.transpose(1, 2, 0))


def _unpacked(segment: bytes, size: int) -> bytes:
    """Unpack one segment to exactly ``size`` bytes."""
    out, at, end = bytearray(), 0, len(segment)
    while len(out) < size:
        if at + 1 >= end:
            raise Refused(Rejection.TRUNCATED, "RLE data end early")
        code = segment[at]
        if code < 128:
            out += segment[at + 1 : at + 2 + code]
            if at + 2 + code > end:
                raise Refused(Rejection.TRUNCATED, "RLE data end early")
            at += 2 + code
        else:
            # 128 does nothing.
            out += segment[at + 1 : at + 2] * (257 - code) if code > 128 else b""
            at += 2 if code > 128 else 1
    if end - at > size:
        raise Refused(Rejection.UNPACKED, "RLE data behind the picture")
    return bytes(out[:size])
