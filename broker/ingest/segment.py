"""The form of a sealed audit segment: JSON lines, the first about the segment, one for each row after it.

    {"version": 1, "segment": 7, "previous": SHA-256 of segment 6's bytes (null in the first), "rows": 312,
     "sealed_at": "2026-11-22T09:30:00.000000+00:00"}
    {"id", "at", "act", "outcome", "account_id", "account_name", "address", "request", "subjects", "detail"}

There is one way to write a segment, so a reader who writes what was read must get the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..catalog.audit import AuditRow
from .strict import Misfit

VERSION = 1
MEDIA_TYPE = "application/x-ndjson"
#: The most rows in one segment, and about the most bytes; no reader takes more than ``LIMIT``.
MOST_ROWS, MOST_BYTES, LIMIT = 1_000, 8 << 20, 64 << 20
#: What a row says; where it lies is no part of it.
FIELDS = tuple(name for name in AuditRow.__dataclass_fields__ if name != "segment")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One segment. ``previous`` is the SHA-256 (hex) of the one before, None in the first."""

    number: int
    previous: str | None
    sealed_at: datetime
    rows: tuple[AuditRow, ...]


def write(sealed: Sealed) -> bytes:
    """Give the segment's bytes."""
    head = {"version": VERSION, "segment": sealed.number, "previous": sealed.previous, "rows": len(sealed.rows)}
    lines = [_line(head | {"sealed_at": _stamp(sealed.sealed_at)}), *map(line, sealed.rows)]
    return b"".join(lines)


def read(data: bytes) -> Sealed:
    """Read a segment.

    Raises:
        Misfit: it is not one of version 1, or not as ``write`` writes it.
    """
    try:
        first, *others = [json.loads(text) for text in data.decode().splitlines()]
        rows = tuple(_row(found, first["segment"]) for found in others)
        sealed = Sealed(first["segment"], first["previous"], datetime.fromisoformat(first["sealed_at"]), rows)
        same = write(sealed) == data
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Misfit(f"not a segment ({type(error).__name__})") from None
    if not same:
        raise Misfit("not written as a segment is")
    return sealed


def line(row: AuditRow) -> bytes:
    """Write one row; equal rows give equal lines."""
    values = {name: getattr(row, name) for name in FIELDS}
    return _line(values | {"at": _stamp(row.at)})


def digest(data: bytes) -> str:
    """What the next segment repeats: SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _row(found: dict[str, Any], number: int) -> AuditRow:
    return AuditRow(**found | {"at": datetime.fromisoformat(found["at"]), "segment": number})


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
