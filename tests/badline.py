"""A bad line between browser and store: an HTTP relay that counts, slows, refuses, cuts, darkens and corrupts.

with BadLine(lambda: azurite.port) as line:
    line.faults = 0.1            # one PUT in ten: half of those answered 503, half cut in the middle
    line.dark_until = monotonic() + 30
    line.flip = 1                # so many PUTs lose one bit on the way
    line.bytes                   # bodies that reached the store whole, in bytes
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PIECE = 64 << 10


class BadLine:
    """One relay on a free port of the loopback; what is wrong with it may be changed at any time."""

    def __init__(self, upstream: Callable[[], int], *, seed: int = 1) -> None:
        self.faults = 0.0
        self.dark_until = 0.0
        self.flip = 0
        #: Bytes a second for everything that is sent through it; 0: as fast as it goes.
        self.rate = 0.0
        #: The same of what comes back.
        self.rate_down = 0.0
        self.bytes = 0
        self.puts: Counter[str] = Counter()
        self.faulted = 0
        self.port = 0
        self._upstream, self._random = upstream, random.Random(seed)
        self._free_at = 0.0
        self._tasks: set[asyncio.Task[object] | None] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_PIECE), self._loop
        ).result(10)
        self._server = server
        self.port = int(server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def end() -> None:
            if self._server:
                self._server.close()
            while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=1)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        # The loop itself holds its tasks weakly: one whose peers are gone would be collected while it waits.
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while head := await self._head(reader):
                if time.monotonic() < self.dark_until:
                    return
                store = store or await asyncio.open_connection("127.0.0.1", self._upstream(), limit=_PIECE)
                if not await self._exchange(head, reader, writer, *store):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in (writer, *((store[1],) if store else ())):
                one.close()

    async def _exchange(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_store: asyncio.StreamReader,
        to_store: asyncio.StreamWriter,
    ) -> bool:
        """Relay one request and its answer; False if the line is cut after it."""
        length, put = _length(head), head.startswith(b"PUT ")
        fault = put and length > 0 and self._random.random() < self.faults
        if fault:
            self.faulted += 1
            if self.faulted % 2:
                await self._body(reader, None, length)
                writer.write(_refusal(head))
                await writer.drain()
                return True
            await self._body(reader, None, length // 2)
            return False
        flip = put and length > 0 and self.flip > 0
        self.flip -= int(flip)
        to_store.write(head)
        if not await self._body(reader, to_store, length, flip=flip):
            return False
        if put:
            self.bytes += length
            self.puts[head.split(b" ", 2)[1].decode().partition("&sig=")[0]] += 1
        answer = await self._head(from_store)
        writer.write(answer)
        if not head.startswith(b"HEAD ") and b" 304 " not in answer[:20]:
            await self._answer(answer, from_store, writer)
        await writer.drain()
        return True

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"transfer-encoding: chunked" not in head.lower():
            await self._body(reader, writer, _length(head), back=True)
            return
        while True:
            line = await reader.readline()
            writer.write(line)
            size = int(line.split(b";")[0], 16)
            writer.write(await reader.readexactly(size + 2))
            if size == 0:
                return

    async def _body(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter | None,
        length: int,
        *,
        flip: bool = False,
        back: bool = False,
    ) -> bool:
        """Carry a body; False if the line went dark in it."""
        left = length
        while left > 0:
            piece = await reader.read(min(_PIECE, left))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            if not back and time.monotonic() < self.dark_until:
                return False
            if flip:
                piece, flip = bytes([piece[0] ^ 1]) + piece[1:], False
            left -= len(piece)
            if rate := self.rate_down if back else self.rate:
                await self._pace(len(piece) / rate)
            if writer:
                writer.write(piece)
                await writer.drain()
        return True

    async def _pace(self, seconds: float) -> None:
        """One bucket for all connections: together they are as fast as the line."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + seconds
        if self._free_at - now > 0.002:
            await asyncio.sleep(self._free_at - now)

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _refusal(head: bytes) -> bytes:
    """Server Busy as the store says it; readable for the page, as a store's CORS rule makes it."""
    origin = next((line[8:] for line in head.split(b"\r\n") if line.lower().startswith(b"origin: ")), b"*")
    return (
        b"HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\n"
        b"Access-Control-Allow-Origin: %b\r\nAccess-Control-Expose-Headers: x-ms-error-code,retry-after\r\n\r\n"
        % origin
    )
