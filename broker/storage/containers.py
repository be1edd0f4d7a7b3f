"""The two containers as the rest of the service sees them: what can be asked, what comes back, what can go wrong.

    StorageFault
    ├── BlobGone        nothing is there (any more)
    ├── BlobChanged     something is there, under another ETag
    ├── BlobExists      the name is taken
    ├── BlobUnreadable  it is there, but archived or encrypted with a key we do not have
    ├── BlocksRefused   the store does not have these blocks
    ├── Unerasable      the blob must not be deleted: a policy or a hold keeps it
    └── SetupRefused    the credential may not make containers or rules; the text says who can, and how

Whatever may pass by itself (timeouts, throttling, a refused credential) is ``errors.StorageUnavailable``. No text of
any of them carries an address with a query.

ETags are opaque text as the store gives them in a header, with quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ..names import IntakeBlob, VaultBlob


class StorageFault(Exception):
    """The store answered, and the answer decides what happens to a file."""


class BlobGone(StorageFault):
    """There is no committed blob under this name."""


class BlobChanged(StorageFault):
    """The blob's ETag is not the one that was asked for."""


class BlobExists(StorageFault):
    """There is a blob under this name already. After a lost answer it may be the caller's own: compare, and go on."""


class BlobUnreadable(StorageFault):
    """The bytes cannot be had: the blob was archived, or encrypted with its sender's own key."""


class Unerasable(StorageFault):
    """A policy for unchangeable blobs, or a legal hold, keeps the blob; somebody has to lift it first."""


class BlocksRefused(StorageFault):
    """The list names a block that the store does not have, or is no list the store takes."""


class SetupRefused(StorageFault):
    """The credential may not set the store up. ``commands`` are the ``az`` lines for somebody who may."""

    def __init__(self, reason: str, commands: Sequence[str]) -> None:
        super().__init__("\n".join([reason, *commands]))
        self.commands = tuple(commands)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What lies under a name: ``size`` in bytes. Not ``block_blob``: an append or page blob, which is never ours."""

    size: int
    etag: str
    block_blob: bool
    modified: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its id in base64, as on the wire, and its size in bytes."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class BlockList:
    """The blocks of one name. ``uncommitted`` ones are in no order and may be left from any attempt."""

    committed: tuple[Block, ...]
    uncommitted: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing. Not ``committed``: only staged blocks lie there, and ``etag`` may be empty."""

    name: str
    size: int
    etag: str
    modified: datetime
    committed: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives a deletion: older versions, and deleted blobs for ``days``. None: the store would not say."""

    versions: bool | None
    days: int | None


class Intake(Protocol):
    """The untrusted landing place. Every method may raise StorageUnavailable."""

    def head(self, blob: IntakeBlob) -> Arrived | None:
        """Say what has arrived, or None. Raises BlobUnreadable where even that needs the sender's key."""

    def blocks(self, blob: IntakeBlob) -> BlockList:
        """List the blocks; both lists are empty if nothing is there, or no block blob."""

    def commit(self, blob: IntakeBlob, ids: Sequence[str]) -> str:
        """Make a blob of the staged blocks ``ids``, in this order, and give its ETag.

        Raises:
            BlobExists: the name is taken.
            BlocksRefused: a block is not there.
        """

    def read(self, blob: IntakeBlob, etag: str) -> Iterator[bytes]:
        """Give the stored bytes, never decoded, in pieces of at most 4 MiB; memory stays at a few pieces.

        Raises, while iterating:
            BlobGone, BlobUnreadable.
            BlobChanged: the blob is not, or no longer, the one with ``etag``; pieces already given may be kept
                for nothing but a log.
        """

    def delete(self, blob: IntakeBlob, etag: str | None) -> bool:
        """Delete the blob with its snapshots, whoever leases it; False if there was nothing.

        With ``etag`` only that very content is deleted. Without, also a name that holds only staged blocks.

        Raises:
            BlobChanged: the content has another ETag.
        """

    def list(self, *, uncommitted: bool) -> Iterator[Listed]:
        """List everything, in no promised order; ``uncommitted`` adds names that hold only staged blocks."""


class Vault(Protocol):
    """The permanent place of verified bytes; names are written once. Every method may raise StorageUnavailable."""

    def put(self, blob: VaultBlob, data: bytes | Path, media_type: str) -> bool:
        """Create the blob; False if the name exists, and then nothing was written.

        False may also follow a lost answer to our own writing: compare what is there, and go on. A Path is
        streamed: memory stays below 64 MiB and a few pieces, whatever its size.
        """

    def head(self, blob: VaultBlob) -> Arrived | None:
        """Say what is there, or None."""

    def get(self, blob: VaultBlob, limit: int) -> bytes:
        """Give the whole blob.

        Raises:
            BlobGone.
            FileTooLarge: it is longer than ``limit`` bytes.
        """

    def read(self, blob: VaultBlob) -> Iterator[bytes]:
        """Give the bytes in pieces of at most 4 MiB. Raises BlobGone while iterating."""

    def delete(self, blob: VaultBlob) -> bool:
        """Delete the blob, for an erasure and nothing else; False if there was nothing. Raises Unerasable."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """List the blobs whose names begin with ``prefix``."""
