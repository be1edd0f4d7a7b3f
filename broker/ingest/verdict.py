"""What the sandbox found out about a file, and the suspicious reading of the report that says so.

The report is written by a process that has parsed a hostile file, so every field is compared with what it may be:
types, lengths, counts, sizes, magic bytes. The renditions' files are made here, under names of ours; the child could
not make a file. Whatever does not fit makes the whole report void.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from ..filetypes import BY_NAME
from ..names import ENDINGS, Rendition
from ..text import refusal
from ..words import CaptureSource, Eye, Kind, Rejection
from .facts import Facts

MAX_SCANS = 256
MAX_PLACEHOLDER = 1_000
MAX_SIDE = 65_535
MAX_FRAMES = 60_000

_MAGIC = {
    "image/webp": (b"RIFF", b"WEBP"),
    "image/jpeg": (b"\xff\xd8\xff", b""),
    "image/png": (b"\x89PNG\r\n\x1a\n", b""),
    # The first entry is stored as it is.
    "application/zip": (b"PK\x03\x04", b"\0\0"),
}
#: What each rendition may be, how long its longer side in pixels, and how many bytes.
_ALLOWED: dict[Rendition, tuple[frozenset[str], int, int]] = {
    Rendition.THUMBNAIL: (frozenset({"image/webp"}), 384, 1 << 20),
    Rendition.DISPLAY: (frozenset({"image/jpeg", "image/webp"}), 1600, 16 << 20),
    Rendition.FULL: (frozenset({"image/png", "image/webp"}), MAX_SIDE, 512 << 20),
    Rendition.FRAMES: (frozenset({"application/zip"}), MAX_SIDE, 512 << 20),
    Rendition.ENFACE: (frozenset({"image/jpeg", "image/webp"}), 1600, 16 << 20),
    Rendition.LOCALIZER: (frozenset({"image/jpeg", "image/webp"}), 1600, 16 << 20),
}
_CAPTURED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d:\d\d)?")
#: Where a file can have said it.
_SOURCES = frozenset(CaptureSource) - frozenset(
    {CaptureSource.DECLARED, CaptureSource.CORRECTED, CaptureSource.FILE, CaptureSource.UPLOAD}
)
_HINT_KEYS = frozenset({"id", "issuer", "name", "birth_date", "sex"})


@dataclass(frozen=True, slots=True)
class RenditionFile:
    """One rendition in a file of the worker's; sizes in pixels and bytes."""

    name: Rendition
    path: Path
    media_type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts(Facts):
    """One scan in a file: what it says about itself, and what was seen of it.

    Width and height are pixels as seen, 0 where the file was not decoded; ``frames`` counts slices or pages.
    """

    width: int = 0
    height: int = 0
    frames: int = 1
    placeholder: str = ""
    renditions: tuple[RenditionFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is and what is in it.

    ``rejection`` None means: store it, with at least one scan. ``no_preview`` then says why there are no pictures of
    it, if so. ``detail`` is for the log; it never quotes the file.
    """

    format: str | None
    media_type: str | None
    rejection: Rejection | None
    detail: str = ""
    scans: tuple[ScanFacts, ...] = ()
    no_preview: str | None = None


class BadReport(Exception):
    """The report is not in the form that an honest child writes."""


def died(detail: str) -> Verdict:
    """The verdict on a file whose decoder came to no proper end."""
    return Verdict(format=None, media_type=None, rejection=Rejection.DECODER_DIED, detail=detail)


def read_report(raw: bytes, pack: int, out: Path) -> Verdict:
    """Turn a child's report into a verdict, its renditions into files in ``out``.

    ``pack`` is the descriptor of the file with the renditions' bytes. Raises BadReport, with nothing left in ``out``.
    """
    try:
        report = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadReport("not JSON") from None
    if not isinstance(report, dict):
        _bad("no object")
    if "fault" in report:
        return died("child failed: " + _text(report["fault"], 80))
    name = _optional(report, "format", lambda value: _text(value, 40))
    if name is not None and name not in BY_NAME:
        _bad("format")
    verdict = Verdict(
        format=name,
        media_type=BY_NAME[name].media_type if name else None,
        rejection=_optional(report, "rejection", Rejection),
        detail=_text(report.get("detail"), 200),
        no_preview=_optional(report, "no_preview", lambda value: _text(value, 200)),
    )
    if verdict.rejection is not None:
        return verdict
    return replace(verdict, scans=_scans(report.get("scans"), verdict, pack, out))


def _scans(rows: Any, verdict: Verdict, pack: int, out: Path) -> tuple[ScanFacts, ...]:
    if verdict.format is None or not isinstance(rows, list) or len(rows) > MAX_SCANS:
        _bad("scans")
    if verdict.no_preview is not None:
        return (_unseen(rows),)
    if not rows:
        _bad("no scan and no reason")
    made: list[Path] = []
    try:
        return tuple(_scan(row, index, _Files(pack, out, made)) for index, row in enumerate(rows))
    except (BadReport, OSError):
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _unseen(rows: list[Any]) -> ScanFacts:
    """The one scan of a file without pictures, of which it may have said something."""
    if len(rows) > 1 or not all(isinstance(row, dict) for row in rows):
        _bad("facts without a picture")
    return ScanFacts(**_told(rows[0])) if rows else ScanFacts()


def _scan(row: Any, index: int, files: _Files) -> ScanFacts:
    if not isinstance(row, dict) or not isinstance(row.get("renditions"), list):
        _bad("scan")
    if len(row["renditions"]) > len(Rendition):
        _bad("renditions")
    renditions = tuple(files.take(entry, index) for entry in row["renditions"])
    frames = _number(row, "frames", 1, MAX_FRAMES)
    names = [rendition.name for rendition in renditions]
    needed = {Rendition.THUMBNAIL, Rendition.DISPLAY} | ({Rendition.FRAMES} if frames > 1 else set())
    if len(set(names)) != len(names) or not needed <= set(names):
        _bad("renditions")
    return ScanFacts(
        **_told(row),
        width=_number(row, "width", 1, MAX_SIDE),
        height=_number(row, "height", 1, MAX_SIDE),
        frames=frames,
        placeholder=_placeholder(row.get("placeholder")),
        renditions=renditions,
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``Facts`` in a row of the report."""
    if (row.get("captured_at") is None) != (row.get("captured_source") is None):
        _bad("a time without its source, or the other way round")
    return {
        "eye": _optional(row, "eye", Eye),
        "kind": _optional(row, "kind", Kind),
        "captured_at": _optional(row, "captured_at", lambda value: _match(_CAPTURED, value)),
        "captured_source": _optional(row, "captured_source", _source),
        "device": _optional(row, "device", lambda value: _text(value, 120)),
        "spacing_mm": _optional(row, "spacing_mm", _spacing),
        "patient_hint": _optional(row, "patient_hint", _hint),
        **{flag: _flag(row, flag) for flag in ("captured_doubtful", "before_birth", "eye_contradicts")},
    }


class _Files:
    """Takes renditions out of the pack and makes files of them."""

    def __init__(self, pack: int, out: Path, made: list[Path]) -> None:
        self._pack, self._out, self._made = pack, out, made

    def take(self, entry: Any, index: int) -> RenditionFile:
        """Make the file of one rendition of the ``index``-th scan, after comparing it with what it may be."""
        if not isinstance(entry, dict):
            _bad("rendition")
        name = _member(Rendition, entry.get("name"))
        media_type = _text(entry.get("media_type"), 40)
        types, side, most = _ALLOWED[name]
        if media_type not in types:
            _bad("media type")
        width, height = _number(entry, "width", 1, side), _number(entry, "height", 1, side)
        length = _number(entry, "bytes", 16, most)
        offset = _number(entry, "offset", 0, max(0, os.fstat(self._pack).st_size - length))
        start, four = _MAGIC[media_type]
        head = os.pread(self._pack, 16, offset)
        if not head.startswith(start) or head[8 : 8 + len(four)] != four:
            _bad("magic")
        path = self._out / f"{index}-{name}.{ENDINGS[media_type]}"
        self._copy(path, offset, length)
        return RenditionFile(name, path, media_type, width, height, length)

    def _copy(self, path: Path, offset: int, length: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(path, flags, 0o600), "wb") as file:
            self._made.append(path)
            while length:
                piece = os.pread(self._pack, min(length, 1 << 20), offset)
                if not piece:
                    _bad("pack is short")
                file.write(piece)
                offset, length = offset + len(piece), length - len(piece)


def _placeholder(value: Any) -> str:
    text = _text(value, MAX_PLACEHOLDER)
    prefix = "data:image/webp;base64,"
    try:
        data = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        _bad("placeholder")
    if not text.startswith(prefix) or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        _bad("placeholder")
    return text


def _flag(row: Mapping[str, Any], key: str) -> bool:
    value = row.get(key, False)
    if type(value) is not bool:
        _bad(key)
    return value


def _spacing(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        _bad("spacing")
    first, second = value
    if not all(type(step) in (int, float) and 0 < step < 100 for step in value):
        _bad("spacing")
    return float(first), float(second)


def _hint(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not value.keys() <= _HINT_KEYS:
        _bad("patient hint")
    return {key: _text(text, 200) for key, text in value.items()}


def _source(value: Any) -> CaptureSource:
    found: CaptureSource = _member(CaptureSource, value)
    if found not in _SOURCES:
        _bad("no element of a file")
    return found


def _optional(row: Mapping[str, Any], key: str, read: Any) -> Any:
    value = row.get(key)
    if value is None:
        return None
    return _member(read, value) if isinstance(read, type) else read(value)


def _member(enum: Any, value: Any) -> Any:
    try:
        return enum(value)
    except ValueError:
        _bad("unknown word")


def _match(pattern: re.Pattern[str], value: Any) -> str:
    text = _text(value, 80)
    if not pattern.fullmatch(text):
        _bad("form of a text")
    return text


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or refusal(value):
        _bad("text")
    return value


def _number(row: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = row.get(key)
    if type(value) is not int or not least <= value <= most:
        _bad(key)
    return value


def _bad(what: str) -> NoReturn:
    raise BadReport(what)
