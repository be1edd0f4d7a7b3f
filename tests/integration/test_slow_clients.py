"""Clients that are slow, long-winded or broken, against the real web process: each is cut off or refused, and others
are served meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.guard import OTHER_BODY, UPLOADS_BODY
from broker.ops.serve import THREADS, WORKERS
from tests.stack import ROOT, Stack

#: More than there are threads to hold.
SLOW = 3 * WORKERS * THREADS
HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Hasty(Stack):
    """Web, which gives a request two seconds to arrive."""

    @property
    def environ(self) -> dict[str, str]:
        short = Path(__file__).parent / "short_requests"
        return super().environ | {"PYTHONPATH": f"{short}:{ROOT}"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Hasty(tmp_path_factory.mktemp("slow"), worker=False) as running:
        yield running


def connect(stack: Stack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stack.port), timeout=20)


def ask(stack: Stack, *pieces: bytes) -> tuple[int, bytes]:
    """Send these bytes, and give status and whole answer; the server closes the connection."""
    with contextlib.closing(connect(stack)) as line:
        for piece in pieces:
            line.sendall(piece)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


def post(path: str, *lines: str) -> bytes:
    return (HEAD.format(path=path) + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode()


BEGINNINGS = {
    "nothing": b"",
    "a request line": b"GET /livez HTTP/1.1\r\n",
    "an endless head": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "a body": post("/api/v1/uploads", "Content-Length: 1000"),
    "chunks": post("/api/v1/uploads", "Transfer-Encoding: chunked") + b"3e8\r\n",
    "a chunk that only looks like the last": post("/sign-in", "Transfer-Encoding: chunked") + b"9\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_clients_that_send_a_byte_a_second_are_cut_off_and_others_are_served(stack: Stack, beginning: str) -> None:
    api = stack.api("technician")
    with contextlib.ExitStack() as lines:
        slow = [lines.enter_context(contextlib.closing(connect(stack))) for _ in range(SLOW)]
        for line in slow:
            line.sendall(BEGINNINGS[beginning])
        open_, end = set(slow), time.monotonic() + 30
        while open_:
            assert api.get("/uploads")["uploads"] == []
            assert time.monotonic() < end, f"{len(open_)} are not cut off"
            for line in select.select(list(open_), [], [], 0.5)[0]:
                with contextlib.suppress(ConnectionError):
                    assert line.recv(1) == b""
                open_.discard(line)
            for line in open_:
                with contextlib.suppress(OSError):
                    line.send(b"x")


def test_clients_that_never_hang_up_hold_nobody(stack: Stack) -> None:
    api = stack.api("technician")
    with contextlib.ExitStack() as lines:
        for _ in range(SLOW):
            line = lines.enter_context(contextlib.closing(connect(stack)))
            line.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for _ in range(20):
            assert api.get("/uploads")["uploads"] == []


@pytest.mark.parametrize(
    ("path", "most"), [("/api/v1/uploads", UPLOADS_BODY), ("/api/v1/patients", OTHER_BODY), ("/sign-in", OTHER_BODY)]
)
def test_an_over_long_body_is_refused_before_it_was_sent(stack: Stack, path: str, most: int) -> None:
    token = stack.token("technician")
    head = post(path, f"Authorization: Bearer {token}", f"Content-Length: {most + 1}", "Connection: close")
    body = b"{}".ljust(most + 1) if most == OTHER_BODY else b"{}"
    assert ask(stack, head, body)[0] == 413


def test_what_comes_after_a_refused_head_is_not_read_as_a_request(stack: Stack) -> None:
    hidden = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = post("/api/v1/uploads", f"Authorization: Bearer {stack.token('technician')}", f"Content-Length: {2 << 20}")
    with contextlib.closing(connect(stack)) as line:
        line.sendall(head)
        answer = line.recv(65536)
        with contextlib.suppress(OSError):
            line.sendall(hidden)
            while more := line.recv(65536):
                answer += more
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_over_long_body_in_chunks_is_refused(stack: Stack) -> None:
    head = post("/api/v1/uploads", f"Authorization: Bearer {stack.token('technician')}", "Transfer-Encoding: chunked")
    chunk = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
    status = 0
    with contextlib.suppress(ConnectionError):  # it may hang up while we still send
        status = ask(stack, head, *[chunk] * 40)[0]
    assert status in (0, 400, 413)
    assert stack.api("technician").get("/uploads")["uploads"] == []


def test_a_body_in_chunks_that_arrives_in_pieces_is_taken(stack: Stack) -> None:
    patient = {"mrn": "7", "name": "Ada Example", "birth_date": "1957-03-21"}
    text = json.dumps(patient).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (text[:9], text[9:])) + b"0\r\n\r\n"
    head = post(
        "/api/v1/patients",
        f"Authorization: Bearer {stack.token('technician')}",
        "Transfer-Encoding: chunked",
        "Connection: close",
    )
    whole = head + chunks
    assert ask(stack, *(whole[at : at + 7] for at in range(0, len(whole), 7)))[0] == 201


def test_two_requests_in_one_breath_get_two_answers(stack: Stack) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert ask(stack, one + one + last)[1].count(b"HTTP/1.1 200") == 3


def test_a_client_that_asks_before_it_sends_is_told_to(stack: Stack) -> None:
    with contextlib.closing(connect(stack)) as line:
        line.sendall(post("/api/v1/uploads", "Content-Length: 2", "Expect: 100-continue", "Connection: close"))
        assert line.recv(12) == b"HTTP/1.1 100"
        line.sendall(b"{}")
        assert b"HTTP/1.1 401" in b"".join(iter(lambda: line.recv(65536), b""))


REFUSED = {
    "a long address": (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-One: 1\r\n" * 100 + b"\r\n", 431),
    "a head without an end": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-One: 123456789\r\n" * 5000, 431),
    "two lengths": (post("/sign-in", "Content-Length: 3", "Content-Length: 5") + b"abcde", 400),
    "length and chunks": (post("/sign-in", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "no sense": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused_without_being_repeated(stack: Stack, what: str) -> None:
    request, wanted = REFUSED[what]
    status, answer = ask(stack, request)
    assert status == wanted
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert b"xxxx" not in answer
