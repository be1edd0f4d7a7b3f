"""How requests arrive: one loop reads them for all threads, and only a whole request gets a thread.

gunicorn's own threads read, so that a few clients sending a byte a second would hold them all. Here such a client
holds a socket, until it is cut off. No thread ever waits for a client's bytes: what a request lacks when a thread
gets it, it lacks. Works on the inside of the pinned version; ``tests/integration/test_slow_clients.py`` says if that
changes.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from ..access.passwords import QUEUE
from .incoming import Request

#: Seconds that a request may take to arrive, and its answer to leave; and an end, until both sides have said it.
REQUEST_SECONDS, ANSWER_SECONDS, PARTING_SECONDS = 30.0, 30.0, 2.0
#: Bytes of all requests that are arriving in one process.
MOST_HELD = 64 << 20
#: Where passwords are sent: so many of these get a thread at once, and more are turned away before they cost anything.
PASSWORDS, MOST_PASSWORDS = (b"POST /sign-in", b"POST /invite", b"POST /session/unlock"), QUEUE
_PIECE = 64 << 10


@dataclass(slots=True)
class _Waiting:
    """A connection that the loop watches: for the rest of a request, or for the other side's end."""

    conn: Any
    seconds: float
    readable: Callable[[_Waiting], None]
    request: Request = field(default_factory=Request)
    since: float = field(default_factory=time.monotonic)


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with requests read by the loop. Its methods run there unless they say otherwise."""

    poller: Any

    def init_process(self) -> None:
        """Begin to serve; returns when the worker ends."""
        self._waiting: dict[socket.socket, _Waiting] = {}
        self._passwords: set[Any] = set()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Take a connection on which a request begins."""
        conn.sock.setblocking(False)
        one = _Waiting(conn, REQUEST_SECONDS, self._arriving)
        early = conn.parser.unreader.take_buffered() if conn.parser else b""
        if early:
            self._take(one, early)
        else:
            self._arriving(one)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer; in a thread. Who does not read the answer is cut off too."""
        conn.sock.settimeout(ANSWER_SECONDS)
        return bool(super().handle_request(req, conn))

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        # What is still to come of a body that was refused must not be read as the next request.
        return bool(super()._keepalive_after(conn, keepalive)) and not conn.short

    def finish_request(self, conn: Any, future: Any) -> None:
        """Go on with a connection: for its next request, or to its end, for which nobody waits here."""
        self._passwords.discard(conn)
        if not future.cancelled() and not future.exception() and future.result() is False:
            self._part(conn)
        else:
            super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Cut off what takes too long; at a stop, whatever is not whole after a moment."""
        super().murder_pending()
        now = time.monotonic()
        for one in list(self._waiting.values()):
            if now - one.since >= (one.seconds if self.alive else PARTING_SECONDS):
                if one.request.data:
                    self.log.info("request cut off: not whole after %.0f s", now - one.since)
                self._drop(one)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read, or was not answered; also in a thread. Its text is not repeated."""
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        if isinstance(exc, ParseException):
            status = HTTPStatus.BAD_REQUEST
            for kind, special in _SPECIAL:
                status = special if isinstance(exc, kind) else status
            self.log.info("request refused: %s", type(exc).__name__)
        else:
            self.log.exception("request not answered")
        _say(client, _problem(status))

    def _watch(self, one: _Waiting) -> None:
        if one.conn.sock not in self._waiting:
            self._waiting[one.conn.sock] = one
            self.poller.register(one.conn.sock, selectors.EVENT_READ, lambda _: one.readable(one))

    def _unwatch(self, one: _Waiting) -> None:
        if self._waiting.pop(one.conn.sock, None):
            self.poller.unregister(one.conn.sock)

    def _drop(self, one: _Waiting) -> None:
        self._unwatch(one)
        self.nr_conns -= 1
        one.conn.close()

    def _arriving(self, one: _Waiting) -> None:
        try:
            piece = one.conn.sock.recv(_PIECE)
        except BlockingIOError:
            self._watch(one)
            return
        except OSError:
            piece = b""
        if piece and sum(len(other.request.data) for other in self._waiting.values()) <= MOST_HELD:
            self._take(one, piece)
        else:
            self._drop(one)

    def _take(self, one: _Waiting, piece: bytes) -> None:
        headless = not one.request.body
        try:
            ready = one.request.add(piece)
        except LimitRequestHeaders as refused:
            self._unwatch(one)
            self.handle_error(None, one.conn.sock, one.conn.client, refused)
            self._part(one.conn)
            return
        if ready and one.request.data.startswith(PASSWORDS) and len(self._passwords) >= MOST_PASSWORDS:
            self.log.info("request refused: too many passwords at once")
            _say(one.conn.sock, _TURNED_AWAY)
            self._drop(one)
        elif ready:
            self._unwatch(one)
            self._hand_over(one.conn, bytes(one.request.data))
        else:
            self._watch(one)
            if headless and one.request.waits_for_word:
                _say(one.conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: Any, request: bytes) -> None:
        """Give a thread to a request. If it asks for more than has arrived, it is told that there is no more."""
        if request.startswith(PASSWORDS):
            self._passwords.add(conn)
        conn.init()
        conn.short = False
        conn.parser.unreader.chunk = lambda size_hint=None: _nothing(conn)
        conn.parser.unreader.unread(request)
        super().enqueue_req(conn)

    def _part(self, conn: Any) -> None:
        """Say that nothing more comes, and wait for the other side to say so: a reset could overtake the answer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self._watch(_Waiting(conn, PARTING_SECONDS, self._leaving))
        except OSError:
            self.nr_conns -= 1
            conn.close()

    def _leaving(self, one: _Waiting) -> None:
        try:
            if one.conn.sock.recv(_PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            self.log.debug("the other side is gone")
        self._drop(one)


_SPECIAL = (
    (LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
)


def _say(client: socket.socket, words: bytes) -> None:
    """Send something short; if there is no room for it, nobody reads."""
    with contextlib.suppress(OSError):
        client.send(words)


def _nothing(conn: Any) -> bytes:
    conn.short = True
    return b""


def _problem(status: HTTPStatus) -> bytes:
    """A problem (RFC 9457), since nobody knows yet whether a page was wanted."""
    body = f'{{"type": "about:blank", "title": "{status.phrase}", "status": {status.value}}}'
    return _answer(status, "application/problem+json", body)


def _answer(status: HTTPStatus, media_type: str, body: str) -> bytes:
    """A whole answer, which no browser keeps, frames, or takes for anything but what it is."""
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        *(["Retry-After: 5"] if status is HTTPStatus.TOO_MANY_REQUESTS else []),
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
    )
    return "\r\n".join((*lines, "", body)).encode()


_TURNED_AWAY = _answer(
    HTTPStatus.TOO_MANY_REQUESTS,
    "text/html; charset=utf-8",
    '<!doctype html><html lang="en"><title>Too many at once</title><h1>Many people are signing in just now</h1>'
    '<p>Wait a few seconds, then <a href="/sign-in">try again</a>.</p>',
)
