"""The intake over Azure Blob Storage; the promises stand in ``containers.Intake``.

Block lists go through the SDK's generated operations (the SDK is pinned exactly): its public methods take block ids
to be UTF-8 text and encode them once more, while ours are raw bytes, encoded by the browser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient
from azure.storage.blob._generated.models import BlobHTTPHeaders, BlockLookupList, ModifiedAccessConditions

from ..names import INTAKE, IntakeBlob
from .blobs import Blobs, only
from .containers import BlobExists, BlobGone, Block, BlockList, Listed
from .faults import error_code, translated


class AzureIntake(Blobs):
    """Fulfils ``containers.Intake``."""

    container = INTAKE

    def blocks(self, blob: IntakeBlob) -> BlockList:
        """List the blocks, their ids as on the wire."""
        with translated():
            try:
                found = self._operations(blob).get_block_list(list_type="all")
            except HttpResponseError as error:
                if error_code(error) not in ("BlobNotFound", "InvalidBlobType"):
                    raise
                return BlockList((), ())
        return BlockList(_blocks(found.committed_blocks), _blocks(found.uncommitted_blocks))

    def commit(self, blob: IntakeBlob, ids: Sequence[str]) -> str:
        """Commit under If-None-Match: *."""
        with translated():
            try:
                etag: str = self._operations(blob).commit_block_list(
                    # Latest, not Uncommitted: a repeat after a lost answer is then told "exists", not "no such block".
                    BlockLookupList(latest=list(ids)),
                    blob_http_headers=BlobHTTPHeaders(blob_content_type="application/octet-stream"),
                    modified_access_conditions=ModifiedAccessConditions(if_none_match="*"),
                    cls=lambda _response, _body, headers: headers["ETag"],
                )
            except HttpResponseError as error:
                # A lease is answered before the condition, and only what exists can be leased.
                if error_code(error) == "LeaseIdMissing":
                    raise BlobExists("LeaseIdMissing") from None
                raise
        return etag

    def delete(self, blob: IntakeBlob, etag: str | None) -> bool:
        """Delete the blob or, without ``etag``, what was staged for it."""
        try:
            with self._told_apart(blob):
                self._delete(blob, only(etag))
        except BlobGone:
            return etag is None and self._delete_blocks(blob)
        return True

    def list(self, *, uncommitted: bool) -> Iterator[Listed]:
        """List everything."""
        return self._list(uncommitted=uncommitted)

    def _delete(self, blob: IntakeBlob, condition: dict[str, Any]) -> None:
        client = self._client(blob.name)
        with translated():
            try:
                client.delete_blob(delete_snapshots="include", **condition)
            except HttpResponseError as error:
                if error_code(error) != "LeaseIdMissing":
                    raise
                # Whoever holds a write grant can lease the blob; that must not keep it from being removed.
                BlobLeaseClient(client).break_lease(lease_break_period=0)
                client.delete_blob(delete_snapshots="include", **condition)

    def _delete_blocks(self, blob: IntakeBlob) -> bool:
        """Staged blocks alone cannot be deleted: they give way to an empty blob, and that is deleted."""
        if not self.blocks(blob).uncommitted:
            return False
        # If somebody commits them just now: deleting was asked for without a condition.
        with suppress(BlobExists):
            self.commit(blob, [])
        self._delete(blob, {})
        return True

    def _operations(self, blob: IntakeBlob) -> Any:
        return self._client(blob.name)._client.block_blob


def _blocks(found: Any) -> tuple[Block, ...]:
    return tuple(Block(block.name, block.size) for block in found or ())
