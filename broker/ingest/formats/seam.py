"""The seam between the sandbox and a format: a file to read, what comes out of it, and how it is refused.

A format is a module with ``scans(source, limits)``: it checks its container, and yields one ``Scan`` for each picture,
volume or document. It raises ``Refused`` when the file must not be stored and ``NoPreview`` when the file is what it
says but is not drawn here. Nothing in this file needs an imaging library.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ...words import Rejection
from ..facts import Facts

if TYPE_CHECKING:
    from PIL import Image

#: How much of the start of a file is looked at to tell what it is.
HEAD_BYTES = 4096


class Refused(Exception):
    """The file must not be stored. ``detail`` is for the log: it never quotes the file."""

    def __init__(self, rejection: Rejection, detail: str) -> None:
        super().__init__(f"{rejection}: {detail}")
        self.rejection = rejection
        self.detail = detail


class NoPreview(Exception):
    """The file is stored as it is; the text says, for staff, why there is no picture of it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may claim: ``pixels`` of one frame, ``samples`` of a whole volume."""

    pixels: int
    samples: int


class Source:
    """A file to examine, read by offset through one descriptor; it is never held whole."""

    def __init__(self, descriptor: int, ending: str) -> None:
        self._descriptor = descriptor
        self.ending = ending
        self.size = os.fstat(descriptor).st_size
        self.head = self.at(0, HEAD_BYTES)

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end of the file."""
        return os.pread(self._descriptor, length, offset)

    def stream(self, end: int | None = None, tail: bytes = b"") -> io.BufferedReader:
        """The file up to ``end`` with ``tail`` in place of the rest, for a library that wants a file object."""
        return io.BufferedReader(_Part(self, self.size if end is None else end, tail), 1 << 16)


class _Part(io.RawIOBase):
    """The first ``end`` bytes of a source, then ``tail``."""

    def __init__(self, source: Source, end: int, tail: bytes) -> None:
        self._source, self._end, self._tail = source, end, tail
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end + len(self._tail)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._end:
            data = self._source.at(self._at, min(len(buffer), self._end - self._at))
        else:
            start = self._at - self._end
            data = self._tail[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@dataclass(frozen=True, slots=True)
class Scan:
    """One picture with its pixels and what the file says about it.

    ``image`` is as decoded, ``orientation`` (EXIF 1 to 8) still to be applied; ``icc`` is the embedded colour profile.
    """

    image: Image.Image
    orientation: int = 1
    icc: bytes | None = None
    frames: int = 1
    facts: Facts = field(default_factory=Facts)


class Reader(Protocol):
    """What a format's module offers."""

    def scans(self, source: Source, bounds: Bounds) -> Iterator[Scan]:
        """Check the file and yield its scans."""
