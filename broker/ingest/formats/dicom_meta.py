"""The first elements of a DICOM file, read by hand: enough to recognise one, without any library.

Source: DICOM PS3.5 section 7.1 (data elements) and PS3.10 section 7 (file format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PREFIX_AT = 128
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
SHORT = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)


@dataclass(frozen=True, slots=True)
class Element:
    """One data element: its tag, and its value as far as the bytes given reach."""

    group: int
    number: int
    value: bytes


def has_prefix(head: bytes) -> bool:
    """Say whether ``DICM`` stands where it must."""
    return head[PREFIX_AT : PREFIX_AT + 4] == b"DICM"


def preamble_is_legal(head: bytes) -> bool:
    """Say whether the 128 bytes are all zero or start as a TIFF file: anything else could be run or opened."""
    preamble = head[:PREFIX_AT]
    return preamble == bytes(PREFIX_AT) or preamble[:4] in (b"II*\0", b"MM\0*")


def starts_without_prefix(head: bytes, size: int) -> bool:
    """Say whether a file without preamble starts with DICOM elements that can be believed.

    At least three of them, in ascending order, from group 0002 or 0008, each ending inside the file.
    """
    for explicit in (True, False):
        found = list(elements(head, 0, size, explicit=explicit))[:3]
        tags = [(element.group, element.number) for element in found]
        if len(found) == 3 and found[0].group in (0x0002, 0x0008) and tags == sorted(set(tags)):
            return True
    return False


def is_directory(head: bytes, size: int) -> bool:
    """Say whether the file's meta information (or first elements) make it a DICOMDIR."""
    start = PREFIX_AT + 4 if has_prefix(head) else 0
    for element in elements(head, start, size, explicit=True):
        if (element.group, element.number) == (0x0002, 0x0002):
            return element.value.rstrip(b"\0 ").decode("ascii", "replace") == MEDIA_STORAGE_DIRECTORY
        if element.group == 0x0004:
            return True
    return False


def elements(head: bytes, at: int, size: int, *, explicit: bool) -> Iterator[Element]:
    """Yield little-endian elements from offset ``at``, until one is not credible or ``head`` ends."""
    while at + 8 <= len(head):
        group, number = struct.unpack_from("<HH", head, at)
        start, length = _value(head, at, explicit=explicit)
        if length is None or start + length > size:
            return
        yield Element(group, number, head[start : start + length])
        at = start + length


def _value(head: bytes, at: int, *, explicit: bool) -> tuple[int, int | None]:
    """Where the value of the element at ``at`` starts, and its length; None if it cannot be told."""
    if not explicit:
        length: int = struct.unpack_from("<I", head, at + 4)[0]
        return at + 8, length if length != 0xFFFF_FFFF else None
    kind = head[at + 4 : at + 6]
    if kind in SHORT:
        return at + 8, struct.unpack_from("<H", head, at + 6)[0]
    if kind in LONG and at + 12 <= len(head):
        length = struct.unpack_from("<I", head, at + 8)[0]
        return at + 12, length if length != 0xFFFF_FFFF else None
    return at, None
