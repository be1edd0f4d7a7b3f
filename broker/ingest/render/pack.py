"""``frames.zip``: a stored ZIP whose first entry says where each frame lies: a browser can draw while it loads.

Written by hand and not with ``zipfile`` because ``index.json`` comes first and holds the offsets of what follows. The
same frames give the same bytes: entries carry the date that ZIP begins with, 1 January 1980.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..formats.seam import Line

INDEX = "index.json"
MEDIA_TYPE = "application/zip"

_VERSION, _DATE = 20, 0x0021


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded frame: the number of its slice, its bytes, where it lies on the localizer."""

    slice: int
    data: bytes
    line: Line | None

    @property
    def name(self) -> str:
        """The name of its entry: the number of the slice."""
        return f"{self.slice:04}.webp"


def pieces(head: dict[str, object], frames: Sequence[Frame]) -> Iterator[bytes]:
    """Yield the archive bit by bit: the index (``head`` and the table of frames), the frames as they come, the end."""
    entries = [(INDEX, _index(head, frames)), *((frame.name, frame.data) for frame in frames)]
    directory, at = [], 0
    for name, data in entries:
        facts = struct.pack("<HHHHHIII", _VERSION, 0, 0, 0, _DATE, zlib.crc32(data), len(data), len(data))
        facts += struct.pack("<HH", len(name), 0)
        yield b"PK\x03\x04" + facts + name.encode()
        yield data
        directory.append(
            b"PK\x01\x02" + struct.pack("<H", _VERSION) + facts + struct.pack("<HHHII", 0, 0, 0, 0, at) + name.encode()
        )
        at += _place(name) + len(data)
    table = b"".join(directory)
    yield table
    yield b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(table), at, 0)


def _index(head: dict[str, object], frames: Sequence[Frame]) -> bytes:
    """The index; its own length moves all offsets in it, so it is written again until it fits."""
    length = 0
    while True:
        at, rows = _place(INDEX) + length, []
        for frame in frames:
            at += _place(frame.name)
            row = {"slice": frame.slice, "name": frame.name, "offset": at, "bytes": len(frame.data)}
            rows.append(row | {"line": frame.line})
            at += len(frame.data)
        index = json.dumps(head | {"frames": rows}, separators=(",", ":")).encode()
        if len(index) == length:
            return index
        length = len(index)


def _place(name: str) -> int:
    """How long the header in front of an entry's bytes is."""
    return 30 + len(name)
