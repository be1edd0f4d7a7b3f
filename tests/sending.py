"""What a browser does with grants, over plain HTTP: send a file in one piece or in blocks, straight to the store."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from broker.blocks import BlockPlan, block_id, blocks_digest, plan_for, single_digest


class Source:
    """A file that is made while it is read: ``head`` and then zeros, ``size`` bytes in all. Nothing large is held."""

    def __init__(self, size: int, head: bytes = b"") -> None:
        self.size, self.head = size, head

    def slice(self, start: int, length: int) -> bytes:
        """The bytes [start, start + length)."""
        length = min(length, self.size - start)
        return self.head[start : start + length].ljust(length, b"\0")

    def pieces(self, length: int = 8 << 20) -> Iterator[bytes]:
        """All bytes, in order."""
        for start in range(0, self.size, length):
            yield self.slice(start, length)

    def digest(self) -> str:
        """The digest as it is declared."""
        plan = plan_for(self.size)
        if plan:
            return blocks_digest(plan, (hashlib.sha256(piece).digest() for piece in self.pieces(plan.size)))
        return single_digest(hashlib.sha256(b"".join(self.pieces())).digest())


def declaration(batch: str, patient: str, *files: tuple[str, Source], eye: str = "OD") -> dict[str, Any]:
    """The body of ``POST /uploads`` for (filename, source) pairs."""
    listed = [
        {"ref": str(n), "filename": name, "size": source.size, "eye": eye, "kind": "color_fundus"}
        | ({"digest": source.digest()} if plan_for(source.size) is None else {})
        for n, (name, source) in enumerate(files)
    ]
    return {"batch": batch, "patient": patient, "files": listed}


def send(grant: dict[str, Any], source: Source) -> None:
    """Put a file's bytes under its grant: one PUT, or one for each block. Asserts 201 each time."""
    parts = urlsplit(grant["url"])
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    path = f"{parts.path}?{parts.query}"
    try:
        if not grant["blocks"]:
            put(connection, path, b"".join(source.pieces()), grant["headers"])
            return
        plan = BlockPlan(source.size, grant["blocks"]["size"])
        for index, piece in enumerate(source.pieces(plan.size)):
            name = quote(block_id(index, hashlib.sha256(piece).digest()), safe="")
            put(connection, f"{path}&comp=block&blockid={name}", piece, grant["headers"])
    finally:
        connection.close()


def put(connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> None:
    """One PUT that must be answered by 201."""
    connection.request("PUT", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    # The path stays out of the message: it holds a signature.
    assert response.status == 201, (response.status, answer[:300])
