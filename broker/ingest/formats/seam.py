"""The seam between the sandbox and a format: a file to read, what comes out of it, and how it is refused.

A format is a module with ``scans(source, bounds)``: it checks its container, and yields one ``Scan`` for each picture,
volume or document. It raises ``Refused`` when the file must not be stored and ``NoPreview`` when the file is what it
says but is not drawn here; also from ``Stack.frame``, while the renditions are being made. Nothing in this file needs
an imaging library.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from ...words import Rejection
from ..facts import Facts

if TYPE_CHECKING:
    from PIL import Image

#: (x0, y0, x1, y1) of a line or (x, y, radius) of a circle.
Line = tuple[float, float, float, float] | tuple[float, float, float]

#: What the longest side and the number of frames may be, whatever the bounds.
MAX_SIDE = 65_535
MAX_FRAMES = 60_000

#: How much of the start of a file is looked at to tell what it is.
HEAD_BYTES = 4096


class Refused(Exception):
    """The file must not be stored. ``detail`` is for the log: it never quotes the file."""

    def __init__(self, rejection: Rejection, detail: str) -> None:
        super().__init__(f"{rejection}: {detail}")
        self.rejection = rejection
        self.detail = detail


class NoPreview(Exception):
    """The file is stored as it is; the text says, for staff, why there is no picture of it.

    ``facts`` is what it says about itself all the same: a file that names another patient must not pass unseen.
    """

    def __init__(self, reason: str, facts: Facts | None = None) -> None:
        super().__init__(reason)
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may claim: ``pixels`` of one frame, ``samples`` of a whole volume."""

    pixels: int
    samples: int

    def check(self, width: int, height: int, frames: int = 1, channels: int = 1) -> None:
        """Compare sizes that a header claims, before anything is allocated or decoded.

        Raises:
            Refused: PIXELS if a frame or the whole is too large, or has no size.
        """
        fits = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and 0 < frames <= MAX_FRAMES
        if not fits or width * height > self.pixels or width * height * frames * channels > self.samples:
            raise Refused(Rejection.PIXELS, f"{width} x {height}, {frames} frames of {channels} channels")


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
class Stack:
    """Slices of a volume, or pages of a document, decoded one at a time; counted from 0.

    ``frame(i)`` decodes the i-th: 8-bit grey (L) or RGB, upright, brightness scaled by one rule for all. It may be
    called in any order and more than once, and holds on to nothing. ``size`` is (width, height) in pixels of the
    largest; smaller ones are shown in the middle of a page of that size.

    ``localizer`` is the picture on which slices have their place, ``lines`` where that is, one for each slice or none:
    (x0, y0, x1, y1) in pixels of the localizer, or (x, y, radius) of a circle; None where it is not known.
    ``between_mm`` is the distance of neighbouring slices, only where they are parallel: it is what makes an en-face
    picture possible, unless ``enface`` is one already. ``lossy``: the file itself is compressed with loss.
    """

    count: int
    size: tuple[int, int]
    frame: Callable[[int], Image.Image]
    document: bool = False
    localizer: Image.Image | None = None
    lines: Sequence[Line | None] = ()
    between_mm: float | None = None
    enface: Image.Image | None = None
    lossy: bool = False

    @property
    def shown(self) -> int:
        """The frame that stands for all of them: the first page, or the middle slice."""
        return 0 if self.document else self.count // 2

    def line(self, index: int) -> Line | None:
        """Where a slice lies on the localizer, or None."""
        return self.lines[index] if index < len(self.lines) else None


@dataclass(frozen=True, slots=True)
class Scan:
    """One picture, volume or document with its pixels and what the file says about it.

    ``image`` is as decoded, ``orientation`` (EXIF 1 to 8) still to be applied; ``icc`` is the embedded colour profile.
    With a ``stack``, ``image`` is its shown frame, see ``of``. ``full``: browsers cannot show the file itself, so a
    single picture gets a rendition without loss as well.
    """

    image: Image.Image
    orientation: int = 1
    icc: bytes | None = None
    facts: Facts = field(default_factory=Facts)
    stack: Stack | None = None
    full: bool = False

    @classmethod
    def of(cls, stack: Stack, facts: Facts) -> Self:
        """The scan of a stack; decodes the frame that stands for it."""
        return cls(stack.frame(stack.shown), facts=facts, stack=stack, full=True)

    @property
    def frames(self) -> int:
        """How many frames it has; 1 for a picture."""
        return self.stack.count if self.stack else 1


class Reader(Protocol):
    """What a format's module offers."""

    def scans(self, source: Source, bounds: Bounds) -> Iterator[Scan]:
        """Check the file and yield its scans."""
