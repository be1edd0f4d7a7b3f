"""When a request is whole: told from its bytes, in whatever pieces they come (RFC 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gunicorn.http.errors import LimitRequestHeaders

from ..guard import UPLOADS_BODY

#: Bytes of a head.
MOST_HEAD = 64 << 10
#: What may stand between chunks: it counts for little, and not as the body.
_BETWEEN = 128 << 10
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n|$)")


@dataclass(slots=True)
class Request:
    """The bytes of one request so far."""

    data: bytearray = field(default_factory=bytearray)
    body: int = 0
    length: int = 0
    chunk: int = -1
    waits_for_word: bool = False

    def add(self, piece: bytes) -> bool:
        """Take what arrived; say whether it can be answered: it is whole, or too long, or makes no sense anyway.

        Raises:
            LimitRequestHeaders: there is no end to its head.
        """
        before = max(len(self.data) - 3, 0)
        self.data += piece
        if not self.body and not self._head_ended(before):
            return False
        arrived = len(self.data) - self.body
        if self.chunk >= 0:
            return self._last_chunk() or arrived > UPLOADS_BODY + _BETWEEN
        return arrived >= self.length or self.length > UPLOADS_BODY

    def _head_ended(self, look_from: int) -> bool:
        end = self.data.find(b"\r\n\r\n", look_from)
        if (len(self.data) if end < 0 else end) > MOST_HEAD:
            raise LimitRequestHeaders("too long")  # type: ignore[no-untyped-call]
        if end < 0:
            return False
        head = bytes(self.data[:end]).lower()
        self.body = end + 4
        self.length = max(map(int, _LENGTH.findall(head)), default=0)
        self.chunk = self.body if b"\r\ntransfer-encoding:" in head else -1
        self.waits_for_word = b"\r\nexpect: 100-continue" in head
        return True

    def _last_chunk(self) -> bool:
        """Go on through the chunks (RFC 9112, 7.1); what is no chunk is for the parser to refuse."""
        while (end := self.data.find(b"\r\n", self.chunk, self.chunk + 1024)) >= 0:
            try:
                size = int(self.data[self.chunk : end].split(b";")[0], 16)
            except ValueError:
                return True
            if size <= 0:
                return self.data.find(b"\r\n\r\n", end) >= 0
            if end + size + 4 > len(self.data):
                return False
            self.chunk = end + size + 4
        return len(self.data) - self.chunk > 1024
