"""What a page of the gallery costs the web process, with few scans and with a hundred times as many.

Run: python -m tests.bench.bench_gallery. FULL=1 takes a million scans instead of 100,000, and PostgreSQL too. Filled
catalogs are kept in build/bench. Times are the server's: request in, whole answer out, links signed, audit committed.
Exits 1 if a page takes longer than it may, or if many scans make it dearer than they may.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask.testing import FlaskClient

from broker import create_app
from broker.catalog import Catalog, leases, migrate
from broker.catalog.tables import patients, scans
from broker.ids import scan_id
from broker.parts import assemble
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.words import Eye, Kind, Role
from tests.fakes import FakeStore
from tests.postgres import Postgres
from tests.unit.conftest import make_config, signed_in
from tests.unit.pages import shelf

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("FULL") == "1"
FEW, MANY = 10_000, 1_000_000 if FULL else 100_000
ROUNDS = 60
#: Milliseconds, median; and how much dearer the many may be.
PAGE_MS, CHART_MS, GROWTH = 15.0, 25.0, 1.3
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
#: The first patient has this many scans, the others share the rest.
CHART_SCANS = 200
KINDS = [Kind.COLOR_FUNDUS, Kind.OCT, Kind.AUTOFLUORESCENCE, Kind.INFRARED, Kind.VISUAL_FIELD]

QUERIES = {
    "page of 60": "/api/v1/scans?limit=60",
    "eye and kind": "/api/v1/scans?limit=60&eye=OD&kind=oct",
    "device, not reviewed": "/api/v1/scans?limit=60&device=Device+3&review=unreviewed",
    "to be checked": "/api/v1/scans?limit=60&attention=true",
    "a year back": "/api/v1/scans?limit=60&to=2025-11-30&eye=OS",
    "gallery page": "/gallery?eye=OD&kind=oct",
    "worklist": "/worklist",
}


def main() -> int:
    """Measure on each database; 0 if everything holds."""
    good = True
    for name, small, large in _databases():
        few, many = _measure(small, FEW), _measure(large, MANY)
        print(f"{name}: {'':<22} {FEW:>10,} {MANY:>12,} scans   milliseconds, median of {ROUNDS}")
        for what in few:
            most = CHART_MS if what == "patient page" else PAGE_MS
            # Below two milliseconds a ratio says more about the machine than about the catalog.
            fits = many[what] <= most and many[what] <= max(GROWTH * few[what], few[what] + 2)
            good &= fits or what == "worklist"
            print(f"{'':{len(name)}}  {what:<22} {few[what]:>10.1f} {many[what]:>12.1f}   {'' if fits else 'too slow'}")
    return 0 if good else 1


def _databases() -> Iterator[tuple[str, str, str]]:
    yield "SQLite", f"sqlite+pysqlite:///{_filled(FEW)}", f"sqlite+pysqlite:///{_filled(MANY)}"
    if FULL:
        with _postgres() as server:
            urls = [server.url(server.create()) for _ in range(2)]
            for url, count in zip(urls, (FEW, MANY), strict=True):
                catalog = Catalog(url)
                _fill(catalog, count)
                catalog.close()
            yield "PostgreSQL", urls[0], urls[1]


@contextmanager
def _postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _filled(count: int) -> Path:
    """A copy of a SQLite catalog with so many scans, which is made once for these tables and these rows."""
    tables = sorted((ROOT / "broker" / "catalog" / "migrations" / "versions").glob("v*.py"))
    source = b"".join(path.read_bytes() for path in [*tables, Path(__file__)])
    kept = ROOT / "build" / "bench" / f"catalog-{count}-{hashlib.sha256(source).hexdigest()[:12]}.sqlite"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"catalog-{count}-*"):
            old.unlink()
        making = kept.with_suffix(".part")
        catalog = Catalog(f"sqlite+pysqlite:///{making}")
        migrate.upgrade(catalog)
        _fill(catalog, count)
        with catalog.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        catalog.close()
        making.rename(kept)
    return kept


def _fill(catalog: Catalog, count: int) -> None:
    """Fill a catalog: four years of scans, one in a thousand to be checked, one in five hundred not reviewed."""
    print(f"filling a catalog with {count:,} scans", file=sys.stderr)
    facts = shelf.facts()
    for start in range(0, count, 20_000):
        rows = [_row(number, count, facts) for number in range(start, min(start + 20_000, count))]
        with catalog.write() as tx:
            if start == 0:
                people = [_person(number) for number in range(max(count // 40, 2))]
                tx.execute(patients.insert(), people)
                leases.mark(tx, "vault_indexed", NOW)
            tx.execute(scans.insert(), rows)
    with catalog.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))


def _person(number: int) -> dict[str, object]:
    name = f"Person, P {number:06}"
    return {
        "id": f"01900000-0000-7000-8000-{number:012x}", "issuer": "clinic", "mrn": f"{number:08}", "name": name,
        "name_key": name.casefold(), "birth_date": "1957-03-21", "sex": None, "version": 1, "changed_at": NOW,
    }  # fmt: skip


def _row(number: int, count: int, facts: object) -> dict[str, object]:
    captured = NOW - timedelta(days=4 * 365) * (number / count)
    upload = f"{int(captured.timestamp() * 1000):012x}"
    upload = f"{upload[:8]}-{upload[8:]}-7000-8000-{number:012x}"
    # Ten at a time, so that they make twenty visits.
    person = 0 if number % (10 * count // CHART_SCANS) < 10 else 1 + number * 7919 % (max(count // 40, 2) - 1)
    return {
        "id": scan_id(upload, 0), "upload_id": upload, "position": 0, "patient_id": _person(person)["id"],
        "eye": (Eye.OD, Eye.OS)[number % 2], "kind": KINDS[number // 2 % len(KINDS)], "captured_at": captured,
        "captured_source": "exif", "visit_day": captured.date().isoformat(), "device": f"Device {number % 8}",
        "facts": facts, "placeholder": "data:image/webp;base64," + "A" * 100,
        "attention": ["eye"] * (number % 1000 == 7),
        "flagged": number % 1000 == 7, "urgent": False, "withdrawn": False,
        "review": "unreviewed" if number < 200 or number % 500 == 3 else "reviewed", "records": 0,
    }  # fmt: skip


def _measure(url: str, count: int) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    if url.startswith("sqlite"):
        # A copy, because audit rows are written.
        shutil.copy(url.partition("///")[2], folder / "catalog.sqlite")
        url = f"sqlite+pysqlite:///{folder / 'catalog.sqlite'}"
    config = replace(make_config(folder), database_url=url, time_zone=ZoneInfo("UTC"))
    key = FixedKey(AccountKey("clinic", b"k" * 64))
    parts = assemble(config, store=FakeStore(lambda: NOW), keys=key, clock=lambda: NOW)
    client = signed_in(create_app(config, parts), Role.PHYSICIAN)
    found = {what: _median(client, path) for what, path in QUERIES.items()}
    found["patient page"] = _median(client, f"/patients/{_person(0)['id']}")
    parts.catalog.close()
    shutil.rmtree(folder)
    return found


def _median(client: FlaskClient, path: str) -> float:
    times = []
    for _ in range(ROUNDS + 5):
        began = time.perf_counter()
        answer = client.get(path)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, (path, answer.status_code)
    if path.startswith("/api"):
        assert len(json.loads(answer.data)["scans"]) > 5, path
    return statistics.median(times[5:]) * 1000


if __name__ == "__main__":
    sys.exit(main())
