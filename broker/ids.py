"""Ids: UUIDv7 (RFC 9562 section 5.7), ordered by time, and scan ids that follow from the upload's.

An id is text in the canonical lower-case form, 36 characters. Its first 48 bits are Unix milliseconds.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from uuid import UUID

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id(now: datetime) -> str:
    """Make a UUIDv7 for ``now``; its 74 other bits are random."""
    return _uuid7(int(now.timestamp() * 1000), secrets.randbits(74))


def scan_id(upload: str, index: int) -> str:
    """Give the id of an upload's ``index``-th scan.

    The same upload and index always give the same id, so that a promotion repeated by another worker
    writes the same names: the upload's time plus bits of SHA-256(upload id, index), in UUIDv7 form.
    """
    digest = hashlib.sha256(f"{upload}/{index}".encode()).digest()
    return _uuid7(UUID(upload).int >> 80, int.from_bytes(digest[:10], "big") >> 6)


def is_id(text: object) -> bool:
    """Say whether ``text`` is an id in canonical form, of any UUID version (clients make some ids)."""
    return isinstance(text, str) and _CANONICAL.fullmatch(text) is not None


def made_at(uuid7: str) -> datetime:
    """Read the creation time out of a UUIDv7, to the millisecond."""
    return datetime.fromtimestamp((UUID(uuid7).int >> 80) / 1000, UTC)


def _uuid7(milliseconds: int, bits74: int) -> str:
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (bits74 >> 62) << 64
    value |= 0b10 << 62 | bits74 & ((1 << 62) - 1)
    return str(UUID(int=value))
