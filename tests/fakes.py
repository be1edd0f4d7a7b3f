"""Stand-ins for the seams: in memory, no sockets, held to the same contract tests as the real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock

from broker.errors import FileTooLarge
from broker.names import IntakeBlob, VaultBlob
from broker.storage.containers import (
    Arrived,
    BlobChanged,
    BlobExists,
    BlobGone,
    BlobUnreadable,
    Block,
    BlockList,
    BlocksRefused,
    Kept,
    Listed,
)

_PIECE = 4 << 20
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class FakeBlob:
    """What lies under one name. ``etag`` empty: only staged blocks."""

    data: bytes = b""
    etag: str = ""
    media_type: str = ""
    modified: datetime = _NEVER
    block_blob: bool = True
    readable: bool = True
    committed: dict[str, bytes] = field(default_factory=dict)
    staged: dict[str, bytes] = field(default_factory=dict)


class FakeStore:
    """Both containers in memory.

    ``before(act, name)`` is called ahead of every act ("head", "put", "delete" ...): a test raises there what
    the store should raise, or changes something to lose a race. ``arrive``, ``stage``, ``append`` and ``spoil`` are
    what a browser with a grant can do.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.before: Callable[[str, str], None] = lambda act, name: None
        self.lock = RLock()
        self.origins: tuple[str, ...] = ()
        self._etags = itertools.count(0x1D00)
        self.intake = FakeIntake(self)
        self.vault = FakeVault(self)

    def ready(self) -> None:
        """Fail only if ``before`` says so."""
        self.before("ready", "")

    def ensure(self, origins: Sequence[str]) -> None:
        """Remember the origins."""
        self.before("ensure", "")
        self.origins = tuple(origins)

    def kept(self, blob: VaultBlob) -> Kept:
        """Nothing outlives a deletion here."""
        self.before("kept", blob.name)
        return Kept(versions=False, days=0)

    def server_time(self) -> datetime:
        """The clock, to the second."""
        self.before("server_time", "")
        return self.clock().replace(microsecond=0)

    def close(self) -> None:
        """Nothing is open."""

    def arrive(self, blob: IntakeBlob, data: bytes) -> str:
        """Put a whole file, over whatever is there, and give its ETag."""
        return self.intake.write(blob.name, FakeBlob(data)).etag

    def append(self, blob: IntakeBlob) -> None:
        """Make an append blob, which a create grant does not prevent."""
        self.intake.write(blob.name, FakeBlob(block_blob=False))

    def stage(self, blob: IntakeBlob, block_id: str, data: bytes) -> None:
        """Put one block."""
        with self.lock:
            self.intake.blobs.setdefault(blob.name, FakeBlob(modified=self.clock())).staged[block_id] = data

    def spoil(self, blob: IntakeBlob) -> None:
        """Archive the blob: it is there and cannot be read."""
        self.intake.blobs[blob.name].readable = False

    def etag(self) -> str:
        """The next ETag."""
        return f'"0x{next(self._etags):X}"'


class _FakeContainer:
    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.blobs: dict[str, FakeBlob] = {}

    def write(self, name: str, blob: FakeBlob) -> FakeBlob:
        """Put a blob in place, with a new ETag."""
        with self.store.lock:
            blob.etag, blob.modified = self.store.etag(), self.store.clock()
            self.blobs[name] = blob
            return blob

    def head(self, blob: IntakeBlob | VaultBlob) -> Arrived | None:
        self.store.before("head", blob.name)
        found = self.blobs.get(blob.name)
        if found is None or not found.etag:
            return None
        return Arrived(len(found.data), found.etag, found.block_blob, found.modified)

    def read(self, blob: IntakeBlob | VaultBlob, etag: str | None = None) -> Iterator[bytes]:
        start = 0
        while True:
            self.store.before("read", blob.name)
            found = self._same(blob.name, etag)
            if not found.readable:
                raise BlobUnreadable("BlobArchived")
            etag = found.etag
            if found.data:
                yield found.data[start : start + _PIECE]
            start += _PIECE
            if start >= len(found.data):
                return

    def _same(self, name: str, etag: str | None) -> FakeBlob:
        found = self.blobs.get(name)
        if found is None or not found.etag:
            raise BlobGone("BlobNotFound")
        if etag is not None and etag.strip('"') != found.etag.strip('"'):
            raise BlobChanged("ConditionNotMet")
        return found

    def _list(self, prefix: str, *, uncommitted: bool) -> Iterator[Listed]:
        self.store.before("list", prefix)
        for name, found in sorted(self.blobs.items()):
            if name.startswith(prefix) and (found.etag or uncommitted):
                yield Listed(name, len(found.data), found.etag, found.modified, bool(found.etag))


class FakeIntake(_FakeContainer):
    """Fulfils ``containers.Intake``."""

    def blocks(self, blob: IntakeBlob) -> BlockList:
        self.store.before("blocks", blob.name)
        found = self.blobs.get(blob.name, FakeBlob())
        return BlockList(_blocks(found.committed), _blocks(found.staged))

    def commit(self, blob: IntakeBlob, ids: Sequence[str]) -> str:
        self.store.before("commit", blob.name)
        with self.store.lock:
            found = self.blobs.get(blob.name, FakeBlob())
            if found.etag:
                raise BlobExists("BlobAlreadyExists")
            if any(block not in found.staged for block in ids):
                raise BlocksRefused("InvalidBlockList")
            data = b"".join(found.staged[block] for block in ids)
            made = FakeBlob(data, committed={block: found.staged[block] for block in ids})
            return self.write(blob.name, made).etag

    def delete(self, blob: IntakeBlob, etag: str | None) -> bool:
        self.store.before("delete", blob.name)
        with self.store.lock:
            found = self.blobs.get(blob.name)
            if found is None or (not found.etag and etag is not None):
                return False
            if found.etag:
                self._same(blob.name, etag)
            del self.blobs[blob.name]
            return True

    def list(self, *, uncommitted: bool) -> Iterator[Listed]:
        return self._list("", uncommitted=uncommitted)


class FakeVault(_FakeContainer):
    """Fulfils ``containers.Vault``."""

    def put(self, blob: VaultBlob, data: bytes | Path, media_type: str) -> bool:
        self.store.before("put", blob.name)
        content = data.read_bytes() if isinstance(data, Path) else data
        with self.store.lock:
            if blob.name in self.blobs:
                return False
            self.write(blob.name, FakeBlob(content, media_type=media_type))
            return True

    def get(self, blob: VaultBlob, limit: int) -> bytes:
        self.store.before("get", blob.name)
        found = self._same(blob.name, None)
        if len(found.data) > limit:
            raise FileTooLarge(f"{len(found.data)} bytes, at most {limit} are read at once", limit=limit)
        return found.data

    def delete(self, blob: VaultBlob) -> bool:
        self.store.before("delete", blob.name)
        return self.blobs.pop(blob.name, None) is not None

    def list(self, prefix: str) -> Iterator[Listed]:
        return self._list(prefix, uncommitted=False)


def _blocks(blocks: dict[str, bytes]) -> tuple[Block, ...]:
    return tuple(Block(name, len(data)) for name, data in blocks.items())
