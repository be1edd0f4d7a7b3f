"""The vault over Azure Blob Storage: every name is written once. The promises stand in ``containers.Vault``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from azure.storage.blob._generated.models import BlobHTTPHeaders, ModifiedAccessConditions

from ..errors import FileTooLarge, StorageUnavailable
from ..names import VAULT, VaultBlob
from .blobs import Blobs
from .client import MIB, READING, SENDING
from .containers import BlobExists, BlobGone, Listed, StorageFault
from .faults import translated


class AzureVault(Blobs):
    """Fulfils ``containers.Vault``."""

    container = VAULT

    def put(self, blob: VaultBlob, data: bytes | Path, media_type: str) -> bool:
        """Create under If-None-Match: *, with this content type and no metadata."""
        try:
            with _opened(data) as stream, translated():
                _put(self._client(blob.name), stream, media_type)
        except BlobExists:
            return False
        except (StorageFault, StorageUnavailable):
            # A name that is taken has many refusals: a lease, a policy, an identity that may only add. And a timeout
            # may mean done. So look before giving up.
            if self.head(blob) is None:
                raise
            return False
        return True

    def get(self, blob: VaultBlob, limit: int) -> bytes:
        """Read at once what is not longer than ``limit``."""
        with translated():
            found = self._client(blob.name).download_blob(decompress=False, **READING)
            if found.size > limit:
                raise FileTooLarge(f"{found.size} bytes, at most {limit} are read at once", limit=limit)
            return bytes(found.readall())

    def delete(self, blob: VaultBlob) -> bool:
        """Delete with snapshots."""
        try:
            with translated():
                self._client(blob.name).delete_blob(delete_snapshots="include")
        except BlobGone:
            return False
        return True

    def list(self, prefix: str) -> Iterator[Listed]:
        """List by prefix."""
        return self._list(prefix)


def _opened(data: bytes | Path) -> BinaryIO:
    return data.open("rb") if isinstance(data, Path) else io.BytesIO(data)


def _put(client: Any, stream: BinaryIO, media_type: str) -> None:
    """One Put Blob of whatever size, streamed.

    Never blocks: Put Block needs the right to write, which can overwrite, and the worker's identity may only add.
    The generated operation streams, where the SDK's public method would read a single put into memory first.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    client._client.block_blob.upload(
        content_length=size,
        body=stream if size else b"",  # an empty stream would be sent without a length
        blob_http_headers=BlobHTTPHeaders(blob_content_type=media_type),
        modified_access_conditions=ModifiedAccessConditions(if_none_match="*"),
        **(SENDING if size > MIB else {}),
    )
