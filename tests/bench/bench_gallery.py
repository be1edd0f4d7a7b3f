"""What a page costs the web process where physicians read: with ten thousand scans, and with a million.

Run: python -m tests.bench.bench_gallery, on SQLite and PostgreSQL; the filled catalogs are kept. Times are the
server's: request in, whole answer out, links signed, audit committed. ``ONLY``: one of the databases. Exits 1 if a
page takes longer than it may, or if many scans make it dearer than they may.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask.testing import FlaskClient

from broker import create_app
from broker.catalog import Catalog, tables
from broker.ops.serve import settle
from broker.parts import assemble
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.words import Role
from tests.bench import shelves
from tests.fakes import FakeStore
from tests.unit.conftest import make_config, signed_in

FEW, MANY = 10_000, 1_000_000
ROUNDS, WARM = 60, 10
#: Milliseconds, median; and how much dearer the many may be.
PAGE_MS, CHART_MS, LIST_MS, GROWTH = 15.0, 25.0, 25.0, 1.3
#: What a request must take longer than for a ratio to say something: else the machine's own ticks decide.
FLOOR_MS = 3.0

CHART, LIST = "patient page of 200", "worklist"
QUERIES = {
    "page of 60": "/api/v1/scans?limit=60",
    "eye and kind": "/api/v1/scans?limit=60&eye=OD&kind=oct",
    "device, not reviewed": "/api/v1/scans?limit=60&device=Device+3&review=unreviewed",
    "to be checked": "/api/v1/scans?limit=60&attention=true",
    "a year back": "/api/v1/scans?limit=60&to=2025-11-30&eye=OS",
    "gallery page": "/gallery?eye=OD&kind=oct",
    LIST: "/worklist",
    CHART: f"/patients/{shelves.person_id(0)}",
}


def main() -> int:
    """Measure on each database; 0 if everything holds."""
    good = True
    for name, few, many in _databases():
        with ExitStack() as stack:
            clients = [stack.enter_context(_client(url)) for url in (few, many)]
            print(f"{name:<12}{'':<22}{FEW:>10,}{MANY:>12,} scans   milliseconds, median of {ROUNDS}", flush=True)
            for what, path in QUERIES.items():
                small, large = _medians(clients, path)
                most = {CHART: CHART_MS, LIST: LIST_MS}.get(what, PAGE_MS)
                fits = large <= most and (large <= GROWTH * small or large <= FLOOR_MS)
                good &= fits
                print(f"{'':<12}{what:<22}{small:>10.1f}{large:>12.1f}   {'' if fits else 'too slow'}", flush=True)
    return 0 if good else 1


def _databases() -> Iterator[tuple[str, str, str]]:
    only = os.environ.get("ONLY", "").casefold()
    if only in ("", "sqlite"):
        few, many = (f"sqlite+pysqlite:///{shelves.sqlite(count)}" for count in (FEW, MANY))
        yield "SQLite", few, many
    if only in ("", "postgresql"):
        server = shelves.postgres()
        try:
            few, many = (shelves.database(server, count) for count in (FEW, MANY))
            yield "PostgreSQL", few, many
        finally:
            server.stop()


@contextmanager
def _client(url: str) -> Iterator[FlaskClient]:
    """A physician's browser over a kept catalog, which is left as it was found."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    config = replace(make_config(folder), database_url=url, time_zone=ZoneInfo("UTC"))
    key = FixedKey(AccountKey("clinic", b"k" * 64))
    parts = assemble(config, store=FakeStore(lambda: shelves.NOW), keys=key, clock=lambda: shelves.NOW)
    try:
        client = signed_in(create_app(config, parts), Role.PHYSICIAN)
        settle()  # as the server does
        yield client
    finally:
        _tidy(parts.catalog)
        parts.catalog.close()
        shutil.rmtree(folder)


def _tidy(catalog: Catalog) -> None:
    with catalog.write() as tx:
        for table in (tables.audit, tables.sessions, tables.accounts):
            tx.execute(sa.delete(table))


def _medians(clients: list[FlaskClient], path: str) -> list[float]:
    """Milliseconds with few and with many; in turns, so that a busy moment of the machine hits both."""
    times: list[list[float]] = [[] for _ in clients]
    for _ in range(ROUNDS + WARM):
        for client, taken in zip(clients, times, strict=True):
            began = time.perf_counter()
            answer = client.get(path)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (path, answer.status_code)
            assert not path.startswith("/api") or len(json.loads(answer.data)["scans"]) > 5, path
    return [statistics.median(taken[WARM:]) for taken in times]


if __name__ == "__main__":
    sys.exit(main())
