"""The table of cases that worker and browser are held to: ``tests/cases/headers.json``, see the README beside it."""

from __future__ import annotations

import json
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "cases" / "headers.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = TABLE["cases"]
NOW = datetime.fromisoformat(TABLE["now"])

_LONG = {"OB", "SQ"}
_IMPLICIT, _EXPLICIT = b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1\0"

#: tag, value representation, value
Element = list[Any]


def dicom(elements: list[Element], *, implicit: bool = False, bare: str | None = None) -> bytes:
    """A DICOM file, little-endian, of exactly these elements; ``bare``: begins with its "meta" or its "elements"."""
    syntax = ["0002,0010", "UI", {"hex": (_IMPLICIT if implicit else _EXPLICIT).hex()}]
    # Without a preamble, a file is known by three elements.
    meta = _elements([["0002,0002", "UI", "1.2.3 "], ["0002,0003", "UI", "1.2.4 "], syntax], implicit=False)
    before = {None: bytes(128) + b"DICM" + meta, "meta": meta, "elements": b""}[bare]
    return before + _elements(elements, implicit=implicit)


def _elements(elements: list[Element], *, implicit: bool) -> bytes:
    return b"".join(_element(one, implicit=implicit) for one in sorted(elements, key=lambda one: str(one[0])))


def _element(element: Element, *, implicit: bool) -> bytes:
    tag, kind, value = element
    group, number = (int(part, 16) for part in tag.split(","))
    data = _value(kind, value, implicit=implicit)
    if len(data) % 2:
        data += b" "
    if implicit:
        return struct.pack("<HHI", group, number, len(data)) + data
    head = struct.pack("<HH2s", group, number, kind.encode())
    return head + (struct.pack("<HI", 0, len(data)) if kind in _LONG else struct.pack("<H", len(data))) + data


def _value(kind: str, value: Any, *, implicit: bool) -> bytes:
    if kind == "SQ":
        items = (_elements(item, implicit=implicit) for item in value)
        return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    if isinstance(value, dict):
        return bytes(value["zeros"]) if "zeros" in value else bytes.fromhex(value["hex"])
    return str(value).encode()
