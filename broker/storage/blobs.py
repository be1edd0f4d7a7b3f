"""What both containers do alike: look at a blob, read it, list blobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobProperties, BlobType

from ..ids import made_at
from ..names import IntakeBlob, VaultBlob, parse_intake
from .client import READING, Client
from .containers import Arrived, BlobChanged, BlobGone, Listed
from .faults import translated

_ETAG = re.compile(r'"?([!#-~]{1,200})"?')


class Blobs:
    """One container of the account."""

    container: str

    def __init__(self, client: Client) -> None:
        self._azure = client

    def head(self, blob: IntakeBlob | VaultBlob) -> Arrived | None:
        """Look at a blob without reading it."""
        return self._head(blob.name)

    def read(self, blob: IntakeBlob | VaultBlob, etag: str | None = None) -> Iterator[bytes]:
        """Read in pieces, each its own request under If-Match, so a broken connection costs one piece.

        Without ``etag`` the first piece sets it. ``decompress`` False: a client's Content-Encoding is no order to us.
        """
        with self._told_apart(blob), translated():
            yield from self._client(blob.name).download_blob(decompress=False, **only(etag), **READING).chunks()

    @contextmanager
    def _told_apart(self, blob: IntakeBlob | VaultBlob) -> Iterator[None]:
        """A condition fails on another content, and on the emulator also where nothing is: look which it was."""
        try:
            yield
        except BlobChanged:
            if self.head(blob) is None:
                raise BlobGone("ConditionNotMet") from None
            raise

    def _client(self, name: str) -> Any:
        # Any: we also use generated operations, which have no public type.
        return self._azure.service.get_blob_client(self.container, name)

    def _head(self, name: str) -> Arrived | None:
        try:
            with translated():
                found: BlobProperties = self._client(name).get_blob_properties()
        except BlobGone:
            return None
        return Arrived(found.size, found.etag or "", found.blob_type == BlobType.BLOCKBLOB, found.last_modified)

    def _list(self, prefix: str | None = None, *, uncommitted: bool = False) -> Iterator[Listed]:
        include = ["uncommittedblobs"] if uncommitted else None
        with translated():
            container = self._azure.service.get_container_client(self.container)
            for found in container.list_blobs(name_starts_with=prefix, include=include):
                yield self._listed(found, uncommitted)

    def _listed(self, found: BlobProperties, uncommitted: bool) -> Listed:
        etag = _quoted(found.etag or "")
        committed = bool(etag)
        if uncommitted and committed and not found.size:
            # Azure gives a name with only staged blocks no ETag, the emulator gives one: only a look tells them apart.
            committed = self._head(found.name) is not None
        return Listed(found.name, found.size or 0, etag, found.last_modified or _declared(found.name), committed)


def only(etag: str | None) -> dict[str, Any]:
    """The condition "this very content"; none for None. Raises BlobChanged for text that no store gives as an ETag."""
    if etag is None:
        return {}
    # A star would mean "any content", and a client may have told us this ETag.
    if _ETAG.fullmatch(etag) is None or "*" in etag:
        raise BlobChanged("not an ETag")
    return {"etag": _quoted(etag), "match_condition": MatchConditions.IfNotModified}


def _quoted(etag: str) -> str:
    """Listings give ETags without the quotes that headers have."""
    match = _ETAG.fullmatch(etag)
    return f'"{match[1]}"' if match else ""


def _declared(name: str) -> datetime:
    """Azure tells no time for staged blocks; an upload's id holds the time of its declaration."""
    blob = parse_intake(name)
    return made_at(blob.upload) if blob else datetime.now(UTC)
