"""Where the frames of a DICOM file lie: one behind the other, or in fragments. Source: DICOM PS3.5 section A.4."""

from __future__ import annotations

import struct

from ...words import Rejection
from .dicom_bytes import Bytes
from .dicom_header import Header
from .dicom_pixels import NATIVE, Pixels
from .dicom_walk import DOUBLES, FLOATS, PIXEL_DATA, Layout, Place
from .seam import Refused

MAX_FRAGMENTS = 200_000

_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
_ITEM, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF

#: The (offset, length) of each piece of a frame.
Pieces = tuple[tuple[int, int], ...]


class Frames:
    """The frames as they lie in the file, each read when it is asked for."""

    def __init__(self, data: Bytes, pieces: list[Pieces]) -> None:
        self._data = data
        self._pieces = pieces

    def packed(self, index: int) -> bytes:
        """The bytes of one frame, packed or not, joined from its fragments."""
        return b"".join(self._data.at(at, length) for at, length in self._pieces[index])

    def start(self, index: int, length: int) -> bytes:
        """The first ``length`` bytes of a frame, or fewer: not beyond its first fragment."""
        at, whole = self._pieces[index][0]
        return self._data.at(at, min(length, whole))


def locate(layout: Layout, header: Header, pixels: Pixels) -> Frames:
    """Find all frames, without reading any.

    Raises:
        Refused: TRUNCATED if there are fewer than the header says, or one reaches beyond the end; DECODE, UNPACKED
            for fragments that make no sense.
    """
    tag = next(tag for tag in (PIXEL_DATA, FLOATS, DOUBLES) if tag in layout.places)
    place, data = layout.places[tag], layout.data
    if pixels.syntax in NATIVE:
        return Frames(data, _native(data, place, pixels))
    if place.end is not None:
        raise Refused(Rejection.DECODE, "packed pixels are not in fragments")
    table, fragments = _fragments(data, place.value, "<" if layout.little else ">")
    return Frames(data, _grouped(data, fragments, _offsets(header, table), pixels.frames))


def _native(data: Bytes, place: Place, pixels: Pixels) -> list[Pieces]:
    if place.end is None:
        raise Refused(Rejection.DECODE, "unpacked pixels in fragments")
    size = pixels.frame_bytes
    if place.end > data.size or place.value + size * pixels.frames > place.end:
        raise Refused(Rejection.TRUNCATED, "fewer pixels than the header says")
    return [((place.value + size * index, size),) for index in range(pixels.frames)]


def _fragments(data: Bytes, at: int, order: str) -> tuple[bytes, list[tuple[int, int]]]:
    """The offset table (often empty) and the (offset, length) of each fragment behind it."""
    found: list[tuple[int, int]] = []
    window, base = b"", 0
    while len(found) <= MAX_FRAGMENTS:
        if at - base + 8 > len(window) or at < base:
            window, base = data.at(at, 1 << 12), at
        raw = window[at - base : at - base + 8]
        if len(raw) < 8:
            raise Refused(Rejection.TRUNCATED, "fragments without an end")
        group, number, length = struct.unpack(order + "HHI", raw)
        tag = group << 16 | number
        if tag == _SEQUENCE_END and found:
            (start, size), *rest = found
            return data.at(start, min(size, 4 * MAX_FRAGMENTS)), rest
        if tag != _ITEM:
            raise Refused(Rejection.DECODE, "no fragment where one must be")
        if length == _UNDEFINED or at + 8 + length > data.size:
            raise Refused(Rejection.TRUNCATED, "a fragment reaches beyond the end")
        found.append((at + 8, length))
        at += 8 + length
    raise Refused(Rejection.UNPACKED, f"more than {MAX_FRAGMENTS} fragments")


def _offsets(header: Header, table: bytes) -> list[int]:
    """Where frames start, counted from the first fragment's own start; empty if nothing says so."""
    extended = header.raw(0x7FE0_0001)
    if extended and len(extended) % 8 == 0:
        return list(struct.unpack(f"<{len(extended) // 8}Q", extended))
    return list(struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]))


def _grouped(data: Bytes, fragments: list[tuple[int, int]], offsets: list[int], frames: int) -> list[Pieces]:
    """Which fragments make up each frame: by count, by the offset table, or by how pictures start."""
    if len(fragments) < frames:
        raise Refused(Rejection.TRUNCATED, "fewer fragments than frames")
    if frames == 1:
        return [tuple(fragments)]
    if len(fragments) == frames:
        return [(fragment,) for fragment in fragments]
    first = fragments[0][0]
    starts = {at - first for at, _ in fragments} & set(offsets)
    if len(offsets) != frames or len(starts) != frames:
        starts = {at - first for at, _ in fragments if data.at(at, 8).startswith(_STARTS)}
    if len(starts) != frames or 0 not in starts:
        raise Refused(Rejection.DECODE, "fragments that belong to no frame")
    groups: list[list[tuple[int, int]]] = []
    for at, length in fragments:
        if at - first in starts:
            groups.append([])
        groups[-1].append((at, length))
    return [tuple(group) for group in groups]
