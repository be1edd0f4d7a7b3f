"""Named places before and after every side effect, where a test lets the process die or the answer get lost.

Nothing happens here unless a test has put a hook in. The hook is called with the effect and with ``before`` or
``after``; whatever it raises, or kills, happens at just that line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Effect(StrEnum):
    """Every side effect of verifying, promoting, publishing, sealing, sweeping, rebuilding and erasing."""

    CLAIM = "claim"
    SPOOL = "spool"
    ORIGINAL = "original"
    RENDITION = "rendition"
    MANIFEST = "manifest"
    STORED = "stored"
    INTAKE_DELETE = "intake-delete"
    REJECTED = "rejected"
    MISSING = "missing"
    RELEASE = "release"
    PUBLISH = "publish"
    PUBLISHED = "published"
    COMMIT = "commit"
    RECEIVE = "receive"
    REFUSE = "refuse"
    LOSE = "lose"
    SETTLE = "settle"
    EXPIRE = "expire"
    PURGE = "purge"
    INDEX_PATIENTS = "index-patients"
    INDEX_UPLOADS = "index-uploads"
    INDEX_RECORDS = "index-records"
    INDEX_MARK = "index-mark"
    INDEXED = "indexed"
    TOMBSTONE = "tombstone"
    ERASE = "erase"
    FORGET = "forget"
    SEAL = "seal"
    SEALED = "sealed"


Hook = Callable[[Effect, str], None]

_hook: Hook | None = None


@contextmanager
def effect(what: Effect) -> Iterator[None]:
    """Surround one side effect. ``after`` is reached only if the effect took place."""
    if _hook is not None:
        _hook(what, "before")
    yield
    if _hook is not None:
        _hook(what, "after")


def install(hook: Hook | None) -> None:
    """Put a hook in, or take it out with None. For tests only."""
    global _hook
    _hook = hook
