"""The block protocol: how a large file is cut, how each block is named, and what its digest is.

A block's id is the base64 of its 4-byte big-endian index and its 32-byte SHA-256. All ids of a file have one length,
as the service demands, and the store's own block list is the manifest of what has arrived: an upload can be resumed
from any computer, and a block of another file is refused because its id is not in the plan.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MIB = 1 << 20
#: Files up to this size are sent by one Put Blob, whose grant writes once.
SINGLE_LIMIT = 32 * MIB
#: Put Block List takes at most so many blocks (REST, Put Block List).
MOST_BLOCKS = 50_000


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A file of ``total`` bytes in ``count`` blocks of ``size`` bytes; the last one may be shorter."""

    total: int
    size: int

    @property
    def count(self) -> int:
        return -(-self.total // self.size)

    def length(self, index: int) -> int:
        """Bytes of the block at ``index``, counted from 0."""
        return min(self.size, self.total - index * self.size)


def plan_for(total: int) -> BlockPlan | None:
    """Give the plan of a file of ``total`` bytes; None if it is sent in one piece.

    The block size follows from the file's size alone, so the same file always has the same digest: a 2000th,
    rounded up to whole MiB, at least 8 and at most 64 MiB.
    """
    if total <= SINGLE_LIMIT:
        return None
    return BlockPlan(total, min(max(-(-total // (2000 * MIB)), 8), 64) * MIB)


def block_id(index: int, digest: bytes) -> str:
    """Name a block by its index and its SHA-256 (32 bytes)."""
    return base64.b64encode(index.to_bytes(4, "big") + digest).decode()


def parse_block_id(text: str) -> tuple[int, bytes] | None:
    """Read index and SHA-256 back; None if this is no id of ours."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return (int.from_bytes(raw[:4], "big"), raw[4:]) if len(raw) == 36 else None


def single_digest(sha256: bytes) -> str:
    """Write the digest of a file sent in one piece."""
    return f"sha256:{sha256.hex()}"


def blocks_digest(plan: BlockPlan, digests: Iterable[bytes]) -> str:
    """Write the digest of a file sent in blocks: SHA-256 over the blocks' digests, one after the other."""
    total = hashlib.sha256(b"".join(digests))
    return f"sha256-blocks-{plan.size}:{total.hexdigest()}"


def fits(digest: str, plan: BlockPlan | None) -> bool:
    """Say whether ``digest`` has the form that a file with this plan must have."""
    prefix, _, value = digest.partition(":")
    expected = f"sha256-blocks-{plan.size}" if plan else "sha256"
    return prefix == expected and len(value) == 64 and set(value) <= set("0123456789abcdef")


def arrange(plan: BlockPlan, arrived: Iterable[tuple[str, int]], told: Sequence[str] | None) -> list[str | None]:
    """Choose, for each index of the plan, the id of the block that has arrived for it; None where none can be chosen.

    ``arrived`` are (id, size) as the store lists them; ``told`` the SHA-256 (hex) of every block in order, if the
    client said so. Without that, an index with two different blocks is undecided: None.
    """
    found: dict[int, set[str]] = {}
    for name, size in arrived:
        parsed = parse_block_id(name)
        if parsed and parsed[0] < plan.count and size == plan.length(parsed[0]):
            found.setdefault(parsed[0], set()).add(name)
    if told is not None:
        wanted = [block_id(index, bytes.fromhex(digest)) for index, digest in enumerate(told)]
        return [name if name in found.get(index, ()) else None for index, name in enumerate(wanted)]
    return [next(iter(found[index])) if len(found.get(index, ())) == 1 else None for index in range(plan.count)]
