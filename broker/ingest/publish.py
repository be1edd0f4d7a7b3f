"""Publish the outbox: documents that the web process made become blobs of the vault, in the order they were made.

Any number of workers publish at once, without a lease: each blob is create-only and each row is taken out only when its
blob exists, so two who publish the same row do no harm, and no row waits for a publisher that died. Each goes through
the rows from the oldest, so none is published before an older one was.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog import Catalog, outbox
from ..catalog.outbox import Unpublished
from ..errors import FileTooLarge
from ..names import VaultBlob
from ..storage.containers import BlobGone, Vault
from .crashpoint import Effect, effect

MEDIA_TYPE = "application/json"
#: No document of ours is longer.
LIMIT = 1 << 20
PAGE = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Empties the outbox into the vault."""

    catalog: Catalog
    vault: Vault

    def publish(self) -> int:
        """Publish what waits, and give the number of rows that cannot be: their name holds another document.

        Raises:
            StorageUnavailable, CatalogBusy: try again later; what was published stays so.
        """
        stuck = last = 0
        while rows := self._page(last):
            done = []
            try:
                for row in rows:
                    if self._put(row):
                        done.append(row.id)
            finally:
                self._take_out(done)
            stuck += len(rows) - len(done)
            last = rows[-1].id
        return stuck

    def _page(self, after: int) -> list[Unpublished]:
        with self.catalog.read() as tx:
            return outbox.first(tx, PAGE, after=after)

    def _put(self, row: Unpublished) -> bool:
        blob = VaultBlob(row.name)
        with effect(Effect.PUBLISH):
            made = self.vault.put(blob, encoded(row.document), MEDIA_TYPE)
        if made or self._same(blob, row.document):
            return True
        # The vault is never overwritten, so this row stays until somebody has looked.
        _log.error("the vault holds another document under this name", extra={"blob": row.name, "outbox": row.id})
        return False

    def _same(self, blob: VaultBlob, document: Mapping[str, Any]) -> bool:
        try:
            return bool(json.loads(self.vault.get(blob, LIMIT)) == document)
        except (ValueError, BlobGone, FileTooLarge):
            return False

    def _take_out(self, done: list[int]) -> None:
        if done:
            with effect(Effect.PUBLISHED), self.catalog.write() as tx:
                outbox.published(tx, done)


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document's bytes: JSON, UTF-8, one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"
