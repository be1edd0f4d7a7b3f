"""What declaring costs: grants per second in batches of 100, and one batch of 100 against 100 single calls.

Run as ``python -m tests.bench.bench_mint``. One real gunicorn process with one worker, SQLite on disk, account key;
declaring makes no storage call, so there is no store. Exits 1 if a limit is missed.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker import create_app
from broker.access.actor import SYSTEM, Actor
from broker.catalog import migrate
from broker.config import Config
from broker.ids import new_id
from broker.parts import Parts, assemble
from broker.words import Role

BATCH, ROUNDS, BATCHES = 100, 7, 60
LEAST_GRANTS_A_SECOND = 3_000
#: One batch takes at most this part of the time of as many single calls.
MOST_RATIO = 1 / 10
_FOLDER = "BENCH_MINT_FOLDER"


def application() -> Any:
    """The WSGI application for gunicorn, over the catalog that ``main`` prepared."""
    return create_app(_config(Path(os.environ[_FOLDER])))


def main() -> int:
    """Measure, print a table, and say whether the limits hold."""
    with tempfile.TemporaryDirectory(prefix="bench-mint-") as name:
        folder = Path(name)
        token, patient = _prepare(folder)
        with _server(folder) as (process, port):
            client = _Client(port, token, patient)
            client.declare(BATCH)  # the first one warms up
            rounds = [(client.declare(BATCH), sum(client.declare(1) for _ in range(BATCH))) for _ in range(ROUNDS)]
            cpu, began = _cpu_seconds(process.pid), time.perf_counter()
            times = [client.declare(BATCH) for _ in range(BATCHES)]
            elapsed, cpu = time.perf_counter() - began, _cpu_seconds(process.pid) - cpu
    ratio = statistics.median(batch / singles for batch, singles in rounds)
    rate = BATCH * BATCHES / elapsed
    print(f"{'one batch of 100':<44}{statistics.median(times) * 1000:10.1f} ms (median of {BATCHES})")
    print(f"{'100 single calls':<44}{statistics.median(single for _, single in rounds) * 1000:10.1f} ms")
    print(f"{'batch / singles':<44}{ratio:10.3f}    (limit {MOST_RATIO:.3f}, median of {ROUNDS})")
    print(f"{'grants per second, one client':<44}{rate:10.0f}    (limit {LEAST_GRANTS_A_SECOND})")
    print(f"{'web process: CPU per grant':<44}{cpu / (BATCH * BATCHES) * 1e6:10.0f} us")
    good = ratio <= MOST_RATIO and rate >= LEAST_GRANTS_A_SECOND
    print("good" if good else "LIMIT MISSED")
    return 0 if good else 1


def _config(folder: Path) -> Config:
    store = "https://clinic.blob.core.windows.net"
    return Config(
        blob_url=store,
        account="clinic",
        account_key="MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        public_url="http://localhost:8080",
        blob_public_url=store,
        database_url=f"sqlite+pysqlite:///{folder / 'catalog.sqlite'}",
        data_dir=folder,
        work_dir=folder,
        time_zone=ZoneInfo("UTC"),
    )


def _prepare(folder: Path) -> tuple[str, str]:
    """Migrate, and make a program's token and a patient."""
    parts: Parts = assemble(_config(folder))
    migrate.upgrade(parts.catalog)
    now = datetime.now(UTC)
    technician = frozenset({Role.TECHNICIAN})
    _, token = parts.access.create_token(SYSTEM("bench"), name="bench", role=Role.TECHNICIAN, now=now)
    actor = Actor(new_id(now), "bench", technician, "", "")
    patient, _ = parts.patients.make(actor, mrn="1", name="Ada Example", birth_date=date(1957, 3, 21), now=now)
    parts.catalog.close()
    return token, patient.id


@contextmanager
def _server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "8", "--worker-class", "gthread"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--no-control-socket"]
    process = subprocess.Popen([*command, f"{__spec__.name}:application()"], env={**os.environ, _FOLDER: str(folder)})
    try:
        _wait(port, process)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/livez")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web process did not start")


class _Client:
    """Declares batches over one kept connection."""

    def __init__(self, port: int, token: str, patient: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._patient = patient
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": "localhost"}

    def declare(self, count: int) -> float:
        """Declare ``count`` files in one call; seconds from the first byte sent to the last one read."""
        files = [
            {"ref": str(place), "filename": f"IMG_{place:04}.JPG", "size": 4_194_304, "media_type": "image/jpeg"}
            | {"eye": "OD", "kind": "color_fundus", "digest": f"sha256:{os.urandom(32).hex()}"}
            for place in range(count)
        ]
        body = json.dumps({"batch": new_id(datetime.now(UTC)), "patient": self._patient, "files": files})
        began = time.perf_counter()
        self._connection.request("POST", "/api/v1/uploads", body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        elapsed = time.perf_counter() - began
        if answer.status != 201 or len(json.loads(content)["uploads"]) != count:
            raise SystemExit(f"declaring failed: {answer.status}")
        return elapsed


def _cpu_seconds(parent: int) -> float:
    """CPU time of gunicorn and its worker so far."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == parent or int(fields[1]) == parent:
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    sys.exit(main())
