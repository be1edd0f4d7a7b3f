"""What a hundred wrong passwords at once cost everybody else: the p95 of a page beside them, and alone.

Run as ``python -m tests.bench.bench_flood``. Real processes: emulator, gunicorn with two workers, SQLite; a page of the
gallery is asked for over one kept connection, in turns with and without the flood. The flood comes from a process of
its own, on the same cores. Exits 1 if the page's p95 more than doubles.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.stack import ROOT, Stack

FLOOD, ROUNDS, QUIET_PAGES = 100, 40, 40
MOST_RATIO = 2.0


def main() -> int:
    """Measure, print a table, and say whether the limit holds."""
    with tempfile.TemporaryDirectory(prefix="bench-flood-") as name, Stack(Path(name), worker=False) as stack:
        page = _page(stack)
        for _ in range(100):
            page()  # both processes warm up
        quiet, busy, statuses, seconds = _rounds(stack, page)
    ratio = _p95(busy) / _p95(quiet)
    for what, times in (("alone", quiet), ("beside the flood", busy)):
        figures = f"{statistics.median(times) * 1000:8.1f} {_p95(times) * 1000:8.1f} ms ({len(times)} pages)"
        print(f"{f'page {what}: median, p95':<44}{figures}")
    print(f"{'p95 beside / alone':<44}{ratio:8.2f}    (limit {MOST_RATIO:.2f})")
    print(f"{'answers to the flood':<44}{dict(sorted(statuses.items()))}, {statistics.median(seconds):.2f} s a round")
    good = ratio <= MOST_RATIO and set(statuses) == {401, 429}
    print("good" if good else "LIMIT MISSED")
    return 0 if good else 1


def _rounds(stack: Stack, page: Callable[[], float]) -> tuple[list[float], list[float], Counter[int], list[float]]:
    """Seconds of pages alone and beside the flood, the flood's answers, and how long each flood lasted."""
    quiet, busy, statuses, seconds = [], [], Counter[int](), []
    command = [sys.executable, "-m", __spec__.name, str(stack.port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
        assert flood.stdin
        assert flood.stdout
        for _ in range(ROUNDS):
            quiet += [page() for _ in range(QUIET_PAGES)]
            flood.stdin.write("now\n")
            flood.stdin.flush()
            begun, answered = time.perf_counter(), False
            while not answered:
                busy.append(page())
                answered = _readable(flood.stdout)
            seconds.append(time.perf_counter() - begun)
            statuses.update(json.loads(flood.stdout.readline()))
            time.sleep(0.3)
        flood.stdin.close()
    return quiet, busy, statuses, seconds


def _page(stack: Stack) -> Callable[[], float]:
    """A function that fetches the gallery once and gives the seconds that it took."""
    connection = http.client.HTTPConnection("localhost", stack.port, timeout=60)
    headers = {"Authorization": f"Bearer {stack.token('physician')}"}

    def fetch() -> float:
        begun = time.perf_counter()
        connection.request("GET", "/gallery", headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        elapsed = time.perf_counter() - begun
        if answer.status != 200 or len(content) < 1000:
            raise SystemExit(f"the page failed: {answer.status}")
        return elapsed

    return fetch


def _readable(stream: IO[str]) -> bool:
    return bool(select.select([stream], [], [], 0)[0])


def _flooder(port: int) -> None:
    """The flood's own process: for each line that it reads, a hundred guesses at once, each for a name of its own.

    The connections are opened before, so that the flood takes little of the cores that it shares with the service.
    """
    address, number = ("127.0.0.1", port), 0
    lines = [socket.create_connection(address) for _ in range(FLOOD)]
    for _ in sys.stdin:
        for line in lines:
            number += 1
            line.sendall(_guess(f"nobody{number}"))
        statuses = [_status(line) for line in lines]
        print(json.dumps(statuses), flush=True)
        lines = [socket.create_connection(address) for _ in range(FLOOD)]


def _guess(name: str) -> bytes:
    body = f"name={name}&password=wrong+password"
    head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n"
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + kind + body).encode()


def _status(line: socket.socket) -> int:
    with contextlib.closing(line):
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    return int(answer.split(b" ", 2)[1])


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    if sys.argv[1:]:
        _flooder(int(sys.argv[1]))
    else:
        sys.exit(main())
