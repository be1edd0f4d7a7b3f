"""Text from outside: which characters names, notes, reasons and file names must not have, and how to be rid of them.

Two texts that look alike and differ, or one that reads otherwise than it is written, can put a picture under the wrong
name: ``gpj.exe`` shows as ``exe.jpg`` behind one mark that turns the direction. So what cannot be seen is refused where
somebody says it, and dropped where it was found in a file or has been stored before. Two joiners stay, for Persian and
Indic names are written with them; letters of every script, and the direction that they bring, stay too.
"""

from __future__ import annotations

import re

#: Controls (C0, C1); marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs; the
#: byte order mark; annotations; tags; halves of surrogate pairs. Source: Unicode 15, UAX 9 section 2 and UTS 55.
_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff"
#: Nothing at all to the eye: in a note they come with what was pasted, in a name they make two of one.
_NOTHING = "\u00ad\u180e\u200b\u2060-\u2064"
_BREAKING = "\x00-\x1f\x7f-\x9f\u2028\u2029"

_LINE = re.compile(f"[{_BREAKING}{_TURNING}{_NOTHING}]")
_LINES = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u2028\u2029{_TURNING}]")
_BREAKS, _UNSEEN = re.compile(f"[{_BREAKING}]"), re.compile(f"[{_TURNING}{_NOTHING}]")


def refusal(value: str, *, lines: bool = False) -> str | None:
    """Say why a text is not taken; None: it is. ``lines``: a note, which may have line breaks and tabs."""
    # Nearly every text is printable, and to know that costs a tenth of the search.
    if value.isprintable() or not (_LINES if lines else _LINE).search(value):
        return None
    return "There are characters in it that cannot be seen: controls, or marks that turn the direction. Type it anew."


def plain(value: str) -> str:
    """Give a text as one line without the characters that are refused: breaks become spaces, what is unseen goes."""
    if value.isprintable():
        return value
    return _UNSEEN.sub("", _BREAKS.sub(" ", value))
