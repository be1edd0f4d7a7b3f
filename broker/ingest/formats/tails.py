"""What may stand behind the end of a picture.

Cameras and phones append data of their own: further pictures (CIPA DC-007 "MPF"), the trailer of Samsung phones that
ends with ``SEFT``, short films, padding. All that is tolerated. A tail that holds the signature of an archive, a
program, a script or a document is not: such a file can be opened as something else than the picture it shows.

Short signatures would turn up in any film by chance, so each is looked for with what must follow it in a file that
works.
"""

from __future__ import annotations

import re

from ...words import Rejection
from .seam import Refused, Source

#: No camera appends more; in bytes.
MAX_TAIL = 64 << 20

_WINDOW = 1 << 20
#: How far a Windows program's second signature lies behind its first, at most; all others are shorter.
_OVERLAP = 1 << 10
_MANY = 100
_NOT_ZERO = re.compile(rb"[^\x00]")

# The literal is found fast; then the whole must match there. Source of the forms: PKWARE APPNOTE (local header,
# central directory, end), RFC 1952, the ELF, Mach-O, Java class, Compound File and Cabinet specifications.
_SIGNATURES = tuple(
    (literal, re.compile(re.escape(literal) + rest, re.DOTALL))
    for literal, rest in (
        (b"PK\x03\x04", rb"[\x00-\x3f][\x00-\x13]"),
        (b"PK\x01\x02", rb"[\x00-\x3f][\x00-\x13][\x00-\x3f][\x00-\x13]"),
        (b"PK\x05\x06", rb"\x00\x00\x00\x00"),
        (b"Rar!\x1a\x07", b""),
        (b"7z\xbc\xaf\x27\x1c", b""),
        (b"\xfd7zXZ\x00", b""),
        (b"\x1f\x8b\x08", rb"[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]"),
        (b"BZh", rb"[1-9]1AY&SY"),
        (b"MSCF\x00\x00\x00\x00", b""),
        (b"\x7fELF", rb"[\x01\x02][\x01\x02]\x01"),
        (b"\xcf\xfa\xed\xfe", rb"[\x07\x0c]\x00\x00[\x00\x01]"),
        (b"\xce\xfa\xed\xfe", rb"[\x07\x0c]\x00\x00[\x00\x01]"),
        (b"\xca\xfe\xba\xbe\x00\x00", b""),
        (b"#!", rb"[ \t]*/[a-z]{3}"),
        (b"%PDF-", rb"[12]\."),
        (b"%!PS-", b""),
        (b"{\\rtf", b""),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b""),
    )
)
# Read in any mixture of upper and lower case.
_MARKUP = tuple(
    (literal, re.compile(re.escape(literal) + rest))
    for literal, rest in (
        (b"<html", rb"[\s>]"),
        (b"<script", rb"[\s>/]"),
        (b"<svg", rb"[\s>/]"),
        (b"<iframe", rb"[\s>/]"),
        (b"<?php", b""),
        (b"<!doctype", b""),
    )
)


def check(source: Source, end: int) -> None:
    """Look through everything from ``end``, where the picture ends, to the end of the file.

    Raises:
        Refused: POLYGLOT if it could be opened as something else; UNPACKED if it is beyond measure.
    """
    if source.size - end > MAX_TAIL:
        raise Refused(Rejection.UNPACKED, "more data behind the picture than any camera adds")
    started = False
    for at in range(end, source.size, _WINDOW):
        window = source.at(at, _WINDOW + _OVERLAP)
        if not started and (first := _NOT_ZERO.search(window)):
            started = True
            if window.startswith((b"MZ", b"#!"), first.start()):
                raise Refused(Rejection.POLYGLOT, "a program behind the end of the picture")
        if started and (_holds(window, _SIGNATURES) or _holds(window.lower(), _MARKUP) or _program(window)):
            raise Refused(Rejection.POLYGLOT, "another kind of file behind the end of the picture")


def _holds(window: bytes, signatures: tuple[tuple[bytes, re.Pattern[bytes]], ...]) -> bool:
    return any(literal in window and whole.search(window) for literal, whole in signatures)


def _program(window: bytes) -> bool:
    """Say whether a Windows program starts in the window: ``MZ`` is everywhere, but not with ``PE`` soon behind it."""
    parts = window.split(b"PE\0\0", _MANY)
    return len(parts) > _MANY or any(b"MZ" in part[-_OVERLAP:] for part in parts[:-1])
