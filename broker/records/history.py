"""Records as they are shown: who said what when, and what of it was taken back."""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.folding import retracted, standing
from ..catalog.records import Document

__all__ = ["history", "public", "standing"]

_FOR_RETRIES = ("version", "account", "body")


def public(document: Document) -> Document:
    """A record as it is shown, without what only retries need."""
    return {key: value for key, value in document.items() if key not in _FOR_RETRIES}


def history(documents: Sequence[Document]) -> list[Document]:
    """All records of one scan as they are shown; those that were taken back carry ``retracted: true``."""
    gone = retracted(documents)
    return [public(one) | ({"retracted": True} if one["act"] in gone else {}) for one in documents]
