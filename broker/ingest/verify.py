"""Verify one upload: read it once, compare length and digest with the declaration, have it decoded in the sandbox.

The read is streamed under If-Match into the spool. What is hashed, decoded and promoted are these very bytes, whatever
happens to the blob meanwhile.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import names
from ..catalog.uploads import Upload
from ..errors import Unavailable
from ..names import IntakeBlob
from ..storage.containers import Arrived, BlobChanged, BlobGone, BlobUnreadable, Intake, Vault
from ..words import Rejection
from .claim import STRIKES
from .crashpoint import Effect, effect
from .sandbox import SandboxUnavailable
from .spool import Place
from .verdict import Verdict

#: A blob that changes while it is read is read once more; after that it is not worth believing.
READS = 2


class Rejected(Exception):
    """The file must not be stored. ``detail`` is for IT; it never quotes the file."""

    def __init__(self, reason: Rejection, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Gone(Exception):
    """The storage does not have the bytes any more that it had acknowledged."""


class Stuck(Exception):
    """The vault contradicts what is known: neither stored nor rejected would be true. Somebody must look."""


class NoRoom(Unavailable):
    """The worker's disk is full, or no decoder can be started here. Nothing was lost; the file is tried again."""

    slug, title = "worker-unavailable", "The worker cannot work just now"


class Decoder(Protocol):
    """Looks into a file where it can do no harm: ``sandbox.Sandbox``."""

    def start(self) -> None:
        """Get ready. Raises SandboxUnavailable."""

    def stop(self) -> None:
        """End whatever was started."""

    def examine(self, spool: Path, out: Path, *, filename: str) -> Verdict:
        """Verify and render; see ``Sandbox.examine``."""


@dataclass(frozen=True, slots=True)
class Digests:
    """``declared``: recomputed in the form the client used; ``sha256``: of the whole, hex."""

    declared: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An upload whose bytes lie in the spool and are what was declared.

    ``etag`` is that of the intake blob they came from; None if they came from the vault, where they lie already.
    """

    digests: Digests
    verdict: Verdict
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Verifies uploads, one at a time: the sandbox takes no more."""

    intake: Intake
    vault: Vault
    decoder: Decoder

    def verify(self, upload: Upload, place: Place, check: Callable[[], None]) -> Checked:
        """Bring the bytes into ``place`` and give what they are; ``check`` is called again and again while it takes.

        Raises:
            Rejected, Gone, Stuck.
            StorageUnavailable, NoRoom: try again later.
        """
        promoted = self._promoted(upload)
        if not promoted and upload.attempts > STRIKES:
            raise Rejected(Rejection.DECODER_DIED, f"the worker died {upload.attempts - 1} times at this file")
        digests, etag = (self._fetch_promoted if promoted else self._fetch)(upload, place, check)
        check()
        verdict = self._examine(upload, place)
        if verdict.rejection is not None and promoted:
            raise Stuck(f"decoded once, and now {verdict.rejection}: {verdict.detail}")
        if verdict.rejection is not None:
            raise Rejected(verdict.rejection, verdict.detail)
        return Checked(digests, verdict, etag)

    def _promoted(self, upload: Upload) -> bool:
        """Say whether an earlier claim got as far as the vault: then those bytes count, not what lies in the intake."""
        return upload.fence > 1 and self.vault.head(names.original(upload.id)) is not None

    def _fetch_promoted(self, upload: Upload, place: Place, check: Callable[[], None]) -> tuple[Digests, None]:
        try:
            return _spool(self.vault.read(names.original(upload.id)), upload, place.original, check), None
        except BlobGone:
            raise Stuck("the original left the vault") from None
        except Rejected as wrong:
            raise Stuck(f"the original in the vault is not what was declared: {wrong.reason}") from None

    def _fetch(self, upload: Upload, place: Place, check: Callable[[], None]) -> tuple[Digests, str]:
        blob = IntakeBlob(upload.id)
        try:
            for _ in range(READS):
                arrived = _acceptable(self.intake.head(blob), upload)
                try:
                    pieces = self.intake.read(blob, arrived.etag)
                    return _spool(pieces, upload, place.original, check), arrived.etag
                except BlobChanged:
                    continue
        except BlobGone:
            raise Gone from None
        except BlobUnreadable as fault:
            raise Rejected(Rejection.UNREADABLE, str(fault)) from None
        raise Rejected(Rejection.CHANGED, f"changed during each of {READS} reads")

    def _examine(self, upload: Upload, place: Place) -> Verdict:
        try:
            return self.decoder.examine(place.original, place.out, filename=upload.filename)
        except SandboxUnavailable as fault:
            raise NoRoom(str(fault)) from fault
        except OSError as fault:
            raise NoRoom(f"spool: {fault.strerror}") from fault


def _acceptable(arrived: Arrived | None, upload: Upload) -> Arrived:
    """Refuse what need not be read to be refused."""
    if arrived is None:
        raise Gone
    if not arrived.block_blob:
        raise Rejected(Rejection.BLOB_TYPE, "not a block blob")
    if arrived.size == 0:
        raise Rejected(Rejection.EMPTY, "0 bytes")
    if arrived.size != upload.size:
        raise Rejected(Rejection.SIZE, f"{arrived.size} bytes arrived, {upload.size} were declared")
    return arrived


def _spool(pieces: Iterator[bytes], upload: Upload, path: Path, check: Callable[[], None]) -> Digests:
    """Write the bytes to ``path`` and compare their length and digest with the declaration. Raises Rejected, NoRoom."""
    hashing = Hashing(upload.block_size)
    with effect(Effect.SPOOL):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                for piece in pieces:
                    check()
                    hashing.add(piece)
                    if hashing.size > upload.size:
                        break
                    file.write(piece)
        except OSError as fault:
            raise NoRoom(f"spool: {fault.strerror}") from fault
    if hashing.size != upload.size:
        raise Rejected(Rejection.SIZE, f"{hashing.size} bytes were read, {upload.size} were declared")
    found = hashing.digests()
    if found.declared != upload.digest:
        raise Rejected(Rejection.DIGEST, f"{found.declared} was read, {upload.digest} was declared")
    return found


class Hashing:
    """Both digests in one pass. ``block_size`` 0: the file was sent in one piece, and both are the same hash."""

    def __init__(self, block_size: int) -> None:
        self.size = 0
        self._block_size = block_size
        self._whole = hashlib.sha256()
        self._blocks = hashlib.sha256()
        self._block = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self._whole.update(piece)
        rest = memoryview(piece)
        while self._block_size and rest:
            room = self._block_size - self.size % self._block_size
            part, rest = rest[:room], rest[room:]
            self._block.update(part)
            self.size += len(part)
            if len(part) == room:
                self._end_block()
        self.size += len(rest)

    def digests(self) -> Digests:
        """Give both, of all that was added."""
        whole = self._whole.hexdigest()
        if not self._block_size:
            return Digests(f"sha256:{whole}", whole)
        if self.size % self._block_size:
            self._end_block()
        return Digests(f"sha256-blocks-{self._block_size}:{self._blocks.hexdigest()}", whole)

    def _end_block(self) -> None:
        self._blocks.update(self._block.digest())
        self._block = hashlib.sha256()
